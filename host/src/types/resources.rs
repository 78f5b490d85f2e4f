//! What tasks hold while they run: CPU slots and custom resources, in thousandths, and memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::TEXT_BYTES;
use super::weight::part;

/// An amount of a resource in thousandths. Signed: a pool may owe CPU to tasks that came back from waiting.
pub type Milli = i64;

/// One CPU slot.
pub const CPU: Milli = 1000;

/// An amount of CPU slots, memory and custom resources: what a task asks for, or what a host has.
///
/// ```
/// use rustyray_host::ResourceSet;
/// let needs = ResourceSet::cpus(2.0).with("gpu", 0.5);
/// assert_eq!(needs.to_string(), "cpu=2 gpu=0.5");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ResourceSet {
    /// CPU slots in thousandths.
    pub cpu_milli: Milli,
    /// Memory that guests may have, in bytes: for a task its limit, for a host what it grants at once. Default: none.
    pub memory_bytes: u64,
    /// Custom resources in thousandths, by name. `None` is the empty set, which nearly every task has.
    custom: Option<Arc<BTreeMap<String, Milli>>>,
}

impl ResourceSet {
    /// This many CPU slots and nothing else.
    pub fn cpus(count: f64) -> Self {
        ResourceSet { cpu_milli: milli(count), ..ResourceSet::default() }
    }

    /// The same with an amount of a custom resource.
    pub fn with(self, name: impl Into<String>, amount: f64) -> Self {
        self.with_milli(name, milli(amount))
    }

    /// The same with an amount of a custom resource in thousandths.
    pub fn with_milli(mut self, name: impl Into<String>, amount: Milli) -> Self {
        Arc::make_mut(self.custom.get_or_insert_with(Default::default)).insert(name.into(), amount);
        self
    }

    /// The custom resources.
    pub fn custom(&self) -> impl Iterator<Item = (&str, Milli)> {
        self.custom.iter().flat_map(|map| map.iter().map(|(name, amount)| (name.as_str(), *amount)))
    }

    /// Bytes that the host keeps of the names.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.custom().map(|(name, _)| name.len() as u64 + TEXT_BYTES).sum()
    }

    /// Is all of `needs` there?
    pub fn covers(&self, needs: &ResourceSet) -> bool {
        (needs.cpu_milli == 0 || needs.cpu_milli <= self.cpu_milli)
            && needs.memory_bytes <= self.memory_bytes
            && needs.custom().all(|(name, amount)| amount <= self.amount(name))
    }

    /// Of what this asks for, the kinds of which `free` has not enough.
    pub fn beyond(&self, free: &ResourceSet) -> ResourceSet {
        let mut lacks = ResourceSet::default();
        if self.cpu_milli > 0 && self.cpu_milli > free.cpu_milli {
            lacks.cpu_milli = self.cpu_milli;
        }
        if self.memory_bytes > free.memory_bytes {
            lacks.memory_bytes = self.memory_bytes;
        }
        let custom = self.custom().filter(|(name, amount)| *amount > free.amount(name));
        custom.fold(lacks, |lacks, (name, amount)| lacks.with_milli(name, amount))
    }

    /// Do both ask for something of the same kind?
    pub fn overlaps(&self, other: &ResourceSet) -> bool {
        (self.cpu_milli > 0 && other.cpu_milli > 0)
            || (self.memory_bytes > 0 && other.memory_bytes > 0)
            || self.custom().any(|(name, amount)| amount > 0 && other.amount(name) > 0)
    }

    /// Of each kind no more than the part of `total` that is due to an owner of this `weight`, where all owners together weigh `all`.
    pub fn within_share(&self, total: &ResourceSet, weight: u32, all: u32) -> ResourceSet {
        let mut share = ResourceSet {
            cpu_milli: self.cpu_milli.min(milli_part(total.cpu_milli, weight, all)),
            memory_bytes: self.memory_bytes.min(part(total.memory_bytes, weight, all)),
            custom: None,
        };
        for (name, amount) in self.custom() {
            share = share.with_milli(name, amount.min(milli_part(total.amount(name), weight, all)));
        }
        share
    }

    /// Is as much of each kind that `kept` names still there when `needs` are taken as well?
    pub fn leaves(&self, needs: &ResourceSet, kept: &ResourceSet) -> bool {
        let untouched = |needs: Milli, kept: Milli, free: Milli| needs == 0 || kept == 0 || free - needs >= kept;
        let memory = needs.memory_bytes == 0
            || kept.memory_bytes == 0
            || self.memory_bytes >= needs.memory_bytes.saturating_add(kept.memory_bytes);
        memory
            && untouched(needs.cpu_milli, kept.cpu_milli, self.cpu_milli)
            && kept.custom().all(|(name, kept)| untouched(needs.amount(name), kept, self.amount(name)))
    }

    /// Is there nothing of anything?
    pub fn is_nothing(&self) -> bool {
        self.cpu_milli == 0 && self.memory_bytes == 0 && self.custom().all(|(_, amount)| amount == 0)
    }

    /// The same without CPU slots.
    pub fn without_cpu(&self) -> ResourceSet {
        ResourceSet { cpu_milli: 0, ..self.clone() }
    }

    /// What is left of this when `held` is taken out; CPU may go below zero.
    pub fn less(&self, held: &ResourceSet) -> ResourceSet {
        let mut left = self.clone();
        left.memory_bytes = left.memory_bytes.saturating_sub(held.memory_bytes);
        left.add(held, -1);
        left
    }

    /// Is this custom resource named in it?
    pub fn has(&self, name: &str) -> bool {
        self.custom().any(|(other, _)| other == name)
    }

    /// How much there is of this custom resource, in thousandths.
    pub fn amount(&self, name: &str) -> Milli {
        self.custom.as_ref().and_then(|map| map.get(name)).copied().unwrap_or(0)
    }

    /// Takes `needs` out, of which the memory is there; CPU may go below zero.
    pub fn take(&mut self, needs: &ResourceSet) {
        self.memory_bytes -= needs.memory_bytes;
        self.add(needs, -1);
    }

    /// Puts `needs` back.
    pub fn give(&mut self, needs: &ResourceSet) {
        self.memory_bytes += needs.memory_bytes;
        self.add(needs, 1);
    }

    fn add(&mut self, needs: &ResourceSet, sign: Milli) {
        self.cpu_milli += sign * needs.cpu_milli;
        if needs.custom.is_some() {
            let map = Arc::make_mut(self.custom.get_or_insert_with(Default::default));
            for (name, amount) in needs.custom() {
                *map.entry(name.to_owned()).or_insert(0) += sign * amount;
            }
        }
    }
}

/// Of anything: beyond it there is nothing to add up.
const MOST: f64 = 1e9;

/// Thousandths, rounded; what is negative or not a number is zero.
fn milli(count: f64) -> Milli {
    (count.clamp(0.0, MOST) * CPU as f64).round() as Milli
}

/// An amount in thousandths.
///
/// # Errors
/// Why it is none.
pub fn checked_milli(amount: f64) -> Result<Milli, &'static str> {
    match () {
        () if amount.is_nan() || amount < 0.0 => Err("an amount is 0 or more"),
        () if amount > 0.0 && milli(amount) == 0 => Err("an amount has three decimals, and this one would be nothing"),
        () if amount > MOST => Err("an amount is at most 1,000,000,000"),
        () => Ok(milli(amount)),
    }
}

impl fmt::Display for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu={}", self.cpu_milli as f64 / CPU as f64)?;
        self.custom().try_for_each(|(name, amount)| write!(f, " {name}={}", amount as f64 / CPU as f64))
    }
}

/// The part of an amount that is due to one of this weight.
pub fn milli_part(whole: Milli, weight: u32, all: u32) -> Milli {
    part(whole.max(0) as u64, weight, all) as Milli
}

/// So many CPUs, rounded up to whole ones.
pub fn whole_cpus(cpu_milli: Milli) -> Milli {
    cpu_milli.max(0).cast_unsigned().next_multiple_of(CPU.cast_unsigned()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_can_be_given_back() {
        let mut free = ResourceSet::cpus(2.0).with("gpu", 1.0);
        let whole = free.clone();
        let needs = ResourceSet::cpus(0.5).with("gpu", 1.0);
        assert!(free.covers(&needs));
        free.take(&needs);
        assert!(!free.covers(&needs), "the gpu is gone");
        assert!(free.covers(&ResourceSet::cpus(1.5)));
        free.give(&needs);
        assert_eq!(free, whole);
    }

    #[test]
    fn what_is_lacking_is_told_by_kind_and_kept_within_a_share() {
        let total = ResourceSet::cpus(4.0).with("gpu", 2.0);
        let needs = ResourceSet::cpus(4.0).with("gpu", 1.0);
        let free = ResourceSet::cpus(3.0).with("gpu", 1.0);
        let lacks = needs.beyond(&free);
        assert_eq!(lacks, ResourceSet::cpus(4.0), "the gpu is there");
        assert!(lacks.overlaps(&ResourceSet::cpus(0.5)) && !lacks.overlaps(&ResourceSet::default().with("gpu", 1.0)));
        let share = lacks.within_share(&total, 1, 2);
        assert_eq!(share, ResourceSet::cpus(2.0));
        assert!(free.leaves(&ResourceSet::cpus(1.0), &share) && !free.leaves(&ResourceSet::cpus(1.5), &share));
        assert!(free.leaves(&ResourceSet::default().with("gpu", 1.0), &share), "nobody keeps that");
        assert_eq!(total.less(&needs), ResourceSet::default().with("gpu", 1.0));
    }

    #[test]
    fn a_task_without_cpu_fits_even_when_cpu_is_owed() {
        let mut free = ResourceSet::cpus(1.0);
        free.take(&ResourceSet::cpus(3.0));
        assert!(free.covers(&ResourceSet::default()));
        assert!(!free.covers(&ResourceSet::cpus(0.001)));
    }

    #[test]
    fn odd_amounts_are_zero() {
        assert_eq!(ResourceSet::cpus(-1.0), ResourceSet::cpus(f64::NAN));
    }
}
