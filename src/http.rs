//! The one way to make an HTTP client: honest about who we are, and as careful as a token deserves.
//!
//! It does not know what is asked of whom.

use std::time::Duration;

use reqwest::redirect;

use crate::config::is_loopback;

const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A client for one host.
///
/// No redirect is followed, for it would carry a token elsewhere, and nothing is tried twice, for some
/// requests count towards a lock-out.
pub(crate) fn client(
    tls: &rustls::ClientConfig,
    host: &str,
    connect_timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(connect_timeout);
    // A server on loopback is a test's or the demo's, where no proxy can be meant.
    if is_loopback(host) { builder.no_proxy() } else { builder }.build()
}
