//! The Bambu cloud's REST interface: login, the life of a token, and the list of printers.
//!
//! Each request waits for its turn and is held to the limits that all accounts share ([`limiter`]), has a time
//! limit, is not repeated, and no redirect is followed; bodies are never logged. It says honestly who it is: Bambu has objected to clients that pose as theirs. It must not know
//! of MQTT or of entities.

pub mod attempts;
mod client;
mod data;
mod error;
mod kinds;
pub mod limiter;
mod login;
pub mod person;
pub mod plan;
mod printers;
mod reply;
pub mod session;
mod token;

pub use client::Client;
pub use error::Error;
pub(crate) use error::advice;
pub use kinds::{BoundPrinter, CodeKind, LoginReason, Releases, Rest};
pub use limiter::Limiter;
pub use login::{Answered, Grant, Login};
pub use person::Desk;
pub use session::{Session, Verdict, obtain, verdict};
pub use token::UserName;

#[cfg(test)]
mod tests;
