//! One request for one model's catalogue.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{StatusCode, Url};
use thiserror::Error as ThisError;
use tracing::debug;

use crate::http;
use crate::tls;
use printer::Prefix;

use super::reply::{Answer, Fault, parse};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A catalogue is not quite a megabyte; this is against an endless answer.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// Why there is no catalogue.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, or it broke, or it took too long.
    #[error("{}", reason(.0))]
    Transport(#[from] reqwest::Error),
    /// No TLS.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The server does not want to.
    #[error("the server answered with status {status}")]
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// More than a catalogue can be.
    #[error("the answer is longer than {} MB", LONGEST_BODY >> 20)]
    TooLong,
    /// It came, and is no catalogue.
    #[error(transparent)]
    Useless(#[from] Fault),
}

impl FetchError {
    /// How long the server wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Without the address, which is long and no help.
fn reason(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "the server took too long"
    } else if error.is_connect() {
        "the server cannot be reached"
    } else {
        "the connection broke"
    }
}

/// Asks, without any login; only the model is told.
pub(super) async fn fetch(
    url: &Url,
    language: &str,
    prefix: Prefix,
    version: Option<&str>,
    timeout: Duration,
) -> Result<Answer, FetchError> {
    let tls = tls::client_config(None, None)?;
    // Made anew for each request: the memory of a client would be held all day for nothing.
    let client = http::client(&tls, url.host_str().unwrap_or_default(), CONNECT_TIMEOUT)?;
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("lang", language)
        .append_pair("v", version.unwrap_or("0"))
        .append_pair("d", prefix.as_str());
    let mut response = client.get(url).timeout(timeout).send().await?;
    let status = response.status();
    if !status.is_success() {
        let seconds = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.trim().parse().ok());
        // Nobody is made to wait for longer than a day.
        let retry_after = seconds.map(|s: u64| Duration::from_secs(s.min(24 * 3600)));
        return Err(FetchError::Status { status, retry_after });
    }
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
    if expected.is_some_and(|length| length > LONGEST_BODY) {
        return Err(FetchError::TooLong);
    }
    let mut body = Vec::with_capacity(expected.unwrap_or_default());
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST_BODY {
            return Err(FetchError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    debug!(bytes = body.len(), "error texts came");
    Ok(parse(&body, language)?)
}
