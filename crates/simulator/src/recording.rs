//! Recorded messages as a printer: it answers and reports what a real one once said.
//!
//! The stream is the recording, byte for byte, at its own pace, over and over. Asked for everything, it gives the
//! last complete report with what changed since (before the first one, that first one); asked for its boards, the
//! recorded answer. It carries out nothing: a command is acknowledged as it was in the recording, if it is there,
//! else as done.
use super::model::Model;
use anyhow::{Context as _, Result, bail};
use capture::Capture;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two messages of which nobody knows when they came, and before it starts again.
const PACE: f64 = 1.0;
/// A report with so many members is a complete one, when it does not say otherwise.
const COMPLETE: usize = 40;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EntryKind {
    Version,
    Complete,
    /// A report that tells only a part.
    Part,
    /// Acknowledgements, and what nobody can read.
    Other,
}

#[derive(Clone, Debug)]
struct Entry {
    payload: Vec<u8>,
    kind: EntryKind,
    /// Seconds since the one before.
    pause: f64,
}

/// What one printer said in a recording.
#[derive(Clone, Debug)]
pub struct Recording {
    source: String,
    serial: String,
    model: Option<Model>,
    entries: Vec<Entry>,
}

impl Recording {
    /// Reads recordings, each of which may have several printers; what was sent to printers is passed over.
    pub fn load(paths: &[PathBuf]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for path in paths {
            all.append(&mut read(path)?);
        }
        Ok(all)
    }

    /// The name of the file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// A name for the account's list: model, and the end of the serial number.
    pub fn name(&self) -> String {
        let model = self.model.map_or("Recorded", Model::product_name);
        let tail = self.serial.len().checked_sub(4).and_then(|at| self.serial.get(at..));
        format!("{model} {}", tail.unwrap_or(&self.serial))
    }

    /// How many messages it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether one of its reports is complete. Without one nobody learns what the printer has.
    pub fn is_complete(&self) -> bool {
        self.find(EntryKind::Complete).is_some()
    }

    fn find(&self, kind: EntryKind) -> Option<usize> {
        self.entries.iter().position(|entry| entry.kind == kind)
    }

    fn parsed(&self, index: usize) -> Option<Value> {
        serde_json::from_slice(&self.entries.get(index)?.payload).ok()
    }

    /// The serial numbers of its AMS units.
    fn units(&self) -> Vec<String> {
        let versions = self.entries.iter().filter(|entry| entry.kind == EntryKind::Version);
        let mut units = Vec::new();
        for version in versions {
            let version: Value = serde_json::from_slice(&version.payload).unwrap_or_default();
            for module in version.pointer("/info/module").and_then(Value::as_array).into_iter().flatten() {
                let text = |key: &str| module.get(key).and_then(Value::as_str).unwrap_or_default();
                let unit = ["ams", "n3f/", "n3s/"].iter().any(|begin| text("name").starts_with(begin));
                if unit && text("sn").len() > 3 && !units.iter().any(|known| known == text("sn")) {
                    units.push(text("sn").to_owned());
                }
            }
        }
        units
    }

    /// Another serial number in the place of this one, wherever it stands.
    fn replace(&mut self, before: &str, after: &str) {
        for message in &mut self.entries {
            message.payload = replaced(&message.payload, before.as_bytes(), after.as_bytes());
        }
        if self.serial == before {
            after.clone_into(&mut self.serial);
        }
    }
}

/// Gives every printer and every AMS a serial number of its own, beside those that are `taken`: the same recording
/// may be played twice. How it begins, which tells the kind, stays.
pub(super) fn make_distinct(recordings: &mut [Recording], taken: impl IntoIterator<Item = String>) {
    let mut taken: HashSet<String> = taken.into_iter().collect();
    for recording in recordings {
        let mut own = recording.units();
        own.push(recording.serial.clone());
        for serial in own {
            let mut variants = (0..10_000).map(|number| variant(&serial, number));
            let fresh = variants.find(|name| !taken.contains(name)).unwrap_or_else(|| serial.clone());
            if fresh != serial {
                recording.replace(&serial, &fresh);
            }
            taken.insert(fresh);
        }
    }
}

/// The serial number itself, then ones that differ at the end.
fn variant(serial: &str, number: u32) -> String {
    let head = serial.len().checked_sub(4).filter(|head| *head >= 3).and_then(|head| serial.get(..head));
    match (number, head) {
        (0, _) => serial.to_owned(),
        (_, Some(head)) => format!("{head}{number:04}"),
        (_, None) => format!("{serial}{number}"),
    }
}

fn replaced(bytes: &[u8], before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(tail) = rest.strip_prefix(before) {
            out.extend_from_slice(after);
            rest = tail;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn read(path: &Path) -> Result<Vec<Recording>> {
    let name = path.display();
    let file = File::open(path)
        .with_context(|| format!("cannot read {name}; --capture takes files of recorded messages"))?;
    let mut printers: BTreeMap<String, Vec<Capture>> = BTreeMap::new();
    // Printers come in the order in which they first speak.
    let mut order = Vec::new();
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.with_context(|| format!("{name} line {number}: this is not text"))?;
        if line.trim().is_empty() {
            continue;
        }
        let capture = Capture::parse(&line).with_context(|| {
            format!("{name} line {number} cannot be played; take the line out, or record again")
        })?;
        let Some(serial) = capture.reporter() else { continue };
        let said = printers.entry(serial.to_ascii_uppercase()).or_insert_with_key(|serial| {
            order.push(serial.clone());
            Vec::new()
        });
        said.push(capture);
    }
    if order.is_empty() {
        bail!(
            "{name} has no message of a printer, whose topic is device/<serial>/report; \
             record again while a printer is on"
        );
    }
    let source =
        path.file_name().map_or_else(|| name.to_string(), |name| name.to_string_lossy().into_owned());
    let recordings = order.into_iter().filter_map(|serial| {
        let said = printers.remove(&serial)?;
        Some(recording(source.clone(), serial, said))
    });
    Ok(recordings.collect())
}

fn recording(source: String, serial: String, said: Vec<Capture>) -> Recording {
    let mut before = None;
    let mut model = None;
    let mut entries = Vec::with_capacity(said.len());
    for Capture { payload, at, .. } in said {
        let value: Value = serde_json::from_slice(&payload).unwrap_or_default();
        let kind = kind(&value);
        if kind == EntryKind::Version {
            model = model.or_else(|| named(&value));
        }
        // Without both times, or when time ran backwards, nobody knows.
        let pause = match (before, at) {
            (Some(before), Some(at)) => Duration::try_from(at.duration_since(before)).ok(),
            _ => None,
        };
        let pause = if entries.is_empty() { 0.0 } else { pause.map_or(PACE, |pause| pause.as_secs_f64()) };
        before = at.or(before);
        entries.push(Entry { payload, kind, pause });
    }
    let model = model.or_else(|| Model::of_serial(&serial));
    Recording { source, serial, model, entries }
}

fn kind(value: &Value) -> EntryKind {
    if value.pointer("/info/command").is_some_and(|command| command == "get_version") {
        return EntryKind::Version;
    }
    let Some(print) = value.get("print").and_then(Value::as_object) else { return EntryKind::Other };
    let answer = ["result", "err_code", "errno"].iter().any(|key| print.contains_key(*key));
    match print.get("command").and_then(Value::as_str) {
        Some("push_status") => {}
        None if !answer => {}
        _ => return EntryKind::Other,
    }
    let whole = print.get("msg").is_none_or(|msg| msg.as_u64() == Some(0));
    if whole && print.len() >= COMPLETE { EntryKind::Complete } else { EntryKind::Part }
}

/// The model that an answer to `get_version` names.
fn named(version: &Value) -> Option<Model> {
    let modules = version.pointer("/info/module")?.as_array()?;
    let ota = modules.iter().find(|module| module.get("name").is_some_and(|name| name == "ota"))?;
    let text = |key: &str| ota.get(key).and_then(Value::as_str).unwrap_or_default();
    let product = text("product_name").strip_prefix("Bambu Lab ").unwrap_or_default().replace('-', " ");
    Model::ALL
        .into_iter()
        .find(|model| model.product_name() == product || model.code() == text("project_name"))
}

/// A printer of the demo that plays a recording.
pub(super) struct Player {
    recording: Recording,
    name: String,
    speed: f64,
    /// The message that comes next, and in how many seconds.
    next: usize,
    due: f64,
    streaming: bool,
    /// The complete report that was last played; before the first one, the first one.
    complete: Option<usize>,
    /// That report with what changed since, when something did.
    merged: Option<Map<String, Value>>,
}

impl Player {
    pub(super) fn new(recording: Recording, speed: f64) -> Self {
        let complete = recording.find(EntryKind::Complete);
        let name = recording.name();
        Self { recording, name, speed, next: 0, due: PACE, streaming: true, complete, merged: None }
    }

    pub(super) fn serial(&self) -> &str {
        &self.recording.serial
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn model(&self) -> Option<Model> {
        self.recording.model
    }

    /// What `gcode_state` says now.
    pub(super) fn state(&self) -> String {
        let state = self.report().and_then(|report| Some(report.get("gcode_state")?.as_str()?.to_owned()));
        state.unwrap_or_else(|| "IDLE".to_owned())
    }

    /// All that it said so far, as one report.
    fn report(&self) -> Option<Map<String, Value>> {
        if let Some(merged) = &self.merged {
            return Some(merged.clone());
        }
        match self.recording.parsed(self.complete?)?.get_mut("print")?.take() {
            Value::Object(print) => Some(print),
            _ => None,
        }
    }

    /// Lets time pass and adds the messages that are due.
    pub(super) fn tick(&mut self, time: Duration, reports: &mut Vec<Vec<u8>>) {
        self.due -= time.as_secs_f64() * self.speed;
        // However fast its time goes, it says nothing twice within a tick.
        let mut most = self.recording.len();
        while self.due <= 0.0 {
            if most == 0 {
                self.due = 0.0;
                return;
            }
            most -= 1;
            self.play(reports);
        }
    }

    fn play(&mut self, reports: &mut Vec<Vec<u8>>) {
        let index = self.next;
        let Some(message) = self.recording.entries.get(index) else {
            return self.begin_again(reports);
        };
        if self.streaming {
            reports.push(message.payload.clone());
        }
        match message.kind {
            EntryKind::Complete => {
                self.complete = Some(index);
                self.merged = None;
            }
            EntryKind::Part => self.merge(index),
            EntryKind::Version | EntryKind::Other => {}
        }
        self.next += 1;
        self.due += self.recording.entries.get(self.next).map_or(PACE, |entry| entry.pause);
    }

    /// After the last message comes the first complete report, and then all again.
    fn begin_again(&mut self, reports: &mut Vec<Vec<u8>>) {
        self.merged = None;
        self.complete = self.recording.find(EntryKind::Complete);
        let part = self.recording.find(EntryKind::Part).unwrap_or(usize::MAX);
        match self.complete {
            Some(complete) if complete < part => self.next = complete,
            complete => {
                self.next = 0;
                let message = complete.and_then(|index| self.recording.entries.get(index));
                if let Some(message) = message.filter(|_| self.streaming) {
                    reports.push(message.payload.clone());
                }
                self.due += PACE;
            }
        }
    }

    fn merge(&mut self, index: usize) {
        let Some(part) = self.recording.parsed(index) else { return };
        let Some(part) = part.get("print").and_then(Value::as_object) else { return };
        let mut merged = self.merged.take().or_else(|| self.report()).unwrap_or_default();
        for (key, value) in part {
            merge(merged.entry(key.clone()).or_insert(Value::Null), value);
        }
        // What comes of it is no delta any more.
        merged.remove("msg");
        self.merged = Some(merged);
    }

    /// Takes a request as it came and says what goes back.
    pub(super) fn handle(&mut self, request: &[u8]) -> Vec<Vec<u8>> {
        let Ok(Value::Object(categories)) = serde_json::from_slice(request) else { return Vec::new() };
        let mut answers = Vec::new();
        for (category, request) in &categories {
            let Value::Object(request) = request else { continue };
            let command = request.get("command").and_then(Value::as_str).unwrap_or_default();
            match (category.as_str(), command) {
                ("info", "get_version") => answers.extend(self.version(request.get("sequence_id"))),
                ("pushing", "pushall") => answers.extend(self.everything()),
                ("pushing", "start") => self.streaming = true,
                ("pushing", "stop") => self.streaming = false,
                ("print" | "system" | "camera" | "xcam" | "upgrade", command) if !command.is_empty() => {
                    answers.push(self.acknowledgement(category, command, request).to_string().into_bytes());
                }
                _ => {}
            }
        }
        answers
    }

    fn everything(&self) -> Option<Vec<u8>> {
        match (&self.merged, self.complete) {
            (Some(merged), _) => Some(json!({"print": merged}).to_string().into_bytes()),
            (None, Some(complete)) => Some(self.recording.entries.get(complete)?.payload.clone()),
            (None, None) => None,
        }
    }

    /// The recorded boards; where there are none, what the serial number tells of the model.
    fn version(&self, sequence: Option<&Value>) -> Option<Vec<u8>> {
        let recorded = self.recording.find(EntryKind::Version).and_then(|index| self.recording.parsed(index));
        let mut version = match (recorded, self.recording.model) {
            (Some(recorded), _) => recorded,
            (None, Some(model)) => {
                let product = format!("Bambu Lab {}", model.product_name());
                json!({"info": {"command": "get_version", "module": [
                    {"name": "ota", "product_name": product, "sn": self.serial()},
                ]}})
            }
            (None, None) => return None,
        };
        let info = version.get_mut("info")?.as_object_mut()?;
        info.insert("sequence_id".to_owned(), sequence.cloned().unwrap_or_default());
        Some(version.to_string().into_bytes())
    }

    fn acknowledgement(&self, category: &str, command: &str, request: &Map<String, Value>) -> Value {
        let recorded = self.recording.entries.iter().filter(|entry| entry.kind == EntryKind::Other);
        let recorded = recorded.filter_map(|message| serde_json::from_slice::<Value>(&message.payload).ok());
        let mut same = recorded.filter_map(|mut message| match message.get_mut(category)?.take() {
            Value::Object(ack) if ack.get("command").is_some_and(|known| known == command) => Some(ack),
            _ => None,
        });
        let mut ack = same.next().unwrap_or_else(|| {
            let mut ack = request.clone();
            ack.insert("result".to_owned(), "success".into());
            ack.insert("reason".to_owned(), if category == "print" { "success" } else { "" }.into());
            ack
        });
        ack.insert("sequence_id".to_owned(), request.get("sequence_id").cloned().unwrap_or_default());
        json!({ category: ack })
    }
}

/// What tells the members of a list apart.
fn key(member: &Value) -> Option<&Value> {
    member.get("id").or_else(|| member.get("node"))
}

/// Merges as a printer means it: objects member by member, lists of numbered things thing by thing, anything else
/// as a whole. `null` says nothing. A thing of which only its number is left, and perhaps its state, is empty now.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(patch))
            if !patch.is_empty() && patch.iter().all(|member| key(member).is_some()) =>
        {
            for member in patch {
                let bare = member.as_object().is_some_and(|o| o.keys().all(|k| k == "id" || k == "state"));
                match into.iter_mut().find(|known| key(known) == key(member)) {
                    Some(known) if bare => known.clone_from(member),
                    Some(known) => merge(known, member),
                    None => into.push(member.clone()),
                }
            }
        }
        (into, patch) => into.clone_from(patch),
    }
}

#[cfg(test)]
mod tests;
