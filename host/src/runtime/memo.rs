//! Pure tasks: one whose result is in the journal is not run again.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::Runtime;
use super::actors::yield_now;
use super::journal::JournalHandle;
use crate::port::waiting::Parked;
use crate::state::object::Outcome;
use crate::state::object::payload::{Encoding, Held, Payload, Value};
use crate::state::task::TaskRecord;
use crate::storage::journal::{Entry, Key, Kind, Owner};
use crate::types::error::TaskError;
use crate::types::limits::{MEMO_BYTES_MAX, OBJECT_OVERHEAD_BYTES};

/// Bytes that are hashed before others have their turn on the thread: about a millisecond.
const HASHED_AT_ONCE: usize = 1 << 20;

impl Runtime {
    /// Gives the result that is kept, or runs the task and keeps its result: nobody sees it before the journal has it.
    pub(super) async fn run_pure(
        self: Arc<Self>,
        task: Arc<TaskRecord>,
        arguments: Vec<Held>,
        reply: Encoding,
    ) -> Result<Outcome, TaskError> {
        let known = self.journal.as_ref().zip(memo_key(&task, &arguments, reply).await);
        if let Some((journal, key)) = known
            && let Some(kept) = self.find_result(&task, journal, key).await
        {
            return Ok(kept);
        }
        // The instance is gone before room, or the journal, is waited for.
        let payload = self.instance(&task).await?.run_task(arguments, reply).await?;
        let outcome = self.stored(&task, payload).await;
        if let (Some((journal, key)), Ok(value)) = (known, &outcome) {
            self.keep_result(&task, journal, key, value.payload()).await;
        }
        Ok(outcome)
    }

    async fn find_result(&self, task: &Arc<TaskRecord>, journal: &JournalHandle, key: Key) -> Option<Outcome> {
        let kept = self.find_in_journal(task, journal, key).await?;
        task.meter().found_in_journal();
        Some(kept)
    }

    /// What is kept under this key, or why the store has no room for it: it is not read before that is there.
    pub(super) async fn find_in_journal(
        &self,
        task: &Arc<TaskRecord>,
        journal: &JournalHandle,
        key: Key,
    ) -> Option<Outcome> {
        loop {
            let bytes = journal.payload_bytes(&key)? + OBJECT_OVERHEAD_BYTES;
            let room = match self.result_room(task, bytes).await {
                Ok(room) => room,
                Err(full) => return Some(Err(full)),
            };
            let parked = Parked::new(self, task, None);
            let kept = journal.find(task.owner(), key).await;
            drop(parked);
            let kept = kept?;
            if kept.stored_bytes() + OBJECT_OVERHEAD_BYTES == bytes {
                return Some(Ok(Value::new(kept, room.on(&task.spec.module.account))));
            }
            // Another one has taken its place meanwhile.
        }
    }

    async fn keep_result(&self, task: &Arc<TaskRecord>, journal: &JournalHandle, key: Key, payload: &Payload) {
        if !payload.references.is_empty() || payload.data.len() as u64 > MEMO_BYTES_MAX {
            return;
        }
        let owner = Owner::named(&task.spec.module.name);
        let entry = Entry { kind: Kind::Memo, key, owner, payload: payload.clone() };
        let _parked = Parked::new(self, task, None);
        journal.keep(task.owner(), entry).await;
    }
}

/// What a result is found by: the code, the function, its arguments, and how the result is to be encoded. None where
/// the arguments hold references, which are of this process, or are very large.
async fn memo_key(task: &Arc<TaskRecord>, arguments: &[Held], reply: Encoding) -> Option<Key> {
    let code = task.spec.module.code_hash?;
    let bytes: usize = arguments.iter().map(|argument| argument.payload().data.len()).sum();
    if bytes as u64 > MEMO_BYTES_MAX || arguments.iter().any(|argument| !argument.payload().references.is_empty()) {
        return None;
    }
    let entry = task.spec.plan.entry.as_bytes();
    let mut hasher = Sha256::new_with_prefix(code);
    // Each part says how long it is, so that no two lists of parts are the same bytes.
    hasher.update((entry.len() as u64).to_le_bytes());
    hasher.update(entry);
    hasher.update([reply.tag(), arguments.len() as u8]);
    for argument in arguments.iter().map(Held::payload) {
        hasher.update([argument.encoding.tag()]);
        hasher.update((argument.data.len() as u64).to_le_bytes());
        for (index, part) in argument.data.chunks(HASHED_AT_ONCE).enumerate() {
            if index > 0 {
                yield_now().await;
            }
            hasher.update(part);
        }
    }
    Some(Key(hasher.finalize().into()))
}
