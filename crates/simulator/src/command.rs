//! What a simulated printer does when it is told something, and how it answers.
//!
//! Each command is judged at once and carried out a little later, as long as a real printer takes to show it.
//! What a model has no word for gets no answer at all; what lies beyond its range or its state is refused.
mod device;
mod filament;
mod gcode;
mod heat;
mod motion;
mod options;
mod print;

use super::generation::Generation;
use super::machine::{Deed, Machine};
use super::model::Model;
use serde_json::{Map, Value, json};

/// The code that stands for "this command was not signed".
const NOT_SIGNED: u32 = 0x0502_4007;
/// "A print is running": what a printer says that was sent another one.
pub(super) const BUSY: u32 = 0x0500_4004;

type Body = Map<String, Value>;

/// Why a command is not carried out.
#[derive(Debug)]
enum Refusal {
    /// Nothing of that name here: no answer.
    Silence,
    /// `reason`.
    Reason(String),
    /// `errno`.
    Number(i32),
    /// `print_error`, for the person in front of it; whether the answer says that it failed as well.
    Error(u32, bool),
}

/// How long it takes until a report shows the effect.
#[derive(Clone, Copy)]
enum Lag {
    /// Switches and states.
    Switch,
    /// What is set to a figure.
    Figure,
}

/// What will be done.
struct Agreed {
    lag: Lag,
    deed: Deed,
}

type Verdict = Result<Agreed, Refusal>;

/// It will be switched.
#[allow(clippy::unnecessary_wraps, reason = "a verdict")]
fn switch(deed: impl FnOnce(&mut Machine) + Send + 'static) -> Verdict {
    Ok(Agreed { lag: Lag::Switch, deed: Box::new(deed) })
}

/// It will be set to a figure.
#[allow(clippy::unnecessary_wraps, reason = "a verdict")]
fn figure(deed: impl FnOnce(&mut Machine) + Send + 'static) -> Verdict {
    Ok(Agreed { lag: Lag::Figure, deed: Box::new(deed) })
}

/// Agreed, and no report shows it.
fn unseen() -> Verdict {
    switch(|_| {})
}

fn reason(text: &str) -> Refusal {
    Refusal::Reason(text.to_owned())
}

fn refused(text: &str) -> Verdict {
    Err(reason(text))
}

const IS_BUSY: &str = "printer is busy";
/// What printers say of values that make no sense to them.
const ERROR: &str = "error string";

/// A whole number; some senders write it as text.
fn number(request: &Body, key: &str) -> Option<i64> {
    let value = request.get(key)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn whole_number(request: &Body, key: &str) -> Result<u16, Refusal> {
    let value = request.get(key).and_then(Value::as_u64).and_then(|value| u16::try_from(value).ok());
    value.ok_or_else(|| Refusal::Reason(format!("invalid {key}")))
}

fn text<'a>(request: &'a Body, key: &str) -> &'a str {
    request.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Judges one command.
fn judge(m: &mut Machine, category: &str, command: &str, request: &Body) -> Verdict {
    match category {
        "print" => {
            let families = [print::judge, heat::judge, filament::judge, options::judge, motion::judge];
            for family in families {
                match family(m, command, request) {
                    Err(Refusal::Silence) => {}
                    verdict => return verdict,
                }
            }
            Err(Refusal::Silence)
        }
        "system" | "camera" | "xcam" => device::judge(m, command, request),
        _ => Err(Refusal::Silence),
    }
}

/// Obeys one command and says what goes back: the request again, with its outcome.
pub(super) fn obey(m: &mut Machine, category: &str, request: &Body) -> Option<Value> {
    let command = text(request, "command");
    if m.signed_only && matches!(category, "print" | "upgrade") && command != "extrusion_cali_get" {
        m.show_verify_failed();
        return Some(json!({ category: not_signed(m, request) }));
    }
    let mut ack = request.clone();
    let (result, reason) = match judge(m, category, command, request) {
        Ok(agreed) => {
            m.agree(lag(m.model, agreed.lag), agreed.deed);
            accepted(m, category, command, &mut ack)
        }
        Err(Refusal::Silence) => return None,
        Err(refusal) => fail(m, refusal, &mut ack),
    };
    seal(m.model, category, &mut ack, result, reason);
    Some(json!({ category: ack }))
}

/// Refuses whatever it is, with these words.
pub(super) fn refuse(m: &Machine, category: &str, request: &Body, reason: String) -> Value {
    let mut ack = request.clone();
    seal(m.model, category, &mut ack, "fail", reason);
    json!({ category: ack })
}

fn seal(model: Model, category: &str, ack: &mut Body, result: &str, reason: String) {
    if model == Model::A1Mini && category == "print" {
        ack.remove("command");
    }
    // Some are answered by the request alone.
    if !result.is_empty() {
        ack.insert("result".to_owned(), result.into());
        ack.insert("reason".to_owned(), reason.into());
    }
}

fn lag(model: Model, lag: Lag) -> f64 {
    match (lag, model.is_terse()) {
        (Lag::Switch, false) => 1.0,
        (Lag::Switch, true) => 2.0,
        (Lag::Figure, false) => 3.0,
        (Lag::Figure, true) => 4.0,
    }
}

fn accepted(m: &Machine, category: &str, command: &str, ack: &mut Body) -> (&'static str, String) {
    match category {
        // Repeated and no more.
        "system" if command == "set_accessories" => ("", String::new()),
        "print" if m.model.facts().generation == Generation::Packed => {
            ack.insert("err_code".to_owned(), 0.into());
            ("SUCCESS", "SUCCESS".to_owned())
        }
        "print" => ("success", "success".to_owned()),
        _ => ("success", String::new()),
    }
}

fn fail(m: &mut Machine, refusal: Refusal, ack: &mut Body) -> (&'static str, String) {
    match refusal {
        Refusal::Silence => ("fail", String::new()),
        Refusal::Reason(reason) => ("fail", reason),
        Refusal::Number(number) => {
            ack.insert("errno".to_owned(), number.into());
            ("fail", String::new())
        }
        Refusal::Error(code, told) => {
            let lag = lag(m.model, Lag::Switch);
            m.agree(lag, Box::new(move |m| m.complain(code)));
            if told { ("fail", IS_BUSY.to_owned()) } else { accepted(m, "print", "", ack) }
        }
    }
}

/// The answer of firmware that wants signatures; captures have it in all three forms.
fn not_signed(m: &Machine, request: &Body) -> Body {
    let mut ack = request.clone();
    let failed = |ack: &mut Body| {
        ack.insert("result".to_owned(), "failed".into());
        ack.insert("reason".to_owned(), "mqtt message verify failed".into());
    };
    match m.model.facts().generation {
        // The request and the code alone.
        Generation::Complete => {
            ack.insert("err_code".to_owned(), NOT_SIGNED.into());
        }
        Generation::Packed => {
            failed(&mut ack);
            ack.insert("err_code".to_owned(), NOT_SIGNED.into());
        }
        // Not even what was asked.
        Generation::Delta => {
            ack.retain(|key, _| matches!(key.as_str(), "command" | "sequence_id"));
            failed(&mut ack);
        }
    }
    ack
}

#[cfg(test)]
mod tests;
