//! The value of a row, and its text as it is published.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use compact_str::CompactString;
use jiff::Timestamp;
use serde_json::json;

/// A value as a row reads it; `None` in its place is published as `None`, which is "unknown".
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A whole number.
    Int(i64),
    /// A number that is shown with one decimal.
    Tenths(f32),
    /// A number that is shown with so many decimals.
    Decimal(f64, u8),
    /// Words.
    Text(Cow<'a, str>),
    /// `ON` or `OFF`.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
    /// An address in the network.
    Address(Ipv4Addr),
    /// Firmware that is installed, offered, or being installed.
    Firmware(Firmware<&'a str>),
}

/// What Home Assistant asks for an `update` entity; its value is this as a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Firmware<T> {
    /// The version that runs.
    pub installed: T,
    /// The newest version; the one that runs when there is none.
    pub latest: T,
    /// What is new in the newest one, in at most 255 characters.
    pub summary: Option<T>,
    /// What it is the version of.
    pub title: &'static str,
    /// Where people can read about the versions.
    pub page: Option<&'static str>,
    /// How far an update is, while one is under way; the percentage may be missing.
    pub progress: Option<Option<u8>>,
}

impl<T> Firmware<T> {
    fn map<'a, U>(&'a self, to: impl Fn(&'a T) -> U) -> Firmware<U> {
        Firmware {
            installed: to(&self.installed),
            latest: to(&self.latest),
            summary: self.summary.as_ref().map(&to),
            title: self.title,
            page: self.page,
            progress: self.progress,
        }
    }
}

impl Firmware<&str> {
    /// Every key each time: Home Assistant keeps the old value of one that is left out.
    pub(crate) fn document(&self) -> serde_json::Value {
        let mut document = json!({
            "installed_version": self.installed,
            "latest_version": self.latest,
            "title": self.title,
            "in_progress": self.progress.is_some(),
            "update_percentage": self.progress.flatten(),
            // It takes no null for this one, and keeps the old one where it is left out.
            "release_summary": self.summary.unwrap_or_default(),
        });
        // It takes no null for this one, and it never changes.
        if let (Some(page), Some(document)) = (self.page, document.as_object_mut()) {
            document.insert("release_url".into(), page.into());
        }
        document
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl Value<'_> {
    /// Degrees Celsius.
    pub fn celsius(value: f32) -> Value<'static> {
        Value::Tenths((value * 10.0).round() / 10.0)
    }

    /// A duration in minutes.
    pub fn minutes(value: Duration) -> Value<'static> {
        Value::Int(i64::try_from(value.as_secs() / 60).unwrap_or(i64::MAX))
    }
}

/// Longest state that Home Assistant takes, in characters.
const LONGEST_STATE: usize = 255;

/// A published value, kept to know whether the next one differs.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Published {
    /// Not yet.
    #[default]
    Never,
    /// As unknown.
    Unknown,
    Int(i64),
    Tenths(f32),
    Decimal(f64, u8),
    Text(CompactString),
    Flag(bool),
    Time(Timestamp),
    Address(Ipv4Addr),
    /// Boxed, because few rows have it and every row has room for it.
    Firmware(Box<Firmware<CompactString>>),
}

impl Published {
    /// As it stands in a document of all values; unknown is null.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Never | Self::Unknown => serde_json::Value::Null,
            Self::Int(v) => json!(v),
            // By way of the text: 21.3 as a single is 21.299999 as a double.
            Self::Tenths(_) | Self::Decimal(..) => {
                self.to_string().parse::<f64>().map_or(serde_json::Value::Null, |v| json!(v))
            }
            Self::Flag(v) => json!(v),
            Self::Text(_) | Self::Time(_) | Self::Address(_) => json!(self.to_string()),
            Self::Firmware(v) => v.map(CompactString::as_str).document(),
        }
    }

    /// As it stands beside its details: a number as it is told, everything else that is no document as its text.
    pub(crate) fn to_attribute(&self) -> serde_json::Value {
        match self {
            Self::Flag(_) => json!(self.to_string()),
            Self::Tenths(_) | Self::Decimal(..) => {
                // Digits as they are told: 220 and not 220.0.
                serde_json::from_str(&self.to_string()).unwrap_or_default()
            }
            _ => self.to_json(),
        }
    }

    /// Whether `value` says something else; numbers within `deadband` of each other say the same.
    pub(crate) fn differs(&self, value: Option<&Value<'_>>, deadband: f32) -> bool {
        match (self, value) {
            (Self::Unknown, None) => false,
            (Self::Int(old), Some(Value::Int(new))) => old != new && far(*old, *new, deadband),
            (Self::Tenths(old), Some(Value::Tenths(new))) => {
                // A hair of tolerance: 0.5 is 0.49999 in the binary fractions of tenths.
                (old - new).abs() > (deadband - 0.01).max(0.0)
            }
            (Self::Decimal(old, _), Some(Value::Decimal(new, places))) => {
                // What would not show is no difference.
                (old - new).abs() >= 0.5_f64.max(f64::from(deadband)) * 0.1_f64.powi(i32::from(*places))
            }
            (Self::Text(old), Some(Value::Text(new))) => old.as_str() != new.as_ref(),
            (Self::Flag(old), Some(Value::Flag(new))) => old != new,
            (Self::Time(old), Some(Value::Time(new))) => *old != seconds(*new),
            (Self::Address(old), Some(Value::Address(new))) => old != new,
            (Self::Firmware(old), Some(Value::Firmware(new))) => old.map(CompactString::as_str) != *new,
            _ => true,
        }
    }
}

/// Home Assistant shows and keeps moments to the second.
pub(crate) fn seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

#[allow(clippy::cast_precision_loss, reason = "the numbers of rows with a dead band are small")]
fn far(old: i64, new: i64, deadband: f32) -> bool {
    (old - new).abs() as f32 >= deadband
}

impl From<Option<&Value<'_>>> for Published {
    fn from(value: Option<&Value<'_>>) -> Self {
        match value {
            None => Self::Unknown,
            Some(Value::Int(v)) => Self::Int(*v),
            Some(Value::Tenths(v)) => Self::Tenths(*v),
            Some(Value::Decimal(v, places)) => Self::Decimal(*v, *places),
            Some(Value::Text(v)) => Self::Text(v.as_ref().into()),
            Some(Value::Flag(v)) => Self::Flag(*v),
            Some(Value::Time(v)) => Self::Time(seconds(*v)),
            Some(Value::Address(v)) => Self::Address(*v),
            Some(Value::Firmware(v)) => Self::Firmware(Box::new(v.map(|text| CompactString::from(*text)))),
        }
    }
}

impl fmt::Display for Published {
    /// The payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never | Self::Unknown => f.write_str("None"),
            Self::Int(v) => write!(f, "{v}"),
            // Adding zero turns a negative zero into a plain one.
            Self::Tenths(v) if v.fract() == 0.0 => write!(f, "{:.0}", v + 0.0),
            Self::Tenths(v) => write!(f, "{v:.1}"),
            Self::Decimal(v, places) => write!(f, "{:.*}", usize::from(*places), v + 0.0),
            Self::Text(v) => match v.char_indices().nth(LONGEST_STATE) {
                Some((end, _)) => f.write_str(v.get(..end).unwrap_or_default()),
                None => f.write_str(v),
            },
            Self::Flag(v) => f.write_str(if *v { "ON" } else { "OFF" }),
            Self::Time(v) => write!(f, "{v}"),
            Self::Address(v) => write!(f, "{v}"),
            Self::Firmware(v) => v.map(CompactString::as_str).document().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload<'a>(value: impl Into<Option<Value<'a>>>) -> String {
        Published::from(value.into().as_ref()).to_string()
    }

    #[test]
    fn payloads_are_what_home_assistant_reads() {
        assert_eq!(payload(None), "None");
        assert_eq!(payload(Value::Int(-53)), "-53");
        assert_eq!(payload(Value::celsius(219.84)), "219.8");
        assert_eq!(payload(Value::celsius(220.0)), "220");
        assert_eq!(payload(Value::celsius(-0.01)), "0");
        assert_eq!(payload(Value::Flag(true)), "ON");
        assert_eq!(payload(Value::minutes(Duration::from_secs(3600))), "60");
        let end = Timestamp::from_second(1_800_000_000).expect("a moment");
        assert_eq!(payload(Value::Time(end)), "2027-01-15T08:00:00Z");
        let later = end + Duration::from_millis(900);
        assert_eq!(payload(Value::Time(later)), "2027-01-15T08:00:00Z");
        assert!(!Published::from(Some(&Value::Time(end))).differs(Some(&Value::Time(later)), 0.0));
        let firmware = Firmware {
            installed: "1.0",
            latest: "1.1",
            summary: None,
            title: "F",
            page: Some("https://x"),
            progress: Some(None),
        };
        assert_eq!(
            payload(Value::Firmware(firmware)),
            r#"{"in_progress":true,"installed_version":"1.0","latest_version":"1.1","release_summary":"","release_url":"https://x","title":"F","update_percentage":null}"#
        );
        let same = Published::from(Some(&Value::Firmware(firmware)));
        assert!(!same.differs(Some(&Value::Firmware(firmware)), 0.0));
        assert!(same.differs(Some(&Value::Firmware(Firmware { progress: Some(Some(3)), ..firmware })), 0.0));
        assert_eq!(Published::from(Some(&Value::celsius(21.3))).to_json().to_string(), "21.3");
        let long = "ä".repeat(300);
        assert_eq!(payload(Value::from(long.as_str())).chars().count(), 255);
    }

    #[test]
    fn small_changes_of_numbers_are_none() {
        let at = |v: f32| Published::from(Some(&Value::celsius(v)));
        assert!(!at(20.0).differs(Some(&Value::celsius(20.4)), 0.5));
        assert!(at(20.0).differs(Some(&Value::celsius(20.5)), 0.5));
        assert!(at(20.0).differs(Some(&Value::celsius(20.1)), 0.0));
        assert!(at(20.0).differs(None, 0.5));
        let at = |v: i64| Published::from(Some(&Value::Int(v)));
        assert!(!at(-50).differs(Some(&Value::Int(-52)), 3.0));
        assert!(at(-50).differs(Some(&Value::Int(-53)), 3.0));
        assert!(at(1).differs(Some(&Value::Int(2)), 0.0));
        assert!(!at(1).differs(Some(&Value::Int(1)), 0.0));
        assert!(Published::Never.differs(None, 0.0));
        assert!(!Published::Unknown.differs(None, 0.0));
    }
}
