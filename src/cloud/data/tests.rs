use serde_json::json;

use super::*;

/// An answer of the real cloud, where the recordings are.
fn captured(name: &str) -> Option<Value> {
    let file = crate::shared::shared(&format!("captures/rest/{name}"))?;
    Some(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const ESTIMATE: Option<Duration> = Some(Duration::from_secs(10346));

#[test]
fn captured_tasks_say_what_a_person_reads_in_them() {
    let Some(content) = captured("my_tasks_2023.json") else { return };
    let all = tasks(&content).unwrap();
    let [task] = all.as_slice() else { panic!("one task, not {}", all.len()) };
    assert_eq!((task.id.as_str(), task.serial.as_str()), ("35237965", "01S097800487064"));
    assert_eq!(task.title.as_deref(), Some("Fake title"));
    assert_eq!(task.status, Some(TaskStatus::Running));
    assert_eq!(task.started_at, Some(at("2023-12-21T19:02:16Z")));
    assert_eq!((task.estimate, task.weight_g, task.length_m), (ESTIMATE, Some(34.62), Some(11.61)));
    assert_eq!((task.plate, task.plate_name.as_ref(), task.design.as_ref()), (Some(1), None, None));
    assert_eq!(task.bed_type.as_deref(), Some("textured_plate"));
    assert!(task.cover.as_ref().is_some_and(|address| address.contains("token=")));
    let [slot] = task.slots.as_slice() else { panic!("one slot") };
    // Number 4 over all slots is the first of the second unit.
    assert_eq!((slot.unit, slot.slot, slot.nozzle), (Some(1), 0, None));
    assert_eq!((slot.material.as_deref(), slot.color.as_deref()), (Some("PLA"), Some("F4D976FF")));

    let newer = tasks(&captured("my_tasks_2026_new_fields.json").unwrap()).unwrap();
    let what: Vec<_> = newer.iter().map(|task| (task.id.as_str(), task.status)).collect();
    assert_eq!(what, [("57000002", Some(TaskStatus::Finished)), ("57000001", Some(TaskStatus::Ended))]);
    assert_eq!(newer[0].ended_at, Some(at("2026-08-02T13:02:26Z")));
    // Its two ways of naming the slot disagree.
    assert_eq!((newer[0].slots[0].unit, newer[0].slots[0].slot), (Some(0), 0));

    let old = tasks(&captured("my_tasks_old.json").unwrap()).unwrap();
    assert_eq!((old.len(), old[0].weight_g, old[0].length_m), (1, Some(12.6), None));
    assert!(old[0].slots.is_empty());
    assert!(tasks(&captured("my_tasks_empty.json").unwrap()).unwrap().is_empty());
}

#[test]
fn captured_firmware_filaments_and_messages_say_what_a_person_reads_in_them() {
    let Some(content) = captured("device_version_one.json") else { return };
    let found = releases(&content, "00m098354696607").unwrap();
    let release = found.printer.unwrap();
    assert_eq!((release.version.as_str(), release.forced, release.unit), ("01.01.01.00", false, None));
    let notes = release.notes.unwrap();
    assert!(
        notes.starts_with("## version ota01.01.01.00：\n### 【Improvements】") && notes.contains("mm/s²")
    );
    assert_eq!(
        releases(&content, "01S000000000000"),
        Some(Releases::default()),
        "another printer's is not taken"
    );
    let none = captured("device_version_no_update_composed.json").unwrap();
    assert_eq!(releases(&none, "01S097800487064"), Some(Releases::default()));

    let names = filaments(&captured("slicer_setting_2024_custom_filament.json").unwrap()).unwrap();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        [("Pc628b24".into(), "Fillamentum PLA Extrafill".into())]
    );
    let none = filaments(&captured("slicer_setting_2023.json").unwrap()).unwrap();
    assert!(none.is_empty(), "a name without an id names nothing");

    let messages = messages(&captured("my_messages.json").unwrap()).unwrap();
    let [message] = messages.as_slice() else { panic!("one message") };
    assert_eq!(
        (message.id.as_str(), message.kind, message.status),
        ("1", Some(6), Some(TaskStatus::Finished))
    );
    assert_eq!((message.task.as_deref(), message.title.as_deref()), (Some("1"), Some("Untitled")));
    assert_eq!(
        (message.serial.as_deref(), message.at),
        (Some("00M098354696607"), Some(at("2022-11-22T02:54:12Z")))
    );
}

#[test]
fn captured_states_say_what_a_person_reads_in_them() {
    let Some(content) = captured("user_print_idle_nulls.json") else { return };
    let idle = presence(&content).unwrap();
    let nothing = Presence { serial: "00M098354696607".into(), online: Some(true), ..Presence::default() };
    assert_eq!(idle, [nothing]);
    let running = presence(&captured("user_print_running_composed.json").unwrap()).unwrap();
    assert_eq!((running[0].task.as_deref(), running[0].progress), (Some("35237965"), Some(42)));
    assert_eq!((running[0].status.as_deref(), running[0].estimate), (Some("RUNNING"), ESTIMATE));
    // No endpoint that is asked, and it says so.
    assert_eq!(presence(&captured("user_task_http403.json").unwrap()), None);
}

#[test]
fn nonsense_is_left_out_alone() {
    let odd = json!({"hits": [
        {"id": 7, "deviceId": "01p0x", "title": 5, "status": "4", "weight": "12.5", "length": -3, "costTime": "x",
         "startTime": "0001-01-01T00:00:00Z", "endTime": "yesterday", "plateIndex": 0, "cover": "",
         "designId": 12, "designTitle": "Box",
         "amsDetailMapping": [{"ams": 128, "weight": 1}, {"ams": 255, "weight": "NaN"}, {"ams": 99}, 3,
                              {"ams": 0, "amsId": 254, "slotId": 0}, {"ams": 5, "targetColor": "red"}]},
        {"id": 0, "deviceId": "01P0X"}, {"id": 8}, null, [],
    ]});
    let all = tasks(&odd).unwrap();
    let [task] = all.as_slice() else { panic!("one task has an id and a printer: {all:?}") };
    assert_eq!((task.serial.as_str(), task.title.as_ref(), task.weight_g), ("01P0X", None, Some(12.5)));
    assert_eq!(task.status, Some(TaskStatus::Running), "a number may come as text");
    assert_eq!((task.length_m, task.estimate, task.started_at, task.ended_at), (None, None, None, None));
    assert_eq!((task.plate, task.cover.as_ref()), (None, None));
    assert_eq!(task.design, Some(("Box".into(), "12".into())));
    let places: Vec<_> = task.slots.iter().map(|slot| (slot.unit, slot.slot, slot.weight_g)).collect();
    assert_eq!(
        places,
        [(Some(128), 0, Some(1.0)), (None, 0, None), (None, 1, None), (Some(1), 1, None)],
        "an HT, outside, the left one outside, and the second slot of the second unit"
    );
    assert_eq!(task.slots[3].color, None);
    assert_eq!(tasks(&json!({"hits": null})), Some(Vec::new()));
    assert_eq!(tasks(&json!({"data": {"hits": []}})), Some(Vec::new()));
    assert_eq!((tasks(&json!({})), tasks(&json!({"hits": 3})), messages(&json!([]))), (None, None, None));
    let offered = json!({"devices": [{"dev_id": "X", "firmware": [{"version": "00.00.00.00"}], "ams": [
        {"ams_id": 1, "firmware": [{"version": "00.00.06.50", "force_update": true}]}, {"firmware": []}, null]}]});
    let found = releases(&offered, "x").unwrap();
    assert_eq!(found.printer, None, "a version of zeros is none");
    let [unit] = found.ams.as_slice() else { panic!("one unit: {found:?}") };
    assert_eq!((unit.unit, unit.version.as_str(), unit.forced), (Some(1), "00.00.06.50", true));
}

#[test]
fn pictures_come_only_from_where_they_are_safe() {
    let (vendor, demo) = ("https://api.bambulab.com", "http://127.0.0.1:8080");
    let may =
        |api: &str, text: &str| Url::parse(text).is_ok_and(|url| may_fetch(&Url::parse(api).unwrap(), &url));
    let here = "http://127.0.0.1:8080/pictures/1.png";
    assert!(may(demo, here));
    assert!(!may(vendor, here), "the vendor's cloud has nothing to show on this machine");
    for api in [vendor, demo] {
        assert!(may(api, "https://public-cdn.example.com/a.png?token=x"));
        for text in
            ["http://example.com/a.png", "file:///etc/passwd", "ftp://127.0.0.1/a", "data:,x", "nonsense"]
        {
            assert!(!may(api, text), "{text}");
        }
    }
}

#[test]
fn a_project_tells_objects_filaments_and_where_the_picture_of_the_objects_is() {
    let plate = |index: u64| {
        json!({"index": index, "prediction": 5423, "weight": "23.71", "gcode": {"url": ""},
            "thumbnail": {"url": "https://x/t.png?s=1"},
            "pick_picture": {"url": format!("https://x/pick_{index}.png?sign=1")},
            "filaments": [
                {"id": "1", "type": "PLA", "color": "#FFFFFF", "filament_id": "GFA00", "used_m": "7.82", "used_g": "23.71"},
                {"id": 2, "type": "", "color": "white", "used_m": "", "used_g": ""}],
            "objects": [
                {"identify_id": "409", "name": "Cube.stl", "skipped": false},
                {"identify_id": 410, "name": "Li\nd", "skipped": "false"},
                {"identify_id": 411, "name": "Left out", "skipped": true},
                {"id": 7, "name": "no number that a printer knows"}, {"identify_id": 0, "name": "x"},
                {"identify_id": 412, "name": ""}, null]})
    };
    let content = json!({"message": "success", "project_id": "5", "profiles": [
        {"profile_id": "8", "context": {"plates": [plate(9)]}},
        {"profile_id": 7, "context": {"plates": [plate(1), plate(2), {"index": 0}, 3]}}]});
    let told = sliced(&content, "7").unwrap();
    assert_eq!(told.plates.iter().map(|plate| plate.index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(told.picks[&2], "https://x/pick_2.png?sign=1");
    let plate = &told.plates[0];
    assert_eq!((plate.estimate, plate.weight_g), (Some(Duration::from_secs(5423)), Some(23.71)));
    let objects: Vec<_> = plate.objects.iter().map(|object| (object.id, object.name.as_str())).collect();
    assert_eq!(objects, [(409, "Cube.stl"), (410, "Lid")]);
    let first = &plate.filaments[0];
    assert_eq!((first.number, first.weight_g, first.length_m), (Some(1), Some(23.71), Some(7.82)));
    assert_eq!((first.filament_id.as_deref(), first.color.as_deref()), (Some("GFA00"), Some("FFFFFF")));
    let second = &plate.filaments[1];
    assert_eq!((second.number, second.material.as_ref(), second.color.as_ref()), (Some(2), None, None));
    assert_eq!((second.weight_g, plate.length_m()), (None, Some(7.82)));
    assert!(!format!("{told:?}").contains("sign"), "a signed address is in no log");

    // One profile is the one that was asked for, whatever it calls itself; of several none is taken for it.
    let one = json!({"profiles": [{"context": {"plates": []}}]});
    assert_eq!(sliced(&one, "7"), Some(Sliced::default()));
    assert_eq!(sliced(&json!({"profiles": [{"context": {"plates": []}}, {}]}), "7"), None);
    assert_eq!(sliced(&json!({"profiles": []}), "7"), None);
    assert_eq!(sliced(&json!({}), "7"), None);
}

#[test]
fn a_full_page_of_tasks_leads_to_the_next() {
    let hits = |count: u64| {
        let hit = |number| json!({"id": 1000 - number, "deviceId": "01P0X"});
        json!({"hits": (0..count).map(hit).collect::<Vec<_>>()})
    };
    assert_eq!(page(&hits(20)).unwrap().next.as_deref(), Some("981"));
    assert_eq!(page(&hits(19)).unwrap().next, None);
    assert_eq!(page(&json!({"hits": null})), Some(Page::default()));
    // What cannot be read counts for the length all the same.
    let mut odd = hits(20);
    odd["hits"][3] = json!({"id": 5});
    let odd = page(&odd).unwrap();
    assert_eq!((odd.tasks.len(), odd.next.as_deref()), (19, Some("981")));
}
