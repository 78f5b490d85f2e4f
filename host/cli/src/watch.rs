//! `run --watch`: build and run a crate again whenever its sources change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::config;
use super::console::Console;
use super::failure::Failure;
use super::run::Run;
use super::session::listen;

/// Between two looks at the files. They are asked, as there are tens of them: what tells of changes differs from system
/// to system, and misses what an editor does by a rename.
const LOOK: Duration = Duration::from_millis(150);

/// Files that are watched at most, so that a link to a whole disk in `src` does not keep it spinning.
const FILES_MAX: usize = 10_000;

/// Folders within folders that are looked into.
const DEPTH_MAX: usize = 16;

/// Builds and runs until a signal comes, each time as it is `configured` then. What fails is told, and the next change waited for.
///
/// # Errors
/// How the signal ends the process, or that there is nothing to watch.
pub async fn run(
    mut run: Run,
    configured: impl Fn() -> Result<Option<Run>, Failure>,
    console: &Console,
) -> Result<u8, Failure> {
    if !run.guest.is_crate() {
        let text = format!("'{}' is no crate's folder, and --watch watches sources", run.guest.path().display());
        return Err(Failure::usage(text));
    }
    let mut signals = listen()?;
    loop {
        let mut sources = Sources::of(run.guest.path());
        let result = round(&run, &mut sources, console).await;
        if let Err(failure) = &result
            && failure.exit.is_signal()
        {
            return result;
        }
        end(result, console);
        tokio::select! {
            biased;
            signal = signals.next() => return Err(Failure::silent(signal.exit())),
            () = sources.changed() => tell("changed; building again", console),
        }
        // The config file is a source, too.
        match configured() {
            Ok(again) => run = again.unwrap_or(run),
            Err(failure) => failure.report(console),
        }
    }
}

/// One build and one run, which a change ends.
async fn round(run: &Run, sources: &mut Sources, console: &Console) -> Result<u8, Failure> {
    let module = run.guest.module(console)?;
    sources.built(&module);
    run.once(&module, sources.seen(), console).await
}

fn end(result: Result<u8, Failure>, console: &Console) {
    let how = match result {
        Ok(code) => format!("it ended with {code}"),
        Err(failure) => {
            failure.report(console);
            "it failed".to_owned()
        }
    };
    tell(&format!("{how}; waiting for a change"), console);
}

/// For people: the lines of scripts are about runs.
fn tell(text: &str, console: &Console) {
    if !console.is_json() {
        console.line(&console.colour().dim(text));
    }
}

/// When a file was changed last, and its length.
type Stamp = Option<(SystemTime, u64)>;

/// The files that a crate is made from.
struct Sources {
    folder: PathBuf,
    /// Those elsewhere, of crates that it depends on by path; from what cargo wrote beside the module.
    elsewhere: Vec<PathBuf>,
    stamps: BTreeMap<PathBuf, Stamp>,
}

impl Sources {
    fn of(folder: &Path) -> Self {
        let mut sources = Sources { folder: folder.to_owned(), elsewhere: Vec::new(), stamps: BTreeMap::new() };
        sources.stamps = sources.look();
        sources
    }

    /// It is built, so that cargo says what from.
    fn built(&mut self, module: &Path) {
        let text = std::fs::read_to_string(module.with_extension("d")).unwrap_or_default();
        let known = |path: &PathBuf| !self.stamps.contains_key(path);
        self.elsewhere = dependencies(&text).into_iter().filter(known).take(FILES_MAX).collect();
        // What changed while it was built is seen as a change; of these it is not known what they were before.
        let stamps: Vec<_> = self.elsewhere.iter().map(|path| (path.clone(), stamp(path))).collect();
        self.stamps.extend(stamps);
    }

    /// Waits for a change, and for the end of it: an editor may write several files.
    async fn changed(&mut self) {
        self.seen().await;
        loop {
            let last = std::mem::take(&mut self.stamps);
            self.stamps = self.look();
            if self.stamps == last {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits for a change, and leaves it to be seen again.
    async fn seen(&self) {
        while self.look() == self.stamps {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn look(&self) -> BTreeMap<PathBuf, Stamp> {
        let named = ["Cargo.toml", "build.rs", config::NAME].map(|name| self.folder.join(name));
        let mut stamps: BTreeMap<_, _> =
            named.into_iter().chain(self.elsewhere.iter().cloned()).map(|path| (path.clone(), stamp(&path))).collect();
        walk(&self.folder.join("src"), DEPTH_MAX, &mut stamps);
        stamps
    }
}

fn walk(folder: &Path, depth: usize, stamps: &mut BTreeMap<PathBuf, Stamp>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            _ if stamps.len() >= FILES_MAX => return,
            true if depth > 0 => walk(&path, depth - 1, stamps),
            true => {}
            false => drop(stamps.insert(path.clone(), stamp(&path))),
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let file = path.metadata().ok()?;
    Some((file.modified().ok()?, file.len()))
}

/// The paths after the colon of a file in the language of `make`, where a space in a path is `\ `.
fn dependencies(text: &str) -> Vec<PathBuf> {
    let (_, list) = text.lines().next().and_then(|line| line.split_once(": ")).unwrap_or_default();
    let paths = list.replace("\\ ", "\0");
    paths.split_whitespace().map(|path| PathBuf::from(path.replace('\0', " "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_may_have_a_space() {
        let paths = dependencies("/t/a.wasm: /a/src/lib.rs /a\\ b/main.rs\n\nother: x\n");
        assert_eq!(paths, [PathBuf::from("/a/src/lib.rs"), PathBuf::from("/a b/main.rs")]);
        assert!(dependencies("").is_empty());
    }

    #[test]
    fn what_the_program_writes_is_no_source() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("src/deep")).unwrap();
        std::fs::write(at("src/deep/a.rs"), "").unwrap();
        let sources = Sources::of(folder.path());
        std::fs::write(at("output.txt"), "").unwrap();
        std::fs::write(at("Cargo.lock"), "").unwrap();
        assert_eq!(sources.look(), sources.stamps);
        for name in ["src/deep/a.rs", "src/new.rs", "rustyray.toml"] {
            let before = sources.look();
            std::fs::write(at(name), "changed").unwrap();
            assert_ne!(sources.look(), before, "{name}");
        }
    }
}
