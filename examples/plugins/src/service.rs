//! Runs the plugins of a user, for as long as the quotas last.

use std::sync::Arc;
use std::time::Duration;

use rustyray_host::limits::TaskLimits;
use rustyray_host::{BuildError, Capabilities, ErrorKind, Host, Module, TaskError, TaskOptions};

use crate::ledger::{Ledger, Used};
use crate::uploads::Upload;

/// Calls that each user has.
const CALLS: u32 = 5;

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

/// What a user has left.
struct Account {
    calls: u32,
    fuel: u64,
}

impl Service {
    /// Whatever a plugin declares for itself, or asks for on behalf of its children, is within these limits; and it may
    /// touch nothing.
    pub fn start() -> Result<Self, BuildError> {
        let limits =
            TaskLimits { timeout: Some(TIME), fuel: Some(FUEL), memory_bytes: MEMORY_BYTES, ..TaskLimits::default() };
        let ledger = Ledger::default();
        let receipts = ledger.clone();
        let host = Host::builder()
            .default_limits(limits.clone())
            .ceiling(limits)
            .capabilities(Capabilities::none())
            .on_receipt(move |receipt| receipts.enter(receipt))
            .build()?;
        Ok(Service { host: Arc::new(host), ledger })
    }

    /// Calls each plugin of one user with each of the texts.
    pub async fn serve(self, uploads: Vec<Upload>, texts: &'static [&'static str]) -> Vec<Outcome> {
        let mut account = Account { calls: CALLS, fuel: FUEL };
        let mut outcomes = Vec::new();
        for upload in uploads {
            outcomes.push(self.run(upload, texts, &mut account).await);
        }
        outcomes
    }

    async fn run(&self, upload: Upload, texts: &[&'static str], account: &mut Account) -> Outcome {
        let name = format!("{}/{}", upload.user, upload.plugin);
        let module = match upload.read() {
            Ok(bytes) => self.host.load_bytes(&name, bytes).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let Upload { user, plugin, .. } = upload;
        let mut outcome = Outcome { user, plugin, calls: 0, used: Used::default(), texts: Vec::new(), ended: None };
        outcome.ended = match module {
            Ok(module) => self.call(&module, texts, account, &mut outcome).await,
            Err(error) => Some(format!("not loaded: {error}")),
        };
        outcome.used = self.ledger.used(&name);
        outcome
    }

    /// Calls a plugin until it fails, or its user has no call left. Says which.
    async fn call(
        &self,
        module: &Module,
        texts: &[&'static str],
        account: &mut Account,
        outcome: &mut Outcome,
    ) -> Option<String> {
        for text in texts {
            if account.calls == 0 {
                return Some(format!("its user has made {CALLS} calls"));
            }
            account.calls -= 1;
            outcome.calls += 1;
            let used_before = self.ledger.used(module.name()).fuel;
            let options = TaskOptions::new().fuel(account.fuel);
            let task = module.task(FUNCTION).arg(*text).options(options).submit().await;
            let rendered = self.host.get::<String>(&task).await;
            // Receipts come a moment after results.
            self.host.flush().await;
            let used = self.ledger.used(module.name()).fuel - used_before;
            account.fuel = account.fuel.saturating_sub(used);
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
