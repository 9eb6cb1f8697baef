//! The topics of the vendor's broker: what a printer says, and what is said to it (protocol 2.1).

use printer::Serial;

/// Where a printer reports.
pub fn report(serial: &Serial) -> String {
    format!("device/{}/report", serial.as_str())
}

/// Where a printer is asked.
pub fn request(serial: &Serial) -> String {
    format!("device/{}/request", serial.as_str())
}

/// The printer whose report topic this is.
pub fn reporter(topic: &str) -> Option<Serial> {
    let serial = topic.strip_prefix("device/")?.strip_suffix("/report")?;
    (!serial.is_empty() && !serial.contains('/')).then(|| Serial::new(serial))
}
