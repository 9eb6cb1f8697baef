//! What Home Assistant gets to see: discovery, values, and which of them changed.
//!
//! A [`Mirror`] remembers what was last published of one printer and turns a new
//! [`Snapshot`](printer::Snapshot) into the publications that make the difference.
//! Must not know: Bambu's field names, sockets, retries.

pub mod action;
mod bridge;
pub mod catalog;
pub mod command;
pub mod discovery;
pub mod entity;
pub mod event;
mod mirror;
mod publication;
mod rows;
pub mod topic;

pub use bridge::{AccountNews, AccountState, AccountView, Bridge, BridgeCommand, BridgeMirror};
pub use discovery::{account_key, entity_count};
pub use mirror::Mirror;
pub use publication::{Kind, Publication};
