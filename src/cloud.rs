//! The Bambu cloud's REST interface: login, the life of a token, and the list of printers.
//!
//! Each request waits for its turn and is held to the limits that all accounts share ([`limiter`]), has a time
//! limit, is not repeated, and no redirect is followed; bodies are never logged. It says honestly who it is: Bambu has objected to clients that pose as theirs. It must not know
//! of MQTT or of entities.

pub mod attempts;
mod data;
mod error;
pub mod limiter;
mod login;
pub mod person;
pub mod plan;
mod reply;
pub mod session;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::{Request, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::{debug, warn};

use crate::config::{Account, AccountName, Region};
use limiter::{Ask, Demand, Kind};
use reply::{Reply, member, number, text};
use token::claims;

use printer::Serial;

pub use data::Releases;
pub(crate) use error::advice;
pub use error::{Error, LoginReason, Rest};
pub use limiter::Limiter;
pub use login::{Answered, CodeKind, Grant, Login};
pub use person::Desk;
pub use session::{Session, Verdict, obtain, verdict};
pub use token::UserName;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest answer known is a few kilobytes; this is against an endless one.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// Clocks may differ by this much without a word.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);

/// One account's view of the REST interface.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    api: Url,
    region: Region,
    account: Option<AccountName>,
    /// How the limiter knows the API's host, and the web's.
    sites: [String; 2],
    /// For one request.
    timeout: Duration,
    limiter: Arc<Limiter>,
    /// It was said that the list of printers has something in it that is none.
    odd_told: AtomicBool,
}

/// A printer of the account. Its access code, which the cloud sends along, is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundPrinter {
    /// Upper case, as topics want it.
    pub serial: String,
    /// What its owner calls it.
    pub name: String,
    /// The maker's code, such as `C12`; newer models give their trade name.
    pub model_code: Option<String>,
    /// The trade name, such as `P1S`.
    pub product_name: Option<String>,
    /// The cloud's opinion; false for printers in LAN-only mode. `None` where it has none.
    pub online: Option<bool>,
}

impl BoundPrinter {
    /// What the cloud calls its model: by its code, and by its name; empty where it does not.
    pub fn cloud_names(&self) -> [&str; 2] {
        [self.model_code.as_deref(), self.product_name.as_deref()].map(Option::unwrap_or_default)
    }

    /// Whether its serial number can be one: it becomes part of topics and of the names of files.
    pub fn has_serial(&self) -> bool {
        Serial::parse(&self.serial).is_some()
    }
}

impl Client {
    /// A client for this account's cloud. Nothing is sent yet. The limiter is shared by all clients of the
    /// process.
    pub fn new(account: &Account, tls: &rustls::ClientConfig, limiter: Arc<Limiter>) -> Result<Self, Error> {
        let host = account.api_url.host_str().unwrap_or_default();
        let http = crate::http::client(tls, host, CONNECT_TIMEOUT)
            .map_err(|error| Error::transport(host, &error))?;
        let place = account.api_url.origin().ascii_serialization();
        Ok(Self {
            http,
            api: account.api_url.clone(),
            region: account.region,
            account: account.account.clone(),
            sites: [format!("api {place}"), format!("web {place}")],
            timeout: REQUEST_TIMEOUT,
            limiter,
            odd_told: AtomicBool::new(false),
        })
    }

    /// Makes the TLS configuration the account asks for, and a client with it that shares its limits with
    /// nobody: for a command that ends soon.
    pub fn for_account(account: &Account) -> Result<Self, Error> {
        Self::sharing(account, Limiter::new())
    }

    /// The same, with limits that are shared.
    pub fn sharing(account: &Account, limiter: Arc<Limiter>) -> Result<Self, Error> {
        let tls: Arc<rustls::ClientConfig> = crate::tls::client_config(account.ca_file.as_deref(), None)?;
        Self::new(account, &tls, limiter)
    }

    /// Whose token this is, in the form the broker wants; also the check whether it is alive.
    pub async fn preference(&self, token: &SecretString) -> Result<UserName, Error> {
        let ask = Ask::new(Kind::Preference, "", Demand::Person);
        let content = self.get(ask, "v1/design-user-service/my/preference", &[], token).await?;
        let uid = member(&content, "uid").and_then(number).filter(|uid| *uid > 0);
        uid.map(UserName::from_uid).ok_or(Error::Unexpected { missing: "user id" })
    }

    /// The printers of the account, because someone waits for them: half a minute apart at least.
    pub async fn printers(&self, token: &SecretString) -> Result<Vec<BoundPrinter>, Error> {
        self.list(token, Demand::Person).await
    }

    /// The printers of the account, because it is time to look: ten minutes after the last look at least.
    pub async fn printers_when_due(&self, token: &SecretString) -> Result<Vec<BoundPrinter>, Error> {
        self.list(token, Demand::Schedule).await
    }

    async fn list(&self, token: &SecretString, demand: Demand) -> Result<Vec<BoundPrinter>, Error> {
        // By token: with a new one the list may be another.
        let subject = token::fingerprint(token);
        let ask = Ask::new(Kind::Devices, &subject, demand);
        let content = self.get(ask, "v1/iot-service/api/user/bind", &[], token).await?;
        let printers = bound_printers(&content).ok_or(Error::Unexpected { missing: "list of printers" })?;
        Ok(self.without_odd_ones(printers))
    }

    /// Passes over what has no serial number that could be one, and says so once.
    fn without_odd_ones(&self, mut printers: Vec<BoundPrinter>) -> Vec<BoundPrinter> {
        let listed = printers.len();
        printers.retain(BoundPrinter::has_serial);
        let odd = listed - printers.len();
        if odd > 0 && !self.odd_told.swap(true, Ordering::Relaxed) {
            warn!(
                odd,
                "the Bambu cloud lists printers whose serial numbers are none (letters and digits, fifteen as a rule); \
                 they are passed over; if one of yours is missing, look for a newer version"
            );
        }
        printers
    }

    fn host(&self) -> &str {
        self.api.host_str().unwrap_or_default()
    }

    fn api_site(&self) -> &str {
        &self.sites[0]
    }

    fn web_site(&self) -> &str {
        &self.sites[1]
    }

    /// The content of an answer of the API.
    async fn get(
        &self,
        ask: Ask<'_>,
        path: &str,
        query: &[(&str, &str)],
        token: &SecretString,
    ) -> Result<Value, Error> {
        let mut url = join(&self.api, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.get(url).bearer_auth(token.expose_secret());
        match self.send(self.api_site(), ask, request).await?.content()? {
            Value::Null => Err(Error::Empty),
            content => Ok(content),
        }
    }

    async fn post(&self, ask: Ask<'_>, url: Url, body: &Value) -> Result<Reply, Error> {
        self.send(self.api_site(), ask, self.http.post(url).json(body)).await
    }

    /// Makes a request when the limits allow one, and takes its answer whole.
    async fn send(&self, site: &str, ask: Ask<'_>, request: RequestBuilder) -> Result<Reply, Error> {
        let request = request.header(reqwest::header::ACCEPT, "application/json").timeout(self.timeout);
        let request = request.build().map_err(|error| Error::transport(self.host(), &error))?;
        let pass = self.limiter.pass(site, ask).await?;
        let answer = self.exchange(request).await;
        pass.ended(answer.as_ref().map_or_else(Error::outcome, Reply::outcome));
        if let Ok(reply) = &answer {
            self.compare_clocks(reply);
        }
        answer
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Error> {
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let transport = |error: reqwest::Error| Error::transport(&host, &error);
        let mut response = self.http.execute(request).await.map_err(transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(Error::TooLong);
            }
        }
        debug!(
            status = status.as_u16(),
            path = response.url().path(),
            bytes = body.len(),
            "the cloud answered"
        );
        Ok(Reply { status, headers, body })
    }

    /// Says once when the cloud and this machine do not agree about the time: a login that looks alive here
    /// may be over there, and certificates depend on it.
    #[allow(clippy::disallowed_methods, reason = "the edge: what an answer says is compared with the clock")]
    fn compare_clocks(&self, reply: &Reply) {
        let Some(ahead) = reply.sent_at().map(|sent| jiff::Timestamp::now().duration_since(sent)) else {
            return;
        };
        let off = ahead.unsigned_abs();
        if off > CLOCKS_DIFFER && self.limiter.may_tell_of_the_clock() {
            let way = if ahead.is_positive() { "ahead of" } else { "behind" };
            warn!(
                "the clock of this machine is {} {way} the Bambu cloud's; set it, or let it be set over the \
                 network (NTP): logins and certificates depend on it",
                humantime::format_duration(Duration::from_secs(off.as_secs()))
            );
        }
    }
}

/// A path below a base URL that may have a path of its own.
fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn bound_printers(content: &Value) -> Option<Vec<BoundPrinter>> {
    let list = match member(content, "devices")? {
        // How the cloud's language writes a list that nothing was ever put into.
        Value::Null => return Some(Vec::new()),
        list => list.as_array()?,
    };
    Some(list.iter().filter_map(bound_printer).collect())
}

fn bound_printer(device: &Value) -> Option<BoundPrinter> {
    let owned = |key| text(device, key).map(str::to_owned);
    let serial = text(device, "dev_id")?.to_ascii_uppercase();
    Some(BoundPrinter {
        name: owned("name").unwrap_or_default(),
        serial,
        model_code: owned("dev_model_name"),
        product_name: owned("dev_product_name"),
        online: device.get("online").and_then(Value::as_bool),
    })
}

#[cfg(test)]
mod tests;
