//! What tasks hold while they run: CPU slots and custom resources, in thousandths, and memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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

    /// Is all of `needs` there?
    pub fn covers(&self, needs: &ResourceSet) -> bool {
        let of = |name: &str| self.custom.as_ref().and_then(|map| map.get(name)).copied().unwrap_or(0);
        (needs.cpu_milli == 0 || needs.cpu_milli <= self.cpu_milli)
            && needs.memory_bytes <= self.memory_bytes
            && needs.custom().all(|(name, amount)| amount <= of(name))
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

/// Thousandths, rounded; what is negative or not a number is zero.
fn milli(count: f64) -> Milli {
    (count.max(0.0) * CPU as f64).round().min(1e12) as Milli
}

impl fmt::Display for ResourceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cpu={}", self.cpu_milli as f64 / CPU as f64)?;
        self.custom().try_for_each(|(name, amount)| write!(f, " {name}={}", amount as f64 / CPU as f64))
    }
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
