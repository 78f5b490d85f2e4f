//! What `new` writes.

/// The manifest; `sdk` is quoted already.
pub fn manifest(name: &str, sdk: &str, lib: bool) -> String {
    let kind = if lib { "\n[lib]\ncrate-type = [\"cdylib\"]\n" } else { "" };
    format!(
        r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"
publish = false
{kind}
[dependencies]
rustyray = {{ path = {sdk} }}

# Modules without optimisations are large, and slow to compile to native code.
[profile.dev]
opt-level = 1
debug = "line-tables-only"
"#
    )
}

/// `src/main.rs`.
pub const PROGRAM: &str = r#"//! A program for rustyray-host: `rustyray-host run .`

use rustyray::prelude::*;

/// Runs as a task, in a sandbox of its own.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::main]
async fn main() -> Result<()> {
    let three = add.remote(1, 2); // at once; nobody waits
    let seven = add.remote(three, 4).await?;
    println!("1 + 2 + 4 = {seven}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo test` runs it right here, without WebAssembly: tasks, actors and all.
    #[rustyray::test]
    async fn sums_are_right() -> Result<()> {
        let three = add.remote(1, 2);
        assert_eq!(add.remote(three, 4).await?, 7);
        assert_eq!(add(1, 2), 3); // still a function
        Ok(())
    }
}
"#;

/// `src/lib.rs`.
pub const LIBRARY: &str = r#"//! Tasks and an actor for rustyray-host: `rustyray-host call . add 2 3`

use rustyray::prelude::*;

/// Runs as a task, in a sandbox of its own.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

/// Lives in a sandbox of its own, and serves one call after the other.
#[rustyray::actor]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn increment(&mut self) -> i32 {
        self.value += 1;
        self.value
    }
}

/// Counts with an actor.
#[rustyray::remote]
async fn count_to(n: i32) -> Result<i32> {
    let counter = Counter::remote();
    for _ in 1..n {
        counter.increment().await?;
    }
    counter.increment().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo test` runs it right here, without WebAssembly: tasks, actors and all.
    #[rustyray::test]
    async fn counting_is_right() -> Result<()> {
        let counter = Counter::remote();
        let calls = [counter.increment(), counter.increment()];
        assert_eq!(rustyray::get_all(&calls).await?, [1, 2]);
        assert_eq!(count_to.remote(add.remote(1, 2)).await?, 3);
        Ok(())
    }
}
"#;

/// `rustyray.toml`: everything in it is a comment.
pub const CONFIG: &str = r#"# What `rustyray-host run` and `call` would be told by flags each time; flags win.
# Paths are relative to this file.

# [limits]
# fuel = 50_000_000_000
# timeout = "1m"
# memory = "256MiB"

# [budget]
# fuel = 500_000_000_000

# [grants]
# dir = ["data::/data:ro"]
# env = ["LANG=C"]
# net = ["example.org:443"]

# [resources]
# gpu = 1

# [host]
# cpus = 2
# memory = "4GiB"
"#;

/// Names that are Rust's, or a crate's that every guest has.
pub fn is_taken(name: &str) -> bool {
    const TAKEN: &[&str] = &[
        "abstract",
        "as",
        "async",
        "await",
        "become",
        "box",
        "break",
        "const",
        "continue",
        "crate",
        "do",
        "dyn",
        "else",
        "enum",
        "extern",
        "false",
        "final",
        "fn",
        "for",
        "gen",
        "if",
        "impl",
        "in",
        "let",
        "loop",
        "macro",
        "match",
        "mod",
        "move",
        "mut",
        "override",
        "priv",
        "pub",
        "ref",
        "return",
        "self",
        "static",
        "struct",
        "super",
        "trait",
        "true",
        "try",
        "type",
        "typeof",
        "unsafe",
        "unsized",
        "use",
        "virtual",
        "where",
        "while",
        "yield",
        "alloc",
        "core",
        "proc_macro",
        "proc-macro",
        "std",
        "test",
        "rustyray",
        "build",
        "deps",
        "examples",
        "incremental",
    ];
    TAKEN.contains(&name)
}
