//! What the host keeps for one guest while it lives: the `T` of its wasmtime store.

use std::any::Any;
use std::sync::Arc;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::coming::Coming;
use super::handles::{Handle, HandleTable, Handles};
use super::limiter::GuestLimiter;
use super::output::Transcript;
use super::permits::Permit;
use super::places::{AllPlaces, Places};
use super::reach::Reach;
use super::serving::Serving;
use super::turn::{ResultRoom, Turn};
use super::wasi;
use crate::port::Port;
use crate::state::task::TaskRecord;
use crate::types::limits::{TaskLimits, WASI_HANDLES_MAX};

/// One guest's state in the host. Dropping it drops every handle that the guest held.
pub struct Guest {
    /// Objects and actors.
    pub(super) table: HandleTable,
    /// What WASI knows: files, sockets, streams, things to wait for.
    wasi_table: ResourceTable,
    /// One for each socket that it has.
    pub(super) sockets: Vec<Permit>,
    /// Sockets that it made without a network to use them on.
    pub(super) sockets_made: usize,
    pub(super) limiter: GuestLimiter,
    pub(super) port: Arc<dyn Port>,
    pub(super) transcript: Arc<Transcript>,
    pub(super) extensions: Vec<Box<dyn Any + Send>>,
    pub(super) turn: Turn,
    /// Fuel in its tank when somebody last looked: what is gone since is charged to nobody yet.
    pub(super) tank: u64,
    /// What is to be in its tank when it goes on, where a host call takes some out.
    pub(super) refill: Option<u64>,
    /// What each call of the host burns, where what the host does is to count.
    pub(super) call_fuel: Option<u64>,
    /// Of an actor that serves several calls at once, while it does.
    pub(super) serving: Option<Box<Serving>>,
    pub(super) coming: Coming,
    /// Of a component without an SDK, while it is called.
    pub(super) result_room: Option<ResultRoom>,
    task: Arc<TaskRecord>,
    wasi: Option<(WasiCtx, Arc<Reach>)>,
    /// For its files, from the first of them on.
    file_places: Option<Places>,
    /// Those of all guests of the host.
    pub(super) places: Arc<AllPlaces>,
}

impl Guest {
    pub(super) fn new(task: Arc<TaskRecord>, limits: &TaskLimits, port: Arc<dyn Port>, places: Arc<AllPlaces>) -> Self {
        let mut wasi_table = ResourceTable::new();
        wasi_table.set_max_capacity(WASI_HANDLES_MAX);
        Guest {
            table: HandleTable::new(),
            wasi_table,
            sockets: Vec::new(),
            sockets_made: 0,
            limiter: GuestLimiter::new(limits, task.clone()),
            transcript: Transcript::new(port.clone(), task.clone()),
            port,
            extensions: Vec::new(),
            turn: Turn::default(),
            tank: 0,
            refill: None,
            call_fuel: None,
            serving: None,
            coming: Coming::default(),
            result_room: None,
            task,
            wasi: None,
            file_places: None,
            places,
        }
    }

    /// The next call of the actor that this guest is.
    pub(super) fn serve(&mut self, task: Arc<TaskRecord>) {
        self.turn = Turn::default();
        self.charge(task);
    }

    /// What it uses counts for this call from here on. Its turn is no other for that.
    pub(super) fn charge(&mut self, task: Arc<TaskRecord>) {
        self.limiter.serve(task.clone());
        self.transcript.serve(task.clone());
        self.task = task;
    }

    pub(super) fn task(&self) -> &Arc<TaskRecord> {
        &self.task
    }

    /// Its handles, to give it more.
    pub(super) fn handles(&mut self) -> Handles<'_> {
        Handles { table: &mut self.table, limiter: &mut self.limiter }
    }

    /// Gives it a handle.
    ///
    /// # Errors
    /// It holds as many as it may.
    pub(super) fn push<T: Handle>(&mut self, handle: T) -> wasmtime::Result<Resource<T>> {
        self.handles().push(handle)
    }

    /// What it reaches of the network.
    pub(super) fn reach(&mut self) -> Arc<Reach> {
        wasi(&mut self.wasi, &self.task, &self.transcript, &self.places).1.clone()
    }

    /// Where it waits for its files.
    pub(super) fn file_places(&mut self) -> &Places {
        self.file_places.get_or_insert_with(|| self.places.for_files(self.task.spec.module.id))
    }

    /// The state of an embedder's own imports, as [`HostBuilder::imports_with`](crate::HostBuilder::imports_with)
    /// made it for this guest.
    ///
    /// # Panics
    /// If no import set of this host makes a `T`: a mistake in the embedding program, which shows at its first call.
    pub fn extension<T: 'static>(&mut self) -> &mut T {
        let found = self.extensions.iter_mut().find_map(|extension| extension.downcast_mut());
        found.expect("an import set that makes this type was given to the host's builder")
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (wasi, _) = wasi(&mut self.wasi, &self.task, &self.transcript, &self.places);
        WasiCtxView { ctx: wasi, table: &mut self.wasi_table }
    }
}

/// Made when it is first asked for: most tasks never do.
fn wasi<'a>(
    made: &'a mut Option<(WasiCtx, Arc<Reach>)>,
    task: &TaskRecord,
    transcript: &Arc<Transcript>,
    places: &AllPlaces,
) -> &'a mut (WasiCtx, Arc<Reach>) {
    made.get_or_insert_with(|| {
        let reach = Reach::new(task.spec.capabilities.clone(), places.for_look_ups(task.spec.module.id));
        (wasi::context(task, transcript, &reach), reach)
    })
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.transcript.finish();
        if !self.extensions.is_empty() {
            self.port.let_go(std::mem::take(&mut self.extensions));
        }
    }
}
