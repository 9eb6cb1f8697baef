//! Logging in: what is sent, and how the answers are told apart (`protocol.md` 1.3).
//!
//! Nothing here tries twice: each attempt counts towards a lock-out of the account.

use std::fmt;

use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::error::Error;
use super::limiter::{Ask, Demand, Kind};
use super::reply::{Reply, code_of, member, message_of, number, text};
use super::{Client, join};
use crate::config::Region;

/// What the cloud answered to account and password.
#[derive(Debug)]
#[non_exhaustive]
pub enum Login {
    /// Logged in.
    Token(Grant),
    /// A code has to be entered; [`Client::request_code`] sends it, some accounts get one unasked.
    NeedsCode(CodeKind),
    /// A code of the account's authenticator has to be entered.
    NeedsAuthenticator {
        /// Stands for this attempt; as good as half a login.
        tfa_key: SecretString,
    },
}

/// A token as the cloud grants it.
#[derive(Debug)]
pub struct Grant {
    /// The access token.
    pub token: SecretString,
    /// Its life in seconds, where the cloud says so.
    pub expires_in: Option<i64>,
}

/// How a code reaches its person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// To the account's e-mail address.
    Email,
    /// To the account's phone number.
    Sms,
}

impl fmt::Display for CodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail",
            Self::Sms => "text message",
        })
    }
}

impl Client {
    /// Account and password, once.
    pub async fn login(&self, password: &SecretString) -> Result<Login, Error> {
        let body =
            json!({ "account": self.account()?, "password": password.expose_secret(), "apiError": "" });
        let reply = self.post(ask(Kind::Login), self.login_url(), &body).await?;
        let content = reply.content().map_err(|error| refused(error, &reply))?;
        self.outcome(&content)
    }

    /// Has a code sent. A new one makes the one before it worthless.
    pub async fn request_code(&self, kind: CodeKind) -> Result<(), Error> {
        let account = self.account()?;
        let (url, body) = match kind {
            CodeKind::Email => (
                join(&self.api, "v1/user-service/user/sendemail/code"),
                json!({ "email": account, "type": "codeLogin" }),
            ),
            CodeKind::Sms => (self.sms_url(), json!({ "phone": account, "type": "codeLogin" })),
        };
        self.post(ask(Kind::Code), url, &body).await?.content().map(drop)
    }

    /// The code from the e-mail or text message.
    pub async fn login_with_code(&self, code: &str) -> Result<Grant, Error> {
        let body = json!({ "account": self.account()?, "code": code.trim() });
        let reply = self.post(ask(Kind::Login), self.login_url(), &body).await?;
        let content = reply.content().map_err(|error| code_refused(error, &reply))?;
        match self.outcome(&content)? {
            Login::Token(grant) => Ok(grant),
            Login::NeedsCode(_) => Err(Error::CodeExpired),
            Login::NeedsAuthenticator { .. } => Err(Error::UnknownLogin {
                kind: "authenticator after a code".to_owned(),
                message: String::new(),
            }),
        }
    }

    /// Decided in the order of `protocol.md` 1.3: a token settles it, whatever else is there.
    fn outcome(&self, content: &Value) -> Result<Login, Error> {
        if let Some(token) = text(content, "accessToken") {
            let expires_in = member(content, "expiresIn").and_then(number).filter(|seconds| *seconds > 0);
            return Ok(Login::Token(Grant { token: SecretString::from(token), expires_in }));
        }
        let kind = text(content, "loginType").unwrap_or_default();
        match (kind, text(content, "tfaKey")) {
            ("verifyCode", _) => Ok(Login::NeedsCode(self.code_kind())),
            (_, Some(key)) => Ok(Login::NeedsAuthenticator { tfa_key: SecretString::from(key) }),
            ("tfa", None) => Err(Error::Unexpected { missing: "key for the authenticator" }),
            _ => Err(Error::UnknownLogin { kind: kind.to_owned(), message: message_of(content) }),
        }
    }

    /// How this account gets its codes.
    pub fn code_kind(&self) -> CodeKind {
        match &self.account {
            Some(account) if !account.is_email() => CodeKind::Sms,
            _ => CodeKind::Email,
        }
    }

    fn account(&self) -> Result<&str, Error> {
        let account = self.account.as_ref();
        account
            .map(crate::config::AccountName::as_str)
            .ok_or(Error::LoginNeeded { reason: super::error::LoginReason::NoToken })
    }

    fn login_url(&self) -> Url {
        join(&self.api, "v1/user-service/user/login")
    }

    // Text messages are sent by the web's host, under a prefix of its own. A test's cloud is one host for both.
    pub(super) fn sms_url(&self) -> Url {
        let mut web = self.api.clone();
        let host = match (web.host_str(), self.region) {
            (Some("api.bambulab.com" | "api.bambulab.cn"), Region::Global) => Some("bambulab.com"),
            (Some("api.bambulab.com" | "api.bambulab.cn"), Region::China) => Some("bambulab.cn"),
            _ => None,
        };
        if let Some(host) = host {
            // Fails for URLs that cannot have a host, and this one has.
            let _ = web.set_host(Some(host));
        }
        join(&web, "api/v1/user-service/user/sendsmscode")
    }
}

const fn ask(kind: Kind) -> Ask<'static> {
    Ask::new(kind, "", Demand::Person)
}

/// To a login every refusal that is not about something else means account or password.
fn refused(error: Error, reply: &Reply) -> Error {
    match error {
        // Challenges and limits say nothing about the password.
        Error::Challenge { .. } | Error::RateLimited { .. } | Error::Redirected { .. } => error,
        _ if reply.status.is_client_error() => {
            let json = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
            Error::CredentialsRefused { message: message_of(&json) }
        }
        _ => error,
    }
}

fn code_refused(error: Error, reply: &Reply) -> Error {
    if reply.status.as_u16() != 400 {
        return error;
    }
    let json = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
    match code_of(&json) {
        Some(1) => Error::CodeExpired,
        Some(2) => Error::CodeWrong,
        _ => error,
    }
}
