//! An emulated Bambu cloud with simulated printers, and an embedded local broker: enough to show the gateway
//! without an account, to test it, and to put it under load.
//!
//! It speaks as the cloud and the printers do and knows nothing of our own decoder.

mod a1mini;
mod command;
mod detectors;
mod fields;
mod h2d;
mod machine;
mod model;
mod printer;
mod spool;
mod template;
mod x1c;

pub use model::Model;
pub use printer::Printer;
