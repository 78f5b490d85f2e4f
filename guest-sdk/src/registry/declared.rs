//! Declarations in the form in which the macros write them: constants.

/// What the manifest says of a function.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Names and types as the source spells them.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The type of the value: the first of a `Result`'s.
    pub result: &'static str,
    /// Does it give its results one after the other?
    pub streams: bool,
    /// What was said with the attribute.
    pub defaults: TaskDefaults,
    /// The first paragraph of its documentation.
    pub docs: &'static str,
}

/// How a function's tasks run where the caller says nothing.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "as in `TaskOptions`")]
pub struct TaskDefaults {
    pub pure: bool,
    pub timeout_ns: Option<u64>,
    pub fuel: Option<u64>,
    pub memory_bytes: Option<u64>,
    pub table_elements: Option<u64>,
    pub output_bytes: Option<u64>,
    pub max_retries: Option<u32>,
    pub retry_exceptions: Option<bool>,
    pub retry_backoff_ns: Option<u64>,
    pub priority: Option<i32>,
    pub cpu_milli: Option<u32>,
    pub resources: &'static [(&'static str, u32)],
    pub grants: Option<&'static [&'static str]>,
}

impl TaskDefaults {
    /// Nothing said. A constant, where `default()` is none.
    pub const NONE: Self = Self {
        pure: false,
        timeout_ns: None,
        fuel: None,
        memory_bytes: None,
        table_elements: None,
        output_bytes: None,
        max_retries: None,
        retry_exceptions: None,
        retry_backoff_ns: None,
        priority: None,
        cpu_milli: None,
        resources: &[],
        grants: None,
    };
}

/// How an actor lives where the caller says nothing.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "as in `ActorOptions`")]
pub struct ActorDefaults {
    pub call: TaskDefaults,
    pub max_restarts: Option<u32>,
    pub max_pending_calls: Option<u32>,
    pub detached: Option<bool>,
    pub checkpoint: Option<u32>,
    pub max_concurrency: Option<u32>,
    pub groups: &'static [(&'static str, u32)],
}

impl ActorDefaults {
    /// Does it serve several calls at once?
    #[must_use]
    pub const fn serves_concurrently(&self) -> bool {
        self.max_concurrency.is_some() || !self.groups.is_empty()
    }
}

/// A method's concurrency group, which the actor's type has to declare.
///
/// # Panics
/// When the type declares none of this name: at compile time, as everything here is a constant.
#[must_use]
#[expect(clippy::panic, reason = "it is the message of a compile error")]
pub const fn group(defaults: &ActorDefaults, name: &'static str) -> Option<&'static str> {
    let mut at = 0;
    while at < defaults.groups.len() {
        if is_same(defaults.groups[at].0, name) {
            return Some(name);
        }
        at += 1;
    }
    panic!("no such group: declare it with `#[rustyray::actor(concurrency_groups = \"name=2\")]`")
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

impl ActorDefaults {
    /// Nothing said.
    pub const NONE: Self = Self {
        call: TaskDefaults::NONE,
        max_restarts: None,
        max_pending_calls: None,
        detached: None,
        checkpoint: None,
        max_concurrency: None,
        groups: &[],
    };
}

/// `a::add` of `my_crate::a::add`: the crate's name says nothing in its own module, and changes with the file's.
#[must_use]
pub const fn path_in_crate(path: &'static str) -> &'static str {
    let bytes = path.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        if bytes[at] == b':' && bytes[at + 1] == b':' {
            return path.split_at(at + 2).1;
        }
        at += 1;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path_in_crate;

    #[test]
    fn the_crate_is_left_out() {
        assert_eq!(path_in_crate("my_crate::add"), "add");
        assert_eq!(path_in_crate("my_crate::a::b::add"), "a::b::add");
        assert_eq!(path_in_crate("add"), "add");
    }
}
