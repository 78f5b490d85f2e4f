//! The compiler in a process of its own, whose memory and time the system limits: a module may be made to take gigabytes, or hours.
//!
//! The process is this program, or another one that begins like it, started with [`LIMITS`] in its environment. It reads a component
//! from its standard input and writes an answer to its standard output: a tag, then native code or a text.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::compiler::{self, NativeCode};
use super::module::ModuleError;
use crate::types::error::shorten;
use crate::types::limits::{
    COMPILER_MEMORY_BYTES, COMPILER_MEMORY_BYTES_MIN, COMPILER_THREADS_MAX, COMPILER_TIME, ERROR_TEXT_MAX,
    MODULE_BYTES_MAX, SMALL_COMPILED_AT_ONCE,
};

/// The variable that makes a process a compiler: bytes of memory, seconds of processor time, and the process of the host.
const LIMITS: &str = "RUSTYRAY_COMPILER_LIMITS";

/// Wall-clock time of a compiler, as a multiple of its processor time: also on a busy machine one that takes longer is not at work.
const PATIENCE: u32 = 10;

/// What is read of a compiler's last words.
const LAST_WORDS_BYTES: u64 = 4 << 10;

/// Of what Rust writes where memory is out.
const OUT_OF_MEMORY: &str = "memory allocation of";

const PLAIN: u8 = b'p';
const CONCURRENT: u8 = b'c';
const INVALID: u8 = b'i';
const UNSUPPORTED: u8 = b'u';
const NO_THREADS: u8 = b't';
const FAILED: u8 = b'f';

/// Compiles modules in processes of their own, each with limits on memory and processor time: those of whose modules nobody knows what they
/// take to compile. As [`HostBuilder::compiler`](crate::HostBuilder::compiler) takes one; the command line always has one.
///
/// ```no_run
/// use rustyray_host::{CompilerProcess, Host};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     // Before anything else: in a compiler's process this does not return.
///     let compiler = CompilerProcess::this_program();
///     let host = Host::builder().compiler(compiler.memory_bytes(1 << 30)).build()?;
/// #   Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CompilerProcess {
    program: PathBuf,
    memory_bytes: u64,
    time: Duration,
}

impl CompilerProcess {
    /// This program itself is the compiler. **Call it first in `main`**: in a process that was started to compile it does that, and ends
    /// the process.
    pub fn this_program() -> Self {
        if let Some(limits) = std::env::var_os(LIMITS) {
            std::process::exit(serve_by(limits.to_str()));
        }
        // Linux's name for it leads there even when the file has been replaced.
        let itself = PathBuf::from("/proc/self/exe");
        let program = if itself.exists() { itself } else { std::env::current_exe().unwrap_or_default() };
        CompilerProcess::at(program)
    }

    /// The compiler is this program, which has [`this_program`](Self::this_program) first in its `main`: `rustyray-host` of the same
    /// version, for an embedding program that cannot have it itself.
    pub fn at(program: impl Into<PathBuf>) -> Self {
        CompilerProcess { program: program.into(), memory_bytes: COMPILER_MEMORY_BYTES, time: COMPILER_TIME }
    }

    /// Bytes of memory of a compiler; small modules, of which [several](SMALL_COMPILED_AT_ONCE) are compiled at once, have a part each
    /// of them. Default: [`COMPILER_MEMORY_BYTES`].
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Processor time of a compiler, of all its threads together, in whole seconds. Default: [`COMPILER_TIME`].
    pub fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// It, if its limits leave a compiler room to begin, and this is no compiler's process itself.
    ///
    /// # Errors
    /// What is wrong.
    pub fn checked(self) -> Result<Self, String> {
        let CompilerProcess { memory_bytes, time, .. } = self;
        if std::env::var_os(LIMITS).is_some() {
            return Err(
                "this process was started to compile a module: call `CompilerProcess::this_program` first in `main`"
                    .to_owned(),
            );
        }
        if memory_bytes < COMPILER_MEMORY_BYTES_MIN {
            return Err(format!(
                "a compiler has {memory_bytes} bytes of memory, and needs {COMPILER_MEMORY_BYTES_MIN}"
            ));
        }
        match time < Duration::from_secs(1) {
            true => Err(format!("a compiler has {time:?} of processor time, and needs a second")),
            false => Ok(self),
        }
    }

    /// Compiles a component, in a process that ends with the future.
    ///
    /// # Errors
    /// Why it is none for this host, or which limit the compiler reached.
    pub async fn compile(&self, component: &[u8], is_large: bool) -> Result<NativeCode, ModuleError> {
        let limits = Limits::of(self, is_large);
        let mut child = self.start(&limits).map_err(|error| self.failed(&error.to_string()))?;
        let talk = async {
            let answer = talk(&mut child, component, limits.memory_bytes).await?;
            Ok::<_, io::Error>((answer, child.wait().await?))
        };
        let Ok(ended) = tokio::time::timeout(limits.time.saturating_mul(PATIENCE), talk).await else {
            let text = format!("it did not end within {:?}", limits.time.saturating_mul(PATIENCE));
            return Err(self.failed(&text));
        };
        let ((answer, last_words), status) = ended.map_err(|error| self.failed(&error.to_string()))?;
        match (status.success(), answer.split_first()) {
            (true, Some((tag, rest))) => self.understood(*tag, rest),
            _ => Err(self.why(status, &last_words, &limits)),
        }
    }

    fn start(&self, limits: &Limits) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.env(LIMITS, limits.to_text()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn()
    }

    fn understood(&self, tag: u8, rest: &[u8]) -> Result<NativeCode, ModuleError> {
        let text = || String::from_utf8_lossy(rest).into_owned();
        match tag {
            PLAIN | CONCURRENT => Ok(NativeCode { is_concurrent: tag == CONCURRENT, bytes: rest.to_vec() }),
            INVALID => Err(ModuleError::Invalid(text())),
            UNSUPPORTED => Err(ModuleError::Unsupported(text())),
            NO_THREADS => Err(ModuleError::NoThreads(text())),
            FAILED => Err(ModuleError::Compiler(text())),
            _ => Err(self.failed("its answer is not a compiler's")),
        }
    }

    /// Why it ended without an answer.
    fn why(&self, status: ExitStatus, last_words: &str, limits: &Limits) -> ModuleError {
        use std::os::unix::process::ExitStatusExt;
        let is_out_of_time = status.signal() == Some(Signal::XCPU.as_raw());
        if is_out_of_time {
            return ModuleError::CompilerLimit(format!("{:?} of processor time", limits.time));
        }
        if last_words.contains(OUT_OF_MEMORY) {
            return ModuleError::CompilerLimit(format!("{} bytes of memory", limits.memory_bytes));
        }
        self.failed(&format!("{status}, {}", last_words.trim()))
    }

    fn failed(&self, why: &str) -> ModuleError {
        ModuleError::Compiler(shorten(format!("'{}': {why}", self.program.display()), ERROR_TEXT_MAX))
    }
}

/// What the process is told.
struct Limits {
    memory_bytes: u64,
    time: Duration,
    /// The host's process.
    host: u32,
}

impl Limits {
    fn of(compiler: &CompilerProcess, is_large: bool) -> Self {
        let parts = if is_large { 1 } else { SMALL_COMPILED_AT_ONCE as u64 };
        Limits { memory_bytes: compiler.memory_bytes / parts, time: compiler.time, host: std::process::id() }
    }

    fn to_text(&self) -> String {
        format!("{} {} {}", self.memory_bytes, self.time.as_secs(), self.host)
    }

    fn parse(text: &str) -> Option<Self> {
        let [memory, seconds, host] = text.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let time = Duration::from_secs(seconds.parse().ok()?);
        Some(Limits { memory_bytes: memory.parse().ok()?, time, host: host.parse().ok()? })
    }
}

/// Hands the component over, and gives the answer and the last words.
async fn talk(child: &mut Child, component: &[u8], longest: u64) -> io::Result<(Vec<u8>, String)> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut input), Some(output), Some(errors)) = (input, output, errors) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let (mut answer, mut last_words) = (Vec::new(), Vec::new());
    let (mut output, mut errors) = (output.take(longest), errors.take(LAST_WORDS_BYTES));
    let hand_over = async move {
        // One that reads no more has ended, and how it ended tells why.
        let _ = input.write_all(component).await;
    };
    let hear = async {
        let heard = output.read_to_end(&mut answer).await;
        // One that goes on writes to nobody.
        drop(output);
        heard
    };
    let ((), heard, last) = tokio::join!(hand_over, hear, errors.read_to_end(&mut last_words));
    heard.and(last)?;
    Ok((answer, String::from_utf8_lossy(&last_words).into_owned()))
}

/// What a compiler's process does, and the code that it ends with.
fn serve_by(limits: Option<&str>) -> i32 {
    let limits = limits.and_then(Limits::parse).ok_or_else(|| io::Error::other(format!("{LIMITS} is damaged")));
    match limits.and_then(serve) {
        Ok(()) => 0,
        Err(error) => {
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "{error}");
            1
        }
    }
}

fn serve(limits: Limits) -> io::Result<()> {
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Cpu, limits.time.as_secs(), limits.time.as_secs() + 1)?;
    limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    end_with(limits.host)?;
    let mut component = Vec::new();
    io::stdin().lock().take(MODULE_BYTES_MAX + 1).read_to_end(&mut component)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(COMPILER_THREADS_MAX);
    let (tag, rest) = match compiler::compile(&component, Some(threads)) {
        Ok(code) => (if code.is_concurrent { CONCURRENT } else { PLAIN }, code.bytes),
        Err(ModuleError::Invalid(text)) => (INVALID, text.into_bytes()),
        Err(ModuleError::Unsupported(text)) => (UNSUPPORTED, text.into_bytes()),
        Err(ModuleError::NoThreads(text)) => (NO_THREADS, text.into_bytes()),
        Err(other) => (FAILED, other.to_string().into_bytes()),
    };
    let mut output = io::stdout().lock();
    output.write_all(&[tag])?;
    output.write_all(&rest)?;
    output.flush()
}

fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    Ok(setrlimit(resource, Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) })?)
}

/// Ends this process when the host's does: nobody wants its code any more.
fn end_with(host: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get().cast_unsigned());
    if parent == host { Ok(()) } else { Err(io::Error::other("the host has ended")) }
}
