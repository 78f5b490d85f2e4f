//! `rustyray-host inspect MODULE|DIR [--json]`.

use std::path::Path;

use clap::Args;
use rustyray_host::{ActorTypeInfo, FunctionInfo, Host, LogLine, Manifest, Module};
use serde::Serialize;

use super::colour::Colour;
use super::compiler_args::CompilerArgs;
use super::console::Console;
use super::failure::Failure;
use super::guest::GuestArgs;
use super::session::{listen, no_host};
use super::{cache, results};

/// Show what a module offers. Its `main` and its tasks are not run.
#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    guest: GuestArgs,
    /// As one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Compile the module anew, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

impl Inspect {
    /// Prints it.
    ///
    /// # Errors
    /// Why it is no module.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let path = self.guest.module(console)?;
        let module = load(&path, self.no_cache, console).await?;
        let text = match self.json {
            true => as_json(&module)?,
            false => Sheet::new(Colour::of(&std::io::stdout())).of_module(&module),
        };
        results::write_out(text.as_bytes())?;
        Ok(0)
    }
}

/// A module to look at, whose host is gone.
///
/// # Errors
/// Why it is none.
pub async fn load(path: &Path, no_cache: bool, console: &Console) -> Result<Module, Failure> {
    let mut signals = listen()?;
    let builder = Host::builder().instances(1).threads(1).guest_priority(i32::MAX);
    let builder = CompilerArgs::default().add(builder);
    let host = cache::add(builder, no_cache, console).build().map_err(|error| no_host(&error))?;
    let loaded = tokio::select! {
        loaded = host.load_file(path) => loaded,
        never = signals.end_at_once(console) => match never {},
    };
    loaded.map_err(|error| Failure::of_module(path, &error))
}

/// What `--json` prints. Plain programs have no manifest.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    main: bool,
    manifest: Option<&'a Manifest>,
    imports: &'a [String],
}

fn as_json(module: &Module) -> Result<String, Failure> {
    let info = module.info();
    let report =
        Report { name: module.name(), main: info.has_main, manifest: info.manifest.as_deref(), imports: &info.imports };
    let text = serde_json::to_string_pretty(&report);
    text.map(|text| format!("{text}\n")).map_err(|error| Failure::host(format!("cannot write this as JSON: {error}")))
}

/// The text for people, as it grows.
struct Sheet {
    colour: Colour,
    text: String,
}

impl Sheet {
    fn new(colour: Colour) -> Self {
        Sheet { colour, text: String::new() }
    }

    fn of_module(mut self, module: &Module) -> String {
        let name = self.colour.bold(module.name());
        let what = match (module.info().has_main, module.manifest()) {
            (true, None) => "a plain program, without tasks and actors",
            (true, Some(_)) => "a program: run it, or call its tasks",
            (false, _) => "tasks and actors, without a main",
        };
        self.line(0, &format!("{name}  {what}"));
        if let Some(manifest) = module.manifest() {
            self.manifest(&manifest);
        }
        self.heading("imports");
        module.info().imports.iter().for_each(|import| self.line(2, import));
        self.text
    }

    fn manifest(&mut self, manifest: &Manifest) {
        let encoding = format!("{:?}", manifest.encoding).to_lowercase();
        let made = format!("made with {}, values in {encoding}", manifest.sdk);
        self.line(0, &self.colour.dim(&made));
        if !manifest.tasks.is_empty() {
            self.heading("tasks");
            manifest.tasks.iter().for_each(|task| self.function(2, task));
        }
        if !manifest.actors.is_empty() {
            self.heading("actors");
            manifest.actors.iter().for_each(|actor| self.actor(actor));
        }
        if !manifest.left_out.is_empty() {
            self.heading("not callable");
            manifest.left_out.iter().for_each(|one| self.line(2, &one.to_string()));
        }
    }

    fn actor(&mut self, actor: &ActorTypeInfo) {
        self.line(2, &self.colour.bold(&actor.name));
        let checkpoint = match actor.checkpoint {
            None => String::new(),
            Some(0) => "checkpoint ".to_owned(),
            Some(calls) => format!("checkpoint_every={calls} "),
        };
        let summary = checkpoint + &actor.options.summary();
        self.details(4, summary.trim_end(), &actor.docs);
        for group in &actor.groups {
            let methods = group.methods.join(", ");
            self.line(4, &format!("concurrency group {}={}: {methods}", group.name, group.max_concurrency));
        }
        for function in actor.constructors.iter().chain(&actor.methods) {
            self.function(4, function);
        }
    }

    fn function(&mut self, indent: usize, function: &FunctionInfo) {
        let signature = function.to_string();
        let rest = &signature[function.name.len()..];
        self.line(indent, &format!("{}{rest}", self.colour.bold(&function.name)));
        let pure = if function.pure { "pure " } else { "" };
        let summary = format!("{pure}{}", function.options.summary());
        self.details(indent + 4, summary.trim_end(), &function.docs);
    }

    /// Limits and documentation, where there are any. The latter is the guest's own text.
    fn details(&mut self, indent: usize, limits: &str, docs: &str) {
        for line in docs.lines().filter(|line| !line.trim().is_empty()) {
            self.line(indent, &self.colour.dim(&LogLine::clean(line.trim())));
        }
        if !limits.is_empty() {
            self.line(indent, limits);
        }
    }

    fn heading(&mut self, text: &str) {
        self.text.push('\n');
        self.line(0, &self.colour.bold(text));
    }

    fn line(&mut self, indent: usize, text: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(text);
        self.text.push('\n');
    }
}
