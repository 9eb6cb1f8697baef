//! The rows of the gateway itself.

use serde_json::json;

use super::super::entity::{Entity, Value, binary, code, event, press, sensor, words};
use super::super::{AccountNews, AccountState, AccountView, GatewayView};

/// The gateway itself.
pub static GATEWAY: &[Entity<GatewayView>] = &[
    binary::<GatewayView>("cloud", "Cloud connection", |b| Some(Value::Flag(b.cloud_connected)))
        .class("connectivity")
        .diagnostic()
        .early(),
    sensor::<GatewayView>("printers", "Printers", |b| Some(Value::Int(b.printers.into())))
        .whole()
        .icon("mdi:printer-3d")
        .diagnostic()
        .hidden()
        .early(),
    sensor::<GatewayView>("printers_online", "Printers online", |b| {
        Some(Value::Int(b.printers_online.into()))
    })
    .whole()
    .icon("mdi:printer-3d")
    .diagnostic()
    .early(),
    sensor::<GatewayView>("printers_printing", "Printers printing", |b| {
        Some(Value::Int(b.printers_printing.into()))
    })
    .icon("mdi:printer-3d-nozzle")
    .measurement()
    .diagnostic()
    .hidden()
    .early(),
    sensor::<GatewayView>("printers_idle", "Printers idle", |b| Some(Value::Int(b.printers_idle.into())))
        .icon("mdi:printer-3d-nozzle-off")
        .measurement()
        .diagnostic()
        .hidden()
        .early(),
    sensor::<GatewayView>("printers_attention", "Printers needing attention", |b| {
        Some(Value::Int(b.printers_attention.into()))
    })
    .icon("mdi:printer-3d-nozzle-alert")
    .measurement()
    .diagnostic()
    .hidden()
    .early(),
    sensor::<GatewayView>("report_rate", "Reports per minute", |b| {
        b.report_rate.map(|rate| Value::Int(rate.into()))
    })
    .icon("mdi:counter")
    .measurement()
    .diagnostic()
    .early()
    .hidden(),
    sensor::<GatewayView>("reconnects", "Lost cloud connections", |b| Some(Value::Int(b.reconnects.into())))
        .icon("mdi:connection")
        .counter()
        .diagnostic()
        .early()
        .hidden(),
    binary::<GatewayView>("state_problem", "State directory", |b| {
        Some(Value::Flag(b.state_problem.is_some()))
    })
    .class("problem")
    .diagnostic()
    .early()
    .with(
        |a, b| a.state_problem != b.state_problem,
        |b| match &b.state_problem {
            Some(reason) => json!({"reason": reason}),
            None => json!({}),
        },
    ),
    event::<GatewayView>("message", "Message", || vec!["message"]).icon("mdi:email-outline"),
    press::<GatewayView>("refresh_printers", "Look for printers").icon("mdi:magnify").config().early(),
    sensor::<GatewayView>("version", "Version", |b| Some(b.version.into()))
        .icon("mdi:tag")
        .diagnostic()
        .early(),
];

/// Most characters of a code. Those known have six digits.
const LONGEST_CODE: u8 = 8;

/// What each account has; [`discovery`](super::super::discovery) numbers those after the first.
pub static ACCOUNT: &[Entity<AccountView>] = &[
    words::<AccountView>(
        "account",
        "Account",
        || AccountState::WORDS.to_vec(),
        |l| Some(l.state.word().into()),
    )
    .icon("mdi:account-key")
    .diagnostic()
    .early()
    .with(
        |a, b| a != b,
        |l| json!({ "reason": &*l.reason, "next_step": &*l.next_step, "days_left": l.days_left }),
    ),
    sensor::<AccountView>("token_expires", "Login expires", |l| l.expires_at.map(Value::Time))
        .class("timestamp")
        .diagnostic()
        .early(),
    binary::<AccountView>("login_problem", "Login problem", |l| Some(Value::Flag(l.state.is_problem())))
        .class("problem")
        .diagnostic()
        .early(),
    event::<AccountView>("account", "Account event", || AccountNews::WORDS.to_vec()).icon("mdi:account-key"),
    // Nobody without an account's name can ask for a code.
    code::<AccountView>("login_code", "Login code", LONGEST_CODE, "^[0-9 ]*$")
        .icon("mdi:form-textbox-password")
        .config()
        .early()
        .needs(|_, l| l.named),
    press::<AccountView>("request_code", "Request login code")
        .icon("mdi:email-fast-outline")
        .config()
        .early()
        .needs(|_, l| l.named),
];
