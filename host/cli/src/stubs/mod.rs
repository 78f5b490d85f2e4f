//! `rustyray-host stubs MODULE|DIR [-o FILE]`: another module's tasks and actors as functions with types.

mod ident;
mod names;
mod rust_types;
mod tokens;
mod tree;
mod wit_types;

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use rustyray_host::Manifest;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::grant_syntax::module_name;
use super::guest::GuestArgs;
use super::may_block::may_block;
use super::{inspect, results};
use tree::{Level, Stubs};

/// Write a Rust file by which a program calls the tasks and actors of another module as if they were its own.
///
/// For `rustyray-host run a.wasm --with b.wasm`: `rustyray-host stubs b.wasm -o src/b.rs`, then `mod b;` in the program, and
/// `b::add.remote(2, 3)`. Types that are not of the standard library have to be in scope where `mod b;` stands; the file
/// begins with their names.
#[derive(Args)]
pub struct StubsOf {
    #[command(flatten)]
    guest: GuestArgs,
    /// The name that the module is called by, as in --with NAME=FILE [default: the file's].
    #[arg(long, value_name = "NAME", value_parser = module_name)]
    name: Option<String>,
    /// Where to write them; a file that exists is replaced [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compile the module anew, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

impl StubsOf {
    /// Writes them.
    ///
    /// # Errors
    /// It is no module, offers nothing, or the file cannot be written.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let path = self.guest.module(console)?;
        let module = inspect::load(&path, self.no_cache, console).await?;
        let Some(manifest) = module.manifest() else {
            let text = format!("'{}' is a plain program, and has no tasks and actors", path.display());
            return Err(Failure::new(Exit::NoModule, text));
        };
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                module_name(module.name()).map_err(|why| Failure::usage(why).hint("choose one with --name NAME"))?
            }
        };
        let text = text(&name, &manifest);
        match &self.output {
            None => results::write_out(text.as_bytes())?,
            Some(file) => {
                // It may be a pipe that nobody reads.
                let _may_block = may_block();
                std::fs::write(file, text)
                    .map_err(|error| Failure::host(format!("cannot write '{}': {error}", file.display())))?;
            }
        }
        Ok(0)
    }
}

/// The file.
fn text(name: &str, manifest: &Manifest) -> String {
    let root = Stubs::tree(name, manifest);
    let mut text = format!(
        "//! The tasks and actors of the module `{name}`, called as if they were here. They run where `module:{name}` is granted, as\n\
         //! by `--with {name}.wasm`.\n//!\n//! Written by `rustyray-host stubs`; do not edit. @generated\n"
    );
    let needs: Vec<String> = root.needs().into_iter().map(|name| format!("`{name}`")).collect();
    if !needs.is_empty() {
        let _ = writeln!(text, "//!\n//! Has to be in scope where this module stands: {}.", needs.join(", "));
    }
    write_level(&root, 0, &mut text);
    text
}

fn write_level(level: &Level, indent: usize, text: &mut String) {
    let blanks = " ".repeat(indent);
    let mut separate = indent == 0;
    let needs: Vec<&str> = level.needs().into_iter().collect();
    if !needs.is_empty() {
        let names = if needs.len() == 1 { needs[0].to_owned() } else { format!("{{{}}}", needs.join(", ")) };
        let blank = if separate { "\n" } else { "" };
        let _ = writeln!(text, "{blank}{blanks}use super::{names};");
        separate = true;
    }
    for item in &level.items {
        if std::mem::replace(&mut separate, true) {
            text.push('\n');
        }
        item.lines().for_each(|line| {
            let _ = writeln!(text, "{blanks}{line}");
        });
    }
    for (name, below) in &level.below {
        if std::mem::replace(&mut separate, true) {
            text.push('\n');
        }
        let _ = writeln!(text, "{blanks}/// `{name}` of the module.\n{blanks}pub mod {name} {{");
        write_level(below, indent + 4, text);
        let _ = writeln!(text, "{blanks}}}");
    }
}
