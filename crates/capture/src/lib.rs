//! The capture format: one message of a recording a line.
//!
//! `{"topic":"device/<serial>/report","payload":{…}}`, with an optional `"at"`; bytes that are no JSON stand in
//! `payload_base64`.
//! Must not know: what any payload means.
#![forbid(unsafe_code)]

use base64::Engine as _;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A line that is no capture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not with these members.
    #[error(
        "this is no captured message ({0}); a line is {{\"topic\":\"device/<serial>/report\",\"payload\":{{…}}}}"
    )]
    Shape(#[from] serde_json::Error),
    /// Neither payload.
    #[error("the message has neither `payload` nor `payload_base64`")]
    NoPayload,
    /// Not base64.
    #[error("`payload_base64` cannot be read: {0}")]
    Base64(#[from] base64::DecodeError),
}

#[derive(Deserialize)]
struct Line<'a> {
    topic: String,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(default)]
    payload_base64: Option<String>,
    #[serde(default)]
    at: Option<Timestamp>,
}

/// One message of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Where it came.
    pub topic: String,
    /// What came.
    pub payload: Vec<u8>,
    /// When.
    pub at: Option<Timestamp>,
}

impl Capture {
    /// Reads a line of a capture file.
    pub fn parse(line: &str) -> Result<Self, Error> {
        let line: Line<'_> = serde_json::from_str(line)?;
        let payload = match (line.payload, line.payload_base64) {
            (_, Some(text)) => base64::engine::general_purpose::STANDARD.decode(text)?,
            (Some(json), None) => json.get().as_bytes().to_vec(),
            (None, None) => return Err(Error::NoPayload),
        };
        Ok(Self { topic: line.topic, payload, at: line.at })
    }

    /// The serial number of the printer that sent it; `None` for what was sent to a printer.
    pub fn reporter(&self) -> Option<&str> {
        let serial = self.topic.strip_prefix("device/")?.strip_suffix("/report")?;
        (!serial.is_empty() && !serial.contains('/')).then_some(serial)
    }
}
