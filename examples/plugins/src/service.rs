//! Runs the plugins of a user, for as long as the quotas last.

use std::sync::Arc;
use std::time::Duration;

use rustyray_host::limits::TaskLimits;
use rustyray_host::{
    Budget, BudgetLimits, BuildError, Capabilities, CompilerProcess, ErrorKind, Host, Module, TaskError, TaskOptions,
};

use crate::ledger::{Ledger, Used};
use crate::uploads::Upload;

/// Calls that each user has, those that a plugin makes in its turn included.
const CALLS: u64 = 5;

/// Fuel that each user has, about one for an instruction.
const FUEL: u64 = 100_000_000;

/// Memory of a call.
const MEMORY_BYTES: u64 = 8 << 20;

/// Time of a call.
const TIME: Duration = Duration::from_secs(2);

/// What is done with a plugin: its function is called with each of the texts.
const FUNCTION: &str = "render";

/// A host, and what its guests used.
#[derive(Clone)]
pub struct Service {
    host: Arc<Host>,
    ledger: Ledger,
}

/// What became of a plugin.
#[derive(Clone)]
pub struct Outcome {
    pub user: String,
    pub plugin: String,
    pub calls: u32,
    pub used: Used,
    /// What it made of the texts.
    pub texts: Vec<String>,
    /// Why it was not called with all of them.
    pub ended: Option<String>,
}

impl Service {
    /// Whatever a plugin declares for itself, or asks for on behalf of its children, is within these limits; and it may
    /// touch nothing.
    pub fn start(compiler: CompilerProcess) -> Result<Self, BuildError> {
        let limits = TaskLimits { timeout: Some(TIME), memory_bytes: MEMORY_BYTES, ..TaskLimits::default() };
        let ledger = Ledger::default();
        let receipts = ledger.clone();
        let host = Host::builder()
            .compiler(compiler)
            .default_limits(limits.clone())
            .ceiling(limits)
            .capabilities(Capabilities::none())
            .on_receipt(move |receipt| receipts.enter(receipt))
            .build()?;
        Ok(Service { host: Arc::new(host), ledger })
    }

    /// Calls each plugin of one user with each of the texts.
    pub async fn serve(self, uploads: Vec<Upload>, texts: &'static [&'static str]) -> Vec<Outcome> {
        let budget = Budget::new(BudgetLimits { tasks: Some(CALLS), fuel: Some(FUEL), ..BudgetLimits::default() });
        let mut outcomes = Vec::new();
        for upload in uploads {
            outcomes.push(self.run(upload, texts, &budget).await);
        }
        outcomes
    }

    async fn run(&self, upload: Upload, texts: &[&'static str], budget: &Budget) -> Outcome {
        let name = format!("{}/{}", upload.user, upload.plugin);
        let module = match upload.read() {
            Ok(bytes) => self.host.load_bytes(&name, bytes).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let Upload { user, plugin, .. } = upload;
        let mut outcome = Outcome { user, plugin, calls: 0, used: Used::default(), texts: Vec::new(), ended: None };
        outcome.ended = match module {
            Ok(module) => self.call(&module, texts, budget, &mut outcome).await,
            Err(error) => Some(format!("not loaded: {error}")),
        };
        // Receipts come a moment after results.
        self.host.flush().await;
        outcome.used = self.ledger.used(&name);
        outcome
    }

    /// Calls a plugin until it fails, or its user has no call left. Says which.
    async fn call(
        &self,
        module: &Module,
        texts: &[&'static str],
        budget: &Budget,
        outcome: &mut Outcome,
    ) -> Option<String> {
        for text in texts {
            let options = TaskOptions::new().budget(budget);
            let task = module.task(FUNCTION).arg(*text).options(options).submit().await;
            let rendered = self.host.get::<String>(&task).await;
            if let Err(error) = &rendered
                && error.limit.as_ref().is_some_and(|limit| limit.name == "budget-tasks")
            {
                return Some(format!("its user has made {CALLS} calls"));
            }
            outcome.calls += 1;
            match rendered {
                Ok(rendered) => outcome.texts.push(rendered),
                Err(error) => return Some(reason(&error)),
            }
        }
        None
    }

    pub async fn stop(&self) {
        self.host.shutdown(Duration::from_secs(5)).await;
    }
}

/// In one line.
fn reason(error: &TaskError) -> String {
    // A panic's text is the line after the one that says where it was.
    let said =
        error.panic.as_ref().and_then(|text| text.lines().skip_while(|line| !line.contains("panicked at")).nth(1));
    match (error.kind, said) {
        (ErrorKind::WorkerCrashed, Some(said)) => format!("it panicked: {said}"),
        _ => error.message.clone(),
    }
}
