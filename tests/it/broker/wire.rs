//! The link against a broker of a few lines, for what real ones do not do on request, and
//! against none at all, with time that is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bambu2mqtt::mqtt::backoff::Pace;
use bambu2mqtt::mqtt::{Error, Event, Link, Message, Options, Qos, Refusal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Client, options};
use crate::support::DEADLINE;
use crate::support::wire::{Wire, refusing_port};

#[tokio::test]
async fn every_suback_code_is_looked_at_whatever_the_order() {
    let wire = Wire::listen().await;
    let mut gateway = Client::start(options(wire.port(), "gateway"));
    let mut broker = wire.accept(0).await;
    gateway.connected().await;
    for topic in ["one", "two", "three"] {
        gateway.outbox().subscribe(topic, Qos::AtMostOnce);
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        let packet = broker.packet().await.unwrap();
        assert_eq!(packet.kind(), 8, "one SUBSCRIBE each");
        ids.push(packet.id());
    }
    for (n, code) in [(2, 0x80), (0, 0), (1, 0x80)] {
        let [high, low] = ids[n];
        broker.send(&[0x90, 3, high, low, code]).await;
    }
    for expected in [
        Event::SubscriptionRefused { topic: "three".to_owned() },
        Event::Subscribed { topic: "one".to_owned() },
        Event::SubscriptionRefused { topic: "two".to_owned() },
    ] {
        assert_eq!(gateway.event().await, expected);
    }
}

#[tokio::test]
async fn refused_in_the_cloud_means_no_further_attempt() {
    let wire = Wire::listen().await;
    let mut cloud = Client::start(Options { pace: Pace::Cloud, ..options(wire.port(), "gateway") });
    for (code, refusal) in [
        (5, Refusal::NotAuthorised),
        (4, Refusal::UserNameOrPassword),
        (2, Refusal::ClientId),
        (1, Refusal::ProtocolVersion),
    ] {
        // The broker hangs up right after its answer; the answer is still what counts.
        drop(wire.accept(code).await);
        let (error, retry_in) = cloud.disconnected().await;
        assert!(matches!(error, Error::Refused { refusal: seen, .. } if seen == refusal), "{error}");
        assert_eq!(retry_in, None);
        assert!(wire.nobody_comes().await);
        cloud.link.retry();
    }
    // The fifth within five minutes would be one too many, whoever asks for it.
    assert!(wire.nobody_comes().await);
    drop(cloud);
    // Busy is not refused: the link goes on by itself.
    let wire = Wire::listen().await;
    let mut cloud = Client::start(Options { pace: Pace::Cloud, ..options(wire.port(), "gateway") });
    drop(wire.accept(3).await);
    let (error, retry_in) = cloud.disconnected().await;
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(retry_in.unwrap() >= Duration::from_secs(10));
}

#[tokio::test]
async fn states_fold_while_the_broker_is_slow() {
    const ROUNDS: usize = 400;
    let wire = Wire::listen().await;
    let mut gateway = Client::start(options(wire.port(), "gateway"));
    let mut broker = wire.accept(0).await;
    gateway.connected().await;
    let payload = |round: usize| {
        let mut payload = vec![b' '; 100_000];
        payload.splice(..0, round.to_string().into_bytes());
        payload
    };
    for round in 0..ROUNDS {
        for topic in ["a", "b", "c"] {
            gateway.outbox().set(topic, payload(round));
        }
        assert!(gateway.outbox().len() <= 3);
        // Lets the writer run; the broker reads nothing meanwhile.
        tokio::task::yield_now().await;
    }
    gateway.outbox().send(Message::new("end", ""));
    let mut last = std::collections::BTreeMap::new();
    let mut count = 0;
    loop {
        let (topic, payload) = broker.packet().await.unwrap().publish();
        if topic == "end" {
            break;
        }
        count += 1;
        last.insert(topic, payload);
    }
    assert!(count < ROUNDS * 3 / 2, "{count} of {} left", ROUNDS * 3);
    for topic in ["a", "b", "c"] {
        assert_eq!(last[topic], payload(ROUNDS - 1), "{topic}");
    }
}

#[tokio::test]
async fn nothing_is_replayed_after_a_reconnect() {
    let wire = Wire::listen().await;
    let mut cloud = Client::start(options(wire.port(), "gateway"));
    let mut broker = wire.accept(0).await;
    cloud.connected().await;
    // Neither acknowledged nor forgotten by a client library that keeps a session.
    cloud.outbox().send(Message::new("device/x/request", "stop").at_least_once());
    assert_eq!(broker.packet().await.unwrap().publish().1, b"stop");
    drop(broker);
    cloud.disconnected().await;
    let mut broker = wire.accept(0).await;
    cloud.connected().await;
    cloud.outbox().send(Message::new("device/x/request", "pushall"));
    assert_eq!(broker.packet().await.unwrap().publish().1, b"pushall");
}

#[tokio::test]
async fn a_broker_that_acknowledges_out_of_order_is_followed() {
    let wire = Wire::listen().await;
    let mut gateway = Client::start(options(wire.port(), "gateway"));
    let mut broker = wire.accept(0).await;
    gateway.connected().await;
    let mut sent = Vec::new();
    for n in 0..3 {
        let token = gateway.outbox().send(Message::new("e", n.to_string()).at_least_once()).unwrap();
        sent.push((token, broker.packet().await.unwrap().id()));
    }
    for n in [1, 2, 0] {
        let (token, [high, low]) = sent[n];
        broker.send(&[0x40, 2, high, low]).await;
        assert_eq!(gateway.event().await, Event::Delivered(token));
    }
}

#[tokio::test]
async fn closing_does_not_wait_for_a_broker_that_is_gone_or_mute() {
    let offline = || Some(Message::new("availability", "offline").retained().at_least_once());
    // Nobody there: the link is between two attempts.
    let (_held, port) = refusing_port();
    let mut gateway = Client::start(options(port, "gateway"));
    let (error, _) = gateway.disconnected().await;
    assert!(matches!(error, Error::ConnectionRefused { .. }), "{error}");
    tokio::time::timeout(Duration::from_secs(1), gateway.close(offline())).await.unwrap();

    // Nobody answers the CONNECT.
    let wire = Wire::listen().await;
    let gateway = Client::start(options(wire.port(), "gateway"));
    tokio::time::timeout(Duration::from_secs(1), gateway.close(offline())).await.unwrap();

    // Connected, but the goodbye is never acknowledged.
    let wire = Wire::listen().await;
    let mut gateway = Client::start(options(wire.port(), "gateway"));
    let _broker = wire.accept(0).await;
    gateway.connected().await;
    tokio::time::timeout(Duration::from_secs(4), gateway.close(offline())).await.unwrap();
}

#[tokio::test]
async fn closing_works_while_nobody_reads_the_inbox() {
    let wire = Wire::listen().await;
    let (sender, mut inbox) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    let link = Link::start(&mut tasks, options(wire.port(), "gateway"), sender, |event| event);
    let mut broker = wire.accept(0).await;
    assert_eq!(inbox.recv().await, Some(Event::Connected));
    for _ in 0..100 {
        broker.send(&[0x30, 5, 0, 1, b't', b'x', b'y']).await;
    }
    let goodbye = async {
        let packet = broker.packet().await.unwrap();
        assert_eq!(packet.publish().1, b"offline");
        let [high, low] = packet.id();
        broker.send(&[0x40, 2, high, low]).await;
        assert_eq!(broker.packet().await.unwrap().kind(), 14, "DISCONNECT");
        drop(broker);
    };
    let close = link.close(Some(Message::new("availability", "offline").retained().at_least_once()));
    tokio::time::timeout(DEADLINE, async { tokio::join!(close, goodbye) }).await.unwrap();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn trouble_of_the_network_has_a_name() {
    let mut gateway =
        Client::start(Options { host: "no-such-host.invalid".to_owned(), ..options(1883, "gateway") });
    let (error, retry_in) = gateway.disconnected().await;
    assert!(matches!(error, Error::NameNotResolved { .. }), "{error}");
    assert!(retry_in.unwrap() <= Duration::from_secs(1));

    let wire = Wire::listen().await;
    let mut gateway = Client::start(options(wire.port(), "gateway"));
    let mut broker = wire.accept(0).await;
    gateway.connected().await;
    // DISCONNECT, which a broker may not say before MQTT 5.
    broker.send(&[0xe0, 0]).await;
    let (error, _) = gateway.disconnected().await;
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    drop(broker);

    let mut broker = wire.accept(0).await;
    gateway.connected().await;
    // PUBLISH of 2 MiB, announced in its fixed header.
    broker.send(&[0x30, 0x80, 0x80, 0x80, 0x01]).await;
    let (error, _) = gateway.disconnected().await;
    assert!(matches!(error, Error::PacketTooLarge { size: 2_097_152, .. }), "{error}");
}

#[tokio::test]
async fn a_literal_ipv6_address_works_with_and_without_brackets() {
    let Some(wire) = Wire::listen_v6().await else { return };
    for host in ["::1", "[::1]"] {
        let mut gateway = Client::start(Options { host: host.to_owned(), ..options(wire.port(), "gateway") });
        drop(wire.accept(0).await);
        let (error, _) = gateway.disconnected().await;
        assert_eq!(error.to_string(), format!("broker [::1]:{} closed the connection", wire.port()));
    }
}

/// What was logged at `warn` and above while `check` ran.
fn warnings(check: impl Future<Output = ()>) -> Vec<String> {
    let log = SharedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(check));
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
}

#[derive(Clone, Default)]
struct SharedLog(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for SharedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Moves through the first `count` failures at a port where nobody listens; returns the pauses.
async fn pauses(pace: Pace, count: u32) -> Vec<u64> {
    let (_held, port) = refusing_port();
    let mut client = Client::start(Options { pace, ..options(port, "gateway") });
    let mut pauses = Vec::new();
    for expected in 1..=count {
        let Some(Event::Disconnected { error, retry_in, failures, lasted }) = client.inbox.recv().await
        else {
            panic!("nothing but failures can happen here");
        };
        assert!(matches!(error, Error::ConnectionRefused { .. }), "{error}");
        assert_eq!((failures, lasted), (expected, None));
        pauses.push(retry_in.unwrap().as_secs());
    }
    pauses
}

#[test]
fn pauses_grow_and_the_log_stays_short() {
    let log = warnings(async {
        let pauses = pauses(Pace::Local, 100).await;
        assert!(pauses[..3].iter().all(|pause| *pause <= 4), "{pauses:?}");
        assert!(pauses[8..].iter().all(|pause| (90..=120).contains(pause)), "{pauses:?}");
    });
    // The 1st, 2nd, 4th and so on up to the 64th.
    assert_eq!(log.len(), 7, "{log:#?}");
    assert!(log[0].contains("connection refused; trying again in 1s"), "{}", log[0]);
    assert!(log[6].contains("failures=64"), "{}", log[6]);
}

#[test]
fn the_cloud_is_left_in_peace() {
    warnings(async {
        let pauses = pauses(Pace::Cloud, 20).await;
        for (pause, least) in pauses.iter().zip([10, 30, 90, 300, 300]) {
            assert!((least..=least * 5 / 4).contains(pause), "{pauses:?}");
        }
    });
}

#[test]
fn a_good_minute_ends_the_trouble_and_is_logged_once() {
    let log = warnings(async {
        let wire = Wire::listen().await;
        let options = Options { keep_alive: Duration::from_secs(3600), ..options(wire.port(), "gateway") };
        let mut gateway = Client::start(options);
        for (held, expected) in [(1, 1), (30, 2), (59, 3), (61, 1), (1, 2)] {
            let broker = wire.accept(0).await;
            assert_eq!(gateway.inbox.recv().await, Some(Event::Connected));
            tokio::time::sleep(Duration::from_secs(held)).await;
            drop(broker);
            let Some(Event::Disconnected { failures, lasted, .. }) = gateway.inbox.recv().await else {
                panic!("the connection was lost");
            };
            assert_eq!((failures, lasted.map(|lasted| lasted.as_secs())), (expected, Some(held)));
        }
    });
    assert!(!log.is_empty() && log.iter().all(|line| line.contains("closed the connection")), "{log:#?}");
}
