//! Filament: loading, what lies where, tags, drying.
use super::super::chores::{Chore, Work};
use super::super::machine::Machine;
use super::super::model::Model;
use super::super::spool::Reel;
use super::{
    Body, ERROR, IS_BUSY, Refusal, Verdict, number, reason, refused, switch, text, unseen, whole_number,
};
use serde_json::Value;

pub(super) fn judge(m: &mut Machine, command: &str, request: &Body) -> Verdict {
    match command {
        "ams_change_filament" => change(m, request),
        "unload_filament" if !m.model.has_bit_fields() => change_to(m, None, None),
        "ams_filament_setting" => describe(m, request),
        "ams_get_rfid" if has_typed_tags(m.model) => {
            let spool = readable(m, whole_number(request, "ams_id")?, whole_number(request, "slot_id")?)?;
            switch(move |m| {
                if m.can_change() {
                    m.chore = Some(Chore::new(Work::ReadTag(spool)));
                }
            })
        }
        "ams_user_setting" => user_setting(request),
        "ams_control" => match text(request, "param") {
            "resume" if m.paused => switch(Machine::resume),
            "resume" | "reset" | "pause" | "done" | "abort" => unseen(),
            _ => refused("invalid param"),
        },
        "ams_reset" => unseen(),
        "refresh_nozzle" if m.model == Model::H2c => unseen(),
        "ams_filament_drying" if m.model.facts().units.iter().any(|kit| m.model.dryer(kit.id).is_some()) => {
            dry(m, request)
        }
        _ => Err(Refusal::Silence),
    }
}

/// The firmware that the demo gives to these models is older than the request.
fn has_typed_tags(model: Model) -> bool {
    model.has_bit_fields() || model == Model::P1s
}

/// The spool of a place, if its tag can be read: it is turned for that, so it must not feed.
pub(super) fn readable(m: &Machine, unit: u16, slot: u16) -> Result<usize, Refusal> {
    let spool = m.model.spool_at(unit, usize::from(slot)).ok_or_else(|| reason(ERROR))?;
    if !m.can_change() {
        return Err(reason(IS_BUSY));
    }
    if m.feeding == Some(spool) { Err(reason("slot is loaded")) } else { Ok(spool) }
}

/// Loads or unloads: old firmware reads `target` alone, later ones unit and slot.
fn change(m: &Machine, request: &Body) -> Verdict {
    let place =
        |unit: u16, slot: u16| m.model.spool_at(unit, usize::from(slot)).ok_or(Refusal::Number(-1)).map(Some);
    let to = if m.model.has_bit_fields() {
        match (whole_number(request, "ams_id")?, whole_number(request, "slot_id")?) {
            (_, 255) => None,
            (unit @ 254.., _) => Some(m.model.external_of(unit)),
            (unit, slot) => place(unit, slot)?,
        }
    } else {
        match whole_number(request, "target")? {
            255 => None,
            254 => Some(m.model.external()),
            tray @ 0..16 => place(tray / 4, tray % 4)?,
            _ => return Err(Refusal::Number(-1)),
        }
    };
    // Minus one leaves it to the printer.
    let heat = number(request, "tar_temp").and_then(|heat| u16::try_from(heat).ok()).filter(|heat| *heat > 0);
    if heat.is_some_and(|heat| heat > m.model.facts().nozzle_max) {
        return refused("invalid tar_temp");
    }
    change_to(m, to, heat)
}

fn change_to(m: &Machine, to: Option<usize>, heat: Option<u16>) -> Verdict {
    if !m.can_change() {
        return refused(IS_BUSY);
    }
    switch(move |m| m.change_by_hand(to, heat))
}

/// Whether a text is one that comes back in reports as it is.
fn is_plain(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -+_.".contains(&byte))
}

/// Where the spool lies that a setting is about: its number among those inside, or the holder outside.
fn spool(m: &Machine, request: &Body) -> Option<Result<usize, usize>> {
    let unit = whole_number(request, "ams_id").ok()?;
    let tray = whole_number(request, "tray_id").ok()?;
    let slot = request.get("slot_id").and_then(Value::as_u64).unwrap_or(tray.into());
    if unit < 254 {
        return m.model.spool_at(unit, usize::try_from(slot).ok()?).map(Ok);
    }
    match m.model.holders() {
        ["254", "255"] => Some(Err(usize::from(unit == 255))),
        // A P1 refuses any other number for it.
        _ if unit != 255 || matches!(m.model, Model::P1p | Model::P1s) && tray != 254 => None,
        _ => Some(Err(0)),
    }
}

fn describe(m: &Machine, request: &Body) -> Verdict {
    let place = spool(m, request).ok_or_else(|| reason(ERROR))?;
    let [code, kind, colour] =
        ["tray_info_idx", "tray_type", "tray_color"].map(|key| text(request, key).to_owned());
    let degrees = |key| number(request, key).and_then(|value| u16::try_from(value).ok());
    let nozzle = degrees("nozzle_temp_min").zip(degrees("nozzle_temp_max"));
    let nozzle = nozzle.filter(|(low, high)| low <= high && *high <= m.model.facts().nozzle_max);
    let fits = is_plain(&code, 16)
        && is_plain(&kind, 16)
        && colour.len() == 8
        && colour.bytes().all(|byte| byte.is_ascii_hexdigit());
    // What the tag says holds.
    let tagged = place.ok().and_then(|spool| m.spools.get(spool)).is_some_and(Reel::has_chip);
    let Some(nozzle) = nozzle.filter(|_| fits && !tagged) else { return refused(ERROR) };
    switch(move |m| {
        let reel = match place {
            Ok(spool) => m.spools.get_mut(spool),
            Err(holder) => m.externals.get_mut(holder),
        };
        if let Some(reel) = reel {
            reel.set(kind, code, colour, nozzle);
        }
    })
}

/// All three always.
fn user_setting(request: &Body) -> Verdict {
    let flag = |key| request.get(key).and_then(Value::as_bool).ok_or_else(|| reason("invalid"));
    let startup = flag("startup_read_option")?;
    let insert = flag("tray_read_option")?;
    let estimate = flag("calibrate_remain_flag")?;
    switch(move |m| {
        m.options.read_on_startup = startup;
        m.options.read_on_insert = insert;
        m.options.estimate = estimate;
    })
}

fn dry(m: &Machine, request: &Body) -> Verdict {
    let (index, hottest) =
        m.model.dryer(whole_number(request, "ams_id")?).ok_or_else(|| reason("invalid ams_id"))?;
    let filament = text(request, "filament").to_owned();
    let (temp, duration) = (whole_number(request, "temp")?, whole_number(request, "duration")?);
    match (whole_number(request, "mode")?, temp, duration) {
        (0, _, _) => switch(move |m| {
            if let Some(unit) = m.units.get_mut(index) {
                unit.drying = None;
            }
        }),
        (1, degrees @ 45.., hours @ 1..=24) if degrees <= hottest && is_plain(&filament, 16) => {
            // One that cools lower is passed over without a word.
            let heard = number(request, "cooling_temp").is_none_or(|cooling| cooling >= 45);
            // Its spools are turned only while none of them feeds.
            let turns = request.get("rotate_tray").and_then(Value::as_bool).unwrap_or(false);
            if turns && m.feeding.is_some_and(|spool| m.model.unit_of(spool) == Some(index)) {
                return refused(ERROR);
            }
            switch(move |m| {
                if let Some(unit) = m.units.get_mut(index).filter(|unit| heard && unit.powered) {
                    unit.dry(filament, degrees, hours);
                }
            })
        }
        _ => refused("invalid param"),
    }
}
