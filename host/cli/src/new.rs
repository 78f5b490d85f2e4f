//! `rustyray-host new NAME`.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::config;
use super::console::Console;
use super::failure::Failure;
use super::{results, templates};

/// The source tree that this program was built from, if it is still there: the SDK in it fits.
const SOURCE_TREE: &str = env!("CARGO_MANIFEST_DIR");

/// Make a guest's crate, which builds, runs and passes its test.
#[derive(Args)]
pub struct New {
    /// The crate's folder; its last part is the crate's name.
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// Tasks and an actor without a main.
    #[arg(long)]
    lib: bool,
    /// The SDK's folder, `guest-sdk` of the source tree [default: that of the tree that this program was built from].
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

impl New {
    /// Makes it, and says what to do next.
    ///
    /// # Errors
    /// The name is no crate's, the folder is not empty, or the SDK is not found.
    pub fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let name = self.name()?;
        let sdk = self.sdk()?;
        for (path, text) in self.files(name, &sdk) {
            self.write(&path, &text)?;
        }
        let (folder, shown) = (self.folder.display(), console.colour());
        let run = if self.lib { format!("call {folder} add 2 3") } else { format!("run {folder}") };
        let text = format!(
            "made '{folder}'; next:\n  rustyray-host {run}\n  cargo test --manifest-path {folder}/Cargo.toml\n"
        );
        console.note(&shown.dim(&format!("the SDK is {}", sdk.display())));
        results::write_out(text.as_bytes())?;
        Ok(0)
    }

    /// The crate's name, of the letters that cargo takes.
    fn name(&self) -> Result<&str, Failure> {
        let name = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
        let clean = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !starts || !clean || templates::is_taken(name) {
            let text = format!("'{name}' can be no crate's name");
            return Err(Failure::usage(text).hint("begin with a letter, and go on with letters, digits, - and _"));
        }
        match self.folder.read_dir().map(|entries| entries.count()) {
            Ok(entries) if entries > 0 => {
                Err(Failure::usage(format!("'{}' is there, and not empty", self.folder.display())))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.refused(&self.folder, &error)),
            _ => Ok(name),
        }
    }

    /// The SDK's folder, as an absolute path.
    fn sdk(&self) -> Result<PathBuf, Failure> {
        let of_tree = || Path::new(SOURCE_TREE).join("../../guest-sdk");
        let folder = self.sdk.clone().unwrap_or_else(of_tree);
        let found = folder.canonicalize().ok().filter(|folder| folder.join("Cargo.toml").is_file());
        found.ok_or_else(|| {
            let text = format!("the SDK is not in '{}'", folder.display());
            Failure::usage(text).hint("it is `guest-sdk` of the source tree of rustyray-host: name it with --sdk DIR")
        })
    }

    fn files(&self, name: &str, sdk: &Path) -> Vec<(PathBuf, String)> {
        let mut manifest = templates::manifest(name, &toml_text(&sdk.display().to_string()), self.lib);
        if inside_another_crate(&self.folder) {
            manifest.push_str("\n# Apart from the crate that it lies in.\n[workspace]\n");
        }
        let (source, text) = match self.lib {
            true => ("src/lib.rs", templates::LIBRARY),
            false => ("src/main.rs", templates::PROGRAM),
        };
        vec![
            ("Cargo.toml".into(), manifest),
            (source.into(), text.to_owned()),
            (config::NAME.into(), templates::CONFIG.to_owned()),
            (".gitignore".into(), "/target\n".to_owned()),
        ]
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(path);
        let folder = path.parent().unwrap_or(&self.folder);
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| self.refused(&path, &error))
    }

    fn refused(&self, path: &Path, error: &io::Error) -> Failure {
        Failure::host(format!("cannot make '{}': {error}", path.display()))
    }
}

/// Cargo takes a crate for a part of the nearest manifest above it, and refuses it if that does not know it.
fn inside_another_crate(folder: &Path) -> bool {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder.ancestors().skip(1).any(|above| above.join("Cargo.toml").is_file())
}

/// A text in the quotes of TOML.
fn toml_text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            c if c.is_control() => write!(quoted, "\\u{:04x}", u32::from(c)),
            c => write!(quoted, "{c}"),
        };
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_paths_are_read_back() {
        for path in ["/a b/c", "/\"q\"\\", "/ä\n"] {
            let text = format!("p = {}", toml_text(path));
            let table = toml::from_str::<std::collections::BTreeMap<String, String>>(&text).unwrap();
            assert_eq!(table["p"], path);
        }
    }

    #[test]
    fn the_config_that_is_made_is_right() {
        let text: String = templates::CONFIG.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).fold(
            String::new(),
            |text, line| {
                if line.contains('=') || line.starts_with('[') { text + line + "\n" } else { text }
            },
        );
        assert!(text.contains("fuel") && text.contains("dir"), "{text}");
        if let Err(failure) = config::check(&text) {
            panic!("{failure:?}");
        }
    }
}
