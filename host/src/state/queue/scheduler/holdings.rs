//! What each owner's tasks and actors hold, and the instances that are kept for those that hold few.

use std::collections::BTreeMap;

use crate::types::limits::INSTANCES_KEPT_OF;
use crate::types::resources::{Milli, ResourceSet};
use crate::types::weight::part;

/// By owner.
pub struct Holdings {
    held: BTreeMap<u64, Held>,
    /// Those that may want instances at any time, and how many are kept for each.
    owners: BTreeMap<u64, u32>,
    /// Of owners that have another weight than 1.
    weights: BTreeMap<u64, u32>,
    instances_max: u32,
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
        let (held, owners, weights) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Holdings { held, owners, weights, instances_max, kept: 0 }
    }

    /// Keeps instances for these owners from now on: a part of all, divided by their weights, one each at least; where there are so
    /// many owners that those were more than half of all, none.
    pub fn keep_for(&mut self, weights: BTreeMap<u64, u32>) {
        let count = u32::try_from(weights.len()).unwrap_or(u32::MAX);
        let (all, part_of_all) = (weights.values().sum(), u64::from(self.instances_max / INSTANCES_KEPT_OF));
        let each = |weight: u32| match count > 1 && count <= self.instances_max / 2 {
            // No more than there are.
            true => (part(part_of_all, weight, all) as u32).max(1),
            false => 0,
        };
        self.owners = weights.iter().map(|(owner, weight)| (*owner, each(*weight))).collect();
        self.weights = weights.into_iter().filter(|(_, weight)| *weight != 1).collect();
        self.kept = self.owners.keys().map(|owner| self.kept_for(*owner)).sum();
    }

    /// The weight of an owner.
    pub fn weight_of(&self, owner: u64) -> u32 {
        self.weights.get(&owner).copied().unwrap_or(1)
    }

    /// How many that are kept for this owner it does not hold.
    fn kept_for(&self, owner: u64) -> u32 {
        let of_it = self.owners.get(&owner).copied().unwrap_or(0);
        of_it.saturating_sub(self.held.get(&owner).map_or(0, |held| held.instances))
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
