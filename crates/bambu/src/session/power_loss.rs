//! The one report without any unit or tray that printers send while losing power: it is not believed at once
//! (protocol 3.4).

use std::time::Duration;

use crate::report::Print;
use crate::wire::Hex;

/// How long it is not believed.
const HOLD: Duration = Duration::from_secs(10);

/// Whether such a report is in doubt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PowerLoss {
    /// Since when, and what it says of the units.
    since: Option<(Duration, Option<Hex>)>,
}

impl PowerLoss {
    /// Takes out of a report what is not believed yet.
    pub(super) fn hold(&mut self, now: Duration, known: &Print, print: &mut Print) {
        let Some(ams) = print.ams.as_mut() else { return };
        let had = known.ams.as_ref().and_then(|ams| ams.tray_exist_bits).is_some_and(|bits| bits.0 != 0);
        let zero = ams.tray_exist_bits.is_some_and(|bits| bits.0 == 0);
        if !zero {
            // A report that has the bits and shows trays ends the doubt.
            self.since = self.since.filter(|_| ams.tray_exist_bits.is_none());
        } else if had && self.since.is_none() {
            ams.tray_exist_bits = None;
            self.since = Some((now, ams.ams_exist_bits.take()));
            ams.ams = None;
        } else {
            self.since = None;
        }
    }

    /// Puts it into what is known when nothing contradicted it for long enough; says whether it did.
    pub(super) fn believe(&mut self, now: Duration, known: &mut Print) -> bool {
        let Some((_, units)) = self.since.take_if(|(since, _)| now >= *since + HOLD) else { return false };
        if let Some(ams) = known.ams.as_mut() {
            ams.tray_exist_bits = Some(Hex(0));
            // Without its unit a slot is not empty but unknown.
            ams.ams_exist_bits = units.or(ams.ams_exist_bits);
        }
        true
    }

    /// When it is believed.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.since.map(|(at, _)| at + HOLD)
    }
}
