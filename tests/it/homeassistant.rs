//! The table of entities, and what Home Assistant discovers of each model.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use homeassistant::catalog::{ACCOUNT, AMS, EXTERNAL, GATEWAY, PRINTER, SLOT};
use homeassistant::entity::{Category, Entity, Platform, Subject, Value};
use homeassistant::topic::Topics;
use homeassistant::{AccountState, AccountView, GatewayMirror, GatewayView, Kind, Names, Publication};
use printer::control::Offer;
use printer::options::{BlobDetection, DoorCheck, Purification, Resolution};
use printer::tools::{
    AirductMode, HolderPosition, HolderState, Hotend, HotendPlace, Machine, Material, Nozzle, Rack, Storage,
    ToolModule, TrackSwitch,
};
use printer::{
    Ams, Content, Control, ExternalSpool, Feeds, Identity, Now, Policy, Reach, Serial, Side, Slot, Snapshot,
    Source, Speed, Stage, Status,
};
use serde_json::{Value as Json, json};
use twin::Setup;

use crate::reports::{MODELS, Printer};
use crate::support::player::Player;

/// Keeps snapshots beside the tests.
pub(crate) fn snapshot(name: &str, text: &str) {
    insta::with_settings!({snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}

/// A row of any table, without its subject.
struct Row {
    table: &'static str,
    key: &'static str,
    name: &'static str,
    platform: &'static str,
    control: bool,
    /// One of a few words.
    words: bool,
    category: Category,
    class: Option<&'static str>,
    unit: Option<&'static str>,
    state_class: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    fn of<T: Subject>(table: &'static str, rows: &[Entity<T>]) -> Vec<Row> {
        let row = |e: &Entity<T>| Row {
            table,
            key: e.key,
            name: e.name,
            platform: e.platform.name(),
            control: e.platform.is_control(),
            words: matches!(e.platform, Platform::Enum(_)),
            category: e.category,
            class: e.device_class,
            unit: e.unit,
            state_class: e.state_class,
        };
        rows.iter().map(row).collect()
    }
    let mut all = of("printer", &PRINTER);
    all.extend(of("ams", AMS));
    all.extend(of("slot", SLOT));
    all.extend(of("external", EXTERNAL));
    all.extend(of("bridge", GATEWAY));
    all.extend(of("bridge", ACCOUNT));
    all
}

// The table.

#[test]
fn keys_are_unique_and_for_ever() {
    let mut seen = BTreeSet::new();
    let mut list = String::new();
    for row in rows() {
        assert!(seen.insert((row.table, row.platform, row.key)), "{} {} twice", row.table, row.key);
        writeln!(list, "{} {}_{}", row.table, row.platform, row.key).unwrap();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '#';
        assert!(row.key.chars().all(plain), "{} is no key", row.key);
        let taken = [
            "availability",
            "state",
            "permitted",
            "raw",
            "ams",
            "external",
            "action",
            "event",
            "trigger",
            "image",
        ];
        assert!(!taken.contains(&row.key), "{} is another thing's topic", row.key);
    }
    snapshot("keys", &list);
}

#[test]
fn everything_has_a_name_but_the_main_thing_of_a_device() {
    for row in rows() {
        assert_eq!(
            row.name.is_empty(),
            (row.table, row.key) == ("external", "spool"),
            "{} {}",
            row.table,
            row.key
        );
        assert_eq!(row.key.contains('#'), row.table == "slot", "{}", row.key);
        assert_eq!(row.name.contains('#'), row.table == "slot", "{}", row.key);
    }
}

#[test]
fn units_fit_their_classes() {
    for row in rows() {
        let Row { key, unit, class, state_class, .. } = row;
        let wanted: &[Option<&str>] = match class {
            Some("temperature") => &[Some("°C")],
            Some("duration") => &[Some("min"), Some("h"), Some("s")],
            Some("humidity") => &[Some("%")],
            Some("weight") => &[Some("g")],
            Some("data_size") => &[Some("MiB")],
            Some("signal_strength") => &[Some("dBm")],
            None => &[None, Some("%")],
            Some("distance") => &[Some("mm"), Some("m")],
            Some("energy") => &[Some("kWh")],
            // The currency of the configuration takes its place.
            Some("monetary") => &[Some("¤")],
            Some(
                "timestamp" | "enum" | "connectivity" | "problem" | "running" | "update" | "firmware"
                | "door" | "occupancy" | "safety",
            ) => &[None],
            Some(other) => panic!("{key}: nobody looked up what {other} wants"),
        };
        assert!(wanted.contains(&unit), "{key}: {unit:?} for {class:?}");
        assert!(state_class.is_none() || !matches!(class, Some("timestamp" | "enum")), "{key}");
        let binary =
            matches!(class, Some("connectivity" | "problem" | "running" | "update" | "door" | "occupancy"));
        assert_eq!(binary, binary && row.platform == "binary_sensor", "{key}");
        assert_eq!(class == Some("firmware"), row.platform == "update", "{key}");
        if class == Some("temperature") && row.platform == "sensor" {
            assert_eq!(state_class, Some("measurement"), "{key}");
        }
        if state_class.is_some() {
            assert!(row.platform == "sensor" && !row.words, "{key}: only sensors have statistics");
        }
    }
}

#[test]
fn options_of_the_device_are_things_one_can_change() {
    for row in rows() {
        assert!(row.category != Category::Config || row.control, "{}", row.key);
        if row.words {
            assert_eq!((row.class, row.unit, row.state_class), (Some("enum"), None, None), "{}", row.key);
        }
    }
}

/// Every word that a row with options can say is among them.
fn check_options<T: Subject>(table: &[Entity<T>], subjects: &[T]) {
    for row in table {
        let options = match row.platform {
            Platform::Enum(options) => options(),
            Platform::Select(options, _) => options.to_vec(),
            _ => continue,
        };
        let unique: BTreeSet<_> = options.iter().collect();
        assert_eq!(unique.len(), options.len(), "{}: an option twice", row.key);
        for subject in subjects {
            match (row.read)(subject) {
                None => {}
                Some(Value::Text(word)) => assert!(options.contains(&word.as_ref()), "{}: {word}", row.key),
                Some(other) => panic!("{}: {other:?} is no word", row.key),
            }
        }
    }
}

#[test]
fn enums_list_everything_they_can_say() {
    let mut plain = unheard();
    plain.reach = Reach::Online;
    let with = |change: &dyn Fn(&mut Snapshot)| {
        let mut printer = plain.clone();
        change(&mut printer);
        printer
    };
    let mut printers = Vec::new();
    for reach in [Reach::Unheard, Reach::Online, Reach::Offline] {
        for read_only in [false, true] {
            for control in [Control::Unknown, Control::Full, Control::Limited] {
                printers.push(with(&|p| {
                    (p.reach, p.control) = (reach, control);
                    Arc::make_mut(&mut p.policy).read_only = read_only;
                }));
            }
        }
    }
    for status in [
        Status::Failed,
        Status::Finish,
        Status::Idle,
        Status::Init,
        Status::Pause,
        Status::Prepare,
        Status::Running,
        Status::Slicing,
    ] {
        printers.push(with(&|p| p.status = Some(status)));
    }
    printers.extend((0..=300).map(|n| with(&|p| p.stage = Some(Stage(n)))));
    for speed in [Speed::Silent, Speed::Standard, Speed::Sport, Speed::Ludicrous] {
        printers.push(with(&|p| p.speed = Some(speed)));
    }
    for number in 0..10 {
        let machine = Machine {
            storage: [Storage::Missing, Storage::Normal, Storage::Abnormal, Storage::ReadOnly]
                .get(number)
                .copied(),
            tool: [ToolModule::None, ToolModule::Laser10, ToolModule::Laser40, ToolModule::Cutter]
                .get(number)
                .copied(),
            track_switch: [None, Some(false), Some(true)]
                .get(number)
                .map(|busy| TrackSwitch { busy: *busy, ..TrackSwitch::default() }),
            airduct: [AirductMode::Cooling, AirductMode::Heating, AirductMode::Laser].get(number).copied(),
            ..Machine::default()
        };
        let mut options = plain.options;
        options.door_check = DoorCheck::ALL.get(number).copied();
        options.purification = Purification::ALL.get(number).copied();
        options.blob_detection = BlobDetection::ALL.get(number).copied();
        options.resolution = Resolution::ALL.get(number).copied();
        let kind = Nozzle { material: Material::ALL.get(number).copied(), ..Nozzle::default() };
        let place = [HotendPlace::Mounted, HotendPlace::Docked, HotendPlace::Empty].get(number).copied();
        let rack = Rack {
            position: [HolderPosition::ATop, HolderPosition::BTop, HolderPosition::Centre]
                .get(number)
                .copied(),
            state: HolderState::new(i64::try_from(number).unwrap()),
            hotends: std::array::from_fn(|_| Hotend { place, ..Hotend::default() }),
        };
        let rack = Arc::new(rack);
        printers.push(with(&|p| {
            (p.machine, p.options) = (machine, options);
            p.nozzle_kinds = [kind.clone(), kind.clone()];
            p.rack = Some(Arc::clone(&rack));
        }));
    }
    check_options(&PRINTER, &printers);
    let feeds = [Feeds::Only(Side::Right), Feeds::Only(Side::Left), Feeds::Either].map(Some);
    check_options(AMS, &feeds.map(|feeds| Ams { feeds, ..Ams::default() }));
    check_options(SLOT, &[Slot::default(), Slot { content: Content::Empty, ..Slot::default() }]);
    check_options(EXTERNAL, &[ExternalSpool::default()]);
    check_options(GATEWAY, &[GatewayView::default()]);
    check_options(ACCOUNT, &AccountState::ALL.map(|state| AccountView { state, ..AccountView::default() }));
}

#[test]
fn a_slot_of_an_unknown_unit_has_no_label() {
    let lost = Source::Ams { unit: 3, slot: 0 };
    let mut printer = unheard();
    (printer.sources, printer.reach) = ([Some(lost), Some(Source::Nothing)], Reach::Online);
    for row in PRINTER.iter().filter(|row| row.key == "active_slot" || row.key == "active_tray") {
        assert_eq!((row.read)(&printer), None, "{}", row.key);
        let mut left = printer.clone();
        left.active_nozzle = Side::Left;
        assert_eq!((row.read)(&left), Some(Value::from("none")), "{}", row.key);
    }
}

fn unheard() -> Snapshot {
    Snapshot::unheard("Test", Identity::new("01P00X000000001", "P1S"))
}

// Discovery.

pub(crate) fn now() -> Now {
    Now { mono: Duration::ZERO, wall: "2026-01-01T00:00:00Z".parse().unwrap() }
}

pub(crate) fn topics() -> Arc<Topics> {
    Topics { base: "bambu2mqtt".into(), discovery: "homeassistant".into(), id_prefix: "bambu2mqtt".into() }
        .into()
}

/// A printer, and what retained messages left of it on a broker.
pub(crate) struct Home {
    pub(crate) printer: Printer,
    pub(crate) player: Player,
    pub(crate) broker: BTreeMap<String, String>,
}

impl Home {
    pub(crate) fn new(model: &str) -> Self {
        let mut home = Self::of(Printer::new(model), model);
        home.hear(&home.printer.version());
        home.tell_all();
        home
    }

    /// One whose printer takes commands without the vendor's signature.
    pub(crate) fn obeyed(model: &str) -> Self {
        let mut printer = Printer::new(model);
        if let Some(fun) = printer.report["fun"].as_str() {
            let unsigned = u64::from_str_radix(fun, 16).unwrap() & !(1 << 29);
            printer.set(json!({"fun": format!("{unsigned:X}")}));
        }
        // That it once took one stays known.
        Self::knowing(printer, model, Offer { proven: true, ..Offer::default() })
    }

    /// One of which this is known from an earlier run.
    fn knowing(printer: Printer, model: &str, offer: Offer) -> Self {
        let policy = Policy { name: format!("Test {model}").into(), ..Policy::default() };
        let mut setup = Setup::new(Serial::new(&printer.serial), ["", ""], policy, &topics());
        setup.ledger.offer = offer;
        let mut home = Self { player: Player::of(now(), setup), printer, broker: BTreeMap::new() };
        home.hear(&home.printer.version());
        home.tell_all();
        home
    }

    /// One whose printer has not said anything yet.
    pub(crate) fn of(printer: Printer, model: &str) -> Self {
        let player = Player::new(now(), &printer.serial, &format!("Test {model}"), &topics());
        Self { printer, player, broker: BTreeMap::new() }
    }

    pub(crate) fn tell_all(&mut self) -> Vec<Publication> {
        self.hear(&self.printer.full())
    }

    pub(crate) fn hear(&mut self, payload: &str) -> Vec<Publication> {
        self.player.hear(now(), payload);
        self.look()
    }

    pub(crate) fn look(&mut self) -> Vec<Publication> {
        let out = self.player.look(now());
        for Publication { topic, payload, .. } in &out {
            if payload.is_empty() {
                self.broker.remove(topic);
            } else {
                self.broker.insert(topic.clone(), payload.clone());
            }
        }
        out
    }

    pub(crate) fn config(&self, device: &str) -> Option<Json> {
        let payload = self.broker.get(&format!("homeassistant/device/{device}/config"))?;
        homeassistant::discovery::read(payload.as_bytes())
    }

    pub(crate) fn own(&self) -> String {
        format!("bambu2mqtt_{}", self.printer.serial)
    }

    pub(crate) fn devices(&self) -> Vec<String> {
        let device = |topic: &String| {
            Some(topic.strip_prefix("homeassistant/device/")?.strip_suffix("/config")?.to_owned())
        };
        self.broker.keys().filter_map(device).collect()
    }
}

/// What an availability of its own has that is not that of the device.
fn waits_for(availability: &Json) -> Vec<String> {
    let topics: Vec<_> =
        availability.as_array().unwrap().iter().map(|a| a["topic"].as_str().unwrap()).collect();
    let has = |key: &str| topics.iter().any(|topic| topic.rsplit('/').next() == Some(key));
    let of_device = topics.iter().filter(|topic| topic.ends_with("/availability")).count();
    let words =
        [("lasting", of_device == 1), ("signed", has("control_mode")), ("permitted", has("permitted"))];
    words.into_iter().filter(|(_, so)| *so).map(|(word, _)| word.to_owned()).collect()
}

/// A discovery message in a form that people can read and compare.
fn described(config: &Json) -> String {
    let device = config["device"].as_object().unwrap();
    let mut text = String::new();
    for (key, value) in device {
        writeln!(text, "{key}: {value}").unwrap();
    }
    for (id, component) in config["components"].as_object().unwrap() {
        let mut facts = Vec::new();
        if component["platform"] == "device_automation" {
            let word = |key: &str| component[key].as_str().unwrap().to_owned();
            writeln!(text, "  {id}: {:?} {}", word("subtype"), word("type")).unwrap();
            continue;
        }
        for (key, value) in component.as_object().unwrap() {
            match key.as_str() {
                "platform" | "unique_id" | "default_entity_id" | "state_topic" | "command_topic" | "icon" => {
                }
                "options" => facts.push(format!("{} options", value.as_array().unwrap().len())),
                "event_types" => facts.push(format!("{} types", value.as_array().unwrap().len())),
                "availability" => facts.extend(waits_for(value)),
                "json_attributes_topic" => facts.push("attributes".into()),
                "enabled_by_default" => facts.push("hidden".into()),
                "device_class" | "unit_of_measurement" | "state_class" | "entity_category" | "name" => {
                    facts.push(value.as_str().unwrap_or("—").to_owned());
                }
                _ => facts.push(format!("{key}={value}")),
            }
        }
        writeln!(text, "  {id}: {}", facts.join(", ")).unwrap();
    }
    text
}

#[test]
fn each_model_has_its_entities() {
    for model in MODELS {
        let home = Home::obeyed(model);
        let all: Vec<_> = home
            .devices()
            .iter()
            .map(|device| format!("{device}\n{}", described(&home.config(device).unwrap())))
            .collect();
        snapshot(&format!("discovery of {model}"), &all.join("\n"));
    }
}

#[test]
fn a_discovery_message_in_full() {
    let home = Home::new("P1S");
    let config = home.config(&home.own()).unwrap();
    snapshot("discovery message", &serde_json::to_string_pretty(&config).unwrap());
    let mut out = Vec::new();
    GatewayMirror::new(topics(), Names::default(), true).update(
        now(),
        &GatewayView {
            version: "1.2.3",
            accounts: vec![AccountView { named: true, ..AccountView::default() }],
            ..GatewayView::default()
        },
        &mut out,
    );
    let lines: Vec<_> = out.iter().map(|p| format!("{} = {}", p.topic, p.payload)).collect();
    snapshot("gateway", &lines.join("\n"));
}

#[test]
fn each_component_is_complete_and_unique() {
    let mut seen = BTreeSet::new();
    for (model, home) in
        MODELS.iter().flat_map(|model| [Home::obeyed(model), Home::new(model)].map(|home| (model, home)))
    {
        seen.clear();
        for device in home.devices() {
            let config = home.config(&device).unwrap();
            assert!(topics().owns(&device, config.to_string().as_bytes()), "{device}");
            assert_eq!(config["availability"].as_array().unwrap().len(), 2, "{device}");
            let mut names = BTreeSet::new();
            for (id, c) in config["components"].as_object().unwrap() {
                let platform = c["platform"].as_str().unwrap();
                assert!(id.starts_with(&format!("{platform}_")), "{id}");
                if platform == "device_automation" {
                    assert!(
                        seen.insert((c["type"].to_string(), c["subtype"].to_string(), model)),
                        "{id} twice"
                    );
                    assert_eq!(*id, format!("device_automation_{}", c["payload"].as_str().unwrap()));
                    continue;
                }
                assert!(
                    seen.insert((platform.to_owned(), c["unique_id"].clone().to_string(), model)),
                    "{id} twice"
                );
                assert!(
                    names.insert(c["name"].as_str()),
                    "{id} of {model}: another one is called {}",
                    c["name"]
                );
                let entity = c["default_entity_id"].as_str().unwrap();
                assert!(entity.starts_with(&format!("{platform}.test_")), "{entity}");
                if platform == "event" {
                    assert!(!home.broker.contains_key(c["state_topic"].as_str().unwrap()), "{id} is kept");
                } else if platform == "image" {
                    let topic = id.replacen('_', "/", 1);
                    assert!(c["image_topic"].as_str().unwrap().ends_with(&format!("/{topic}")), "{id}");
                } else if platform != "button" {
                    let topic = c["state_topic"].as_str().or(c["percentage_state_topic"].as_str()).unwrap();
                    assert!(home.broker.contains_key(topic), "{id} of {model} has no value");
                }
            }
        }
        let announced: String = home.devices().iter().map(|d| home.config(d).unwrap().to_string()).collect();
        let twins: BTreeSet<_> = homeassistant::discovery::unnamed_keys().collect();
        for topic in home.broker.keys().filter(|topic| topic.starts_with("bambu2mqtt/")) {
            let twin = topic.rsplit('/').next().is_some_and(|key| twins.contains(key));
            assert!(twin || announced.contains(topic.as_str()), "{topic} belongs to nothing");
            assert!(topics().is_ours(topic), "{topic}");
        }
    }
}

#[test]
fn an_unplugged_ams_is_taken_back() {
    let mut home = Home::new("X1C");
    let ams = "bambu2mqtt_ams_19C000000000000";
    assert!(home.config(ams).is_some(), "{:?}", home.devices());
    home.printer.set(json!({"ams": {"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"}}));
    home.tell_all();
    assert!(home.config(ams).is_some(), "one such report is not believed");
    home.tell_all();
    assert_eq!(home.config(ams), None);
    assert!(!home.broker.keys().any(|topic| topic.contains("/ams/")), "and its values with it");
    assert!(!home.player.twin.told().unwrap().devices().contains(&ams.to_owned()));
}

#[test]
fn an_ams_that_changes_its_place_is_never_taken_back_in_between() {
    let mut home = Home::new("X1C");
    let ams = "bambu2mqtt_ams_19C000000000000";
    home.printer.modules()[2]["name"] = "n3f/1".into();
    home.printer.set(json!({"ams": {"ams_exist_bits": "2", "tray_exist_bits": "f0"}}));
    home.printer.report["ams"]["ams"][0]["id"] = "1".into();
    let out = home.hear(&home.printer.version());
    assert!(!out.iter().any(|p| p.kind == Kind::Withdrawn));
    let out = home.tell_all();
    let configs: Vec<_> = out.iter().filter(|p| p.topic.contains(ams)).collect();
    assert!(!configs.is_empty() && configs.iter().all(|p| !p.payload.is_empty()), "{configs:?}");
    let config = home.config(ams).unwrap().to_string();
    assert!(config.contains("/ams/1/") && !config.contains("/ams/0/"));
    assert!(!home.broker.keys().any(|topic| topic.contains("/ams/0/")));
}

#[test]
fn what_the_printer_lost_is_taken_off_home_assistant_and_the_broker() {
    let mut home = Home::new("X1C");
    let topic = "bambu2mqtt/00M00X000000001/work_light";
    assert!(home.broker.contains_key(topic));
    home.printer.set(json!({"lights_report": [{"node": "chamber_light", "mode": "on"}]}));
    let out = home.tell_all();
    let told: Vec<_> = out.iter().filter(|p| matches!(p.kind, Kind::Parting | Kind::Discovery)).collect();
    // Home Assistant forgets a component that has its platform and nothing else, and keeps one that is left out.
    assert_eq!(told.iter().map(|p| p.kind).collect::<Vec<_>>(), [Kind::Parting, Kind::Discovery]);
    let configs: Vec<Json> =
        told.iter().map(|p| homeassistant::discovery::read(p.payload.as_bytes()).unwrap()).collect();
    assert_eq!(configs[0]["components"]["light_work_light"], json!({"platform": "light"}));
    assert_eq!(configs[1]["components"]["light_work_light"], Json::Null);
    assert!(!home.broker.contains_key(topic));
}

#[test]
fn a_new_name_is_told_and_the_ids_stay() {
    let mut home = Home::new("A1");
    let before = home.config(&home.own()).unwrap();
    home.player.policy(now(), |policy| policy.name = "Attic".into());
    let out = home.look();
    assert!(out.iter().all(|p| p.kind == Kind::Discovery), "only the devices' names changed");
    let after = home.config(&home.own()).unwrap();
    assert_eq!(after["device"]["name"], "Attic");
    assert_eq!(after["components"], before["components"]);
    let ams = home.devices().into_iter().find(|device| device.contains("_ams_")).unwrap();
    assert_eq!(home.config(&ams).unwrap()["device"]["name"], "Attic AMS 1");
}

#[test]
fn installing_firmware_is_offered_only_where_the_owner_wants_it() {
    let mut home = Home::new("P1S");
    home.printer.set(json!({"fun": "0"}));
    home.tell_all();
    let update = |home: &Home| home.config(&home.own()).unwrap()["components"]["update_firmware"].clone();
    let before = update(&home);
    assert!(before["command_topic"].is_null() && before["payload_install"].is_null(), "{before}");
    home.player.policy(now(), |policy| policy.firmware_install = true);
    home.look();
    let offered = update(&home);
    assert_eq!(offered["payload_install"], "INSTALL");
    assert_eq!(offered["command_topic"], format!("bambu2mqtt/{}/firmware/set", home.printer.serial));
    home.player.policy(now(), |policy| policy.read_only = true);
    home.look();
    assert_eq!(update(&home), before);
}

#[test]
fn a_read_only_printer_has_no_controls() {
    let mut home = Home::new("A1");
    home.player.policy(now(), |policy| policy.read_only = true);
    home.look();
    let config = home.config(&home.own()).unwrap();
    let controls: Vec<_> = config["components"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, c)| c.get("command_topic").is_some())
        .collect();
    assert_eq!(
        controls.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["button_clear_plate", "button_refresh"]
    );
    assert_eq!(home.broker["bambu2mqtt/03900X000000001/control_mode"], "read_only");
    assert_eq!(home.broker.get("bambu2mqtt/03900X000000001/part_fan"), None);
    assert_eq!(home.broker["bambu2mqtt/03900X000000001/bed_target"], "60", "the sensor of that name stays");
    home.player.policy(now(), |policy| policy.read_only = false);
    home.look();
    assert_eq!(home.broker["bambu2mqtt/03900X000000001/part_fan"], "100");
}

/// A control that needs a signature, and what shows the same.
const TWINS: [[&str; 2]; 6] = [
    ["number_bed_target", "sensor_bed_target"],
    ["number_left_nozzle_target", "sensor_left_nozzle_target"],
    ["fan_part_fan", "sensor_part_fan_speed"],
    ["fan_chamber_fan", "sensor_chamber_fan_speed"],
    ["select_speed_profile", "sensor_speed_profile"],
    ["select_airduct_mode", "sensor_airduct_mode"],
];

#[test]
fn what_a_signature_keeps_from_working_is_shown_and_not_offered_and_nothing_else() {
    let mut home = Home::new("H2D");
    let mode = format!("bambu2mqtt/{}/control_mode", home.printer.serial);
    let components = |home: &Home| home.config(&home.own()).unwrap()["components"].clone();
    assert_eq!(home.broker[&mode], "limited");
    let told: Json = serde_json::from_str(&home.broker[&format!("{mode}/attributes")]).unwrap();
    assert_eq!((&told["reason"], &told["value"]), (&json!("signature_demanded"), &json!("limited")));
    assert!(told["next_step"].as_str().unwrap().contains("docs/control.md"), "{told}");
    let limited = components(&home);
    for [control, shown] in TWINS {
        assert!(limited.get(control).is_none(), "{control}");
        assert!(limited[shown].get("enabled_by_default").is_none(), "{shown}");
    }
    for id in ["light_chamber_light", "switch_timelapse", "button_refresh", "sensor_status"] {
        assert!(limited.get(id).is_some(), "{id}");
    }
    for id in ["button_pause", "button_stop"] {
        assert!(limited.get(id).is_none(), "{id}");
    }
    // Developer Mode: the printer says so itself.
    let out = home.hear(r#"{"print":{"command":"push_status","msg":1,"fun":"3EC18FFF9CFF"}}"#);
    let parting = out.iter().find(|p| p.kind == Kind::Parting).unwrap();
    let parting = homeassistant::discovery::read(parting.payload.as_bytes()).unwrap();
    assert_eq!(parting["components"]["sensor_bed_target"], json!({"platform": "sensor"}));
    assert_eq!(home.broker[&mode], "full");
    let full = components(&home);
    for [control, shown] in TWINS {
        assert!(full.get(control).is_some() && full.get(shown).is_none(), "{control}");
    }
    let serial = home.printer.serial.clone();
    assert_eq!(
        full["select_airduct_mode"]["json_attributes_topic"],
        format!("bambu2mqtt/{serial}/airduct_mode/attributes"),
        "the details go with it"
    );
    assert!(home.broker.contains_key(&format!("bambu2mqtt/{serial}/bed_target")));
    // Programs that read topics find both.
    for key in ["part_fan", "part_fan_speed"] {
        assert!(home.broker.contains_key(&format!("bambu2mqtt/{serial}/{key}")), "{key}");
    }
    // And back.
    home.hear(r#"{"print":{"command":"push_status","msg":1,"fun":"3EC1AFFF9CFF"}}"#);
    assert_eq!(components(&home), limited);
    assert!(home.broker.contains_key(&format!("bambu2mqtt/{serial}/part_fan")));
}

#[test]
fn what_was_proven_holds_after_a_restart() {
    let refused = Offer { withheld: true, proven: true, ..Offer::default() };
    let home = Home::knowing(Printer::new("X1E"), "X1E", refused.clone());
    let components = &home.config(&home.own()).unwrap()["components"];
    assert!(components.get("number_bed_target").is_none() && components.get("sensor_bed_target").is_some());
    let offer = &home.player.twin.ledger().offer;
    assert_eq!((offer.withheld, offer.proven), (refused.withheld, refused.proven));
    let home = Home::new("X1E");
    assert!(home.config(&home.own()).unwrap()["components"].get("number_bed_target").is_some());
}

#[test]
fn a_suspicion_makes_controls_unavailable_and_takes_none_away() {
    let mut printer = Printer::new("X1E");
    printer.set(json!({"hms": [{"attr": 0x0500_0500, "code": 0x0001_0007}]}));
    let mut home = Home::of(printer, "X1E");
    home.hear(&home.printer.version());
    home.tell_all();
    let mode = format!("bambu2mqtt/{}/control_mode", home.printer.serial);
    assert_eq!(home.broker[&mode], "limited");
    let told: Json = serde_json::from_str(&home.broker[&format!("{mode}/attributes")]).unwrap();
    assert_eq!((&told["reason"], &told["value"]), (&json!("health_message"), &json!("limited")));
    let components = &home.config(&home.own()).unwrap()["components"];
    let depends = |id: &str| {
        let availability = components[id]["availability"].as_array();
        availability.is_some_and(|list| list.iter().any(|one| one["topic"] == mode.as_str()))
    };
    for id in ["number_bed_target", "fan_part_fan", "select_speed_profile"] {
        assert!(depends(id), "{id}");
    }
    let permitted = format!("bambu2mqtt/{}/permitted", home.printer.serial);
    let may =
        |home: &Home, key: &str| serde_json::from_str::<Json>(&home.broker[&permitted]).unwrap()[key] == true;
    // Buttons wait for more than that.
    for (id, key) in [("button_pause", "pause"), ("button_stop", "stop")] {
        let availability = components[id]["availability"].as_array().unwrap();
        assert!(
            availability.iter().any(|one| one["topic"] == permitted.as_str()) && !may(&home, key),
            "{id}"
        );
    }
    for id in ["light_chamber_light", "switch_timelapse", "button_refresh", "sensor_status"] {
        assert!(!depends(id), "{id}");
    }
}

#[test]
fn a_removed_printer_leaves_nothing_behind() {
    for model in MODELS {
        let Home { player, mut broker, .. } = Home::new(model);
        for Publication { topic, payload, .. } in player.removed() {
            assert_eq!(payload, "");
            broker.remove(&topic);
        }
        assert_eq!(broker.keys().collect::<Vec<_>>(), Vec::<&String>::new(), "{model}");
    }
}

#[test]
fn a_printer_that_was_never_heard_has_what_needs_no_report() {
    let policy = Policy { name: "Test".into(), ..Policy::default() };
    let setup = Setup::new(Serial::new("01P00X000000001"), ["C12", "P1S"], policy, &topics());
    let out = Player::of(now(), setup).look(now());
    let told = out.iter().filter(|p| p.kind != Kind::Discovery);
    let lines: Vec<_> = told.map(|p| format!("{} = {}", p.topic, p.payload)).collect();
    snapshot("unheard", &lines.join("\n"));
}
