//! From a request to a record: everything that can be wrong with a submission is found here.

use std::sync::Arc;

use super::Runtime;
use crate::port::{ActorPort, ActorRequest, Begun, CallRequest, TaskPort, TaskRequest};
use crate::state::actor::lane::Submitter;
use crate::state::actor::plans::ActorPlans;
use crate::state::actor::{ActorRecord, ActorRef, ActorSpec};
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Argument, Arguments};
use crate::state::object::store::Reservation;
use crate::state::object::stream::{Stream, StreamRef};
use crate::state::queue::room::Place;
use crate::state::task::{TaskRecord, TaskSpec, Work};
use crate::types::account::Account;
use crate::types::budget::Budget;
use crate::types::capabilities::Capabilities;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::ids::ModuleId;
use crate::types::limits::{
    ARGUMENT_BYTES, ARGUMENTS_MAX, CONCURRENCY_MAX, PENDING_CALLS_MAX, RESULT_BYTES, STREAM_BYTES, TASK_BYTES,
    TEXT_BYTES,
};
use crate::types::manifest::{ActorTypeInfo, FunctionInfo};
use crate::types::module_info::ModuleInfo;
use crate::types::options::{ActorOptions, Address, TaskOptions};
use crate::types::plan::{TaskPlan, qualified};
use crate::types::resources::ResourceSet;

/// Who submits.
type Caller<'a> = Option<&'a Arc<TaskRecord>>;

/// An actor that is about to be created, and what constructs it.
struct Creation {
    spec: ActorSpec,
    pending_calls_max: usize,
    /// Is one taken that has its name already?
    gets_if_exists: bool,
    plan: Arc<TaskPlan>,
    arguments: Vec<Argument>,
    /// What is wrong with it, if anything is.
    fault: Option<TaskError>,
}

impl TaskPort for Runtime {
    fn submit(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        self.submit_task(request, None, caller)
    }

    fn submit_stream(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        self.streamed(caller, |stream| self.submit_task(request, Some(stream), caller))
    }

    fn cancel(&self, object: &ObjectRef, force: bool, recursive: bool) {
        self.cancel_object(object, force, recursive);
    }
}

impl ActorPort for Runtime {
    fn create_actor(&self, request: ActorRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ActorRef> {
        self.submit_actor(request, caller)
    }

    fn call_actor(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        self.submit_call(request, None, caller)
    }

    fn call_stream(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        self.streamed(caller, |stream| self.submit_call(request, Some(stream), caller))
    }

    fn move_actor(&self, actor: &ActorRef) -> ObjectRef {
        self.ask_to_move(actor)
    }

    fn find_actor(&self, name: &Address, caller: &TaskRecord) -> Result<ActorRef, TaskError> {
        self.actor_for(name, caller)
    }
}

impl Runtime {
    pub(super) fn submit_task(
        &self,
        request: TaskRequest,
        stream: Option<Arc<Stream>>,
        caller: Caller,
    ) -> Begun<ObjectRef> {
        let TaskRequest { mut module, mut function, arguments, mut options, reply, place } = request;
        let declares = |module: &ModuleInfo, name: &str| module.plans.task(name).is_some() || module.knows(name);
        if let Err(error) = self.readdress(&mut module, &mut function, declares, caller) {
            return Begun::Done(self.refused(&module, &function, error, caller));
        }
        self.cap_priority(&mut options, caller);
        let budget = options.budget.take();
        if is_foreign(&module, caller)
            && let Some(declared) = module.task(&function)
        {
            options = options.within(&declared.options);
        }
        let spec = self.task_plan(&module, &function, options).and_then(|plan| {
            check_results(&plan, stream.is_some())?;
            check_arguments(&plan, arguments.len(), || module.task(&function))?;
            let work = Work::Task { reply, lost: None, stream };
            self.spec(module.clone(), plan, work, budget, caller)
        });
        match spec {
            Ok(spec) => self.launch(spec, arguments, caller, place),
            Err(error) => Begun::Done(self.refused(&module, &function, error, caller)),
        }
    }

    fn task_plan(&self, module: &ModuleInfo, function: &str, options: TaskOptions) -> Result<Arc<TaskPlan>, TaskError> {
        options.check()?;
        let unknown = || unknown_task(module, function);
        if options.is_empty()
            && let Some(plan) = module.plans.task(function)
        {
            return Ok(plan.clone());
        }
        let declared = module.task(function).ok_or_else(unknown)?;
        if options.is_empty() {
            // It was called by another of its names.
            return module.plans.task(&declared.name).cloned().ok_or_else(unknown);
        }
        if declared.pure && options.grants.as_ref().is_some_and(|grants| !grants.is_empty()) {
            let text = "a pure task holds no capability: leave out the grants";
            return Err(TaskError::new(ErrorKind::InvalidArgument, text));
        }
        Ok(Arc::new(TaskPlan::task(declared, options, &self.limits)))
    }

    /// Submits the module's `main`.
    pub(crate) fn submit_main(
        &self,
        module: Arc<ModuleInfo>,
        arguments: Vec<String>,
        inherit_stdio: bool,
        mut options: TaskOptions,
    ) -> Begun<ObjectRef> {
        let budget = options.budget.take();
        let spec = (|| {
            options.check()?;
            if !module.has_main {
                let text = "the module has no main: call its tasks instead, or build it as a program";
                return Err(TaskError::new(ErrorKind::TaskNotFound, text));
            }
            let work = Work::Main { arguments, inherit_stdio };
            let mut plan = TaskPlan::main(options, &self.limits);
            if inherit_stdio {
                // Its output goes to whoever runs it, who can stop it; a log is what has to be bounded.
                plan.limits.output_bytes = self.limits.ceiling.output_bytes;
            }
            self.spec(module.clone(), Arc::new(plan), work, budget, None)
        })();
        match spec {
            Ok(spec) => self.launch(spec, Vec::new(), None, None),
            Err(error) => Begun::Done(self.refused(&module, "main", error, None)),
        }
    }

    pub(super) fn submit_actor(&self, mut request: ActorRequest, caller: Caller) -> Begun<ActorRef> {
        let declares = |module: &ModuleInfo, name: &str| module.actor(name).is_some();
        if let Err(error) = self.readdress(&mut request.module, &mut request.type_name, declares, caller) {
            return Begun::Done(self.never(request, error, caller));
        }
        let module = request.module.clone();
        let creation = match find_constructor(&module, &request.type_name, &request.constructor) {
            Ok((declared, constructor)) => self.creation(request, declared, constructor, caller),
            Err(error) => return Begun::Done(self.never(request, error, caller)),
        };
        if creation.gets_if_exists
            && creation.fault.is_none()
            && let Some(actor) = self.existing(&creation.spec, caller)
        {
            return Begun::Done(actor);
        }
        // All of it before the actor is looked for that is else created: nobody waits while others wait for that.
        let own_bytes = self.own_bytes(&creation.plan, &creation.spec.capabilities);
        let bytes = creation.spec.kept_bytes() + RESULT_BYTES + task_bytes(own_bytes, &creation.arguments);
        match self.store.reserve_at_once(bytes) {
            Err(full) if self.store.may_come(bytes, &full) => {
                let Some(runtime) = self.strong() else { return Begun::Done(self.nobody()) };
                let caller = caller.cloned();
                Begun::wait(bytes, full, move |room| runtime.create(creation, room, caller.as_ref()))
            }
            room => Begun::Done(self.create(creation, room, caller)),
        }
    }

    /// Creates an actor in this room, unless it is there already.
    fn create(&self, creation: Creation, room: TaskResult<Reservation>, caller: Caller) -> ActorRef {
        let room = match room {
            Ok(room) => room,
            Err(full) if full.kind == ErrorKind::ObjectStoreFull => return self.nobody(),
            Err(why) => return self.dead(creation.spec, why, caller),
        };
        let Creation { spec, pending_calls_max, gets_if_exists, plan, arguments, fault } = creation;
        // Held until the name is registered: of several at once one creates, and the others find.
        let one = gets_if_exists.then(|| self.actors.creating.lock());
        if one.is_some()
            && let Some(actor) = self.existing(&spec, caller)
        {
            return actor;
        }
        let module = spec.module.clone();
        let (address, detached) = (spec.options.address(), spec.options.detached.unwrap_or(false));
        let budget = spec.options.call.budget.clone();
        let mut room = room.on(payer(&module, caller));
        let actor = self.made(spec, pending_calls_max, &mut room);
        let ready = actor.record().ready.clone();
        let launched = (|| {
            if let Some(error) = fault {
                return Err(error);
            }
            let function = plan.function.clone();
            if let Some(name) = address {
                let named = check_name(&name, caller).and_then(|()| self.actors.names.register(name, &actor, detached));
                named.map_err(|error| described(&module, &function, error))?;
            }
            let work = Work::Construct { actor: actor.record().clone() };
            let begun = self.spec(module.clone(), plan, work, budget, caller).and_then(|spec| {
                self.let_in(&spec, caller, &mut None)?;
                self.begin(spec, arguments, caller, ready, room);
                Ok(())
            });
            begun.map_err(|error| described(&module, &function, error))
        })();
        if let Err(error) = launched {
            self.bury(actor.record(), Arc::new(error));
        }
        actor
    }

    /// An actor that is refused before anything is known of its type.
    fn never(&self, request: ActorRequest, error: TaskError, caller: Caller) -> ActorRef {
        let function = qualified(&request.type_name, &request.constructor);
        let error = Arc::new(described(&request.module, &function, error));
        let spec = ActorSpec {
            id: self.actors.ids.next(),
            module: request.module,
            type_name: request.type_name,
            constructor: request.constructor,
            options: request.options,
            plans: ActorPlans::default(),
            capabilities: Arc::default(),
            holds: ResourceSet::default(),
        };
        self.dead(spec, error, caller)
    }

    /// An actor that never was, for this reason.
    fn dead(&self, spec: ActorSpec, error: Arc<TaskError>, caller: Caller) -> ActorRef {
        // What is refused waits for no room.
        let room = self.store.reserve_at_once(spec.kept_bytes() + RESULT_BYTES);
        let Ok(room) = room else { return self.nobody() };
        let mut room = room.on(payer(&spec.module, caller));
        let actor = self.made(spec, 0, &mut room);
        self.bury(actor.record(), error);
        actor
    }

    /// An actor of this kind, charged for as long as somebody holds it with a part of the room.
    fn made(&self, spec: ActorSpec, pending_calls_max: usize, room: &mut Reservation) -> ActorRef {
        let charge = room.split(spec.kept_bytes());
        let ready = self.store.promise_charged(room.split(RESULT_BYTES));
        ActorRef::new(spec, pending_calls_max, ready, Some(charge))
    }

    /// What stands for all actors for which the host has no room.
    fn nobody(&self) -> ActorRef {
        let held = self.actors.nobody.lock().upgrade();
        if let Some(nobody) = held.and_then(|actor| actor.handle()) {
            return nobody;
        }
        let limit = self.store.limit();
        let text = format!(
            "the object store, of {limit} bytes, had no room for the actor: drop references, or raise the limit"
        );
        let error = Arc::new(TaskError::new(ErrorKind::ObjectStoreFull, text));
        // Of no module: whose it was that was refused first is no one else's business.
        let module = ModuleInfo::empty(ModuleId(u64::MAX), "");
        let nobody = ActorRef::dead(module, "".into(), self.store.failed(error.clone()), error);
        *self.actors.nobody.lock() = Arc::downgrade(nobody.record());
        nobody
    }

    /// The actor that has the name already, where one of this kind is meant.
    fn existing(&self, wanted: &ActorSpec, caller: Caller) -> Option<ActorRef> {
        let name = wanted.options.address()?;
        caller.map_or(&self.capabilities, |caller| &caller.spec.capabilities).actors_in_reach().ok()?;
        let found = self.actors.names.find(wanted.module.id, &name)?;
        (found.type_name() == &*wanted.type_name).then_some(found)
    }

    /// What is known of an actor that is to be created.
    fn creation(
        &self,
        request: ActorRequest,
        declared: &ActorTypeInfo,
        constructor: &FunctionInfo,
        caller: Caller,
    ) -> Creation {
        let ActorRequest { module, type_name, constructor: name, arguments, mut options } = request;
        self.cap_priority(&mut options.call, caller);
        if is_foreign(&module, caller) {
            options.call = options.call.within(&declared.options.call).within(&constructor.options);
        }
        let plans = ActorPlans::new(module.plans.calls(&type_name).filter(|_| options.call.is_empty()));
        let options = options.over(&declared.options);
        let plan = Arc::new(TaskPlan::constructor(declared, constructor, options.call.clone(), &self.limits));
        let plan = caller.map_or_else(|| plan.clone(), |caller| caller.narrowed(plan.clone()));
        let capabilities = self.capabilities(&plan, caller);
        let held = capabilities.as_ref().map(Arc::clone).unwrap_or_default();
        let checked = options.call.check().and(capabilities).and_then(|held| held.actors_in_reach());
        let checked = checked.and_then(|()| check_concurrency(declared, &options)).and_then(|()| options.check_name());
        let checked = checked.and_then(|()| check_arguments(&plan, arguments.len(), || Some(constructor)));
        let fault = checked.err().map(|error| described(&module, &plan.function, error));
        let pending_calls_max =
            options.max_pending_calls.map_or(PENDING_CALLS_MAX, |max| max as usize).min(PENDING_CALLS_MAX);
        let gets_if_exists = options.get_if_exists == Some(true);
        let spec = ActorSpec {
            id: self.actors.ids.next(),
            module,
            type_name,
            constructor: name,
            options,
            plans,
            capabilities: held,
            holds: plan.needs.clone(),
        };
        Creation { spec, pending_calls_max, gets_if_exists, plan, arguments, fault }
    }

    pub(super) fn submit_call(
        &self,
        request: CallRequest,
        stream: Option<Arc<Stream>>,
        caller: Caller,
    ) -> Begun<ObjectRef> {
        let CallRequest { actor, method, arguments, mut options, reply, place } = request;
        self.cap_priority(&mut options, caller);
        let actor = actor.record();
        let budget = options.budget.take().or_else(|| actor.spec.options.call.budget.clone());
        let spec = (|| {
            if let Some(cause) = actor.mailbox.death() {
                return Err(TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(&cause));
            }
            let module = actor.module();
            let plan = self.call_plan(actor, &method, options, is_foreign(&module, caller))?;
            check_results(&plan, stream.is_some())?;
            check_arguments(&plan, arguments.len(), || find_method(&module, &actor.spec.type_name, &method).ok())?;
            let submitter = caller.map_or(Submitter::EMBEDDER, |caller| caller.spec.as_submitter());
            let work = Work::Call { actor: actor.clone(), submitter, reply, stream };
            let mut spec = self.spec(module, plan, work, budget, caller)?;
            // A call runs where the actor is: with its capabilities.
            spec.capabilities = actor.spec.capabilities.clone();
            Ok(spec)
        })();
        match spec {
            Ok(spec) => self.launch(spec, arguments, caller, place),
            Err(error) => {
                let function = qualified(&actor.spec.type_name, &method);
                Begun::Done(self.refused(&actor.spec.module, &function, error, caller))
            }
        }
    }

    fn call_plan(
        &self,
        actor: &ActorRecord,
        method: &str,
        mut options: TaskOptions,
        is_foreign: bool,
    ) -> Result<Arc<TaskPlan>, TaskError> {
        options.check()?;
        let home = actor.moves.home();
        let plans = home.as_ref().map_or(&actor.spec.plans, |home| &home.plans);
        let says_nothing = options.is_empty();
        if let Some(plan) = plans.method(method).filter(|_| says_nothing) {
            return Ok(plan);
        }
        let module = home.as_ref().map_or(&actor.spec.module, |home| &home.module);
        let declared = find_method(module, &actor.spec.type_name, method)?;
        let type_info = module.actor(&actor.spec.type_name);
        let type_info = type_info.ok_or_else(|| TaskError::new(ErrorKind::Internal, "the actor's type is gone"))?;
        if is_foreign && !says_nothing {
            options = options.within(&actor.spec.options.call).within(&declared.options);
        }
        let plan = TaskPlan::call(type_info, declared, options, &actor.spec.options, &self.limits);
        // Where there is no room, the call is charged for it.
        let room = says_nothing.then(|| self.store.reserve_at_once(plan.bytes() + TEXT_BYTES)).and_then(Result::ok);
        Ok(match room {
            Some(room) => plans.keep(plan, room.on(&actor.spec.module.account)),
            None => Arc::new(plan),
        })
    }

    /// A guest puts its tasks before those of others no more than it was itself, and has no more priorities than others can pass.
    fn cap_priority(&self, options: &mut TaskOptions, caller: Caller) {
        if let Some(caller) = caller {
            options.cap_priority(caller.spec.plan.priority.max(self.limits.guest_priority));
        }
    }

    /// What is known of a task when it is submitted. It is on its caller's budget, or on the one that the embedder gives.
    fn spec(
        &self,
        module: Arc<ModuleInfo>,
        plan: Arc<TaskPlan>,
        work: Work,
        budget: Option<Budget>,
        caller: Caller,
    ) -> Result<TaskSpec, TaskError> {
        if let Some(caller) = caller.filter(|caller| caller.is_doomed(self.ended_families.count())) {
            // Before it submits, so that it does not see what it submits end before it is ended itself, and a call has its grace.
            self.end_with_parent(caller);
        }
        let plan = match caller {
            Some(caller) => caller.narrowed(plan),
            None => plan,
        };
        let capabilities = self.capabilities(&plan, caller)?;
        let own_bytes = self.own_bytes(&plan, &capabilities);
        let budget = caller.map_or(budget, |caller| caller.spec.budget.clone());
        let queued = self.clock.now();
        let time = budget.as_ref().and_then(|budget| budget.deadline(queued));
        Ok(TaskSpec {
            id: self.task_ids.next(),
            module,
            work,
            capabilities,
            own_bytes,
            plan,
            inherited_deadline: caller.and_then(|caller| caller.deadline()).into_iter().chain(time).min(),
            within_grace: caller.is_some_and(|caller| caller.cancel_requested() || caller.spec.within_grace),
            budget,
            queued,
        })
    }

    /// Bytes that the host keeps for a task because it is not as all others are.
    fn own_bytes(&self, plan: &TaskPlan, capabilities: &Arc<Capabilities>) -> u32 {
        let of_all = Arc::ptr_eq(capabilities, &self.capabilities);
        let own_bytes = plan.kept_bytes() + if of_all { 0 } else { capabilities.kept_bytes() };
        // What it is made of has bounds far below that.
        u32::try_from(own_bytes).unwrap_or(u32::MAX)
    }

    /// What a task may touch: what its parent may, or the part of it that the plan names.
    fn capabilities(&self, plan: &TaskPlan, caller: Caller) -> Result<Arc<Capabilities>, TaskError> {
        if plan.pure {
            return Ok(Arc::new(Capabilities::pure()));
        }
        let held = caller.map_or(&self.capabilities, |caller| &caller.spec.capabilities);
        let Some(names) = &plan.grants else {
            return Ok(held.clone());
        };
        held.narrow(names).map(Arc::new).map_err(|name| {
            if let Some(caller) = caller {
                caller.meter().refuse(name.clone());
            }
            let held = held.names();
            let held = if held.is_empty() { "nothing".to_owned() } else { held.join(", ") };
            TaskError::new(ErrorKind::CapabilityDenied, format!("'{name}' is not granted (held: {held})"))
        })
    }

    /// Begins a task once the store has room for what the host keeps of it until it has ended.
    fn launch(
        &self,
        spec: TaskSpec,
        arguments: Vec<Argument>,
        caller: Caller,
        place: Option<Place>,
    ) -> Begun<ObjectRef> {
        let bytes = result_bytes(&spec) + self.kept_bytes(&spec, &arguments);
        match self.store.reserve_at_once(bytes) {
            Err(full) if self.store.may_come(bytes, &full) => match self.strong() {
                Some(runtime) => {
                    let caller = caller.cloned();
                    let launch = move |room| runtime.launch_in(room, spec, arguments, caller.as_ref(), place);
                    Begun::wait(bytes, full, launch)
                }
                None => Begun::Done(self.launch_in(Err(full), spec, arguments, caller, place)),
            },
            room => Begun::Done(self.launch_in(room, spec, arguments, caller, place)),
        }
    }

    /// Begins it in this room.
    fn launch_in(
        &self,
        room: TaskResult<Reservation>,
        spec: TaskSpec,
        arguments: Vec<Argument>,
        caller: Caller,
        mut place: Option<Place>,
    ) -> ObjectRef {
        let let_in = |room| self.let_in(&spec, caller, &mut place).map(|()| room);
        match room.map_err(|full| TaskError::clone(&full)).and_then(let_in) {
            Ok(room) => {
                let mut room = room.on(payer(&spec.module, caller));
                let output = self.store.promise_charged(room.split(result_bytes(&spec)));
                self.begin(spec, arguments, caller, output.clone(), room);
                output
            }
            Err(error) => self.refused(&spec.module, &spec.plan.function, error, caller),
        }
    }

    /// Makes the record of a task that was let in, queues an actor's call, and waits for the arguments.
    pub(super) fn begin(
        &self,
        spec: TaskSpec,
        arguments: Vec<Argument>,
        caller: Caller,
        output: ObjectRef,
        room: Reservation,
    ) {
        let task = TaskRecord::new(spec, true, Arguments::new(arguments, room), output, self.sink());
        let is_wanted = caller.is_none_or(|caller| caller.adopt(&task, self.ended_families.count()));
        self.watch_deadline(&task);
        if let Work::Call { actor, .. } = &task.spec.work
            && let Err(error) = actor.mailbox.push(task.clone())
        {
            task.spec.budget.iter().for_each(Budget::take_back);
            self.give_up(&task, error);
            return;
        }
        if let Work::Construct { actor } = &task.spec.work {
            actor.set_later(&task);
        }
        task.watch_arguments();
        if !is_wanted {
            self.end_with_parent(&task);
        }
        // A kill that came before it was known where it waits.
        if let Work::Construct { actor } = &task.spec.work
            && actor.mailbox.kill_pending()
        {
            task.killed();
        }
        self.dispatch();
    }

    /// Bytes that the host keeps of a task until it has ended, its arguments included.
    pub(super) fn kept_bytes(&self, spec: &TaskSpec, arguments: &[Argument]) -> u64 {
        // Somebody was promised one that is repeated, and it goes on whether there is room for it or not.
        match spec.is_repeated() {
            true => Arguments::needed_bytes(arguments),
            false => task_bytes(spec.own_bytes, arguments),
        }
    }

    /// Lets a task in, whether it was there before or not.
    pub(super) fn let_in(&self, spec: &TaskSpec, caller: Caller, place: &mut Option<Place>) -> Result<(), TaskError> {
        // Somebody was promised the result of one that makes it again: it comes back as what is tried again does, whether there is
        // room or not.
        match spec.is_repeated() {
            true => self.scheduler.lock().admit_again(),
            false => self.admit(spec, caller, place),
        }
    }

    /// Lets a task in that was not there before.
    fn admit(&self, spec: &TaskSpec, caller: Caller, place: &mut Option<Place>) -> Result<(), TaskError> {
        if let Some(budget) = &spec.budget {
            budget.submit()?;
        }
        let admitted = self.scheduler.lock().admit(&spec.plan.needs, caller.is_none(), place);
        admitted.inspect_err(|_| spec.budget.iter().for_each(Budget::take_back))
    }

    /// An object with the error of a submission that was refused.
    fn refused(&self, module: &ModuleInfo, function: &str, error: TaskError, caller: Caller) -> ObjectRef {
        let error = Arc::new(described(module, function, error));
        self.store.sealed_error(error, caller.map(|caller| &caller.spec.module.account))
    }
}

/// Bytes that the host keeps of a task with so many of its own until it has ended.
fn task_bytes(own_bytes: u32, arguments: &[Argument]) -> u64 {
    let objects = arguments.iter().filter(|argument| !matches!(argument, Argument::Value(_))).count() as u64;
    TASK_BYTES + u64::from(own_bytes) + objects * ARGUMENT_BYTES + Arguments::needed_bytes(arguments)
}

/// Bytes that the host keeps of a task's result beside its value.
fn result_bytes(spec: &TaskSpec) -> u64 {
    RESULT_BYTES + if spec.work.stream().is_some() { STREAM_BYTES } else { 0 }
}

/// On whose account it is what the host keeps of a submission: the caller's, or the module's where the embedder submits.
fn payer<'a>(module: &'a ModuleInfo, caller: Caller<'a>) -> &'a Arc<Account> {
    caller.map_or(&module.account, |caller| &caller.spec.module.account)
}

/// Does a guest of another module ask for it?
fn is_foreign(module: &ModuleInfo, caller: Caller) -> bool {
    caller.is_some_and(|caller| caller.spec.module.id != module.id)
}

/// Can the guest that gives an actor this name find it by that?
///
/// # Errors
/// It would look in another module.
fn check_name(name: &Address, caller: Caller) -> Result<(), TaskError> {
    let is_granted = |module: &str| caller.is_some_and(|caller| caller.spec.capabilities.has_module(module));
    match name.in_module() {
        Some((module, _)) if is_granted(module) => {
            let text = format!(
                "no actor of this module is found by the name {name}: it means one of the module '{module}', which is granted. \
                 Choose a name without '{module}:' at its start"
            );
            Err(TaskError::new(ErrorKind::InvalidArgument, text))
        }
        _ => Ok(()),
    }
}

/// The error of a submission, with what is known of it.
fn described(module: &ModuleInfo, function: &str, mut error: TaskError) -> TaskError {
    error.task = function.to_owned();
    error.function = function.to_owned();
    error.module = module.name.to_string();
    error
}

/// One, or several?
fn check_results(plan: &TaskPlan, streams: bool) -> Result<(), TaskError> {
    let text = match (plan.streams, streams) {
        (true, false) => "it gives its results one after the other: ask for its stream",
        (false, true) => "it gives one result, and no stream",
        (true, true) | (false, false) => return Ok(()),
    };
    Err(TaskError::new(ErrorKind::InvalidArgument, text))
}

/// As many calls at once as its type can serve?
fn check_concurrency(declared: &ActorTypeInfo, options: &ActorOptions) -> Result<(), TaskError> {
    let text = match options.max_concurrency {
        None => return Ok(()),
        Some(calls) if !(1..=CONCURRENCY_MAX).contains(&calls) => {
            format!("max_concurrency = {calls}: from 1 to {CONCURRENCY_MAX} calls can be served at once")
        }
        Some(calls) if calls > 1 && !declared.serves_several() => {
            let name = &declared.name;
            format!("actor {name} serves one call at a time: declare `max_concurrency` where its type is defined")
        }
        Some(_) => return Ok(()),
    };
    Err(TaskError::new(ErrorKind::InvalidArgument, text))
}

/// As many as declared?
fn check_arguments<'a>(
    plan: &TaskPlan,
    given: usize,
    declared: impl FnOnce() -> Option<&'a FunctionInfo>,
) -> Result<(), TaskError> {
    let expected = plan.parameters;
    let text = match given {
        _ if given == expected => return Ok(()),
        _ if given > ARGUMENTS_MAX => format!("{given} arguments were given, and at most {ARGUMENTS_MAX} are allowed"),
        _ => {
            let declared = declared().map_or_else(|| plan.function.to_string(), FunctionInfo::to_string);
            format!("{given} arguments were given, {expected} expected: {declared}")
        }
    };
    Err(TaskError::new(ErrorKind::InvalidArgument, text))
}

fn unknown_task(module: &ModuleInfo, function: &str) -> TaskError {
    if let Some(why) = module.manifest.as_ref().and_then(|manifest| manifest.why_not(function)) {
        let text = format!("module {} has no task '{}': {why}", module.name, function.escape_debug());
        return TaskError::new(ErrorKind::TaskNotFound, text);
    }
    let names = module.manifest.iter().flat_map(|manifest| &manifest.tasks).map(|task| &*task.name);
    unknown(&format!("module {} has no task '{}'", module.name, function.escape_debug()), names)
}

pub(super) fn find_constructor<'a>(
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

fn find_method<'a>(module: &'a ModuleInfo, type_name: &str, method: &str) -> Result<&'a FunctionInfo, TaskError> {
    let declared = module.actor(type_name);
    declared.and_then(|declared| declared.method(method)).ok_or_else(|| {
        let names = declared.iter().flat_map(|declared| &declared.methods).map(|function| &*function.name);
        unknown(&format!("actor {} has no method '{}'", type_name, method.escape_debug()), names)
    })
}

fn unknown<'a>(what: &str, known: impl Iterator<Item = &'a str>) -> TaskError {
    let known: Vec<_> = known.collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    TaskError::new(ErrorKind::TaskNotFound, format!("{what} (it has: {known})"))
}
