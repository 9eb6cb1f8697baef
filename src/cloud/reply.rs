//! From an HTTP answer to its content or its error: two envelopes, two error forms, and the pages that are
//! no data at all (`protocol.md` 1.6 and 1.9). Pure; it does not know what was asked.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER, SET_COOKIE};
use serde_json::Value;

use super::error::{CloudError, Listed};
use super::kinds::RequestOutcome;

/// Longest text of the cloud's own that is passed on to a person.
const LONGEST_MESSAGE: usize = 200;

/// An answer as it came, body included; never logged.
pub(super) struct HttpReply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl HttpReply {
    /// The content, or what the answer says went wrong.
    pub(super) fn content(&self) -> Result<Value, CloudError> {
        let json = serde_json::from_slice::<Value>(&self.body).ok().filter(Value::is_object);
        let status = self.status.as_u16();
        if self.is_challenge(json.is_some()) {
            return Err(CloudError::Challenge { status });
        }
        if self.status.is_redirection() {
            return Err(CloudError::Redirected { status });
        }
        let json = match json {
            Some(json) => json,
            // An empty body with a good status is success without content.
            None if self.status.is_success() && self.body.trim_ascii().is_empty() => return Ok(Value::Null),
            None if self.status.is_success() => return Err(CloudError::NotData { status }),
            None => return Err(self.failure(None)),
        };
        if self.status.is_success() && says_success(&json) {
            Ok(json)
        } else {
            Err(self.failure(Some(&json)))
        }
    }

    /// What it means for the next requests.
    pub(super) fn outcome(&self) -> RequestOutcome {
        // Most answers are good, and read again by whoever asked.
        if self.status.is_success() && self.body.trim_ascii_start().starts_with(b"{") {
            return RequestOutcome::Good;
        }
        match self.content().map_err(|error| error.outcome()) {
            Ok(_) => RequestOutcome::Good,
            // Pages of maintenance may say how long it takes.
            Err(RequestOutcome::Fault(None)) => RequestOutcome::Fault(self.retry_after()),
            Err(outcome) => outcome,
        }
    }

    /// Whether it is what a program answers, and no page.
    pub(super) fn is_data(&self) -> bool {
        serde_json::from_slice::<Value>(&self.body).is_ok_and(|json| json.is_object())
    }

    /// Cookies that it sets, names with values.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        all.filter_map(|cookie| cookie.split(';').next()?.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
    }

    /// When the cloud sent it, by its own clock.
    pub(super) fn sent_at(&self) -> Option<Timestamp> {
        rfc2822::DateTimeParser::new().parse_timestamp(self.headers.get(DATE)?.to_str().ok()?.trim()).ok()
    }

    fn failure(&self, json: Option<&Value>) -> CloudError {
        let status = self.status.as_u16();
        let code = json.and_then(code_of);
        let message = json.map(message_of).unwrap_or_default();
        // Listed as "invalid token" and "token expired", with no status: believed wherever they come.
        if let Some(code @ (1001 | 1002)) = code {
            return CloudError::TokenRejected { code, message };
        }
        match (status, json) {
            // The same for what is listed about a printer and a file: it is no fault of the cloud's that would pass.
            (status, _)
                if !matches!(status, 401 | 429) && code.is_some_and(|code| Listed::of(code).is_some()) =>
            {
                CloudError::Refused { status, code, message }
            }
            (401, Some(_)) if code == Some(4) => CloudError::TokenExpired,
            (401 | 200..=299, Some(json)) if says_login(json) => CloudError::TokenExpired,
            (401, _) => CloudError::Unauthorised { status },
            (429, _) => CloudError::RateLimited { retry_after: self.retry_after() },
            (500.., None) if !self.body.trim_ascii().is_empty() => CloudError::NotData { status },
            (500.., _) => CloudError::Server { status, retry_after: self.retry_after() },
            (403, Some(_)) => CloudError::Forbidden { code, message },
            (403, None) => CloudError::Barred { status },
            _ => CloudError::Refused { status, code, message },
        }
    }

    /// The signs of `protocol.md` 1.9; any one is enough.
    fn is_challenge(&self, json: bool) -> bool {
        if json && self.status.is_success() {
            return false;
        }
        let text = String::from_utf8_lossy(&self.body).to_ascii_lowercase();
        let page = text.contains("just a moment...") || text.contains("challenges.cloudflare.com");
        match self.status.as_u16() {
            418 => true,
            _ if page && !json => true,
            200..=299 => false,
            _ if self.headers.contains_key("cf-mitigated") => true,
            403 | 429 => text.contains("cloudflare"),
            // Every answer comes through Cloudflare and bears this header; with JSON it is the cloud's own.
            503 => self.headers.contains_key("cf-ray") && !json,
            _ => false,
        }
    }

    /// Seconds, or a date, which is taken against the answer's own clock and not ours.
    fn retry_after(&self) -> Option<Duration> {
        let header = |name| self.headers.get(name)?.to_str().ok().map(str::trim);
        let text = header(RETRY_AFTER)?;
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let parser = rfc2822::DateTimeParser::new();
        let then = parser.parse_timestamp(text).ok()?;
        let sent = parser.parse_timestamp(header(DATE)?).ok()?;
        Duration::try_from(then.duration_since(sent)).ok()
    }
}

/// A key of the content, which some answers wrap in `data`.
pub(super) fn member<'a>(content: &'a Value, key: &str) -> Option<&'a Value> {
    content.get(key).or_else(|| content.get("data")?.get(key))
}

/// Text under a key; absent, null and empty are the same to us.
pub(super) fn text<'a>(content: &'a Value, key: &str) -> Option<&'a str> {
    member(content, key)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// A number, which may come as text.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

pub(super) fn code_of(json: &Value) -> Option<i64> {
    number(json.get("code")?)
}

/// The cloud's words, short and on one line.
pub(super) fn message_of(json: &Value) -> String {
    let words = ["error", "message"].into_iter().filter_map(|key| json.get(key)?.as_str());
    let mut words = words.map(str::trim).filter(|text| !text.is_empty());
    let chosen = words.next().unwrap_or_default();
    chosen.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_MESSAGE).collect()
}

/// Code first; where there is none, an error with words counts unless the message calls it a success.
fn says_success(json: &Value) -> bool {
    let word = |key: &str| json.get(key).and_then(Value::as_str).unwrap_or_default();
    match code_of(json) {
        Some(code) => code == 0,
        None => word("error").is_empty() || word("message").eq_ignore_ascii_case("success"),
    }
}

fn says_login(json: &Value) -> bool {
    let says = |key: &str| {
        json.get(key).and_then(Value::as_str).is_some_and(|t| t.to_ascii_lowercase().contains("please login"))
    };
    says("error") || says("message")
}
