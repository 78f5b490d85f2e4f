//! Modules and their versions: what a handle or a name means now, and the names that guests know.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};

use crate::types::account::Account;
use crate::types::ids::ModuleId;
use crate::types::limits::MODULES_MAX;
use crate::types::module_info::ModuleInfo;
use crate::types::module_name::{ModuleNameError, check_module_name};
use crate::types::sync;

/// Told when nobody holds a module any more.
pub trait Registrar: Send + Sync {
    /// There is one less, whose account this was.
    fn module_gone(&self, account: &Arc<Account>);
}

/// A module whatever its version: what is submitted takes the one that is there, and keeps it.
pub struct ModuleSlot {
    /// The same for all versions.
    pub id: ModuleId,
    /// The same for all versions.
    pub name: Arc<str>,
    /// How much it gets of what modules share, against others.
    weight: Arc<AtomicU32>,
    current: RwLock<(Ticket, Arc<ModuleInfo>)>,
    tickets: AtomicU64,
    registrar: Weak<dyn Registrar>,
}

/// The place of a replacement among all of a module, in the order in which they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl ModuleSlot {
    /// A module of one version.
    pub fn new(info: Arc<ModuleInfo>, registrar: Weak<dyn Registrar>) -> Arc<Self> {
        let (id, name) = (info.id, info.name.clone());
        let current = RwLock::new((Ticket(0), info));
        Arc::new(ModuleSlot {
            id,
            name,
            weight: Arc::new(AtomicU32::new(1)),
            current,
            tickets: AtomicU64::new(1),
            registrar,
        })
    }

    /// The version that is there.
    pub fn current(&self) -> Arc<ModuleInfo> {
        self.current.read().1.clone()
    }

    /// Its weight among the modules of its host.
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Gives it another weight, for whoever divides the shares next.
    pub fn set_weight(&self, weight: u32) {
        self.weight.store(weight, Ordering::Relaxed);
    }

    /// A place for a replacement that is about to be compiled, which may take longer than the next one.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.tickets.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts this version in place of the one that is there, unless that was asked for later.
    pub fn replace(&self, ticket: Ticket, info: Arc<ModuleInfo>) {
        let mut current = self.current.write();
        let newer = ticket > current.0;
        let before = newer.then(|| std::mem::replace(&mut *current, (ticket, info)));
        drop(current);
        // Outside the lock: it may be the last that holds the code.
        drop(before);
    }
}

impl Drop for ModuleSlot {
    fn drop(&mut self) {
        // What is kept for it is others' now, and they want a thread.
        sync::assert_unlocked("a module");
        if let Some(registrar) = self.registrar.upgrade() {
            registrar.module_gone(&self.current.get_mut().1.account);
        }
    }
}

/// What is known of a module without holding it.
struct Known {
    id: ModuleId,
    weight: Arc<AtomicU32>,
    slot: Weak<ModuleSlot>,
}

/// The modules of a host: those that anybody holds, and those that guests know by name, which stay until they are removed.
#[derive(Default)]
pub struct Modules {
    names: RwLock<BTreeMap<Arc<str>, Arc<ModuleSlot>>>,
    /// Some may be gone.
    slots: Mutex<Vec<Known>>,
    /// Some may be gone.
    versions: Mutex<Vec<Weak<ModuleInfo>>>,
    /// The names under which a module has the right to keep checkpoints in the journal. Some may be gone.
    lasting: Mutex<HashMap<Arc<str>, Weak<()>>>,
}

impl Modules {
    /// A module whose first version this is.
    pub fn begin(&self, info: Arc<ModuleInfo>, registrar: Weak<dyn Registrar>) -> Arc<ModuleSlot> {
        self.note(&info);
        let slot = ModuleSlot::new(info, registrar);
        let mut slots = self.slots.lock();
        slots.retain(|other| other.slot.strong_count() > 0);
        slots.push(Known { id: slot.id, weight: slot.weight.clone(), slot: Arc::downgrade(&slot) });
        drop(slots);
        slot
    }

    /// The right to keep checkpoints in the journal under this name, unless another module has it that something still needs.
    pub fn claim(&self, name: &Arc<str>) -> Option<Arc<()>> {
        let mut lasting = self.lasting.lock();
        lasting.retain(|_, claim| claim.strong_count() > 0);
        if lasting.contains_key(name) {
            return None;
        }
        let claim = Arc::new(());
        lasting.insert(name.clone(), Arc::downgrade(&claim));
        Some(claim)
    }

    /// Those that anybody holds, and their weights.
    pub fn weights(&self) -> BTreeMap<u64, u32> {
        let slots = self.slots.lock();
        let held = slots.iter().filter(|known| known.slot.strong_count() > 0);
        held.map(|known| (known.id.0, known.weight.load(Ordering::Relaxed))).collect()
    }

    /// A version of a module, which counts as long as anybody holds it.
    pub fn note(&self, info: &Arc<ModuleInfo>) {
        keep(&self.versions, info);
    }

    /// How many versions somebody holds, and the bytes that are kept of their manifests.
    pub fn versions(&self) -> (usize, u64) {
        // Outside the lock: it may be the last handle to the code.
        let held: Vec<Arc<ModuleInfo>> = self.versions.lock().iter().filter_map(Weak::upgrade).collect();
        (held.len(), held.iter().map(|version| version.manifest_bytes).sum())
    }

    /// The version of a module that is there; `None` where nobody can replace it any more.
    pub fn current(&self, id: ModuleId) -> Option<Arc<ModuleInfo>> {
        let slots = self.slots.lock();
        let slot = slots.iter().find(|other| other.id == id).map(|known| known.slot.clone());
        drop(slots);
        // Outside the lock: it may be the last handle to the code.
        Some(slot?.upgrade()?.current())
    }

    /// Has guests find the module by its name.
    ///
    /// # Errors
    /// The name is none or taken, or there are too many.
    pub fn add(&self, module: &Arc<ModuleSlot>) -> Result<(), ModuleNameError> {
        check_module_name(&module.name)?;
        let mut names = self.names.write();
        match names.get(&module.name) {
            Some(same) if Arc::ptr_eq(same, module) => Ok(()),
            Some(_) => Err(ModuleNameError::Taken(module.name.to_string())),
            None if names.len() >= MODULES_MAX => Err(ModuleNameError::TooMany),
            None => {
                names.insert(module.name.clone(), module.clone());
                Ok(())
            }
        }
    }

    /// Forgets the module's name; false if it had none.
    pub fn remove(&self, module: &Arc<ModuleSlot>) -> bool {
        let mut names = self.names.write();
        let is_it = names.get(&module.name).is_some_and(|named| Arc::ptr_eq(named, module));
        let removed = if is_it { names.remove(&module.name) } else { None };
        drop(names);
        removed.is_some()
    }

    /// The number of the module of this name.
    pub fn id_of(&self, name: &str) -> Option<ModuleId> {
        Some(self.names.read().get(name)?.id)
    }

    /// The module of this name, as it is now.
    pub fn find(&self, name: &str) -> Option<Arc<ModuleInfo>> {
        Some(self.names.read().get(name)?.current())
    }
}

/// Keeps one more, and forgets those that are gone.
fn keep<T>(list: &Mutex<Vec<Weak<T>>>, one: &Arc<T>) {
    let mut list = list.lock();
    list.retain(|other| other.strong_count() > 0);
    list.push(Arc::downgrade(one));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str) -> Arc<ModuleInfo> {
        ModuleInfo::empty(ModuleId(1), name)
    }

    struct Nobody;

    impl Registrar for Nobody {
        fn module_gone(&self, _: &Arc<Account>) {}
    }

    fn slot(info: Arc<ModuleInfo>) -> Arc<ModuleSlot> {
        ModuleSlot::new(info, Weak::<Nobody>::new())
    }

    #[test]
    fn the_last_replacement_that_was_asked_for_stays() {
        let slot = slot(info("m"));
        let (slow, quick) = (slot.ticket(), slot.ticket());
        let (first, second) = (info("m"), info("m"));
        slot.replace(quick, second.clone());
        slot.replace(slow, first);
        assert!(Arc::ptr_eq(&slot.current(), &second));
    }

    #[test]
    fn one_module_of_a_name_at_a_time_keeps_checkpoints() {
        let modules = Modules::default();
        let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
        let claim = modules.claim(&one);
        assert!(claim.is_some() && modules.claim(&one).is_none() && modules.claim(&other).is_some());
        drop(claim);
        assert!(modules.claim(&one).is_some());
    }

    #[test]
    fn a_name_belongs_to_one_module_and_there_are_so_many() {
        let names = Modules::default();
        let (one, other) = (slot(info("m")), slot(info("m")));
        assert_eq!((names.add(&one), names.add(&one)), (Ok(()), Ok(())));
        assert_eq!(names.add(&other), Err(ModuleNameError::Taken("m".to_owned())));
        assert!(!names.remove(&other) && names.remove(&one) && !names.remove(&one));
        assert!(names.find("m").is_none());
        assert_eq!(names.add(&other), Ok(()));
        assert!(names.add(&slot(info("a:b"))).is_err());
        let more = (1..=MODULES_MAX).map(|n| names.add(&slot(info(&format!("m{n}")))));
        assert_eq!(more.last(), Some(Err(ModuleNameError::TooMany)));
    }
}
