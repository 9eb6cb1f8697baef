//! Bytes of a report topic to a [`Message`] (protocol 3.2); nothing is kept between calls.

use super::report::{Echo, Envelope, Info, Print};
use super::wire::{Kind, Text, document};

/// How many members a report has at least when it is the printer's whole state.
///
/// Captured full reports have 56 to 100 members, cut-out pieces without `msg` 2 to 27.
const FULL_REPORT_MEMBERS: usize = 40;

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// The printer's state, whole or in part.
    Report {
        /// The members it has.
        print: Box<Print>,
        /// Whether that is all there is.
        kind: Kind,
    },
    /// Boards and firmware: the answer to `get_version`.
    Version(Info),
    /// The answer to a request, ours or another client's.
    Reply(Reply),
    /// The cloud broker saw the printer connect (`true`) or go.
    Presence(bool),
    /// Nothing that concerns us; the printer is alive all the same.
    Other,
}

/// An acknowledgement (protocol 5.1); never merged into the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The top-level member it came under, `print` for example.
    pub category: &'static str,
    /// The request's command; an A1 mini leaves it out.
    pub command: Option<Text>,
    /// The request's `sequence_id`.
    pub sequence_id: Option<Text>,
    /// Whether the printer took the request; `None` when it does not say.
    pub accepted: Option<bool>,
    /// Why not, in the printer's words.
    pub reason: Option<Text>,
    /// The error code it gave with a refusal.
    pub code: Option<i64>,
    /// The lamp and its mode of a `ledctrl`: some lamps are never reported otherwise.
    pub lamp: Option<(Text, Text)>,
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No payload, an empty object or no object at all. The cloud broker sends such by itself, so they
    /// prove nothing about the printer (protocol 2.1).
    #[error("the message is empty")]
    Empty,
    /// Broken or cut off.
    #[error("the message is not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Takes a message apart.
///
/// # Errors
/// Only when the bytes are no JSON document, mended or not; a document we do not know is
/// [`Message::Other`].
pub fn read(bytes: &[u8]) -> Result<Message, Error> {
    if bytes.iter().all(|b| b.is_ascii_whitespace() || *b == 0) {
        return Err(Error::Empty);
    }
    let Some((envelope, _)) = document::<Envelope>(bytes)?.filter(|(_, members)| *members > 0) else {
        return Err(Error::Empty);
    };
    let Envelope { print, info, event, system, camera, xcam, upgrade, fun } = envelope;
    if let Some(print) = print {
        let (members, mut print) = (print.members, print.value);
        print.fun = print.fun.or(fun);
        return Ok(of_print(print, members));
    }
    if let Some(info) = info.filter(|info| info.module.is_some()) {
        return Ok(Message::Version(info));
    }
    if let Some(event) = event.and_then(|event| event.event) {
        return Ok(match event.as_str() {
            "client.connected" => Message::Presence(true),
            "client.disconnected" => Message::Presence(false),
            _ => Message::Other,
        });
    }
    let echoes = [("system", system), ("camera", camera), ("xcam", xcam), ("upgrade", upgrade)];
    let reply = echoes.into_iter().find_map(|(category, echo)| Some(of_echo(category, echo?)));
    Ok(reply.map_or(Message::Other, Message::Reply))
}

fn of_print(print: Box<Print>, members: usize) -> Message {
    let command = print.command.as_ref().map(|c| c.0.as_str());
    // A push_status is a report even with a stray `result` in it (capture p1p_noams_idle_…_client_merged).
    let is_report = match command {
        Some(command) => command == "push_status",
        None => print.result.is_none() && print.err_code.is_none() && print.errno.is_none(),
    };
    if !is_report {
        let reply = Reply {
            category: "print",
            command: print.command.map(|v| v.0),
            sequence_id: print.sequence_id.map(|v| v.0),
            reason: print.reason.map(|v| v.0),
            ..Reply::default()
        };
        let (result, code, errno) =
            (print.result.map(|v| v.0), print.err_code.map(|v| v.0), print.errno.map(|v| v.0));
        return Message::Reply(judged(reply, result.as_deref(), code, errno));
    }
    let delta = print.msg.as_ref().is_some_and(|msg| msg.0 != 0);
    let kind = if !delta && members >= FULL_REPORT_MEMBERS { Kind::Full } else { Kind::Delta };
    Message::Report { print, kind }
}

fn of_echo(category: &'static str, echo: Echo) -> Reply {
    let Echo { command, sequence_id, result, reason, err_code, errno, led_node, led_mode } = echo;
    let lamp = led_node.zip(led_mode).filter(|_| command.as_deref() == Some("ledctrl"));
    let reply = Reply { category, command, sequence_id, reason, lamp, ..Reply::default() };
    judged(reply, result.as_deref(), err_code, errno)
}

/// Decides whether an acknowledgement is a yes or a no.
fn judged(mut reply: Reply, result: Option<&str>, code: Option<i64>, errno: Option<i64>) -> Reply {
    reply.code = code.filter(|c| *c != 0).or(errno.filter(|e| *e < 0));
    reply.accepted = match result {
        _ if reply.code.is_some() => Some(false),
        Some(result) if result.eq_ignore_ascii_case("success") => Some(true),
        Some(result) if result.to_ascii_lowercase().starts_with("fail") => Some(false),
        _ if code == Some(0) => Some(true),
        _ => None,
    };
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Message {
        read(json.as_bytes()).expect("readable")
    }

    fn kind(json: &str) -> Option<Kind> {
        match of(json) {
            Message::Report { kind, .. } => Some(kind),
            _ => None,
        }
    }

    fn reply(json: &str) -> Reply {
        match of(json) {
            Message::Reply(reply) => reply,
            other => panic!("{other:?} is no reply"),
        }
    }

    /// A report with as many unknown members as asked for.
    fn report(members: usize, head: &str) -> String {
        let filler = (0..members).fold(String::new(), |filler, n| filler + &format!(r#","x{n}":0"#));
        format!(r#"{{"print":{{"command":"push_status"{head}{filler}}}}}"#)
    }

    #[test]
    fn a_full_report_is_told_by_its_size_and_a_delta_by_msg() {
        assert_eq!(kind(&report(60, "")), Some(Kind::Full));
        assert_eq!(kind(&report(60, r#","msg":0"#)), Some(Kind::Full));
        assert_eq!(kind(&report(60, r#","msg":1"#)), Some(Kind::Delta));
        assert_eq!(kind(&report(60, r#","msg":"1""#)), Some(Kind::Delta));
        assert_eq!(kind(&report(27, "")), Some(Kind::Delta), "a cut-out piece");
        assert_eq!(kind(r#"{"print":{"bed_temper":20}}"#), Some(Kind::Delta), "no command at all");
    }

    #[test]
    fn a_report_stays_one_with_a_stray_result() {
        assert_eq!(kind(&report(60, r#","result":"SUCCESS""#)), Some(Kind::Full));
    }

    #[test]
    fn acknowledgements_say_yes_no_or_nothing() {
        let yes = reply(r#"{"print":{"command":"pause","sequence_id":"7","result":"SUCCESS","reason":""}}"#);
        assert_eq!((yes.accepted, yes.sequence_id.as_deref()), (Some(true), Some("7")));
        let no = reply(r#"{"print":{"command":"pause","err_code":84033543,"sequence_id":"8"}}"#);
        assert_eq!((no.accepted, no.code), (Some(false), Some(84_033_543)));
        let no =
            reply(r#"{"print":{"command":"x","result":"failed","reason":"mqtt message verify failed"}}"#);
        assert_eq!(no.reason.as_deref(), Some("mqtt message verify failed"));
        assert_eq!(no.accepted, Some(false));
        let unclear = reply(r#"{"print":{"command":"ams_filament_setting","sequence_id":"9"}}"#);
        assert_eq!(unclear.accepted, None);
        assert_eq!(reply(r#"{"print":{"command":"set_ctt","errno":-2}}"#).accepted, Some(false));
        // An A1 mini leaves the command out (docs_requests_and_acks).
        assert_eq!(reply(r#"{"print":{"sequence_id":"3","param":"M104","result":"success"}}"#).command, None);
    }

    #[test]
    fn lamps_are_learned_from_echoes() {
        let echo = reply(
            r#"{"system":{"command":"ledctrl","sequence_id":"1","led_node":"heatbed_light","led_mode":"on","result":"success"}}"#,
        );
        assert_eq!(echo.lamp, Some(("heatbed_light".into(), "on".into())));
        assert_eq!(echo.category, "system");
    }

    #[test]
    fn presence_and_what_does_not_concern_us() {
        let gone = r#"{"event":{"event":"client.disconnected","disconnected_at":"1700000000000"}}"#;
        assert_eq!(of(gone), Message::Presence(false));
        assert_eq!(of(r#"{"event":{"event":"client.connected"}}"#), Message::Presence(true));
        for other in [r#"{"liveview":{"command":"init"}}"#, r#"{"print":"x"}"#] {
            assert_eq!(of(other), Message::Other, "{other}");
        }
    }

    #[test]
    fn capability_bits_may_stand_beside_the_report() {
        let Message::Report { print, .. } = of(r#"{"print":{"bed_temper":1},"fun":"3EC1AFFF9CFF"}"#) else {
            panic!("a report")
        };
        assert!(print.fun.expect("fun").bit(29));
    }

    #[test]
    fn what_is_kept_of_a_megabyte_has_an_end() {
        let text = "x".repeat(1 << 19);
        let tray = format!(r#"{{"id":"0","tray_type":"{text}","tag_uid":"{text}"}}"#);
        let units: Vec<_> = (0..30_000).map(|id| format!(r#"{{"id":{id},"tray":[{{"id":0}}]}}"#)).collect();
        let trays: Vec<_> = (0..30_000).map(|id| format!(r#"{{"id":{id},"state":1}}"#)).collect();
        for huge in [
            format!(r#""subtask_name":"{text}","gcode_file":"{text}""#),
            format!(r#""ams":{{"ams":[{{"id":"0","tray":[{tray}]}}]}}"#),
            format!(r#""ams":{{"ams":[{}]}}"#, units.join(",")),
            format!(r#""ams":{{"ams":[{{"id":"0","tray":[{}]}}]}},"vir_slot":[]"#, trays.join(",")),
            format!(r#""hms":[{}]"#, vec![r#"{"attr":1,"code":2}"#; 40_000].join(",")),
            format!(r#""reason":"{text}","command":"{text}""#),
        ] {
            let message = of(&format!(r#"{{"print":{{{huge}}}}}"#));
            let kept = format!("{message:?}").len() - format!("{:?}", of(r#"{"print":{}}"#)).len();
            assert!(kept < 100_000, "{kept} bytes are kept of {}…", &huge[..30]);
        }
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for nothing in ["", "\0", "{}", "null", "[]", "42"] {
            assert!(matches!(read(nothing.as_bytes()), Err(Error::Empty)), "{nothing}");
        }
        assert!(matches!(read(b"{\"print\":{\"a\":"), Err(Error::Json(_))));
    }
}
