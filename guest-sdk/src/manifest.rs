//! What the module offers, in the host's words.

use crate::host::guest::{self, Function, Group, Manifest, Parameter};
use crate::host::types;
use crate::registry::{ActorDefaults, ActorType, Constructor, Method, Signature, Task, TaskDefaults};

/// Everything that the program declares, by name, so that the same program always says the same.
pub(crate) fn manifest() -> Manifest {
    let mut tasks: Vec<Function> = inventory::iter::<Task>().map(|task| function(task.name, &task.signature)).collect();
    let mut actors: Vec<guest::ActorType> = inventory::iter::<ActorType>().map(actor).collect();
    tasks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    actors.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let sdk = concat!("rustyray ", env!("CARGO_PKG_VERSION")).to_owned();
    Manifest { sdk, encoding: types::Encoding::Bincode, tasks, actors }
}

fn actor(actor: &ActorType) -> guest::ActorType {
    let constructor = |constructor: &Constructor| function(constructor.name, &constructor.signature);
    let method = |method: &Method| function(method.name, &method.signature);
    guest::ActorType {
        name: actor.name.to_owned(),
        constructors: actor.constructors.iter().map(constructor).collect(),
        methods: actor.methods.iter().map(method).collect(),
        options: actor_options(&actor.defaults),
        checkpoint: actor.defaults.checkpoint,
        groups: actor.defaults.groups.iter().map(|(name, max)| group(actor, name, *max)).collect(),
        docs: actor.docs.to_owned(),
    }
}

fn group(actor: &ActorType, name: &str, max_concurrency: u32) -> Group {
    let methods = actor.methods.iter().filter(|method| method.group == Some(name));
    Group { name: name.to_owned(), max_concurrency, methods: methods.map(|method| method.name.to_owned()).collect() }
}

fn function(name: &str, signature: &Signature) -> Function {
    let parameter =
        |(name, type_name): &(&str, &str)| Parameter { name: (*name).to_owned(), type_name: (*type_name).to_owned() };
    Function {
        name: name.to_owned(),
        parameters: signature.parameters.iter().map(parameter).collect(),
        result_type: signature.result.to_owned(),
        options: task_options(&signature.defaults),
        pure: signature.defaults.pure,
        streams: signature.streams,
        docs: signature.docs.to_owned(),
    }
}

fn task_options(defaults: &TaskDefaults) -> types::TaskOptions {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    types::TaskOptions {
        name: None,
        timeout_ns: defaults.timeout_ns,
        fuel: defaults.fuel,
        fuel_share: None,
        memory_bytes: defaults.memory_bytes,
        table_elements: defaults.table_elements,
        output_bytes: defaults.output_bytes,
        max_retries: defaults.max_retries,
        retry_exceptions: defaults.retry_exceptions,
        retry_backoff_ns: defaults.retry_backoff_ns,
        priority: defaults.priority,
        cpu_milli: defaults.cpu_milli,
        resources: defaults.resources.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect(),
        grants: defaults.grants.map(owned),
    }
}

fn actor_options(defaults: &ActorDefaults) -> types::ActorOptions {
    types::ActorOptions {
        call: task_options(&defaults.call),
        name: None,
        namespace: None,
        get_if_exists: None,
        max_restarts: defaults.max_restarts,
        max_pending_calls: defaults.max_pending_calls,
        detached: defaults.detached,
        max_concurrency: defaults.max_concurrency,
    }
}
