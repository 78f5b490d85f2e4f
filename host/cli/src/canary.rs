//! The compiler canary: code that some compilers get wrong, to find out whether one of them built this binary.
//!
//! rustc 1.94 to 1.96, and some nightlies of 1.97, drop the subtraction of `x -= usize::from(flag.swap(false))` in
//! optimised builds, when it is inlined from a function that returns the flag into a branch on it (rust#158206). The rest
//! of the host avoids this form, and `tests/integration/tidy.rs` checks that; so the answer is for information only.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the canary saw of the compiler that built it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// It drops the subtraction.
    Faulty,
    /// It keeps the subtraction in an optimised build.
    Right,
    /// It keeps the subtraction, but so does a faulty one in an unoptimised build, which this seems to be.
    Unknown,
}

impl Compiler {
    /// Tries the compiler that built this binary.
    pub fn of_this_build() -> Self {
        let mut count = Count { pending: black_box(1), unknown: 0 };
        count.start(&AtomicBool::new(black_box(true)));
        match count.pending {
            1 => Compiler::Faulty,
            // A program can't ask for its own optimisation level; assertions are usually on where that is low.
            _ if cfg!(debug_assertions) => Compiler::Unknown,
            _ => Compiler::Right,
        }
    }

    /// The finding in words, and what it means.
    pub fn in_words(self) -> &'static str {
        match self {
            Compiler::Faulty => {
                "a rustc that miscompiles arithmetic on a bool (rust#158206, fixed in 1.97.1): \
                 harmless here, the host's code avoids it"
            }
            Compiler::Right => "a rustc that compiles arithmetic on a bool right (unlike those of rust#158206)",
            Compiler::Unknown => {
                "a rustc that may miscompile arithmetic on a bool (rust#158206): only a release build can tell"
            }
        }
    }
}

/// The form that is compiled wrong, as it stood in the scheduler.
struct Count {
    pending: usize,
    unknown: usize,
}

impl Count {
    #[inline(always)]
    fn uncount(&mut self, flag: &AtomicBool) -> bool {
        let counted = flag.swap(false, Ordering::AcqRel);
        self.pending -= usize::from(counted);
        counted
    }

    /// Not inlined, or the compiler would work out the answer itself.
    #[inline(never)]
    fn start(&mut self, flag: &AtomicBool) {
        if !self.uncount(flag) {
            self.unknown += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Compiler;

    /// Prints the finding and never fails: contributors don't choose their compiler by it.
    #[test]
    fn the_compiler_is_reported() {
        // Not `eprintln!`, which the test runner captures.
        let _ = writeln!(std::io::stderr(), "compiler canary: built by {}", Compiler::of_this_build().in_words());
    }
}
