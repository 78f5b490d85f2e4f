//! Colours, where a person reads.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::sync::OnceLock;

use clap::ColorChoice;

/// What `--color` says. The process has one command line, so that this is the process's.
static CHOICE: OnceLock<ColorChoice> = OnceLock::new();

/// Takes `--color` from the command line, before it is parsed: what is wrong with it is told in colours, too.
pub fn choose(arguments: &[OsString]) -> ColorChoice {
    *CHOICE.get_or_init(|| chosen(arguments))
}

fn chosen(arguments: &[OsString]) -> ColorChoice {
    let ours = arguments.iter().take_while(|argument| *argument != "--").map(OsString::as_os_str);
    let values = ours.clone().zip(ours.clone().skip(1)).filter(|(flag, _)| *flag == "--color").map(|(_, value)| value);
    let joined = ours.clone().filter_map(|argument| argument.to_str()?.strip_prefix("--color=").map(OsStr::new));
    match values.chain(joined).next().and_then(OsStr::to_str) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// What was chosen.
pub fn choice() -> ColorChoice {
    CHOICE.get().copied().unwrap_or_default()
}

/// Colours for one stream. Unless `--color` says something else there are none where `NO_COLOR` is set, and without
/// `CLICOLOR_FORCE` none but on a terminal.
#[derive(Clone, Copy)]
pub struct Colour(bool);

impl Colour {
    /// For this stream.
    pub fn of(stream: &impl IsTerminal) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = || set("TERM").is_some_and(|term| term == "dumb");
        Colour(match CHOICE.get() {
            Some(ColorChoice::Always) => true,
            Some(ColorChoice::Never) => false,
            _ if set("NO_COLOR").is_some() => false,
            _ if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            _ => stream.is_terminal() && !dumb(),
        })
    }

    /// Are there any?
    pub fn is_on(self) -> bool {
        self.0
    }

    /// A mistake.
    pub fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// All is well.
    pub fn green(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    /// A heading or a name.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What matters less.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
