//! Which object a reference is to: so that references can be members of sets and keys of maps.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::ObjectRef;
use super::raw::RawRef;
use crate::host::objects;

/// Two references are equal if they are to the same object, whatever its value. Each comparison asks the host.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn answer() -> u32 { 42 }
/// # fn example() {
/// let first = answer.remote();
/// assert_eq!(first, first.clone());
/// assert_ne!(first, answer.remote());
/// # }
/// ```
impl<T> PartialEq for ObjectRef<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.raw, &other.raw) {
            (RawRef::Object(one), RawRef::Object(other)) => {
                Arc::ptr_eq(one, other) || objects::object_id(one) == objects::object_id(other)
            }
            (RawRef::Failed(one), RawRef::Failed(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl<T> Eq for ObjectRef<T> {}

impl<T> Hash for ObjectRef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.raw {
            RawRef::Object(object) => objects::object_id(object).hash(state),
            RawRef::Failed(error) => Arc::as_ptr(error).hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::mock;

    #[test]
    #[expect(clippy::mutable_key_type, reason = "what a reference is to never changes")]
    fn a_reference_is_the_object() {
        let (one, other) = (mock::sealed(&1u8), mock::sealed(&1u8));
        assert!(one == one.clone() && one != other);
        let set: HashSet<_> = [one.clone(), other.clone(), one.clone()].into();
        assert!(set.len() == 2 && set.contains(&other));
    }
}
