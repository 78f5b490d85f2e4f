//! One host, from the flags to the exit code: opened, given a module, waited for through signals, closed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustyray_host::{
    BuildError, Capabilities, ErrorKind, Host, LogLevel, LogLine, LogSource, Module, ObjectRef, Stats, TaskResult,
    Value,
};
use tracing_subscriber::EnvFilter;

use super::console::{Console, FIRST};
use super::exit::Exit;
use super::failure::Failure;
use super::grant_syntax::LinkedModule;
use super::hints;
use super::host_args::HostArgs;
use super::json_outcome::{Counts, JsonOutcome};
use super::progress;
use super::receipts::ReceiptFile;
use super::refusals::Refusals;
use super::signals::{Signal, Signals};
use super::timeline::Timeline;

/// A host with what the command line hangs on it.
pub struct Session {
    host: Host,
    console: Console,
    signals: Signals,
    grace: Duration,
    receipts: Option<Arc<ReceiptFile>>,
    timeline: Option<Arc<Timeline>>,
    /// What the flags grant.
    held: Capabilities,
    refusals: Arc<Refusals>,
    with: Vec<LinkedModule>,
    weights: Vec<(String, u32)>,
    /// Can the order of results and of what tasks said be seen?
    beside: bool,
}

/// The end of what was waited for.
pub enum Ended {
    /// By itself.
    Outcome(TaskResult<Arc<Value>>),
    /// Because the user said so.
    Signal(Signal),
}

impl Session {
    /// Builds the host that the flags describe.
    ///
    /// # Errors
    /// What cannot be opened, or what the machine does not allow.
    pub fn open(args: &HostArgs, console: &Console) -> Result<Self, Failure> {
        trace_to(console);
        console.set_ending(false);
        let (with, weights) = (args.with.modules(console)?, args.with.weights());
        let signals = listen()?;
        let receipts = args.output.receipts.as_deref();
        let receipts = receipts.map(|path| ReceiptFile::create(path, console).map(Arc::new)).transpose()?;
        let timeline = args.output.timeline.as_deref();
        let timeline = timeline.map(|path| Timeline::create(path, console).map(Arc::new)).transpose()?;
        let refusals = Arc::new(Refusals::default());
        let (log, screen, sink, refused) = (console.clone(), console.clone(), receipts.clone(), refusals.clone());
        let drawn = timeline.clone();
        let held = args.capabilities()?;
        let mut builder = args.builder(console, held.clone())?;
        if let Some(timeline) = timeline.clone() {
            builder = builder.on_event(move |event| timeline.event(event));
        }
        let host = builder
            .on_log(move |line| show(line, &log))
            .on_inherited_output(move |source, bytes| screen.make_way(source, bytes))
            .on_receipt(move |receipt| {
                refused.note(receipt);
                if let Some(file) = &sink {
                    file.write(receipt);
                }
                if let Some(timeline) = &drawn {
                    timeline.receipt(receipt);
                }
            })
            .build()
            .map_err(|error| no_host(&error))?;
        let (console, grace) = (console.clone(), args.grace());
        let beside = console.is_beside_stdout();
        Ok(Session { host, console, signals, grace, receipts, timeline, held, refusals, with, weights, beside })
    }

    /// Loads the module, and before it those that it may call.
    ///
    /// # Errors
    /// Why one is none.
    pub async fn load(&mut self, path: &Path) -> Result<Module, Failure> {
        let mut loaded = Vec::new();
        for LinkedModule { name, path } in std::mem::take(&mut self.with) {
            let module = self.load_as(Some(&name), &path).await?;
            module.register().map_err(|error| Failure::usage(error.to_string()))?;
            loaded.push(module);
        }
        let module = self.load_as(None, path).await?;
        loaded.push(module.clone());
        self.weigh(&loaded)?;
        Ok(module)
    }

    /// Says something that is no error.
    pub fn say(&self, text: &str) {
        self.console.line(&format!("{} {text}", self.console.colour().bold("note:")));
    }

    /// Gives the modules their weights.
    fn weigh(&self, loaded: &[Module]) -> Result<(), Failure> {
        for (name, weight) in &self.weights {
            let Some(module) = loaded.iter().find(|module| module.name() == name) else {
                let names: Vec<&str> = loaded.iter().map(Module::name).collect();
                let text = format!("--weight names no module that is loaded: '{}'", name.escape_debug());
                return Err(Failure::usage(text).hint(format!("the modules are: {}", names.join(", "))));
            };
            module.set_weight(*weight).map_err(|error| Failure::usage(error.to_string()))?;
        }
        Ok(())
    }

    async fn load_as(&mut self, name: Option<&str>, path: &Path) -> Result<Module, Failure> {
        let began = Instant::now();
        let host = &self.host;
        let loading = async {
            match name {
                Some(name) => host.load_file_as(name, path).await,
                None => host.load_file(path).await,
            }
        };
        let loaded = tokio::select! {
            loaded = loading => loaded,
            never = self.signals.end_at_once(&self.console) => match never {},
        };
        let module = loaded.map_err(|error| Failure::of_module(path, &error))?;
        self.console.note(&format!("loaded {} in {:.0?}", path.display(), began.elapsed()));
        Ok(module)
    }

    /// Waits for a result, shows the progress, and drains when a signal comes. `driver` says that it is a program's
    /// `main`.
    pub async fn wait(&mut self, object: &ObjectRef, driver: bool) -> Ended {
        let Session { host, console, signals, timeline, beside, .. } = self;
        let work = async {
            tokio::select! {
                biased;
                outcome = host.value(object, None) => Ended::Outcome(outcome),
                signal = signals.next() => {
                    // From here on guests' lines do not wait for who has long read none. The next signal ends the process as it is.
                    console.set_ending(true);
                    timeline.iter().for_each(|timeline| timeline.flush());
                    drain(host, object, console, self.grace).or_end(signals, console).await;
                    Ended::Signal(signal)
                }
            }
        };
        let ended = tokio::select! {
            ended = work => ended,
            never = progress::watch(host, console, driver) => match never {},
        };
        console.clear();
        if *beside {
            // What tasks said comes before their results.
            let _ = tokio::time::timeout(FIRST, host.flush()).await;
            console.catch_up();
        }
        ended
    }

    /// Does this until it is done, or until a signal comes, which it gives.
    pub async fn until_signal(&mut self, work: impl AsyncFnOnce(&Host)) -> Option<Signal> {
        let Session { host, signals, .. } = self;
        tokio::select! {
            biased;
            signal = signals.next() => Some(signal),
            () = work(host) => None,
        }
    }

    /// Ends the host and tells how it went.
    ///
    /// # Errors
    /// The failure that it was given, told already, or that receipts were lost.
    pub async fn close(mut self, result: Result<u8, Failure>) -> Result<u8, Failure> {
        self.console.set_ending(true);
        let shutdown = self.host.shutdown(Duration::ZERO);
        shutdown.or_end(&mut self.signals, &self.console).await;
        self.console.clear();
        let stats = self.host.stats();
        let result = self.tell(result, &stats);
        let kept =
            if stats.from_journal > 0 { format!(" ({} from the journal)", stats.from_journal) } else { String::new() };
        let (done, failed, cancelled) = (stats.succeeded, stats.failed, stats.cancelled);
        self.console.note(&format!("{done} done{kept}, {failed} failed, {cancelled} cancelled"));
        let receipts = self.receipts.as_ref().map_or(Ok(()), |file| file.finish(stats.dropped_receipts));
        let timeline = self.timeline.as_ref().map_or(Ok(()), |file| file.finish(stats.dropped_events));
        let lost = match (receipts, timeline) {
            (Err(receipts), Err(timeline)) => {
                receipts.report(&self.console);
                Err(timeline)
            }
            (receipts, timeline) => receipts.and(timeline),
        };
        match (lost, result) {
            (Err(lost), Ok(0)) => Err(lost),
            (Err(lost), result) => {
                lost.report(&self.console);
                result
            }
            (Ok(()), result) => result,
        }
    }
}

impl Session {
    /// Tells the user, or a script, how it went. A failure that was told is silent from here on.
    fn tell(&self, result: Result<u8, Failure>, stats: &Stats) -> Result<u8, Failure> {
        if self.console.is_json() {
            let none =
                || JsonOutcome { exit: *result.as_ref().unwrap_or(&0), error: None, refused: Vec::new(), counts: None };
            let ending = result.as_ref().err().map_or_else(none, Failure::ending);
            JsonOutcome { refused: self.refusals.names(), counts: Some(Counts::of(stats)), ..ending }
                .write(&self.console);
        }
        let result = result.map_err(|failure| {
            if !self.console.is_json() {
                failure.report(&self.console);
            }
            Failure::silent(failure.exit)
        });
        if !matches!(result, Ok(0)) && !self.console.is_json() {
            self.refusals.report(&self.console, &self.held);
        }
        result
    }
}

impl Ended {
    /// Is there no further item of a stream?
    pub fn is_end_of_stream(&self) -> bool {
        matches!(self, Ended::Outcome(Err(error)) if error.kind == ErrorKind::StreamEnded)
    }

    /// The value.
    ///
    /// # Errors
    /// Why there is none. After a signal all has been said.
    pub fn value(self, args: &HostArgs) -> Result<Arc<Value>, Failure> {
        match self {
            Ended::Outcome(outcome) => outcome.map_err(|error| Failure::of_task(&error, hints::of(&error, args))),
            Ended::Signal(signal) => Err(Failure::silent(signal.exit())),
        }
    }
}

/// Listens for signals.
///
/// # Errors
/// The system refuses.
pub fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::host(format!("cannot listen for signals: {error}")))
}

/// A host that could not be built, and what to do.
pub fn no_host(error: &BuildError) -> Failure {
    let failure = Failure::host(format!("cannot start the host: {error}"));
    match error {
        BuildError::Engine(_) => {
            failure.hint("where address space is limited (`ulimit -v`), ask for fewer --instances")
        }
        _ => failure,
    }
}

async fn drain(host: &Host, object: &ObjectRef, console: &Console, grace: Duration) {
    let stats = host.stats();
    let left = stats.running + stats.pending;
    console.line(&format!(
        "draining: {left} {} {} to finish (again to end at once)",
        if left == 1 { "task has" } else { "tasks have" },
        humantime::format_duration(grace)
    ));
    host.shutdown(grace).await;
    if !object.is_ready() || host.value(object, None).await.is_err_and(|error| error.kind == ErrorKind::HostShutDown) {
        console.line("the time to finish is over: what was left was ended");
    }
}

/// Waiting that the next signal cuts short, with the process.
trait OrEnd: Future<Output = ()> + Sized {
    async fn or_end(self, signals: &mut Signals, console: &Console) {
        tokio::select! {
            biased;
            () = self => {}
            never = signals.end_at_once(console) => match never {},
        }
    }
}

impl<F: Future<Output = ()>> OrEnd for F {}

/// The host's own messages.
fn trace_to(console: &Console) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|error| {
        console.line(&format!("RUST_LOG is not understood, and taken as `warn`: {error}"));
        EnvFilter::new("warn")
    });
    // A process that has a subscriber already keeps it.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(console.colour().is_on())
        .with_writer(console.clone())
        .try_init();
}

/// A line of a task, under its name. What a task prints is always shown, its log by weight.
fn show(line: &LogLine, console: &Console) {
    let least = match (console.is_quiet(), console.verbosity()) {
        (true, _) => LogLevel::Warn,
        (false, 0) => LogLevel::Info,
        (false, 1) => LogLevel::Debug,
        (false, _) => LogLevel::Trace,
    };
    if !matches!(line.source, LogSource::Log(level) if level < least) {
        console.guest_line(&line.to_string());
    }
}

/// The exit code that a program gave, as the system can carry it.
pub fn exit_code(value: &Value) -> Result<u8, Failure> {
    let code: i32 = serde_json::from_slice(&value.payload().data)
        .map_err(|error| Failure::new(Exit::Host, format!("the exit code of main cannot be read: {error}")))?;
    // Whatever does not fit must not look like success.
    Ok(u8::try_from(code).unwrap_or(1))
}
