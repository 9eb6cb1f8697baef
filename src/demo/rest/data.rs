//! What the emulated cloud knows of its printers.
use super::Api;
use super::http::{Answer, Request};
use serde_json::json;

/// The answer to a request about data; `None` when it is about something else. Whether the token is good was
/// looked at before, except for pictures.
pub(super) fn answer(api: &Api, request: &Request) -> Option<Answer> {
    let answer = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/v1/iot-service/api/user/bind") => {
            (200, json!({"message": "success", "code": null, "error": null, "devices": api.fleet.devices()}))
        }
        _ => return None,
    };
    Some(answer.into())
}
