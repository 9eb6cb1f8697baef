//! Bambu Lab printers in Home Assistant, from the Bambu cloud.
//!
//! Bytes become what was observed, the difference between two [`printer::Snapshot`]s becomes
//! publications, and only the edge of the program may wait for anything.
//!
//! | crate or module | knows |
//! | --- | --- |
//! | [`printer`] | the words of the domain; no JSON, no MQTT, no vendor's field names |
//! | [`bambu`] | the wire: envelopes, merging, report to what is observed, command to request |
//! | [`homeassistant`] | discovery, the entity table, value text, which topics changed |
//! | [`twin`] | one printer as one value: how those three fit together |
//! | [`mqtt`] | one supervised connection; not what any payload means |
//! | [`cloud`] | REST login, token, list of printers |
//! | [`disk`] | the one way to the disk |
//! | [`ledger`] | the form of the file that a printer's jobs outlive the program in |
//! | [`history`] | the jobs that ended, as lines of a file |
//! | [`texts`] | where error texts come from and how they are kept |
//! | [`config`] | file, environment, checks, secrets |
//! | [`gateway`] | the wiring and the one loop |
//! | [`service`] | systemd, signals, exit codes |
//!
//! `ARCHITECTURE.md` draws the map.
#![forbid(unsafe_code)]

pub mod cli;
pub mod cloud;
pub mod config;
pub mod disk;
pub mod gateway;
pub mod history;
mod http;
pub mod ledger;
pub mod mqtt;
pub mod service;
#[cfg(test)]
#[path = "../tests/it/support/shared.rs"]
mod shared;
pub mod texts;
pub mod tls;
mod window;
