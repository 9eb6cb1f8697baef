//! An emulated Bambu cloud with simulated printers, and an embedded local broker: enough to show the gateway
//! without an account, to test it, and to put it under load.
//!
//! [`cloud::Cloud`] and [`broker::Broker`] start and stop by themselves; a [`Printer`] is pure and can be
//! driven by ticks alone. All this speaks as the cloud and the printers do and knows nothing of our own
//! decoder.

mod a1mini;
mod account;
pub mod broker;
mod certificate;
pub mod cloud;
mod command;
mod detectors;
mod fields;
mod fleet;
mod gate;
mod h2d;
mod machine;
mod model;
mod parts;
mod printer;
mod relay;
mod rest;
mod spool;
mod template;
mod unit;
mod x1c;

pub use broker::Broker;
pub use cloud::{Cloud, Options, Settings};
pub use model::Model;
pub use printer::Printer;
