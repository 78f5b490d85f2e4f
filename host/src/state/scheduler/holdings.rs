//! What each owner's tasks and actors hold, and the instances that are kept for those that hold few.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::limits::INSTANCES_KEPT_OF;
use crate::words::resources::{Milli, ResourceSet};

/// By owner.
pub struct Holdings {
    held: BTreeMap<u64, Held>,
    /// Those that may want instances at any time.
    owners: BTreeSet<u64>,
    instances_max: u32,
    /// Instances that are kept for each of them.
    each: u32,
    /// How many of those that are kept nobody holds.
    kept: u32,
}

#[derive(Default)]
struct Held {
    permits: ResourceSet,
    instances: u32,
}

impl Holdings {
    /// Of a host with so many instances, which all are free.
    pub fn new(instances_max: u32) -> Self {
        Holdings { held: BTreeMap::new(), owners: BTreeSet::new(), instances_max, each: 0, kept: 0 }
    }

    /// Keeps instances for these owners from now on: a part of all, one each at least; where there are so many owners that those were
    /// more than half of all, none.
    pub fn keep_for(&mut self, owners: BTreeSet<u64>) {
        let count = u32::try_from(owners.len()).unwrap_or(u32::MAX).max(1);
        let each = (self.instances_max / INSTANCES_KEPT_OF / count).max(1);
        self.each = if count > 1 && count <= self.instances_max / 2 { each } else { 0 };
        self.owners = owners;
        self.kept = self.owners.iter().map(|owner| self.kept_for(*owner)).sum();
    }

    /// How many that are kept for this owner it does not hold.
    fn kept_for(&self, owner: u64) -> u32 {
        match self.owners.contains(&owner) {
            true => self.each.saturating_sub(self.held.get(&owner).map_or(0, |held| held.instances)),
            false => 0,
        }
    }

    /// May an owner have one of so many free ones? One that is kept for it always: others may hold more than is left for all.
    pub fn leaves_one(&self, free: u32, owner: u64) -> bool {
        free > self.kept || (free > 0 && self.kept_for(owner) > 0)
    }

    /// An owner has one more instance, and with it this.
    pub fn take(&mut self, owner: u64, needs: &ResourceSet) {
        self.change(owner, |held| {
            held.permits.give(needs);
            held.instances += 1;
        });
    }

    /// And has it no more.
    pub fn give_back(&mut self, owner: u64, needs: &ResourceSet) {
        self.change(owner, |held| {
            held.permits.take(needs);
            held.instances -= 1;
        });
        if self.held.get(&owner).is_some_and(|held| held.instances == 0) {
            self.held.remove(&owner);
        }
    }

    fn change(&mut self, owner: u64, change: impl FnOnce(&mut Held)) {
        self.kept -= self.kept_for(owner);
        change(self.held.entry(owner).or_default());
        self.kept += self.kept_for(owner);
    }

    /// An owner has so many CPUs more, for what holds an instance; or less.
    pub fn add_cpus(&mut self, owner: u64, cpu_milli: Milli) {
        if let Some(held) = self.held.get_mut(&owner) {
            held.permits.cpu_milli += cpu_milli;
        }
    }

    /// What an owner holds.
    pub fn of(&self, owner: u64) -> ResourceSet {
        self.held.get(&owner).map(|held| held.permits.clone()).unwrap_or_default()
    }

    /// The CPUs that an owner holds.
    pub fn cpus_of(&self, owner: u64) -> Milli {
        self.held.get(&owner).map_or(0, |held| held.permits.cpu_milli)
    }

    /// Who holds any.
    pub fn holders_of_cpus(&self) -> impl Iterator<Item = u64> {
        self.held.iter().filter(|(_, held)| held.permits.cpu_milli > 0).map(|(owner, _)| *owner)
    }
}
