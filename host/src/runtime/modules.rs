//! Loading modules: compiled beside the workers, then asked what they offer in an instance that may do nothing else. The code
//! belongs to what is known of the module, and goes with it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tracing::Level;

use super::Runtime;
use super::describing::NobodyHome;
use super::floating_point::use_default_modes;
use super::loading::{CompilingTurn, on_blocking_threads_of};
use super::patience::{running_at_most, waiting_at_most};
use crate::port::begun::Begun;
use crate::sandbox::{CheckedModule, Instance, LoadedModule, ModuleError, NativeCode, Sandbox, compile};
use crate::state::modules::{ModuleSlot, Registrar};
use crate::state::object::payload::Arguments;
use crate::state::object::store::Reservation;
use crate::state::task::cancellation::{Cancellation, Stop, StopReason};
use crate::state::task::{TaskRecord, TaskSpec, Work};
use crate::types::account::Account;
use crate::types::capabilities::Capabilities;
use crate::types::encoding::Encoding;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::ModuleId;
use crate::types::limits::{
    AWAIT_GRACE, COLLECT_AFTER_MODULE, COLLECT_AFTER_MODULE_MAX, MANIFEST_FUEL, MANIFEST_MEMORY_BYTES, MANIFEST_RUN,
    MANIFEST_WAIT, TaskLimits,
};
use crate::types::manifest::{Manifest, kept_of_imports};
use crate::types::module_info::ModuleInfo;
use crate::types::module_name::ModuleNameError;
use crate::types::plan::{ModulePlans, TaskPlan};
use crate::types::weight::{WeightError, check_weight};

/// Wall-clock time for a module to tell its manifest, those that run beside it included. It comes to this only in a call that does not
/// return.
const MANIFEST_TIME: Duration = Duration::from_secs(10);

/// A module with its code, in a turn that is not over.
struct Compiled {
    turn: CompilingTurn,
    module: CheckedModule,
    code: NativeCode,
}

impl Registrar for Runtime {
    fn module_gone(&self, account: &Arc<Account>) {
        self.keep_for_modules();
        self.collect_after(Arc::downgrade(account));
    }
}

impl Runtime {
    /// Frees the cycles of objects that a module has left behind.
    fn collect_after(&self, account: Weak<Account>) {
        let (store, mut pause) = (Arc::downgrade(&self.store), COLLECT_AFTER_MODULE);
        self.tokio.spawn(async move {
            for _ in 0..COLLECT_AFTER_MODULE_MAX {
                let Some((store, account)) = store.upgrade().zip(account.upgrade()) else { return };
                if account.kept_bytes() == 0 {
                    return;
                }
                store.collect_cycles();
                drop((store, account));
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        });
    }

    /// Compiles a module and learns what it offers. On a thread of the host's.
    pub(crate) async fn load(self: &Arc<Self>, name: Arc<str>, bytes: Vec<u8>) -> Result<Arc<ModuleSlot>, ModuleError> {
        let lasting = self.journal.as_ref().and_then(|_| self.modules.claim(&name));
        let claimed = lasting.is_some() || self.journal.is_none();
        let version = self.version(self.module_ids.next(), name, Arc::default(), lasting, bytes).await?;
        if !claimed {
            let name = version.name.clone();
            self.observers.say(Level::WARN, || {
                format!(
                    "another loaded module is named '{name}': the checkpoints of this one's actors end with the process; load it \
                     under a name of its own to keep them in the journal"
                )
            });
        }
        let module = self.modules.begin(version, self.me.clone());
        self.keep_for_modules();
        Ok(module)
    }

    /// Has the module's part of what modules share follow this weight, from now on.
    pub(crate) fn set_weight(&self, module: &ModuleSlot, weight: u32) -> Result<(), WeightError> {
        module.set_weight(check_weight(weight)?);
        self.keep_for_modules();
        Ok(())
    }

    /// Keeps instances for the modules that there are, and divides all shares by their weights.
    fn keep_for_modules(&self) {
        self.scheduler.lock().keep_for(self.modules.weights());
        // There may be fewer kept than before.
        self.dispatch();
    }

    /// Compiles another version of a module, and has what is submitted from then on take it. Nothing changes if that fails.
    pub(crate) async fn replace(self: &Arc<Self>, module: Arc<ModuleSlot>, bytes: Vec<u8>) -> Result<(), ModuleError> {
        let ticket = module.ticket();
        let here = module.current();
        let (account, lasting) = (here.account.clone(), here.lasting.clone());
        // Its code may be replaced by others meanwhile.
        drop(here);
        let info = self.version(module.id, module.name.clone(), account, lasting, bytes).await?;
        self.modules.note(&info);
        module.replace(ticket, info);
        Ok(())
    }

    /// Has guests call the module by its name.
    pub(crate) fn register(&self, module: &Arc<ModuleSlot>) -> Result<(), ModuleNameError> {
        self.modules.add(module)
    }

    /// Forgets its name; false if it had none.
    pub(crate) fn unregister(&self, module: &Arc<ModuleSlot>) -> bool {
        self.modules.remove(module)
    }

    async fn version(
        self: &Arc<Self>,
        id: ModuleId,
        name: Arc<str>,
        account: Arc<Account>,
        lasting: Option<Arc<()>>,
        bytes: Vec<u8>,
    ) -> Result<Arc<ModuleInfo>, ModuleError> {
        let (code, code_hash) = self.compile(name.clone(), bytes).await?;
        if let Some(Err(why)) = code.kept() {
            self.observers.say(Level::WARN, || format!("module '{name}' is compiled again the next time: {why}"));
        }
        let code = Arc::new(code);
        let info = |manifest: Option<Manifest>, room: Reservation| ModuleInfo {
            id,
            name: name.clone(),
            has_main: code.has_main(),
            plans: manifest.as_ref().map(|manifest| ModulePlans::new(manifest, &self.limits)).unwrap_or_default(),
            manifest: manifest.map(Arc::new),
            imports: code.imports().clone(),
            code_hash,
            account: account.clone(),
            lasting: lasting.clone(),
            code: code.clone(),
            manifest_bytes: room.bytes(),
            _charge: Box::new(room.on(&account)),
        };
        let manifest = match code.has_manifest() {
            true => {
                let mut manifest = self.describe(&code, Arc::new(info(None, self.store.nothing()))).await?;
                manifest.cap_priorities(self.limits.guest_priority);
                Some(manifest)
            }
            false => code.plain_manifest()?,
        };
        let room = self.room_for(manifest.as_ref(), code.imports()).await?;
        Ok(Arc::new(info(manifest, room)))
    }

    /// Compiles it in its turn, and gives the hash of its bytes where that is needed.
    async fn compile(&self, name: Arc<str>, bytes: Vec<u8>) -> Result<(LoadedModule, Option<[u8; 32]>), ModuleError> {
        let (sandbox, hashed) = (self.sandbox.clone(), self.journal.is_some());
        let (sandbox, module, code_hash, before) = on_blocking_threads_of(&self.tokio, move || {
            let module = CheckedModule::check(bytes)?;
            let code_hash = hashed.then(|| Sha256::digest(module.bytes()).into());
            let before = LoadedModule::compiled_before(&sandbox, &module).transpose()?;
            Ok((sandbox, module, code_hash, before))
        })
        .await?;
        if let Some(code) = before {
            return Ok((code, code_hash));
        }
        let turn = self.compiling.turn(module.is_large()).await;
        let compiled = self.compile_in(turn, &sandbox, module).await?;
        let code = on_blocking_threads_of(&self.tokio, move || {
            let Compiled { turn, module, code } = compiled;
            let loaded = LoadedModule::of_code(&sandbox, &name, &module, &code);
            drop(turn);
            loaded
        });
        Ok((code.await?, code_hash))
    }

    /// Compiles it in a process of its own, which ends with the future, or on threads of this one, which keep the turn until they are done.
    async fn compile_in(
        &self,
        turn: CompilingTurn,
        sandbox: &Sandbox,
        module: CheckedModule,
    ) -> Result<Compiled, ModuleError> {
        match sandbox.compiler() {
            // The load is on threads that live as long as the host: the process ends with the thread that started it.
            Some(compiler) => {
                let code = compiler.compile(module.bytes(), module.is_large(), sandbox.code().left()).await?;
                Ok(Compiled { turn, module, code })
            }
            None => {
                let compile = move || {
                    let code = compile(module.bytes(), None)?;
                    Ok(Compiled { turn, module, code })
                };
                on_blocking_threads_of(&self.tokio, compile).await
            }
        }
    }

    /// What the host keeps of a manifest, and of the names of imports, is a part of what the store holds.
    async fn room_for(&self, manifest: Option<&Manifest>, imports: &[String]) -> Result<Reservation, ModuleError> {
        let bytes = manifest.map_or(0, Manifest::kept_bytes) + kept_of_imports(imports);
        let room = Begun::with(&self.store, bytes, |room| room).with_room(self, None).await;
        room.map_err(|full| ModuleError::NoRoom { bytes, full })
    }

    /// Asks the module, some at a time: the pool has slots for this beside those of the scheduler.
    async fn describe(
        self: &Arc<Self>,
        code: &Arc<LoadedModule>,
        info: Arc<ModuleInfo>,
    ) -> Result<Manifest, ModuleError> {
        // Whatever is asked comes to its end in its time, unless it is in an import of the embedder's.
        let patience = async || tokio::time::sleep(2 * MANIFEST_TIME).await;
        let turn = self.describing.turn(patience).await.ok_or_else(|| {
            late("those that are asked before it wait in imports of the embedding program that do not return")
        })?;
        let ceiling = &self.limits.ceiling;
        let limits = TaskLimits {
            fuel: Some(MANIFEST_FUEL),
            memory_bytes: MANIFEST_MEMORY_BYTES.min(ceiling.memory_bytes),
            ..TaskLimits::default().lower_of(ceiling)
        };
        let spec = TaskSpec {
            id: self.task_ids.next(),
            module: info,
            work: Work::Task { reply: Encoding::Json, lost: None, stream: None },
            plan: Arc::new(TaskPlan::of_host("describe", limits)),
            capabilities: Arc::new(Capabilities::none()),
            inherited_deadline: None,
            within_grace: false,
            budget: None,
            queued: self.clock.now(),
            own_bytes: 0,
        };
        let task = TaskRecord::new(spec, false, Arguments::default(), self.store.promise(), self.sink());
        let slot = Cancellation::new();
        let (runtime, code, asked) = (self.clone(), code.clone(), task.clone());
        let answer = async move {
            let port = NobodyHome::new(runtime.clone());
            let started = Instance::start_to_describe(&runtime.sandbox, &code, asked, port).await;
            started.map_err(ModuleError::NoManifest)?.manifest().await
        };
        let answer = self.sheltered(answer, |error| Err(ModuleError::NoManifest(error)));
        let (answer, tokio) = (slot.clone().run(answer, || None), self.tokio.clone());
        // On a thread that may wait: what it calls may be an import of the embedder's. The next module is asked when it has returned.
        let (begin, begun) = oneshot::channel();
        let asked = self.tokio.spawn_blocking(move || {
            let _ = begin.send(());
            use_default_modes();
            let answer = running_at_most(MANIFEST_RUN, waiting_at_most(MANIFEST_WAIT, answer));
            let answer = tokio.block_on(answer);
            drop(turn);
            answer
        });
        // Until it has a thread no time of its own passes.
        if tokio::time::timeout(2 * MANIFEST_TIME, begun).await.is_err() {
            slot.stop(StopReason::Deadline);
            return Err(late(
                "no thread was free to ask it on: all wait in imports of the embedding program, or for files",
            ));
        }
        let mut asked = std::pin::pin!(asked);
        let answered = match tokio::time::timeout(MANIFEST_TIME, &mut asked).await {
            Ok(answered) => answered,
            Err(_) => {
                slot.stop(StopReason::Deadline);
                let returned = tokio::time::timeout(AWAIT_GRACE, asked).await;
                returned.map_err(|_| late(self.stuck_in()))?
            }
        };
        match answered.map_err(|_| ModuleError::HostShutDown)? {
            Some(Some(answer)) => answer.unwrap_or_else(|_| Err(late("it was asked what it offers, and went on"))),
            Some(None) => Err(late(&format!("it slept, or waited, for more than {MANIFEST_WAIT:?} of it"))),
            None => Err(late(&format!("it ran, or had the host work for it, for more than {MANIFEST_RUN:?} of it"))),
        }
    }

    /// What it does that does not return although it was to end.
    fn stuck_in(&self) -> &'static str {
        match self.sandbox.has_imports() {
            true => "it waits in an import of the embedding program that does not return",
            false => "it waits in a call of the host that does not return",
        }
    }
}

fn late(why: &str) -> ModuleError {
    let text = format!("a module has {MANIFEST_TIME:?} to tell what it offers: {why}");
    ModuleError::NoManifest(TaskError::new(ErrorKind::TaskTimedOut, text))
}
