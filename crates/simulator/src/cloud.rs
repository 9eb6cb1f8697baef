//! The emulated Bambu cloud: REST over plain HTTP and MQTT over TLS, both on loopback, with the printers of
//! one account behind them.
use super::account::Account;
use super::certificate::Certificates;
use super::fleet::{self, Fleet};
use super::gate::Gate;
use super::model::Model;
use super::printer::Printer;
use super::recording::{self, Player, Recording};
use super::relay::{self, Line};
use super::rest::{self, Api, Switches};
use anyhow::{Context as _, Result};
use mqtt5::broker::config::{StorageConfig, TlsConfig};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Any free port of this machine alone.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What kind of cloud to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many simulated printers; the models take turns.
    pub printers: usize,
    /// How many more of them are switched off.
    pub off: usize,
    /// Printers beside them, which play recordings.
    pub recordings: Vec<Recording>,
    /// How much faster than life the printers live.
    pub speed: f64,
    /// The same seed gives the same lives.
    pub seed: u64,
    /// The account's e-mail address.
    pub account: String,
    /// Its password.
    pub password: String,
    /// Whether the simulated printers take only signed commands.
    pub signed: bool,
    /// Whether a login also needs a code sent by e-mail.
    pub needs_code: bool,
    /// Whether a login with the password needs an authenticator's code instead.
    pub authenticator: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            printers: 3,
            off: 0,
            recordings: Vec::new(),
            speed: 1.0,
            seed: 1,
            account: "demo@example.com".to_owned(),
            password: "demo-password".to_owned(),
            signed: false,
            needs_code: false,
            authenticator: false,
        }
    }
}

/// What the gateway's configuration needs to reach an emulated cloud.
#[derive(Clone)]
pub struct Settings {
    /// `bambu.api_url`.
    pub api_url: String,
    /// `bambu.mqtt_url`.
    pub mqtt_url: String,
    /// `bambu.ca_file`; it lies there until the cloud stops.
    pub ca_file: PathBuf,
    /// What that file holds.
    pub ca_pem: String,
    /// `bambu.account`.
    pub account: String,
    /// `bambu.password`.
    pub password: String,
    /// `bambu.token`, valid at once and until it is revoked.
    pub token: String,
    /// The name that goes with the token at the broker.
    pub mqtt_user: String,
    /// The access code that the list of printers has for each of them.
    pub access_code: String,
}

/// A running cloud. Dropping it stops it too, without waiting.
pub struct Cloud {
    settings: Settings,
    account: Arc<Account>,
    fleet: Arc<Fleet>,
    line: Arc<Line>,
    delay: Arc<AtomicU64>,
    switches: Arc<Switches>,
    stop: CancellationToken,
    broker: BrokerShutdownHandle,
    tasks: Vec<JoinHandle<()>>,
    _certificates: Certificates,
}

impl Cloud {
    /// Starts everything and returns once it can be reached.
    pub async fn start(options: Options) -> Result<Self> {
        // Whoever came first has chosen; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let certificates = Certificates::create().context("make the demo's certificates")?;
        let fleet = Arc::new(assemble(&options));
        let account = Account::new(options.account, options.password, options.needs_code);
        let account = Arc::new(account.with_authenticator(options.authenticator));
        let delay = Arc::new(AtomicU64::new(0));
        let line = Arc::new(Line::new(Arc::clone(&delay)));
        let stop = CancellationToken::new();

        let (sender, requests) = unbounded_channel();
        let gate =
            Arc::new(Gate { account: Arc::clone(&account), fleet: Arc::clone(&fleet), requests: sender });
        let mut broker = MqttBroker::with_config(broker_config(&certificates, &gate))
            .await
            .context("start the demo's cloud broker")?
            .with_auth_provider(gate);
        let inside = broker.tls_local_addr().context("the demo's cloud broker has no address")?;
        let router = broker.router();
        let shutdown = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();

        let api_listener = TcpListener::bind(LOOPBACK).await.context("listen for the demo's REST")?;
        let line_listener =
            TcpListener::bind(LOOPBACK).await.context("listen for the demo's cloud broker")?;
        let settings = Settings {
            api_url: format!("http://{}", api_listener.local_addr()?),
            mqtt_url: format!("mqtts://{}", line_listener.local_addr()?),
            ca_file: certificates.ca_file.clone(),
            ca_pem: certificates.ca_pem.clone(),
            account: account.name.clone(),
            password: account.password.clone(),
            token: account.token().unwrap_or_default(),
            mqtt_user: account.mqtt_user(),
            access_code: fleet::ACCESS_CODE.to_owned(),
        };
        let switches = Arc::new(Switches::default());
        let api = Api {
            account: Arc::clone(&account),
            fleet: Arc::clone(&fleet),
            delay: Arc::clone(&delay),
            switches: Arc::clone(&switches),
            inbox: rest::Inbox::default(),
        };
        let tasks = vec![
            tokio::spawn(async move {
                if let Err(error) = broker.run().await {
                    tracing::error!(%error, "the demo's cloud broker ended");
                }
            }),
            tokio::spawn(rest::serve(api_listener, Arc::new(api), stop.clone())),
            tokio::spawn(relay::serve(line_listener, inside, Arc::clone(&line), stop.clone())),
            tokio::spawn(fleet::run(Arc::clone(&fleet), router, requests, stop.clone())),
        ];
        ready.wait_for(|ready| *ready).await.context("the demo's cloud broker did not start")?;
        Ok(Self {
            settings,
            account,
            fleet,
            line,
            delay,
            switches,
            stop,
            broker: shutdown,
            tasks,
            _certificates: certificates,
        })
    }

    /// What a gateway needs to know.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The serial numbers of the account's printers.
    pub fn serials(&self) -> Vec<String> {
        self.fleet.serials()
    }

    /// Looks at a simulated printer or changes it; `None` when there is none of that serial.
    pub fn with_printer<R>(&self, serial: &str, act: impl FnOnce(&mut Printer) -> R) -> Option<R> {
        self.fleet.with_printer(serial, act)
    }

    /// Reports that printers have sent so far, acknowledgements not counted.
    pub fn reports_sent(&self) -> u64 {
        self.fleet.reports()
    }

    /// Connections to the broker that are open now.
    pub fn connections(&self) -> usize {
        self.line.open()
    }

    /// The token is void from now on: REST says so, the broker refuses it and ends the session.
    pub fn revoke_token(&self) {
        self.account.revoke();
        self.line.cut();
    }

    /// The token that is valid now, perhaps after another login.
    pub fn token(&self) -> Option<String> {
        self.account.token()
    }

    /// The code that would have come by e-mail or text message.
    pub fn mailed_code(&self) -> Option<String> {
        self.account.code()
    }

    /// That code is too old from now on.
    pub fn expire_code(&self) {
        self.account.forget_code();
    }

    /// What the account's authenticator shows.
    pub fn totp(&self) -> String {
        self.account.totp()
    }

    /// Everything secret that there was so far, and what each is: tokens, codes, the password, the user's id, the
    /// printers' access code, what signs the addresses of pictures.
    pub fn secrets(&self) -> Vec<(&'static str, String)> {
        let mut secrets = self.account.secrets();
        secrets.push(("access code", self.settings.access_code.clone()));
        secrets.push(("signature of a picture", rest::SIGNATURE.to_owned()));
        secrets
    }

    /// What REST does wrong, and what it was asked.
    pub fn rest(&self) -> &Switches {
        &self.switches
    }

    /// Breaks all connections to the broker; new ones are taken.
    pub fn drop_connections(&self) {
        self.line.cut();
    }

    /// Breaks all connections and takes no new ones until told otherwise.
    pub fn refuse_connections(&self, refuse: bool) {
        self.line.bar(refuse);
        if refuse {
            self.line.cut();
        }
    }

    /// Each answer of REST and each piece of an MQTT stream takes so much longer.
    pub fn slow_down(&self, by: Duration) {
        self.delay.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The names of the printers of which the cloud hears nothing.
    pub fn absent(&self) -> Vec<String> {
        self.fleet.absent()
    }

    /// Takes a printer's power. After so many seconds the cloud says `client.disconnected` for it.
    pub fn power_off(&self, serial: &str, noticed_after_seconds: u32) {
        self.fleet.power_off(serial, noticed_after_seconds);
    }

    /// Gives the power back; the cloud says `client.connected`.
    pub fn power_on(&self, serial: &str) {
        self.fleet.power_on(serial);
    }

    /// Takes a printer out of the account: it is listed no more, and nobody may listen to it any more.
    pub fn unbind(&self, serial: &str) {
        self.fleet.unbind(serial);
    }

    /// Binds a printer again that was taken out.
    pub fn bind(&self, serial: &str) {
        self.fleet.bind(serial);
    }

    /// Gives a printer another name in the account.
    pub fn rename(&self, serial: &str, name: &str) {
        self.fleet.rename(serial, name);
    }

    /// Stops everything and waits for its end.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.broker.shutdown();
        for task in self.tasks.drain(..) {
            let _ = task.await;
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.cancel();
        self.broker.shutdown();
    }
}

/// What is switched off: a model that no other of a small demo is taken for.
const OFF: Model = Model::P1s;

/// All printers in their places.
fn assemble(options: &Options) -> Fleet {
    let printer = |number| {
        let mut printer = Printer::new(number, options.seed).with_speed(options.speed);
        printer.set_signed_only(options.signed);
        printer
    };
    let printers: Vec<Printer> = (0..options.printers).map(printer).collect();
    let off: Vec<Printer> = (options.printers..)
        .filter(|number| Model::of_number(*number) == OFF)
        .map(|number| {
            let mut printer = printer(number);
            printer.retire();
            printer
        })
        .take(options.off)
        .collect();
    let mut recordings = options.recordings.clone();
    let serials = printers.iter().chain(&off).flat_map(Printer::serials);
    recording::make_distinct(&mut recordings, serials);
    let players = recordings.into_iter().map(|recording| Player::new(recording, options.speed)).collect();
    Fleet::new(players, printers, off)
}

fn broker_config(certificates: &Certificates, gate: &Arc<Gate>) -> BrokerConfig {
    let tls = TlsConfig::new(certificates.chain_file.clone(), certificates.key_file.clone());
    BrokerConfig {
        // The library wants a plain listener too. Nobody is told its port, and it asks for the token as well.
        bind_addresses: vec![LOOPBACK],
        tls_config: Some(tls.with_bind_address(LOOPBACK)),
        storage_config: StorageConfig::new().with_persistence(false),
        retain_available: false,
        maximum_qos: 1,
        sys_topics_enabled: false,
        // A client that reads nothing costs at most so many reports of 12 kB.
        client_channel_capacity: 4000,
        event_handler: Some(Arc::clone(gate) as _),
        ..BrokerConfig::default()
    }
}

#[cfg(test)]
mod tests;
