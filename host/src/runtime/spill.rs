//! Pressure on the object store: cold objects go to disk, and come back when somebody wants them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tracing::Level;

use super::Runtime;
use crate::state::object::ObjectRef;
use crate::state::spill::SpillFolder;
use crate::state::store::{ObjectStore, Relief};
use crate::words::error::TaskError;
use crate::words::limits::SPILL_PATIENCE;
use crate::words::panics::Finally;
use crate::words::voice::Voice;

/// Moves cold objects to a folder, in the background before the store is full, and at once when it is.
pub(super) struct Spiller(Arc<Shared>);

struct Shared {
    folder: Arc<SpillFolder>,
    store: Weak<ObjectStore>,
    tokio: Handle,
    /// One writes at a time: two would choose the same objects.
    writing: Mutex<()>,
    /// Is somebody at it in the background?
    pressed: AtomicBool,
    voice: Voice,
}

impl Spiller {
    pub fn new(folder: Arc<SpillFolder>, store: &Arc<ObjectStore>, tokio: Handle, voice: Voice) -> Self {
        let (store, writing, pressed) = (Arc::downgrade(store), Mutex::new(()), AtomicBool::new(false));
        Spiller(Arc::new(Shared { folder, store, tokio, writing, pressed, voice }))
    }
}

impl Relief for Spiller {
    fn pressed(&self) {
        if self.0.pressed.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = self.0.clone();
        let over = Finally::new({
            let shared = shared.clone();
            move || shared.pressed.store(false, Ordering::Release)
        });
        self.0.tokio.spawn_blocking(move || {
            let _over = over;
            if let Err(error) = shared.free(0) {
                shared.voice.say(Level::WARN, || error.message);
            }
        });
    }

    fn make_room(&self, bytes: u64) -> Result<(), TaskError> {
        self.0.free(bytes)
    }
}

impl Shared {
    /// Spills until the store is as empty as it should be with `bytes` more in it, or nothing is left that can be spilled.
    fn free(&self, bytes: u64) -> Result<(), TaskError> {
        let Some(store) = self.store.upgrade() else {
            return Ok(());
        };
        let _one = self.writing.lock();
        let excess = store.excess(bytes);
        let mut freed = 0;
        for object in store.coldest() {
            if freed >= excess {
                break;
            }
            freed += object.put_away(&self.folder)?;
        }
        Ok(())
    }
}

impl Runtime {
    /// Reads spilled objects back, on a thread that may wait for the disk and for room: all of them, or none where there is no
    /// room for all.
    pub(super) fn read_back(&self, objects: Vec<ObjectRef>) {
        let (runtime, store) = (self.me.clone(), self.store.clone());
        self.tokio.spawn_blocking(move || {
            let files: Vec<_> =
                objects.into_iter().filter_map(|object| object.file().map(|file| (object, file))).collect();
            let bytes = files.iter().map(|(_, file)| file.len()).sum();
            let mut room = match store.reserve_within(bytes, SPILL_PATIENCE) {
                Ok(room) => room,
                Err(full) => return files.iter().for_each(|(object, _)| object.stay_away(full.clone())),
            };
            for (object, file) in files {
                let room = room.split(file.len());
                match (file.read(), runtime.upgrade()) {
                    (Ok(data), _) => object.come_back(data, room),
                    (Err(why), Some(runtime)) => {
                        drop(room);
                        runtime.make_again(&object, &why);
                    }
                    // Nobody is left who could want it.
                    (Err(_), None) => {}
                }
            }
        });
    }
}
