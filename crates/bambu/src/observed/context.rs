//! What a projection needs besides the report.

use std::sync::Arc;

use super::figures::Inherited;
use crate::models::Model;
use crate::report::Module;
use printer::update::Boards;
use printer::{Capabilities, Control, ControlReason, Identity, Observed, Reach};

/// What a projection needs besides the report.
pub struct Context<'a> {
    /// Who the printer is.
    pub identity: &'a Arc<Identity>,
    /// Its row in the model table.
    pub model: Option<&'static Model>,
    /// What it can do, once that is decided.
    pub capabilities: Option<Capabilities>,
    /// Whether it can be reached.
    pub reach: Reach,
    /// What we may do with it.
    pub control: Control,
    /// How that is known.
    pub control_reason: ControlReason,
    /// Its boards: the AMS units' serials and kinds.
    pub modules: &'a [Module],
    /// The same for people.
    pub boards: &'a Boards,
    /// Whether the list of boards is complete, or will never be.
    pub boards_known: bool,
    /// Which figures of the report are the last job's.
    pub inherited: Inherited,
    /// The moment before: what is said rarely is kept from it.
    pub previous: &'a Observed,
    /// Units whose drying time has not changed for long.
    pub drying_still: &'a [u8],
    /// Whether AMS units and spools must be made anew: not after a message that changed nothing of them.
    pub spools_anew: bool,
}
