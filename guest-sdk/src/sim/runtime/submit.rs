//! From a request to a task. What is wrong with a submission becomes the error of what it gives; it never fails itself.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ActorOptions, ErrorKind, TaskError, TaskOptions};
use crate::sim::error::caused_by;
use crate::sim::manifest::{ActorType, Function, serves_concurrently};
use crate::sim::plan::Plan;
use crate::sim::runtime::Runtime;
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::state::actor_spec::ActorSpec;
use crate::sim::state::arguments::Held;
use crate::sim::state::names::Address;
use crate::sim::state::object::{Object, ObjectStore, Waiter};
use crate::sim::state::payload::Argument;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::stream::Stream;
use crate::sim::state::task::{TaskRecord, TaskSpec, Work};
use crate::sim::sync::lock;

/// Calls that one actor may serve at once, as on a host.
const CONCURRENCY_MAX: u32 = 1000;

/// What is asked for, and by whom.
pub(crate) struct Request<'a> {
    pub(crate) function: &'a str,
    pub(crate) arguments: &'a [Argument<'a>],
    pub(crate) options: Option<&'a TaskOptions>,
    pub(crate) stream: Option<Arc<Stream>>,
    pub(crate) caller: &'a Arc<TaskRecord>,
}

impl Runtime {
    /// Submits a task.
    pub(crate) fn submit(self: &Arc<Self>, request: Request<'_>) -> Arc<TaskRecord> {
        let Request { function, arguments, options, stream, caller } = request;
        let declared = self.program.function(function);
        let checked = declared.ok_or_else(|| unknown("task", function)).and_then(|task| {
            check(task, function, arguments.len(), stream.is_some())?;
            check_grants(task, options)?;
            Ok(task)
        });
        let work = declared.map_or(Work::Test, Work::Task);
        let plan = checked.as_ref().map(|task| Plan::task(options, task, &caller.plan));
        let spec = TaskSpec {
            function: function.to_owned(),
            work,
            plan: plan.unwrap_or_default(),
            arguments: arguments.iter().map(Held::of).collect(),
            stream,
        };
        let task = self.new_task(spec, caller);
        self.launch(&task, checked.map(drop));
        task
    }

    /// Calls a method.
    pub(crate) fn call(self: &Arc<Self>, actor: &Arc<ActorRecord>, request: Request<'_>) -> Arc<TaskRecord> {
        let Request { function: method, arguments, options, stream, caller } = request;
        let checked = self.check_call(actor, method, arguments.len(), stream.is_some());
        let spec = TaskSpec {
            function: qualified(&actor.spec.type_name, method),
            work: Work::Call(actor.spec.clone(), method.to_owned()),
            plan: Plan::call(options, &actor.spec.options, actor.spec.declared, &caller.plan),
            arguments: arguments.iter().map(Held::of).collect(),
            stream,
        };
        let task = self.new_task(spec, caller);
        self.launch(&task, checked.and_then(|()| actor.push(&task)));
        task
    }

    fn check_call(&self, actor: &ActorRecord, method: &str, given: usize, streams: bool) -> Result<(), TaskError> {
        if let Some(cause) = actor.death() {
            let dead = crate::sim::error::new(ErrorKind::ActorDied, "the actor is dead".to_owned());
            return Err(caused_by(dead, &cause));
        }
        let declared = actor.spec.declared.map_or(&[][..], |declared| &declared.methods);
        let declared = declared.iter().find(|declared| declared.name == method);
        let unknown = || unknown("method", &qualified(&actor.spec.type_name, method));
        check(declared.ok_or_else(unknown)?, method, given, streams)
    }

    /// Creates an actor, or finds the one that is meant.
    pub(crate) fn create(
        self: &Arc<Self>,
        (type_name, constructor): (&str, &str),
        arguments: &[Argument<'_>],
        options: ActorOptions,
        caller: &Arc<TaskRecord>,
    ) -> ActorRef {
        let declared = self.program.actor_type(type_name);
        let options = over(options, declared);
        if let Some(existing) = self.existing(type_name, &options) {
            return existing;
        }
        let (actor, handle) = self.new_actor((type_name, constructor), declared, options);
        let checked = self.check_creation(&actor, &handle, arguments.len(), caller);
        let arguments: Vec<Held> = arguments.iter().map(Held::of).collect();
        actor.keep_arguments(arguments.clone());
        let spec = TaskSpec {
            function: qualified(type_name, constructor),
            work: Work::Construct(actor.spec.clone()),
            plan: Plan::construction(&actor.spec.options, declared, &caller.plan),
            arguments,
            stream: None,
        };
        let task = self.add_task(self.number(), spec, actor.ready.clone(), caller);
        self.launch(&task, checked);
        handle
    }

    /// An actor that is to be constructed, and its first handle.
    pub(crate) fn new_actor(
        &self,
        called: (&str, &str),
        declared: Option<&'static ActorType>,
        options: ActorOptions,
    ) -> (Arc<ActorRecord>, ActorRef) {
        let spec = ActorSpec::new(self.number(), called, declared, options);
        let (actor, handle) = ActorRecord::new(spec, self.promise(), &self.let_go);
        lock(&self.actors).insert(actor.spec.id, actor.clone());
        (actor, handle)
    }

    /// The actor that has the name already, where that one is meant.
    fn existing(&self, type_name: &str, options: &ActorOptions) -> Option<ActorRef> {
        let address = Address::of(options).filter(|_| options.get_if_exists == Some(true))?;
        let found = lock(&self.names).find(&address).ok()?;
        (found.0.spec.type_name == type_name).then_some(found)
    }

    fn check_creation(
        &self,
        actor: &Arc<ActorRecord>,
        handle: &ActorRef,
        given: usize,
        caller: &TaskRecord,
    ) -> Result<(), TaskError> {
        let ActorSpec { type_name, constructor: name, options, .. } = &*actor.spec;
        let declared = actor.spec.declared.ok_or_else(|| unknown("actor", type_name))?;
        let constructor = declared.constructors.iter().find(|declared| declared.name == *name);
        let unknown = || unknown("constructor", &qualified(type_name, name));
        check_reach(caller)?;
        check_concurrency(declared, options)?;
        check_name(options)?;
        check(constructor.ok_or_else(unknown)?, name, given, false)?;
        match Address::of(options) {
            Some(address) => lock(&self.names).register(address, actor, handle),
            None => Ok(()),
        }
    }

    /// Has the task wait for its arguments, unless there is something wrong with it.
    fn launch(self: &Arc<Self>, task: &Arc<TaskRecord>, checked: Result<(), TaskError>) {
        if let Err(error) = checked {
            return self.settle(task, Err(error));
        }
        if self.is_halted() {
            return self.settle(task, Err(task.stopped(StopReason::HostShutDown, self.now())));
        }
        self.watch_deadline(task);
        let objects: Vec<Arc<Object>> = task.arguments().into_iter().filter_map(Held::object).collect();
        task.expects(objects.len());
        if objects.is_empty() {
            return self.released(task);
        }
        for object in objects {
            if !object.watch(Waiter::Task(task.id)) {
                let error = object.outcome().and_then(Result::err);
                self.argument_arrived(task, error.as_ref());
            }
        }
    }
}

/// Has it a name, where it is to be found by one?
fn check_name(options: &ActorOptions) -> Result<(), TaskError> {
    let found = [(options.get_if_exists, "get_if_exists"), (options.detached, "detached")];
    match found.into_iter().find(|(asked, _)| *asked == Some(true)) {
        Some((_, option)) if options.name.is_none() => {
            let text = format!("{option} needs a name: without one nobody could find the actor");
            Err(crate::sim::error::new(ErrorKind::InvalidArgument, text))
        }
        _ => Ok(()),
    }
}

/// What the caller left open is as the type declares it.
fn over(options: ActorOptions, declared: Option<&ActorType>) -> ActorOptions {
    let Some(ActorType { options: defaults, .. }) = declared else { return options };
    ActorOptions {
        max_restarts: options.max_restarts.or(defaults.max_restarts),
        max_concurrency: options.max_concurrency.or(defaults.max_concurrency),
        max_pending_calls: options.max_pending_calls.or(defaults.max_pending_calls),
        detached: options.detached.or(defaults.detached),
        ..options
    }
}

/// One result or several, and as many arguments as declared?
fn check(declared: &Function, name: &str, given: usize, streams: bool) -> Result<(), TaskError> {
    let expected = declared.parameters.len();
    let text = match (declared.streams, streams) {
        (true, false) => "it gives its results one after the other: ask for its stream".to_owned(),
        (false, true) => "it gives one result, and no stream".to_owned(),
        _ if given == expected => return Ok(()),
        _ => format!("{given} arguments were given, {expected} expected: {name}"),
    };
    Err(crate::sim::error::new(ErrorKind::InvalidArgument, text))
}

/// As many calls at once as its type can serve?
fn check_concurrency(declared: &ActorType, options: &ActorOptions) -> Result<(), TaskError> {
    let text = match options.max_concurrency {
        None => return Ok(()),
        Some(calls) if !(1..=CONCURRENCY_MAX).contains(&calls) => {
            format!("max_concurrency = {calls}: from 1 to {CONCURRENCY_MAX} calls can be served at once")
        }
        Some(calls) if calls > 1 && !serves_concurrently(declared) => {
            let name = &declared.name;
            format!("actor {name} serves one call at a time: declare `max_concurrency` where its type is defined")
        }
        Some(_) => return Ok(()),
    };
    Err(crate::sim::error::new(ErrorKind::InvalidArgument, text))
}

fn check_grants(task: &Function, options: Option<&TaskOptions>) -> Result<(), TaskError> {
    let grants = options.and_then(|options| options.grants.as_ref());
    if task.pure && grants.is_some_and(|grants| !grants.is_empty()) {
        let text = "a pure task holds no capability: leave out the grants";
        return Err(crate::sim::error::new(ErrorKind::InvalidArgument, text.to_owned()));
    }
    Ok(())
}

/// May the caller create and find actors?
pub(crate) fn check_reach(caller: &TaskRecord) -> Result<(), TaskError> {
    if !caller.plan.pure {
        return Ok(());
    }
    let text = "a pure task, and what it submits, can neither create nor find actors: their state would decide about \
                its result";
    Err(crate::sim::error::new(ErrorKind::CapabilityDenied, text.to_owned()))
}

fn unknown(what: &str, name: &str) -> TaskError {
    crate::sim::error::new(ErrorKind::TaskNotFound, format!("this program has no {what} '{}'", name.escape_debug()))
}

/// `Counter.increment`.
fn qualified(type_name: &str, function: &str) -> String {
    format!("{type_name}.{function}")
}
