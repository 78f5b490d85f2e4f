//! Checkpoints: an actor's state, kept while it lives and, of a named actor of a host with a journal, beyond the process.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures::future::{Either, select};
use sha2::{Digest, Sha256};
use tracing::Level;

use super::Runtime;
use crate::port::Begun;
use crate::port::waiting::value_of;
use crate::sandbox::Instance;
use crate::state::actor::ActorRecord;
use crate::state::actor::checkpoint::Saved;
use crate::state::object::gathering::is_want_of_room;
use crate::state::object::payload::{Payload, Value};
use crate::state::task::cancellation::{Cancellation, Stop, StopReason};
use crate::state::task::{TaskRecord, Work};
use crate::storage::journal::{Entry, Key, Kind, Owner};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{CHECKPOINT_GRACE, CHECKPOINT_TIME, OBJECT_OVERHEAD_BYTES};

impl Runtime {
    /// A fresh instance with the state that was saved last; `None` if there is none, or if it does not fit any more.
    pub(super) async fn restored(
        self: &Arc<Self>,
        actor: &ActorRecord,
        construct: &Arc<TaskRecord>,
    ) -> Result<Option<Instance>, TaskError> {
        let Some(saved) = &actor.saved else { return Ok(None) };
        saved.settled();
        // Held until the guest has it: what is in memory is on the store's account.
        let Some(state) = self.newest_state(actor, saved, construct).await? else { return Ok(None) };
        let mut instance = self.instance(construct).await?;
        match instance.restore(&actor.spec.type_name, state.payload()).await {
            Ok(()) => Ok(Some(instance)),
            Err(error) => {
                self.report(actor, "cannot be restored, and is constructed anew", &error);
                saved.forget();
                Ok(None)
            }
        }
    }

    /// What was saved last. One that has no room in memory is waited for, as long as the start may take: the actor's state must not be
    /// less for that.
    async fn newest_state(
        &self,
        actor: &ActorRecord,
        saved: &Saved,
        construct: &Arc<TaskRecord>,
    ) -> Result<Option<Arc<Value>>, TaskError> {
        while let Some(newest) = saved.newest() {
            match value_of(self, Some(construct), &newest, None).await {
                Ok(Ok(value)) => return Ok(Some(value)),
                Ok(Err(full)) if is_want_of_room(&full) => self.report(actor, "waits to be restored", &full),
                Ok(Err(lost)) if lost.kind == ErrorKind::ObjectLost => {
                    self.report(actor, "has lost its last checkpoint", &lost);
                    break;
                }
                Ok(Err(error)) => return Err(TaskError::clone(&error)),
                Err(_) => {
                    return Err(TaskError::new(ErrorKind::ActorDied, "it was asked to stop while it was restored"));
                }
            }
        }
        self.lasting_state(actor, construct).await
    }

    /// What an actor of this name saved last, maybe in an earlier process. Where the store has no room for it, that is waited for.
    async fn lasting_state(
        &self,
        actor: &ActorRecord,
        construct: &Arc<TaskRecord>,
    ) -> Result<Option<Arc<Value>>, TaskError> {
        let Some((journal, key)) = self.journal.as_ref().zip(lasting_key(actor)) else { return Ok(None) };
        while let Some(state) = self.find_in_journal(construct, journal, key).await {
            match state {
                Ok(value) => return Ok(Some(value)),
                Err(full) if is_want_of_room(&full) => self.report(actor, "waits to be restored", &full),
                Err(error) => return Err(TaskError::clone(&error)),
            }
        }
        Ok(None)
    }

    /// Saves the state, where a call has made that due. What waits for the call's result waits for this too.
    ///
    /// # Errors
    /// What ended the guest.
    pub(super) async fn save_now(&self, actor: &ActorRecord, instance: &mut Instance) -> Result<(), TaskError> {
        match &actor.saved {
            Some(saved) => self.save(actor, saved, instance).await,
            None => Ok(()),
        }
    }

    async fn save(&self, actor: &ActorRecord, saved: &Saved, instance: &mut Instance) -> Result<(), TaskError> {
        let state = instance.save().await;
        match &state {
            Ok(Ok(state)) => self.keep_state(actor, saved, state.clone()).await,
            Ok(Err(refused)) => self.report(actor, "cannot be saved, and its last checkpoint stays", refused),
            Err(error) => self.report(actor, "crashed while it was saved", error),
        }
        // Also when it failed: it is tried again after as many calls. Last, as whoever ends the host waits for it.
        saved.settled();
        state.map(drop)
    }

    pub(super) async fn keep_state(&self, actor: &ActorRecord, saved: &Saved, state: Payload) {
        let (account, value) = (actor.spec.module.account.clone(), state.clone());
        let bytes = value.stored_bytes() + OBJECT_OVERHEAD_BYTES;
        let stored = Begun::with(&self.store, bytes, move |room| room.map(|room| Value::new(value, room.on(&account))));
        match stored.with_room(self, None).await {
            Ok(value) => saved.keep(self.store.sealed(Ok(value))),
            Err(full) => return self.report(actor, "cannot be saved, and its last checkpoint stays", &full),
        }
        if let Some((journal, key)) = self.journal.as_ref().zip(lasting_key(actor)) {
            let module = &actor.spec.module;
            let entry = Entry { kind: Kind::Checkpoint, key, owner: Owner::named(&module.name), payload: state };
            journal.keep(module.id.0, entry).await;
        }
    }

    /// Saves what outlives the actor, when it ends in order or with its host: on the account of who made the actor, whoever called it last.
    ///
    /// # Errors
    /// What ended the guest.
    pub(super) async fn save_at_end(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        construct: &Arc<TaskRecord>,
        mut instance: Instance,
    ) -> Result<Instance, TaskError> {
        if !self.wants_saving(actor) {
            return Ok(instance);
        }
        instance.serve(construct.clone());
        let (runtime, record) = (self.clone(), actor.clone());
        let saving = async move {
            if let Some(saved) = &record.saved {
                runtime.save(&record, saved, &mut instance).await?;
            }
            Ok(instance)
        };
        let saved = self.saved_in_time(actor, construct, saving).await;
        self.progressed();
        saved
    }

    /// Has a guest that serves no call save its state, in [`CHECKPOINT_TIME`], and as long as the budget of who made the actor lasts: no
    /// call's limits hold for it.
    ///
    /// # Errors
    /// What ended the guest.
    pub(super) async fn saved_in_time<T: Send + 'static>(
        self: &Arc<Self>,
        actor: &ActorRecord,
        construct: &TaskRecord,
        saving: impl Future<Output = Result<T, TaskError>> + Send + 'static,
    ) -> Result<T, TaskError> {
        let slot = Cancellation::new();
        actor.set_saving(Some(slot.clone()));
        let saving = self.sheltered(saving, Err);
        let saving = pin!(slot.clone().run(saving, || construct.meter().preempted()));
        let now = self.clock.now();
        let time = self.clock.sleep_until(now.checked_add(CHECKPOINT_TIME).unwrap_or(now));
        let saved = match select(saving, time).await {
            Either::Left((saved, _)) => saved,
            Either::Right(((), saving)) => {
                slot.stop(StopReason::Deadline);
                saving.await
            }
        };
        actor.set_saving(None);
        saved.unwrap_or_else(|reason| Err(unsaved(reason)))
    }

    /// Would something be lost with it that the journal can keep?
    fn wants_saving(&self, actor: &ActorRecord) -> bool {
        let changed = actor.saved.as_ref().is_some_and(|saved| saved.is_changed());
        changed && self.journal.is_some() && lasting_key(actor).is_some()
    }

    /// The host ends, and its work is done: the actors save what they have. One that serves a call all the same is about
    /// to be ended in the middle of it, and has its last checkpoint.
    pub(super) async fn save_actors(&self) {
        if self.journal.is_none() {
            return;
        }
        let actors = || self.actors.living();
        for actor in actors().iter().filter(|actor| self.wants_saving(actor)) {
            actor.saved.iter().for_each(|saved| saved.await_one());
            actor.mailbox.save();
        }
        self.dispatch();
        let awaited = |actor: &ActorRecord| actor.saved.as_ref().is_some_and(|saved| saved.is_awaited());
        let waits = |actor: &Arc<ActorRecord>| awaited(actor) && !self.serves(actor);
        self.within(CHECKPOINT_GRACE, |_| !actors().iter().any(waits)).await;
    }

    fn report(&self, actor: &ActorRecord, what: &str, error: &TaskError) {
        let name = actor.spec.options.name.as_deref().unwrap_or("without a name");
        let message = error.message.escape_debug();
        self.observers.say(Level::WARN, || format!("the actor {} ({name}) {what}: {message}", actor.spec.type_name));
    }

    /// Is it in the middle of a call? One whose result is there already leaves the list a moment later.
    fn serves(&self, actor: &Arc<ActorRecord>) -> bool {
        let is_its =
            |task: &TaskRecord| matches!(&task.spec.work, Work::Call { actor: of, .. } if Arc::ptr_eq(of, actor));
        self.running.lock().iter().any(|task| is_its(task) && !task.is_done())
    }
}

/// The end of a guest that was ended while it saved its state.
fn unsaved(reason: StopReason) -> TaskError {
    let text = match reason {
        StopReason::Deadline => {
            format!("it took longer than {} s to save its state, and was ended", CHECKPOINT_TIME.as_secs())
        }
        StopReason::BudgetBurned => "its budget had no fuel left while its state was saved".to_owned(),
        _ => "it was ended while its state was saved".to_owned(),
    };
    TaskError::new(ErrorKind::ActorDied, text)
}

/// What the state of a named actor is found by in later processes. Not by its code: the state outlives a new build. `None` for an
/// actor without a name, and where another loaded module has the name of its module: neither is to read the other's state.
fn lasting_key(actor: &ActorRecord) -> Option<Key> {
    actor.spec.module.lasting.as_ref()?;
    let options = &actor.spec.options;
    let (name, namespace) = (options.name.as_deref()?, options.namespace.as_deref());
    let mut hasher = Sha256::new_with_prefix("checkpoint");
    for part in [&*actor.spec.module.name, &*actor.spec.type_name, name].into_iter().chain(namespace) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Some(Key(hasher.finalize().into()))
}
