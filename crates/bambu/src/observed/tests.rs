//! Single values of a report and what becomes of them; each table is one rule of protocol 4 or 7.3.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Context, Inherited, capabilities, options, project, switches, tools};
use crate::envelope::{Message, read};
use crate::models::{MODELS, Model};
use crate::report::Print;
use printer::options::{BlobDetection, DoorCheck, Purification, Sensitivity, Setting};
use printer::tools::HotendPlace::{Docked, Empty, Mounted};
use printer::tools::Material::{Brass, HardenedSteel, StainlessSteel, TungstenCarbide};
use printer::tools::{AirductMode, Flow, Storage, ToolModule};
use printer::update::Boards;
use printer::{
    Ams, Capabilities, Control, ControlReason, DryingPhase, DryingState, Feeds, Identity, Inlet, Machine,
    Observed, Reach, Side, Source,
};

fn add(object: &mut Value, members: Value) {
    let Value::Object(mut members) = members else { panic!("{members} is no object") };
    object.as_object_mut().unwrap().append(&mut members);
}

fn report(members: Value) -> Print {
    let mut print = json!({"command": "push_status", "msg": 0});
    add(&mut print, members);
    match read(json!({ "print": print }).to_string().as_bytes()).unwrap() {
        Message::Report { print, .. } => *print,
        other => panic!("{other:?} is no report"),
    }
}

/// A report of the newer generation.
fn np(members: Value) -> Print {
    let mut all = json!({"cfg": "0", "fun": "0", "aux": "0", "stat": "0"});
    add(&mut all, members);
    report(all)
}

fn model(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}

fn machine_of(report: &Print, model: Option<&'static Model>, firmware: Option<&str>) -> Machine {
    observed_of(report, model, firmware).machine
}

fn observed_of(report: &Print, model: Option<&'static Model>, firmware: Option<&str>) -> Observed {
    let identity = Identity { firmware: firmware.map(Into::into), ..Identity::new("00M00A000000001", "") };
    let identity = Arc::new(identity);
    let previous = Observed::unheard(Arc::clone(&identity));
    let can = capabilities(report, model, firmware);
    let context = Context {
        drying_still: &[],
        identity: &identity,
        model,
        capabilities: Some(can),
        reach: Reach::Online,
        control: Control::Unknown,
        control_reason: ControlReason::NotKnown,
        modules: &[],
        boards: &Boards::default(),
        boards_known: true,
        inherited: Inherited::default(),
        previous: &previous,
        spools_anew: true,
    };
    project(report, &context)
}

fn machine(report: &Print) -> Machine {
    machine_of(report, None, None)
}

fn can(report: &Print, name: &str) -> Capabilities {
    capabilities(report, model(name), None)
}

#[test]
fn an_address_is_little_endian_and_the_first_that_is_one() {
    let ip = |info: Value| switches::ip(&report(json!({"net": {"info": info}}))).map(|ip| ip.to_string());
    assert_eq!(ip(json!([{"ip": 771_883_786, "mask": 0}])).as_deref(), Some("10.3.2.46"));
    // H2D Pro on a cable: the Wi-Fi comes first and has none.
    assert_eq!(ip(json!([{"ip": 0}, {"ip": 654_420_160}])).as_deref(), Some("192.168.1.39"));
    assert_eq!(ip(json!([{"ip": 3_020_007_616_u32}])).as_deref(), Some("192.168.1.180"));
    assert_eq!(ip(json!([{"ip": -1_274_959_680}])).as_deref(), Some("192.168.1.180"), "as a signed number");
    for nothing in
        [json!([]), json!([{"ip": 0}]), json!(null), json!("x"), json!([{"ip": 99_999_999_999_i64}])]
    {
        assert_eq!(ip(nothing.clone()), None, "{nothing}");
    }
}

#[test]
fn home_flag_is_a_bit_pattern_also_when_it_is_negative() {
    // The recorded one of an H2D: bits 31 and 30 are set, 0 to 2 are not.
    let flags = machine(&report(json!({"home_flag": -1_066_934_785_i64})));
    assert_eq!(flags.homed, Some(true));
    assert_eq!(flags.mains_220v, Some(true));
    let flags = machine(&report(json!({"home_flag": "-8"})));
    assert_eq!((flags.homed, flags.mains_220v), (None, None), "text is hexadecimal and has no sign");
    let flags = machine(&report(json!({"home_flag": 0b0101})));
    assert_eq!((flags.homed, flags.mains_220v), (Some(false), Some(false)));
    assert_eq!(machine(&report(json!({}))).homed, None);
}

#[test]
fn storage_is_told_by_what_does_not_flap() {
    let of = |members: Value| machine(&report(members)).storage;
    assert_eq!(of(json!({"sdcard": true, "home_flag": 0})), Some(Storage::Normal));
    assert_eq!(of(json!({"sdcard": true, "home_flag": 0x100})), Some(Storage::Normal));
    assert_eq!(of(json!({"sdcard": true, "home_flag": 0x200})), Some(Storage::Abnormal));
    assert_eq!(of(json!({"sdcard": true, "home_flag": 0x300})), Some(Storage::ReadOnly));
    assert_eq!(of(json!({"sdcard": false, "home_flag": 0x300})), Some(Storage::Missing));
    assert_eq!(of(json!({"sdcard": "HAS_SDCARD_NORMAL"})), Some(Storage::Normal));
    assert_eq!(of(json!({"sdcard": "maybe"})), None);
    assert_eq!(of(json!({"home_flag": 0x100})), None);
    let np = |aux: &str| machine(&np(json!({"aux": aux, "sdcard": true, "home_flag": 0x100}))).storage;
    let all = ["0", "1000", "2000", "3000"].map(np);
    let words = [Storage::Missing, Storage::Normal, Storage::Abnormal, Storage::ReadOnly];
    assert_eq!(all, words.map(Some));
}

#[test]
fn each_model_tells_of_its_door_in_its_own_place() {
    let flagged = report(json!({"home_flag": 0x80_0000}));
    let door = |report: &Print, name: &str, firmware: &str| {
        let offered = capabilities(report, model(name), Some(firmware)).door;
        let open = machine_of(report, model(name), Some(firmware)).door_open;
        assert!(offered || open.is_none());
        open
    };
    assert_eq!(door(&flagged, "X1C", "01.07.00.00"), Some(true));
    assert_eq!(door(&flagged, "X1C", "01.06.06.00"), None);
    assert_eq!(door(&flagged, "X1C", "99.00.00.00"), Some(true), "community firmware is a 01.08.02");
    assert_eq!(door(&flagged, "X1E", "01.01.02.00"), Some(true));
    assert_eq!(door(&flagged, "X1E", "01.01.01.00"), None);
    assert_eq!(door(&flagged, "P1S", "01.08.02.00"), None);
    // X1C 01.09 has bit 23 of `stat` set with the door closed.
    let both = np(json!({"fun": "1000", "stat": "800000", "home_flag": 0}));
    assert_eq!(door(&both, "X1C", "01.09.00.01"), Some(false));
    assert_eq!(door(&both, "P2S", "01.01.00.00"), Some(true));
    assert!(capabilities(&both, None, None).door_check);
    // A2L has `stat` and no door.
    let a2l = np(json!({"fun": "0", "stat": "800000"}));
    assert_eq!(door(&a2l, "A2L", "01.01.00.00"), None);
}

#[test]
fn nozzle_kinds_are_read_in_every_spelling() {
    let kind = |diameter: Value, kind: &str| {
        let report = report(json!({"nozzle_diameter": diameter, "nozzle_type": kind}));
        let [only, left] = tools::kinds(&report, &Capabilities::default());
        assert_eq!(left, printer::Nozzle::default());
        (only.diameter_mm, only.material, only.flow)
    };
    for (text, material, flow) in [
        ("stainless_steel", Some(StainlessSteel), None),
        ("brass", Some(Brass), None),
        ("HS00", Some(StainlessSteel), Some(Flow::Standard)),
        ("HS01-0.4", Some(HardenedSteel), Some(Flow::Standard)),
        ("HX01", Some(HardenedSteel), Some(Flow::Standard)),
        ("HA00", Some(StainlessSteel), Some(Flow::Standard)),
        ("HH05", Some(TungstenCarbide), Some(Flow::High)),
        ("HE01", Some(HardenedSteel), Some(Flow::High)),
        ("HU01", Some(HardenedSteel), Some(Flow::TpuHigh)),
        ("HQ01", Some(HardenedSteel), None),
        ("HS77", None, Some(Flow::Standard)),
        ("", None, None),
        ("H", None, None),
        ("HS", None, None),
        ("Häß01", None, None),
        ("N/A", None, None),
    ] {
        assert_eq!(kind(json!("0.4"), text), (Some(0.4), material, flow), "{text}");
    }
    for (diameter, mm) in [
        (json!(0.4), Some(0.4)),
        (json!(0.400_000_1), Some(0.4)),
        (json!("0.6"), Some(0.6)),
        (json!(0.25), Some(0.3)),
        (json!(""), None),
        (json!(0), None),
        (json!(-1), None),
        (json!(400), None),
    ] {
        assert_eq!(kind(diameter.clone(), "HS01").0, mm, "{diameter}");
    }
}

#[test]
fn two_nozzles_are_told_by_their_numbers() {
    let report = np(json!({"nozzle_type": "stainless_steel", "nozzle_diameter": "0.4", "hw_switch_state": 2,
        "device": {"extruder": {"state": 0x8112, "info": [{"id": 1, "info": 0x44E}, {"id": 0, "info": 0x498}]},
            "nozzle": {"exist": 3, "info": [{"id": 1, "diameter": 0.6, "type": "HH05"},
                {"id": 0, "diameter": 0.2, "type": "HS01"}]}}}));
    let can = can(&report, "X2D");
    let [right, left] = tools::kinds(&report, &can);
    assert_eq!((right.diameter_mm, right.material), (Some(0.2), Some(HardenedSteel)));
    assert_eq!((left.diameter_mm, left.flow), (Some(0.6), Some(Flow::High)));
    let filament = machine(&report).filament;
    assert_eq!((filament.any, filament.right, filament.left), (Some(true), Some(false), Some(true)));
    assert!(!can.hotend_rack);
    // X1C 01.08 has numbers where others have objects.
    let odd = report_with_numbers();
    assert_eq!(tools::kinds(&odd, &Capabilities::default())[0].diameter_mm, Some(0.4));
}

fn report_with_numbers() -> Print {
    report(json!({"nozzle_diameter": "0.4", "device": {"fan": 3,
        "nozzle": {"0": {"info": 8, "temp": 23}, "info": 69}}}))
}

#[test]
fn a_hotend_is_mounted_docked_or_not_there() {
    let nozzle = |id: u32, sn: &str| {
        json!({"id": id, "diameter": 0.4, "type": "HS01", "sn": sn, "tm": 350,
        "wear": 0.25, "stat": 2, "color_m": "688197FF", "fila_id": "GFG00"})
    };
    let rack = |exist: u32, target: u32| {
        let report = np(json!({"device": {"holder": {"pos": 1, "stat": 8}, "nozzle": {"exist": exist,
            "tar_id": target, "info": [nozzle(0, "HEAD"), nozzle(16, "FIRST"), nozzle(1, "LEFT")]}}}));
        let can = can(&report, "H2C");
        assert!(can.hotend_rack);
        tools::rack(&report, &can, None).unwrap()
    };
    let first = rack(0x1_0003, 20);
    let places: Vec<_> = first.hotends.iter().map(|hotend| hotend.place.unwrap()).collect();
    assert_eq!(places, [Docked, Empty, Empty, Empty, Mounted, Empty]);
    let serial = |slot: usize| first.hotends[slot].serial.as_deref();
    assert_eq!([serial(0), serial(1), serial(4)], [Some("FIRST"), None, Some("HEAD")]);
    assert_eq!(first.hotends[0].color.unwrap().as_str(), "#688197");
    assert_eq!(first.position.map(printer::tools::HolderPosition::name), Some("a_top"));
    assert_eq!(first.state.and_then(printer::tools::HolderState::name), Some("pick_hotend"));
    assert!(rack(0x3_0003, 0).hotends[1].serial.is_none(), "docked, and not described");
    // What nobody has a word for is not guessed at.
    let odd = np(json!({"device": {"holder": {"pos": 0, "stat": 77}, "nozzle": {"exist": 0x2_0000}}}));
    let odd = tools::rack(&odd, &can(&odd, "H2C"), Some(&first)).unwrap();
    assert_eq!((odd.position, odd.state), (None, None));
    // On every other printer the holder is null.
    let none = np(json!({"device": {"holder": null, "nozzle": {"exist": 3}}}));
    assert!(!can(&none, "H2D").hotend_rack);
}

#[test]
fn tools_and_air_have_words_or_are_unknown() {
    let tool = |mount: Value, kind: &str| {
        machine(&report(json!({"device": {"ext_tool": {"mount": mount, "type": kind}}}))).tool
    };
    assert_eq!(tool(json!(0), ""), Some(ToolModule::None));
    // A fan in front of the print head is no tool.
    assert_eq!(tool(json!(0), "F000"), Some(ToolModule::None));
    assert_eq!(tool(json!(1), "LB00"), Some(ToolModule::Laser10));
    assert_eq!(tool(json!("1"), "LB01"), Some(ToolModule::Laser40));
    assert_eq!(tool(json!(1), "CP00"), Some(ToolModule::Cutter));
    assert_eq!(tool(json!(1), "ZZ99"), None);
    assert_eq!(tool(json!(7), "LB00"), None);
    let mode = |mode: i64| machine(&report(json!({"device": {"airduct": {"modeCur": mode}}}))).airduct;
    let all = [AirductMode::Cooling, AirductMode::Heating, AirductMode::Laser].map(Some);
    assert_eq!([0, 1, 2].map(mode), all);
    assert_eq!([mode(-1), mode(3)], [None, None]);
    // Fans without a choice of modes, as on an A2L.
    assert!(
        !can(&report(json!({"device": {"airduct": {"parts": [{"id": 16, "state": 0}]}}})), "A2L").airduct
    );
}

#[test]
fn what_the_camera_watches_for_comes_from_where_it_is_true() {
    // As on an H2D: all detectors at "high", while the flat word still says "medium".
    let of = |fun: &str, fun2: &str| {
        options::options(&np(json!({"fun": fun, "fun2": fun2, "cfg": "1CC000", "xcam": {"cfg": 374_487,
            "printing_monitor": true, "spaghetti_detector": true, "halt_print_sensitivity": "medium"}})))
    };
    let all = of("3C0000000000", "ABCDEF0123456789ABCDEF10F7");
    assert_eq!(all.get(Setting::SpaghettiDetector), Some(true));
    assert_eq!(all.spaghetti_sensitivity, Some(Sensitivity::High));
    assert_eq!(all.get(Setting::AirPrintDetection), Some(true));
    assert_eq!(all.monitor_sensitivity, Some(Sensitivity::Medium));
    assert_eq!(all.get(Setting::PlateOffsetDetector), Some(false), "fun2 is longer than any number");
    // Bits of detectors that are not there say nothing.
    let few = of("0", "1");
    assert_eq!(few.get(Setting::SpaghettiDetector), Some(true));
    for missing in [Setting::PileupDetector, Setting::ClumpDetector, Setting::PlateOffsetDetector] {
        assert_eq!(few.get(missing), None, "{missing:?}");
    }
    // The older generation has flat members only, or none, or null.
    let old = report(json!({"xcam": {"printing_monitor": false, "halt_print_sensitivity": "never_halt"}}));
    let old = options::options(&old);
    assert_eq!(old.get(Setting::PrintingMonitor), Some(false));
    assert_eq!(old.monitor_sensitivity, Some(Sensitivity::NeverHalt));
    assert_eq!(options::options(&report(json!({"xcam": null}))).get(Setting::PrintingMonitor), None);
}

#[test]
fn settings_come_from_either_generation_and_only_where_supported() {
    let old = options::options(&report(json!({"home_flag": 0x2228_0490, "ams": {"insert_flag": true,
        "power_on_flag": false}, "ipcam": {"ipcam_record": "enable"}})));
    let on = [
        Setting::AutoRecovery,
        Setting::RemainingEstimate,
        Setting::FilamentBackup,
        Setting::RfidOnInsert,
        Setting::Recording,
    ];
    let off = [
        Setting::TangleDetection,
        Setting::NozzleBlobDetection,
        Setting::AirPrintDetection,
        Setting::RfidOnStartup,
        Setting::SaveToStorage,
    ];
    for setting in on {
        assert_eq!(old.get(setting), Some(true), "{setting:?}");
    }
    for setting in off {
        assert_eq!(old.get(setting), Some(false), "{setting:?}");
    }
    // P1 sets the bits of what it does not support.
    let p1 = options::options(&report(json!({"home_flag": 0x0110_0000})));
    for setting in [Setting::TangleDetection, Setting::NozzleBlobDetection, Setting::AirPrintDetection] {
        assert_eq!(p1.get(setting), None, "{setting:?}");
    }
    let new = options::options(&np(json!({"cfg": "1F0003", "fun": "3200", "home_flag": 0})));
    assert_eq!(new.get(Setting::FilamentBackup), Some(true));
    assert_eq!(new.get(Setting::RfidOnStartup), Some(true));
    assert_eq!(new.get(Setting::TangleDetection), Some(false));
    assert_eq!(new.door_check, Some(DoorCheck::Warn));
    let odd = options::options(&np(json!({"cfg": "300000", "fun": "1000"})));
    assert_eq!(odd.door_check, None);
    assert_eq!(options::options(&report(json!({}))), printer::Options::default());
}

#[test]
fn what_is_new_is_told_by_what_the_printer_supports() {
    let checks = |fun2: &str| {
        let all = options::options(&np(json!({"fun2": fun2, "xcam": {"cfg": 0x7B_6DB7}})));
        [Setting::PlateOffsetDetector, Setting::ForeignObjectDetector, Setting::MovementDetector]
            .map(|check| all.get(check))
    };
    assert_eq!(checks("B7B77"), [Some(true); 3], "X2D 01.01");
    assert_eq!(checks("3973"), [None, Some(true), None], "P2S 01.02 has all three bits of `xcam.cfg`");
    assert_eq!(checks("1"), [None; 3]);
    let of = |cfg: &str, fun: &str, fun2: &str| {
        options::options(&np(json!({"cfg": cfg, "fun": fun, "fun2": fun2})))
    };
    // X2D 01.01: protection on, air outside, snapshot on.
    let x2d = of("5A1045FDA99", "40029FD1B30F9CB7", "B7B77");
    assert_eq!(x2d.get(Setting::IdleHeatingProtection), Some(true));
    assert_eq!(x2d.get(Setting::SnapshotAtEnd), Some(true));
    assert_eq!((x2d.purification, x2d.blob_detection), (Some(Purification::Outside), None));
    // H2D 01.03: 3 stands for no picture at all.
    let h2d = of("C01847DA99", "27FF18FFF9CB3", "10F7");
    assert_eq!(h2d.get(Setting::IdleHeatingProtection), None);
    assert_eq!(h2d.get(Setting::SnapshotAtEnd), None);
    assert_eq!((h2d.purification, h2d.blob_detection), (Some(Purification::Off), None));
    // A2L 01.01: the newer way takes the place of the older.
    let a2l = of("120000870a00", "100d122002fbd", "1049560");
    assert_eq!((a2l.purification, a2l.blob_detection), (None, Some(BlobDetection::Auto)));
    assert_eq!(a2l.get(Setting::NozzleBlobDetection), None);
    assert_eq!(of("1000000", "2000", "0").get(Setting::NozzleBlobDetection), Some(true));
    assert_eq!(of("4000000000", "0", "0").get(Setting::SnapshotAtEnd), Some(false));
    // It cannot be changed for the moment, and is there all the same.
    let serviced = np(json!({"cfg": "200000000", "fun": "4000000000000000"}));
    assert_eq!(options::options(&serviced).get(Setting::IdleHeatingProtection), None);
    assert!(capabilities(&serviced, None, None).settings.has(Setting::IdleHeatingProtection));
}

#[test]
fn a_switch_and_accessories_are_there_when_they_are_connected() {
    let told = |aux: &str, switch: Value| {
        let report = np(json!({"aux": aux, "device": {"extruder": {"state": 2}, "fila_switch": switch}}));
        machine_of(&report, model("H2C"), None).track_switch
    };
    let slot = |unit, slot| Some(Source::Ams { unit, slot });
    let on = told("20000000", json!({"in": [0x8000, 0x0102], "stat": 1})).unwrap();
    assert_eq!((on.busy, on.inlets), (Some(true), [slot(1, 2), slot(128, 0)]), "B comes first");
    let idle = told("20000000", json!({"in": [-1, -1], "stat": 0})).unwrap();
    assert_eq!((idle.busy, idle.inlets), (Some(false), [Some(Source::Nothing); 2]));
    let odd = told("20000000", json!({"in": [0x7700], "stat": 7})).unwrap();
    assert_eq!((odd.busy, odd.inlets), (None, [None, None]));
    assert_eq!(told("20000000", json!(null)), Some(printer::tools::TrackSwitch::default()));
    assert_eq!(told("0", json!({"in": [-1, 0], "stat": 0})), None, "an object proves nothing");
    let accessories = |members: Value| {
        let machine = machine(&np(json!({"device": members})));
        (machine.fire_extinguisher, machine.rotary)
    };
    assert_eq!(accessories(json!({"fire_ext": {"connect_flag": 0}})), (Some(false), None));
    assert_eq!(accessories(json!({"fourth_axis": {"connect_flag": 1}})), (None, Some(true)));
    assert!(!can(&np(json!({})), "H2D").fire_extinguisher);
}

#[test]
fn free_room_is_told_of_storage_that_is_there() {
    let room = |camera: Value| {
        let machine = machine(&report(json!({"ipcam": camera})));
        (machine.internal, machine.external)
    };
    let x2d = json!({"tl_internal_free_kb": 881_996, "tl_internal_total_kb": 962_560,
        "tl_external_free_kb": 0, "tl_external_total_kb": 0});
    let internal = printer::tools::Space { free_kib: 881_996, total_kib: 962_560 };
    assert_eq!(room(x2d), (Some(internal), None), "nothing of nothing is no stick");
    assert_eq!(room(json!({"tl_internal_free_kb": 5, "tl_internal_total_kb": 4})), (None, None));
    assert_eq!(room(json!({"tl_external_free_kb": -1, "tl_external_total_kb": 4})), (None, None));
}

#[test]
fn fun_is_read_in_every_form_and_says_who_may_command() {
    let of = |fun: Value, firmware: &str| {
        let machine = machine_of(&report(json!({ "fun": fun })), model("H2D"), Some(firmware));
        (machine.signature_required, machine.developer_mode)
    };
    assert_eq!(of(json!("3EC1AFFF9CFF"), "01.01.00.00"), (Some(true), Some(false)));
    assert_eq!(of(json!("3EC18FFF9CFF"), "01.01.00.00"), (Some(false), Some(true)));
    assert_eq!(of(json!("3EC18FFF9CFF"), "01.00.00.00"), (Some(false), Some(false)));
    // 59 bits, and the same as a number.
    assert_eq!(of(json!("4023FF18FFF9CB3"), "01.01.00.00").0, Some(false));
    assert_eq!(of(json!(0x0402_3FF1_8FFF_9CB3_u64), "01.01.00.00").0, Some(false));
    assert_eq!(of(json!(0x2000_0000), "01.01.00.00").0, Some(true));
    assert_eq!(of(json!("xyz"), "01.01.00.00"), (None, None));
    assert_eq!(machine(&report(json!({"fun": "0"}))).developer_mode, None, "a model that nobody knows");
}

/// The first unit of a printer with two nozzles whose units have these bits.
fn unit(info: &str, aux: &str, fun2: &str) -> Ams {
    let report = np(json!({"aux": aux, "fun2": fun2, "device": {"extruder": {"state": 2}}, "ams": {
        "ams_exist_bits": "1", "ams": [{"id": "0", "info": info, "dry_time": 30, "dry_sf_reason": [1],
            "dry_setting": {"dry_filament": "PLA", "dry_temperature": 50, "dry_duration": 8}}]}}));
    observed_of(&report, model("X2D"), None).ams[0].clone()
}

/// `aux` with a Filament Track Switch.
const SWITCH: &str = "20000000";

#[test]
fn a_unit_leads_to_a_switch_only_where_there_is_one() {
    let routed = |info: &str, aux: &str| {
        let unit = unit(info, aux, "20");
        (unit.feeds, unit.inlet)
    };
    assert_eq!(routed("10002E03", SWITCH), (Some(Feeds::Either), Some(Inlet::B)));
    assert_eq!(routed("11002E03", SWITCH), (Some(Feeds::Either), Some(Inlet::A)));
    assert_eq!(routed("1F002E03", SWITCH), (Some(Feeds::Either), None), "assigned to neither");
    // The recorded one of an X2D without a switch.
    assert_eq!(routed("11002103", "2800004"), (Some(Feeds::Only(Side::Left)), None));
    assert_eq!(routed("11002103", SWITCH), (Some(Feeds::Only(Side::Left)), None));
    assert_eq!(routed("11002E03", "2800004"), (None, None), "not told");
}

#[test]
fn a_unit_may_have_more_slots_than_four() {
    let trays: Vec<_> =
        (0..9).map(|id| json!({"id": id.to_string(), "state": 11, "tray_type": "PLA"})).collect();
    let report = np(json!({"ams": {"ams_exist_bits": "1", "tray_exist_bits": "7",
        "ams": [{"id": "0", "info": "9", "tray": trays}]}}));
    let unit = &observed_of(&report, None, None).ams[0];
    let empty: Vec<_> = unit.slots.iter().map(printer::Slot::is_empty).collect();
    assert_eq!(empty, [false, false, false, true, false, false, false, false, false]);
    assert_eq!(unit.kind, printer::AmsKind::Unknown);
}

#[test]
fn how_a_unit_dries_is_told_where_it_can_be_told_to() {
    let phase = |info: &str| unit(info, "0", "20").drying.phase;
    assert_eq!(phase("10402003"), Some(DryingPhase::Heating));
    assert_eq!(phase("10802003"), Some(DryingPhase::Dehumidifying));
    assert_eq!((phase("10002003"), phase("11002003"), phase("10C02003")), (None, None, None));
    let full = unit("10402023", "0", "20");
    assert!(full.can.dries && full.can.tells_drying);
    assert_eq!((full.drying.temperature, &full.drying.hindrances[..]), (Some(50), &[1][..]));
    // Others have the same members, which mean nothing there; what the heater does is right.
    let bare = unit("10402023", "0", "1");
    assert!(bare.can.dries && !bare.can.tells_drying);
    assert_eq!(bare.drying.state, Some(DryingState::Drying));
    assert_eq!((bare.drying.temperature, bare.drying.phase, bare.drying.hindrances.len()), (None, None, 0));
}

#[test]
fn the_cameras_address_is_not_kept() {
    let of = |url: &str| report(json!({"ipcam": {"ipcam_dev": "1", "rtsp_url": url}}));
    let url = of("rtsps://bblp:12345678@192.168.1.2:322/streaming/live/1");
    assert_eq!(machine(&url).live_view, Some(true));
    assert!(!format!("{url:?}").contains("12345678"));
    assert_eq!(machine(&of("disable")).live_view, Some(false));
    assert_eq!(machine(&of("rtsps://0.0.0.0:322/streaming/live/1")).live_view, Some(false));
    assert_eq!(machine(&of("")).live_view, None);
    assert!(!can(&report(json!({"ipcam": {"ipcam_dev": "0"}})), "A1").live_view);
}

#[test]
fn a_machine_known_by_name_alone_is_offered_nothing_more_than_an_unknown_one() {
    let report = np(json!({"fun": "1000", "device": {"ext_tool": {"mount": 0}}}));
    assert_eq!(capabilities(&report, model("N8"), None), capabilities(&report, None, None));
    assert!(!capabilities(&report, model("N8"), None).known_model);
}
