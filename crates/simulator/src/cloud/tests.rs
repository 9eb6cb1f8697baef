use super::super::picture;
use super::super::rest::{Endpoint, Failure};
use super::*;
use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, Packet};
use rumqttc::{QoS, SubscribeReasonCode, TlsConfiguration, Transport};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

async fn cloud(printers: usize) -> Cloud {
    Cloud::start(Options { printers, ..Options::default() }).await.unwrap()
}

fn client(settings: &Settings, token: &str) -> (AsyncClient, EventLoop) {
    let port = settings.mqtt_url.rsplit(':').next().unwrap().parse().unwrap();
    let mut options = MqttOptions::new("tester", "127.0.0.1", port);
    options.set_credentials(&settings.mqtt_user, token);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rumqttc_pem(&settings.ca_pem) {
        roots.add(certificate).unwrap();
    }
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(tls))));
    AsyncClient::new(options, 100)
}

fn rumqttc_pem(pem: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

/// The next packet for which `wanted` gives something.
async fn next<T>(events: &mut EventLoop, mut wanted: impl FnMut(Packet) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Event::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(packet)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.expect("the packet comes in time")
}

async fn next_message(events: &mut EventLoop, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    next(events, |packet| match packet {
        Packet::Publish(publish) => {
            let value: Value = serde_json::from_slice(&publish.payload).unwrap();
            wanted(&value).then_some(value)
        }
        _ => None,
    })
    .await
}

async fn suback(client: &AsyncClient, events: &mut EventLoop, topic: &str) -> SubscribeReasonCode {
    client.subscribe(topic, QoS::AtMostOnce).await.unwrap();
    next(events, |packet| match packet {
        Packet::SubAck(ack) => Some(ack.return_codes[0]),
        _ => None,
    })
    .await
}

async fn read_reply(stream: &mut TcpStream) -> (u16, Value) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return (status, serde_json::from_str(body).unwrap());
            }
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the connection stays open");
    }
}

struct Rest(TcpStream);

impl Rest {
    async fn to(cloud: &Cloud) -> Self {
        let address = cloud.settings().api_url.strip_prefix("http://").unwrap().to_owned();
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn get(&mut self, path: &str, token: &str) -> (u16, Value) {
        let text = format!("GET {path} HTTP/1.1\r\nHost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        self.0.write_all(text.as_bytes()).await.unwrap();
        read_reply(&mut self.0).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let text = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(text.as_bytes()).await.unwrap();
        read_reply(&mut self.0).await
    }
}

/// A file at an address of this cloud, fetched without a login.
async fn fetch(address: &Value) -> Vec<u8> {
    let address = address.as_str().unwrap().strip_prefix("http://").unwrap();
    let (host, path) = address.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    assert!(
        reply.starts_with(b"HTTP/1.1 200 "),
        "{}",
        String::from_utf8_lossy(&reply[..reply.len().min(200)])
    );
    let body = reply.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    reply.split_off(body)
}

#[tokio::test]
async fn a_print_has_a_picture_in_its_filaments_and_one_of_its_objects() {
    let cloud = cloud(1).await;
    let token = cloud.settings().token.clone();
    let host = cloud.settings().api_url.strip_prefix("http://").unwrap().to_owned();
    let mut rest = Rest(TcpStream::connect(&host).await.unwrap());
    let at_home =
        |url: &Value| json!(url.as_str().unwrap().replacen("http://x/", &format!("http://{host}/"), 1));
    let task = rest.get("/v1/user-service/my/tasks", &token).await.1["hits"][0].take();
    let cover = fetch(&at_home(&task["cover"])).await;
    let (side, pixels) = picture::tests::decode(&cover);
    // It prints in white and then in blue.
    assert_eq!((&task["title"], side), (&json!("Modular shelf bracket"), 512));
    assert!(pixels.iter().filter(|pixel| picture::tests::is_blue(**pixel)).count() > 5000);

    let ids = cloud.with_printer(&cloud.serials()[0], |printer| printer.job_ids()).unwrap();
    let path = format!("/v1/iot-service/api/user/project/{}?profile_id={}", ids.project, ids.profile);
    let plate = rest.get(&path, &token).await.1["profiles"][0]["context"]["plates"][0].take();
    let objects: BTreeSet<String> = plate["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["identify_id"].as_str().unwrap().to_owned())
        .collect();
    let (_, pixels) = picture::tests::decode(&fetch(&at_home(&plate["pick_picture"]["url"])).await);
    let shown: BTreeSet<String> = pixels
        .iter()
        .filter(|[.., opacity]| *opacity > 0)
        .map(|[red, green, blue, _]| u32::from_le_bytes([*red, *green, *blue, 0]).to_string())
        .collect();
    assert_eq!((shown, plate["objects"][0]["name"].as_str()), (objects, Some("Bracket.stl")));
}

const LOGIN: &str = "/v1/user-service/user/login";
const CODE: &str = "/v1/user-service/user/sendemail/code";
const PREFERENCE: &str = "/v1/design-user-service/my/preference";
const BIND: &str = "/v1/iot-service/api/user/bind";

#[tokio::test]
async fn one_connection_serves_login_preference_and_devices() {
    let cloud = cloud(3).await;
    let mut rest = Rest::to(&cloud).await;
    let settings = cloud.settings().clone();

    let right = json!({"account": settings.account, "password": settings.password, "apiError": ""});
    let (status, reply) = rest.post(LOGIN, &right).await;
    assert_eq!((status, &reply["expiresIn"], &reply["loginType"]), (200, &json!(7_776_000), &json!("")));
    let token = reply["accessToken"].as_str().unwrap().to_owned();
    assert_eq!(token, settings.token);

    let (status, reply) = rest.get(PREFERENCE, &token).await;
    assert_eq!((status, format!("u_{}", reply["uid"])), (200, settings.mqtt_user.clone()));

    let (status, reply) = rest.get(BIND, &token).await;
    let devices = reply["devices"].as_array().unwrap();
    assert_eq!((status, &reply["message"], devices.len()), (200, &json!("success"), 3));
    assert_eq!(devices[1]["dev_product_name"], "A1 mini");
    assert_eq!(devices[2]["dev_id"].as_str().unwrap(), cloud.serials()[2]);
    assert_eq!(devices[0]["online"], true);

    assert_eq!(rest.get("/v1/nothing/here?x=1", &token).await.0, 404);
    cloud.stop().await;
}

#[tokio::test]
async fn a_wrong_password_and_a_wrong_token_are_told_as_the_real_cloud_does() {
    let cloud = cloud(1).await;
    let mut rest = Rest::to(&cloud).await;
    let wrong = json!({"account": cloud.settings().account, "password": "no"});
    let (status, reply) = rest.post(LOGIN, &wrong).await;
    assert_eq!((status, &reply["code"], reply.get("accessToken")), (400, &json!(2), None));
    let expired = (401, json!({"code": 4, "error": "Please login.", "message": ""}));
    assert_eq!(rest.get(PREFERENCE, "other").await, expired);
    rest.0.write_all(format!("GET {BIND} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut rest.0).await, expired);
}

#[tokio::test]
async fn an_account_may_want_a_code_by_mail() {
    let options = Options { needs_code: true, printers: 1, ..Options::default() };
    let cloud = Cloud::start(options).await.unwrap();
    let mut rest = Rest::to(&cloud).await;
    let Settings { account, password, .. } = cloud.settings().clone();

    let (status, reply) = rest.post(LOGIN, &json!({"account": account, "password": password})).await;
    assert_eq!((status, &reply["loginType"], &reply["accessToken"]), (200, &json!("verifyCode"), &json!("")));
    assert_eq!(rest.post(LOGIN, &json!({"account": account, "code": "123456"})).await.1["code"], 1);
    assert_eq!(rest.post(CODE, &json!({"email": account, "type": "codeLogin"})).await.0, 200);
    assert_eq!(rest.post(LOGIN, &json!({"account": account, "code": "none"})).await.1["code"], 2);
    let code = cloud.mailed_code().unwrap();
    let (status, reply) = rest.post(LOGIN, &json!({"account": account, "code": code})).await;
    assert_eq!((status, reply["accessToken"].as_str()), (200, cloud.token().as_deref()));
}

#[tokio::test]
async fn requests_may_come_in_pieces_and_close_the_connection() {
    let cloud = cloud(1).await;
    let mut rest = Rest::to(&cloud).await;
    let body = json!({"account": cloud.settings().account, "password": "no"}).to_string();
    let text = format!(
        "POST {LOGIN} HTTP/1.1\r\nHOST: x\r\ncontent-LENGTH:{}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    for piece in text.as_bytes().chunks(7) {
        rest.0.write_all(piece).await.unwrap();
        rest.0.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read_reply(&mut rest.0).await.0, 400);
    assert_eq!(rest.0.read(&mut [0; 8]).await.unwrap(), 0);
}

#[tokio::test]
async fn only_the_token_and_only_own_printers() {
    let cloud = cloud(3).await;
    let (_client, mut events) = client(cloud.settings(), "not the token");
    let refused = loop {
        match events.poll().await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized)),
        "{refused}"
    );

    let (client, mut events) = client(cloud.settings(), &cloud.settings().token);
    let own = format!("device/{}/report", cloud.serials()[0]);
    let granted = SubscribeReasonCode::Success(QoS::AtMostOnce);
    assert_eq!(suback(&client, &mut events, &own).await, granted);
    for foreign in ["device/00M000000000000/report", "device/+/report", "#", "device/#"] {
        assert_eq!(suback(&client, &mut events, foreign).await, SubscribeReasonCode::Failure, "{foreign}");
    }
    // A publish to a foreign printer vanishes; the session lives on and hears its own.
    client.publish("device/00M000000000000/request", QoS::AtLeastOnce, false, "{}").await.unwrap();
    let report = next_message(&mut events, |_| true).await;
    assert_eq!(report["print"]["command"], "push_status");
    cloud.stop().await;
}

#[tokio::test]
async fn a_request_is_answered_on_the_report_topic() {
    let cloud = cloud(3).await;
    let serial = cloud.serials()[1].clone();
    let (client, mut events) = client(cloud.settings(), &cloud.settings().token);
    suback(&client, &mut events, &format!("device/{serial}/report")).await;
    let topic = format!("device/{serial}/request");
    let version = r#"{"info":{"sequence_id":"40001","command":"get_version"}}"#;
    client.publish(&topic, QoS::AtLeastOnce, false, version).await.unwrap();
    let reply = next_message(&mut events, |message| message.get("info").is_some()).await;
    assert_eq!(reply["info"]["sequence_id"], "40001");
    let pushall = r#"{"pushing":{"sequence_id":"40002","command":"pushall","version":1,"push_target":1}}"#;
    client.publish(&topic, QoS::AtMostOnce, false, pushall).await.unwrap();
    let full = next_message(&mut events, |message| message["print"]["msg"] == 0).await;
    assert!(full["print"].as_object().unwrap().len() >= 55);
}

#[tokio::test]
async fn a_revoked_token_ends_the_session_and_is_refused_until_the_next_login() {
    let cloud = cloud(1).await;
    let token = cloud.settings().token.clone();
    let (session, mut events) = client(cloud.settings(), &token);
    suback(&session, &mut events, &format!("device/{}/report", cloud.serials()[0])).await;
    cloud.revoke_token();
    let end = async { while events.poll().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, end).await.unwrap();
    let refused = events.poll().await.unwrap_err();
    assert!(
        matches!(refused, ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized)),
        "{refused}"
    );

    let mut rest = Rest::to(&cloud).await;
    assert_eq!(rest.get(BIND, &token).await.1["code"], 4);
    let settings = cloud.settings();
    let login = json!({"account": settings.account, "password": settings.password});
    let fresh = rest.post(LOGIN, &login).await.1["accessToken"].as_str().unwrap().to_owned();
    assert_ne!(fresh, token);
    let (_session, mut events) = client(settings, &fresh);
    next(&mut events, |packet| matches!(packet, Packet::ConnAck(_)).then_some(())).await;
}

#[tokio::test]
async fn connections_break_are_barred_and_slowed_down_at_will() {
    let cloud = cloud(1).await;
    let (session, mut events) = client(cloud.settings(), &cloud.settings().token);
    suback(&session, &mut events, &format!("device/{}/report", cloud.serials()[0])).await;
    assert_eq!(cloud.connections(), 1);
    cloud.drop_connections();
    tokio::time::timeout(PATIENCE, async { while events.poll().await.is_ok() {} }).await.unwrap();

    cloud.refuse_connections(true);
    assert!(events.poll().await.is_err());
    cloud.refuse_connections(false);
    cloud.slow_down(Duration::from_millis(40));
    next(&mut events, |packet| matches!(packet, Packet::ConnAck(_)).then_some(())).await;
    cloud.stop().await;
}

#[tokio::test]
async fn a_printer_without_power_is_announced_as_lost_and_as_returned() {
    let cloud = cloud(2).await;
    let serial = cloud.serials()[0].clone();
    let (session, mut events) = client(cloud.settings(), &cloud.settings().token);
    suback(&session, &mut events, &format!("device/{serial}/report")).await;
    cloud.power_off(&serial, 0);
    let lost = next_message(&mut events, |message| message.get("event").is_some()).await;
    assert_eq!(lost["event"]["event"], "client.disconnected");
    assert_eq!(lost["event"]["disconnected_at"].as_str().unwrap().len(), 13);
    let mut rest = Rest::to(&cloud).await;
    let devices = rest.get(BIND, &cloud.settings().token).await.1;
    assert_eq!(
        (&devices["devices"][0]["online"], &devices["devices"][1]["online"]),
        (&json!(false), &json!(true))
    );

    cloud.power_on(&serial);
    let back = next_message(&mut events, |message| message.get("event").is_some()).await;
    assert_eq!(back["event"]["event"], "client.connected");
    next_message(&mut events, |message| message["print"]["command"] == "push_status").await;
}

#[tokio::test]
async fn a_printer_without_power_is_listed_and_silent_until_somebody_switches_it_on() {
    let cloud = Cloud::start(Options { printers: 1, off: 1, ..Options::default() }).await.unwrap();
    assert_eq!(cloud.absent(), ["Demo P1S"]);
    let serials = cloud.serials();
    assert_eq!(serials.len(), 2);
    let mut rest = Rest::to(&cloud).await;
    let devices = rest.get(BIND, &cloud.settings().token).await.1["devices"].take();
    assert_eq!((&devices[0]["online"], &devices[1]["online"]), (&json!(true), &json!(false)));
    assert_eq!((&devices[1]["dev_id"], &devices[1]["print_status"]), (&json!(serials[1]), &json!("SUCCESS")));

    let (session, mut events) = client(cloud.settings(), &cloud.settings().token);
    suback(&session, &mut events, &format!("device/{}/report", serials[1])).await;
    suback(&session, &mut events, &format!("device/{}/report", serials[0])).await;
    let request = r#"{"pushing":{"command":"pushall"}}"#;
    session.publish(format!("device/{}/request", serials[1]), QoS::AtMostOnce, false, request).await.unwrap();
    // Three reports of the other one are three seconds.
    for _ in 0..3 {
        next(&mut events, |packet| match packet {
            Packet::Publish(publish) => {
                assert!(publish.topic.contains(&serials[0]), "it has said something");
                Some(())
            }
            _ => None,
        })
        .await;
    }
    cloud.power_on(&serials[1]);
    next_message(&mut events, |message| message["event"]["event"] == "client.connected").await;
    assert_eq!(cloud.absent(), [""; 0]);
}

#[tokio::test]
async fn a_cloud_can_be_full_of_printers_that_want_signatures() {
    let options = Options { signed: true, printers: 3, ..Options::default() };
    let cloud = Cloud::start(options).await.unwrap();
    for serial in cloud.serials() {
        let answers = cloud.with_printer(&serial, |printer| {
            printer.handle(br#"{"print":{"command":"pause","param":"","sequence_id":"1"}}"#)
        });
        let answer = String::from_utf8(answers.unwrap().concat()).unwrap();
        assert!(answer.contains("84033543") || answer.contains("verify failed"), "{answer}");
    }
    cloud.stop().await;
}

/// What is different between two answers of one kind: the names of their members, and the words of a refusal.
fn shape(answer: &Value) -> (Vec<&String>, [&Value; 3]) {
    (answer.as_object().unwrap().keys().collect(), [&answer["code"], &answer["error"], &answer["loginType"]])
}

#[tokio::test]
async fn logins_are_answered_like_those_that_were_captured() {
    let Some(folder) = crate::shared::shared("captures/rest") else { return };
    let check = |(status, answer): (u16, Value), name: &str| {
        let captured: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap();
        let expected = if name.contains("_http400") { 400 } else { 200 };
        assert_eq!(status, expected, "{name}");
        assert_eq!(shape(&answer), shape(&captured), "{name}");
    };
    let starting = |authenticator, needs_code| {
        Cloud::start(Options { printers: 1, authenticator, needs_code, ..Options::default() })
    };
    let cloud = starting(false, true).await.unwrap();
    let mut rest = Rest::to(&cloud).await;
    let Settings { account, password, token, .. } = cloud.settings().clone();
    let with_password = json!({"account": account, "password": password});
    let with_code = |code: &str| json!({"account": account, "code": code});
    check(rest.post(LOGIN, &with_password).await, "login_verifyCode.json");
    check(rest.post(LOGIN, &with_code("1")).await, "login_code_expired_http400.json");
    check(rest.post(CODE, &json!({"email": account})).await, "sendemail_code_success.json");
    check(rest.post(LOGIN, &with_code("1")).await, "login_code_wrong_http400.json");
    let wrong = json!({"account": account, "password": "wrong"});
    check(rest.post(LOGIN, &wrong).await, "login_password_wrong_http400.json");
    check(
        rest.post(LOGIN, &with_code(&cloud.mailed_code().unwrap())).await,
        "login_success_opaque_token.json",
    );
    check(rest.get(PREFERENCE, &token).await, "preference.json");
    let cloud = starting(true, false).await.unwrap();
    check(Rest::to(&cloud).await.post(LOGIN, &with_password).await, "login_tfa.json");
}

#[tokio::test]
async fn endpoints_fail_as_they_are_told_and_are_counted() {
    let cloud = cloud(1).await;
    let mut rest = Rest::to(&cloud).await;
    let token = cloud.settings().token.clone();
    cloud.rest().fail_next(Endpoint::Preference, Failure::Fault(Some(7)));
    cloud.rest().fail_next(Endpoint::Preference, Failure::Unauthorised);
    cloud.rest().fail(Endpoint::Devices, Failure::Forbidden);
    for expected in [500, 401, 200] {
        assert_eq!(rest.get(PREFERENCE, &token).await.0, expected);
    }
    assert_eq!([rest.get(BIND, &token).await.0, rest.get(BIND, &token).await.0], [403, 403]);
    cloud.rest().fail_all(Failure::Expired);
    assert_eq!(rest.get(PREFERENCE, &token).await.1["code"], 4);
    cloud.rest().heal();
    assert_eq!(rest.get(BIND, &token).await.0, 200);
    assert_eq!((cloud.rest().asked(Endpoint::Preference), cloud.rest().asked(Endpoint::Devices)), (4, 3));
}
