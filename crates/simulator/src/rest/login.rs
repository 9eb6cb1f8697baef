//! Everything that leads to a token, as `protocol.md` 1.3 has it, and whose token it is.
use super::super::account::{Outcome, TOKEN_SECONDS};
use super::http::{Answer, Request};
use super::{Api, text};
use serde_json::{Value, json};

const COOKIE: &str = "bbl_csrf_token";

fn token_reply(token: &str, seconds: u64, kind: &str, tfa_key: &str) -> Answer {
    let body = json!({
        "accessToken": token, "refreshToken": token, "expiresIn": seconds, "refreshExpiresIn": seconds,
        "tfaKey": tfa_key, "accessMethod": "", "loginType": kind,
    });
    (200, body).into()
}

fn refused(code: i64, error: &str) -> Answer {
    (400, json!({"code": code, "error": error})).into()
}

/// The answer to a request about logging in; `None` when it is about something else.
pub(super) fn answer(api: &Api, request: &Request) -> Option<Answer> {
    let body = request.json();
    let sent = |key: &str| {
        let sent = api.account.send_code(text(&body, key).unwrap_or_default());
        if sent { (200, json!({})).into() } else { refused(2, "Incorrect account") }
    };
    Some(match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/v1/user-service/user/login") => login(api, &body),
        ("POST", "/v1/user-service/user/sendemail/code") => sent("email"),
        ("POST", "/api/v1/user-service/user/sendsmscode") => sent("phone"),
        // At the API's host a token comes in the body, as for any login.
        ("POST", "/v1/user-service/user/tfa/login") => match authenticate(api, &body) {
            Some(token) => token_reply(&token, TOKEN_SECONDS, "", ""),
            None => refused(5, "Login failed"),
        },
        ("GET", "/api/csrf") => {
            let cookie = format!("{COOKIE}={}; Path=/; Secure; SameSite=Lax", api.account.csrf);
            Answer::from((200, json!({}))).with("Set-Cookie", cookie)
        }
        ("POST", "/api/sign-in/tfa") => web_authenticate(api, request, &body),
        ("GET", "/v1/design-user-service/my/preference") if api.knows(request) => (
            200,
            json!({
                "uid": api.account.uid, "name": "demo", "handle": "demo", "avatar": "", "bio": "",
                "links": [], "backgroundUrl": "",
            }),
        )
            .into(),
        _ => return None,
    })
}

fn authenticate(api: &Api, body: &Value) -> Option<String> {
    api.account.authenticate(text(body, "tfaKey")?, text(body, "tfaCode")?)
}

/// At the web's host a cookie has to come back as a header too, and the token comes as a cookie.
fn web_authenticate(api: &Api, request: &Request, body: &Value) -> Answer {
    let right = |value: Option<&str>| value == Some(api.account.csrf.as_str());
    let missing = match (right(request.cookie(COOKIE)), right(request.header("x-bbl-csrf-token"))) {
        (false, _) => Some("missing_cookie"),
        (true, false) => Some("missing_header"),
        (true, true) => None,
    };
    if let Some(reason) = missing {
        return (403, json!({"error": format!("CSRF error: {reason}"), "reason": reason})).into();
    }
    match authenticate(api, body) {
        Some(token) => Answer::from((200, json!({})))
            .with("Set-Cookie", format!("token={token}; Path=/; Secure; HttpOnly")),
        None => refused(5, "Incorrect code"),
    }
}

fn login(api: &Api, body: &Value) -> Answer {
    let account = text(body, "account").unwrap_or_default();
    match api.account.log_in(account, text(body, "password"), text(body, "code")) {
        Outcome::Token(token) => token_reply(&token, TOKEN_SECONDS, "", ""),
        Outcome::CodeWanted => token_reply("", 0, "verifyCode", ""),
        Outcome::AuthenticatorWanted(key) => token_reply("", 0, "tfa", &key),
        Outcome::Refused => refused(2, "Incorrect account or password"),
        Outcome::CodeExpired => refused(1, "Code does not exist or has expired!"),
        Outcome::CodeWrong => refused(2, "Incorrect code"),
    }
}
