//! How the calls of one actor run whose callers say nothing of their own.

use std::collections::HashMap;
use std::sync::Arc;

use crate::state::object::store::Reservation;
use crate::types::plan::{CallPlans, TaskPlan};
use crate::types::sync::{Mutex, rank};

/// The plans of an actor's methods.
pub enum ActorPlans {
    /// Those of all actors of its type: it was created as that declares.
    OfType(Arc<CallPlans>),
    /// Its own, each made with the first call of its method: a type may have thousands, and most actors serve few.
    Own(Mutex<HashMap<Arc<str>, Own>, { rank::ACTOR }>),
}

/// A plan that an actor keeps.
pub struct Own {
    plan: Arc<TaskPlan>,
    _charge: Reservation,
}

impl ActorPlans {
    /// Those of the type, or none yet.
    pub fn new(of_type: Option<&Arc<CallPlans>>) -> Self {
        of_type.map_or_else(Self::default, |plans| ActorPlans::OfType(plans.clone()))
    }

    /// The plan of this method's calls, if it was made.
    pub fn method(&self, name: &str) -> Option<Arc<TaskPlan>> {
        match self {
            ActorPlans::OfType(plans) => plans.method(name).cloned(),
            ActorPlans::Own(plans) => plans.lock().get(name).map(|own| own.plan.clone()),
        }
    }

    /// Keeps a plan for all calls of its method, in this room.
    pub fn keep(&self, plan: TaskPlan, room: Reservation) -> Arc<TaskPlan> {
        let ActorPlans::Own(plans) = self else { return Arc::new(plan) };
        let plan = plan.for_all();
        let mut mine = Some(Own { plan: plan.clone(), _charge: room });
        // Another thread's may be there, which others have by now: mine is dropped then, where nobody holds the lock.
        let mut plans = plans.lock();
        match plans.get(&plan.entry) {
            Some(there) => there.plan.clone(),
            None => {
                mine.take().into_iter().for_each(|own| drop(plans.insert(plan.entry.clone(), own)));
                plan
            }
        }
    }
}

impl Default for ActorPlans {
    fn default() -> Self {
        ActorPlans::Own(Mutex::default())
    }
}
