//! What can go wrong between us and the cloud, each with the next step for the person who reads it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use thiserror::Error as ThisError;

use super::kinds::{LoginReason, RequestOutcome, Rest};
use crate::config::DiskError;
use crate::tls;

/// What helps against more than one trouble with the cloud, of REST and of the broker.
pub(crate) mod advice {
    pub(crate) const SET_CLOCK: &str = "set this machine's clock, or let it be set over the network (NTP)";
    pub(crate) const MEND_TRUST: &str =
        "check this machine's clock, the system's certificates and, if a proxy reads along, bambu.ca_file";
    pub(crate) const LOOK_FOR_NEWER: &str = "if this lasts, look for a newer version";
}

/// What is listed for a code with which the cloud refuses (protocol 1.6). None was ever seen, so nothing depends on
/// them but what a person reads.
#[derive(Debug)]
pub(super) struct Listed {
    code: i64,
    /// What it says, after "the Bambu cloud".
    what: &'static str,
    /// What a person can do.
    next: &'static str,
}

const LISTED: [Listed; 4] = [
    Listed {
        code: 1003,
        what: "knows no such printer in this account",
        next: "see in Bambu Handy whether the printer is still bound to this account",
    },
    Listed {
        code: 1004,
        what: "has no connection to the printer",
        next: "see whether the printer is switched on, in the network and not in LAN Only Mode",
    },
    Listed {
        code: 1005,
        what: "says that the print failed",
        next: "see on the printer's screen why, then start the print again from there or from the slicer",
    },
    Listed {
        code: 1006,
        what: "says that a file could not be uploaded",
        next: "send the file again with the program that it came from, for this one uploads nothing",
    },
];

impl Listed {
    /// What is listed for this code.
    pub(super) fn of(code: i64) -> Option<&'static Self> {
        LISTED.iter().find(|listed| listed.code == code)
    }
}

/// Why the cloud did not do what was asked.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum CloudError {
    /// The proof of `protocol.md` 1.4, and nothing less: the token is dead.
    #[error("the Bambu login has expired or was revoked; run `bambu2mqtt login`")]
    TokenExpired,
    /// The cloud names a reason against the token that is listed, and was never seen on the wire.
    #[error("the Bambu cloud does not accept the login (code {code}: {message}); run `bambu2mqtt login`")]
    TokenRejected {
        /// 1001 or 1002.
        code: i64,
        /// The cloud's words.
        message: String,
    },
    /// A 401 without the proof: it may pass, so the token is kept.
    #[error(
        "the Bambu cloud answered {status} without saying that the login has expired; it is kept and \
         tried again later, if this lasts for hours run `bambu2mqtt login`"
    )]
    Unauthorised {
        /// The HTTP status.
        status: u16,
    },
    /// Wrong account or password. Never tried again by itself: a lock-out is likely.
    #[error(
        "the Bambu cloud refused the account name or password{}; check both and the region, then run \
         `bambu2mqtt login`",
        said(message)
    )]
    CredentialsRefused {
        /// The cloud's words.
        message: String,
    },
    /// No code was sent: most likely it does not know the account.
    #[error(
        "the Bambu cloud sends no code to this account{}; check bambu.account and bambu.region",
        said(message)
    )]
    NoCodeSent {
        /// The cloud's words.
        message: String,
    },
    /// What was pasted cannot be a token.
    #[error(
        "this is no access token; copy the value of the cookie `token` of bambulab.com, and nothing else \
         (docs/cloud.md shows how)"
    )]
    NoToken,
    /// A token from elsewhere that is none, or none any more.
    #[error(
        "the Bambu cloud does not accept this token: it has ended, is not complete, or is one of the other region; \
         copy it anew (docs/cloud.md shows how)"
    )]
    TokenUnknown,
    /// The code is too old, or none is outstanding.
    #[error("the code has expired or was used; get a new one with `bambu2mqtt login --request-code`")]
    CodeExpired,
    /// A wrong code; the right one still works.
    #[error("the code is wrong; look again, the one that was sent last still counts")]
    CodeWrong,
    /// A wrong code of an authenticator, or one of half a minute ago.
    #[error(
        "the authenticator's code is wrong or too old; type the next one, and look whether the clock of the device \
         that shows it is right"
    )]
    TotpWrong,
    /// There is no token, and a person is needed to get one.
    #[error("{reason}; run `bambu2mqtt login`")]
    LoginNeeded {
        /// Why.
        reason: LoginReason,
    },
    /// A login succeeded, and only what follows it did not.
    #[error(
        "logged in, and the token is kept; whose it is could not be asked ({cause}), which the gateway does when \
         it starts"
    )]
    Kept {
        /// Why not.
        cause: Box<CloudError>,
    },
    /// Our own limit, so that a restart loop does not lock the account.
    #[error(
        "too many attempts to log in within ten minutes, which could lock the account; the next one is \
         possible in {}",
        humantime::format_duration(Duration::from_secs(wait.as_secs()))
    )]
    TooManyLogins {
        /// Until the next one is permitted.
        wait: Duration,
    },
    /// An answer to a login that fits none of the known ones.
    #[error(
        "the Bambu cloud asks for a kind of login that is not known here (`{kind}`){}; log in with a browser and \
         give the access token to `bambu2mqtt login --token -` (docs/cloud.md shows how)",
        said(message)
    )]
    UnknownLogin {
        /// Its `loginType`.
        kind: String,
        /// The cloud's words.
        message: String,
    },
    /// Cloudflare wants a browser. This says nothing about the token.
    #[error(
        "Cloudflare, in front of the Bambu cloud, wants to see a browser (status {status}); sign in once with a \
         browser on this network, and wait a quarter of an hour at least before the next attempt"
    )]
    Challenge {
        /// The HTTP status.
        status: u16,
    },
    /// Not ours to see.
    #[error("the Bambu cloud denies access{}; is the printer bound to this account?", said(message))]
    Forbidden {
        /// The cloud's own code, if it gave one.
        code: Option<i64>,
        /// The cloud's words.
        message: String,
    },
    /// Too many requests.
    #[error("the Bambu cloud asks for fewer requests; {}", pause(*retry_after))]
    RateLimited {
        /// What it wants us to wait.
        retry_after: Option<Duration>,
    },
    /// Refused for a reason of its own, perhaps by a code that is listed ([`Listed`]).
    #[error("{}", refused(*status, *code, message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The cloud's own code, if it gave one.
        code: Option<i64>,
        /// The cloud's words.
        message: String,
    },
    /// A page for people where JSON was expected.
    #[error(
        "the Bambu cloud answered with something else than data (status {status}), as it does during \
         maintenance; try again later"
    )]
    NotData {
        /// The HTTP status.
        status: u16,
    },
    /// A page instead of a refusal, and not Cloudflare's.
    #[error(
        "something in front of the Bambu cloud denies access (status {status}): a proxy, a firewall, or a block \
         of this network; try from another network"
    )]
    Barred {
        /// The HTTP status.
        status: u16,
    },
    /// A good status, and nothing where something should be.
    #[error("the Bambu cloud's answer is empty; try again later")]
    Empty,
    /// More than any answer should have.
    #[error("the Bambu cloud's answer is too long to be one; try again later, and check bambu.api_url")]
    TooLong,
    /// Our own limits, which keep the cloud from limiting us.
    #[error(
        "the Bambu cloud is not asked now: {rest}; possible again in {}",
        humantime::format_duration(Duration::from_secs(wait.as_secs().max(1)))
    )]
    Resting {
        /// Until then.
        wait: Duration,
        /// Why.
        rest: Rest,
    },
    /// JSON, and not what it should hold.
    #[error(
        "the Bambu cloud's answer has no {missing}; if this lasts, its interface has changed: look for a newer version"
    )]
    Unexpected {
        /// What was looked for.
        missing: &'static str,
    },
    /// Redirects are not followed: they would carry the token elsewhere.
    #[error("the Bambu cloud redirects to another address (status {status}); check bambu.api_url")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// A fault at the other end.
    #[error("the Bambu cloud has a fault of its own (status {status}); try again later")]
    Server {
        /// The HTTP status.
        status: u16,
        /// What it wants us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer in time.
    #[error("{host} did not answer in time; check the network, then try again")]
    Timeout {
        /// The host that was asked.
        host: String,
    },
    /// The name leads nowhere.
    #[error("the name {host} cannot be resolved; check the network and its DNS server")]
    NameResolution {
        /// The host that was asked.
        host: String,
    },
    /// A certificate from the future: more likely a clock from the past.
    #[error(
        "the certificate of {host} is not valid yet: the clock of this machine is probably wrong; set it"
    )]
    ClockWrong {
        /// The host that was asked.
        host: String,
    },
    /// The other end is not who it should be.
    #[error(
        "no trusted connection to {host}: {detail}; check the clock, the system's certificates and, \
         if a proxy reads along, bambu.ca_file"
    )]
    Untrusted {
        /// The host that was asked.
        host: String,
        /// What TLS said.
        detail: String,
    },
    /// The request was sent, or half of it, and there is no answer, or half of one: nobody knows what it did.
    #[error(
        "the connection to {host} broke off before its answer was complete ({detail}); check the network, then try \
         again"
    )]
    BrokenOff {
        /// The host that was asked.
        host: String,
        /// What the system said.
        detail: String,
    },
    /// Anything else on the way there: nothing was sent.
    #[error("{host} cannot be reached: {detail}; check the network, then try again")]
    Unreachable {
        /// The host that was asked.
        host: String,
        /// What the system said.
        detail: String,
    },
    /// TLS could not even be set up.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The login cannot be read or kept.
    #[error(transparent)]
    State(#[from] DiskError),
}

impl CloudError {
    /// Only a login by a person helps (exit code 77 of `check` and `printers`).
    pub fn needs_login(&self) -> bool {
        self.retry_after().is_none()
    }

    /// The least time until the next attempt that is worth it; `None` where only a login by a person helps.
    ///
    /// The values are those of `protocol.md` 1.8 and 1.9; doubling and jitter are the caller's.
    pub fn retry_after(&self) -> Option<Duration> {
        const MINUTE: Duration = Duration::from_secs(60);
        match self {
            Self::RateLimited { retry_after } => Some(retry_after.unwrap_or(MINUTE)),
            Self::Server { retry_after, .. } => Some(retry_after.unwrap_or(MINUTE / 2)),
            Self::TooManyLogins { wait } | Self::Resting { wait, .. } => Some(*wait),
            Self::Kept { cause } => cause.retry_after(),
            Self::Unauthorised { .. } => Some(5 * MINUTE),
            Self::Challenge { .. }
            | Self::Forbidden { .. }
            | Self::Refused { .. }
            | Self::Unexpected { .. }
            | Self::Barred { .. }
            | Self::Redirected { .. } => Some(15 * MINUTE),
            Self::NotData { .. }
            | Self::Empty
            | Self::TooLong
            | Self::Timeout { .. }
            | Self::NameResolution { .. }
            | Self::ClockWrong { .. }
            | Self::Untrusted { .. }
            | Self::BrokenOff { .. }
            | Self::Unreachable { .. }
            | Self::Tls(_)
            | Self::State(_) => Some(MINUTE / 2),
            Self::TokenExpired
            | Self::TokenRejected { .. }
            | Self::CredentialsRefused { .. }
            | Self::NoCodeSent { .. }
            | Self::NoToken
            | Self::TokenUnknown
            | Self::CodeExpired
            | Self::CodeWrong
            | Self::TotpWrong
            | Self::LoginNeeded { .. }
            | Self::UnknownLogin { .. } => None,
        }
    }

    /// What a person can do about it on this machine, or in the configuration; `None` where waiting or a login is
    /// all there is.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::CredentialsRefused { .. } => {
                "correct bambu.account, its password or bambu.region and reload the configuration"
            }
            Self::NoCodeSent { .. } => "check bambu.account and bambu.region and reload the configuration",
            Self::TotpWrong => {
                "type the authenticator's next code, and look whether the clock of the device that shows it is right"
            }
            Self::UnknownLogin { .. } => {
                "log in with a browser and give the access token to `bambu2mqtt login --token -` (docs/cloud.md \
                 shows how)"
            }
            Self::Barred { .. } => {
                "look for a proxy, a firewall or a block of this network, and try from another one"
            }
            Self::Redirected { .. } | Self::TooLong => "check bambu.api_url",
            Self::ClockWrong { .. } => advice::SET_CLOCK,
            Self::Untrusted { .. } => advice::MEND_TRUST,
            Self::Tls(_) => "check bambu.ca_file and the system's certificates",
            Self::State(_) => "check who owns the state directory and its free space",
            Self::Unauthorised { .. } => "if this lasts for hours, log in again",
            Self::Refused { code, .. } => {
                code.and_then(Listed::of).map_or(advice::LOOK_FOR_NEWER, |code| code.next)
            }
            Self::Unexpected { .. } => advice::LOOK_FOR_NEWER,
            Self::Forbidden { .. } => "see whether the account may use its printers in Bambu's own app",
            Self::Kept { cause } => return cause.advice(),
            _ => return None,
        })
    }

    /// What it means for the next requests.
    pub(super) fn outcome(&self) -> RequestOutcome {
        match self {
            Self::Challenge { .. } => RequestOutcome::Challenge,
            Self::RateLimited { retry_after } => RequestOutcome::TooMany(*retry_after),
            Self::Server { retry_after, .. } => RequestOutcome::Fault(*retry_after),
            Self::NotData { .. }
            | Self::Empty
            | Self::TooLong
            | Self::Timeout { .. }
            | Self::NameResolution { .. }
            | Self::ClockWrong { .. }
            | Self::Untrusted { .. }
            | Self::BrokenOff { .. }
            | Self::Unreachable { .. } => RequestOutcome::Fault(None),
            _ => RequestOutcome::Refused,
        }
    }

    /// What reqwest says, sorted by what a person can do about it, and by whether anything was sent: a login that
    /// may have arrived counts as one, and a host that drops packets is no reason to count it.
    pub(super) fn transport(host: &str, error: &reqwest::Error) -> Self {
        let host = host.to_owned();
        let unsent = error.is_connect() || error.is_builder();
        if error.is_timeout() {
            let detail = "no connection in time".to_owned();
            return if unsent { Self::Unreachable { host, detail } } else { Self::Timeout { host } };
        }
        if !unsent {
            return Self::BrokenOff { host, detail: innermost(error) };
        }
        if let Some(cause) = tls_cause(error) {
            return match cause {
                rustls::Error::InvalidCertificate(
                    CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
                ) => Self::ClockWrong { host },
                other => Self::Untrusted { host, detail: other.to_string() },
            };
        }
        if error.is_dns() {
            return Self::NameResolution { host };
        }
        Self::Unreachable { host, detail: innermost(error) }
    }
}

fn tls_cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An `io::Error` names its content's source as its own and would so hide the content itself.
        let wrapped = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

/// The last cause: the layers above only repeat that a request failed, with the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn StdError = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    if last.is::<reqwest::Error>() { "the connection broke off".to_owned() } else { last.to_string() }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(", saying \"{message}\"") }
}

fn refused(status: u16, code: Option<i64>, message: &str) -> String {
    let said = said(message);
    match code.and_then(Listed::of) {
        Some(Listed { code, what, next }) => {
            format!("the Bambu cloud {what} (status {status}, code {code}){said}; {next}")
        }
        None => format!(
            "the Bambu cloud refused the request (status {status}{}){said}; {}",
            coded(code),
            advice::LOOK_FOR_NEWER
        ),
    }
}

fn coded(code: Option<i64>) -> String {
    code.map(|code| format!(", code {code}")).unwrap_or_default()
}

fn pause(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(time) => format!("try again in {}", humantime::format_duration(time)),
        None => "try again in a few minutes".to_owned(),
    }
}
