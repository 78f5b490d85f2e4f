//! Which task is the next to start.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Scheduler;
use super::reservation::{Reservation, lets_pass};
use crate::state::queue::ready_queue::{Head, Verdict};
use crate::state::task::TaskRecord;
use crate::types::limits::{LOOKAHEAD, OVERTAKEN_MAX, SEARCH_STEP};
use crate::types::resources::{Milli, ResourceSet, milli_part, whole_cpus};

impl<J> Scheduler<J> {
    /// The first task that fits, and takes nothing that is kept for another. Where nothing moves by itself all are looked at, and
    /// nothing is kept: what it is kept for may never come. `None` is the last word only if it does not [search](Self::searches) on.
    pub(super) fn startable(&mut self) -> Option<Arc<TaskRecord>> {
        if !self.may_find_one() {
            return None;
        }
        let (mut kept, all_weights) = (Vec::new(), OnceCell::new());
        let mut found = self.ready.find(LOOKAHEAD, |head| self.judge(head, &mut kept, &all_weights));
        self.search.something_kept = !kept.is_empty();
        if found.is_none() && self.active == 0 {
            found = self.search_on();
        }
        let is_over = self.active > 0 || self.search.left.is_none_or(|left| left == 0);
        (self.search.nothing_fits, self.search.has_found) = (found.is_none() && is_over, found.is_some());
        found
    }

    /// The first that fits of owners that may start one now.
    pub(super) fn startable_of(&self, may: impl Fn(u64) -> bool) -> Option<Arc<TaskRecord>> {
        let (mut kept, all_weights) = (Vec::new(), OnceCell::new());
        self.ready.find(LOOKAHEAD, |head| match may(head.owner) {
            true => self.judge(head, &mut kept, &all_weights),
            false => Verdict::Pass,
        })
    }

    /// Is something left to be looked at, for which there may be room? Tells of the search that was asked last.
    pub(super) fn searches(&self) -> bool {
        self.active == 0 && self.may_find_one() && !self.search.has_found
    }

    fn may_find_one(&self) -> bool {
        !self.search.nothing_fits && self.instances_free > 0 && !self.ready.is_empty()
    }

    /// The next step over all that is ready: the first that fits, whatever is kept.
    fn search_on(&mut self) -> Option<Arc<TaskRecord>> {
        let left = self.search.left.unwrap_or_else(|| self.ready.heads());
        let step = left.min(SEARCH_STEP);
        let (mut cursor, all_weights) = (self.search.cursor, OnceCell::new());
        let found = self.ready.find_after(&mut cursor, step, |head| {
            let fits = self.held.leaves_one(self.instances_free, head.owner) && self.has_room_for(head, &all_weights);
            if fits { Verdict::Take } else { Verdict::Pass }
        });
        self.search.left = Some(left);
        if found.is_none() {
            // Whoever asks need not take what is found: then it is found again.
            (self.search.cursor, self.search.left) = (cursor, Some(left - step));
        }
        found
    }

    fn judge(&self, head: &Head<'_>, kept: &mut Vec<Reservation>, all_weights: &OnceCell<u32>) -> Verdict {
        let needs = &head.task.spec.plan.needs;
        if !self.held.leaves_one(self.instances_free, head.owner) {
            return Verdict::Pass;
        }
        let passes = |needs: &ResourceSet| match lets_pass(kept, head.owner, needs, &self.free) {
            true => Verdict::Take,
            false => Verdict::Pass,
        };
        if self.free.covers(needs) {
            return passes(needs);
        }
        if self.has_room_for(head, all_weights) {
            return passes(&needs.without_cpu());
        }
        // What waits for others is not to be waited for.
        let may_come = || self.total.less(&self.stalled).covers(needs);
        // As many as are looked at on a busy host: each that comes after is compared with all of them.
        if head.task.overtaken() >= OVERTAKEN_MAX && kept.len() < LOOKAHEAD && may_come() {
            let held = self.held.of(head.owner);
            let all = self.weights_of(self.ready.owners().collect());
            let weight = self.held.weight_of(head.owner);
            let share = |lacks: &ResourceSet| lacks.within_share(&self.total, weight, all).less(&held);
            kept.push(Reservation::new(head.owner, needs.beyond(&self.free), share));
        }
        Verdict::Pass
    }

    /// Is there as much as it needs, at least for who has its share of the CPUs whatever others hold?
    fn has_room_for(&self, head: &Head<'_>, all_weights: &OnceCell<u32>) -> bool {
        let needs = &head.task.spec.plan.needs;
        self.free.covers(needs)
            || (self.free.covers(&needs.without_cpu())
                && self.has_its_share_of_cpus(head.owner, needs.cpu_milli, all_weights))
    }

    /// May an owner have so many CPUs though others hold them all? It has its share whatever those do, and one task at least: CPUs are
    /// not taken from who has them, but threads take turns by owner. Of a CPU that it shares with others it has all that it can use: by
    /// turns it gets the part that is its own, and else it would have none of it. So CPUs are overbooked, by less than one for each owner
    /// that has tasks, or by its first task.
    fn has_its_share_of_cpus(&self, owner: u64, needs: Milli, all_weights: &OnceCell<u32>) -> bool {
        let held = self.held.cpus_of(owner);
        let share = || {
            let all = *all_weights.get_or_init(|| self.weights_in_use());
            milli_part(self.total.cpu_milli, self.held.weight_of(owner), all)
        };
        held <= 0 || held + needs <= whole_cpus(share())
    }

    /// Of all that hold CPUs, or have tasks that are ready: these share the CPUs by their weights.
    pub(super) fn weights_in_use(&self) -> u32 {
        self.weights_of(self.held.holders_of_cpus().chain(self.ready.owners()).collect())
    }

    /// What these owners weigh together.
    fn weights_of(&self, owners: BTreeSet<u64>) -> u32 {
        owners.into_iter().map(|owner| self.held.weight_of(owner)).sum()
    }
}

// The models' tasks are not there where threads are shuttled.
#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::state::model::{plan, task};
    use crate::state::object::store::ObjectStore;
    use crate::state::queue::room::Room;
    use crate::state::queue::scheduler::Next;
    use crate::types::plan::TaskPlan;

    const KINDS: usize = 20 * SEARCH_STEP;

    fn ready(owner: u64, priority: i32, needs: ResourceSet) -> Arc<TaskRecord> {
        task(0, owner, TaskPlan { priority, needs, ..plan() }, false, &ObjectStore::new(1 << 20)).0
    }

    fn gpu(milli: usize) -> ResourceSet {
        ResourceSet::default().with_milli("gpu", milli as Milli)
    }

    /// An idle actor holds a resource, which tasks of one owner lack, each another amount.
    fn with_many_that_lack_a_resource() -> (Scheduler<()>, Arc<TaskRecord>) {
        let mut scheduler = Scheduler::new(gpu(KINDS), 4, Room::new(4));
        scheduler.enlist();
        let actor = ready(1, 0, gpu(KINDS));
        assert!(scheduler.push(actor.clone()).is_none() && matches!(scheduler.next(), Next::Start(_)));
        scheduler.idle(&actor.spec.plan.needs);
        (1..=KINDS).for_each(|milli| assert!(scheduler.push(ready(1, 1, gpu(milli))).is_none()));
        (scheduler, actor)
    }

    fn expect_start(next: Next<()>, task: &Arc<TaskRecord>) {
        assert!(matches!(next, Next::Start(started) if Arc::ptr_eq(&started, task)));
    }

    #[test]
    fn a_search_over_all_goes_in_steps_and_ends() {
        let (mut scheduler, actor) = with_many_that_lack_a_resource();
        (0..KINDS / SEARCH_STEP - 1).for_each(|step| assert!(matches!(scheduler.next(), Next::Again), "{step}"));
        assert!(matches!(scheduler.next(), Next::Nobody), "an idle actor may end");
        assert!(matches!(scheduler.next(), Next::Nobody), "nothing has changed");
        assert!(!scheduler.has_work());
        scheduler.busy(&actor.spec.plan.needs);
        scheduler.release(&actor);
        assert!(matches!(scheduler.next(), Next::Start(_)));
    }

    #[test]
    fn others_start_at_any_step_of_a_search() {
        let (mut scheduler, _) = with_many_that_lack_a_resource();
        for _ in 0..KINDS {
            assert!(matches!(scheduler.next(), Next::Again));
            let others = ready(2, 0, ResourceSet::default());
            assert!(scheduler.push(others.clone()).is_none());
            expect_start(scheduler.next(), &others);
            assert!(matches!(scheduler.next(), Next::Nobody), "something moves");
            scheduler.release(&others);
        }
    }

    #[test]
    fn what_stands_behind_many_that_lack_something_starts_though_the_search_begins_anew() {
        let (mut scheduler, _) = with_many_that_lack_a_resource();
        let last = ready(1, 0, ResourceSet::default());
        assert!(scheduler.push(last.clone()).is_none());
        for _ in 0..KINDS / SEARCH_STEP / 4 {
            assert!(matches!(scheduler.next(), Next::Again));
            // Somebody asks whether there is something to do, and takes nothing.
            assert!(scheduler.has_work());
            // Something has changed.
            scheduler.keep_for(std::collections::BTreeMap::new());
        }
        while scheduler.startable().is_none() {
            assert!(scheduler.searches());
        }
        assert!(scheduler.has_work() && scheduler.has_work(), "it is found again, however often somebody asks");
        expect_start(scheduler.next(), &last);
    }
}
