//! The Bambu cloud's REST interface: login, the life of a token, and the list of printers.
//!
//! One request at a time, each with a time limit, none repeated and no redirect followed; bodies are never
//! logged. It says honestly who it is: Bambu has objected to clients that pose as theirs. It must not know
//! of MQTT or of entities.

mod error;
mod login;
mod reply;
pub mod session;
mod token;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{RequestBuilder, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::debug;

use crate::config::{Account, AccountName, Region, is_loopback};
use reply::{Reply, member, number, text};
use token::claims;

pub use error::{Error, LoginReason};
pub use login::{CodeKind, Grant, Login};
pub use session::{Session, Verdict, obtain, verdict};
pub use token::UserName;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest answer known is a few kilobytes; this is against an endless one.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// One account's view of the REST interface.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    api: Url,
    region: Region,
    account: Option<AccountName>,
    /// For one request.
    timeout: Duration,
    /// Held while a request is under way.
    turn: Mutex<()>,
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

impl Client {
    /// A client for this account's cloud. Nothing is sent yet.
    pub fn new(account: &Account, tls: &rustls::ClientConfig) -> Result<Self, Error> {
        let mut tls = tls.clone();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        let host = account.api_url.host_str().unwrap_or_default().to_owned();
        // A cloud on loopback is a test's or the demo's, where no proxy can be meant.
        if is_loopback(&host) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Error::transport(&host, &error))?;
        Ok(Self {
            http,
            api: account.api_url.clone(),
            region: account.region,
            account: account.account.clone(),
            timeout: REQUEST_TIMEOUT,
            turn: Mutex::new(()),
        })
    }

    /// Makes the TLS configuration the account asks for, and the client with it.
    pub fn for_account(account: &Account) -> Result<Self, Error> {
        let tls: Arc<rustls::ClientConfig> = crate::tls::client_config(account.ca_file.as_deref(), None)?;
        Self::new(account, &tls)
    }

    /// Whose token this is, in the form the broker wants; also the check whether it is alive.
    pub async fn preference(&self, token: &SecretString) -> Result<UserName, Error> {
        let content = self.get("v1/design-user-service/my/preference", token).await?;
        let uid = member(&content, "uid").and_then(number).filter(|uid| *uid > 0);
        uid.map(UserName::from_uid).ok_or(Error::Unexpected { missing: "user id" })
    }

    /// The printers of the account.
    pub async fn printers(&self, token: &SecretString) -> Result<Vec<BoundPrinter>, Error> {
        let content = self.get("v1/iot-service/api/user/bind", token).await?;
        bound_printers(&content).ok_or(Error::Unexpected { missing: "list of printers" })
    }

    fn host(&self) -> &str {
        self.api.host_str().unwrap_or_default()
    }

    async fn get(&self, path: &str, token: &SecretString) -> Result<Value, Error> {
        let request = self.http.get(join(&self.api, path)).bearer_auth(token.expose_secret());
        self.send(request).await?.content()
    }

    async fn post(&self, url: Url, body: &Value) -> Result<Reply, Error> {
        self.send(self.http.post(url).json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, Error> {
        let request = request.header(reqwest::header::ACCEPT, "application/json").timeout(self.timeout);
        let transport = |error: reqwest::Error| Error::transport(self.host(), &error);
        let _turn = self.turn.lock().await;
        let mut response = request.send().await.map_err(transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(Error::NotData { status: status.as_u16() });
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
