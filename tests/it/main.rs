//! The one integration test binary: each module asserts what the gateway does from the outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod broker;
#[cfg(feature = "demo")]
mod cli;
#[cfg(feature = "demo")]
mod demo;
#[cfg(feature = "demo")]
mod gateway;
mod homeassistant;
mod laws;
mod layers;
mod replay;
mod reports;
mod session;
mod support;
