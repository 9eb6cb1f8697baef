//! Logging in: what is sent, and how the answers are told apart (`protocol.md` 1.3).
//!
//! Nothing here tries twice: each attempt counts towards a lock-out of the account.

use reqwest::Url;
use reqwest::header::COOKIE;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::client::{Client, join};
use super::error::CloudError;
use super::kinds::{CodeKind, LoginReason};
use super::limiter::{Ask, Demand, RequestKind};
use super::reply::{HttpReply, code_of, member, message_of, number, text};
use crate::config::Region;

const CSRF_COOKIE: &str = "bbl_csrf_token";
const CSRF_HEADER: &str = "x-bbl-csrf-token";

/// What the cloud answered to account and password.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginAnswer {
    /// Logged in.
    Token(TokenGrant),
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
pub struct TokenGrant {
    /// The access token.
    pub token: SecretString,
    /// Its life in seconds, where the cloud says so.
    pub expires_in: Option<i64>,
}

/// What became of an authenticator's code.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answered {
    /// It was right.
    Token(TokenGrant),
    /// It was not.
    WrongCode,
    /// Nobody could be asked who knows.
    NoWay(CloudError),
}

impl Client {
    /// Account and password, once.
    pub async fn login(&self, password: &SecretString) -> Result<LoginAnswer, CloudError> {
        let body =
            json!({ "account": self.account()?, "password": password.expose_secret(), "apiError": "" });
        let reply = self.post(ask(RequestKind::Login), self.login_url(), &body).await?;
        let content = reply.content().map_err(|error| refused(error, &reply))?;
        self.outcome(&content)
    }

    /// Has a code sent. A new one makes the one before it worthless.
    pub async fn request_code(&self, kind: CodeKind) -> Result<(), CloudError> {
        let account = self.account()?;
        let (site, url, body) = match kind {
            CodeKind::Email => (
                self.api_site(),
                join(&self.api, "v1/user-service/user/sendemail/code"),
                json!({ "email": account, "type": "codeLogin" }),
            ),
            CodeKind::Sms => {
                (self.web_site(), self.sms_url(), json!({ "phone": account, "type": "codeLogin" }))
            }
        };
        let reply = self.send(site, ask(RequestKind::Code), self.http.post(url).json(&body)).await?;
        reply.content().map(drop).map_err(|error| match error {
            CloudError::Refused { status: 400, message, .. } => CloudError::NoCodeSent { message },
            error => error,
        })
    }

    /// The code from the e-mail or text message.
    pub async fn login_with_code(&self, code: &str) -> Result<TokenGrant, CloudError> {
        let body = json!({ "account": self.account()?, "code": code.trim() });
        let reply = self.post(ask(RequestKind::Login), self.login_url(), &body).await?;
        let content = reply.content().map_err(|error| code_refused(error, &reply))?;
        match self.outcome(&content)? {
            LoginAnswer::Token(grant) => Ok(grant),
            LoginAnswer::NeedsCode(_) => Err(CloudError::CodeExpired),
            LoginAnswer::NeedsAuthenticator { .. } => Err(CloudError::UnknownLogin {
                kind: "authenticator after a code".to_owned(),
                message: String::new(),
            }),
        }
    }

    /// Decided in the order of `protocol.md` 1.3: a token settles it, whatever else is there.
    fn outcome(&self, content: &Value) -> Result<LoginAnswer, CloudError> {
        if content.is_null() {
            return Err(CloudError::Empty);
        }
        if let Some(token) = text(content, "accessToken") {
            let expires_in = member(content, "expiresIn").and_then(number).filter(|seconds| *seconds > 0);
            return Ok(LoginAnswer::Token(TokenGrant { token: SecretString::from(token), expires_in }));
        }
        let kind = text(content, "loginType").unwrap_or_default();
        match (kind, text(content, "tfaKey")) {
            ("verifyCode", _) => Ok(LoginAnswer::NeedsCode(self.code_kind())),
            (_, Some(key)) => Ok(LoginAnswer::NeedsAuthenticator { tfa_key: SecretString::from(key) }),
            ("tfa", None) => Err(CloudError::Unexpected { missing: "key for the authenticator" }),
            _ => Err(CloudError::UnknownLogin { kind: kind.to_owned(), message: message_of(content) }),
        }
    }

    /// How this account gets its codes.
    pub fn code_kind(&self) -> CodeKind {
        match &self.account {
            Some(account) if !account.is_email() => CodeKind::Sms,
            _ => CodeKind::Email,
        }
    }

    fn account(&self) -> Result<&str, CloudError> {
        let account = self.account.as_ref();
        account
            .map(crate::config::AccountName::as_str)
            .ok_or(CloudError::LoginNeeded { reason: LoginReason::NoToken })
    }

    fn login_url(&self) -> Url {
        join(&self.api, "v1/user-service/user/login")
    }

    /// The code of an authenticator, at the API's host first.
    ///
    /// That it answers there, as data, is known from cgradl/filament-manager #62; the web's host, where browsers
    /// send it, often wants to see one (greghesp/ha-bambulab #1496). So the second is asked only where the first
    /// does not know the way. What either says about the code itself is believed: another try with the same code
    /// elsewhere would count towards a lock-out.
    pub async fn authenticate(&self, tfa_key: &SecretString, code: &str) -> Result<Answered, CloudError> {
        let body = json!({ "tfaKey": tfa_key.expose_secret(), "tfaCode": code.trim() });
        let url = join(&self.api, "v1/user-service/user/tfa/login");
        let reply = match self.post(ask(RequestKind::Authenticator), url, &body).await {
            Ok(reply) => judged(&reply),
            // Held back, or nobody there: that is not about the way.
            Err(error) => return Err(error),
        };
        match reply {
            Answered::NoWay(CloudError::RateLimited { retry_after }) => {
                Err(CloudError::RateLimited { retry_after })
            }
            Answered::NoWay(_) => self.authenticate_at_the_web(&body).await,
            answered => Ok(answered),
        }
    }

    /// The same at the web's host, which wants to see a cookie of its own again, as cookie and as header
    /// (greghesp/ha-bambulab #2056).
    async fn authenticate_at_the_web(&self, body: &Value) -> Result<Answered, CloudError> {
        let mut answered = self.authenticate_with_cookies(body).await?;
        // The code was not looked at: once more, with new cookies.
        if matches!(&answered, Answered::NoWay(CloudError::Forbidden { message, .. }) if says_csrf(message)) {
            answered = self.authenticate_with_cookies(body).await?;
        }
        Ok(answered)
    }

    async fn authenticate_with_cookies(&self, body: &Value) -> Result<Answered, CloudError> {
        let send = |kind, request| self.send(self.web_site(), ask(kind), request);
        // A web's host that cannot be used is no reason to give up: a code can be sent.
        let reply = match send(RequestKind::Csrf, self.http.get(self.web_url("api/csrf"))).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Answered::NoWay(error)),
        };
        if let Err(error) = reply.content()
            && !matches!(error, CloudError::NotData { .. })
        {
            return Ok(Answered::NoWay(error));
        }
        let cookies: Vec<(&str, &str)> = reply.cookies().collect();
        let mut request = self.http.post(self.web_url("api/sign-in/tfa")).json(body);
        if !cookies.is_empty() {
            let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        if let Some((_, value)) = cookies.iter().find(|(name, _)| *name == CSRF_COOKIE) {
            request = request.header(CSRF_HEADER, *value);
        }
        Ok(match send(RequestKind::Authenticator, request).await {
            Ok(reply) => judged(&reply),
            Err(error) => Answered::NoWay(error),
        })
    }

    // Text messages are sent by the web's host, under a prefix of its own.
    pub(super) fn sms_url(&self) -> Url {
        self.web_url("api/v1/user-service/user/sendsmscode")
    }

    // A test's cloud, and any that is not the maker's, is one host for both.
    fn web_url(&self, path: &str) -> Url {
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
        join(&web, path)
    }
}

const fn ask(kind: RequestKind) -> Ask<'static> {
    Ask::new(kind, "", Demand::Person)
}

/// What an answer to an authenticator's code means. A token settles it, wherever it is; so does a refusal that is
/// data and not about something else.
fn judged(reply: &HttpReply) -> Answered {
    let content = match reply.content() {
        Ok(content) => content,
        Err(
            CloudError::Refused { status: 400 | 401 | 422, .. }
            | CloudError::Unauthorised { .. }
            | CloudError::TokenExpired
            | CloudError::TokenRejected { .. },
        ) if reply.is_data() => return Answered::WrongCode,
        // Some answer well with a code of their own.
        Err(CloudError::Refused { status: 200..=299, .. }) => return Answered::WrongCode,
        Err(error) => return Answered::NoWay(error),
    };
    let in_body = ["accessToken", "token"].into_iter().find_map(|key| text(&content, key));
    let in_cookie = || reply.cookies().find(|(name, value)| *name == "token" && !value.is_empty());
    match in_body.or_else(|| in_cookie().map(|(_, value)| value)) {
        Some(token) => Answered::Token(TokenGrant {
            token: SecretString::from(token),
            expires_in: member(&content, "expiresIn").and_then(number).filter(|seconds| *seconds > 0),
        }),
        None => Answered::NoWay(CloudError::Unexpected { missing: "access token" }),
    }
}

/// The protection against forged requests was not satisfied, and the code was not looked at.
fn says_csrf(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["csrf", "missing_cookie", "missing_header"].iter().any(|word| message.contains(word))
}

/// To a login every refusal that is not about something else means account or password.
fn refused(error: CloudError, reply: &HttpReply) -> CloudError {
    match error {
        // Challenges and limits say nothing about the password.
        CloudError::Challenge { .. } | CloudError::RateLimited { .. } | CloudError::Redirected { .. } => {
            error
        }
        // No refusal: another service answers there, or something in between.
        _ if !reply.is_data() || matches!(reply.status.as_u16(), 404 | 405) => error,
        _ if reply.status.is_client_error() => {
            let json = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
            CloudError::CredentialsRefused { message: message_of(&json) }
        }
        _ => error,
    }
}

fn code_refused(error: CloudError, reply: &HttpReply) -> CloudError {
    if reply.status.as_u16() != 400 {
        return error;
    }
    let json = serde_json::from_slice::<Value>(&reply.body).unwrap_or_default();
    match code_of(&json) {
        Some(1) => CloudError::CodeExpired,
        Some(2) => CloudError::CodeWrong,
        _ => error,
    }
}
