//! An emulated Bambu cloud with simulated printers, and an embedded local broker: enough to show the gateway
//! without an account, to test it, and to put it under load.
//!
//! [`cloud::Cloud`] and [`broker::Broker`] start and stop by themselves; a [`Printer`] is pure and can be
//! driven by ticks alone. All this speaks as the cloud and the printers do and knows nothing of our own
//! decoder.

mod account;
pub mod broker;
mod certificate;
mod chances;
mod chores;
pub mod cloud;
mod command;
mod detectors;
mod facts;
mod fields;
mod fleet;
mod folder;
mod gate;
mod generation;
mod job;
mod machine;
mod model;
mod parts;
mod picture;
mod plan;
mod print_options;
mod printer;
mod recording;
mod relay;
mod rest;
#[cfg(test)]
#[path = "../../../tests/it/support/shared.rs"]
mod shared;
mod sheet;
mod spool;
pub mod task;
mod template;
mod unit;

pub use broker::Broker;
pub use cloud::{Cloud, Options, Settings};
pub use folder::private_folder;
pub use job::{Ids, JobSpec, Origin};
pub use machine::trouble::{CancelOrder, Wake};
pub use model::Model;
pub use printer::Printer;
pub use recording::Recording;
pub use rest::{Endpoint, Failure, Switches};
