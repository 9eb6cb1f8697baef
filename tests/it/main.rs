//! The one integration test binary: each module asserts what the gateway does from the outside.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

#[cfg(feature = "demo")]
mod account;
mod ams;
mod broker;
mod cases;
mod citations;
#[cfg(feature = "demo")]
mod cli;
#[cfg(feature = "demo")]
mod consumption;
mod control;
#[cfg(feature = "demo")]
mod crash;
#[cfg(feature = "demo")]
mod demo;
mod events;
#[cfg(feature = "demo")]
mod facts;
mod fuzz;
#[cfg(feature = "demo")]
mod gateway;
mod hardware;
mod health;
#[cfg(feature = "demo")]
mod history;
mod homeassistant;
mod jobs;
mod laws;
mod layers;
#[cfg(feature = "demo")]
mod login;
mod merge;
mod permitted;
mod places;
mod privacy;
mod replay;
mod reports;
#[cfg(feature = "demo")]
mod secrets;
mod session;
mod streams;
mod support;
mod traces;
mod vendor;
