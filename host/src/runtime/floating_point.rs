//! The modes of floating-point arithmetic that guests run under: those of WebAssembly, whatever the threads of an embedder have, and
//! those that inherit them. A result that is kept must not depend on them.

/// Restores the default modes on this thread, where an embedder's code left others.
pub fn use_default_modes() {
    if !are_default() {
        reset();
    }
}

/// The modes as each process begins: nothing traps, to nearest, and nothing is flushed to zero.
#[cfg(target_arch = "x86_64")]
const DEFAULT: u32 = 0x1f80;

/// Has this thread the default modes?
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "a calculation would not find out what traps, or trap itself")]
pub fn are_default() -> bool {
    /// What happened so far is no mode.
    const MODES: u32 = 0xffc0;
    let mut now = 0u32;
    // SAFETY: It writes four bytes that are there.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut now, options(nostack)) };
    now & MODES == DEFAULT
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "there is no other way to set a mode")]
fn reset() {
    // SAFETY: It reads four bytes that are there, and sets what all code that is compiled for Rust takes for given.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &DEFAULT, options(nostack, readonly)) };
}

/// Has this thread the default modes?
#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "a calculation would not find out what traps, or trap itself")]
pub fn are_default() -> bool {
    let modes: u64;
    // SAFETY: It reads a register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) modes, options(nomem, nostack)) };
    modes == 0
}

#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "there is no other way to set a mode")]
fn reset() {
    // SAFETY: Zero is what each process begins with, and what all code that is compiled for Rust takes for given.
    unsafe { std::arch::asm!("msr fpcr, xzr", options(nomem, nostack)) };
}

/// On others nothing is known of modes, and none are set.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn are_default() -> bool {
    true
}

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

    /// To nearest, down, up and to zero, what is flushed of operands and of results, and a division by zero that traps.
    const MODES: [u32; 7] = [0x1f80, 0x3f80, 0x5f80, 0x7f80, 0x1fc0, 0x9f80, 0x1d80];

    #[test]
    fn other_modes_are_found_and_set_back() {
        std::thread::spawn(|| {
            for modes in MODES {
                set(modes);
                assert_eq!(are_default(), modes == 0x1f80, "{modes:x}");
                use_default_modes();
                assert!(are_default(), "{modes:x}");
                // What happened is no mode.
                std::hint::black_box(std::hint::black_box(1.0f64) / std::hint::black_box(3.0));
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
                (func (export "product") (param f64 f64) (result f64) (f64.mul (local.get 0) (local.get 1)))
                (func (export "quotient") (param f64 f64) (result f64) (f64.div (local.get 0) (local.get 1))))
            (core instance $i (instantiate $m))
            (func $sum (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $i "sum")))
            (func $product (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $i "product")))
            (func $quotient (param "a" f64) (param "b" f64) (result f64) (canon lift (core func $i "quotient")))
            (export "quotient" (func $quotient)) (export "sum" (func $sum)) (export "product" (func $product)))"#;
        let bytes = wat::parse_str(text).unwrap();
        for (modes, helping) in MODES.into_iter().flat_map(|modes| [(modes, false), (modes, true)]) {
            let bytes = bytes.clone();
            // The host's threads have the modes of the one that builds it, and this one may run guests itself.
            std::thread::spawn(move || {
                set(modes);
                let host = Host::builder().cpus(2.0).instances(4).helping(helping).build().unwrap();
                let found: [f64; 4] = futures::executor::block_on(async {
                    let module = host.load_bytes("modes", bytes).await.unwrap();
                    let mut found = [0.0; 4];
                    let asked = [("sum", 1.0, f64::EPSILON / 2.0), ("sum", -1.0, -f64::EPSILON / 2.0)];
                    for (found, (function, a, b)) in found
                        .iter_mut()
                        .zip(asked.into_iter().chain([("product", 1e-310, 0.5), ("quotient", 1.0, 0.0)]))
                    {
                        let task = module.task(function).arg(a).arg(b).options(TaskOptions::new()).submit().await;
                        *found = host.get(&task).await.unwrap();
                    }
                    found
                });
                set(0x1f80);
                assert_eq!(found[..3], [1.0, -1.0, 5e-311], "{modes:x}");
                assert!(found[3].is_infinite(), "{modes:x}: {}", found[3]);
            })
            .join()
            .unwrap();
        }
    }
}
