//! Brokers for the tests: a local `mosquitto`, one in a container, and an embedded one.
//!
//! `cargo test` passes on a machine with nothing but Rust: a kind that is not there is skipped,
//! and one line on standard error says which kinds ran. With
//! `BAMBU2MQTT_REQUIRE_BROKERS=mosquitto,container,embedded` a missing kind is a failure.
#![allow(dead_code, reason = "a toolbox: not each test module needs every tool")]

pub(crate) mod player;
#[cfg(feature = "demo")]
pub(crate) mod secrets;
pub(crate) mod shared;
pub(crate) mod wire;
#[cfg(feature = "demo")]
pub(crate) mod world;

use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mqtt5::broker::config::{AuthConfig, StorageBackend, StorageConfig, TlsConfig};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, PasswordAuthProvider};
use tempfile::TempDir;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// How long a test waits for something that should happen. Generous: it is only ever used up by
/// a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The user that brokers with [`Settings::password`] know.
pub(crate) const USER: &str = "tester";
/// Its password.
pub(crate) const PASSWORD: &str = "correct-horse";
/// The same as mosquitto wants to see it, from `mosquitto_passwd -b`: a container has no such tool.
const MOSQUITTO_PASSWORDS: &str = "tester:$7$101$WTHx96fO9Vl5RAfP$1ffUzWxkjVDzPmx2RAWXFKNSm0QXR4BTV+LgalcK7UrAbhXq8FN1+UGAi7j7Q/C8oPFO397sjUyudcWnRPlbNg==\n";

const LOCAL_IMAGE: &str = "bambu2mqtt-test-mosquitto:local";

/// Where a broker comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The `mosquitto` of this machine.
    Mosquitto,
    /// A container, through testcontainers.
    Container,
    /// In this process.
    Embedded,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mosquitto => "mosquitto",
            Self::Container => "container",
            Self::Embedded => "embedded",
        })
    }
}

/// What a broker should be like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Let nobody in but [`USER`] with [`PASSWORD`].
    pub(crate) password: bool,
    /// Speak TLS.
    pub(crate) tls: Option<Certificate>,
    /// Keep retained messages over a restart.
    pub(crate) persistent: bool,
    /// Refuse larger packets.
    pub(crate) max_packet_size: Option<usize>,
    /// Let [`USER`] read only this topic filter (embedded broker only).
    pub(crate) readable: Option<&'static str>,
}

/// A certificate for `localhost` and `127.0.0.1`, and the authority that signed it.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    ca: rustls::pki_types::CertificateDer<'static>,
    ca_pem: String,
    pem: String,
    key_pem: String,
}

impl Certificate {
    /// Valid now.
    pub(crate) fn valid() -> Self {
        Self::from_year(2020)
    }

    /// Valid in the far future.
    pub(crate) fn not_yet_valid() -> Self {
        Self::from_year(2090)
    }

    fn from_year(year: i32) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "bambu2mqtt test authority");
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(year, 1, 1);
        leaf.not_after = date_time_ymd(year + 100, 1, 1);
        Self {
            ca: ca_certificate.der().clone(),
            ca_pem: ca_certificate.pem(),
            pem: leaf.signed_by(&key, &issuer).unwrap().pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// A TLS client that trusts only this authority.
    pub(crate) fn client(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Arc::new(
            rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth(),
        )
    }

    /// The authority, for a `ca_file`.
    pub(crate) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

/// Whether brokers of this kind can be started here. Says so once in each run, and panics if
/// the kind is missing although it was demanded.
///
/// The name of a test that asks has `broker` in it: by that `./ci` finds those that are worth another run once
/// there are more kinds.
pub(crate) fn available(kind: Kind) -> bool {
    static FOUND: [OnceLock<Result<String, String>>; 3] = [const { OnceLock::new() }; 3];
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("main");
    assert!(test == "main" || test.contains("broker"), "{test}: put `broker` into its name");
    let found = FOUND[kind as usize].get_or_init(|| {
        let found = match kind {
            Kind::Mosquitto => find_mosquitto().map(|path| format!("{}", path.display())),
            Kind::Container => find_image(),
            Kind::Embedded => Ok("mqtt5".to_owned()),
        };
        // Not `eprintln!`: the test harness would swallow it.
        let mut stderr = std::io::stderr();
        let _ = match &found {
            Ok(what) => writeln!(stderr, "broker tests: {kind}: running ({what})"),
            Err(why) => writeln!(stderr, "broker tests: {kind}: skipped ({why})"),
        };
        found
    });
    if let Err(why) = found {
        let demanded = std::env::var("BAMBU2MQTT_REQUIRE_BROKERS").unwrap_or_default();
        assert!(
            !demanded.split(',').any(|demanded| demanded.trim() == kind.to_string()),
            "BAMBU2MQTT_REQUIRE_BROKERS demands {kind}: {why}"
        );
    }
    found.is_ok()
}

fn find_mosquitto() -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/opt/homebrew/sbin".into()])
        .map(|folder| folder.join("mosquitto"))
        .find(|file| file.is_file())
        .ok_or_else(|| "no `mosquitto` on this machine".to_owned())
}

fn image() -> String {
    std::env::var("BAMBU2MQTT_TEST_IMAGE").unwrap_or_else(|_| LOCAL_IMAGE.to_owned())
}

/// Asks the engine for the image, because testcontainers would try to pull a missing one from a
/// registry that may not be there.
fn find_image() -> Result<String, String> {
    let image = image();
    let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let Some(socket) = host.strip_prefix("unix://") else {
        // The engine is elsewhere; testcontainers finds it, but its ports are not ours.
        return Err(format!("the container engine at {host} is not on this machine"));
    };
    let mut engine = UnixStream::connect(socket).map_err(|_| format!("no container engine at {socket}"))?;
    let timeout = Some(Duration::from_secs(10));
    engine.set_read_timeout(timeout).and_then(|()| engine.set_write_timeout(timeout)).unwrap();
    let mut answer = String::new();
    write!(engine, "GET /images/{image}/json HTTP/1.0\r\nHost: docker\r\n\r\n")
        .and_then(|()| engine.read_to_string(&mut answer).map(drop))
        .map_err(|error| format!("the container engine at {socket} does not answer: {error}"))?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status == "200" || (status == "404" && image != LOCAL_IMAGE) {
        Ok(image)
    } else {
        Err(format!("no image {image}; tests/brokers/build-image.sh builds it"))
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A running broker on 127.0.0.1; gone when dropped.
pub(crate) struct Broker {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) settings: Settings,
    folder: TempDir,
    running: Option<Running>,
    /// A stopped container, to be started again.
    container: Option<ContainerAsync<GenericImage>>,
}

enum Running {
    Process(Process),
    Container,
    Embedded(BrokerShutdownHandle, JoinHandle<()>),
}

/// A child process that does not outlive the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(Running::Embedded(shutdown, task)) = self.running.take() {
            shutdown.shutdown();
            task.abort();
        }
    }
}

impl Broker {
    /// Starts a broker that lets everybody in and remembers nothing.
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_with(kind, Settings::default()).await
    }

    /// Starts a broker on a free port.
    pub(crate) async fn start_with(kind: Kind, settings: Settings) -> Self {
        // Somebody else may take the port between finding and using it.
        for attempt in 1.. {
            let mut broker = Self {
                kind,
                port: free_port(),
                settings: settings.clone(),
                folder: tempfile::tempdir().unwrap(),
                running: None,
                container: None,
            };
            match broker.try_again().await {
                Ok(()) => return broker,
                Err(why) => assert!(attempt < 5, "{kind}: {why}"),
            }
        }
        unreachable!("the loop returns or panics")
    }

    /// Starts a stopped broker on the same port. Unless it is persistent, it has forgotten
    /// everything.
    pub(crate) async fn again(&mut self) {
        if let Err(why) = self.try_again().await {
            panic!("{}: {why}", self.kind);
        }
    }

    /// Stops the broker as its service manager would.
    pub(crate) async fn stop(&mut self) {
        match self.running.take().expect("the broker runs") {
            Running::Process(mut process) => {
                // Asks nicely, so that a persistent broker writes its database.
                let id = process.0.id().to_string();
                assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
                tokio::task::spawn_blocking(move || process.0.wait()).await.unwrap().unwrap();
            }
            Running::Container => {
                self.container.as_ref().unwrap().stop_with_timeout(Some(5)).await.unwrap();
            }
            Running::Embedded(shutdown, task) => {
                shutdown.shutdown();
                task.await.unwrap();
            }
        }
    }

    async fn try_again(&mut self) -> Result<(), String> {
        let running = match self.kind {
            Kind::Mosquitto => self.start_mosquitto()?,
            Kind::Container => self.start_container().await?,
            Kind::Embedded => self.start_embedded().await?,
        };
        self.running = Some(running);
        let listening = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_err() {
                if let Some(Running::Process(Process(child))) = &mut self.running
                    && let Ok(Some(status)) = child.try_wait()
                {
                    let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(format!("mosquitto ended with {status}: {log}"));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        tokio::time::timeout(DEADLINE, listening)
            .await
            .unwrap_or_else(|_| Err(format!("nothing listens on port {}", self.port)))
    }

    fn start_mosquitto(&self) -> Result<Running, String> {
        let folder = self.folder.path();
        for (name, content) in self.files(folder) {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = Command::new(find_mosquitto()?)
            .arg("-c")
            .arg(folder.join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        Ok(Running::Process(Process(child)))
    }

    async fn start_container(&mut self) -> Result<Running, String> {
        if let Some(container) = &self.container {
            container.start().await.map_err(|error| error.to_string())?;
            return Ok(Running::Container);
        }
        let image = image();
        let (name, tag) = image.rsplit_once(':').unwrap_or((&image, "latest"));
        // The host's network: it needs no bridge, which sandboxes rarely allow, and lets the
        // broker come back on the same port.
        let mut request =
            GenericImage::new(name, tag).with_network("host").with_startup_timeout(Duration::from_secs(60));
        let folder = Path::new("/mosquitto/config");
        for (name, content) in self.files(folder) {
            let target = folder.join(name).to_string_lossy().into_owned();
            request = request.with_copy_to(target, content.into_bytes());
        }
        let container = request.start().await.map_err(|error| error.to_string())?;
        self.container = Some(container);
        Ok(Running::Container)
    }

    /// What mosquitto reads, if these files lie in `folder`.
    fn files(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let Settings { password, tls, persistent, max_packet_size, readable } = &self.settings;
        assert!(readable.is_none(), "mosquitto's access lists do not refuse subscriptions");
        let at = |name: &str| folder.join(name).display().to_string();
        let mut files = Vec::new();
        // It reads keys and passwords after dropping its privileges, if it has any.
        let mut conf = vec![
            "user root".to_owned(),
            format!("listener {} 127.0.0.1", self.port),
            format!("allow_anonymous {}", !password),
            format!("persistence {persistent}"),
        ];
        if *password {
            files.push(("passwords", MOSQUITTO_PASSWORDS.to_owned()));
            conf.push(format!("password_file {}", at("passwords")));
        }
        if let Some(tls) = tls {
            files.push(("cert.pem", tls.pem.clone()));
            files.push(("key.pem", tls.key_pem.clone()));
            conf.push(format!("certfile {}", at("cert.pem")));
            conf.push(format!("keyfile {}", at("key.pem")));
        }
        if *persistent {
            let data = if self.kind == Kind::Container { Path::new("/mosquitto/data") } else { folder };
            conf.push(format!("persistence_location {}/", data.display()));
        }
        if let Some(size) = max_packet_size {
            conf.push(format!("max_packet_size {size}"));
        }
        files.push(("mosquitto.conf", conf.join("\n") + "\n"));
        files
    }

    async fn start_embedded(&self) -> Result<Running, String> {
        let Settings { password, tls, persistent, max_packet_size, readable } = &self.settings;
        let file = |name: &str, content: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let storage = StorageConfig::new()
            .with_backend(if *persistent { StorageBackend::File } else { StorageBackend::Memory })
            .with_base_dir(self.folder.path().join("data"))
            .with_persistence(*persistent);
        let mut config = BrokerConfig::new().with_storage(storage).with_sys_topics_enabled(false);
        let mut auth = AuthConfig::new().with_allow_anonymous(!password);
        // Counting failed logins is a test of the broker, not of us.
        auth.rate_limit.enabled = false;
        if *password {
            let hash = PasswordAuthProvider::hash_password(PASSWORD).unwrap();
            auth = auth.with_password_file(file("passwords", &format!("{USER}:{hash}\n")));
        }
        if let Some(readable) = readable {
            let rule = format!("user {USER} topic {readable} permission readwrite\n");
            auth = auth.with_acl_file(file("acl", &rule));
        }
        config = config.with_auth(auth);
        if let Some(size) = max_packet_size {
            config = config.with_max_packet_size(*size);
        }
        config = match tls {
            Some(tls) => {
                let tls = TlsConfig::new(file("cert.pem", &tls.pem), file("key.pem", &tls.key_pem))
                    .with_bind_addresses(vec![address]);
                config.with_bind_addresses(vec![(Ipv4Addr::LOCALHOST, 0).into()]).with_tls(tls)
            }
            None => config.with_bind_addresses(vec![address]),
        };
        let mut broker = MqttBroker::with_config(config).await.map_err(|error| error.to_string())?;
        let shutdown = broker.shutdown_handle();
        let task = tokio::spawn(async move {
            broker.run().await.unwrap();
        });
        Ok(Running::Embedded(shutdown, task))
    }
}
