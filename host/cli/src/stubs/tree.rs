//! What a module offers, as a tree of Rust's modules: the paths of its functions have levels.

use std::collections::{BTreeMap, BTreeSet};

use rustyray_host::{ActorTypeInfo, FunctionInfo, LogLine, Manifest, limits};

use super::ident::ident;
use super::names::Scope;
use super::rust_types;
use super::tokens::Refusal;
use super::wit_types::Definitions;

/// Arguments that a function with types can take: as many as the SDK has a `remote` for.
const ARGUMENTS_MAX: usize = 12;

/// Parts of a tuple, each an object of its own, that the SDK has a type for.
const PARTS_MAX: usize = 8;

/// One level.
#[derive(Debug, Default)]
pub struct Level {
    /// The text of each item, as it stands in its module.
    pub items: Vec<String>,
    /// The levels below.
    pub below: BTreeMap<String, Level>,
    /// What is declared here.
    scope: Scope,
    /// Names that the types here need.
    used: BTreeSet<String>,
}

/// All stubs of a module.
pub struct Stubs<'a> {
    module: &'a str,
    by_types: bool,
    types: Definitions,
    root: Level,
}

/// A function's arguments and result, as the stubs declare them.
struct Signature {
    parameters: String,
    result: String,
}

impl<'a> Stubs<'a> {
    /// Those of what this module offers, to be called by this name.
    pub fn tree(module: &'a str, manifest: &Manifest) -> Level {
        let (types, root) = (Definitions::default(), Level::default());
        let mut stubs = Stubs { module, by_types: manifest.is_by_types(), types, root };
        // All names first: a parameter cannot have that of a task.
        let actors: Vec<_> = manifest.actors.iter().map(|actor| stubs.actor_names(&actor.name)).collect();
        let tasks: Vec<_> = manifest.tasks.iter().map(|task| stubs.take(&task.name)).collect();
        manifest.actors.iter().zip(actors).for_each(|(actor, names)| stubs.add_actor(actor, names));
        manifest.tasks.iter().zip(tasks).for_each(|(task, name)| stubs.add_task(task, &name));
        stubs.root.items.append(&mut stubs.types.texts);
        stubs.root
    }

    /// The name of a task's stub.
    fn take(&mut self, name: &str) -> String {
        let (path, name) = path_of(name);
        self.level(&path).scope.take(ident(name))
    }

    /// Those of an actor's type, its handle and its options.
    fn actor_names(&mut self, name: &str) -> [String; 3] {
        let type_name = self.take(name);
        let beside = |suffix: &str| format!("{}{suffix}", type_name.trim_start_matches("r#"));
        let scope = &mut self.level(&path_of(name).0).scope;
        let (handle, options) = (scope.take(beside("Handle")), scope.take(beside("Options")));
        [type_name, handle, options]
    }

    fn add_task(&mut self, task: &FunctionInfo, name: &str) {
        let (path, _) = path_of(&task.name);
        let written = self.signature(task, &path).and_then(|Signature { parameters, result }| {
            let (docs, target) = (docs(&task.docs, 4), self.target(&task.name)?);
            Ok(format!("::rustyray::stub! {{\n{docs}    fn {name}({parameters}) -> {result} = {target};\n}}\n"))
        });
        self.put(&path, &task.name, written);
    }

    fn add_actor(&mut self, actor: &ActorTypeInfo, names: [String; 3]) {
        let (path, _) = path_of(&actor.name);
        let written = self.target(&actor.name).map(|target| {
            // What they give is the handle.
            let made = |function: &FunctionInfo| FunctionInfo { result_type: "()".to_owned(), ..function.clone() };
            let constructors: Vec<_> = actor.constructors.iter().map(made).collect();
            let constructors = self.functions(&constructors, &path, |name| match name {
                "new" => "remote".to_owned(),
                other => format!("remote_{other}"),
            });
            let methods = self.functions(&actor.methods, &path, ident);
            let (docs, names) = (docs(&actor.docs, 4), names.join(", "));
            let constructors =
                constructors.map(|(docs, function, _, call)| format!("{docs}        {function} = {call};\n"));
            let methods = methods
                .map(|(docs, function, result, call)| format!("{docs}        {function} -> {result} = {call};\n"));
            let parts = format!("    constructors {{\n{constructors}    }}\n    methods {{\n{methods}    }}\n");
            format!("::rustyray::stub! {{\n{docs}    actor {names} = {target};\n{parts}}}\n")
        });
        self.put(&path, &actor.name, written);
    }

    /// The functions of an actor. Those that cannot be written are told.
    fn functions(&mut self, all: &[FunctionInfo], path: &[&str], named: impl Fn(&str) -> String) -> Functions {
        let mut scope = Scope::default();
        let written = all.iter().map(|function| {
            let (parameters, result) = match self.signature(function, path) {
                Ok(Signature { parameters, result }) => (parameters, result),
                Err(why) => return Err(left_out(&function.name, &why, 8)),
            };
            let name = scope.take(ident(&named(&function.name)));
            let (docs, call) = (docs(&function.docs, 8), literal(&function.name));
            Ok((docs, format!("fn {name}({parameters})"), result, call))
        });
        Functions(written.collect())
    }

    fn signature(&mut self, function: &FunctionInfo, path: &[&str]) -> Result<Signature, Refusal> {
        let count = function.parameters.len();
        if count > ARGUMENTS_MAX {
            return Err(format!(
                "it takes {count} arguments, and a stub at most {ARGUMENTS_MAX}: use `rustyray::remote_fn`"
            ));
        }
        let mut used = BTreeSet::new();
        let mut scope = Scope::default();
        let mut parameters = Vec::new();
        for parameter in &function.parameters {
            let place = format!("{} {}", function.name, parameter.name);
            let ty = match self.by_types {
                true => self.types.ty(&parameter.type_name, &place, &mut self.root.scope)?,
                false => one(rust_types::types(&parameter.type_name, &mut used)?)?,
            };
            let name = Some(ident(&parameter.name)).filter(|name| !self.level(path).scope.has(name));
            let name = scope.take(name.unwrap_or_else(|| format!("{}_", ident(&parameter.name))));
            parameters.push(format!("{name}: {ty}"));
        }
        let results = match self.by_types {
            true => {
                let place = format!("{} result", function.name);
                vec![self.types.result(&function.result_type, &place, &mut self.root.scope)?]
            }
            false => rust_types::types(&function.result_type, &mut used)?,
        };
        used.extend(self.types.names().cloned());
        self.level(path).used.append(&mut used);
        Ok(Signature { parameters: parameters.join(", "), result: returned(&results, function.streams)? })
    }

    /// `MODULE:FUNCTION`, as a literal.
    fn target(&self, name: &str) -> Result<String, Refusal> {
        let target = format!("{}:{name}", self.module);
        match target.len() > limits::NAME_BYTES_MAX {
            true => Err(format!("'{}:' and its name have more than {} bytes", self.module, limits::NAME_BYTES_MAX)),
            false => Ok(literal(&target)),
        }
    }

    fn level(&mut self, path: &[&str]) -> &mut Level {
        path.iter().fold(&mut self.root, |level, name| level.below.entry(ident(name)).or_default())
    }

    fn put(&mut self, path: &[&str], name: &str, written: Result<String, Refusal>) {
        let text = written.unwrap_or_else(|why| left_out(name, &why, 0));
        self.level(path).items.push(text);
    }
}

impl Level {
    /// The names that have to be in scope where this level stands.
    pub fn needs(&self) -> BTreeSet<&str> {
        let below = self.below.values().flat_map(Level::needs);
        let all = self.used.iter().map(String::as_str).chain(below);
        all.filter(|name| !self.scope.has(name) && !self.below.contains_key(*name)).collect()
    }
}

/// Functions of an actor, each in parts: documentation, name and parameters, result, what it calls.
struct Functions(Vec<Result<(String, String, String, String), String>>);

impl Functions {
    fn map(self, write: impl Fn((String, String, String, String)) -> String) -> String {
        self.0.into_iter().map(|function| function.map_or_else(|told| told, &write)).collect()
    }
}

/// The levels of a name, and what is left of it. An interface that is written with its package is one level, whatever is in its name.
fn path_of(name: &str) -> (Vec<&str>, &str) {
    if let Some((interface, function)) = name.split_once('#') {
        return (vec![interface], function);
    }
    let mut path: Vec<&str> = name.split("::").flat_map(|part| part.split('.')).collect();
    let last = path.pop().unwrap_or(name);
    (path, last)
}

fn one(mut types: Vec<String>) -> Result<String, Refusal> {
    match (types.pop(), types.is_empty()) {
        (Some(ty), true) => Ok(ty),
        _ => Err("a parameter has one type".to_owned()),
    }
}

fn returned(types: &[String], streams: bool) -> Result<String, Refusal> {
    match (types, streams) {
        ([ty], false) => Ok(format!("::rustyray::ObjectRef<{ty}>")),
        ([ty], true) => Ok(format!("::rustyray::ObjectStream<{ty}>")),
        (parts, true) if parts.len() <= PARTS_MAX => {
            let parts: Vec<String> = parts.iter().map(|ty| format!("::rustyray::ObjectRef<{ty}>")).collect();
            Ok(format!("({})", parts.join(", ")))
        }
        _ => Err("its result is no type".to_owned()),
    }
}

fn literal(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// A line for what has no stub.
fn left_out(name: &str, why: &str, indent: usize) -> String {
    let text = LogLine::clean(&format!("'{}' is left out: {why}", name.escape_debug()));
    format!("{}// {text}\n", " ".repeat(indent))
}

/// Documentation, which is the module's own text: no code in it is a test here, and nothing a link.
fn docs(text: &str, indent: usize) -> String {
    let line = |line: &str| {
        let line = LogLine::clean(line.trim()).replace("```", "'''").replace("~~~", "---").replace('[', "\\[");
        format!("{}/// {line}\n", " ".repeat(indent))
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use rustyray_host::{ActorOptions, Encoding, ParameterInfo, TaskOptions};

    use super::*;

    fn function(name: &str, parameters: &[(&str, &str)], result: &str, streams: bool) -> FunctionInfo {
        let parameter =
            |(name, ty): &(&str, &str)| ParameterInfo { name: (*name).to_owned(), type_name: (*ty).to_owned() };
        FunctionInfo {
            name: name.into(),
            wit_name: None,
            parameters: parameters.iter().map(parameter).collect(),
            result_type: result.to_owned(),
            options: TaskOptions::new(),
            pure: false,
            streams,
            docs: "Says\n  ```\nrm()\n```\n\u{1b}[2J [link]".to_owned(),
        }
    }

    fn tree(tasks: Vec<FunctionInfo>) -> Level {
        let actor = ActorTypeInfo {
            name: "deep::type".into(),
            constructors: vec![function("new", &[("match", "u8")], "Self", false), function("other", &[], "X", false)],
            methods: vec![function("a-b", &[], "DeepHandle", false), function("bad", &[], "&str", false)],
            options: ActorOptions::new(),
            checkpoint: None,
            groups: Vec::new(),
            docs: String::new(),
        };
        let (sdk, encoding, actors) = ("a test".to_owned(), Encoding::Json, vec![actor]);
        Stubs::tree("m", &Manifest { sdk, encoding, tasks, actors, left_out: Vec::new() })
    }

    #[test]
    fn whatever_a_module_says_is_a_stub_or_a_comment() {
        let many: Vec<_> = (0..13).map(|_| ("x", "u8")).collect();
        let level = tree(vec![
            function("add", &[("add", "i32"), ("b", "Point"), ("b", "u8")], "()", false),
            function("x\"; fn y() {", &[("self", "u8")], "u8", false),
            function("evil", &[("a", "u8) {} fn x(")], "u8", false),
            function("many", &many, "u8", false),
            function("parts", &[], "u8, String", true),
            function("lies", &[], "u8, String", false),
            function(&"long".repeat(64), &[], "u8", false),
        ]);
        let text = level.items.concat();
        for expected in [
            "    fn add(add_: i32, b: Point, b_2: u8) -> ::rustyray::ObjectRef<()> = \"m:add\";\n",
            "    fn x___fn_y____(self_: u8) -> ::rustyray::ObjectRef<u8> = \"m:x\\\"; fn y() {\";\n",
            "// 'evil' is left out: ') {} fn x(' cannot be written in a stub\n",
            "// 'many' is left out: it takes 13 arguments, and a stub at most 12: use `rustyray::remote_fn`\n",
            "    fn parts() -> (::rustyray::ObjectRef<u8>, ::rustyray::ObjectRef<String>) = \"m:parts\";\n",
            "// 'lies' is left out: its result is no type\n",
            "    /// Says\n    /// '''\n    /// rm()\n    /// '''\n    /// \\u{1b}\\[2J \\[link]\n",
        ] {
            assert!(text.contains(expected), "{expected}in:\n{text}");
        }
        assert!(text.contains("have more than 256 bytes"), "{text}");
        assert_eq!(level.needs().into_iter().collect::<Vec<_>>(), ["DeepHandle", "Point"]);
        let deep = level.below["deep"].items.concat();
        for expected in [
            "    actor r#type, typeHandle, typeOptions = \"m:deep::type\";\n",
            "        fn remote(r#match: u8) = \"new\";\n",
            "        fn remote_other() = \"other\";\n",
            "        fn a_b() -> ::rustyray::ObjectRef<DeepHandle> = \"a-b\";\n",
            "        // 'bad' is left out: '&str' cannot be written in a stub\n",
        ] {
            assert!(deep.contains(expected), "{expected}in:\n{deep}");
        }
    }
}
