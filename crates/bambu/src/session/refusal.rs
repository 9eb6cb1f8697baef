//! Why the printer said no, in words (protocol 5.1 and 5.14).

use crate::envelope::Reply;
use printer::{PrintError, Refusal};

use super::authorisation;

/// Longest reason of the printer's that is handed on, in characters.
const LONGEST: usize = 200;

/// Whether the printer wants a signature.
pub(super) fn wants_signature(reply: &Reply) -> bool {
    reply.code.is_some_and(authorisation::is_signature)
        || reply.accepted == Some(false)
            && reply.reason.as_deref().is_some_and(|r| r.to_ascii_lowercase().contains("verify failed"))
}

/// What an answer that says no means.
pub(super) fn of_reply(reply: &Reply) -> String {
    if wants_signature(reply) {
        return Refusal::SignatureRequired.to_string();
    }
    let known = reply.code.and_then(meaning);
    // The printer's own words may be no more than "success" beside a code.
    let reason = reply.reason.as_deref().map(str::trim);
    let reason = reason.filter(|r| !r.is_empty() && !r.eq_ignore_ascii_case("success"));
    match (known, reason, reply.code) {
        (Some(meaning), ..) => format!("the printer refused: {meaning}"),
        (None, Some(reason), _) => {
            let plain = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST);
            format!("the printer refused: {}", plain.collect::<String>())
        }
        (None, None, Some(code)) => match u32::try_from(code) {
            Ok(code) => format!("the printer refused with error {}", PrintError(code)),
            Err(_) => format!("the printer refused with number {code}, whose meaning is not known"),
        },
        (None, None, None) => "the printer refused without a reason".into(),
    }
}

/// What an error that came right after a command means.
pub(super) fn of_error(error: PrintError) -> String {
    let code = i64::from(error.0);
    match meaning(code) {
        _ if authorisation::is_signature(code) => Refusal::SignatureRequired.to_string(),
        Some(meaning) => format!("the printer refused: {meaning}"),
        None => format!("the printer answered with error {error}"),
    }
}

/// What a code means that printers refuse commands with; negative ones are an `errno`.
fn meaning(code: i64) -> Option<&'static str> {
    Some(match code {
        0x0500_4004 => "it is busy with a print",
        0x0500_4002 => "it cannot print from this path, or not a file of this name",
        0x0500_4003 => "it cannot read the file: slice or send it again",
        0x0500_400A => "it does not take this file name: rename the file",
        -2 => "the filament in use does not allow that temperature",
        -4 => "the chamber is only heated from 40 °C up: set that or more, or 0 to switch it off",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(reason: Option<&str>, code: Option<i64>) -> Reply {
        Reply { accepted: Some(false), reason: reason.map(Into::into), code, ..Reply::default() }
    }

    #[test]
    fn every_refusal_has_words() {
        for (reason, code, words) in [
            (Some("error string"), None, "the printer refused: error string"),
            (Some(""), None, "the printer refused without a reason"),
            (Some("two\nlines"), None, "the printer refused: two lines"),
            (Some("success"), Some(0x0500_4004), "the printer refused: it is busy with a print"),
            (None, Some(0x0300_8003), "the printer refused with error 0300-8003"),
            (None, Some(-2), "the printer refused: the filament in use does not allow that temperature"),
            (None, Some(-7), "the printer refused with number -7, whose meaning is not known"),
        ] {
            assert_eq!(of_reply(&no(reason, code)), words);
        }
        assert!(of_reply(&no(Some(&"x".repeat(5000)), None)).len() < 300);
    }

    #[test]
    fn a_wanted_signature_is_told_in_any_form() {
        for (reason, code) in [
            (Some("mqtt message verify failed"), None),
            (Some("MQTT Message Verify Failed"), None),
            (None, Some(84_033_543)),
            (Some("failed"), Some(0x0502_4009)),
        ] {
            let reply = no(reason, code);
            assert!(wants_signature(&reply), "{reply:?}");
            assert!(of_reply(&reply).contains("Developer Mode"));
        }
        assert!(!wants_signature(&no(Some("error string"), Some(0x0500_4004))));
    }
}
