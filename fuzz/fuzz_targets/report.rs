//! Bytes in, publications out: whatever a printer or a broken link may send, nothing panics and nothing that
//! cannot be shown gets out. The same check runs with a fixed seed in `tests/it/fuzz.rs`.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::check(data));
