//! The types of `rustyray:core/types` as they cross the boundary, in the place where generated bindings expect them.

use bytes::Bytes;
use wasmtime::component::{ComponentType, HasData, Lift, Linker, Lower, Resource, ResourceType};

pub use crate::state::actor::ActorRef;
pub use crate::state::object::ObjectRef;
pub use crate::state::object::stream::StreamRef;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum Encoding {
    #[component(name = "bincode")]
    Bincode,
    #[component(name = "json")]
    Json,
    #[component(name = "raw")]
    Raw,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Reference {
    #[component(name = "object")]
    Object(Resource<ObjectRef>),
    #[component(name = "actor")]
    Actor(Resource<ActorRef>),
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub struct Payload {
    pub encoding: Encoding,
    pub data: Bytes,
    pub references: Vec<Reference>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Argument {
    #[component(name = "value")]
    Value(Payload),
    #[component(name = "object")]
    Object(Resource<ObjectRef>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum ErrorKind {
    #[component(name = "task-failed")]
    TaskFailed,
    #[component(name = "worker-crashed")]
    WorkerCrashed,
    #[component(name = "task-cancelled")]
    TaskCancelled,
    #[component(name = "task-timed-out")]
    TaskTimedOut,
    #[component(name = "out-of-fuel")]
    OutOfFuel,
    #[component(name = "out-of-memory")]
    OutOfMemory,
    #[component(name = "limit-exceeded")]
    LimitExceeded,
    #[component(name = "dependency-failed")]
    DependencyFailed,
    #[component(name = "get-timeout")]
    GetTimeout,
    #[component(name = "object-store-full")]
    ObjectStoreFull,
    #[component(name = "out-of-disk")]
    OutOfDisk,
    #[component(name = "object-lost")]
    ObjectLost,
    #[component(name = "stream-ended")]
    StreamEnded,
    #[component(name = "actor-died")]
    ActorDied,
    #[component(name = "actor-unavailable")]
    ActorUnavailable,
    #[component(name = "actor-not-found")]
    ActorNotFound,
    #[component(name = "actor-name-taken")]
    ActorNameTaken,
    #[component(name = "task-not-found")]
    TaskNotFound,
    #[component(name = "invalid-argument")]
    InvalidArgument,
    #[component(name = "queue-full")]
    QueueFull,
    #[component(name = "pending-calls-limit-exceeded")]
    PendingCallsLimitExceeded,
    #[component(name = "task-unschedulable")]
    TaskUnschedulable,
    #[component(name = "instances-exhausted")]
    InstancesExhausted,
    #[component(name = "deadlock")]
    Deadlock,
    #[component(name = "capability-denied")]
    CapabilityDenied,
    #[component(name = "host-shut-down")]
    HostShutDown,
    #[component(name = "internal")]
    Internal,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct LimitReport {
    pub name: String,
    pub limit: u64,
    pub used: u64,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct ErrorCause {
    pub kind: ErrorKind,
    pub task: String,
    pub message: String,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct TaskError {
    pub kind: ErrorKind,
    pub message: String,
    pub task: String,
    #[component(name = "task-id")]
    pub task_id: u64,
    pub attempt: u32,
    pub module: String,
    pub function: String,
    pub panic: Option<String>,
    pub backtrace: Vec<String>,
    pub limit: Option<LimitReport>,
    pub causes: Vec<ErrorCause>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct TaskOptions {
    pub name: Option<String>,
    #[component(name = "timeout-ns")]
    pub timeout_ns: Option<u64>,
    pub fuel: Option<u64>,
    #[component(name = "fuel-share")]
    pub fuel_share: Option<u64>,
    #[component(name = "memory-bytes")]
    pub memory_bytes: Option<u64>,
    #[component(name = "table-elements")]
    pub table_elements: Option<u64>,
    #[component(name = "output-bytes")]
    pub output_bytes: Option<u64>,
    #[component(name = "max-retries")]
    pub max_retries: Option<u32>,
    #[component(name = "retry-exceptions")]
    pub retry_exceptions: Option<bool>,
    #[component(name = "retry-backoff-ns")]
    pub retry_backoff_ns: Option<u64>,
    pub priority: Option<i32>,
    #[component(name = "cpu-milli")]
    pub cpu_milli: Option<u32>,
    pub resources: Vec<(String, u32)>,
    pub grants: Option<Vec<String>>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct ActorOptions {
    pub call: TaskOptions,
    pub name: Option<String>,
    pub namespace: Option<String>,
    #[component(name = "get-if-exists")]
    pub get_if_exists: Option<bool>,
    #[component(name = "max-restarts")]
    pub max_restarts: Option<u32>,
    #[component(name = "max-pending-calls")]
    pub max_pending_calls: Option<u32>,
    pub detached: Option<bool>,
    #[component(name = "max-concurrency")]
    pub max_concurrency: Option<u32>,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
pub struct Failure {
    pub message: String,
    pub cause: Option<TaskError>,
    #[component(name = "invalid-argument")]
    pub invalid_argument: bool,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct TaskContext {
    #[component(name = "task-id")]
    pub task_id: u64,
    pub task: String,
    pub module: String,
    pub function: String,
    pub attempt: u32,
    pub actor: Option<ActorInfo>,
    #[component(name = "time-left-ns")]
    pub time_left_ns: Option<u64>,
    #[component(name = "fuel-left")]
    pub fuel_left: Option<u64>,
    pub cancelled: bool,
    pub grants: Vec<String>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub struct ActorInfo {
    #[component(name = "actor-id")]
    pub actor_id: u64,
    #[component(name = "actor-type")]
    pub actor_type: String,
    pub name: Option<String>,
    pub generation: u32,
}

/// Lets go of handles that a guest dropped.
pub trait Host {
    fn drop_object(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<()>;
    fn drop_actor(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<()>;
    fn drop_stream(&mut self, stream: Resource<StreamRef>) -> wasmtime::Result<()>;
}

impl<T: Host + ?Sized> Host for &mut T {
    fn drop_object(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<()> {
        T::drop_object(self, object)
    }

    fn drop_actor(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<()> {
        T::drop_actor(self, actor)
    }

    fn drop_stream(&mut self, stream: Resource<StreamRef>) -> wasmtime::Result<()> {
        T::drop_stream(self, stream)
    }
}

/// The same, for functions that would see the store.
pub trait HostWithStore<T> {}

impl<T, D: HasData> HostWithStore<T> for D {}

/// Links the resources: dropping one in a guest drops the host's handle.
pub fn add_to_linker<T, D>(linker: &mut Linker<T>, host: fn(&mut T) -> D::Data<'_>) -> wasmtime::Result<()>
where
    T: 'static,
    D: HasData,
    for<'a> D::Data<'a>: Host,
{
    let mut types = linker.instance("rustyray:core/types@0.1.0")?;
    types.resource("object-ref", ResourceType::host::<ObjectRef>(), move |mut store, rep| {
        host(store.data_mut()).drop_object(Resource::new_own(rep))
    })?;
    types.resource("actor-ref", ResourceType::host::<ActorRef>(), move |mut store, rep| {
        host(store.data_mut()).drop_actor(Resource::new_own(rep))
    })?;
    types.resource("stream-ref", ResourceType::host::<StreamRef>(), move |mut store, rep| {
        host(store.data_mut()).drop_stream(Resource::new_own(rep))
    })
}
