//! The link against real brokers: what happens on the wire when things go wrong.
//!
//! Each check runs on every kind of broker that is there; see `support`. Nothing sleeps to be in
//! time: the checks wait for events, with a deadline that only a failure uses up.

use std::time::Duration;

use bambu2mqtt::mqtt::backoff::Pace;
use bambu2mqtt::mqtt::{Ended, Error, Event, Link, Message, Options, Outbox, Qos, Refusal};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::{Broker, Certificate, DEADLINE, Kind, PASSWORD, Settings, USER, available};

mod wire;

macro_rules! on_every_broker {
    ($($check:ident),* $(,)?) => {
        on_every_broker!(@ mosquitto, Kind::Mosquitto, $($check)*);
        on_every_broker!(@ container, Kind::Container, $($check)*);
        on_every_broker!(@ embedded, Kind::Embedded, $($check)*);
    };
    (@ $module:ident, $kind:expr, $($check:ident)*) => {
        mod $module {
            use super::{Kind, available};
            $(
                #[tokio::test]
                async fn $check() {
                    if available($kind) {
                        super::$check($kind).await;
                    }
                }
            )*
        }
    };
}

on_every_broker!(
    the_last_will_appears_when_the_process_dies_hard,
    a_forgetful_broker_knows_everything_again_after_its_restart,
    a_persistent_broker_still_knows_after_its_restart,
    a_refused_login_is_reported_and_not_hammered,
    a_new_login_wakes_a_link_that_has_stopped,
    large_packets_pass_both_ways,
    a_message_above_our_limit_is_dropped_and_the_connection_lives,
    states_and_events_keep_their_order,
    the_closing_offline_is_retained,
    two_connections_with_one_client_id_are_told_apart,
    own_authority_is_trusted_and_a_foreign_one_is_not,
    a_certificate_of_the_future_blames_the_clock,
    a_thousand_printers_leave_in_portions,
);

/// A link and the inbox it reports to.
struct Client {
    link: Link,
    inbox: mpsc::Receiver<Event>,
    tasks: JoinSet<Ended>,
}

fn options(port: u16, client_id: &str) -> Options {
    Options {
        name: "local broker".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        tls: None,
        client_id: client_id.to_owned(),
        credentials: None,
        last_will: None,
        keep_alive: Duration::from_secs(30),
        pace: Pace::Local,
    }
}

fn login(user: &str, password: &str) -> (String, SecretString) {
    (user.to_owned(), SecretString::from(password))
}

impl Client {
    fn start(options: Options) -> Self {
        let (sender, inbox) = mpsc::channel(256);
        let mut tasks = JoinSet::new();
        let link = Link::start(&mut tasks, options, sender, |event| event);
        Self { link, inbox, tasks }
    }

    async fn connect(options: Options) -> Self {
        let mut client = Self::start(options);
        client.connected().await;
        client
    }

    /// A client that has subscribed to `filter`.
    async fn watch(broker: &Broker, client_id: &str, filter: &str) -> Self {
        let mut options = options(broker.port, client_id);
        if broker.settings.password {
            options.credentials = Some(login(USER, PASSWORD));
        }
        let mut client = Self::connect(options).await;
        client.subscribe(filter).await;
        client
    }

    fn outbox(&self) -> &Outbox {
        self.link.outbox()
    }

    /// Waits for the event that `pick` wants, and drops those before it.
    async fn until<R>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<R>) -> R {
        let wait = async {
            let mut before = Vec::new();
            while let Some(event) = self.inbox.recv().await {
                if let Some(found) = pick(&event) {
                    return found;
                }
                before.push(event);
            }
            panic!("the link ended before {what}: {before:?}");
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    /// The next event, whatever it is.
    async fn event(&mut self) -> Event {
        self.until("an event", |event| Some(event.clone())).await
    }

    async fn connected(&mut self) {
        self.until("a connection", |event| (*event == Event::Connected).then_some(())).await;
    }

    /// The next failure: why, and when the link goes on.
    async fn disconnected(&mut self) -> (Error, Option<Duration>) {
        self.until("a failure", |event| match event {
            Event::Disconnected { error, retry_in, .. } => Some((error.clone(), *retry_in)),
            _ => None,
        })
        .await
    }

    async fn subscribe(&mut self, filter: &str) {
        // A subscription at least once would let a busy broker deliver events after newer states.
        self.link.outbox().subscribe(filter, Qos::AtMostOnce);
        let answer = self
            .until("a subscription", |event| match event {
                Event::Subscribed { .. } | Event::SubscriptionRefused { .. } => Some(event.clone()),
                _ => None,
            })
            .await;
        assert_eq!(answer, Event::Subscribed { topic: filter.to_owned() });
    }

    /// The next message: topic, payload, and whether it had been retained.
    async fn message(&mut self) -> (String, Vec<u8>, bool) {
        self.until("a message", |event| match event {
            Event::Message { topic, payload, retain, .. } => Some((topic.clone(), payload.to_vec(), *retain)),
            _ => None,
        })
        .await
    }

    /// Sends and waits until the broker has it.
    async fn deliver(&mut self, message: Message) {
        let token = self.link.outbox().send(message.at_least_once()).expect("connected");
        self.until("an acknowledgement", |event| (*event == Event::Delivered(token)).then_some(())).await;
    }

    /// Ends like a process that was killed.
    async fn die(mut self) {
        self.tasks.shutdown().await;
    }

    /// Closes in good order; every task must end.
    async fn close(mut self, last: Option<Message>) {
        self.link.close(last).await;
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}

/// What the broker keeps under `filter`, in the order it tells.
async fn retained(broker: &Broker, filter: &str) -> Vec<(String, String)> {
    let mut observer = options(broker.port, "observer");
    if broker.settings.password {
        observer.credentials = Some(login(USER, PASSWORD));
    }
    let mut observer = Client::connect(observer).await;
    // Some brokers send what they kept before they acknowledge the subscription, so this does
    // not wait for that. A message to itself comes after everything that was retained.
    observer.outbox().subscribe(filter, Qos::AtMostOnce);
    observer.outbox().subscribe("observer/end", Qos::AtMostOnce);
    observer.outbox().send(Message::new("observer/end", "now"));
    let mut kept = Vec::new();
    loop {
        let (topic, payload, retain) = observer.message().await;
        if topic == "observer/end" {
            return kept;
        }
        assert!(retain, "{topic}");
        kept.push((topic, String::from_utf8_lossy(&payload).into_owned()));
    }
}

async fn the_last_will_appears_when_the_process_dies_hard(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut watcher = Client::watch(&broker, "watcher", "b/bridge/availability").await;
    let will = Message::new("b/bridge/availability", "offline").retained().at_least_once();
    let mut gateway =
        Client::connect(Options { last_will: Some(will), ..options(broker.port, "gateway") }).await;
    gateway.deliver(Message::new("b/bridge/availability", "online").retained()).await;
    assert_eq!(watcher.message().await.1, b"online");
    gateway.die().await;
    assert_eq!(watcher.message().await.1, b"offline");
    assert_eq!(retained(&broker, "b/#").await, [("b/bridge/availability".into(), "offline".into())]);
}

async fn a_forgetful_broker_knows_everything_again_after_its_restart(kind: Kind) {
    let mut broker = Broker::start(kind).await;
    let mut gateway = Client::connect(options(broker.port, "gateway")).await;
    gateway.outbox().set("b/old", "1");
    gateway.outbox().set("b/temperature", "20");
    gateway.deliver(Message::new("b/marker", "")).await;
    assert_eq!(retained(&broker, "b/#").await.len(), 2);

    broker.stop().await;
    let (error, retry_in) = gateway.disconnected().await;
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert!(retry_in.is_some());
    // What is said into the void is dropped: it would be old when the broker is back.
    gateway.outbox().set("b/temperature", "21");
    assert_eq!(gateway.outbox().send(Message::new("b/event", "1")), None);
    assert!(gateway.outbox().is_empty());

    broker.again().await;
    gateway.connected().await;
    assert_eq!(retained(&broker, "b/#").await, []);
    gateway.outbox().set("b/temperature", "22");
    gateway.subscribe("b/set").await;
    gateway.deliver(Message::new("b/set", "hello")).await;
    assert_eq!(retained(&broker, "b/#").await, [("b/temperature".into(), "22".into())]);
}

async fn a_persistent_broker_still_knows_after_its_restart(kind: Kind) {
    let mut broker = Broker::start_with(kind, Settings { persistent: true, ..Settings::default() }).await;
    let mut gateway = Client::connect(options(broker.port, "gateway")).await;
    gateway.outbox().set("b/temperature", "20");
    gateway.deliver(Message::new("b/marker", "")).await;
    broker.stop().await;
    gateway.disconnected().await;
    broker.again().await;
    gateway.connected().await;
    assert_eq!(retained(&broker, "b/#").await, [("b/temperature".into(), "20".into())]);
}

async fn a_refused_login_is_reported_and_not_hammered(kind: Kind) {
    let settings = Settings { password: true, ..Settings::default() };
    let broker = Broker::start_with(kind, settings).await;
    for wrong in [Some(login(USER, "wrong")), Some(login("nobody", PASSWORD)), None] {
        let mut gateway = Client::start(Options { credentials: wrong, ..options(broker.port, "gateway") });
        let (error, retry_in) = gateway.disconnected().await;
        let Error::Refused { refusal, .. } = &error else { panic!("{error}") };
        assert!(matches!(refusal, Refusal::UserNameOrPassword | Refusal::NotAuthorised), "{error}");
        assert!(error.to_string().starts_with(&format!("broker 127.0.0.1:{} refused", broker.port)));
        assert!(retry_in.unwrap() >= Duration::from_secs(90), "{retry_in:?}");
    }
}

async fn a_new_login_wakes_a_link_that_has_stopped(kind: Kind) {
    let settings = Settings { password: true, ..Settings::default() };
    let broker = Broker::start_with(kind, settings).await;
    let mut cloud = Client::start(Options {
        credentials: Some(login(USER, "expired")),
        pace: Pace::Cloud,
        ..options(broker.port, "gateway")
    });
    let (error, retry_in) = cloud.disconnected().await;
    assert!(error.is_refused(), "{error}");
    assert_eq!(retry_in, None);
    cloud.link.replace_credentials(USER, SecretString::from("expired too"));
    let (error, retry_in) = cloud.disconnected().await;
    assert!(error.is_refused(), "{error}");
    assert_eq!(retry_in, None);
    cloud.link.replace_credentials(USER, SecretString::from(PASSWORD));
    cloud.connected().await;
}

async fn large_packets_pass_both_ways(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut gateway = Client::connect(options(broker.port, "gateway")).await;
    gateway.subscribe("b/in").await;
    let mut other = Client::watch(&broker, "other", "homeassistant/#").await;

    // A full report of a large printer, and discovery of a large catalogue.
    let report = vec![b'r'; 60_000];
    other.outbox().send(Message::new("b/in", report.clone()));
    assert_eq!(gateway.message().await.1, report);
    let discovery = vec![b'd'; 120_000];
    gateway.outbox().set("homeassistant/device/x/config", discovery.clone());
    assert_eq!(other.message().await.1, discovery);
    // And what the limit still allows.
    let most = vec![b'm'; 1024 * 1024 - 100];
    gateway.outbox().set("homeassistant/device/y/config", most.clone());
    assert_eq!(other.message().await.1.len(), most.len());
}

async fn a_message_above_our_limit_is_dropped_and_the_connection_lives(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut gateway = Client::connect(options(broker.port, "gateway")).await;
    gateway.subscribe("b/#").await;
    gateway.outbox().set("b/image", vec![0; 1024 * 1024]);
    gateway.outbox().send(Message::new("b/+/wildcard", "x"));
    gateway.outbox().subscribe("b/#/wrong", Qos::AtMostOnce);
    gateway.outbox().set("b/next", "1");
    assert_eq!(gateway.message().await.0, "b/next");
}

async fn states_and_events_keep_their_order(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut watcher = Client::watch(&broker, "watcher", "b/#").await;
    let gateway = Client::connect(options(broker.port, "gateway")).await;
    let mut expected = Vec::new();
    for n in 0..200 {
        // Distinct topics, because the same one would rightly fold.
        gateway.outbox().set(format!("b/job/{n}"), n.to_string());
        let event = Message::new("b/event", n.to_string());
        gateway.outbox().send(if n % 2 == 0 { event.at_least_once() } else { event });
        expected.push((format!("b/job/{n}"), n.to_string()));
        expected.push(("b/event".to_owned(), n.to_string()));
    }
    for expected in expected {
        let (topic, payload, _) = watcher.message().await;
        assert_eq!((topic, String::from_utf8(payload).unwrap()), expected);
    }
}

async fn the_closing_offline_is_retained(kind: Kind) {
    let broker = Broker::start(kind).await;
    let topic = "b/bridge/availability";
    let will = Message::new(topic, "died").retained().at_least_once();
    let mut gateway =
        Client::connect(Options { last_will: Some(will), ..options(broker.port, "gateway") }).await;
    gateway.deliver(Message::new(topic, "online").retained()).await;
    // What still waits leaves before the goodbye.
    for n in 0..500 {
        gateway.outbox().set(format!("b/state/{n}"), n.to_string());
    }
    gateway.close(Some(Message::new(topic, "offline").retained().at_least_once())).await;
    // A clean DISCONNECT cancels the will.
    assert_eq!(retained(&broker, topic).await, [(topic.into(), "offline".into())]);
    assert_eq!(retained(&broker, "b/state/+").await.len(), 500);
}

async fn two_connections_with_one_client_id_are_told_apart(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut first = Client::connect(options(broker.port, "same")).await;
    let _second = Client::connect(options(broker.port, "same")).await;
    let mut kinds = Vec::new();
    loop {
        let (error, _) = first.disconnected().await;
        if let Error::ClosedAgain { client_id, .. } = &error {
            assert_eq!(client_id, "same");
            assert!(error.to_string().contains("another program may use the client id `same`"), "{error}");
            break;
        }
        kinds.push(error);
    }
    assert!(kinds.len() >= 2, "the first two losses may have any reason: {kinds:?}");
}

async fn own_authority_is_trusted_and_a_foreign_one_is_not(kind: Kind) {
    let ours = Certificate::valid();
    let settings = Settings { tls: Some(ours.clone()), ..Settings::default() };
    let broker = Broker::start_with(kind, settings).await;
    for host in ["127.0.0.1", "localhost"] {
        let tls = Some(ours.client());
        let options = Options { tls, host: host.to_owned(), ..options(broker.port, "gateway") };
        let mut gateway = Client::connect(options).await;
        gateway.subscribe("b/#").await;
        gateway.outbox().set("b/discovery", vec![b'd'; 120_000]);
        assert_eq!(gateway.message().await.1.len(), 120_000);
        gateway.close(None).await;
    }

    let tls = Some(Certificate::valid().client());
    let mut gateway = Client::start(Options { tls, ..options(broker.port, "gateway") });
    let (error, retry_in) = gateway.disconnected().await;
    assert!(matches!(error, Error::Tls { .. }), "{error}");
    assert!(retry_in.is_some(), "a certificate can be put right");

    // Speaking plainly to a TLS port must not look like a connection.
    let mut gateway = Client::start(options(broker.port, "gateway"));
    let (error, _) = gateway.disconnected().await;
    assert!(!error.is_refused(), "{error}");
}

async fn a_certificate_of_the_future_blames_the_clock(kind: Kind) {
    let certificate = Certificate::not_yet_valid();
    let settings = Settings { tls: Some(certificate.clone()), ..Settings::default() };
    let broker = Broker::start_with(kind, settings).await;
    let mut gateway =
        Client::start(Options { tls: Some(certificate.client()), ..options(broker.port, "gateway") });
    let (error, retry_in) = gateway.disconnected().await;
    assert!(matches!(error, Error::ClockBehind { .. }), "{error}");
    assert!(retry_in.is_some());
}

async fn a_thousand_printers_leave_in_portions(kind: Kind) {
    let broker = Broker::start(kind).await;
    let mut watcher = Client::watch(&broker, "watcher", "h/#").await;
    let gateway = Client::connect(options(broker.port, "gateway")).await;
    let sending = async {
        for printer in 0..1000 {
            gateway.outbox().below(20).await;
            gateway.outbox().set(format!("h/{printer}/config"), vec![b'd'; 20_000]);
            assert!(gateway.outbox().len() <= 20);
        }
    };
    let receiving = async {
        for printer in 0..1000 {
            let (topic, payload, _) = watcher.message().await;
            assert_eq!((topic, payload.len()), (format!("h/{printer}/config"), 20_000));
        }
    };
    tokio::join!(sending, receiving);
}

/// A message above the limit in the broker's configuration ends the connection without a word;
/// the error must name the size, because nothing else does.
async fn a_broker_with_a_small_limit_is_named(kind: Kind) {
    let settings = Settings { max_packet_size: Some(50_000), ..Settings::default() };
    let broker = Broker::start_with(kind, settings).await;
    let mut gateway = Client::start(options(broker.port, "gateway"));
    loop {
        gateway.connected().await;
        gateway.outbox().set("homeassistant/device/x/config", vec![b'd'; 120_000]);
        let (error, _) = gateway.disconnected().await;
        if let Error::ClosedAgain { largest: Some(largest), .. } = error {
            assert!((120_000..121_000).contains(&largest), "{largest}");
            return;
        }
        assert!(matches!(error, Error::Closed { .. }), "{error}");
    }
}

#[tokio::test]
async fn mosquitto_with_a_small_limit_is_named() {
    for kind in [Kind::Mosquitto, Kind::Container] {
        if available(kind) {
            a_broker_with_a_small_limit_is_named(kind).await;
        }
    }
}

/// The embedded broker can refuse single topics; mosquitto's access lists only swallow messages.
#[tokio::test]
async fn a_refused_subscription_is_reported_by_a_real_broker() {
    if !available(Kind::Embedded) {
        return;
    }
    let settings = Settings { password: true, readable: Some("mine/#"), ..Settings::default() };
    let broker = Broker::start_with(Kind::Embedded, settings).await;
    let mut gateway = Client::connect(Options {
        credentials: Some(login(USER, PASSWORD)),
        ..options(broker.port, "gateway")
    })
    .await;
    gateway.outbox().subscribe("mine/one", Qos::AtMostOnce);
    gateway.outbox().subscribe("yours", Qos::AtMostOnce);
    gateway.outbox().subscribe("mine/two", Qos::AtMostOnce);
    let mut answers = Vec::new();
    while answers.len() < 3 {
        answers.push(
            gateway
                .until("an answer", |event| match event {
                    Event::Subscribed { topic } => Some(format!("yes {topic}")),
                    Event::SubscriptionRefused { topic } => Some(format!("no {topic}")),
                    _ => None,
                })
                .await,
        );
    }
    assert_eq!(answers, ["yes mine/one", "no yours", "yes mine/two"]);
}
