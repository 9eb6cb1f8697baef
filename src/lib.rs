//! Bambu Lab printers in Home Assistant, from the Bambu cloud.
//!
//! Bytes become a [`printer::Snapshot`], the difference between two snapshots becomes
//! publications, and only the edge of the program may wait for anything.
//!
//! | module | knows |
//! | --- | --- |
//! | [`printer`] | the words of the domain; no JSON, no MQTT, no vendor's field names |
//! | [`bambu`] | the wire: envelopes, merging, report to snapshot, command to request |
//! | [`homeassistant`] | discovery, the entity table, value text, which topics changed |
//! | [`mqtt`] | one supervised connection; not what any payload means |
//! | [`cloud`] | REST login, token, list of printers |
//! | [`ledger`] | how what must outlive the program reaches the disk, and what may leave when |
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
