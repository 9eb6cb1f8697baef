//! The gateway itself as a device of Home Assistant.

use std::sync::Arc;

use crate::printer::Now;

use super::catalog::BRIDGE;
use super::topic::Topics;
use super::{Cell, Publication, Rows, discovery};

/// How the account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Account {
    /// Not decided yet, or the cloud cannot be reached.
    #[default]
    Offline,
    /// Logged in.
    Connected,
    /// A person must log in again.
    NeedsLogin,
    /// The cloud refuses us for now.
    Blocked,
}

impl Account {
    /// All words for it.
    pub const WORDS: [&str; 4] = ["offline", "connected", "needs_login", "blocked"];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Connected => "connected",
            Self::NeedsLogin => "needs_login",
            Self::Blocked => "blocked",
        }
    }
}

/// The gateway itself, as a device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bridge {
    /// Version of the program.
    pub version: &'static str,
    /// Whether the cloud's broker is connected.
    pub cloud_connected: bool,
    /// How the account stands.
    pub account: Account,
    /// Printers in the account.
    pub printers: u16,
    /// Those that can be reached.
    pub printers_online: u16,
    /// Those with a job under way.
    pub printers_printing: u16,
    /// Those that can be reached and have none.
    pub printers_idle: u16,
    /// Those that somebody should have a look at.
    pub printers_attention: u16,
    /// Messages of all printers a minute, over the last minutes; `None` before these have passed.
    pub report_rate: Option<u32>,
    /// How often the connection to the cloud was lost since the start.
    pub reconnects: u32,
    /// What is wrong with the state directory.
    pub state_problem: Option<String>,
}

/// What Home Assistant was told of the gateway itself.
pub struct BridgeMirror {
    topics: Arc<Topics>,
    discovery: bool,
    announced: bool,
    cells: Vec<Cell>,
}

impl BridgeMirror {
    /// A gateway of which nothing was told yet.
    pub fn new(topics: Arc<Topics>, discovery: bool) -> Self {
        Self { topics, discovery, announced: false, cells: vec![Cell::default(); BRIDGE.len()] }
    }

    /// Tells what changed.
    pub fn update(&mut self, now: Now, bridge: &Bridge, out: &mut Vec<Publication>) {
        if !self.announced && self.discovery {
            let message = discovery::bridge(&self.topics, bridge);
            out.push(Publication::new(self.topics.config(&message.device), message.payload()));
        }
        self.announced = true;
        let topics = &self.topics;
        Rows { table: BRIDGE, cells: &mut self.cells, topic: &|key| topics.bridge(key), exact: true }
            .publish(now, bridge, None, |_| true, out);
    }

    /// Tells everything again.
    pub fn resend(&mut self, now: Now, bridge: &Bridge, out: &mut Vec<Publication>) {
        self.announced = false;
        self.cells.fill(Cell::default());
        self.update(now, bridge, out);
    }
}
