//! Invented printers of every model: what they answer to `get_version` and `pushall`.

use serde_json::{Value, json};

/// Every model and the printer that stands for it.
pub(crate) const MODELS: [&str; 15] = [
    "X1", "X1C", "X1E", "X2D", "P1P", "P1S", "P2S", "A1", "A1 mini", "A2L", "H2S", "H2D", "H2D Pro", "H2C",
    "Z9",
];

/// A printer in words of the wire.
pub(crate) struct Printer {
    pub(crate) serial: String,
    version: Value,
    pub(crate) report: Value,
}

impl Printer {
    /// One of [`MODELS`], printing, with the AMS that people have with it.
    pub(crate) fn new(model: &str) -> Self {
        let (prefix, product, code, firmware) = match model {
            "X1" => ("00W", "", "BL-P002", "01.07.00.00"),
            "X1C" => ("00M", "Bambu Lab X1-Carbon", "BL-P001", "01.09.00.01"),
            "X1E" => ("03W", "Bambu Lab X1E", "C13", "01.01.02.00"),
            "X2D" => ("20P", "Bambu Lab X2D", "N6", "01.01.00.00"),
            "P1P" => ("01S", "", "C11", "01.07.00.00"),
            "P1S" => ("01P", "Bambu Lab P1S", "C12", "01.08.02.00"),
            "P2S" => ("22E", "Bambu Lab P2S", "N7", "01.01.00.00"),
            "A1" => ("039", "Bambu Lab A1", "N2S", "01.04.00.00"),
            "A1 mini" => ("030", "Bambu Lab A1 mini", "N1", "01.07.02.00"),
            "A2L" => ("26A", "Bambu Lab A2L", "N9", "01.01.00.00"),
            "H2S" => ("093", "Bambu Lab H2S", "O1S", "01.01.00.00"),
            "H2D" => ("094", "Bambu Lab H2D", "O1D", "01.01.00.00"),
            "H2D Pro" => ("239", "Bambu Lab H2D Pro", "O1E", "01.01.00.00"),
            "H2C" => ("31B", "Bambu Lab H2C", "O1C2", "01.01.00.00"),
            _ => ("77Z", "Bambu Lab Z9", "Z9", "03.00.00.00"),
        };
        let serial = format!("{prefix}00X000000001");
        let version = json!({"info": {"command": "get_version", "sequence_id": "1", "module": [
            {"name": "ota", "sw_ver": firmware, "hw_ver": "OTA", "sn": serial, "product_name": product,
             "project_name": code},
            {"name": "ap", "sw_ver": "00.00.30.10", "hw_ver": "AP05", "sn": "B00000001"},
        ]}});
        let mut printer = Self { serial, version, report: old_protocol() };
        match model {
            "X1C" | "P2S" | "A2L" | "H2S" => printer.set(new_protocol(1)),
            "X2D" | "H2D" | "H2D Pro" | "H2C" => printer.set(new_protocol(2)),
            _ => {}
        }
        printer.set(hardware(model));
        match model {
            "A1" | "A1 mini" => printer.ams(0, "ams_f1", "2", "0.0", "0"),
            "A2L" => printer.ams(16, "ams_f1", "5", "0.0", "0"),
            "X1" | "X1E" | "P1P" | "P1S" | "Z9" => printer.ams(0, "ams", "1", "27.5", "24"),
            _ => printer.ams(0, "n3f", "3", "27.5", "24"),
        }
        match model {
            "H2D" | "H2D Pro" | "X2D" => printer.ams(128, "n3s", "4", "31.0", "18"),
            "P1P" => printer.set(json!({"home_flag": 0x80})),
            "P2S" => printer.set(json!({"device": {"airduct": {"parts": [fan(16, 60), fan(32, 0)]}}})),
            _ => {}
        }
        if model == "X2D" {
            printer.set(newest());
        }
        if matches!(model, "X1" | "X1C" | "X1E" | "X2D" | "P2S" | "H2S" | "H2D" | "H2D Pro" | "H2C") {
            printer.set(json!({"chamber_temper": 34, "lights_report": [
                {"node": "chamber_light", "mode": "on"}, {"node": "work_light", "mode": "flashing"}]}));
        }
        printer
    }

    /// The printer's answer to `get_version`.
    pub(crate) fn version(&self) -> String {
        self.version.to_string()
    }

    /// Its answer to `pushall`.
    pub(crate) fn full(&self) -> String {
        json!({ "print": self.report }).to_string()
    }

    /// Both as a recording.
    pub(crate) fn capture(&self) -> [String; 2] {
        [self.line(&self.version()), self.line(&self.full())]
    }

    /// A line of a recording.
    pub(crate) fn line(&self, payload: &str) -> String {
        format!(r#"{{"topic":"device/{}/report","payload":{payload}}}"#, self.serial)
    }

    /// Changes members of the report; objects are merged, everything else is replaced.
    pub(crate) fn set(&mut self, members: Value) {
        overlay(&mut self.report, members);
    }

    /// Changes the boards.
    pub(crate) fn modules(&mut self) -> &mut Vec<Value> {
        self.version["info"]["module"].as_array_mut().unwrap()
    }

    /// Plugs an AMS unit in.
    pub(crate) fn ams(&mut self, id: u32, module: &str, info: &str, temp: &str, humidity: &str) {
        let slots = if id >= 128 { 1 } else { 4 };
        let (unit_bit, first) = match id {
            16 => (12, 24),
            128.. => (id - 124, id - 112),
            _ => (id, id * 4),
        };
        let trays: Vec<_> = (0..slots).map(|n| tray(n, ["PLA", "PETG", "ABS", "TPU"][n as usize])).collect();
        let mut unit = json!({"id": id.to_string(), "humidity": "4", "humidity_raw": humidity, "temp": temp,
            "info": info, "tray": trays});
        if module.starts_with("n3") {
            unit["dry_time"] = 0.into();
        }
        let ams = &mut self.report["ams"];
        ams["ams"].as_array_mut().unwrap().push(unit);
        let or = |old: &Value, bits: u32| {
            format!("{:x}", u32::from_str_radix(old.as_str().unwrap_or("0"), 16).unwrap() | bits).into()
        };
        ams["ams_exist_bits"] = or(&ams["ams_exist_bits"], 1 << unit_bit);
        ams["tray_exist_bits"] = or(&ams["tray_exist_bits"], ((1 << slots) - 1) << first);
        self.modules()
            .push(json!({"name": format!("{module}/{id}"), "sw_ver": "00.00.06.40", "hw_ver": "AMS08",
            "sn": format!("19C0000000000{id:02}")}));
    }
}

/// Puts members over others, objects deeply.
pub(crate) fn overlay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// A tray with a spool that has an RFID tag.
pub(crate) fn tray(id: u32, material: &str) -> Value {
    json!({"id": id.to_string(), "state": 11, "tray_type": material, "tray_info_idx": "GFA00",
        "tray_sub_brands": format!("{material} Basic"), "tray_color": "FF6A13FF", "cols": ["FF6A13FF"], "remain": 80,
        "tray_weight": "1000", "total_len": 330_000, "nozzle_temp_min": "190", "nozzle_temp_max": "230",
        "tag_uid": "A1B2C3D400000100", "tray_uuid": "00112233445566778899AABBCCDDEEFF"})
}

/// A fan of `device.airduct`.
pub(crate) fn fan(id: u32, percent: u32) -> Value {
    json!({"id": id, "state": percent})
}

/// A target and a temperature in one number.
pub(crate) fn packed(target: u32, actual: u32) -> u32 {
    target << 16 | actual
}

/// A full report of the older protocol.
fn old_protocol() -> Value {
    let mut report = json!({"command": "push_status", "msg": 0, "sequence_id": "100", "gcode_state": "RUNNING", "stg_cur": 0,
        "stg": [], "print_type": "cloud", "mc_percent": 42, "mc_remaining_time": 63, "layer_num": 12,
        "total_layer_num": 40, "subtask_name": "bracket", "gcode_file": "bracket.3mf", "task_id": "11",
        "subtask_id": "12", "project_id": "13", "profile_id": "14", "print_error": 0, "hms": [],
        "nozzle_temper": 219.75, "nozzle_target_temper": 220, "bed_temper": 59.875, "bed_target_temper": 60,
        "chamber_temper": 5, "cooling_fan_speed": "15", "big_fan1_speed": "8", "big_fan2_speed": "0",
        "heatbreak_fan_speed": "15", "fan_gear": 255, "spd_lvl": 2, "spd_mag": 100});
    // In two parts, for the macro's sake.
    overlay(
        &mut report,
        json!({
        "lights_report": [{"node": "chamber_light", "mode": "on"}], "wifi_signal": "-52dBm",
        "net": {"conf": 0, "info": [{"ip": 16_843_009, "mask": 16_777_215}]},
        "ipcam": {"ipcam_dev": "1", "timelapse": "disable", "ipcam_record": "enable"},
        "ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0", "tray_now": "0", "tray_tar": "0"},
        "vt_tray": {"id": "254", "tray_type": "PETG", "tray_sub_brands": "", "tray_color": "00AE42FF", "remain": 0},
        "home_flag": 0x2_0080, "online": {"ahb": false, "version": 5}, "upgrade_state": {"dis_state": 0},
        "sdcard": true, "mc_print_stage": "2", "mc_print_sub_stage": 0, "lifecycle": "product",
        "nozzle_diameter": "0.4", "nozzle_type": "hardened_steel", "s_obj": [], "filam_bak": [], "xcam": {},
        "upload": {"status": "idle"}, "gcode_file_prepare_percent": "100", "force_upgrade": false}),
    );
    report
}

/// What a printer of the newer protocol says besides.
fn new_protocol(nozzles: u32) -> Value {
    let extruders: Vec<_> = [(0, packed(220, 220), 0x0000), (1, packed(0, 31), 0xFEFF)]
        .into_iter()
        .take(nozzles as usize)
        .map(|(id, temp, snow)| json!({"id": id, "temp": temp, "snow": snow}))
        .collect();
    let spool = |id: &str| json!({"id": id, "tray_type": "ASA", "tray_color": "000000FF"});
    let spools: Vec<_> = ["255", "254"].into_iter().take(nozzles as usize).map(spool).collect();
    json!({"cfg": "420080", "fun": "3EC1AFFF9CFF", "aux": "1000", "stat": "0", "vir_slot": spools,
        "device": {"bed": {"info": {"temp": packed(60, 60)}}, "ctc": {"info": {"temp": packed(0, 34)}},
            "extruder": {"state": nozzles, "info": extruders},
            "airduct": {"modeCur": 0, "parts": [fan(16, 60), fan(32, 30), fan(48, 0)]}}})
}

/// What an X2D of 2026 says of what is new in it.
fn newest() -> Value {
    json!({"fun": "40029FD1B30F9CB7", "fun2": "B7B77", "cfg": "A100420080", "xcam": {"cfg": 0x7B_6DB7},
        "ipcam": {"resolution": "1080p", "tl_internal_free_kb": 881_996, "tl_internal_total_kb": 962_560,
            "tl_external_free_kb": 0, "tl_external_total_kb": 0},
        "device": {"fila_switch": null, "fourth_axis": {"connect_flag": 0, "theta_pitch": -1}}})
}

/// What a model says of its nozzles, its rack and its tools; every report of it has that.
fn hardware(model: &str) -> Value {
    let nozzle = |id: u32, diameter: f64, kind: &str| json!({"id": id, "diameter": diameter, "type": kind, "wear": 0, "stat": 0, "tm": 350});
    let tool = json!({"mount": 0, "type": ""});
    let ways: Vec<_> = (0..3).map(|id| json!({"modeId": id, "ctrl": [16], "off": []})).collect();
    let detectors = json!({"cfg": 1_797_559, "printing_monitor": true, "spaghetti_detector": true,
        "first_layer_inspector": true, "buildplate_marker_detector": true, "allow_skip_parts": false,
        "halt_print_sensitivity": "medium"});
    match model {
        "A1" | "A1 mini" => json!({"home_flag": 0x222E_0580, "hw_switch_state": 1,
            "xcam": {"buildplate_marker_detector": true}}),
        // Looks for blobs in the newer way, by itself.
        "A2L" => {
            json!({"fun": "100D122002FBD", "fun2": "1049560", "cfg": "100000420080", "hw_switch_state": 0,
            "device": {"nozzle": {"exist": 1, "info": [nozzle(0, 0.4, "HA00")]}, "ext_tool": tool}})
        }
        "X1" | "X1C" | "X1E" => json!({"hw_switch_state": 1, "xcam": {"printing_monitor": true,
            "spaghetti_detector": true, "halt_print_sensitivity": "low"}}),
        "P1P" | "P1S" => json!({"hw_switch_state": 1}),
        "P2S" | "H2S" => {
            json!({"hw_switch_state": 3, "fun2": "1", "xcam": detectors, "device": {"ctc": {"state": 0},
            "nozzle": {"exist": 1, "info": [nozzle(0, 0.4, "HS01")]}, "ext_tool": tool, "airduct": {"modeList": ways}}})
        }
        "X2D" | "H2D" | "H2D Pro" => {
            json!({"hw_switch_state": 2, "fun2": "10F7", "xcam": detectors, "device": {
            "ctc": {"state": 0}, "nozzle": {"exist": 3, "info": [nozzle(1, 0.6, "HH05"), nozzle(0, 0.4, "HS01")]},
            "ext_tool": tool, "airduct": {"modeList": ways, "subMode": 0}}})
        }
        "H2C" => json!({"hw_switch_state": 2, "fun2": "10F7", "xcam": detectors, "device": {
            "ctc": {"state": 2}, "nozzle": {"exist": 0x2F_0003, "src_id": 20, "tar_id": 20, "info": [nozzle(0, 0.4, "HS01"),
                nozzle(1, 0.4, "HS01"), nozzle(17, 0.2, "HS00"), nozzle(16, 0.4, "HU01"), nozzle(18, 0.6, "HH05"),
                nozzle(19, 0.4, "HS01"), nozzle(21, 0.8, "HS01")]},
            "holder": {"pos": 3, "stat": 0}, "ext_tool": tool, "airduct": {"modeList": ways, "subMode": 0}}}),
        _ => json!({}),
    }
}
