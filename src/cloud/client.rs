//! One account's client of the REST interface: how a request is made, held back, and read.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::{Request, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tracing::{debug, warn};

use super::error::CloudError;
use super::limiter::{Ask, Limiter};
use super::reply::HttpReply;
use crate::config::{AccountConfig, AccountName, Region};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest answer known is a few kilobytes; this is against an endless one.
pub(super) const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// Clocks may differ by this much without a word.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5 * 60);

/// One account's view of the REST interface.
#[derive(Debug)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) api: Url,
    pub(super) region: Region,
    pub(super) account: Option<AccountName>,
    /// How the limiter knows the API's host, and the web's.
    sites: [String; 2],
    /// For one request.
    pub(super) timeout: Duration,
    pub(super) limiter: Arc<Limiter>,
    /// It was said that the list of printers has something in it that is none.
    pub(super) odd_told: AtomicBool,
}

impl Client {
    /// A client for this account's cloud. Nothing is sent yet. The limiter is shared by all clients of the
    /// process.
    pub fn new(
        account: &AccountConfig,
        tls: &rustls::ClientConfig,
        limiter: Arc<Limiter>,
    ) -> Result<Self, CloudError> {
        let host = account.api_url.host_str().unwrap_or_default();
        let http = crate::http::client(tls, host, CONNECT_TIMEOUT)
            .map_err(|error| CloudError::transport(host, &error))?;
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
    pub fn for_account(account: &AccountConfig) -> Result<Self, CloudError> {
        Self::sharing(account, Limiter::new())
    }

    /// The same, with limits that are shared.
    pub fn sharing(account: &AccountConfig, limiter: Arc<Limiter>) -> Result<Self, CloudError> {
        let tls: Arc<rustls::ClientConfig> = crate::tls::client_config(account.ca_file.as_deref(), None)?;
        Self::new(account, &tls, limiter)
    }

    pub(super) fn host(&self) -> &str {
        self.api.host_str().unwrap_or_default()
    }

    pub(super) fn api_site(&self) -> &str {
        &self.sites[0]
    }

    pub(super) fn web_site(&self) -> &str {
        &self.sites[1]
    }

    /// The content of an answer of the API.
    pub(super) async fn get(
        &self,
        ask: Ask<'_>,
        path: &str,
        query: &[(&str, &str)],
        token: &SecretString,
    ) -> Result<Value, CloudError> {
        let mut url = join(&self.api, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.get(url).bearer_auth(token.expose_secret());
        match self.send(self.api_site(), ask, request).await?.content()? {
            Value::Null => Err(CloudError::Empty),
            content => Ok(content),
        }
    }

    pub(super) async fn post(&self, ask: Ask<'_>, url: Url, body: &Value) -> Result<HttpReply, CloudError> {
        self.send(self.api_site(), ask, self.http.post(url).json(body)).await
    }

    /// Makes a request when the limits allow one, and takes its answer whole.
    pub(super) async fn send(
        &self,
        site: &str,
        ask: Ask<'_>,
        request: RequestBuilder,
    ) -> Result<HttpReply, CloudError> {
        let request = request.header(reqwest::header::ACCEPT, "application/json").timeout(self.timeout);
        let request = request.build().map_err(|error| CloudError::transport(self.host(), &error))?;
        let pass = self.limiter.pass(site, ask).await?;
        let answer = self.exchange(request).await;
        pass.ended(answer.as_ref().map_or_else(CloudError::outcome, HttpReply::outcome));
        if let Ok(reply) = &answer {
            self.compare_clocks(reply);
        }
        answer
    }

    async fn exchange(&self, request: Request) -> Result<HttpReply, CloudError> {
        let host = request.url().host_str().unwrap_or_default().to_owned();
        let transport = |error: reqwest::Error| CloudError::transport(&host, &error);
        let mut response = self.http.execute(request).await.map_err(transport)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(CloudError::TooLong);
            }
        }
        debug!(
            status = status.as_u16(),
            path = response.url().path(),
            bytes = body.len(),
            "the cloud answered"
        );
        Ok(HttpReply { status, headers, body })
    }

    /// Says once when the cloud and this machine do not agree about the time: a login that looks alive here
    /// may be over there, and certificates depend on it.
    #[allow(clippy::disallowed_methods, reason = "the edge: what an answer says is compared with the clock")]
    fn compare_clocks(&self, reply: &HttpReply) {
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
pub(super) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}
