//! The stage of sense: from what was written to what can work, collecting every problem on the way.
//!
//! Reads the files that secrets and certificates live in, and nothing else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Url;
use secrecy::SecretString;

use super::error::Problem;
use super::file::{AccountBlock, Accounts, File, HttpBlock, MqttBlock, PrinterBlock};
use super::findings::Findings;
use super::kinds::{
    AccountConfig, AccountName, Broker, Config, HomeAssistant, Identity, Language, Loaded, Mqtt, Printer,
    Raw, TEXTS,
};
use super::secret::{self, Given};
use super::topic::topic;
use super::{env, money, state_dir};
use homeassistant::Names;
use printer::health::Code;
use printer::{Privacy, Serial};

/// For whoever wants nothing fetched.
const BUNDLED: &str = "bundled";

/// What a value may need besides itself: the folder of the file, and systemd's credentials.
struct Surroundings<'a> {
    folder: &'a Path,
    credentials: Option<PathBuf>,
}

impl Surroundings<'_> {
    fn path(&self, path: PathBuf) -> PathBuf {
        self.folder.join(path)
    }

    fn secret(
        &self,
        key: &str,
        value: Option<SecretString>,
        file: Option<PathBuf>,
        credential: Option<&str>,
        findings: &mut Findings,
    ) -> Option<SecretString> {
        let file = file.map(|path| self.path(path));
        let credential = self.credentials.as_ref().zip(credential).map(|(folder, name)| folder.join(name));
        secret::resolve(Given { key, value, file, credential }, findings)
    }
}

pub(super) fn resolve(
    mut file: File,
    env: &[(String, String)],
    folder: &Path,
) -> Result<Loaded, Vec<Problem>> {
    let mut findings = Findings::default();
    env::apply(&mut file, env, &mut findings);
    let credentials = state_dir::variable(env, "CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let around = Surroundings { folder, credentials };

    let File {
        state_dir: dir,
        bambu,
        printers,
        mqtt,
        homeassistant,
        controls,
        alerts,
        privacy,
        prices,
        log,
        language,
        http,
    } = file;
    let state_dir = state_dir::locate(dir.map(|dir| around.path(dir)), env);
    if state_dir.is_none() {
        let text = "cannot tell where to keep the login: HOME is not set either; name a folder";
        findings.problem("state_dir", text.to_owned());
    }
    let accounts = accounts(bambu, &around, &mut findings);
    let printers = printers_of(printers, &mut findings);
    let mqtt = local_broker(mqtt, &around, &mut findings);
    let homeassistant = discovery(homeassistant, &mut findings);
    let language = language_of(language, &mut findings);
    let texts_url =
        accounts.first().filter(|account| !is_loopback(account.api_url.host_str().unwrap_or_default()));
    let texts_url = texts_url.and_then(|account| Url::parse(account.region.texts_url()).ok());
    let ignored = ignored(&alerts.ignore, &mut findings);
    let prices = money::prices(prices, &mut findings);
    let http_listen = listen(http, &mut findings);
    if let (Some(mqtt), Some(homeassistant)) = (&mqtt, &homeassistant)
        && mqtt.base_topic == homeassistant.discovery_prefix
    {
        let text = "is also homeassistant.discovery_prefix; give the gateway a topic of its own";
        findings.problem("mqtt.base_topic", text.to_owned());
    }

    if let Some(mqtt) = mqtt.as_ref().filter(|mqtt| mqtt.raw != Raw::Off) {
        keeps_nothing_back(mqtt.raw, privacy, &mut findings);
    }

    let Findings { problems, warnings } = findings;
    match (state_dir, mqtt, homeassistant) {
        (Some(state_dir), Some(mqtt), Some(homeassistant)) if problems.is_empty() => Ok(Loaded {
            config: Config {
                state_dir,
                accounts,
                printers,
                mqtt,
                homeassistant,
                controls,
                ignored,
                privacy,
                prices,
                log,
                language,
                texts_url,
                http_listen,
            },
            warnings,
        }),
        _ => Err(problems),
    }
}

/// The mirror of what printers say has everything in it.
fn keeps_nothing_back(raw: Raw, privacy: Privacy, findings: &mut Findings) {
    let kept =
        [("job_names", privacy.job_names), ("pictures", privacy.pictures), ("addresses", privacy.addresses)];
    if let Some((name, _)) = kept.iter().find(|(name, told)| !told && *name != "pictures") {
        let text = format!(
            "is {}, which puts all that printers say on the broker, and `privacy.{name}` is to keep some of it off; set \
             one of them back",
            raw.word()
        );
        findings.problem("mqtt.raw", text);
    }
}

fn accounts(written: Accounts, around: &Surroundings<'_>, findings: &mut Findings) -> Vec<AccountConfig> {
    if written.blocks.is_empty() {
        let text = "missing; give at least `account`, the e-mail address of the Bambu account";
        findings.problem("bambu", text.to_owned());
    }
    let single = written.blocks.len() == 1;
    let keys: Vec<String> = (0..written.blocks.len()).map(|index| written.key(index)).collect();
    let mut seen = HashMap::new();
    let mut accounts = Vec::new();
    for (block, key) in written.blocks.into_iter().zip(&keys) {
        if let Some(name) = &block.account {
            let identity = (block.region.as_str(), name.trim().to_lowercase());
            if let Some(first) = seen.insert(identity, key) {
                findings.problem(&format!("{key}.account"), format!("is already used by {first}"));
            }
        }
        accounts.extend(account(block, key, single, around, findings));
    }
    accounts
}

fn account(
    block: AccountBlock,
    key: &str,
    single: bool,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<AccountConfig> {
    let AccountBlock {
        region,
        account,
        password,
        password_file,
        token,
        token_file,
        api_url,
        mqtt_url,
        ca_file,
    } = block;
    // With several accounts nobody could say whose credential it is.
    let credential = |name| Some(name).filter(|_| single);
    let written_token = token.is_some() || token_file.is_some();
    let kept_in = match (&token, &token_file) {
        (None, Some(path)) => Some(around.path(path.clone())),
        _ => None,
    };
    let token =
        around.secret(&format!("{key}.token"), token, token_file, credential("bambu.token"), findings);
    let password = around.secret(
        &format!("{key}.password"),
        password,
        password_file,
        credential("bambu.password"),
        findings,
    );
    let account_key = format!("{key}.account");
    let account = match account.map(|name| name.trim().to_owned()) {
        Some(name) if looks_like_account(&name) => Some(AccountName(name)),
        Some(_) => {
            let text = "is neither an e-mail address nor a phone number";
            findings.problem(&account_key, text.to_owned());
            None
        }
        None if token.is_none() && !written_token => {
            let text = format!(
                "missing; give the e-mail address (in China also the phone number) of the Bambu account, \
                 or an access token as {key}.token"
            );
            findings.problem(&account_key, text);
            None
        }
        None => None,
    };
    let api_key = format!("{key}.api_url");
    let api_url = rest_url(&api_key, api_url.as_deref().unwrap_or(region.api_url()), findings);
    let mqtt_key = format!("{key}.mqtt_url");
    let mqtt = broker(&mqtt_key, mqtt_url.as_deref().unwrap_or(region.mqtt_url()), findings);
    if let Some(broker) = &mqtt
        && !broker.tls
        && !is_loopback(&broker.host)
    {
        findings.problem(&mqtt_key, "mqtt:// is only for loopback addresses; use mqtts://".to_owned());
    }
    let ca_file = certificate_file(&format!("{key}.ca_file"), ca_file, around, findings);
    Some(AccountConfig {
        region,
        account,
        password,
        token,
        token_file: kept_in,
        api_url: api_url?,
        mqtt: mqtt?,
        ca_file,
    })
}

fn looks_like_account(name: &str) -> bool {
    if let Some((user, host)) = name.split_once('@') {
        return !user.is_empty() && !host.is_empty() && !name.contains(char::is_whitespace);
    }
    let digits = name.trim_start_matches('+');
    digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn printers_of(blocks: Vec<PrinterBlock>, findings: &mut Findings) -> Vec<Printer> {
    let mut serials = HashMap::new();
    let mut names = HashMap::new();
    let mut printers = Vec::new();
    for (index, block) in blocks.into_iter().enumerate() {
        let here = format!("printers[{index}]");
        let name_key = format!("{here}.name");
        let name = block.name.map(|name| name.trim().to_owned());
        if let Some(name) = &name {
            if name.is_empty() {
                findings.problem(&name_key, "is empty; leave it out to use the account's name".to_owned());
            } else if let Some(first) = names.insert(name.to_lowercase(), here.clone()) {
                findings.problem(&name_key, format!("`{name}` is already used by {first}"));
            }
        }
        let serial_key = format!("{here}.serial");
        let Some(serial) = block.serial.map(|serial| serial.trim().to_ascii_uppercase()) else {
            let text = "missing; `bambu2mqtt printers` lists the serial numbers of the account";
            findings.problem(&serial_key, text.to_owned());
            continue;
        };
        if Serial::parse(&serial).is_none() {
            let text = format!(
                "`{serial}` is not a serial number: those have digits and letters only, 15 as a rule; \
                 `bambu2mqtt printers` lists them"
            );
            findings.problem(&serial_key, text);
            continue;
        }
        if let Some(first) = serials.insert(serial.clone(), here) {
            findings.problem(&serial_key, format!("`{serial}` is already used by {first}"));
        }
        let energy = block
            .energy
            .and_then(|block| money::energy(&format!("printers[{index}].energy"), block, findings));
        let notify_layers =
            layers(&format!("printers[{index}].notify_layers"), block.notify_layers, findings);
        printers.push(Printer {
            serial,
            name,
            ignore: block.ignore,
            controls: block.controls,
            energy,
            notify_layers,
        });
    }
    printers
}

/// Layers in ascending order, each once.
fn layers(key: &str, mut layers: Vec<u32>, findings: &mut Findings) -> Arc<[u32]> {
    if let Some(index) = layers.iter().position(|layer| *layer == 0) {
        findings.problem(
            &format!("{key}[{index}]"),
            "`0` is no layer; the first one has the number 1".to_owned(),
        );
    }
    layers.sort_unstable();
    layers.dedup();
    layers.into()
}

fn local_broker(block: MqttBlock, around: &Surroundings<'_>, findings: &mut Findings) -> Option<Mqtt> {
    let MqttBlock {
        url,
        username,
        password,
        password_file,
        ca_file,
        client_cert_file,
        client_key_file,
        client_id,
        base_topic,
        json_state,
        raw,
    } = block;
    let broker = broker("mqtt.url", &url, findings);
    let password = around.secret("mqtt.password", password, password_file, Some("mqtt.password"), findings);
    if password.is_some() && username.is_none() {
        findings.problem("mqtt.username", "missing, though there is a password".to_owned());
    }
    let plain = broker.as_ref().is_some_and(|broker| !broker.tls);
    for (key, given) in [
        ("mqtt.ca_file", ca_file.is_some()),
        ("mqtt.client_cert_file", client_cert_file.is_some()),
        ("mqtt.client_key_file", client_key_file.is_some()),
    ] {
        if given && plain {
            findings.problem(key, "has no effect with mqtt://; make mqtt.url start with mqtts://".to_owned());
        }
    }
    let ca_file = certificate_file("mqtt.ca_file", ca_file, around, findings);
    let identity = match (client_cert_file, client_key_file) {
        (Some(cert), Some(key)) => {
            let cert_file = certificate_file("mqtt.client_cert_file", Some(cert), around, findings);
            let key_file = pem_file("mqtt.client_key_file", around.path(key), "PRIVATE KEY", findings);
            cert_file.zip(key_file).map(|(cert_file, key_file)| Identity { cert_file, key_file })
        }
        (Some(_), None) => {
            findings
                .problem("mqtt.client_key_file", "missing; a client certificate needs its key".to_owned());
            None
        }
        (None, Some(_)) => {
            findings
                .problem("mqtt.client_cert_file", "missing; a client key needs its certificate".to_owned());
            None
        }
        (None, None) => None,
    };
    if client_id.as_ref().is_some_and(String::is_empty) {
        findings.problem("mqtt.client_id", "is empty; leave it out to have one made".to_owned());
    }
    topic("mqtt.base_topic", &base_topic, findings);
    Some(Mqtt {
        broker: broker?,
        username,
        password,
        ca_file,
        identity,
        client_id,
        base_topic,
        json_state,
        raw,
    })
}

fn discovery(section: HomeAssistant, findings: &mut Findings) -> Option<HomeAssistant> {
    topic("homeassistant.discovery_prefix", &section.discovery_prefix, findings).then_some(section)
}

fn language_of(language: Option<String>, findings: &mut Findings) -> Language {
    let Some(written) = language else { return Language::Of("en") };
    let wanted = written.trim().to_ascii_lowercase().replace('_', "-");
    // As Home Assistant calls it.
    let wanted = if wanted == "zh-hans" { "zh-cn" } else { wanted.as_str() };
    if wanted == BUNDLED {
        return Language::Bundled;
    }
    let languages = || TEXTS.iter().copied().chain(Names::languages().filter(|code| !TEXTS.contains(code)));
    let known = |code: &str| languages().find(|known| *known == code);
    // `de-at` is German enough.
    let found = known(wanted).or_else(|| known(wanted.split('-').next()?));
    found.map_or_else(
        || {
            let text = format!(
                "there are no names and no error texts in `{written}`, so English ones are shown; there are {}, \
                 and `{BUNDLED}` for English ones without fetching anything",
                languages().collect::<Vec<_>>().join(", ")
            );
            findings.warnings.push(Problem { key: "language".to_owned(), text });
            Language::Of("en")
        },
        Language::Of,
    )
}

/// Codes that nobody wants to hear of.
fn ignored(written: &[String], findings: &mut Findings) -> Arc<[Code]> {
    let code = |(index, text): (usize, &String)| {
        let code = Code::parse(text);
        if code.is_none() {
            let text = format!(
                "`{text}` is not a code; copy it from the entity HMS codes (16 digits: HMS_0500_0100_0002_000B) or \
                 Print error code (8 digits: 0300-8013)"
            );
            findings.problem(&format!("alerts.ignore[{index}]"), text);
        }
        code
    };
    written.iter().enumerate().filter_map(code).collect()
}

fn listen(http: HttpBlock, findings: &mut Findings) -> Option<SocketAddr> {
    let text = http.listen?;
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => findings.unavailable("http.listen", "the HTTP endpoint"),
        _ => {
            let text = format!("`{text}` is not an address with a port, such as 127.0.0.1:9184");
            findings.problem("http.listen", text);
        }
    }
    None
}

/// A URL without the user and password that someone may have put into it.
fn parse_url(key: &str, text: &str, example: &str, findings: &mut Findings) -> Option<Url> {
    // Refused before anything is echoed: a password in a URL must not reach the terminal or the log.
    if text.contains('@') {
        let text =
            format!("holds a user name or password; give them as keys of their own, the URL as {example}");
        findings.problem(key, text);
        return None;
    }
    match Url::parse(text) {
        Ok(url) if url.has_host() && url.host_str() != Some("") => Some(url),
        Ok(_) => {
            findings.problem(key, format!("`{text}` names no host; write it as {example}"));
            None
        }
        Err(cause) => {
            findings.problem(key, format!("`{text}` is not a URL ({cause}); write it as {example}"));
            None
        }
    }
}

fn rest_url(key: &str, text: &str, findings: &mut Findings) -> Option<Url> {
    let example = "https://api.bambulab.com";
    let url = parse_url(key, text, example, findings)?;
    let host = url.host_str().unwrap_or_default();
    let problem = match url.scheme() {
        "https" => None,
        "http" if is_loopback(host) => None,
        "http" => Some("http:// is only for loopback addresses; use https://".to_owned()),
        other => Some(format!("`{other}://` is not understood; write it as {example}")),
    };
    let problem = problem
        .or_else(|| (url.port() == Some(0)).then(|| "port 0 cannot be reached".to_owned()))
        .or_else(|| {
            let extra = url.query().is_some() || url.fragment().is_some();
            extra.then(|| format!("ends in a query or fragment; write it as {example}"))
        });
    if let Some(problem) = problem {
        findings.problem(key, problem);
        return None;
    }
    Some(url)
}

fn broker(key: &str, text: &str, findings: &mut Findings) -> Option<Broker> {
    let example = "mqtt://HOST:1883 or mqtts://HOST:8883";
    let url = parse_url(key, text, example, findings)?;
    let (tls, usual_port) = match url.scheme() {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        other => {
            findings.problem(key, format!("`{other}://` is not understood; write it as {example}"));
            return None;
        }
    };
    let port = url.port().unwrap_or(usual_port);
    if port == 0 {
        findings.problem(key, "port 0 cannot be reached".to_owned());
        return None;
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        findings.problem(key, format!("has something after the port; write it as {example}"));
        return None;
    }
    Some(Broker { host: bare(url.host_str().unwrap_or_default()).to_owned(), port, tls })
}

/// An IPv6 address without the brackets that it has in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host, as a URL writes it or bare, is this machine itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn certificate_file(
    key: &str,
    path: Option<PathBuf>,
    around: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<PathBuf> {
    pem_file(key, around.path(path?), "CERTIFICATE", findings)
}

fn pem_file(key: &str, path: PathBuf, label: &str, findings: &mut Findings) -> Option<PathBuf> {
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(cause) => {
            findings.problem(key, format!("cannot read {}: {cause}", path.display()));
            return None;
        }
    };
    let found = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
    if !found {
        let text = format!("{} holds no PEM block of the kind `{label}`", path.display());
        findings.problem(key, text);
        return None;
    }
    Some(path)
}
