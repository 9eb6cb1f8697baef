//! Topics that a person chooses: what a broker and our ids can do with them.

use super::findings::Findings;

/// Lower-case ASCII letters and digits, everything between them one underscore.
pub(super) fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

/// A topic that others tell on: their own affair but for what a subscription cannot mean.
pub(super) fn exact_topic(key: &str, topic: &str, findings: &mut Findings) -> bool {
    let problem = if topic.is_empty() {
        "is empty"
    } else if topic.contains(['+', '#']) {
        "holds a wildcard (`+` or `#`)"
    } else if topic.contains(char::is_control) {
        "holds a control character"
    } else {
        return true;
    };
    findings.problem(key, format!("`{topic}` {problem}; write it like `zigbee2mqtt/Printer plug`"));
    false
}

/// A topic that is ours.
pub(super) fn topic(key: &str, topic: &str, findings: &mut Findings) -> bool {
    let problem = if topic.is_empty() {
        "is empty"
    } else if topic.contains(['+', '#']) {
        "holds a wildcard (`+` or `#`)"
    } else if topic.starts_with('/') || topic.ends_with('/') {
        "begins or ends with `/`"
    } else if topic.contains("//") {
        "has an empty level (`//`)"
    } else if topic.starts_with('$') {
        "begins with `$`, which belongs to the broker"
    } else if topic.contains(char::is_control) {
        "holds a control character"
    } else if slug(topic).is_empty() {
        "has no ASCII letter or digit, which ids are made from"
    } else {
        return true;
    };
    findings.problem(key, format!("`{topic}` {problem}; write it like `bambu2mqtt` or `home/printers`"));
    false
}
