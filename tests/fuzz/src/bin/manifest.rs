#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rustyray_regressions::manifest::run(input));
