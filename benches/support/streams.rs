//! What printers say, for the benchmarks: recordings where they are at hand, else simulated printers.

#![allow(dead_code, reason = "not each benchmark needs every part")]

use std::path::PathBuf;
use std::time::Duration;

use bambu::envelope::{self, Message};
use bambu::wire::Kind;
use capture::Capture;

/// A way in which printers report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// An A1: only what changed.
    A1,
    /// An X1C: everything, each second.
    X1c,
    /// An H2D that prints: everything in the newer form, each second.
    H2d,
    /// An H2D whose print pauses, is stopped and begins again, over and over: the price of what happens.
    H2dEnds,
}

impl Class {
    pub(crate) const ALL: [Self; 4] = [Self::A1, Self::X1c, Self::H2d, Self::H2dEnds];

    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// How it is called on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::A1 => "a1",
            Self::X1c => "x1c",
            Self::H2d => "h2d",
            Self::H2dEnds => "h2d-ends",
        }
    }

    /// How it is called in tables.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::A1 => "A1 delta",
            Self::X1c => "X1C full",
            Self::H2d => "H2D full",
            Self::H2dEnds => "H2D ends",
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::A1 => "a1_stream_long_start_hms_fw010700.jsonl",
            Self::X1c => "x1c_stream_running_ams_change.jsonl",
            Self::H2d | Self::H2dEnds => "h2d_stream_pause_stop_failed_hms_fw010300.jsonl",
        }
    }
}

/// The reports of one printer.
pub(crate) struct Stream {
    pub(crate) class: Class,
    /// Whether a real printer said it.
    pub(crate) recorded: bool,
    pub(crate) serial: String,
    /// Everything, in order: what a gateway must have seen to know the printer.
    pub(crate) all: Vec<Vec<u8>>,
    /// The reports of the kind that is measured.
    pub(crate) measured: Vec<Vec<u8>>,
}

impl Stream {
    pub(crate) fn load(class: Class) -> Self {
        let (recorded, serial, all) = match recording(class) {
            Some((serial, all)) => (true, serial, all),
            None => simulation(class).map_or((false, String::new(), Vec::new()), |(s, a)| (false, s, a)),
        };
        let wanted = if class == Class::A1 { Kind::Delta } else { Kind::Full };
        let is_measured = |bytes: &Vec<u8>| match envelope::read(bytes) {
            // Over and over, a recording with an end would write a ledger every few reports.
            Ok(Message::Report { print, kind }) if class == Class::H2d => {
                kind == wanted && print.gcode_state.as_deref() == Some("RUNNING")
            }
            Ok(Message::Report { kind, .. }) => kind == wanted,
            _ => false,
        };
        let measured = all.iter().filter(|bytes| is_measured(bytes)).cloned().collect();
        Self { class, recorded, serial, all, measured }
    }

    /// Bytes of a report, on average.
    pub(crate) fn bytes(&self) -> usize {
        self.measured.iter().map(Vec::len).sum::<usize>() / self.measured.len().max(1)
    }

    pub(crate) fn source(&self) -> &'static str {
        if self.recorded { "recorded" } else { "simulated" }
    }
}

fn recording(class: Class) -> Option<(String, Vec<Vec<u8>>)> {
    let shared = std::env::var_os("BAMBU2MQTT_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let text = std::fs::read_to_string(shared.join("captures").join(class.file())).ok()?;
    let captures: Vec<Capture> = text.lines().filter_map(|line| Capture::parse(line).ok()).collect();
    let serial = captures.iter().find_map(Capture::reporter)?.to_owned();
    Some((serial, captures.into_iter().map(|capture| capture.payload).collect()))
}

fn simulation(class: Class) -> Option<(String, Vec<Vec<u8>>)> {
    let model = match class {
        Class::A1 => simulator::Model::A1Mini,
        Class::X1c => simulator::Model::X1c,
        Class::H2d | Class::H2dEnds => simulator::Model::H2d,
    };
    let mut printer = (0..3).map(|number| simulator::Printer::new(number, 1)).find(|p| p.model() == model)?;
    let mut all = vec![printer.full()];
    for _ in 0..1500 {
        printer.tick(Duration::from_secs(1), &mut all);
    }
    Some((printer.serial().to_owned(), all))
}
