//! `rustyray-host bench MODULE|DIR TASK ARG…`: what a user's own task costs, measured.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::Args;
use rustyray_host::{Encoding, ErrorKind, Host, ObjectRef, TaskCall, TaskResult};

use super::bench_report::Measured;
use super::console::Console;
use super::failure::Failure;
use super::guest::GuestArgs;
use super::hints;
use super::host_args::HostArgs;
use super::session::{Ended, Session};
use super::{arguments, call, exit, results, units};

/// Between two looks at the signals, and at the screen: what comes at once would leave no time for them.
const LOOK: Duration = Duration::from_millis(20);

/// Calls in flight that the throughput is measured with, for each core.
const CALLS_PER_CORE: usize = 8;

/// Measure a task: its latency, one call at a time; its throughput, with many in flight; its fuel and memory.
///
/// Arguments are as for call. Half of the time goes to each of the two. The task does what it does: bench calls it many
/// thousand times. Ctrl-C ends the measurement, and what there is is shown.
#[derive(Args)]
#[command(after_help = exit::help(), after_long_help = exit::help())]
pub struct Bench {
    #[command(flatten)]
    pub guest: GuestArgs,
    /// The task's name; `rustyray-host inspect MODULE` lists them.
    task: String,
    /// Its arguments.
    #[arg(value_name = "ARG", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
    /// Time to measure.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = units::time)]
    duration: Duration,
    /// Calls in flight for the throughput [default: 8 for each core].
    #[arg(long, value_name = "N", value_parser = units::instances)]
    concurrency: Option<u32>,
    /// Time to call it before that.
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = units::time)]
    warmup: Duration,
    #[command(flatten)]
    pub host: HostArgs,
}

impl Bench {
    /// Measures it, and prints what came of it.
    ///
    /// # Errors
    /// The task fails, or there is none.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let module = self.guest.module(console)?;
        let mut session = Session::open(&self.host, console)?;
        let result = self.measure(&module, &mut session, console).await;
        session.close(result).await
    }

    async fn measure(&self, path: &std::path::Path, session: &mut Session, console: &Console) -> Result<u8, Failure> {
        let module = session.load(path).await?;
        let info = module.info();
        let task = call::find(&info, &self.task)?;
        let payloads = arguments::payloads(task, &self.arguments, false)?;
        let call = module.task(&self.task).options(self.host.budget.options()).reply(Encoding::Json);
        let call = payloads.into_iter().fold(call, TaskCall::arg_payload);
        let mut measured = Measured::new(task.to_string(), module.name().to_owned(), self.concurrency());
        let signal = match session.wait(&call.clone().submit().await, false).await {
            Ended::Signal(signal) => Some(signal),
            Ended::Outcome(Ok(_)) => {
                console.note("measuring");
                session.until_signal(async |host| self.run(&call, host, &mut measured).await).await
            }
            // One that fails is not worth measuring.
            Ended::Outcome(Err(error)) => {
                return Err(arguments::with_signature(Failure::of_task(&error, hints::of(&error, &self.host)), task));
            }
        };
        measured.interrupted = signal.is_some();
        match console.is_json() {
            true => results::write_json_line(&measured.report())?,
            false => results::write_out(measured.sheet().as_bytes())?,
        }
        match (measured.failed.take(), signal) {
            (_, Some(signal)) => Err(Failure::silent(signal.exit())),
            (Some(error), None) => Err(Failure::of_task(&error, hints::of(&error, &self.host))),
            (None, None) => Ok(0),
        }
    }

    fn concurrency(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.concurrency.map_or(CALLS_PER_CORE * cores, |count| count as usize)
    }

    async fn run(&self, call: &TaskCall, host: &Host, measured: &mut Measured) {
        let mut warmup = Pace::of(self.warmup);
        while warmup.goes_on().await {
            let object = call.clone().submit().await;
            if is_the_end(&host.value(&object, None).await) {
                return;
            }
        }
        let mut latency = Pace::of(self.duration / 2);
        while latency.goes_on().await {
            let began = Instant::now();
            let object = call.clone().submit().await;
            let outcome = host.value(&object, None).await;
            if is_the_end(&outcome) {
                return;
            }
            measured.latency.add(began.elapsed());
            measured.latency_time = latency.began.elapsed();
            measured.count(outcome.err(), object.receipt());
        }
        self.throughput(call, host, measured).await;
    }

    /// As many calls in flight as were asked for, the oldest waited for.
    async fn throughput(&self, call: &TaskCall, host: &Host, measured: &mut Measured) {
        let mut flying: VecDeque<ObjectRef> = VecDeque::with_capacity(measured.concurrency);
        let mut pace = Pace::of(self.duration / 2);
        while pace.goes_on().await {
            while flying.len() < measured.concurrency {
                flying.push_back(call.clone().submit().await);
            }
            if let Some(oldest) = flying.pop_front() {
                let outcome = host.value(&oldest, None).await;
                if is_the_end(&outcome) {
                    return;
                }
                measured.done += 1;
                measured.throughput_time = pace.began.elapsed();
                measured.count(outcome.err(), oldest.receipt());
            }
        }
        flying.iter().for_each(|object| host.cancel(object));
    }
}

/// Has the host been told to end? Then it refuses what is submitted, at once, and that is nothing to measure.
fn is_the_end<T>(outcome: &TaskResult<T>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind == ErrorKind::HostShutDown)
}

/// A loop's time.
struct Pace {
    began: Instant,
    length: Duration,
    looked: Instant,
}

impl Pace {
    fn of(length: Duration) -> Self {
        let now = Instant::now();
        Pace { began: now, length, looked: now }
    }

    /// Is there time left? Lets others run now and then.
    async fn goes_on(&mut self) -> bool {
        if self.looked.elapsed() > LOOK {
            tokio::task::yield_now().await;
            self.looked = Instant::now();
        }
        self.began.elapsed() < self.length
    }
}
