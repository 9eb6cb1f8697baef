//! A message for the local broker, and what it is.

/// What a publication is; who hands it on goes by this and never by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The announcement of a device.
    Discovery,
    /// The announcement of a device that lets components go, which it names with nothing but their platform. The
    /// one without them follows; it must not take the place of this one.
    Parting,
    /// A device is announced no more.
    Withdrawn,
    /// An entity's value.
    Value,
    /// Details of a value, as a JSON object.
    Attributes,
    /// All values of a printer, as a JSON object.
    Document,
    /// Which buttons and actions a printer would take now, as a JSON object.
    Permitted,
    /// Whether a printer is there: `online` or `offline`.
    Availability,
    /// There is nothing on the topic any more; nobody says so of a device.
    Removed,
    /// Something that happened, or what became of a command.
    Moment,
}

impl Kind {
    /// Whether the broker keeps it; else it is told once, to whoever listens.
    pub fn is_retained(self) -> bool {
        self != Self::Moment
    }

    /// Whether a newer one of the same topic may take its place while it waits to leave.
    pub fn may_be_replaced(self) -> bool {
        !matches!(self, Self::Parting | Self::Moment)
    }
}

/// A message for the local broker; an empty payload takes a topic off it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// What it is.
    pub kind: Kind,
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
}

impl Publication {
    /// Says something on a topic.
    pub fn new(kind: Kind, topic: impl Into<String>, payload: impl Into<String>) -> Self {
        Self { kind, topic: topic.into(), payload: payload.into() }
    }

    /// Takes a topic off the broker.
    pub fn removed(topic: impl Into<String>) -> Self {
        Self::new(Kind::Removed, topic, "")
    }

    /// Takes a device off Home Assistant, by the topic of its announcement.
    pub fn withdrawn(topic: impl Into<String>) -> Self {
        Self::new(Kind::Withdrawn, topic, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_says_what_is_kept_and_what_may_be_replaced() {
        use Kind::{
            Attributes, Availability, Discovery, Document, Moment, Parting, Permitted, Removed, Value,
            Withdrawn,
        };
        let kept =
            [Discovery, Parting, Withdrawn, Value, Attributes, Document, Permitted, Availability, Removed];
        assert!(kept.into_iter().all(Kind::is_retained));
        assert!(!Moment.is_retained());
        // Both messages that let a component go must leave, and whatever happens is told.
        assert!(kept.into_iter().all(|kind| kind.may_be_replaced() == (kind != Parting)));
        assert!(!Moment.may_be_replaced());
        for (gone, kind) in [(Publication::removed("t"), Removed), (Publication::withdrawn("t"), Withdrawn)] {
            assert_eq!(gone, Publication::new(kind, "t", ""));
        }
    }
}
