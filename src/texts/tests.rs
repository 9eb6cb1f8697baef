use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use wiremock::matchers::{method, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::config::StateDir;
use printer::{Health, Hms};

const PRINTER: &str = "01P00X000000001";
const DOOR: Hms = Hms { attr: 0x0300_9600, code: 0x0003_0001 };

fn prefix() -> Prefix {
    Prefix::of(PRINTER).unwrap()
}

fn body(door: &str) -> Value {
    json!({"result": 0, "t": 1, "ver": 202_511, "data": {
        "device_hms": {"ver": 202_511, "de": [
            {"ecode": "0300960000030001", "intro": door},
            {"ecode": "0500060000020006", "intro": ""},
            {"ecode": "nonsense", "intro": "x"},
            {"ecode": "0300960000030002"},
            17,
        ]},
        "device_error": {"ver": 1, "de": [{"ecode": "12008001", "intro": "Schneider\n  klemmt"}]},
    }})
}

fn new(text: &str) -> Answer {
    Answer::New {
        version: Some("202511".into()),
        catalogue: vec![
            (0x0300_9600_0003_0001, text.to_owned()),
            (0x0500_0600_0002_0006, String::new()),
            (0x1200_8001, "Schneider klemmt".into()),
        ],
    }
}

#[test]
fn an_answer_is_read_entry_by_entry() {
    assert_eq!(parse(body("Tür offen").to_string().as_bytes(), "de"), Ok(new("Tür offen")));
    let upper = body("Tür offen").to_string().replace("\"de\"", "\"DE\"");
    assert_eq!(parse(upper.as_bytes(), "de"), Ok(new("Tür offen")));
    assert_eq!(parse(br#"{"result":201}"#, "de"), Ok(Answer::Unchanged));
}

#[test]
fn what_is_no_catalogue_is_refused() {
    let whole = body("x").to_string();
    for rubbish in ["", "null", "[]", "{}", "<html>Just a moment...</html>", &whole[..whole.len() / 2]] {
        assert_eq!(parse(rubbish.as_bytes(), "de"), Err(Fault::NotData), "{rubbish}");
    }
    assert_eq!(parse(b"\xff\xfe{}", "de"), Err(Fault::NotData));
    assert_eq!(parse(br#"{"result":3,"data":[]}"#, "de"), Err(Fault::Refused(3)));
    assert_eq!(parse(whole.as_bytes(), "fr"), Err(Fault::Empty), "never another language");
    for empty in [
        json!({"result": 0, "data": []}),
        json!({"result": 0}),
        json!({"result": 0, "data": {"device_hms": {"de": []}, "device_error": {"de": {}}}}),
        json!({"result": 0, "data": {"device_hms": {"de": [{"ecode": "0300960000030001", "intro": ""}]}}}),
    ] {
        assert_eq!(parse(empty.to_string().as_bytes(), "de"), Err(Fault::Empty), "{empty}");
    }
}

#[test]
fn an_endless_text_is_cut() {
    let long = body(&"wort ".repeat(100_000)).to_string();
    let Ok(Answer::New { catalogue, .. }) = parse(long.as_bytes(), "de") else { panic!("it is one") };
    assert!(catalogue[0].1.len() <= 1000 && catalogue[0].1.ends_with("wort"));
}

const QUICK: Pace = Pace {
    first: Duration::ZERO,
    between: Duration::from_millis(1),
    refresh: Duration::from_secs(3600),
    again: Duration::from_millis(20),
    slowest: Duration::from_millis(40),
    timeout: Duration::from_millis(400),
};

struct Scene {
    loader: Loader,
    inbox: mpsc::Receiver<Arc<Texts>>,
    writer: Writer,
    _tasks: JoinSet<String>,
}

#[allow(clippy::disallowed_methods, reason = "this stands for the gateway's clock")]
fn scene(uri: &str, folder: &std::path::Path, pace: Pace) -> Scene {
    let options = TextsOptions { language: "de", url: Url::parse(uri).unwrap(), pace };
    let mut tasks = JoinSet::new();
    let writer = writer(&mut tasks, folder);
    let (sender, inbox) = mpsc::channel(8);
    let start = Instant::now();
    let clock = move || Now { mono: start.elapsed(), wall: Timestamp::now() };
    let loader = Loader::start(options, writer.clone(), clock, sender, |texts| texts);
    loader.want(vec![prefix(), prefix()]);
    Scene { loader, inbox, writer, _tasks: tasks }
}

fn writer(tasks: &mut JoinSet<String>, folder: &std::path::Path) -> Writer {
    // Nobody listens.
    let (sender, _) = mpsc::channel(1);
    Writer::start(tasks, Arc::new(StateDir::open(folder).unwrap()), sender, |event| event)
}

impl Scene {
    async fn door(&mut self) -> String {
        let texts = tokio::time::timeout(Duration::from_secs(20), self.inbox.recv()).await;
        door(&texts.expect("texts come").expect("the loader lives"))
    }

    /// The program ends.
    async fn end(self) {
        drop(self.loader);
        self.writer.close().await;
    }
}

fn door(texts: &Texts) -> String {
    Health::tell(&[DOOR], None, texts, PRINTER).messages[0].text.clone()
}

/// A server that gives these answers, the last one for ever.
async fn server(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    let answers = Mutex::new(VecDeque::from(answers));
    let answer = move |_: &Request| {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
    };
    Mock::given(method("GET"))
        .and(query_param("lang", "de"))
        .and(query_param("d", "01P"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn good(door: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(body(door).to_string())
}

/// A catalogue that could be used, but for its length.
fn endless(door: &str) -> String {
    let whole = body(door).to_string();
    format!("{}{}", " ".repeat(5 << 20), whole)
}

#[tokio::test]
async fn whatever_a_server_does_texts_come_in_the_end() {
    let whole = body("Tür offen").to_string();
    let bad = vec![
        ResponseTemplate::new(200).set_body_string("<html>Just a moment...</html>"),
        ResponseTemplate::new(500),
        ResponseTemplate::new(429).insert_header("retry-after", "0"),
        ResponseTemplate::new(302).insert_header("location", "https://example.com"),
        good("zu spät").set_delay(Duration::from_secs(2)),
        ResponseTemplate::new(200).set_body_string(&whole[..whole.len() - 20]),
        ResponseTemplate::new(200).set_body_string(endless("zu lang")),
        ResponseTemplate::new(200).set_body_string(json!({"result": 0, "data": []}).to_string()),
        good("Tür offen"),
    ];
    let asked = bad.len();
    let server = server(bad).await;
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene(&server.uri(), folder.path(), QUICK);
    assert_eq!(scene.door().await, "Tür offen");
    assert_eq!(server.received_requests().await.unwrap().len(), asked);
}

#[tokio::test]
async fn an_answer_that_does_not_say_how_long_it_is_ends_at_the_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        // Until the connection ends; who reads may be gone before.
        let answer = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", endless("zu lang"));
        let _ = stream.write_all(answer.as_bytes()).await;
    };
    let fetched = fetch::fetch(&url, "de", prefix(), None, Duration::from_secs(20));
    let (answer, ()) = tokio::join!(fetched, server);
    assert!(matches!(answer, Err(FetchError::TooLong)), "{answer:?}");
}

#[tokio::test]
async fn what_is_on_the_disk_serves_without_a_network_and_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    {
        let server = server(vec![good("Tür offen")]).await;
        let mut scene = scene(&server.uri(), folder.path(), QUICK);
        assert_eq!(scene.door().await, "Tür offen");
        scene.end().await;
    }
    // Nobody listens there, and nobody is asked: the last answer is fresh.
    let mut offline = scene("http://127.0.0.1:1", folder.path(), QUICK);
    assert_eq!(offline.door().await, "Tür offen");
    offline.end().await;
    // An old one is asked about, and what is no catalogue changes nothing.
    fs::write(folder.path().join("texts-de-01P.checked"), "2020-01-01T00:00:00Z").unwrap();
    let server = server(vec![ResponseTemplate::new(503), good("Tür ist offen")]).await;
    let mut later = scene(&server.uri(), folder.path(), QUICK);
    assert_eq!(later.door().await, "Tür offen");
    assert_eq!(later.door().await, "Tür ist offen");
    later.end().await;
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().all(|request| request.url.query().unwrap().contains("v=202511")), "{asked:?}");
    // Private, and nothing half-written beside it.
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(files.len(), 2);
    assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
}

#[tokio::test]
async fn a_good_answer_is_enough_for_a_day_and_an_unchanged_one_is_no_news() {
    let folder = tempfile::tempdir().unwrap();
    let newest = ResponseTemplate::new(200).set_body_string(r#"{"result":201}"#);
    let bad = ResponseTemplate::new(503);
    let server = server(vec![good("Tür offen"), newest.clone(), bad, newest]).await;
    let mut tasks = JoinSet::new();
    let options = TextsOptions { language: "de", url: Url::parse(&server.uri()).unwrap(), pace: QUICK };
    let texts = Arc::new(Texts::new("de", []));
    let writer = writer(&mut tasks, folder.path());
    let mut work = Work { options, writer, models: BTreeMap::new(), texts, failing: false };
    let now = Now { mono: Duration::from_secs(1000), wall: "2026-03-01T12:00:00Z".parse().unwrap() };
    let due = |work: &Work| work.models[&prefix()].due;
    assert!(!work.open(&[prefix()], now).await, "nothing is there yet");
    assert_eq!(due(&work), now.mono, "so it is asked for at once");
    assert!(work.refresh(prefix(), &|| now).await);
    assert_eq!(door(&work.texts), "Tür offen");
    assert!(due(&work) >= now.mono + QUICK.refresh);
    let later = Now { mono: due(&work), ..now };
    assert!(!work.refresh(prefix(), &|| later).await, "unchanged");
    assert!(due(&work) >= later.mono + QUICK.refresh);
    assert!(!work.refresh(prefix(), &|| later).await, "a bad answer");
    assert!(due(&work) <= later.mono + QUICK.slowest, "which is tried again soon");
    assert!(!work.refresh(prefix(), &|| later).await && due(&work) >= later.mono + QUICK.refresh);
    assert_eq!(door(&work.texts), "Tür offen");
    let versions = server.received_requests().await.unwrap();
    let known = versions.iter().filter(|request| request.url.query().unwrap().contains("v=202511")).count();
    assert_eq!((versions.len(), known), (4, 3), "what is here is named");
}

#[tokio::test]
async fn a_damaged_file_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::open(folder.path()).unwrap();
    let mut tasks = JoinSet::new();
    let writer = writer(&mut tasks, folder.path());
    let catalogue = vec![(1, "one".to_owned()), (2, String::new())];
    cache::write(&writer, "de", prefix(), Some("7"), &catalogue, Timestamp::UNIX_EPOCH);
    writer.close().await;
    let kept = cache::read(&state, "de", prefix()).unwrap();
    assert_eq!((kept.version.as_deref(), kept.catalogue), (Some("7"), catalogue));
    assert_eq!(kept.checked, Some(Timestamp::UNIX_EPOCH));
    let whole = state.read("texts-de-01P").unwrap().unwrap();
    for damaged in [&whole[..whole.len() - 2], &whole[3..], b"", b"\xff"] {
        state.write("texts-de-01P", damaged).unwrap();
        assert!(cache::read(&state, "de", prefix()).is_none());
    }
}

#[test]
fn a_whole_catalogue_is_kept_small() {
    // As many entries as the vendor has for a model, with texts of the usual length.
    let catalogue = |model: u64| -> printer::Catalogue {
        (0..5800).map(|n| (n, format!("{:0110}", if n % 10 == 0 { n + model } else { n }))).collect()
    };
    let model = |name: &str, n: u64| (Prefix::of(name).unwrap(), catalogue(n * 10_000));
    let one = Texts::new("de", [model("01P", 0)]).size();
    let three = Texts::new("de", [model("01P", 0), model("094", 1), model("039", 2)]).size();
    println!("{} kB for one model, {} kB for three", one / 1024, three / 1024);
    assert!(one < 800 * 1024 && three < 2 * one);
}
