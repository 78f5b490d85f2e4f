//! The examples, run as their READMEs say, with the output that stands there.

mod mandelbrot;
mod montecarlo;
mod parameter_server;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A guest's README.
struct Readme {
    name: &'static str,
    text: String,
}

impl Readme {
    fn of(name: &'static str) -> Self {
        let path = root().join("examples").join(name).join("README.md");
        let text = fs::read_to_string(path).expect("each example has a README");
        Readme { name, text }
    }

    /// The arguments after `cargo run --bin rustyray-host --`.
    fn arguments(&self) -> Vec<&str> {
        let commands = self.block("sh").lines();
        let mut run = commands.filter_map(|line| line.strip_prefix("cargo run --bin rustyray-host -- "));
        run.next().expect("it says how to run it").split(' ').collect()
    }

    fn output(&self) -> &str {
        self.block("text")
    }

    fn block(&self, language: &str) -> &str {
        let (_, rest) = self.text.split_once(&format!("```{language}\n")).expect("it has such a block");
        rest.split_once("```").expect("the block ends").0
    }

    /// Runs it as it says, with its guest from wherever that was built to.
    fn run(&self) -> Output {
        let built = format!("target/wasm32-wasip2/release/{}.wasm", self.name);
        let guest = rustyray_testkit::guest(self.name).display().to_string();
        let arguments = self.arguments();
        assert!(arguments.contains(&built.as_str()), "the README runs {built}");
        rustyray_host(arguments.into_iter().map(|argument| if argument == built { &guest } else { argument }))
    }

    /// Runs a guest whose README names its crate's folder, with these arguments of its own. What its config file grants
    /// is there, but in `folder`: what the program writes does not fall on the repository.
    fn run_in(&self, folder: &Path, own: &[&str]) -> Output {
        let crate_folder = format!("examples/{}", self.name);
        assert_eq!(self.arguments(), ["run", "--release", &crate_folder]);
        let config = folder.join("rustyray.toml");
        let home = root().join(crate_folder);
        fs::copy(home.join("rustyray.toml"), &config).expect("it has a config file");
        copy_files(&home.join("data"), &folder.join("data"));
        fs::create_dir_all(folder.join("picture")).expect("a folder to write to");
        let (guest, config) = (rustyray_testkit::guest(self.name), config.display().to_string());
        let guest = guest.display().to_string();
        rustyray_host(["run", &guest, "--config", &config, "--"].into_iter().chain(own.iter().copied()))
    }
}

/// What a program drew in `folder`. It is what stands in the repository, for all to see.
fn drawn(example: &str, folder: &Path, picture: &str) -> String {
    let read = |path: PathBuf| fs::read_to_string(path).expect("the picture is there");
    let drawn = read(folder.join("picture").join(picture));
    let shown = read(root().join("examples").join(example).join("picture").join(picture));
    assert!(drawn == shown, "{picture} of {example} is another now: run the example, and look at it");
    drawn
}

/// The files of a folder, if there is one.
fn copy_files(from: &Path, to: &Path) {
    let Ok(files) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).expect("a folder");
    for file in files {
        let file = file.expect("a file");
        fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rustyray_host<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustyray-host"));
    command.current_dir(root()).args(arguments).stdin(Stdio::null()).output().expect("it starts")
}

/// Standard output of a run that went well.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs wordcount on `texts` in this folder, and leaves the receipts beside it.
fn wordcount(folder: &Path) -> Output {
    let guest = rustyray_testkit::guest("wordcount").display().to_string();
    let grant = format!("{}::/texts:ro", folder.join("texts").display());
    let receipts = folder.join("receipts").display().to_string();
    rustyray_host(["run", &guest, "--dir", &grant, "--receipts", &receipts])
}

/// A folder with `texts` in it, and these files in that.
fn texts(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("texts")).expect("another in it");
    for (name, text) in files {
        fs::write(folder.path().join("texts").join(name), text).expect("written");
    }
    folder
}

#[test]
fn wordcount_prints_what_its_readme_says() {
    let readme = Readme::of("wordcount");
    assert_eq!(printed(&readme.run()), readme.output());
}

#[test]
fn wordcount_counts_a_large_file_in_pieces() {
    let folder = texts(&[("large.txt", "one of many lines, and many of one\n".repeat(100_000).as_bytes())]);
    let text = printed(&wordcount(folder.path()));
    assert!(text.starts_with("many   200000  █"), "{text}");
    assert!(text.ends_with("\nfiles: 1, words: 800000, distinct words: 5\n"), "{text}");
    let receipts = fs::read_to_string(folder.path().join("receipts")).expect("the receipts");
    assert_eq!(receipts.matches("count /texts/large.txt").count(), 4, "{receipts}");
}

#[test]
fn wordcount_notes_what_is_not_utf8() {
    let folder = texts(&[("latin.txt", b"caf\xe9 au lait")]);
    let text = printed(&wordcount(folder.path()));
    assert!(text.ends_with("distinct words: 3\nnote: not all is UTF-8 in /texts/latin.txt\n"), "{text}");
}

#[test]
fn wordcount_says_what_is_missing() {
    let guest = rustyray_testkit::guest("wordcount").display().to_string();
    let output = rustyray_host(["run", &guest]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("Error: cannot open /texts"), "{error}");
    assert!(error.contains("grant a folder with `--dir HOST::/texts:ro`"), "{error}");

    let output = wordcount(texts(&[]).path());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("Error: there is no file in /texts"), "{error}");
}

#[test]
fn counter_tells_its_story() {
    let readme = Readme::of("counter");
    let output = readme.run();
    assert_eq!(printed(&output), readme.output());
    let panics = String::from_utf8_lossy(&output.stderr);
    assert_eq!(panics.matches("the counter crashes, as it was told to").count(), 2, "{panics}");
}

#[test]
fn pipeline_adds_up_a_million_rows_in_little_room() {
    let readme = Readme::of("pipeline");
    assert_eq!(printed(&readme.run()), readme.output());
    // A tenth of the rows would fill this store.
    let guest = rustyray_testkit::guest("pipeline").display().to_string();
    let output = rustyray_host(["run", "--object-store", "2MiB", &guest]);
    assert_eq!(printed(&output), readme.output());
    let refused = rustyray_host(["run", &guest, "--", "many"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("'many' is no number of rows"), "{refused:?}");
}

#[test]
fn untrusted_ends_the_bad_tasks_and_the_good_ones_finish() {
    let readme = Readme::of("untrusted");
    assert_eq!(without_use(&printed(&readme.run())), without_use(readme.output()));
}

/// A table without what each task used, where that differs from run to run.
fn without_use(table: &str) -> Vec<&str> {
    let lines = table.lines();
    lines.map(|line| line.split_once(", used ").map_or(line, |(before, _)| before)).collect()
}

#[test]
fn untrusted_gets_nothing_of_what_the_program_holds() {
    let guest = rustyray_testkit::guest("untrusted").display().to_string();
    let here = tempfile::tempdir().expect("a folder");
    let receipts = here.path().join("receipts").display().to_string();
    let output = rustyray_host(["run", &guest, "--dir", "/:ro", "--env", "PATH", "--stdin", "--receipts", &receipts]);
    printed(&output);
    // What it knocked at is in its receipt.
    let receipts = fs::read_to_string(receipts).expect("the receipts");
    let snoop = receipts.lines().find(|receipt| receipt.contains("bad::snoop")).expect("the snoop's");
    assert!(snoop.contains("net:192.0.2.1:9"), "{snoop}");
}
