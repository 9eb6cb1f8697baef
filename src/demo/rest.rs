//! The REST side of the emulated cloud: just enough HTTP/1.1 for the gateway's client.
use super::account::{Account, Login, TOKEN_SECONDS};
use super::fleet::Fleet;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const MOST_HEAD: usize = 16 << 10;
const MOST_BODY: usize = 64 << 10;

/// What the answers are made of.
pub(super) struct Api {
    pub(super) account: Arc<Account>,
    pub(super) fleet: Arc<Fleet>,
    /// Milliseconds that each answer takes.
    pub(super) delay: Arc<AtomicU64>,
}

struct Request {
    method: String,
    path: String,
    bearer: Option<String>,
    body: Vec<u8>,
    keep_alive: bool,
}

/// Serves until told to stop.
pub(super) async fn serve(listener: TcpListener, api: Arc<Api>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(converse(stream, Arc::clone(&api)));
                }
            }
        }
    }
}

async fn converse(mut stream: TcpStream, api: Arc<Api>) {
    let mut buffer = Vec::new();
    loop {
        let request = match read_request(&mut stream, &mut buffer).await {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(status) => {
                let _ = write_response(&mut stream, status, &json!({"code": status}), false).await;
                return;
            }
        };
        tokio::time::sleep(Duration::from_millis(api.delay.load(Ordering::Relaxed))).await;
        let (status, body) = api.answer(&request);
        if write_response(&mut stream, status, &body, request.keep_alive).await.is_err()
            || !request.keep_alive
        {
            return;
        }
    }
}

async fn write_response(
    stream: &mut TcpStream,
    status: u16,
    body: &Value,
    keep: bool,
) -> std::io::Result<()> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Error",
    };
    let body = body.to_string();
    let connection = if keep { "keep-alive" } else { "close" };
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize, u16> {
    stream.read_buf(buffer).await.map_err(|_| 400_u16)
}

/// The next request, `None` at the end of the connection, or the status to refuse it with.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<Option<Request>, u16> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if buffer.len() > MOST_HEAD {
            return Err(431);
        }
        if more(stream, buffer).await? == 0 {
            return if buffer.is_empty() { Ok(None) } else { Err(400) };
        }
    };
    let rest = buffer.split_off(end + 4);
    let head = String::from_utf8_lossy(buffer).into_owned();
    *buffer = rest;

    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(path), Some(version)) = (first.next(), first.next(), first.next()) else {
        return Err(400);
    };
    let mut request = Request {
        method: method.to_owned(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        bearer: None,
        body: Vec::new(),
        keep_alive: version == "HTTP/1.1",
    };
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => request.bearer = value.strip_prefix("Bearer ").map(str::to_owned),
            "content-length" => length = value.parse().map_err(|_| 400_u16)?,
            "transfer-encoding" => return Err(501),
            "connection" => request.keep_alive &= !value.eq_ignore_ascii_case("close"),
            _ => {}
        }
    }
    if length > MOST_BODY {
        return Err(413);
    }
    while buffer.len() < length {
        if more(stream, buffer).await? == 0 {
            return Err(400);
        }
    }
    let rest = buffer.split_off(length);
    request.body = std::mem::replace(buffer, rest);
    Ok(Some(request))
}

fn token_reply(token: &str, seconds: u64, kind: &str) -> Value {
    json!({
        "accessToken": token, "refreshToken": token, "expiresIn": seconds, "refreshExpiresIn": seconds,
        "tfaKey": "", "accessMethod": "", "loginType": kind,
    })
}

/// A member of a body that is there and not empty.
fn text<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str().filter(|text| !text.is_empty())
}

impl Api {
    fn answer(&self, request: &Request) -> (u16, Value) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/v1/user-service/user/login") => self.login(&body),
            ("POST", "/v1/user-service/user/sendemail/code") => {
                let sent = self.account.send_code(text(&body, "email").unwrap_or_default());
                if sent { (200, json!({})) } else { (400, json!({"code": 2, "error": "Incorrect account"})) }
            }
            ("GET", "/v1/design-user-service/my/preference" | "/v1/iot-service/api/user/bind")
                if !request.bearer.as_deref().is_some_and(|token| self.account.accepts(token)) =>
            {
                (401, json!({"code": 4, "error": "Please login.", "message": ""}))
            }
            ("GET", "/v1/design-user-service/my/preference") => (
                200,
                json!({
                    "uid": self.account.uid, "name": "demo", "handle": "demo", "avatar": "", "bio": "",
                    "links": [], "backgroundUrl": "",
                }),
            ),
            ("GET", "/v1/iot-service/api/user/bind") => (
                200,
                json!({"message": "success", "code": null, "error": null, "devices": self.fleet.devices()}),
            ),
            _ => (404, json!({"code": 404, "error": "Not Found", "message": "no such path"})),
        }
    }

    fn login(&self, body: &Value) -> (u16, Value) {
        let account = text(body, "account").unwrap_or_default();
        match self.account.log_in(account, text(body, "password"), text(body, "code")) {
            Login::Token(token) => (200, token_reply(&token, TOKEN_SECONDS, "")),
            Login::CodeWanted => (200, token_reply("", 0, "verifyCode")),
            Login::Refused => (400, json!({"code": 2, "error": "Incorrect account or password"})),
            Login::CodeExpired => (400, json!({"code": 1, "error": "Code does not exist or has expired!"})),
            Login::CodeWrong => (400, json!({"code": 2, "error": "Incorrect code"})),
        }
    }
}
