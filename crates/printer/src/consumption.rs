//! What a print takes: filament, energy, money.
//!
//! Nothing measures filament, so what is told of it is the slicer's estimate, scaled by how far a print came.
//! Energy is what a meter counted while the job was on. Money is both times the prices that a person named;
//! what has no price makes a sum unknown, because a sum that is too low looks like any other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Text;
use super::cloud::{Names, TaskSlot};
use super::record::{Counters, JobClass, JobRecord, JobResult};

/// Where the figures of a print come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimate {
    /// The slicer's, for a print that was finished.
    Slicer,
    /// The slicer's, times the share that was printed. Each slot is scaled alike: which one feeds when is known
    /// to nobody but the printer.
    Scaled,
}

impl Estimate {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slicer => "slicer",
            Self::Scaled => "scaled",
        }
    }
}

/// How much of a print was printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// 0 to 1.
    pub part: f64,
    /// Where that comes from.
    pub estimate: Estimate,
}

impl Share {
    /// A print that was finished.
    pub const WHOLE: Self = Self { part: 1.0, estimate: Estimate::Slicer };

    /// By layers where they are known, which go with the filament better than the percentage, which goes with
    /// time. Layers count in some calibrations, too (protocol 4.4), so at 0 % they say nothing.
    pub fn of(progress: Option<u8>, layer: Option<u32>, layers: Option<u32>) -> Option<Self> {
        let part = match (progress, layer, layers.filter(|layers| *layers > 0)) {
            (Some(0), _, _) => 0.0,
            (_, Some(layer), Some(layers)) => f64::from(layer) / f64::from(layers),
            (Some(percent), _, _) => f64::from(percent) / 100.0,
            (None, _, _) => return None,
        };
        Some(Self { part: part.clamp(0.0, 1.0), estimate: Estimate::Scaled })
    }

    /// How much of a recorded job.
    pub fn of_job(job: &JobRecord) -> Option<Self> {
        match job.result {
            Some(JobResult::Finished) => Some(Self::WHOLE),
            _ => Self::of(job.progress, job.layer, job.total_layers),
        }
    }

    /// That share of what was planned: a weight in g, or a length in m.
    pub fn times(self, planned: f32) -> f64 {
        f64::from(planned) * self.part
    }
}

/// Filament that a job used up, g; `None` for jobs that the slicer's figures are not known of, such as prints
/// from the local network.
pub fn used_g(job: &JobRecord) -> Option<f64> {
    Some(Share::of_job(job)?.times(job.planned_g?))
}

/// What things cost, in one currency.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// Its code after ISO 4217.
    pub currency: &'static str,
    /// Filament, by what it is.
    pub filaments: Vec<FilamentPrice>,
    /// One kWh.
    pub energy_per_kwh: Option<f64>,
}

/// The price of a filament.
#[derive(Debug, Clone, PartialEq)]
pub struct FilamentPrice {
    /// A filament's id, the name of one that somebody made, a material, or [`ANY`]. Letters count alike, large or small.
    pub filament: Text,
    /// Of a kilogram.
    pub per_kg: f64,
}

/// In place of a material: all that have no price of their own.
pub const ANY: &str = "other";

impl Prices {
    /// A kilogram of what a slot gives: by its id, else the name that its owner gave it, else its material, else
    /// the price of all others.
    pub fn per_kg(&self, slot: &TaskSlot, own: &Names) -> Option<f64> {
        let find = |name: &str| {
            let price = self.filaments.iter().find(|price| price.filament.eq_ignore_ascii_case(name));
            price.map(|price| price.per_kg)
        };
        let known = |name: Option<&Text>| name.and_then(|name| find(name));
        let name = slot.filament_id.as_ref().and_then(|id| own.get(id));
        known(slot.filament_id.as_ref())
            .or_else(|| known(name))
            .or_else(|| known(slot.material.as_ref()))
            .or_else(|| find(ANY))
    }
}

/// What a job cost, each part unknown unless all of it is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Its filament.
    pub filament: Option<f64>,
    /// Its energy; unknown, too, where no meter or no price was named.
    pub energy: Option<f64>,
    /// Both; the filament alone where no energy is to be reckoned.
    pub total: Option<f64>,
}

/// What a share of these slots costs.
fn filament_cost(slots: &[TaskSlot], share: Share, prices: &Prices, own: &Names) -> Option<f64> {
    let of_slot = |slot: &TaskSlot| {
        let grams = share.times(slot.weight_g?);
        // What gives nothing need not have a price.
        if grams == 0.0 { Some(0.0) } else { Some(grams / 1000.0 * prices.per_kg(slot, own)?) }
    };
    if slots.is_empty() { None } else { slots.iter().map(of_slot).sum() }
}

/// What a job costs that came so far. `metered`: an energy meter was named for its printer; `own`: the names of
/// filaments that people made themselves.
pub fn cost(job: &JobRecord, share: Option<Share>, metered: bool, prices: &Prices, own: &Names) -> Cost {
    let filament = share.and_then(|share| filament_cost(&job.slots, share, prices, own));
    let rate = prices.energy_per_kwh.filter(|_| metered);
    let energy = rate.zip(job.energy_kwh).map(|(rate, kwh)| rate * kwh);
    let total = match rate {
        None => filament,
        Some(_) => filament.zip(energy).map(|(filament, energy)| filament + energy),
    };
    Cost { filament, energy, total }
}

/// Adds what an ended job used up to its printer's totals, by material.
pub fn count(counters: &mut Counters, job: &JobRecord) {
    reckon(counters, job, 1.0);
}

/// Takes away again what [`count`] added for a job that goes on after all: its end will count the whole of it.
pub fn take_back(counters: &mut Counters, job: &JobRecord) {
    reckon(counters, job, -1.0);
    // What is left of sums that should be nothing.
    counters.filament_g.retain(|_, grams| *grams > 1e-6);
}

fn reckon(counters: &mut Counters, job: &JobRecord, sign: f64) {
    if job.class != JobClass::Print {
        return;
    }
    let (Some(share), Some(planned)) = (Share::of_job(job), job.planned_g) else { return };
    let mut add = |material: &str, grams: f64| {
        if grams > 0.0 {
            *counters.filament_g.entry(material.into()).or_default() += sign * grams;
        }
    };
    let mut rest = share.times(planned);
    for slot in &job.slots {
        if let (Some(material), Some(weight)) = (&slot.material, slot.weight_g) {
            let grams = share.times(weight).min(rest);
            add(material, grams);
            rest -= grams;
        }
    }
    // A hair of it is rounding.
    if rest > 0.05 {
        add(UNKNOWN_MATERIAL, rest);
    }
}

/// What filament is counted under whose material nobody told.
pub const UNKNOWN_MATERIAL: &str = "unknown";

/// What an energy meter last showed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// Energy since the meter began to count, kWh.
    pub kwh: f64,
    /// When it showed that.
    pub at: Timestamp,
}

/// A reading counts as that of a job's beginning or end when it is not older. Plugs that tell only what
/// changes are silent for that long beside an idle printer, whose consumption does not matter then.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// A job without a reading before it counts from the first one that comes within this time.
const SOON: SignedDuration = SignedDuration::from_mins(5);
/// No printer takes more, kW; a meter that jumps further was another one meanwhile, or has slipped.
const MOST_KW: f64 = 4.0;
/// What a meter may jump for other reasons: some count in steps of a tenth, kWh.
const STEP_KWH: f64 = 0.15;

/// How much was counted between two readings. A meter that shows less than before began anew at 0, after a
/// loss of power or a reset by hand; what it had counted in between is lost.
fn between(before: Meter, after: Meter) -> f64 {
    let counted = if after.kwh >= before.kwh { after.kwh - before.kwh } else { after.kwh };
    let hours = after.at.duration_since(before.at).as_secs_f64().max(0.0) / 3600.0;
    if counted <= MOST_KW * hours + STEP_KWH { counted } else { 0.0 }
}

/// Takes a reading, and counts it for the job that is under way; says whether that changed the job.
pub fn read(meter: &mut Option<Meter>, job: Option<&mut JobRecord>, reading: Meter) -> bool {
    if !reading.kwh.is_finite() || reading.kwh < 0.0 {
        return false;
    }
    let before = meter.replace(reading);
    let Some(job) = job else { return false };
    if let (Some(sum), Some(before)) = (job.energy_kwh, before) {
        let counted = between(before, reading);
        job.energy_kwh = Some(sum + counted);
        return counted > 0.0;
    }
    let since = job.started_at.map(|start| reading.at.duration_since(start));
    let begins = before.is_none_or(|before| !is_fresh(before, reading.at));
    let counts = begins && since.is_some_and(|since| since <= SOON);
    if counts {
        job.energy_kwh = Some(0.0);
    }
    counts
}

fn is_fresh(meter: Meter, now: Timestamp) -> bool {
    now.duration_since(meter.at) <= FRESH
}

/// A job begins: its energy counts from now on, if the meter was heard.
pub fn begin(meter: Option<Meter>, job: &mut JobRecord, now: Timestamp) {
    job.energy_kwh = meter.filter(|meter| is_fresh(*meter, now)).map(|_| 0.0);
}

/// A job ends: its energy is unknown if the meter was not heard any more.
pub fn end(meter: Option<Meter>, job: &mut JobRecord, now: Timestamp) {
    if meter.is_none_or(|meter| !is_fresh(meter, now)) {
        job.energy_kwh = None;
    }
}

#[cfg(test)]
mod tests;
