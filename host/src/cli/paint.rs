//! Colours, where a person reads.

use std::io::IsTerminal;

/// Colours for one stream: none unless it is a terminal and `NO_COLOR` is not set.
#[derive(Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// For this stream.
    pub fn of(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint(stream.is_terminal() && !refused && !dumb)
    }

    /// Are there any?
    pub fn is_on(self) -> bool {
        self.0
    }

    /// A mistake.
    pub fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
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
