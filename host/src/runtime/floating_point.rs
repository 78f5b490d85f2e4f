//! The modes of floating-point arithmetic that guests run under: those of WebAssembly, whatever the threads of an embedder have, and
//! those that inherit them. A result that is kept must not depend on them.

use std::hint::black_box;

/// Restores the default modes on this thread, where an embedder's code left others.
pub fn use_default_modes() {
    if !are_default() {
        reset();
    }
}

/// Does this thread round to nearest, and keep what is too small to be normal? Found out by calculating, which costs next to nothing.
pub fn are_default() -> bool {
    let (one, half) = (black_box(1.0f64), black_box(f64::EPSILON / 2.0));
    let rounds_to_nearest = one + half == 1.0 && -one - half == -1.0 && one + half * 1.5 > 1.0;
    let keeps_results = black_box(f64::MIN_POSITIVE) * black_box(0.5) != 0.0;
    let keeps_operands = black_box(f64::from_bits(1)) * black_box(2.0) != 0.0;
    rounds_to_nearest && keeps_results && keeps_operands
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no other way to set a mode")]
fn reset() {
    /// Nothing traps, to nearest, and nothing is flushed to zero: as each process begins.
    const DEFAULT: u32 = 0x1f80;
    // SAFETY: It reads four bytes that are there, and sets what all code that is compiled for Rust takes for given.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &DEFAULT, options(nostack, readonly)) };
}

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "there is no other way to set a mode")]
fn reset() {
    // SAFETY: Zero is what each process begins with, and what all code that is compiled for Rust takes for given.
    unsafe { std::arch::asm!("msr fpcr, xzr", options(nomem, nostack)) };
}

/// On others it is known whether the modes are right, and threads that have others do not run guests.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn reset() {}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::{Host, TaskOptions};

    #[expect(unsafe_code, reason = "there is no other way to set a mode")]
    fn set(modes: u32) {
        // SAFETY: It reads four bytes that are there. What this thread calculates meanwhile is the test's own.
        unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &modes, options(nostack, readonly)) };
    }

    /// To nearest, down, up and to zero, and what is flushed of operands and of results.
    const MODES: [u32; 6] = [0x1f80, 0x3f80, 0x5f80, 0x7f80, 0x1fc0, 0x9f80];

    #[test]
    fn other_modes_are_found_and_set_back() {
        std::thread::spawn(|| {
            for modes in MODES {
                set(modes);
                assert_eq!(are_default(), modes == 0x1f80, "{modes:x}");
                use_default_modes();
                assert!(are_default(), "{modes:x}");
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn guests_calculate_in_the_default_modes() {
        let text = r#"(component (core module $m
                (func (export "sum") (param f64 f64) (result f64) (f64.add (local.get 0) (local.get 1)))
                (func (export "product") (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1))))
            (core instance $i (instantiate $m))
            (func $sum (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $i "sum")))
            (func $product (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $i "product")))
            (export "sum" (func $sum)) (export "product" (func $product)))"#;
        let bytes = wat::parse_str(text).unwrap();
        for (modes, helping) in MODES.into_iter().flat_map(|modes| [(modes, false), (modes, true)]) {
            let bytes = bytes.clone();
            // The host's threads have the modes of the one that builds it, and this one may run guests itself.
            std::thread::spawn(move || {
                set(modes);
                let host = Host::builder().cpus(2.0).instances(4).helping(helping).build().unwrap();
                let found: [f64; 3] = futures::executor::block_on(async {
                    let module = host.load_bytes("modes", bytes).await.unwrap();
                    let mut found = [0.0; 3];
                    let asked = [("sum", 1.0, f64::EPSILON / 2.0), ("sum", -1.0, -f64::EPSILON / 2.0)];
                    for (found, (function, a, b)) in
                        found.iter_mut().zip(asked.into_iter().chain([("product", 1e-310, 0.5)]))
                    {
                        let task = module.task(function).arg(a).arg(b).options(TaskOptions::new()).submit().await;
                        *found = host.get(&task).await.unwrap();
                    }
                    found
                });
                set(0x1f80);
                assert_eq!(found, [1.0, -1.0, 5e-311], "{modes:x}");
            })
            .join()
            .unwrap();
        }
    }
}
