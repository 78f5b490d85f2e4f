//! Runs the example on a folder of uploads, and reads its table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Those in Rust; those in the text format are in the repository.
const BUILT: [&str; 7] = ["ben-quotes", "cleo-memory", "dan-loop", "eve-nap", "fred-spy", "gina-panic", "hugo-hash"];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built(plugin: &str) -> PathBuf {
    let release = home().join("../../target/wasm32-wasip2/release");
    let folder = std::env::var_os("RUSTYRAY_GUESTS").map_or(release, PathBuf::from);
    let path = folder.join(format!("plugin-{plugin}.wasm"));
    assert!(path.exists(), "guest plugin-uploads is not built: run `make guests`");
    path
}

fn plugins<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plugins")).args(paths).output().expect("the example starts")
}

/// The rows of the table, without what plugins were refused.
fn rows(table: &str) -> Vec<(String, u32, u64, u64, &str)> {
    table.lines().skip(1).take_while(|line| !line.is_empty()).filter(|line| !line.starts_with(' ')).map(row).collect()
}

/// A row of the table: user and plugin, calls, fuel, KiB of memory, and why it was ended.
fn row(line: &str) -> (String, u32, u64, u64, &str) {
    let (numbers, reason) = line.split_once(" KiB  ").expect("a row");
    let words: Vec<&str> = numbers.split_whitespace().collect();
    let [user, plugin, calls, fuel, memory]: [&str; 5] = words.try_into().expect("five columns");
    let number = |word: &str| word.parse::<u64>().expect("a number");
    (format!("{user}/{plugin}"), number(calls) as u32, number(fuel), number(memory), reason)
}

#[test]
fn each_plugin_gets_its_quotas_and_nothing_else() {
    let uploads = tempfile::tempdir().expect("a folder");
    for plugin in BUILT {
        let path = built(plugin);
        fs::copy(&path, uploads.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    fs::write(uploads.path().join("plugin-zoe-noise.wasm"), b"\0asm\x0d\0\x01\0 and then noise").expect("written");
    fs::write(uploads.path().join("notes.txt"), "not a plugin").expect("written");
    let output = plugins([uploads.path(), &home().join("uploads")]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let (table, rendered) = text.split_once("\n\n").expect("a table, and texts");

    let refused: Vec<&str> =
        table.lines().filter_map(|line| line.trim_start().strip_prefix("it was refused ")).collect();
    assert_eq!(refused, ["net:192.0.2.1:80"]);
    let rows = rows(table);
    let expected = [
        ("ada/shout", 3, "-"),
        ("ada/whisper", 2, "its user has made 5 calls"),
        ("ben/quotes", 3, "-"),
        ("cleo/memory", 1, "memory-bytes is limited to 8388608, and it asked for "),
        ("dan/loop", 1, "all of its budget-fuel is used, 100000000"),
        ("eve/nap", 1, "it had 2s, and was ended after 2"),
        ("fred/spy", 1, "reading /etc/passwd: No such file or directory"),
        ("gina/panic", 1, "it panicked: every text has a thousand words"),
        ("hugo/hash", 3, "all of its budget-fuel is used, "),
        ("ivy/admin", 0, "not loaded: it needs an import that this host does not offer"),
        ("zoe/noise", 0, "not loaded: "),
    ];
    assert_eq!(rows.len(), expected.len(), "{table}");
    for ((name, calls, fuel, memory, reason), (right_name, right_calls, right_reason)) in rows.iter().zip(expected) {
        assert_eq!((name.as_str(), *calls), (right_name, right_calls), "{table}");
        assert!(reason.starts_with(right_reason), "{name}: {reason}");
        assert!(*fuel <= 100_000_000 && *memory <= 8192, "{table}");
        assert_eq!(*fuel == 100_000_000, ["dan/loop", "hugo/hash"].contains(&right_name), "{table}");
    }

    // Who got as far as a text: those that are good, and the one that was too dear in the end.
    let whose: Vec<String> =
        rendered.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join("/")).collect();
    assert_eq!(whose, ["ada/shout", "ada/whisper", "ben/quotes", "hugo/hash"]);
}

/// But for the fuel, the memory and the time, which vary a little.
#[test]
fn it_prints_what_its_readme_says() {
    let readme = fs::read_to_string(home().join("README.md")).expect("the README is there");
    let (_, block) = readme.split_once("```text\n").expect("it shows the output");
    let (expected, _) = block.split_once("```").expect("the block ends");
    let output = plugins(BUILT.map(built).iter().map(PathBuf::as_path).chain([&*home().join("uploads")]));
    let text = String::from_utf8_lossy(&output.stdout);
    let words = |(name, calls, _, _, reason): (String, u32, u64, u64, &str)| {
        (
            name,
            calls,
            reason.split_whitespace().filter(|word| !word.contains(|c: char| c.is_ascii_digit())).collect::<String>(),
        )
    };
    let told = |text: &str| rows(text).into_iter().map(words).collect::<Vec<_>>();
    assert_eq!(told(&text), told(expected));
    let rendered = |text: &str| text.split_once("\n\n").map(|(_, rendered)| rendered.to_owned());
    assert_eq!(rendered(&text), rendered(expected));
}

#[test]
fn without_uploads_it_says_how_to_use_it() {
    let output = plugins([]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "plugins: usage: plugins FILE_OR_FOLDER...\n");
    assert_eq!(output.status.code(), Some(1));
}
