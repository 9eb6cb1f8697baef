//! Real mosquitto brokers: one that plays the cloud, plain ones, and one that bridges.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::process::Process;

/// The `mosquitto` of this machine.
pub(crate) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/opt/homebrew/sbin".into()])
        .map(|folder| folder.join("mosquitto"))
        .find(|file| file.is_file())
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A running broker.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    process: Process,
}

impl Mosquitto {
    fn start(binary: &Path, folder: &Path, name: &str, port: u16, settings: &str) -> Result<Self> {
        let file = folder.join(format!("{name}.conf"));
        // Everything is sent on, however fast it comes.
        let common = "user root\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n";
        std::fs::write(&file, format!("{common}listener {port} 127.0.0.1\n{settings}"))?;
        let log = std::fs::File::create(folder.join(format!("{name}.log")))?;
        let mut command = Command::new(binary);
        command.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut broker = Self { port, process: Process::start(command)? };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(broker.process.is_running(), "mosquitto ended; see {}/{name}.log", folder.display());
            sleep(Duration::from_millis(10));
        }
        Ok(broker)
    }

    /// A broker without TLS.
    pub(crate) fn plain(binary: &Path, folder: &Path, name: &str) -> Result<Self> {
        Self::start(binary, folder, name, free_port()?, "")
    }

    /// A broker that passes reports on from the cloud to a plain broker.
    pub(crate) fn bridge(binary: &Path, folder: &Path, cloud: &Cloud, to: u16) -> Result<Self> {
        let mut settings = String::new();
        for (name, port, direction) in [("cloud", cloud.port, "in"), ("home", to, "out")] {
            write!(
                settings,
                "connection {name}\naddress 127.0.0.1:{port}\ntopic device/+/report {direction} 0\n\
                 notifications false\ntry_private false\ncleansession true\n"
            )?;
            if direction == "in" {
                writeln!(settings, "bridge_cafile {}", folder.join("ca.pem").display())?;
            }
        }
        Self::start(binary, folder, "bridge", free_port()?, &settings)
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.process.cpu()
    }
}

/// A broker with TLS, as the cloud has it, and a plain entrance for those who play printers.
/// The authority that signed its certificate lies in `ca.pem`.
pub(crate) struct Cloud {
    pub(crate) port: u16,
    pub(crate) plain_port: u16,
    _broker: Mosquitto,
}

impl Cloud {
    pub(crate) fn start(binary: &Path, folder: &Path) -> Result<Self> {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "bambu2mqtt benchmark authority");
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let key = KeyPair::generate()?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let certificate = CertificateParams::new(names)?
            .signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
        let (port, plain_port) = (free_port()?, free_port()?);
        let mut settings = format!("listener {port} 127.0.0.1\n");
        let files = [
            ("ca.pem", "", authority_pem),
            ("cert.pem", "certfile", certificate.pem()),
            ("key.pem", "keyfile", key.serialize_pem()),
        ];
        for (name, setting, text) in files {
            let file = folder.join(name);
            std::fs::write(&file, text)?;
            if !setting.is_empty() {
                writeln!(settings, "{setting} {}", file.display())?;
            }
        }
        let broker = Mosquitto::start(binary, folder, "cloud", plain_port, &settings)?;
        Ok(Self { port, plain_port, _broker: broker })
    }
}
