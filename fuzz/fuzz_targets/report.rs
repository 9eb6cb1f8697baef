//! Bytes in, publications out: whatever a printer or a broken link may send, nothing panics and nothing that
//! cannot be shown gets out. The bytes 1 to 4 stand for something long. The same check runs with a fixed seed in
//! `tests/it/fuzz.rs`.
//!
//! ```sh
//! fuzz/seed.py
//! cargo fuzz run -s none report -- -dict=fuzz/report.dict -max_len=16384 -rss_limit_mb=512
//! ```
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::check(data));
