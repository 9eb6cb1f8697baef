//! Lines of G-code: the words that a gateway sends, and what they change.
use super::super::chores::Work;
use super::super::machine::Machine;
use super::super::parts::count;
use super::heat::Effect;
use super::{Agreed, filament};
use super::{Body, ERROR, Lag, Refusal, Verdict, reason, text};

/// The number behind a letter, as in `S220`.
fn word(line: &str, letter: char) -> Option<f64> {
    line.split_whitespace().skip(1).find_map(|word| word.strip_prefix(letter)?.parse().ok())
}

fn celsius(line: &str) -> Result<u16, Refusal> {
    let value = word(line, 'S').filter(|value| (0.0..=999.0).contains(value));
    let value = value.ok_or_else(|| reason("invalid gcode"))?;
    Ok(u16::try_from(count(value.round())).unwrap_or(u16::MAX))
}

/// What a line changes; one that only moves changes nothing we show.
fn effect(m: &Machine, line: &str) -> Result<Option<Effect>, Refusal> {
    Ok(Some(match line.split_whitespace().next().unwrap_or_default() {
        "M104" | "M109" => {
            let nozzle = word(line, 'T').map_or(m.active, |tool| usize::from(tool > 0.0));
            Effect::Nozzle(nozzle, celsius(line)?)
        }
        "M140" | "M190" => Effect::Bed(celsius(line)?),
        "M141" => Effect::Chamber(celsius(line)?),
        "M106" => {
            let fan = word(line, 'P').map_or(1, |fan| u64::from(count(fan)));
            Effect::Fan(fan, u8::try_from(celsius(line)?).map_err(|_| reason("invalid gcode"))?)
        }
        "M145" if !m.model.facts().modes.is_empty() => {
            Effect::Airduct(u8::from(word(line, 'P') == Some(1.0)))
        }
        // While a print runs the axes are its own.
        "G28" if !m.engaged() => Effect::Work(Work::Home),
        "M84" if !m.engaged() => Effect::MotorsOff,
        "M620" => {
            let Some(tray) = line.split_whitespace().nth(1).and_then(|word| word.strip_prefix('R')) else {
                return Ok(None);
            };
            let tray: u16 = tray.parse().map_err(|_| reason(ERROR))?;
            let (unit, slot) = if tray < 16 { (tray / 4, tray % 4) } else { (tray, 0) };
            Effect::Work(Work::ReadTag(filament::readable(m, unit, slot)?))
        }
        _ => return Ok(None),
    }))
}

/// Judges all lines before one of them is carried out.
pub(super) fn judge(m: &Machine, request: &Body) -> Verdict {
    let lines = text(request, "param");
    let mut effects = Vec::new();
    // Only a line with its end is carried out.
    let ended = lines.rfind('\n').and_then(|end| lines.get(..end)).unwrap_or_default();
    for line in ended.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(effect) = effect(m, line)? {
            effect.check(m)?;
            effects.push(effect);
        }
    }
    let deed = move |m: &mut Machine| effects.into_iter().for_each(|effect| effect.apply(m));
    Ok(Agreed { lag: Lag::Figure, deed: Box::new(deed) })
}
