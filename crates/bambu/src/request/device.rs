//! Heaters, fans, lamps, the buzzer (protocol 5.5 to 5.7 and 5.13).

use serde_json::{Value, json};

use printer::command::Buzzer;
use printer::tools::{AirductMode, Material};
use printer::{FanKind, LightKind, Side};

use super::{Body, Dialect, extruder, gcode, print};

pub(super) fn nozzle(dialect: &Dialect, side: Side, celsius: u16) -> Vec<Body> {
    if dialect.dual_nozzle {
        print("set_nozzle_temp", json!({"extruder_index": extruder(side), "target_temp": celsius}))
    } else {
        gcode(&format!("M104 S{celsius}"))
    }
}

pub(super) fn bed(dialect: &Dialect, celsius: u16) -> Vec<Body> {
    if dialect.typed_bed {
        print("set_bed_temp", json!({"temp": celsius}))
    } else {
        gcode(&format!("M140 S{celsius}"))
    }
}

/// From so many degrees on the chamber is heated; below, the value is what it is cooled to.
const CHAMBER_HEATS: u16 = 40;

pub(super) fn chamber(dialect: &Dialect, air: Option<AirductMode>, celsius: u16) -> Vec<Body> {
    if dialect.model.chamber_by_gcode {
        return gcode(&format!("M141 S{celsius}"));
    }
    let mut requests = print("set_ctt", json!({"ctt_val": celsius}));
    // The laser's smoke must go out, whatever the heater does.
    if dialect.air_modes && air != Some(AirductMode::Laser) {
        // Warm air must stay inside, and cold air needs a way.
        let heats = celsius >= CHAMBER_HEATS;
        requests.extend(airduct(if heats { AirductMode::Heating } else { AirductMode::Cooling }));
    }
    requests
}

pub(super) fn fan(dialect: &Dialect, kind: FanKind, percent: u8) -> Vec<Body> {
    let number = match kind {
        FanKind::Part => 1,
        FanKind::Aux => 2,
        FanKind::Chamber => 3,
        FanKind::SecondAux => 10,
    };
    if dialect.airduct {
        print("set_fan", json!({"fan_index": number, "speed": percent}))
    } else {
        let speed = (u32::from(percent) * 255).div_ceil(100);
        gcode(&format!("M106 P{number} S{speed}"))
    }
}

pub(super) fn airduct(mode: AirductMode) -> Vec<Body> {
    let number = match mode {
        AirductMode::Cooling => 0,
        AirductMode::Heating => 1,
        AirductMode::Laser => 2,
    };
    print("set_airduct", json!({"modeId": number, "submode": -1}))
}

/// The mode is named although it stays: this is what was seen to work (protocol 5.6).
pub(super) fn cooling_filter(on: bool) -> Vec<Body> {
    print("set_airduct", json!({"modeId": 0, "submode": u8::from(on)}))
}

pub(super) fn light(dialect: &Dialect, kind: LightKind, on: bool) -> Vec<Body> {
    let mode = if on { "on" } else { "off" };
    match kind {
        LightKind::Work => vec![lamp("work_light", mode, 500)],
        LightKind::Heatbed => vec![lamp("heatbed_light", mode, 0)],
        LightKind::Chamber => chamber_lamps(dialect, mode),
    }
}

pub(super) fn flash(dialect: &Dialect) -> Vec<Body> {
    chamber_lamps(dialect, "flashing")
}

fn chamber_lamps(dialect: &Dialect, mode: &str) -> Vec<Body> {
    let mut lamps = vec![lamp("chamber_light", mode, 500)];
    if dialect.second_light {
        lamps.push(lamp("chamber_light2", mode, 500));
    }
    lamps
}

/// The times must be there even for on and off (protocol 5.7).
fn lamp(node: &str, mode: &str, blink_ms: u16) -> Body {
    let members = json!({"led_node": node, "led_mode": mode, "led_on_time": blink_ms,
        "led_off_time": blink_ms, "loop_times": 0, "interval_time": 0});
    ("system", "ledctrl", members)
}

pub(super) fn buzzer(buzzer: Buzzer) -> Vec<Body> {
    let mode = |mode: u8| print("buzzer_ctrl", json!({"mode": mode, "reason": ""}));
    match buzzer {
        Buzzer::Silent => mode(0),
        Buzzer::Alarm => mode(1),
        // It beeps only when it was silent.
        Buzzer::Beep => [mode(0), mode(2)].concat(),
    }
}

pub(super) fn nozzle_kind(tenths_mm: u8, material: Material) -> Vec<Body> {
    let diameter: Value = (f64::from(tenths_mm) / 10.0).into();
    let members =
        json!({"accessory_type": "nozzle", "nozzle_diameter": diameter, "nozzle_type": material.name()});
    vec![("system", "set_accessories", members)]
}
