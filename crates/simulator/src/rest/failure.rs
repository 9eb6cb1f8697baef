//! What a test can make the emulated cloud do wrong, endpoint by endpoint, and the count of what it was asked.
use super::http::{Answer, Request};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the gateway may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Endpoint {
    /// Account with a password or a code.
    Login,
    /// A code by e-mail.
    MailCode,
    /// A code by text message.
    SmsCode,
    /// An authenticator's code, at the API's host.
    TfaApi,
    /// The cookie that the web's host wants to see again.
    Csrf,
    /// An authenticator's code, at the web's host.
    TfaWeb,
    /// Whose token this is.
    Preference,
    /// The list of printers.
    Devices,
    /// Firmware that is offered.
    Version,
    /// The history of prints.
    Tasks,
    /// The inbox.
    Messages,
    /// Presets, with filaments of one's own.
    Presets,
    /// What the cloud believes the printers do.
    Prints,
    /// The file of a print, with its plates.
    Project,
    /// Pictures.
    Picture,
    /// Anything else.
    Other,
}

impl Endpoint {
    pub(super) fn of(request: &Request) -> Self {
        match request.path.as_str() {
            "/v1/user-service/user/login" => Self::Login,
            "/v1/user-service/user/sendemail/code" => Self::MailCode,
            "/api/v1/user-service/user/sendsmscode" => Self::SmsCode,
            "/v1/user-service/user/tfa/login" => Self::TfaApi,
            "/api/csrf" => Self::Csrf,
            "/api/sign-in/tfa" => Self::TfaWeb,
            "/v1/design-user-service/my/preference" => Self::Preference,
            "/v1/iot-service/api/user/bind" => Self::Devices,
            "/v1/iot-service/api/user/device/version" => Self::Version,
            "/v1/user-service/my/tasks" => Self::Tasks,
            "/v1/user-service/my/messages" => Self::Messages,
            "/v1/iot-service/api/slicer/setting" => Self::Presets,
            "/v1/iot-service/api/user/print" => Self::Prints,
            path if path.starts_with(super::data::PROJECT) => Self::Project,
            path if path.starts_with("/pictures/") => Self::Picture,
            _ => Self::Other,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// A page that wants to see a browser.
    Challenge,
    /// The same, told by a header alone.
    ChallengeHeader,
    /// Too many requests, perhaps with the seconds to wait.
    TooMany(Option<u32>),
    /// A page for people: maintenance.
    Maintenance,
    /// A page for people with a good status.
    Page,
    /// A good status and nothing else.
    Empty,
    /// No answer at all while the connection stays open.
    Silence,
    /// The connection is closed instead of an answer.
    Cut,
    /// A fault of the cloud's own, perhaps with the seconds to wait.
    Fault(Option<u32>),
    /// Sent elsewhere.
    Redirect,
    /// An answer without end, as far as a reader should care.
    Flood,
    /// The proof that a token is dead.
    Expired,
    /// A 401 that proves nothing.
    Unauthorised,
    /// Not ours to see.
    Forbidden,
    /// No such path.
    Missing,
    /// Half of the protection against forged requests is missing.
    Csrf,
    /// Any JSON with any status.
    Json(u16, Value),
}

/// How the page of a challenge begins.
const CHALLENGE: &str =
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>";

impl Failure {
    /// The answer; `None` where there is none.
    fn answer(&self) -> Option<Answer> {
        let json = |status, body| Some(Answer::from((status, body)));
        let page = |status, text: &str| Some(Answer::bytes(status, "text/html", text));
        let waiting = |answer: Option<Answer>, seconds: &Option<u32>| match seconds {
            Some(seconds) => answer.map(|answer| answer.with("Retry-After", seconds.to_string())),
            None => answer,
        };
        match self {
            Self::Challenge => page(403, CHALLENGE),
            Self::ChallengeHeader => page(403, "").map(|answer| {
                answer.with("cf-mitigated", "challenge").with("cf-ray", "8f0000000000abcd-FRA")
            }),
            Self::TooMany(seconds) => {
                waiting(json(429, json!({"code": 429, "error": "Too many requests"})), seconds)
            }
            Self::Maintenance => page(502, "<html><body><h1>Under maintenance</h1></body></html>"),
            Self::Page => page(200, "<html><body>Welcome</body></html>"),
            Self::Empty => page(200, ""),
            Self::Silence | Self::Cut => None,
            Self::Fault(seconds) => {
                waiting(json(500, json!({"code": 500, "error": "Internal error"})), seconds)
            }
            Self::Redirect => page(302, "").map(|answer| answer.with("Location", "https://example.com/")),
            Self::Flood => Some(Answer::bytes(200, "application/json", vec![b' '; 5 << 20])),
            Self::Expired => json(401, json!({"code": 4, "error": "Please login.", "message": ""})),
            Self::Unauthorised => json(401, json!({"code": 401, "error": "Unauthorized"})),
            Self::Forbidden => {
                json(403, json!({"code": 8, "error": "Resource forbidden", "message": "permission denied"}))
            }
            Self::Missing => json(404, json!({"code": 404, "error": "Not Found", "message": "no such path"})),
            Self::Csrf => {
                json(403, json!({"error": "CSRF error: missing_cookie", "reason": "missing_cookie"}))
            }
            Self::Json(status, body) => json(*status, body.clone()),
        }
    }
}

/// What becomes of a request.
pub(super) enum Fate {
    /// It is answered as it should be.
    Fine,
    /// It gets this answer instead.
    Instead(Answer),
    /// The connection stays open and nothing comes.
    Silence,
    /// The connection is closed.
    Cut,
}

/// The switches of an emulated cloud's REST side, and its memory of what was asked.
#[derive(Default)]
pub struct Switches(Mutex<SwitchState>);

#[derive(Default)]
struct SwitchState {
    next: HashMap<Endpoint, VecDeque<Failure>>,
    always: HashMap<Endpoint, Failure>,
    down: Option<Failure>,
    date: Option<String>,
    asked: Vec<Endpoint>,
}

impl Switches {
    fn state(&self) -> MutexGuard<'_, SwitchState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next request to this endpoint fails so; several of these make a queue.
    pub fn fail_next(&self, endpoint: Endpoint, failure: Failure) {
        self.state().next.entry(endpoint).or_default().push_back(failure);
    }

    /// Each request to this endpoint fails so, until [`heal`](Self::heal).
    pub fn fail(&self, endpoint: Endpoint, failure: Failure) {
        self.state().always.insert(endpoint, failure);
    }

    /// Each request to anything fails so, until [`heal`](Self::heal).
    pub fn fail_all(&self, failure: Failure) {
        self.state().down = Some(failure);
    }

    /// Everything works again.
    pub fn heal(&self) {
        let mut state = self.state();
        state.next.clear();
        state.always.clear();
        state.down = None;
    }

    /// Each answer has this in its `Date` header (RFC 9110), or none.
    pub fn tell_time(&self, date: Option<String>) {
        self.state().date = date;
    }

    /// Requests to this endpoint so far, failed ones too.
    pub fn asked(&self, endpoint: Endpoint) -> usize {
        self.state().asked.iter().filter(|asked| **asked == endpoint).count()
    }

    /// All requests so far, in their order.
    pub fn requests(&self) -> Vec<Endpoint> {
        self.state().asked.clone()
    }

    pub(super) fn date(&self) -> Option<String> {
        self.state().date.clone()
    }

    /// Counts a request and says what becomes of it.
    pub(super) fn fate(&self, endpoint: Endpoint) -> Fate {
        let mut state = self.state();
        state.asked.push(endpoint);
        let next = state.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        let failure = next.or_else(|| state.always.get(&endpoint).or(state.down.as_ref()).cloned());
        match failure {
            None => Fate::Fine,
            Some(Failure::Silence) => Fate::Silence,
            Some(failure) => failure.answer().map_or(Fate::Cut, Fate::Instead),
        }
    }
}
