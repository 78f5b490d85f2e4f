//! `rustyray-host call MODULE|DIR TASK ARG…`.

use std::path::Path;

use clap::Args;
use rustyray_host::{Encoding, FunctionInfo, ModuleInfo, ObjectRef, TaskCall};

use super::console::Console;
use super::failure::Failure;
use super::guest::GuestArgs;
use super::host_args::HostArgs;
use super::session::{Ended, Session};
use super::suggestion::nearest;
use super::{arguments, exit, results};

/// Call one task of a module.
///
/// Each argument is JSON. For a parameter of the type String, or string, a text that is no JSON string is taken as it is, so that
/// `call m.wasm greet Ada` needs no quotes; with --raw the same holds for bytes, list<u8>, and what is no JSON array. Flags go before
/// the first argument, or everything that follows `--` is one.
///
/// A task of a component that no SDK made is called `interface.function`, or by the whole name that WIT has for it, with or without the
/// version: `docs:calculator/ops@0.1.0#add`. Its values as JSON: records are objects, lists and tuples arrays, flags arrays of names; a
/// variant is its case's name, or {"case": value}, a result {"ok": …} or {"err": …}; none is null, and some is its value, but in
/// an option of an option {"some": …}. "NaN", "Infinity" and "-Infinity" are texts; u64 and s64 are numbers, and taken as texts, too.
///
/// The result is printed as JSON, those of a stream one after the other as they come; with --json together with the task's receipt, {"task","value","receipt"}. What the
/// task prints and logs goes to standard error, under its name.
#[derive(Args)]
#[command(after_help = exit::help(), after_long_help = exit::help())]
pub struct Call {
    #[command(flatten)]
    pub guest: GuestArgs,
    /// The task's name; `rustyray-host inspect MODULE` lists them.
    task: String,
    /// Its arguments.
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// Write a result of bytes, or a text, as it is, without a line's end, and take arguments of bytes likewise.
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    pub host: HostArgs,
}

impl Call {
    /// Calls it, and prints its result.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let module = self.guest.module(console)?;
        let mut session = Session::open(&self.host, console)?;
        let result = self.print(&module, &mut session, console).await;
        session.close(result).await
    }

    async fn print(&self, path: &Path, session: &mut Session, console: &Console) -> Result<u8, Failure> {
        let module = session.load(path).await?;
        let info = module.info();
        let task = find(&info, &self.task)?;
        let payloads = arguments::payloads(task, &self.arguments, self.raw)?;
        let encoding = if self.raw && arguments::gives_bytes(task) { Encoding::Raw } else { Encoding::Json };
        let call = module.task(&self.task).options(self.host.budget.options()).reply(encoding);
        let call = payloads.into_iter().fold(call, |call, payload| call.arg_payload(payload));
        if task.streams {
            return self.print_items(call, task, session, console).await;
        }
        let object = call.submit().await;
        let ended = session.wait(&object, false).await;
        self.print_one(ended, &object, task, console)?;
        Ok(0)
    }

    /// Prints the results of a stream as they come.
    async fn print_items(
        &self,
        call: TaskCall,
        task: &FunctionInfo,
        session: &mut Session,
        console: &Console,
    ) -> Result<u8, Failure> {
        let mut items = call.stream().await;
        loop {
            let item = items.next_ref();
            let ended = session.wait(&item, false).await;
            if ended.is_end_of_stream() {
                return Ok(0);
            }
            self.print_one(ended, &item, task, console)?;
        }
    }

    fn print_one(&self, ended: Ended, of: &ObjectRef, task: &FunctionInfo, console: &Console) -> Result<(), Failure> {
        let value = ended.value(&self.host).map_err(|failure| arguments::with_signature(failure, task))?;
        if console.is_json() {
            return results::print_with_receipt(&self.task, value.payload(), of.receipt().as_ref());
        }
        results::print(value.payload(), self.raw, console)
    }
}

/// The task of this name.
///
/// # Errors
/// There is none: those that there are.
pub fn find<'a>(module: &'a ModuleInfo, name: &str) -> Result<&'a FunctionInfo, Failure> {
    module.task(name).ok_or_else(|| unknown_task(module, name))
}

/// Lists the tasks that there are.
fn unknown_task(module: &ModuleInfo, name: &str) -> Failure {
    let Some(manifest) = &module.manifest else {
        let text = format!("module {} is a plain program, and has no tasks", module.name);
        return Failure::usage(text).hint("run it with `rustyray-host run`");
    };
    let tasks = || manifest.tasks.iter().map(|task| &*task.name);
    let listed = manifest.tasks.iter().map(|task| format!("\n  {task}")).collect::<String>();
    let text = match module.actor(name) {
        Some(_) => format!("'{name}' is an actor of module {}, and only tasks can be called", module.name),
        None => format!("module {} has no task '{name}'", module.name),
    };
    if let Some(why) = manifest.why_not(name) {
        return Failure::usage(format!("{text}: {why}")).hint("`rustyray-host inspect` lists what can be called");
    }
    let failure = Failure::usage(match listed.is_empty() {
        true => format!("{text}; it has none at all"),
        false => format!("{text}; it has:{listed}"),
    });
    match nearest(name, tasks()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => failure,
    }
}
