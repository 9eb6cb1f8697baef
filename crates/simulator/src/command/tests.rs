//! Request, answer, and what reports say some seconds later; a file for each family of requests.
use super::super::{Model, Printer};
use serde_json::{Value, json};
use std::time::Duration;

mod device;
mod filament;
mod heat;
mod manners;
mod motion;
mod print;

/// What a printer does when it is told.
#[derive(Clone, Copy)]
enum Is {
    Idle,
    Printing,
    Paused,
}

use Is::{Idle, Paused, Printing};

fn printer(model: Model, state: Is) -> Printer {
    let number = Model::ALL.iter().position(|known| *known == model).unwrap();
    let mut printer = Printer::new(number, 7);
    match state {
        Idle => printer.rest(),
        Printing | Paused => {
            for _ in 0..4000 {
                if printer.state() == "RUNNING" {
                    break;
                }
                live(&mut printer, 1);
            }
            if matches!(state, Paused) {
                answers(
                    &mut printer,
                    &json!({"print": {"command": "pause", "param": "", "sequence_id": "1"}}),
                );
                live(&mut printer, 3);
            }
        }
    }
    printer
}

fn live(printer: &mut Printer, seconds: u32) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..seconds {
        printer.tick(Duration::from_secs(1), &mut messages);
    }
    messages.iter().map(|message| serde_json::from_slice(message).unwrap()).collect()
}

fn full(printer: &mut Printer) -> Value {
    serde_json::from_slice::<Value>(&printer.full()).unwrap()["print"].take()
}

fn answers(printer: &mut Printer, request: &Value) -> Vec<Value> {
    let answers = printer.handle(request.to_string().as_bytes());
    answers.iter().map(|answer| serde_json::from_slice(answer).unwrap()).collect()
}

/// Sends a request to a printer and wants it back with `added`, or no answer where that is `Null`; then,
/// some seconds later, wants these values in its report.
fn told(printer: &mut Printer, request: &Value, added: &Value, seconds: u32, report: &[(&str, Value)]) {
    let (category, members) = request.as_object().unwrap().iter().next().unwrap();
    let mut members = members.clone();
    members["sequence_id"] = json!("40010");
    let got = answers(printer, &json!({ category: members.clone() }));
    match added.as_object() {
        None => assert_eq!(got, Vec::<Value>::new(), "{request}"),
        Some(added) => {
            members.as_object_mut().unwrap().extend(added.clone());
            if printer.model() == Model::A1Mini && category == "print" {
                members.as_object_mut().unwrap().remove("command");
            }
            assert_eq!(got, [json!({ category: members })], "{:?}", printer.model());
        }
    }
    live(printer, seconds);
    let seen = full(printer);
    for (path, value) in report {
        assert_eq!(seen.pointer(path), Some(value), "{:?}: {request} at {path}", printer.model());
    }
}

/// A row: model, state, request, what the answer adds to it, seconds, what the report says then.
type Row<'a> = (Model, Is, Value, Value, u32, &'a [(&'a str, Value)]);

fn table(rows: &[Row<'_>]) {
    for (model, state, request, added, seconds, report) in rows {
        told(&mut printer(*model, *state), request, added, *seconds, report);
    }
}

fn print(command: &str, mut members: Value) -> Value {
    members["command"] = json!(command);
    json!({ "print": members })
}

fn gcode(lines: &str) -> Value {
    print("gcode_line", json!({ "param": lines }))
}

/// Older printers agree.
fn old() -> Value {
    json!({"result": "success", "reason": "success"})
}

/// Newer printers agree.
fn new() -> Value {
    json!({"result": "SUCCESS", "reason": "SUCCESS", "err_code": 0})
}

/// Lamps and the camera agree.
fn fine() -> Value {
    json!({"result": "success", "reason": ""})
}

fn no(reason: &str) -> Value {
    json!({"result": "fail", "reason": reason})
}

const NOTHING: Value = Value::Null;
