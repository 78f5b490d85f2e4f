//! What is kept for a task that others have overtaken too often: only what it lacks, and of other owners' only its own owner's share.

use crate::types::resources::ResourceSet;

/// What is kept for one task.
pub struct Reservation {
    owner: u64,
    /// The kinds of which it has not enough.
    lacks: ResourceSet,
    /// How much of them others leave to it.
    share: ResourceSet,
}

impl Reservation {
    /// That of a task of this owner, which `lacks` these.
    pub fn new(owner: u64, lacks: ResourceSet, share: impl FnOnce(&ResourceSet) -> ResourceSet) -> Self {
        Reservation { share: share(&lacks), owner, lacks }
    }
}

/// May one of this owner start that needs so much? Those of the same owner leave alone what is lacking; others leave its share.
pub fn lets_pass(kept: &[Reservation], owner: u64, needs: &ResourceSet, free: &ResourceSet) -> bool {
    kept.iter().all(|kept| match kept.owner == owner {
        true => !needs.overlaps(&kept.lacks),
        false => free.leaves(needs, &kept.share),
    })
}
