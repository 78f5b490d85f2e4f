//! Objects whose bytes are lost are made again, by the tasks that made them.

use std::sync::Arc;

use tracing::Level;

use super::Runtime;
use crate::state::object::ObjectRef;
use crate::state::object::lineage::Lineage;
use crate::state::object::payload::Argument;
use crate::state::task::{TaskSpec, Work};
use crate::types::error::{ErrorKind, TaskError};

impl Runtime {
    /// The bytes of a spilled object are lost: has it made again, or says why it cannot be.
    pub(super) fn make_again(&self, object: &ObjectRef, why: &str) {
        let Some(provenance) = object.unseal() else {
            return;
        };
        let lost: Arc<str> = format!("object {} is lost: {why}", object.id()).into();
        let submitted = provenance.map_err(str::to_owned).and_then(|lineage| self.run_again(&lineage, &lost, object));
        match submitted {
            Ok(()) => self.observers.say(Level::WARN, || format!("{lost}; its task runs again")),
            Err(reason) => {
                let error =
                    TaskError::new(ErrorKind::ObjectLost, format!("{lost}, and it cannot be made again: {reason}"));
                object.seal(Err(Arc::new(error)), None);
                self.dispatch();
            }
        }
    }

    fn run_again(&self, lineage: &Lineage, lost: &Arc<str>, object: &ObjectRef) -> Result<(), String> {
        let mut rerun = |ancestor: &Lineage, arguments: Vec<Argument>| {
            let output = self.store.promise();
            self.submit_again(ancestor, arguments, lost, output.clone()).map(|()| output)
        };
        let arguments = lineage.arguments(&mut rerun)?;
        self.submit_again(lineage, arguments, lost, object.clone())
    }

    fn submit_again(
        &self,
        lineage: &Lineage,
        arguments: Vec<Argument>,
        lost: &Arc<str>,
        output: ObjectRef,
    ) -> Result<(), String> {
        let spec = TaskSpec {
            id: self.task_ids.next(),
            module: lineage.module.clone(),
            work: Work::Task { reply: lineage.reply, lost: Some(lost.clone()), stream: None },
            plan: lineage.plan.clone(),
            capabilities: lineage.capabilities.clone(),
            inherited_deadline: None,
            within_grace: false,
            budget: lineage.budget.clone(),
            queued: self.clock.now(),
            own_bytes: lineage.own_bytes,
        };
        // On a thread that may write to disk what makes room for the arguments that were passed by value.
        let room = self.store.reserve_now(self.kept_bytes(&spec, &arguments)).map_err(|full| full.message.clone())?;
        self.let_in(&spec, None, &mut None).map_err(|error| error.message)?;
        self.begin(spec, arguments, None, output, room);
        Ok(())
    }
}

/// What a task that was to make a lost object again ends with, if it fails.
pub(super) fn still_lost(lost: &str, error: &TaskError) -> TaskError {
    let text = format!("{lost}, and to make it again failed: {}", error.message);
    TaskError::new(ErrorKind::ObjectLost, text).caused_by(error)
}
