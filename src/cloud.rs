//! The Bambu cloud's REST interface: login, the life of a token, and the list of printers.
//!
//! Each request waits for its turn and is held to the limits that all accounts share ([`limiter`]), has a time
//! limit, is not repeated, and no redirect is followed; bodies are never logged. It says honestly who it is: Bambu has objected to clients that pose as theirs. It must not know
//! of MQTT or of entities.

pub mod attempts;
mod client;
mod data;
mod error;
pub mod flow;
mod kinds;
pub mod limiter;
mod login;
pub mod logins;
pub mod plan;
mod printers;
mod reply;
mod token;

pub use client::Client;
pub use error::CloudError;
pub(crate) use error::advice;
pub use flow::LoginFlow;
pub use kinds::{BoundPrinter, CodeKind, LoginReason, Page, Releases, Rest, Sliced};
pub use limiter::Limiter;
pub use login::{Answered, LoginAnswer, TokenGrant};
pub use logins::{CloudLogin, Verdict, obtain, verdict};
pub use token::UserName;

#[cfg(test)]
mod tests;
