//! The compiler in a process of its own, whose memory and time the system limits: a module may be made to take gigabytes, or hours.
//!
//! The process is this program, or another one that begins like it, started with [`LIMITS`] in its environment. It reads a component
//! from its standard input and writes an answer to its standard output: native code or a text, how many bytes that is, and a tag.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::compiler::{self, NativeCode};
use super::module_error::ModuleError;
use crate::types::error::shorten;
use crate::types::limits::{
    COMPILER_MEMORY_BYTES, COMPILER_MEMORY_BYTES_MIN, COMPILER_THREADS_MAX, COMPILER_TIME, ERROR_TEXT_MAX,
    MODULE_BYTES_MAX, SMALL_COMPILED_AT_ONCE,
};

/// The variable that makes a process a compiler: bytes of memory, seconds of processor time, and the process of the host.
const LIMITS: &str = "RUSTYRAY_COMPILER_LIMITS";

/// Wall-clock time of a compiler, as a multiple of its processor time: also on a busy machine one that takes longer is not at work.
const PATIENCE: u32 = 20;

/// How nice a compiler is to what the host runs meanwhile: beside guests that keep all cores busy it has a tenth of them.
const NICENESS: i32 = 10;

/// After the code or the text: its length and the tag.
const TRAILER_BYTES: usize = 9;

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
        // What it was called by leads there where the system tells nothing.
        let called = || std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
        CompilerProcess::at(if itself.exists() { itself } else { std::env::current_exe().unwrap_or_else(|_| called()) })
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

    /// Compiles a component to at most so many bytes of code, in a process that ends with the future.
    ///
    /// # Errors
    /// Why it is none for this host, or which limit the compiler reached.
    pub async fn compile(&self, component: &[u8], is_large: bool, longest: u64) -> Result<NativeCode, ModuleError> {
        let limits = Limits::of(self, is_large);
        let longest = longest.min(limits.memory_bytes);
        let mut child = self.start(&limits).map_err(|error| self.failed(&error.to_string()))?;
        let talk = async {
            // Why it is none is told also where no code has room any more.
            let most = longest.max(ERROR_TEXT_MAX as u64).saturating_add(TRAILER_BYTES as u64);
            let said = talk(&mut child, component, most).await?;
            // Where the program ignores the ends of its children, as some supervisors have it, nobody learns how this one ended.
            Ok::<_, io::Error>((said, child.wait().await.ok()))
        };
        let patience = limits.time.saturating_mul(PATIENCE);
        let Ok(ended) = tokio::time::timeout(patience, talk).await else {
            return Err(self.failed(&format!("it did not end within {patience:?}")));
        };
        let (said, status) = ended.map_err(|error| self.failed(&error.to_string()))?;
        if said.is_too_long {
            return Err(ModuleError::CodeTooLarge(longest));
        }
        match Answer::of(said.answer) {
            Some(answer) => self.understood(answer),
            None => Err(self.why(status, &said.last_words, &limits)),
        }
    }

    fn start(&self, limits: &Limits) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.env(LIMITS, limits.to_text()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn()
    }

    fn understood(&self, Answer { tag, bytes }: Answer) -> Result<NativeCode, ModuleError> {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match tag {
            PLAIN | CONCURRENT => Ok(NativeCode { is_concurrent: tag == CONCURRENT, bytes }),
            INVALID => Err(ModuleError::Invalid(text(&bytes))),
            UNSUPPORTED => Err(ModuleError::Unsupported(text(&bytes))),
            NO_THREADS => Err(ModuleError::NoThreads(text(&bytes))),
            FAILED => Err(ModuleError::Compiler(text(&bytes))),
            _ => Err(self.failed("its answer is not a compiler's")),
        }
    }

    /// Why it ended without an answer.
    fn why(&self, status: Option<ExitStatus>, last_words: &str, limits: &Limits) -> ModuleError {
        use std::os::unix::process::ExitStatusExt;
        let signal = status.and_then(|status| status.signal());
        if signal == Some(Signal::XCPU.as_raw()) {
            return ModuleError::CompilerLimit(format!("{:?} of processor time", limits.time));
        }
        if last_words.contains(OUT_OF_MEMORY) {
            return ModuleError::CompilerLimit(format!("{} bytes of memory", limits.memory_bytes));
        }
        if signal == Some(Signal::KILL.as_raw()) {
            return self.failed("it was killed, by somebody or by the system, as one is that has no memory left");
        }
        let ended = status.map_or_else(|| "it ended without an answer".to_owned(), |status| status.to_string());
        // In one line.
        let last_words: Vec<&str> = last_words.split_whitespace().collect();
        self.failed(&format!("{ended}: {}", last_words.join(" ")))
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

/// What a compiler said until it ended.
struct Said {
    answer: Vec<u8>,
    /// Is the answer longer than it may be? Then it is cut.
    is_too_long: bool,
    last_words: String,
}

/// Hands the component over, and hears what the compiler says.
async fn talk(child: &mut Child, component: &[u8], longest: u64) -> io::Result<Said> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut input), Some(output), Some(errors)) = (input, output, errors) else {
        return Err(io::Error::other("it has no pipes"));
    };
    let hand_over = async move {
        // One that reads no more has ended, and how it ended tells why.
        let _ = input.write_all(component).await;
    };
    let (answer, last_words) = (heard(output, longest.saturating_add(1)), heard(errors, LAST_WORDS_BYTES));
    let ((), answer, last_words) = tokio::join!(hand_over, answer, last_words);
    let (answer, last_words) = (answer?, String::from_utf8_lossy(&last_words?).into_owned());
    Ok(Said { is_too_long: answer.len() as u64 > longest, answer, last_words })
}

/// So much of a stream at most. One that goes on writes to nobody.
async fn heard(from: impl AsyncRead + Unpin, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(longest).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// What a compiler answers.
struct Answer {
    tag: u8,
    bytes: Vec<u8>,
}

impl Answer {
    /// The answer that was written, if it is whole.
    fn of(mut written: Vec<u8>) -> Option<Self> {
        let length = written.len().checked_sub(TRAILER_BYTES)?;
        let trailer: [u8; TRAILER_BYTES] = written.split_off(length).try_into().ok()?;
        let [told @ .., tag] = trailer;
        (u64::from_le_bytes(told) == length as u64).then_some(Answer { tag, bytes: written })
    }

    fn write(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(&self.bytes)?;
        to.write_all(&(self.bytes.len() as u64).to_le_bytes())?;
        to.write_all(&[self.tag])?;
        to.flush()
    }
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
    take_limits(&limits)?;
    let mut component = Vec::new();
    io::stdin().lock().take(MODULE_BYTES_MAX + 1).read_to_end(&mut component)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(COMPILER_THREADS_MAX);
    let (tag, bytes) = match compiler::compile(&component, Some(threads)) {
        Ok(code) => (if code.is_concurrent { CONCURRENT } else { PLAIN }, code.bytes),
        Err(ModuleError::Invalid(text)) => (INVALID, text.into_bytes()),
        Err(ModuleError::Unsupported(text)) => (UNSUPPORTED, text.into_bytes()),
        Err(ModuleError::NoThreads(text)) => (NO_THREADS, text.into_bytes()),
        Err(other) => (FAILED, other.to_string().into_bytes()),
    };
    Answer { tag, bytes }.write(io::stdout().lock())
}

/// Has the system hold this process to its limits, before it reads a byte of the module.
fn take_limits(limits: &Limits) -> io::Result<()> {
    end_with(limits.host)?;
    limit(Resource::Core, 0, 0)?;
    let seconds = limits.time.as_secs();
    // The signal that says what it is comes a second before the end.
    limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
    limit(Resource::Data, limits.memory_bytes, limits.memory_bytes)?;
    // It is to go first where memory is out, and what the host runs goes first where the processor is. What the system does not allow is
    // not needed.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let _ = rustix::process::setpriority_process(None, NICENESS);
    // A core of it would be as large as its memory, and no limit holds back one that goes to a program.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// No limit is raised.
fn limit(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let hard = hard.min(rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX));
    let soft = if resource == Resource::Cpu { soft.min(hard.saturating_sub(1)).max(1) } else { soft.min(hard) };
    Ok(setrlimit(resource, Rlimit { current: Some(soft), maximum: Some(hard) })?)
}

/// Ends this process when the host's does: nobody wants its code any more.
fn end_with(host: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = rustix::process::getppid().map_or(0, |parent| parent.as_raw_nonzero().get().cast_unsigned());
    if parent == host { Ok(()) } else { Err(io::Error::other("the host has ended")) }
}
