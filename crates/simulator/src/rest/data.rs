//! What the emulated cloud knows of its printers.
use super::Api;
use super::http::{Answer, Request};
use super::listed::{self, Listed, ListedSlot};
use crate::parts::count;
use crate::picture::{Filament, Object, Picture, Plate};
use crate::printer::Printer;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Signs the addresses of pictures.
pub(crate) const SIGNATURE: &str = "demo-signature";
/// A filament that the account's owner made.
pub(super) const OWN_FILAMENT: (&str, &str) = ("P8d19ba6", "Demo PETG Recycled");
/// Where the files of prints are, by their numbers.
pub(super) const PROJECT: &str = "/v1/iot-service/api/user/project/";
/// What follows from the newest firmware: the first printer is behind it.
const NOTES: &str = "## New in this version\n1. [Demo] The bed is levelled a little faster.\n2. [Demo] Texts on the \
                     screen are easier to read.\n\n## Put right\n1. [Demo] The lamp stays off when it was switched off.";

/// The account's inbox.
#[derive(Default)]
pub(crate) struct Inbox(Mutex<Vec<Letter>>);

#[derive(Clone)]
struct Letter {
    serial: String,
    task: u64,
    title: String,
    status: u8,
    at: Timestamp,
}

fn success(mut body: Value) -> (u16, Value) {
    if let Some(body) = body.as_object_mut() {
        body.extend(
            [("message", json!("success")), ("code", Value::Null), ("error", Value::Null)]
                .map(|(key, value)| (key.to_owned(), value)),
        );
    }
    (200, body)
}

#[allow(clippy::disallowed_methods, reason = "a cloud that people look at has their time")]
fn now() -> Timestamp {
    // Whole seconds, as the real one tells them.
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

fn ago(now: Timestamp, seconds: i64) -> String {
    now.checked_sub(SignedDuration::from_secs(seconds)).unwrap_or(now).to_string()
}

/// The answer to a request about data; `None` when it is about something else. Whether the token is good was
/// looked at before, except for pictures.
pub(super) fn answer(api: &Api, request: &Request) -> Option<Answer> {
    if request.method != "GET" {
        return None;
    }
    let missing = |key: &str| {
        (400, json!({"code": 2, "error": format!("field '{key}' is not set"), "message": "invalid argument"}))
    };
    let answer = match request.path.as_str() {
        "/v1/iot-service/api/user/bind" => success(json!({"devices": api.fleet.devices()})),
        "/v1/user-service/my/tasks" => tasks(api, request),
        "/v1/iot-service/api/user/device/version" => match request.query("dev_id") {
            Some(serial) => success(json!({"devices": version(api, serial)})),
            None => missing("dev_id"),
        },
        "/v1/iot-service/api/slicer/setting" => match request.query("version") {
            Some(version) if version.split('.').count() == 4 => presets(),
            Some(_) => (422, json!({"code": 2, "error": "invalid version", "message": "invalid argument"})),
            None => missing("version"),
        },
        "/v1/user-service/my/messages" => messages(api, request),
        "/v1/iot-service/api/user/print" => success(json!({"devices": prints(api)})),
        path if path.starts_with(PROJECT) => project(api, path, request),
        path => return picture(api, path, request),
    };
    Some(answer.into())
}

fn limit(request: &Request) -> usize {
    request.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20)
}

fn tasks(api: &Api, request: &Request) -> (u16, Value) {
    let host = request.header("host").unwrap_or("127.0.0.1");
    let now = now();
    let wanted = request.query("deviceId");
    let serials = api.fleet.serials().into_iter().filter(|serial| wanted.is_none_or(|w| w == serial));
    let mut all = Vec::new();
    for serial in serials {
        let listed = api.fleet.with_printer(&serial, |printer| {
            listed::of(printer)
                .into_iter()
                .map(|task| (task.began, task_json(printer, &task, now, host)))
                .collect::<Vec<_>>()
        });
        all.extend(listed.unwrap_or_default());
    }
    all.sort_by_key(|(began, _)| *began);
    let total = all.len();
    let mut hits: Vec<Value> = all.into_iter().map(|(_, task)| task).collect();
    if let Some(after) = request.query("after").map(|after| after.parse::<u64>().ok()) {
        let last =
            hits.iter().position(|task| after.is_some() && task.get("id").and_then(Value::as_u64) == after);
        hits = hits.split_off(last.map_or(hits.len(), |last| last + 1));
    }
    hits.truncate(limit(request));
    (200, json!({"total": total, "hits": hits}))
}

/// A file of one plate. Somebody else's, and one that there is not, are the same to it.
fn project(api: &Api, path: &str, request: &Request) -> (u16, Value) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let (wanted, profile) = (number(path.strip_prefix(PROJECT)), number(request.query("profile_id")));
    let host = request.header("host").unwrap_or("127.0.0.1");
    let found = api.fleet.serials().into_iter().find_map(|serial| {
        let tasks = listed::of_fleet(api, &serial);
        let own = |task: &Listed| Some(task.project) == wanted && Some(task.profile) == profile;
        Some((tasks.into_iter().find(own)?, serial))
    });
    let Some((task, serial)) = found else {
        return (403, json!({"code": 8, "error": "Resource forbidden", "message": "permission denied"}));
    };
    let picture = |kind: &str| json!({"name": "", "url": format!("http://{host}/pictures/{serial}/{}{kind}.png?sign={SIGNATURE}", task.id)});
    let grams: f64 = task.slots.iter().map(|slot| slot.weight_g).sum();
    let filament = |(at, slot): (usize, &ListedSlot)| {
        let metres = f64::from(task.length_cm) / 100.0 * slot.weight_g / grams.max(0.01);
        json!({"id": (at + 1).to_string(), "type": slot.material, "color": format!("#{}", slot.color),
               "filament_id": slot.filament_id, "used_g": format!("{:.2}", slot.weight_g),
               "used_m": format!("{metres:.2}"), "used_for_support": false})
    };
    let object =
        |object: Object| json!({"identify_id": object.id.to_string(), "name": object.name, "skipped": false});
    let plate = json!({
        "index": task.plate, "prediction": task.estimate_s, "weight": task.weight_g, "warning": [],
        "thumbnail": picture(""), "pick_picture": picture("-pick"), "gcode": {"name": "", "url": ""},
        "filaments": task.slots.iter().enumerate().map(filament).collect::<Vec<_>>(),
        "objects": Plate::of(&task.title).objects().map(object).collect::<Vec<_>>(),
    });
    let profile =
        json!({"profile_id": task.profile.to_string(), "name": task.title, "context": {"plates": [plate]}});
    success(json!({"project_id": task.project.to_string(), "name": task.title, "profiles": [profile]}))
}

fn slot_json(slot: &ListedSlot) -> Value {
    let (unit, place) = (slot.unit.unwrap_or(255), if slot.unit.is_some() { slot.slot } else { 0 });
    let global = match unit {
        0..=3 => unit * 4 + u16::from(place),
        other => other,
    };
    json!({
        "ams": global, "amsId": unit, "slotId": place, "nozzleId": 1,
        "sourceColor": slot.color, "targetColor": slot.color, "filamentId": slot.filament_id,
        "filamentType": slot.material, "targetFilamentType": "", "weight": slot.weight_g,
    })
}

fn task_json(printer: &Printer, task: &Listed, now: Timestamp, host: &str) -> Value {
    let serial = printer.serial();
    // While it runs, the end is a moment after the beginning.
    let end = task.ended.unwrap_or(task.began - 19);
    json!({
        "id": task.id, "designId": 0, "designTitle": "", "instanceId": 0, "modelId": "US0000000000demo",
        "title": task.title,
        "cover": format!("http://{host}/pictures/{serial}/{}.png?sign={SIGNATURE}", task.id),
        "status": task.status, "failedType": 0, "feedbackStatus": 0,
        "startTime": ago(now, task.began), "endTime": ago(now, end),
        "weight": task.weight_g, "length": task.length_cm, "costTime": task.estimate_s,
        "profileId": task.profile, "plateIndex": task.plate, "plateName": "",
        "deviceId": serial, "deviceModel": printer.model().product_name(), "deviceName": printer.name(),
        "amsDetailMapping": task.slots.iter().map(slot_json).collect::<Vec<_>>(),
        "mode": "cloud_file", "isPublicProfile": false, "isPrintable": true, "bedType": "textured_plate",
        "jobType": 1, "useAms": true, "repetitions": 1,
    })
}

/// The newest version of all is one that the first printer does not have.
fn version(api: &Api, serial: &str) -> Vec<Value> {
    let first = api.fleet.serials().first().is_some_and(|first| first == serial);
    let firmware = api.fleet.with_printer(serial, |printer| listed::firmware(printer));
    let Some(installed) = firmware else { return Vec::new() };
    let offered = if first { "99.01.00.00" } else { installed };
    vec![json!({
        "dev_id": serial, "version": installed,
        "firmware": [{
            "version": offered, "force_update": false, "description": NOTES,
            "url": format!("https://example.com/device/{offered}/ota-v{offered}.json.sig"),
        }],
        "ams": [],
    })]
}

fn presets() -> (u16, Value) {
    let (id, name) = OWN_FILAMENT;
    success(json!({
        "print": {"public": [], "private": []},
        "printer": {"public": [], "private": []},
        "filament": {
            "public": [{"setting_id": "GFSA00", "version": "02.00.00.00", "name": "Bambu PLA Basic @BBL X1C",
                        "filament_id": "GFA00", "nickname": null}],
            "private": [{"setting_id": "PFUSdemo", "version": "2.0.0.0", "filament_id": id,
                         "name": format!("{name} @Bambu Lab X1 Carbon 0.4 nozzle"), "filament_type": "PETG",
                         "filament_vendor": "Demo", "base_id": null}],
        },
        "settings": {},
    }))
}

/// Writes a letter for each print that ended since the last time somebody looked.
fn messages(api: &Api, request: &Request) -> (u16, Value) {
    let now = now();
    let mut letters = api.inbox.0.lock().unwrap_or_else(PoisonError::into_inner);
    for serial in api.fleet.serials() {
        let ended = api.fleet.with_printer(&serial, |printer| listed::of(printer)).unwrap_or_default();
        for task in ended.into_iter().rev().filter(|task| matches!(task.status, 2 | 3)) {
            if !letters.iter().any(|letter| letter.serial == serial && letter.task == task.id) {
                letters.push(Letter {
                    serial: serial.clone(),
                    task: task.id,
                    title: task.title,
                    status: task.status,
                    at: now,
                });
            }
        }
    }
    let letter = |(number, letter): (usize, &Letter)| {
        json!({
            "id": 1000 + number, "type": 6, "design": null, "comment": null,
            "taskMessage": {"id": letter.task, "title": letter.title, "cover": "", "status": letter.status,
                            "deviceId": letter.serial},
            "from": {"uid": 2, "name": "demo", "avatar": ""},
            "createTime": letter.at.to_string(),
        })
    };
    let hits: Vec<Value> = letters.iter().enumerate().map(letter).rev().take(limit(request)).collect();
    (200, json!({"hits": hits}))
}

fn prints(api: &Api) -> Vec<Value> {
    let devices = api.fleet.devices();
    let print = |device: &Value| {
        let serial = device.get("dev_id").and_then(Value::as_str).unwrap_or_default();
        let newest = api.fleet.with_printer(serial, |printer| {
            listed::of(printer)
                .into_iter()
                .find(|task| task.status == 4)
                .map(|task| (task, printer.machine().percent()))
        });
        let (task, percent) = newest.flatten().unzip();
        json!({
            "dev_id": serial, "dev_name": device.get("name"), "dev_model_name": device.get("dev_model_name"),
            "dev_product_name": device.get("dev_product_name"), "dev_online": device.get("online"),
            "dev_access_code": "00000000",
            "task_id": task.as_ref().map(|task| task.id.to_string()),
            "task_name": task.as_ref().map(|task| &task.title),
            "task_status": task.as_ref().map(|_| "RUNNING"),
            "model_id": null, "project_id": null, "profile_id": null, "start_time": null,
            "prediction": task.as_ref().map(|task| task.estimate_s), "progress": percent, "thumbnail": null,
        })
    };
    devices.iter().map(print).collect()
}

/// Needs a signed address, and refuses a login, which has no business there.
fn picture(api: &Api, path: &str, request: &Request) -> Option<Answer> {
    let (serial, file) = path.strip_prefix("/pictures/")?.split_once('/')?;
    let name = file.strip_suffix(".png")?;
    let number: u64 = name.strip_suffix("-pick").unwrap_or(name).parse().ok()?;
    let signed = request.bearer().is_none() && request.query("sign") == Some(SIGNATURE);
    let task = || listed::of_fleet(api, serial).into_iter().find(|task| task.id == number);
    let Some(task) = signed.then(task).flatten() else {
        return Some(Answer::bytes(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"));
    };
    let plate = Plate::of(&task.title);
    let picture = if name.ends_with("-pick") {
        Picture::Pick(plate)
    } else {
        Picture::Cover(plate, task.slots.iter().map(filament).collect())
    };
    Some(Answer::bytes(200, "application/octet-stream", picture.file()))
}

fn filament(slot: &ListedSlot) -> Filament {
    Filament::new(&slot.color, count(slot.weight_g * 1000.0))
}
