//! Layers that somebody waits for.

use crate::Now;
use crate::event::Kind;

use super::seen::Seen;
use super::{Tracker, reason};

impl Tracker {
    /// Tells each layer that was named, once, when the print has reached it.
    pub(super) fn evaluate_layers(&mut self, now: Now, seen: &Seen) {
        let layer = seen.layer.unwrap_or_default();
        let before = self.ledger.going.layer;
        self.ledger.going.layer = before.max(layer);
        let reached =
            seen.policy.notify_layers.iter().filter(|wanted| **wanted > before && **wanted <= layer);
        for wanted in reached {
            let mut why = reason::word("layer");
            why.text = Some(wanted.to_string());
            self.tell_of_job(now, Kind::LayerReached, Some(why));
        }
    }
}
