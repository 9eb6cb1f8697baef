//! The `bambu2mqtt` program; everything it does is in the library.
fn main() {}
