//! What a module says that it offers, checked before anybody relies on it: every name, number and length in it is the guest's.

use std::collections::HashSet;

use super::bindings::exports::rustyray::core::guest as wit;
use super::convert::checked_name;
use super::interfaces::SERVER_INTERFACE;
use super::module_error::ModuleError;
use crate::types::error::shorten;
use crate::types::limits::{
    ARGUMENTS_MAX, CONCURRENCY_GROUPS_MAX, CONCURRENCY_MAX, ERROR_TEXT_MAX, MANIFEST_BYTES_MAX, MANIFEST_ENTRIES_MAX,
};
use crate::types::manifest::{ActorTypeInfo, ConcurrencyGroup, FunctionInfo, Manifest, ParameterInfo};
use crate::types::options::TaskOptions;

/// Checks what a module says of itself; `serves` if it can serve several calls at once.
pub(super) fn checked_manifest(manifest: wit::Manifest, serves: bool) -> Result<Manifest, ModuleError> {
    let count = manifest.tasks.len() + manifest.actors.len();
    check(count <= MANIFEST_ENTRIES_MAX, || format!("{count} tasks and actors: at most {MANIFEST_ENTRIES_MAX}"))?;
    let checked = Manifest {
        sdk: shown(manifest.sdk),
        encoding: manifest.encoding.into(),
        tasks: functions("task", manifest.tasks)?,
        actors: manifest.actors.into_iter().map(actor_type).collect::<Result<_, _>>()?,
        left_out: Vec::new(),
    };
    // Lists can lie at one place in the guest's memory, and are as many here.
    check_bytes(checked.kept_bytes())?;
    unique("actor", checked.actors.iter().map(|actor| &*actor.name))?;
    let unserved = checked.actors.iter().find(|actor| actor.serves_several()).filter(|_| !serves);
    check(unserved.is_none(), || {
        let name = unserved.map_or("", |actor| &actor.name);
        format!("actor '{name}' serves several calls at once, and the module does not export {SERVER_INTERFACE}")
    })?;
    Ok(checked)
}

/// May the host keep so much of a manifest?
pub(super) fn check_bytes(bytes: u64) -> Result<(), ModuleError> {
    check(bytes <= MANIFEST_BYTES_MAX, || {
        format!("the host would keep at least {bytes} bytes of texts and functions: at most {MANIFEST_BYTES_MAX}")
    })
}

fn actor_type(actor: wit::ActorType) -> Result<ActorTypeInfo, ModuleError> {
    let bad = ModuleError::BadManifest;
    let methods = stateful(functions("method", actor.methods)?)?;
    let info = ActorTypeInfo {
        name: checked_name(actor.name).map_err(bad)?,
        constructors: constructing(stateful(functions("constructor", actor.constructors)?)?)?,
        groups: groups(actor.groups, &methods)?,
        methods,
        options: actor.options.try_into().map_err(bad)?,
        checkpoint: actor.checkpoint,
        docs: shorten(actor.docs, ERROR_TEXT_MAX),
    };
    check(!(info.serves_several() && info.checkpoint.is_some()), || {
        format!(
            "actor '{}' serves several calls at once, and can save no checkpoints: there is no moment between two calls",
            info.name
        )
    })?;
    check(info.options.max_concurrency.is_none_or(is_concurrency), || out_of_range(&info.name))?;
    Ok(info)
}

/// Calls at once that a host serves.
pub(super) fn is_concurrency(calls: u32) -> bool {
    (1..=CONCURRENCY_MAX).contains(&calls)
}

fn out_of_range(of: &str) -> String {
    format!("'{of}' serves from 1 to {CONCURRENCY_MAX} calls at once")
}

/// Groups of methods that there are, each of them in one.
fn groups(groups: Vec<wit::Group>, methods: &[FunctionInfo]) -> Result<Vec<ConcurrencyGroup>, ModuleError> {
    check(groups.len() <= CONCURRENCY_GROUPS_MAX, || {
        format!("{} concurrency groups: at most {CONCURRENCY_GROUPS_MAX}", groups.len())
    })?;
    let named = groups.iter().map(|group| group.methods.len()).sum::<usize>();
    check(named <= methods.len(), || "a method is in several concurrency groups, or in one twice".to_owned())?;
    let groups = groups.into_iter().map(|group| self::group(group, methods)).collect::<Result<Vec<_>, _>>()?;
    unique("concurrency group", groups.iter().map(|group| &*group.name))?;
    unique("method of concurrency groups", groups.iter().flat_map(|group| &group.methods).map(|name| &**name))?;
    Ok(groups)
}

fn group(group: wit::Group, methods: &[FunctionInfo]) -> Result<ConcurrencyGroup, ModuleError> {
    let name = checked_name(group.name).map_err(ModuleError::BadManifest)?;
    check(is_concurrency(group.max_concurrency), || out_of_range(&name))?;
    let find = |method: String| {
        let declared = methods.iter().find(|declared| *declared.name == *method);
        let missing = || {
            ModuleError::BadManifest(format!("concurrency group '{name}' has no method '{}'", method.escape_debug()))
        };
        declared.map(|declared| declared.name.clone()).ok_or_else(missing)
    };
    let methods = group.methods.into_iter().map(find).collect::<Result<_, _>>()?;
    Ok(ConcurrencyGroup { name, max_concurrency: group.max_concurrency, methods })
}

/// What constructs gives one result.
fn constructing(functions: Vec<FunctionInfo>) -> Result<Vec<FunctionInfo>, ModuleError> {
    let streams = functions.iter().find(|function| function.streams);
    check(streams.is_none(), || {
        format!("'{}' constructs an actor, and cannot be a stream", streams.map_or("", |streams| &streams.name))
    })?;
    Ok(functions)
}

/// Only a task can be pure.
fn stateful(functions: Vec<FunctionInfo>) -> Result<Vec<FunctionInfo>, ModuleError> {
    let pure = functions.iter().find(|function| function.pure);
    check(pure.is_none(), || format!("'{}' is an actor's, and cannot be pure", pure.map_or("", |pure| &pure.name)))?;
    Ok(functions)
}

fn functions(what: &str, functions: Vec<wit::Function>) -> Result<Vec<FunctionInfo>, ModuleError> {
    check(functions.len() <= MANIFEST_ENTRIES_MAX, || {
        format!("{} {what}s: at most {MANIFEST_ENTRIES_MAX}", functions.len())
    })?;
    let checked = functions.into_iter().map(function).collect::<Result<Vec<_>, _>>()?;
    unique(what, checked.iter().map(|function| &*function.name))?;
    Ok(checked)
}

fn function(function: wit::Function) -> Result<FunctionInfo, ModuleError> {
    let bad = ModuleError::BadManifest;
    let count = function.parameters.len();
    check(count <= ARGUMENTS_MAX, || format!("{count} parameters: at most {ARGUMENTS_MAX}"))?;
    let options: TaskOptions = function.options.try_into().map_err(bad)?;
    let granted = options.grants.as_ref().is_some_and(|grants| !grants.is_empty());
    check(!(function.pure && granted), || {
        format!("'{}' is pure, and can hold no grants", function.name.escape_debug())
    })?;
    check(!(function.pure && function.streams), || {
        format!("'{}' is a stream, and cannot be pure: one result is kept", function.name.escape_debug())
    })?;
    Ok(FunctionInfo {
        name: checked_name(function.name).map_err(bad)?,
        wit_name: None,
        parameters: function
            .parameters
            .into_iter()
            .map(|parameter| ParameterInfo { name: shown(parameter.name), type_name: shown(parameter.type_name) })
            .collect(),
        result_type: shown(function.result_type),
        options,
        pure: function.pure,
        streams: function.streams,
        docs: shorten(function.docs, ERROR_TEXT_MAX),
    })
}

/// A text as it is shown. It is shortened first: escapes make it several times as long.
fn shown(text: String) -> String {
    shorten(shorten(text, ERROR_TEXT_MAX).escape_debug().to_string(), ERROR_TEXT_MAX)
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), ModuleError> {
    let mut seen = HashSet::new();
    for name in names {
        check(seen.insert(name), || format!("two {what}s are named '{name}': give one of them another name"))?;
    }
    Ok(())
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), ModuleError> {
    if holds { Ok(()) } else { Err(ModuleError::BadManifest(otherwise())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::wire;

    fn options() -> wire::TaskOptions {
        wire::TaskOptions {
            name: None,
            timeout_ns: None,
            fuel: None,
            fuel_share: None,
            memory_bytes: None,
            table_elements: None,
            output_bytes: None,
            max_retries: None,
            retry_exceptions: None,
            retry_backoff_ns: None,
            priority: None,
            cpu_milli: None,
            resources: Vec::new(),
            grants: None,
        }
    }

    fn function(name: &str) -> wit::Function {
        wit::Function {
            name: name.to_owned(),
            parameters: Vec::new(),
            result_type: "()".to_owned(),
            options: options(),
            pure: false,
            streams: false,
            docs: String::new(),
        }
    }

    fn manifest(tasks: Vec<wit::Function>) -> wit::Manifest {
        wit::Manifest { sdk: "a test".to_owned(), encoding: wire::Encoding::Json, tasks, actors: Vec::new() }
    }

    fn refused(tasks: Vec<wit::Function>) -> String {
        checked_manifest(manifest(tasks), false).unwrap_err().to_string()
    }

    #[test]
    fn lists_that_lie_at_one_place_count_as_often_as_they_are_named() {
        let few: Vec<_> = (0..100).map(|number| function(&number.to_string())).collect();
        let mut many = manifest(Vec::new());
        let actor = |name: String| wit::ActorType {
            name,
            methods: few.iter().map(|method| function(&method.name)).collect(),
            ..concurrent(None, &[])
        };
        many.actors = (0..1000).map(|number| actor(number.to_string())).collect();
        let refused = checked_manifest(many, false).unwrap_err().to_string();
        assert!(refused.contains("bytes of texts and functions"), "{refused}");
        let mut some = manifest(Vec::new());
        some.actors = vec![actor("one".to_owned())];
        assert!(checked_manifest(some, false).is_ok());
    }

    #[test]
    fn an_honest_manifest_passes() {
        let checked = checked_manifest(manifest(vec![function("a"), function("m::b")]), false).unwrap();
        assert_eq!(checked.tasks.len(), 2);
    }

    #[test]
    fn manifests_that_lie_are_refused() {
        assert!(refused(vec![function("a"), function("a")]).contains("two tasks are named 'a'"));
        assert!(refused(vec![function("")]).contains("names have 1 to"));
        assert!(refused(vec![function("a\u{1b}[2J")]).contains("control characters"));
        assert!(refused(vec![function(&"x".repeat(10_000))]).contains("10000 bytes"));
        let many = (0..=MANIFEST_ENTRIES_MAX).map(|n| function(&n.to_string())).collect();
        assert!(refused(many).contains("at most"));
        let mut wide = function("wide");
        let parameter = || wit::Parameter { name: "p".to_owned(), type_name: "T".to_owned() };
        wide.parameters = (0..=ARGUMENTS_MAX).map(|_| parameter()).collect();
        assert!(refused(vec![wide]).contains("parameters: at most"));
        let mut impure = function("impure");
        impure.pure = true;
        impure.options.grants = Some(vec!["clock".to_owned()]);
        assert!(refused(vec![impure]).contains("can hold no grants"));
        let mut several = function("several");
        (several.pure, several.streams) = (true, true);
        assert!(refused(vec![several]).contains("is a stream, and cannot be pure"));
        let mut greedy = function("greedy");
        greedy.options.resources = (0..100).map(|n| (n.to_string(), 1)).collect();
        assert!(refused(vec![greedy]).contains("custom resources: at most"));
    }

    /// An actor with the methods `a` and `b`, so many calls at once, and these groups.
    fn concurrent(calls: Option<u32>, groups: &[(&str, u32, &[&str])]) -> wit::ActorType {
        let group = |(name, max_concurrency, methods): &(&str, u32, &[&str])| wit::Group {
            name: (*name).to_owned(),
            max_concurrency: *max_concurrency,
            methods: methods.iter().map(|name| (*name).to_owned()).collect(),
        };
        wit::ActorType {
            name: "Hall".to_owned(),
            constructors: vec![function("new")],
            methods: vec![function("a"), function("b")],
            options: wire::ActorOptions {
                call: options(),
                name: None,
                namespace: None,
                get_if_exists: None,
                max_restarts: None,
                max_pending_calls: None,
                detached: None,
                max_concurrency: calls,
            },
            checkpoint: None,
            groups: groups.iter().map(group).collect(),
            docs: String::new(),
        }
    }

    #[test]
    fn actors_that_serve_several_calls_say_how_many_and_of_what() {
        let check = |actor: wit::ActorType, serves| {
            let checked = checked_manifest(wit::Manifest { actors: vec![actor], ..manifest(Vec::new()) }, serves);
            checked.map_err(|error| error.to_string()).map(|manifest| manifest.actors[0].clone())
        };
        let checked = check(concurrent(Some(4), &[("io", 2, &["b"])]), true).unwrap();
        assert_eq!((checked.lane("a"), checked.lane("b")), (0, 1));
        let lies: [(wit::ActorType, &str); 8] = [
            (concurrent(Some(0), &[]), "from 1 to 1000 calls"),
            (concurrent(Some(CONCURRENCY_MAX + 1), &[]), "from 1 to 1000 calls"),
            (concurrent(None, &[("io", 0, &[])]), "from 1 to 1000 calls"),
            (concurrent(None, &[("io", 1, &["c"])]), "'io' has no method 'c'"),
            (concurrent(None, &[("io", 1, &[]), ("io", 1, &[])]), "two concurrency groups are named 'io'"),
            (concurrent(None, &[("io", 1, &["a"]), ("b", 1, &["a"])]), "are named 'a'"),
            (concurrent(None, &[("io", 1, &["a", "a", "a"])]), "in several concurrency groups"),
            (concurrent(None, &vec![("io", 1, &[][..]); CONCURRENCY_GROUPS_MAX + 1]), "at most 64"),
        ];
        for (lie, says) in lies {
            let refusal = check(lie, true).unwrap_err();
            assert!(refusal.contains(says), "{refusal}");
        }
        let refusal = check(wit::ActorType { checkpoint: Some(1), ..concurrent(Some(2), &[]) }, true).unwrap_err();
        assert!(refusal.contains("no checkpoints"), "{refusal}");
        let refusal = check(concurrent(Some(2), &[]), false).unwrap_err();
        assert!(refusal.contains("does not export rustyray:core/server"), "{refusal}");
    }
}
