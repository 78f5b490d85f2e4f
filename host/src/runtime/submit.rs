//! From a request to a record: everything that can be wrong with a submission is found here.

use std::sync::Arc;

use super::Runtime;
use crate::port::{ActorRequest, CallRequest, TaskRequest};
use crate::state::actor::{ActorRecord, ActorRef, ActorSpec};
use crate::state::object::ObjectRef;
use crate::state::payload::Argument;
use crate::state::task::{TaskRecord, TaskSpec, Work};
use crate::words::capabilities::Capabilities;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::{ARGUMENTS_MAX, PENDING_CALLS_MAX};
use crate::words::manifest::{ActorTypeInfo, FunctionInfo, ModuleInfo};
use crate::words::options::TaskOptions;

/// Who submits.
type Caller<'a> = Option<&'a Arc<TaskRecord>>;

/// What is known of a submission when it is refused.
struct Subject {
    module: Arc<ModuleInfo>,
    function: Arc<str>,
}

impl Runtime {
    pub(super) fn submit_task(&self, request: TaskRequest, caller: Caller) -> ObjectRef {
        let subject = Subject { module: request.module.clone(), function: request.function.clone() };
        self.try_submit_task(request, caller).unwrap_or_else(|error| self.refused(subject, error))
    }

    fn try_submit_task(&self, request: TaskRequest, caller: Caller) -> Result<ObjectRef, TaskError> {
        let TaskRequest { module, function, arguments, options, reply } = request;
        let declared = module.task(&function).ok_or_else(|| unknown_task(&module, &function))?;
        check_arguments(declared, arguments.len())?;
        let options = options.over(&declared.options);
        let function = declared.name.clone();
        let spec = self.spec(module, function, Work::Task { reply }, options, 1.0, caller)?;
        self.launch(spec, arguments, caller)
    }

    /// Submits the module's `main`.
    pub(crate) fn submit_main(
        &self,
        module: Arc<ModuleInfo>,
        arguments: Vec<String>,
        inherit_stdio: bool,
        options: TaskOptions,
    ) -> ObjectRef {
        let subject = Subject { module: module.clone(), function: "main".into() };
        let attempt = || {
            if !module.has_main {
                let text = "the module has no main: call its tasks instead, or build it as a program";
                return Err(TaskError::new(ErrorKind::TaskNotFound, text));
            }
            let work = Work::Main { arguments, inherit_stdio };
            // A driver waits most of the time; as in Ray it takes no CPU slot.
            let mut spec = self.spec(module.clone(), "main".into(), work, options, 0.0, None)?;
            if inherit_stdio {
                // Its output goes to whoever runs it, who can stop it; a log is what has to be bounded.
                spec.limits.output_bytes = self.ceiling.output_bytes;
            }
            self.launch(spec, Vec::new(), None)
        };
        attempt().unwrap_or_else(|error| self.refused(subject, error))
    }

    pub(super) fn submit_actor(&self, request: ActorRequest, caller: Caller) -> ActorRef {
        let ready = self.store.promise();
        let subject =
            Subject { module: request.module.clone(), function: qualified(&request.type_name, &request.constructor) };
        let module = request.module.clone();
        let declared = find_constructor(&module, &request.type_name, &request.constructor);
        let (actor, prepared) = match declared {
            Ok((declared, constructor)) => self.prepare_actor(request, declared, constructor, ready.clone(), caller),
            Err(error) => (self.stillborn(request, ready.clone()), Err(error)),
        };
        let launched = prepared.and_then(|(spec, arguments)| self.launch_into(spec, arguments, caller, ready));
        if let Err(error) = launched {
            let error = Arc::new(subject.describe(error));
            self.bury(actor.record(), error);
        }
        actor
    }

    /// The actor, and the task that constructs it unless something is wrong with it.
    fn prepare_actor(
        &self,
        request: ActorRequest,
        declared: &ActorTypeInfo,
        constructor: &FunctionInfo,
        ready: ObjectRef,
        caller: Caller,
    ) -> (ActorRef, Result<(TaskSpec, Vec<Argument>), TaskError>) {
        let ActorRequest { module, type_name, constructor: name, arguments, options } = request;
        let options = options.over(&declared.options);
        let capabilities = self.capabilities(&options.call, caller);
        let pending_calls =
            options.max_pending_calls.map_or(PENDING_CALLS_MAX, |max| max as usize).min(PENDING_CALLS_MAX);
        let spec = ActorSpec {
            id: self.actor_ids.next(),
            module: module.clone(),
            type_name: type_name.clone(),
            constructor: name.clone(),
            options: options.clone(),
            capabilities: capabilities.clone().unwrap_or_default(),
        };
        let actor = ActorRef::new(spec, pending_calls, ready);
        let prepared = (|| {
            capabilities?;
            check_arguments(constructor, arguments.len())?;
            if let Some(name) = &options.name {
                self.names.register(name.clone(), &actor, options.detached.unwrap_or(false))?;
            }
            let work = Work::Construct { actor: actor.record().clone() };
            let call = options.call.over(&constructor.options);
            let spec = self.spec(module, qualified(&type_name, &name), work, call, 0.0, caller)?;
            Ok((spec, arguments))
        })();
        (actor, prepared)
    }

    /// An actor of a type that does not exist, to be buried at once.
    fn stillborn(&self, request: ActorRequest, ready: ObjectRef) -> ActorRef {
        let spec = ActorSpec {
            id: self.actor_ids.next(),
            module: request.module,
            type_name: request.type_name,
            constructor: request.constructor,
            options: request.options,
            capabilities: Arc::default(),
        };
        ActorRef::new(spec, 0, ready)
    }

    pub(super) fn submit_call(&self, request: CallRequest, caller: Caller) -> ObjectRef {
        let actor = request.actor.record();
        let subject =
            Subject { module: actor.spec.module.clone(), function: qualified(&actor.spec.type_name, &request.method) };
        self.try_submit_call(request, caller).unwrap_or_else(|error| self.refused(subject, error))
    }

    fn try_submit_call(&self, request: CallRequest, caller: Caller) -> Result<ObjectRef, TaskError> {
        let CallRequest { actor, method, arguments, options, reply } = request;
        let actor = actor.record().clone();
        if let Some(cause) = actor.mailbox.death() {
            return Err(TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(&cause));
        }
        let declared = find_method(&actor, &method)?;
        check_arguments(declared, arguments.len())?;
        let options = options.over(&declared.options).over(&actor.spec.options.call);
        let work = Work::Call { actor: actor.clone(), reply };
        let mut spec = self.spec(
            actor.spec.module.clone(),
            qualified(&actor.spec.type_name, &method),
            work,
            options,
            0.0,
            caller,
        )?;
        // A call runs where the actor is: with its capabilities, and on what it holds.
        spec.capabilities = actor.spec.capabilities.clone();
        spec.needs = Default::default();
        self.launch(spec, arguments, caller)
    }

    /// What is known of a task when it is submitted.
    fn spec(
        &self,
        module: Arc<ModuleInfo>,
        function: Arc<str>,
        work: Work,
        options: TaskOptions,
        cpus: f64,
        caller: Caller,
    ) -> Result<TaskSpec, TaskError> {
        Ok(TaskSpec {
            id: self.task_ids.next(),
            module,
            work,
            name: options.name.clone().unwrap_or_else(|| function.clone()),
            function,
            limits: options.limits(&self.default_limits, &self.ceiling),
            needs: options.needs(cpus),
            priority: options.priority.unwrap_or(0),
            max_retries: options.max_retries.unwrap_or(0),
            capabilities: self.capabilities(&options, caller)?,
            inherited_deadline: caller.and_then(|caller| caller.deadline()),
            queued: self.clock.now(),
            queued_at: self.clock.wall(),
        })
    }

    /// What a task may touch: what its parent may, or the part of it that the options name.
    fn capabilities(&self, options: &TaskOptions, caller: Caller) -> Result<Arc<Capabilities>, TaskError> {
        let held = caller.map_or(&self.capabilities, |caller| &caller.spec.capabilities);
        let Some(names) = &options.grants else {
            return Ok(held.clone());
        };
        held.narrow(names).map(Arc::new).map_err(|name| {
            if let Some(caller) = caller {
                caller.meter.refuse(name.clone());
            }
            let held = held.names();
            let held = if held.is_empty() { "nothing".to_owned() } else { held.join(", ") };
            TaskError::new(ErrorKind::CapabilityDenied, format!("'{name}' is not granted (held: {held})"))
        })
    }

    fn launch(&self, spec: TaskSpec, arguments: Vec<Argument>, caller: Caller) -> Result<ObjectRef, TaskError> {
        let output = self.store.promise();
        self.launch_into(spec, arguments, caller, output.clone())?;
        Ok(output)
    }

    /// Makes the record, queues an actor's call, and waits for the arguments.
    fn launch_into(
        &self,
        spec: TaskSpec,
        arguments: Vec<Argument>,
        caller: Caller,
        output: ObjectRef,
    ) -> Result<(), TaskError> {
        let task = {
            let mut scheduler = self.scheduler.lock();
            scheduler.admit(&spec.needs, caller.is_none())?;
            let task = TaskRecord::new(spec, arguments, output, caller, self.conductor());
            scheduler.count(&task);
            task
        };
        self.watch_deadline(&task);
        if let Work::Call { actor, .. } = &task.spec.work
            && let Err(error) = actor.mailbox.push(task.clone())
        {
            self.give_up(&task, error);
            return Ok(());
        }
        task.watch_arguments();
        Ok(())
    }

    /// An object with the error of a submission that was refused.
    fn refused(&self, subject: Subject, error: TaskError) -> ObjectRef {
        self.store.sealed(Err(Arc::new(subject.describe(error))))
    }
}

impl Subject {
    fn describe(&self, mut error: TaskError) -> TaskError {
        error.task = self.function.to_string();
        error.function = self.function.to_string();
        error.module = self.module.name.to_string();
        error
    }
}

/// `Type.function`.
fn qualified(type_name: &str, function: &str) -> Arc<str> {
    format!("{type_name}.{function}").into()
}

fn check_arguments(declared: &FunctionInfo, given: usize) -> Result<(), TaskError> {
    let expected = declared.parameters.len();
    let text = match given {
        _ if given == expected => return Ok(()),
        _ if given > ARGUMENTS_MAX => format!("{given} arguments were given, and at most {ARGUMENTS_MAX} are allowed"),
        _ => format!("{given} arguments were given, {expected} expected: {declared}"),
    };
    Err(TaskError::new(ErrorKind::InvalidArgument, text))
}

fn unknown_task(module: &ModuleInfo, function: &str) -> TaskError {
    let names = module.manifest.iter().flat_map(|manifest| &manifest.tasks).map(|task| &*task.name);
    unknown(&format!("module {} has no task '{}'", module.name, function.escape_debug()), names)
}

fn find_constructor<'a>(
    module: &'a ModuleInfo,
    type_name: &str,
    constructor: &str,
) -> Result<(&'a ActorTypeInfo, &'a FunctionInfo), TaskError> {
    let actor = module.actor(type_name).ok_or_else(|| {
        let names = module.manifest.iter().flat_map(|manifest| &manifest.actors).map(|actor| &*actor.name);
        unknown(&format!("module {} has no actor '{}'", module.name, type_name.escape_debug()), names)
    })?;
    let constructor = actor.constructor(constructor).ok_or_else(|| {
        let names = actor.constructors.iter().map(|function| &*function.name);
        unknown(&format!("actor {type_name} has no constructor '{}'", constructor.escape_debug()), names)
    })?;
    Ok((actor, constructor))
}

fn find_method<'a>(actor: &'a ActorRecord, method: &str) -> Result<&'a FunctionInfo, TaskError> {
    let declared = actor.spec.module.actor(&actor.spec.type_name);
    declared.and_then(|declared| declared.method(method)).ok_or_else(|| {
        let names = declared.iter().flat_map(|declared| &declared.methods).map(|function| &*function.name);
        unknown(&format!("actor {} has no method '{}'", actor.spec.type_name, method.escape_debug()), names)
    })
}

fn unknown<'a>(what: &str, known: impl Iterator<Item = &'a str>) -> TaskError {
    let known: Vec<_> = known.collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    TaskError::new(ErrorKind::TaskNotFound, format!("{what} (it has: {known})"))
}
