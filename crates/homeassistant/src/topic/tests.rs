use super::*;

fn topics() -> Topics {
    Topics { base: "home/bambu".into(), discovery: "homeassistant".into(), id_prefix: "home_bambu".into() }
}

#[test]
fn what_is_built_can_be_taken_apart() {
    let topics = topics();
    let serial = Serial::new("01p00a000000001");
    let set = format!("{}/set", topics.value(&serial, Part::Printer, "bed_target"));
    assert_eq!(set, "home/bambu/01P00A000000001/bed_target/set");
    assert_eq!(topics.parse(&set), Some(Incoming::Set { serial: serial.clone(), key: "bed_target" }));
    assert_eq!(topics.parse(&topics.state(&serial)), Some(Incoming::State { serial: serial.clone() }));
    assert_eq!(topics.parse(&topics.raw_request(&serial)), None, "output only");
    for moment in [topics.event(&serial, "print"), topics.trigger(&serial), topics.bridge_event("account")] {
        assert_eq!(topics.parse(&moment), None, "output only");
    }
    for (part, key) in [(Part::Ams(128), "ams/128/drying"), (Part::External(2), "external/2/load")] {
        let set = format!("{}/set", topics.value(&serial, part, key.rsplit('/').next().unwrap()));
        assert_eq!(topics.parse(&set), Some(Incoming::Set { serial: serial.clone(), key }));
        assert_eq!(topics.result(&serial, key), set.replace("/set", "/result"));
    }
    let action = "home/bambu/01P00A000000001/action/dry";
    let (key, name) = ("action/dry", "dry");
    assert_eq!(topics.parse(action), Some(Incoming::Action { serial: serial.clone(), key, name }));
    assert_eq!(topics.result(&serial, key), format!("{action}/result"));
    assert_eq!(topics.parse("homeassistant/status"), Some(Incoming::Status));
    let set = format!("{}/set", topics.bridge("login_code"));
    assert_eq!(topics.parse(&set), Some(Incoming::BridgeSet { key: "login_code" }));
    assert_eq!(topics.bridge_result("login_code"), set.replace("/set", "/result"));
    let config = topics.config("home_bambu_bridge");
    assert_eq!(topics.parse(&config), Some(Incoming::Discovery { device: "home_bambu_bridge" }));
    for foreign in [
        "home/bambu",
        "home/bambu/x/set",
        "other/x/y/set",
        "home/bambu/x/y/z/set",
        "home/bambu/x/y",
        "home/bambu/x/action/dry/result",
        "home/bambu/x/action/",
        "home/bambu/x/ams/1/set",
        "home/bambu/x/ams/1/y/z/set",
        "home/bambu/x//set",
        "home/bambu/bridge/set",
        "home/bambu/bridge/login_code",
        "home/bambu/bridge/ams/0/drying/set",
    ] {
        assert_eq!(topics.parse(foreign), None, "{foreign}");
    }
}

#[test]
fn what_we_build_is_ours_and_what_a_stranger_keeps_beside_it_is_not() {
    let topics = topics();
    let serial = Serial::new("01P00A000000001");
    let entity =
        |topic: String| ["/attributes", "/set", "/result", ""].map(|end| format!("{topic}{end}")).into_iter();
    let entities = [
        topics.bridge("account_2"),
        topics.value(&serial, Part::Printer, "hms_errors"),
        topics.value(&serial, Part::Ams(128), "tray_1_name"),
        topics.value(&serial, Part::External(2), "color"),
    ];
    let others = [
        topics.bridge_availability(),
        topics.bridge_event("account_2"),
        topics.availability(&serial),
        topics.event(&serial, "print"),
        topics.trigger(&serial),
        topics.image(&serial, "cover"),
        topics.state(&serial),
        topics.raw_report(&serial),
        topics.raw_request(&serial),
        topics.value(&serial, Part::Printer, "action/dry"),
        topics.result(&serial, "action/dry"),
    ];
    for topic in entities.into_iter().flat_map(entity).chain(others) {
        assert!(topics.is_ours(&topic), "{topic}");
    }
    for foreign in [
        "home/bambu",
        "home/bambu/",
        "home/bambu/notes",
        "home/bambu_2/01P00A000000001/status",
        "zigbee2mqtt/01P00A000000001/status",
        "home/bambu/spool_holder/state",
        "home/bambu/KITCHEN/state",
        "home/bambu/01p00a000000001/status",
        "home/bambu/01P00A000000001",
        "home/bambu/01P00A000000001/",
        "home/bambu/01P00A000000001/My notes",
        "home/bambu/01P00A000000001/notes/of/mine",
        "home/bambu/01P00A000000001/ams/left/humidity",
        "home/bambu/01P00A000000001/ams/0",
        "home/bambu/01P00A000000001/raw/notes",
        "home/bambu/bridge/event/account/last",
        "home/bambu/bridge/",
    ] {
        assert!(!topics.is_ours(foreign), "{foreign}");
    }
    assert_eq!(topics.parse("home/bambu/KITCHEN/state"), None, "no printer's document");
}

#[test]
fn a_device_is_ours_by_its_id_and_its_availability() {
    let topics = topics();
    let ours = br#"{"availability": [{"topic": "home/bambu/bridge/availability"}]}"#;
    let second = br#"{"availability": [{"topic": "x"}, {"topic": "home/bambu/bridge/availability"}]}"#;
    for id in ["bridge", "01P00A000000001", "01P00A000000001_ams_0", "01P00A000000001_external_2", "ams_X-1"]
    {
        let id = format!("home_bambu_{id}");
        assert!(topics.owns(&id, ours), "{id}");
        for foreign in [&second[..], b"{}", b"", b"[1"] {
            assert!(!topics.owns(&id, foreign), "{id}");
        }
    }
    for id in ["shelf", "home_bambu", "home_bambu_shelf", "home_bambu_01P00A000000001_shelf", "bridge"] {
        assert!(!topics.owns(id, ours), "{id}");
    }
}

#[test]
fn slugs_are_what_home_assistant_makes_of_names() {
    assert_eq!(slug("Garage"), "garage");
    assert_eq!(slug("  Jürgen's X1C (left) "), "jurgen_s_x1c_left");
    assert_eq!(slug("打印机"), "da_yin_ji");
    assert_eq!(slug("—"), "");
}
