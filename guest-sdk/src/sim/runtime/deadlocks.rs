//! Who waits for whom, when nothing moves any more.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::TaskError;
use crate::sim::error::in_vain;
use crate::sim::runtime::Runtime;
use crate::sim::state::arguments::Held;
use crate::sim::state::instance::Instance;
use crate::sim::state::object::Object;
use crate::sim::state::task::{TaskRecord, Work};
use crate::sim::sync::lock;

/// The way from a task that waits to what it waits for, and so on.
type Path = Vec<Arc<TaskRecord>>;

impl Runtime {
    /// An instance that waits in vain, and what it is to be told: of a circle, the one whose wait closed it.
    pub(crate) fn find_circle(&self) -> (Arc<Instance>, TaskError) {
        let mut waiting = self.waiting();
        waiting.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        for (_, instance) in &waiting {
            if let Some(circle) = self.circle_from(&instance.task()) {
                return closer(&circle, &waiting);
            }
        }
        let (_, latest) = waiting.into_iter().next().expect("the test waits, or it would have its turn");
        let text = format!("{} waits for what nothing will ever make", latest.task().name());
        (latest, in_vain(text))
    }

    /// The instances that wait, with the numbers of their waits.
    fn waiting(&self) -> Vec<(u64, Arc<Instance>)> {
        let instances = lock(&self.instances);
        instances.values().filter_map(|instance| Some((instance.waits_for()?.0, instance.clone()))).collect()
    }

    /// A circle that can be reached from a task. Depth first, with the branches that are still to be looked at on a list: a
    /// chain of tasks may be long.
    fn circle_from(&self, start: &Arc<TaskRecord>) -> Option<Path> {
        let mut seen = std::collections::BTreeSet::new();
        let mut path: Path = Vec::new();
        let mut branches = vec![(0, start.clone())];
        while let Some((depth, task)) = branches.pop() {
            path.truncate(depth);
            if let Some(place) = path.iter().position(|other| Arc::ptr_eq(other, &task)) {
                return Some(path.split_off(place));
            }
            if seen.insert(task.id) {
                branches.extend(self.blockers(&task).into_iter().map(|blocker| (depth + 1, blocker)));
                path.push(task);
            }
        }
        None
    }

    /// What has to move before a task can.
    fn blockers(&self, task: &Arc<TaskRecord>) -> Vec<Arc<TaskRecord>> {
        let makers = |objects: Vec<Arc<Object>>| objects.iter().filter_map(|object| self.producer(object)).collect();
        if let Some(instance) = self.instance_of(task) {
            // A construction goes on while its actor serves calls. What is suspended beside a call that blocks waits with it.
            return instance.waits_for().map_or_else(Vec::new, |(_, objects)| makers(objects));
        }
        let mut blockers: Vec<Arc<TaskRecord>> =
            makers(task.arguments().into_iter().filter_map(Held::object).collect());
        if task.is_call()
            && let Some(actor) = self.actor_of(task)
        {
            let ahead = actor.running().filter(|ahead| !Arc::ptr_eq(ahead, task));
            blockers.extend(actor.held_up_by(task));
            blockers.extend(ahead.or_else(|| self.producer(&actor.ready)));
        }
        blockers
    }
}

/// The one of a circle that began to wait last, and its error.
fn closer(circle: &[Arc<TaskRecord>], waiting: &[(u64, Arc<Instance>)]) -> (Arc<Instance>, TaskError) {
    let place_of = |instance: &Arc<Instance>| circle.iter().position(|task| task.instance() == Some(instance.id));
    let found = waiting.iter().find_map(|(_, instance)| Some((place_of(instance)?, instance)));
    let (place, instance) = found.expect("each circle has an instance that waits");
    // A call that waits for its turn is the reason why another waits, and does nothing itself.
    let names = circle[place + 1..].iter().chain(&circle[..=place]).filter(|task| task.instance().is_some());
    let mut names: Vec<String> = names.map(|task| shown(task)).collect();
    names.push(names[0].clone());
    let names = names.join(" -> ");
    let text = format!("{names}: each waits for the next; let one of them not wait, or give it a timeout");
    (instance.clone(), in_vain(text))
}

/// The name by which a person knows it: an actor's own, if it has one.
fn shown(task: &TaskRecord) -> String {
    match (&task.work, task.plan.name.as_deref()) {
        (Work::Call(actor, method), None) => format!("{}.{method}", actor.name()),
        _ => task.name().to_owned(),
    }
}
