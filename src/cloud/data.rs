//! What the cloud knows beside the list of printers: tasks, firmware, filaments, messages, pictures
//! (protocol 1.7).
//!
//! Answers are read member by member; what makes no sense is left out alone. Who asks when is decided in
//! [`super::plan`].

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::client::Client;
use super::error::CloudError;
use super::kinds::{Page, Releases, RequestOutcome, Sliced};
use super::limiter::{Ask, Demand, RequestKind};
use super::reply::{HttpReply, member, number, text};
use super::token::fingerprint;
use crate::config::is_loopback;
use printer::Text;
use printer::cloud::{
    Message, Names, Picture, Plate, PlateFilament, PlateObject, Presence, ProjectKey, Release, Task,
    TaskSlot, TaskStatus,
};

/// As many tasks as one request brings, which is the cloud's own choice, too.
const TASKS: &str = "20";
const PAGE: usize = 20;
/// Plates that are read of one file, objects of one plate, and how long their names may be: far more than there
/// are, against an answer without end.
const PLATES: usize = 64;
const OBJECTS: usize = 512;
const LONGEST_NAME: usize = 80;
const MESSAGES: &str = "20";
/// Any version of this form is taken (protocol 1.7); this one is the slicer's.
const SLICER: &str = "02.00.00.00";
/// The largest picture that is taken; covers are some ten kilobytes.
pub(super) const LARGEST_PICTURE: usize = 2 * 1024 * 1024;
/// Longest text that is kept; release notes are a few kilobytes.
const LONGEST_NOTES: usize = 32 * 1024;
/// The cloud's word for "no AMS"; a printer's would be 254 (protocol 1.7.4).
const EXTERNAL: i64 = 255;

impl Client {
    /// The newest tasks of a printer, or those after the one that ended another page (protocol 1.7.4).
    pub async fn tasks(
        &self,
        token: &SecretString,
        serial: &str,
        after: Option<&str>,
    ) -> Result<Page, CloudError> {
        let mut query = vec![("deviceId", serial), ("limit", TASKS)];
        query.extend(after.map(|after| ("after", after)));
        let content =
            self.get(ask(RequestKind::Tasks, serial), "v1/user-service/my/tasks", &query, token).await?;
        page(&content).ok_or(CloudError::Unexpected { missing: "list of tasks" })
    }

    /// The file of a job, plate by plate (protocol 1.7.7).
    pub async fn project(&self, token: &SecretString, key: &ProjectKey) -> Result<Sliced, CloudError> {
        let path = format!("v1/iot-service/api/user/project/{}", key.project);
        let query = [("profile_id", key.profile.as_str())];
        let content = self.get(ask(RequestKind::Project, &key.project), &path, &query, token).await?;
        sliced(&content, &key.profile).ok_or(CloudError::Unexpected { missing: "list of plates" })
    }

    /// The firmware that is offered for a printer and its AMS units.
    pub async fn releases(&self, token: &SecretString, serial: &str) -> Result<Releases, CloudError> {
        let query = [("dev_id", serial)];
        let path = "v1/iot-service/api/user/device/version";
        let content = self.get(ask(RequestKind::Version, serial), path, &query, token).await?;
        releases(&content, serial).ok_or(CloudError::Unexpected { missing: "list of firmware" })
    }

    /// The names of the account's own filaments.
    pub async fn filaments(&self, token: &SecretString) -> Result<Names, CloudError> {
        let (path, query) = ("v1/iot-service/api/slicer/setting", [("version", SLICER)]);
        let content = self.get(ask(RequestKind::Presets, &fingerprint(token)), path, &query, token).await?;
        filaments(&content).ok_or(CloudError::Unexpected { missing: "list of filaments" })
    }

    /// The newest messages in the account's inbox.
    pub async fn messages(&self, token: &SecretString) -> Result<Vec<Message>, CloudError> {
        let (path, query) = ("v1/user-service/my/messages", [("limit", MESSAGES)]);
        let content = self.get(ask(RequestKind::Messages, &fingerprint(token)), path, &query, token).await?;
        messages(&content).ok_or(CloudError::Unexpected { missing: "list of messages" })
    }

    /// What the cloud says the account's printers do; for when they cannot be heard.
    pub async fn presence(&self, token: &SecretString) -> Result<Vec<Presence>, CloudError> {
        let (path, query) = ("v1/iot-service/api/user/print", [("force", "true")]);
        let content = self.get(ask(RequestKind::Prints, &fingerprint(token)), path, &query, token).await?;
        presence(&content).ok_or(CloudError::Unexpected { missing: "list of printers" })
    }

    /// The picture at a signed address, fetched without a login (protocol 1.7.4). The address is secret: it is
    /// in no error and no log.
    pub async fn picture(&self, address: &str) -> Result<Picture, CloudError> {
        let url = Url::parse(address).ok().filter(|url| may_fetch(&self.api, url));
        let url = url.ok_or(CloudError::Unexpected { missing: "usable address of the picture" })?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let pass = self.limiter.pass(&host, ask(RequestKind::Picture, "")).await?;
        let answer = self.fetch(url, &host).await;
        pass.ended(match &answer {
            // A picture is no data, and no fault for that: the next one need not wait.
            Ok(reply) if reply.status.is_success() => RequestOutcome::Good,
            Ok(reply) => reply.outcome(),
            Err(error) => error.outcome(),
        });
        let answer = answer?;
        if !answer.status.is_success() {
            answer.content()?;
        }
        Picture::new(answer.body).ok_or(CloudError::Unexpected { missing: "picture of a known kind" })
    }

    async fn fetch(&self, url: Url, host: &str) -> Result<HttpReply, CloudError> {
        let transport = |error: reqwest::Error| CloudError::transport(host, &error);
        let mut response = self.http.get(url).timeout(self.timeout).send().await.map_err(transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST_PICTURE {
                return Err(CloudError::TooLong);
            }
        }
        Ok(HttpReply { status, headers, body })
    }
}

/// Something happened that makes it worth asking: when that is so, `plan` says.
fn ask(kind: RequestKind, subject: &str) -> Ask<'_> {
    Ask::new(kind, subject, Demand::Occasion)
}

/// Whether an address may be fetched from: encrypted, or in a cloud that is on this machine itself, as in the demo
/// and in tests. The vendor's cloud must not send us to what else listens here.
fn may_fetch(api: &Url, url: &Url) -> bool {
    let here = |url: &Url| url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
    match url.scheme() {
        "https" => url.has_host(),
        _ => here(url) && here(api),
    }
}

/// A list under a key; null is how the cloud's language writes an empty one.
fn list<'a>(content: &'a Value, key: &str) -> Option<&'a [Value]> {
    match member(content, key)? {
        Value::Null => Some(&[]),
        list => list.as_array().map(Vec::as_slice),
    }
}

fn owned(value: &Value, key: &str) -> Option<Text> {
    text(value, key).map(Text::from)
}

/// An id, which may be a number or text; 0 and nothing are none.
fn id(value: &Value, key: &str) -> Option<Text> {
    match value.get(key)? {
        Value::Number(number) => number.as_u64().filter(|number| *number > 0).map(|n| n.to_string().into()),
        Value::String(text) => Some(text.trim()).filter(|t| !t.is_empty() && *t != "0").map(Text::from),
        _ => None,
    }
}

fn small<T: TryFrom<i64>>(value: &Value, key: &str) -> Option<T> {
    T::try_from(number(value.get(key)?)?).ok()
}

/// A quantity above 0; the cloud writes 0 where it knows none.
#[allow(clippy::cast_possible_truncation, reason = "a single is as exact as a slicer's estimate")]
fn amount(value: &Value, key: &str) -> Option<f32> {
    let value = value.get(key)?;
    let amount = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    (amount.is_finite() && amount > 0.0 && amount < 1e6).then_some(amount as f32)
}

/// With a zone, or without one, which is UTC then (protocol 1.7.6).
fn moment(value: &Value, key: &str) -> Option<Timestamp> {
    let text = text(value, key)?;
    let told = text.parse::<Timestamp>().ok().or_else(|| {
        text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    // The year 1 is how the cloud's language writes no time at all.
    told.filter(|told| told.as_second() > 0)
}

fn seconds(value: &Value, key: &str) -> Option<Duration> {
    small::<u64>(value, key).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

pub(super) fn tasks(content: &Value) -> Option<Vec<Task>> {
    Some(list(content, "hits")?.iter().filter_map(task).collect())
}

fn page(content: &Value) -> Option<Page> {
    let hits = list(content, "hits")?;
    // A page that is not full is the last one.
    let next = hits.last().filter(|_| hits.len() >= PAGE).and_then(|last| id(last, "id"));
    Some(Page { tasks: tasks(content)?, next })
}

/// The plates of one profile, or of the only one.
pub(super) fn sliced(content: &Value, profile: &str) -> Option<Sliced> {
    let profiles = list(content, "profiles")?;
    let own = |value: &&Value| id(value, "profile_id").is_some_and(|id| id == profile);
    let chosen = profiles.iter().find(own).or(match profiles {
        [only] => Some(only),
        _ => None,
    })?;
    let mut sliced = Sliced::default();
    for value in list(chosen.get("context")?, "plates")?.iter().take(PLATES) {
        let Some(plate) = plate(value) else { continue };
        let pick = value.get("pick_picture").and_then(|picture| text(picture, "url"));
        sliced.picks.extend(pick.map(|address| (plate.index, address.to_owned())));
        sliced.plates.push(Arc::new(plate));
    }
    Some(sliced)
}

fn plate(value: &Value) -> Option<Plate> {
    let objects = list(value, "objects").unwrap_or_default();
    let filaments = list(value, "filaments").unwrap_or_default();
    Some(Plate {
        index: small(value, "index").filter(|index| *index > 0)?,
        estimate: seconds(value, "prediction"),
        weight_g: amount(value, "weight"),
        filaments: filaments.iter().take(PLATES).map(plate_filament).collect(),
        objects: objects.iter().filter_map(plate_object).take(OBJECTS).collect(),
    })
}

fn plate_filament(value: &Value) -> PlateFilament {
    PlateFilament {
        number: small(value, "id").filter(|number| *number > 0),
        filament_id: owned(value, "filament_id"),
        material: owned(value, "type"),
        color: owned(value, "color").and_then(|color| digits(color.trim_start_matches('#'))),
        weight_g: amount(value, "used_g"),
        length_m: amount(value, "used_m"),
    }
}

/// What was left out before slicing is not printed, so it cannot be left out of the print.
fn plate_object(value: &Value) -> Option<PlateObject> {
    let left_out = value.get("skipped").is_some_and(|skipped| skipped == true || skipped == "true");
    let id = small(value, "identify_id").filter(|id| *id > 0 && !left_out)?;
    let name = text(value, "name")?.chars().filter(|c| !c.is_control()).take(LONGEST_NAME);
    Some(PlateObject { id, name: name.collect::<String>().into() })
}

/// A colour in six or eight digits.
fn digits(color: &str) -> Option<Text> {
    let whole = matches!(color.len(), 6 | 8) && color.bytes().all(|digit| digit.is_ascii_hexdigit());
    whole.then(|| color.into())
}

fn status(value: &Value, key: &str) -> Option<TaskStatus> {
    match number(value.get(key)?)? {
        1 => Some(TaskStatus::Created),
        2 => Some(TaskStatus::Finished),
        3 => Some(TaskStatus::Ended),
        4 => Some(TaskStatus::Running),
        _ => None,
    }
}

fn task(value: &Value) -> Option<Task> {
    let design =
        id(value, "designId").zip(owned(value, "designTitle")).map(|(number, title)| (title, number));
    let slots = list(value, "amsDetailMapping").unwrap_or_default();
    Some(Task {
        id: id(value, "id")?,
        serial: owned(value, "deviceId")?.to_ascii_uppercase(),
        title: owned(value, "title"),
        design,
        cover: text(value, "cover").map(str::to_owned),
        status: status(value, "status"),
        started_at: moment(value, "startTime"),
        ended_at: moment(value, "endTime"),
        estimate: seconds(value, "costTime"),
        weight_g: amount(value, "weight"),
        // In centimetres.
        length_m: amount(value, "length").map(|centimetres| centimetres / 100.0),
        plate: small(value, "plateIndex").filter(|plate| *plate > 0),
        plate_name: owned(value, "plateName"),
        bed_type: owned(value, "bedType"),
        mode: owned(value, "mode"),
        slots: slots.iter().filter_map(slot).collect(),
    })
}

/// The unit and the slot: the newer two numbers where they are, else the number over all slots (protocol
/// 1.7.4; in capture `my_tasks_2026_new_fields` the two disagree, and the newer ones are those that the
/// printer was sent).
fn place(value: &Value) -> Option<(Option<u8>, u8)> {
    let unit = value.get("amsId").and_then(number);
    if let Some(unit) = unit {
        let slot = small::<u8>(value, "slotId").unwrap_or_default();
        return match unit {
            // 254 is the left spool of two, which the printer counts after the right one.
            254 => Some((None, 1)),
            EXTERNAL => Some((None, 0)),
            _ => Some((Some(u8::try_from(unit).ok()?), slot)),
        };
    }
    match number(value.get("ams")?)? {
        EXTERNAL | 254 => Some((None, 0)),
        tray @ 0..=15 => Some((u8::try_from(tray / 4).ok(), u8::try_from(tray % 4).ok()?)),
        unit @ 128..=135 => Some((u8::try_from(unit).ok(), 0)),
        _ => None,
    }
}

fn slot(value: &Value) -> Option<TaskSlot> {
    let (unit, slot) = place(value)?;
    Some(TaskSlot {
        unit,
        slot,
        nozzle: None,
        filament_id: owned(value, "filamentId"),
        material: owned(value, "targetFilamentType").or_else(|| owned(value, "filamentType")),
        color: text(value, "targetColor").or_else(|| text(value, "sourceColor")).and_then(digits),
        weight_g: amount(value, "weight"),
    })
}

pub(super) fn releases(content: &Value, serial: &str) -> Option<Releases> {
    let devices = list(content, "devices")?;
    let own = |device: &&Value| text(device, "dev_id").is_some_and(|id| id.eq_ignore_ascii_case(serial));
    let Some(device) = devices.iter().find(own) else { return Some(Releases::default()) };
    let newest = |value: &Value| list(value, "firmware")?.first().and_then(release);
    let unit = |unit: &Value| {
        let number = ["ams_id", "id", "dev_id"].into_iter().find_map(|key| small(unit, key));
        newest(unit).map(|release| Arc::new(Release { unit: number, ..release }))
    };
    Some(Releases {
        printer: newest(device),
        ams: list(device, "ams").unwrap_or_default().iter().filter_map(unit).collect(),
    })
}

fn release(value: &Value) -> Option<Release> {
    let version = owned(value, "version").filter(|v| v.bytes().any(|byte| matches!(byte, b'1'..=b'9')))?;
    let notes = text(value, "description").map(|notes| {
        let end = notes.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST_NOTES).last();
        let cut = if notes.len() > LONGEST_NOTES { end.unwrap_or_default() } else { notes.len() };
        notes.get(..cut).unwrap_or_default().to_owned()
    });
    let forced = value.get("force_update").and_then(Value::as_bool).unwrap_or_default();
    Some(Release { version, notes, forced, unit: None })
}

/// The private ones: the public ones are known (`bambu::filaments`).
pub(super) fn filaments(content: &Value) -> Option<Names> {
    let own = list(member(content, "filament")?, "private")?;
    let one = |preset: &Value| {
        let name = preset_name(text(preset, "name")?);
        Some((owned(preset, "filament_id")?, Text::from(name))).filter(|(_, name)| !name.is_empty())
    };
    // The first is the newest or, for the same filament on another printer, as good as any.
    let mut names = Names::new();
    for (id, name) in own.iter().filter_map(one) {
        names.entry(id).or_insert(name);
    }
    Some(names)
}

/// A preset is for a printer and a nozzle, its filament is not: what follows the `@` is left out.
fn preset_name(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name).trim()
}

pub(super) fn messages(content: &Value) -> Option<Vec<Message>> {
    Some(list(content, "hits")?.iter().filter_map(message).collect())
}

fn message(value: &Value) -> Option<Message> {
    let task = value.get("taskMessage").unwrap_or(&Value::Null);
    Some(Message {
        id: id(value, "id")?,
        kind: value.get("type").and_then(number),
        at: moment(value, "createTime"),
        task: id(task, "id"),
        title: owned(task, "title"),
        status: status(task, "status"),
        serial: owned(task, "deviceId").map(|serial| serial.to_ascii_uppercase()),
    })
}

pub(super) fn presence(content: &Value) -> Option<Vec<Presence>> {
    let one = |device: &Value| {
        Some(Presence {
            serial: owned(device, "dev_id")?.to_ascii_uppercase(),
            online: device.get("dev_online").and_then(Value::as_bool),
            task: id(device, "task_id"),
            title: owned(device, "task_name"),
            status: owned(device, "task_status"),
            progress: small(device, "progress").filter(|percent| *percent <= 100),
            estimate: seconds(device, "prediction"),
        })
    };
    Some(list(content, "devices")?.iter().filter_map(one).collect())
}

#[cfg(test)]
mod tests;
