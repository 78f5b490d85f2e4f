//! Who waits for whom, when nothing moves any more.

use std::sync::Arc;

use super::arguments::Kept;
use super::error::in_vain;
use super::frame::Frame;
use super::job::{Job, Work};
use super::object::Object;
use super::sync::lock;
use super::world::World;
use crate::bindings::rustyray::core::types::TaskError;

/// The way from a job that waits to what it waits for, and so on.
type Path = Vec<Arc<Job>>;

impl World {
    /// A frame that waits in vain, and what it is to be told: of a circle, the one whose wait closed it.
    pub(super) fn find_circle(&self) -> (Arc<Frame>, TaskError) {
        let mut waiting = self.waiting();
        waiting.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(*number));
        for (_, frame) in &waiting {
            if let Some(circle) = self.circle_from(&frame.job()) {
                return closer(&circle, &waiting);
            }
        }
        let (_, latest) = waiting.into_iter().next().expect("the test waits, or it would have its turn");
        let text = format!("{} waits for what nothing will ever make", latest.job().name());
        (latest, in_vain(text))
    }

    /// The frames that wait, with the numbers of their waits.
    fn waiting(&self) -> Vec<(u64, Arc<Frame>)> {
        let frames = lock(&self.frames);
        frames.values().filter_map(|frame| Some((frame.waits_for()?.0, frame.clone()))).collect()
    }

    /// A circle that can be reached from a job. Depth first, with the branches that are still to be looked at on a list: a
    /// chain of tasks may be long.
    fn circle_from(&self, start: &Arc<Job>) -> Option<Path> {
        let mut seen = std::collections::BTreeSet::new();
        let mut path: Path = Vec::new();
        let mut branches = vec![(0, start.clone())];
        while let Some((depth, job)) = branches.pop() {
            path.truncate(depth);
            if let Some(place) = path.iter().position(|other| Arc::ptr_eq(other, &job)) {
                return Some(path.split_off(place));
            }
            if seen.insert(job.id) {
                branches.extend(self.blockers(&job).into_iter().map(|blocker| (depth + 1, blocker)));
                path.push(job);
            }
        }
        None
    }

    /// What has to move before a job can.
    fn blockers(&self, job: &Arc<Job>) -> Vec<Arc<Job>> {
        let makers = |objects: Vec<Arc<Object>>| objects.iter().filter_map(|object| self.producer(object)).collect();
        if let Some(frame) = self.frame_of(job) {
            // A construction goes on while its actor serves calls. What is suspended beside a call that blocks waits with it.
            return frame.waits_for().map_or_else(Vec::new, |(_, objects)| makers(objects));
        }
        let mut blockers: Vec<Arc<Job>> = makers(job.arguments().into_iter().filter_map(Kept::object).collect());
        if job.is_call()
            && let Some(actor) = self.actor_of(job)
        {
            let ahead = actor.running().filter(|ahead| !Arc::ptr_eq(ahead, job));
            blockers.extend(actor.held_up_by(job));
            blockers.extend(ahead.or_else(|| self.producer(&actor.ready)));
        }
        blockers
    }
}

/// The one of a circle that began to wait last, and its error.
fn closer(circle: &[Arc<Job>], waiting: &[(u64, Arc<Frame>)]) -> (Arc<Frame>, TaskError) {
    let place_of = |frame: &Arc<Frame>| circle.iter().position(|job| job.frame() == Some(frame.id));
    let found = waiting.iter().find_map(|(_, frame)| Some((place_of(frame)?, frame)));
    let (place, frame) = found.expect("each circle has a frame that waits");
    // A call that waits for its turn is the reason why another waits, and does nothing itself.
    let names = circle[place + 1..].iter().chain(&circle[..=place]).filter(|job| job.frame().is_some());
    let mut names: Vec<String> = names.map(|job| shown(job)).collect();
    names.push(names[0].clone());
    let names = names.join(" -> ");
    let text = format!("{names}: each waits for the next; let one of them not wait, or give it a timeout");
    (frame.clone(), in_vain(text))
}

/// The name by which a person knows it: an actor's own, if it has one.
fn shown(job: &Job) -> String {
    match (&job.work, job.plan.name.as_deref()) {
        (Work::Call(actor, method), None) => format!("{}.{method}", actor.name()),
        _ => job.name().to_owned(),
    }
}
