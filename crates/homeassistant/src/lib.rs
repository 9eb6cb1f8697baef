//! What Home Assistant gets to see: discovery, values, and which of them changed.
//!
//! A [`Mirror`] remembers what was last published of one printer and turns a new
//! [`Snapshot`](printer::Snapshot) into the publications that make the difference.
//! Must not know: Bambu's field names, sockets, retries.

pub mod action;
pub mod catalog;
pub mod command;
pub mod discovery;
pub mod entity;
pub mod event;
mod gateway;
mod mirror;
mod names;
mod publication;
mod rows;
pub mod topic;

pub use discovery::{account_key, entity_count};
pub use gateway::{AccountNews, AccountState, AccountView, GatewayCommand, GatewayMirror, GatewayView};
pub use mirror::{Mirror, unknown_levels};
pub use names::Names;
pub use publication::{Kind, Publication};
