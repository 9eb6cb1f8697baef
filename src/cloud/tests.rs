use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::client::LONGEST_BODY;
use super::kinds::RequestOutcome;
use super::limiter::{Ask, Demand, RequestKind};
use super::printers::bound_printers;
use super::reply::HttpReply;
use super::token::claims;
use super::*;
use crate::config::{AccountConfig, Config, Source as ConfigSource};

const LOGIN: &str = "/v1/user-service/user/login";
const PREFERENCE: &str = "/v1/design-user-service/my/preference";
const BIND: &str = "/v1/iot-service/api/user/bind";
/// Claims the user `u_1234567890` and the end 4102444800, the first second of 2100.
const JWT: &str = "e30.eyJ1c2VybmFtZSI6InVfMTIzNDU2Nzg5MCIsImV4cCI6NDEwMjQ0NDgwMH0.c2ln";
const CHALLENGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title>";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    at("2026-03-01T12:00:00Z")
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn account(settings: &str) -> AccountConfig {
    let text = format!("state_dir: /nowhere\nbambu: {{{settings}}}");
    let source = ConfigSource::Text { name: "test".to_owned(), text };
    Config::load(&source, []).unwrap_or_else(|error| panic!("{error}")).config.accounts.remove(0)
}

fn account_at(server: &MockServer, settings: &str) -> AccountConfig {
    account(&format!("api_url: '{}', {settings}", server.uri()))
}

/// TLS that trusts nobody: these tests speak plain HTTP, on any machine.
fn client(account: &AccountConfig) -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::new(account, &tls, Limiter::new()).unwrap()
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Said(Arc<std::sync::Mutex<Vec<u8>>>);

impl Said {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let said = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || said.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn answer(server: &MockServer, at: &str, status: u16, body: &str) {
    let template = ResponseTemplate::new(status).set_body_raw(body.to_owned(), "application/json");
    Mock::given(path(at)).respond_with(template).mount(server).await;
}

async fn login_answered(status: u16, body: &str) -> Result<LoginAnswer, CloudError> {
    let server = MockServer::start().await;
    answer(&server, LOGIN, status, body).await;
    client(&account_at(&server, "account: a@b.c")).login(&secret("pw")).await
}

async fn code_answered(status: u16, body: &str) -> Result<TokenGrant, CloudError> {
    let server = MockServer::start().await;
    answer(&server, LOGIN, status, body).await;
    client(&account_at(&server, "account: a@b.c")).login_with_code("123456").await
}

fn content(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Value, CloudError> {
    let header = |(name, value): &(&str, &str)| {
        Some((HeaderName::try_from(*name).ok()?, HeaderValue::from_str(value).ok()?))
    };
    let headers: HeaderMap = headers.iter().filter_map(header).collect();
    let status = StatusCode::from_u16(status).unwrap();
    HttpReply { status, headers, body: body.as_bytes().to_vec() }.content()
}

macro_rules! check {
    ($answer:expr, Ok(_)) => {{
        let answer = $answer;
        assert!(answer.is_ok(), "{answer:?}");
    }};
    ($answer:expr, $($expected:tt)+) => {{
        let answer = $answer;
        assert!(matches!(&answer, $($expected)+), "{answer:?}");
    }};
}

mod authenticator;
#[cfg(feature = "demo")]
mod encrypted;
mod limiter;
mod logins;
mod picture;

#[tokio::test]
async fn requests_are_as_the_cloud_wants_them() {
    let server = MockServer::start().await;
    let agent = format!("bambu2mqtt/{}", env!("CARGO_PKG_VERSION"));
    Mock::given(method("POST"))
        .and(path(LOGIN))
        .and(header("user-agent", agent.as_str()))
        .and(header("accept", "application/json"))
        .and(header("content-type", "application/json"))
        .and(body_json(json!({ "account": "a@b.c", "password": "pw", "apiError": "" })))
        .respond_with(
            ResponseTemplate::new(200).set_body_json(json!({ "accessToken": "tok", "expiresIn": 60 })),
        )
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path(LOGIN))
        .and(body_json(json!({ "account": "a@b.c", "code": "012345" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "accessToken": "tok" })))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/v1/user-service/user/sendemail/code"))
        .and(body_json(json!({ "email": "a@b.c", "type": "codeLogin" })))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(PREFERENCE))
        .and(header("authorization", "Bearer tok"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "uid": 42 })))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&account_at(&server, "account: a@b.c"));
    check!(
        client.login(&secret("pw")).await,
        Ok(LoginAnswer::Token(TokenGrant { expires_in: Some(60), .. }))
    );
    client.request_code(client.code_kind()).await.unwrap();
    client.login_with_code(" 012345\n").await.unwrap();
    assert_eq!(client.preference(&secret("tok")).await.unwrap().as_str(), "u_42");
    for request in server.received_requests().await.unwrap() {
        assert!(request.method.as_str() != "GET" || request.body.is_empty());
    }
}

#[tokio::test]
async fn text_messages_are_asked_for_below_the_web_prefix() {
    let server = MockServer::start().await;
    answer(&server, "/api/v1/user-service/user/sendsmscode", 200, "").await;
    let account = account_at(&server, "account: '13800000000', region: china");
    let client = client(&account);
    assert_eq!(client.code_kind(), CodeKind::Sms);
    client.request_code(CodeKind::Sms).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    assert_eq!(sent[0].body_json::<Value>().unwrap(), json!({ "phone": "13800000000", "type": "codeLogin" }));
}

#[test]
fn the_real_clouds_send_text_messages_from_their_web_host() {
    let url = |region: &str| client(&account(&format!("account: '13800000000', region: {region}"))).sms_url();
    assert_eq!(url("china").as_str(), "https://bambulab.cn/api/v1/user-service/user/sendsmscode");
    assert_eq!(url("global").host_str(), Some("bambulab.com"));
}

#[tokio::test]
async fn login_answers_are_decided_in_order() {
    let answered = |body| login_answered(200, body);
    check!(
        answered(r#"{"accessToken":"t","loginType":"tfa","tfaKey":"k","expiresIn":"7776000"}"#).await,
        Ok(LoginAnswer::Token(TokenGrant { expires_in: Some(7_776_000), .. }))
    );
    check!(
        answered(r#"{"data":{"accessToken":"t"},"code":0,"message":"Success"}"#).await,
        Ok(LoginAnswer::Token(_))
    );
    check!(
        answered(r#"{"accessToken":"","loginType":"verifyCode","tfaKey":"k"}"#).await,
        Ok(LoginAnswer::NeedsCode(CodeKind::Email))
    );
    check!(
        answered(r#"{"success":false,"loginType":"tfa","tfaKey":"k"}"#).await,
        Ok(LoginAnswer::NeedsAuthenticator { .. })
    );
    check!(answered(r#"{"loginType":"","tfaKey":"k"}"#).await, Ok(LoginAnswer::NeedsAuthenticator { .. }));
    check!(answered(r#"{"loginType":"passkey"}"#).await, Err(CloudError::UnknownLogin { kind, .. }) if kind == "passkey");
    check!(answered("{}").await, Err(CloudError::UnknownLogin { .. }));
}

#[tokio::test]
async fn a_refused_login_is_not_a_challenge_nor_a_limit() {
    let wrong = r#"{"code":2,"error":"Incorrect account or password"}"#;
    for status in [400, 401, 403] {
        check!(login_answered(status, wrong).await, Err(CloudError::CredentialsRefused { message }) if message.contains("Incorrect"));
    }
    check!(
        login_answered(401, r#"{"code":4,"error":"Please login."}"#).await,
        Err(CloudError::CredentialsRefused { .. })
    );
    check!(login_answered(403, CHALLENGE).await, Err(CloudError::Challenge { status: 403 }));
    check!(login_answered(429, "{}").await, Err(CloudError::RateLimited { .. }));
    check!(login_answered(502, "<html>maintenance").await, Err(CloudError::NotData { status: 502 }));
    check!(
        login_answered(403, "<html>Access denied by policy").await,
        Err(CloudError::Barred { status: 403 })
    );
    check!(
        login_answered(404, r#"{"code":404,"error":"Not Found"}"#).await,
        Err(CloudError::Refused { status: 404, .. })
    );
    check!(login_answered(200, "").await, Err(CloudError::Empty));
}

#[tokio::test]
async fn an_old_code_and_a_wrong_code_are_told_apart() {
    check!(code_answered(400, r#"{"code":1,"error":"expired"}"#).await, Err(CloudError::CodeExpired));
    check!(code_answered(400, r#"{"code":"2","error":"Incorrect code"}"#).await, Err(CloudError::CodeWrong));
    check!(
        code_answered(400, r#"{"code":9,"error":"odd"}"#).await,
        Err(CloudError::Refused { status: 400, code: Some(9), .. })
    );
    check!(code_answered(403, CHALLENGE).await, Err(CloudError::Challenge { .. }));
    check!(code_answered(200, r#"{"accessToken":"t"}"#).await, Ok(TokenGrant { expires_in: None, .. }));
}

#[test]
fn only_the_proof_expires_a_token() {
    let answered = |body| content(401, &[], body);
    check!(answered(r#"{"code":4,"error":"","message":""}"#), Err(CloudError::TokenExpired));
    check!(answered(r#"{"code":null,"error":"Please Login.","message":""}"#), Err(CloudError::TokenExpired));
    check!(answered(r#"{"code":401,"message":"Unauthorized"}"#), Err(CloudError::Unauthorised { .. }));
    check!(answered(""), Err(CloudError::Unauthorised { .. }));
    check!(answered("<html>401</html>"), Err(CloudError::Unauthorised { .. }));
    check!(
        answered(r#"{"code":1001,"message":"Invalid token","error":"TOKEN_INVALID"}"#),
        Err(CloudError::TokenRejected { code: 1001, .. })
    );
    check!(content(400, &[], r#"{"code":4,"error":"x"}"#), Err(CloudError::Refused { .. }));
}

#[test]
fn both_envelopes_are_read() {
    check!(content(200, &[], r#"{"message":"success","code":null,"error":null,"devices":[]}"#), Ok(_));
    check!(content(200, &[], r#"{"total":2,"hits":[]}"#), Ok(_));
    check!(content(200, &[], r#"{"code":"0","message":"Success","data":{}}"#), Ok(_));
    check!(content(204, &[], ""), Ok(Value::Null));
    check!(
        content(200, &[], r#"{"code":1004,"message":"offline"}"#),
        Err(CloudError::Refused { code: Some(1004), .. })
    );
    check!(
        content(200, &[], r#"{"code":null,"message":"no","error":"broken"}"#),
        Err(CloudError::Refused { .. })
    );
    check!(content(200, &[], "<html>Maintenance</html>"), Err(CloudError::NotData { status: 200 }));
    check!(content(200, &[], "\"text\""), Err(CloudError::NotData { .. }));
    check!(
        content(403, &[], r#"{"message":"permission denied","code":8,"error":"Resource forbidden"}"#),
        Err(CloudError::Forbidden { code: Some(8), .. })
    );
    check!(content(404, &[], r#"{"code":1003,"message":"x"}"#), Err(CloudError::Refused { status: 404, .. }));
    check!(
        content(302, &[("location", "https://elsewhere")], ""),
        Err(CloudError::Redirected { status: 302 })
    );
    check!(content(500, &[], r#"{"code":500}"#), Err(CloudError::Server { status: 500, .. }));
    check!(content(502, &[], "<html>Bad gateway</html>"), Err(CloudError::NotData { status: 502 }));
}

#[test]
fn listed_codes_say_what_happened_and_what_to_do() {
    for (code, what, next) in [
        (1003, "knows no such printer in this account", "Bambu Handy"),
        (1004, "has no connection to the printer", "switched on"),
        (1005, "says that the print failed", "screen"),
        (1006, "says that a file could not be uploaded", "send the file again"),
    ] {
        // Listed without a status, so that any may come with them.
        for status in [200, 400, 403, 404, 500, 503] {
            let body = format!(r#"{{"code":{code},"message":"their words","error":""}}"#);
            let error = content(status, &[], &body).unwrap_err();
            check!(&error, CloudError::Refused { code: Some(told), .. } if *told == code);
            let words = error.to_string();
            for part in [what, &format!("code {code}"), "their words", next] {
                assert!(words.contains(part), "{status} {code}: {part} is not in: {words}");
            }
            assert!(error.advice().is_some_and(|advice| advice.contains(next)), "{error:?}");
            assert!(!error.needs_login(), "{error:?}");
            assert_eq!(error.outcome(), RequestOutcome::Refused, "it concerns this question alone");
        }
        let body = format!(r#"{{"code":{code}}}"#);
        check!(content(429, &[], &body), Err(CloudError::RateLimited { .. }));
        check!(content(401, &[], &body), Err(CloudError::Unauthorised { .. }));
    }
    let other = content(404, &[], r#"{"code":1007,"message":"x"}"#).unwrap_err().to_string();
    assert!(other.contains("refused the request (status 404, code 1007), saying \"x\""), "{other}");
}

#[test]
fn challenges_are_known_by_any_sign() {
    for (status, headers, body) in [
        (403, &[][..], "<html>Attention Required! | Cloudflare</html>"),
        (403, &[("cf-mitigated", "challenge")][..], ""),
        (429, &[][..], "<html>CloudFlare</html>"),
        (503, &[("cf-ray", "abc")][..], "<html>checking</html>"),
        (200, &[][..], CHALLENGE),
        (403, &[][..], "<script src=https://challenges.cloudflare.com/x>"),
        (418, &[][..], "{}"),
    ] {
        check!(content(status, headers, body), Err(CloudError::Challenge { .. }));
    }
    let csrf = r#"{"error":"CSRF error: missing_cookie","reason":"missing_cookie"}"#;
    check!(content(403, &[("cf-ray", "abc")], csrf), Err(CloudError::Forbidden { .. }));
    check!(content(503, &[("cf-ray", "abc")], r#"{"code":503}"#), Err(CloudError::Server { .. }));
    // A printer may be called anything.
    check!(content(200, &[("cf-ray", "abc")], r#"{"devices":[{"name":"Just a moment..."}]}"#), Ok(_));
}

#[test]
fn retry_after_is_honoured_in_both_forms() {
    let wait =
        |headers: &[(&str, &str)]| content(429, headers, "{}").unwrap_err().retry_after().unwrap().as_secs();
    assert_eq!(wait(&[("retry-after", "120")]), 120);
    let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
    assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2015 07:30:30 GMT"), date]), 150);
    assert_eq!(wait(&[("retry-after", "soon")]), 60);
    assert_eq!(wait(&[]), 60);
    assert_eq!(content(403, &[], CHALLENGE).unwrap_err().retry_after().unwrap().as_secs(), 900);
}

#[test]
fn the_clouds_words_are_short_and_on_one_line() {
    let body = json!({ "code": 7, "error": format!("a\nb\u{1b}[31m{}", "x".repeat(1000)) }).to_string();
    let shown = content(400, &[], &body).unwrap_err().to_string();
    assert!(shown.contains("a b [31mx") && shown.len() < 400, "{shown}");
}

#[tokio::test]
async fn the_user_name_comes_from_a_number_in_any_form() {
    for (body, expected) in [
        (r#"{"uid":1234567890,"name":"x"}"#, Some("u_1234567890")),
        (r#"{"uid":"77"}"#, Some("u_77")),
        (r#"{"code":0,"data":{"uid":5}}"#, Some("u_5")),
        (r#"{"name":"x"}"#, None),
        (r#"{"uid":0}"#, None),
    ] {
        let server = MockServer::start().await;
        answer(&server, PREFERENCE, 200, body).await;
        let found = client(&account_at(&server, "account: a@b.c")).preference(&secret("t")).await;
        assert_eq!(found.as_ref().ok().map(UserName::as_str), expected, "{found:?}");
    }
}

#[tokio::test]
async fn printers_are_listed_without_their_access_codes() {
    let server = MockServer::start().await;
    let body = json!({ "message": "success", "code": null, "error": null, "devices": [
        { "dev_id": "01p00a000000001", "name": "Workshop", "online": true, "dev_model_name": "C12",
          "dev_product_name": "P1S", "dev_access_code": "12345678\n" },
        { "dev_id": "01S00A000000002", "name": null, "online": null },
        { "name": "no serial" }, 7
    ] });
    answer(&server, BIND, 200, &body.to_string()).await;
    let found = client(&account_at(&server, "account: a@b.c")).printers(&secret("t")).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].serial.as_str(), found[0].name.as_str()), ("01P00A000000001", "Workshop"));
    assert_eq!(found[0].product_name.as_deref(), Some("P1S"));
    assert_eq!(found[0].online, Some(true));
    assert_eq!((found[1].name.as_str(), found[1].online), ("", None), "the gateway names it by its model");
    assert!(!format!("{found:?}").contains("12345678"));
}

#[tokio::test]
async fn what_has_no_serial_number_is_passed_over_and_that_is_said_once() {
    let server = MockServer::start().await;
    let odd = ["../../x", "01P00A000000001/request", "#", "+", "01P0", "01P00A00000000\u{fc}"];
    let long = "0".repeat(33);
    let ids = odd.into_iter().chain([long.as_str(), "01P00A000000001"]);
    let devices: Vec<Value> = ids.map(|id| json!({ "dev_id": id, "name": "x" })).collect();
    answer(&server, BIND, 200, &json!({ "devices": devices }).to_string()).await;
    let account = account_at(&server, "account: a@b.c");
    let (client, said) = (client(&account), Said::default());
    let listening = said.listen();
    // Another token is another question, so that no pause is between them.
    for token in ["first", "second"] {
        let found = client.printers(&secret(token)).await.unwrap();
        let serials: Vec<&str> = found.iter().map(|printer| printer.serial.as_str()).collect();
        assert_eq!(serials, ["01P00A000000001"]);
    }
    drop(listening);
    assert_eq!(said.text().matches("passed over").count(), 1, "{}", said.text());
    assert!(said.text().contains("odd=7"), "{}", said.text());
}

#[test]
fn a_printers_name_is_one_short_line() {
    let name = format!("A\n\u{1b}[2J{}", "x".repeat(1000));
    let odd = json!({ "devices": [{ "dev_id": "01P", "name": name }] });
    let name = bound_printers(&odd).unwrap().remove(0).name;
    assert!(name.len() < 100 && !name.contains(char::is_control), "{name}");
}

#[test]
fn a_list_of_printers_may_be_null_but_not_absent() {
    assert_eq!(bound_printers(&json!({ "devices": null })), Some(vec![]));
    assert_eq!(bound_printers(&json!({ "data": { "devices": [] } })), Some(vec![]));
    assert_eq!(bound_printers(&json!({ "message": "success" })), None);
    assert_eq!(bound_printers(&json!({ "devices": "none" })), None);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let server = MockServer::start().await;
    let there = ResponseTemplate::new(302).insert_header("location", format!("{}{BIND}", server.uri()));
    Mock::given(path(PREFERENCE)).respond_with(there).mount(&server).await;
    let client = client(&account_at(&server, "account: a@b.c"));
    check!(client.preference(&secret("t")).await, Err(CloudError::Redirected { status: 302 }));
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_network_that_fails_is_told_by_its_kind() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path(PREFERENCE)).respond_with(slow).mount(&server).await;
    let mut slow = client(&account_at(&server, "account: a@b.c"));
    slow.timeout = Duration::from_millis(50);
    check!(slow.preference(&secret("t")).await, Err(CloudError::Timeout { host }) if host == "127.0.0.1");

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = client(&account(&format!("account: a@b.c, api_url: 'http://127.0.0.1:{port}'")));
    check!(closed.preference(&secret("t")).await, Err(CloudError::Unreachable { detail, .. }) if detail.contains("refused"));

    // What may have arrived there is another matter: nobody knows what became of it.
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":"] {
        let broken =
            client(&account(&format!("account: a@b.c, api_url: 'http://{}'", breaks_off_after(answer))));
        check!(broken.login(&secret("p")).await, Err(CloudError::BrokenOff { host, .. }) if host == "127.0.0.1");
    }

    // Behind a proxy it is the proxy that looks names up.
    if ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        println!("left out: name resolution, there is a proxy");
        return;
    }
    let nowhere = client(&account("account: a@b.c, api_url: 'https://cloud.invalid'"));
    check!(nowhere.preference(&secret("t")).await, Err(CloudError::NameResolution { host }) if host == "cloud.invalid");
}

/// A server that hangs up on everyone after it has read the request and begun to answer.
fn breaks_off_after(answer: &'static str) -> std::net::SocketAddr {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            // The body of a login is JSON.
            while !request.ends_with(b"}") {
                let mut part = [0; 4096];
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let server = MockServer::start().await;
    answer(&server, PREFERENCE, 200, &" ".repeat(LONGEST_BODY + 1)).await;
    check!(
        client(&account_at(&server, "account: a@b.c")).preference(&secret("t")).await,
        Err(CloudError::TooLong)
    );
}

#[test]
fn a_jwt_says_who_and_how_long_and_other_tokens_nothing() {
    let read = claims(&secret(JWT));
    assert_eq!(read.user_name.unwrap().as_str(), "u_1234567890");
    assert_eq!(read.expires_at, Some(at("2100-01-01T00:00:00Z")));
    for odd in
        ["", "AAFAKE", "a.b.c", "a..b", "e30.bnVsbA.x", "e30.eyJ1c2VybmFtZSI6ICJib2IiLCAiZXhwIjogIngifQ.x"]
    {
        assert_eq!(claims(&secret(odd)), super::token::Claims::default(), "{odd}");
    }
}

/// One line about every captured answer: whether it is content or which error.
#[tokio::test]
async fn captured_answers_are_understood() {
    let Some(folder) = crate::shared::shared("captures/rest") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        captured(&entry.unwrap().path()).await;
        seen += 1;
    }
    assert!(seen > 10, "{seen} captured answers");
}

async fn captured(file: &Path) {
    let name = file.file_stem().unwrap().to_str().unwrap();
    let body = std::fs::read_to_string(file).unwrap();
    let status = name.split_once("_http").map_or(200, |(_, status)| status.parse().unwrap());
    if name.starts_with("login_code") {
        let answer = code_answered(status, &body).await;
        check!(answer, Err(CloudError::CodeExpired | CloudError::CodeWrong));
    } else if name.starts_with("login_") {
        let answer = login_answered(status, &body).await;
        match name {
            "login_password_wrong_http400" => check!(answer, Err(CloudError::CredentialsRefused { .. })),
            _ if name.starts_with("login_tfa") => check!(answer, Ok(LoginAnswer::NeedsAuthenticator { .. })),
            _ if name.starts_with("login_verifyCode") => {
                check!(answer, Ok(LoginAnswer::NeedsCode(CodeKind::Email)));
            }
            _ => check!(answer, Ok(LoginAnswer::Token(TokenGrant { expires_in: Some(7_776_000), .. }))),
        }
    } else {
        let answer = content(status, &[], &body);
        match name {
            "cloudflare_challenge_http403" => check!(&answer, Err(CloudError::Challenge { .. })),
            "error_token_invalid" => check!(&answer, Err(CloudError::TokenRejected { .. })),
            "error_bad_request_http400" => check!(&answer, Err(CloudError::Refused { status: 400, .. })),
            "user_task_http403" => check!(&answer, Err(CloudError::Forbidden { code: Some(8), .. })),
            _ => check!(&answer, Ok(_)),
        }
        if name.starts_with("bind_") {
            let expected = body.matches("dev_id").count();
            assert_eq!(bound_printers(&answer.unwrap()).map(|list| list.len()), Some(expected), "{name}");
        }
    }
}
