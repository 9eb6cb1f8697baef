//! The access token: what can be read from it, and how it is kept between runs.
//!
//! It never reaches a log, and its user name is personal as well.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::warn;

use super::reply::number;
use crate::config::{AccountConfig, Disk, DiskError};
use crate::disk::Writer;
use printer::fnv::fnv1a;

/// What an opaque token lasts when nobody says (`protocol.md` 1.4).
const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The name for the cloud's broker, `u_` and a number. Personal, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// From the number of a profile.
    pub(super) fn from_uid(uid: i64) -> Self {
        Self(format!("u_{uid}"))
    }

    /// Takes only the broker's form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("u_")?;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| Self(text.to_owned()))
    }

    /// As the broker wants it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserName(u_…)")
    }
}

/// What a token of the older kind (a JWT) says about itself; an opaque one says nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) user_name: Option<UserName>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Reads the middle part. The signature is the cloud's business: we only ask what it told us.
pub(super) fn claims(token: &SecretString) -> Claims {
    let parts: Vec<&str> = token.expose_secret().split('.').collect();
    let [_, middle, _] = parts.as_slice() else { return Claims::default() };
    let decoded = URL_SAFE_NO_PAD.decode(middle.trim_end_matches('=')).unwrap_or_default();
    let Ok(claims) = serde_json::from_slice::<Value>(&decoded) else { return Claims::default() };
    Claims {
        user_name: claims.get("username").and_then(Value::as_str).and_then(UserName::parse),
        expires_at: claims.get("exp").and_then(number).and_then(|at| Timestamp::from_second(at).ok()),
    }
}

/// A login as it is kept.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) token: SecretString,
    /// Unknown when the cloud could not be asked after the login.
    pub(super) user_name: Option<UserName>,
    pub(super) obtained_at: Timestamp,
    /// Where the cloud or the token said so.
    pub(super) expires_at: Option<Timestamp>,
}

impl Stored {
    /// When it ends, assumed where nobody said.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.expires_at.or_else(|| self.obtained_at.checked_add(USUAL_LIFE).ok())
    }
}

#[derive(Serialize)]
struct Written<'a> {
    token: &'a str,
    user_name: Option<&'a str>,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Read {
    token: SecretString,
    user_name: Option<String>,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
}

/// The login that is kept for this account. A damaged one is told and treated as absent.
pub(super) fn load(disk: &dyn Disk, account: &AccountConfig) -> Result<Option<Stored>, DiskError> {
    let name = file_name("token", account);
    let Some(bytes) = disk.read(&name)? else { return Ok(None) };
    let read = serde_json::from_slice::<Read>(&bytes).ok().and_then(|read| {
        let Read { token, user_name, obtained_at, expires_at } = read;
        let user_name = user_name.as_deref().and_then(UserName::parse);
        (!token.expose_secret().is_empty()).then_some(Stored { token, user_name, obtained_at, expires_at })
    });
    if read.is_none() {
        // Without the parser's words: they may quote the token.
        let file = disk.locate(&name);
        warn!(file = %file.display(), "the stored login is damaged and is treated as absent");
    }
    Ok(read)
}

/// Keeps the login for this account in place of any before it.
pub(super) async fn save(writer: &Writer, account: &AccountConfig, stored: &Stored) -> Result<(), DiskError> {
    let Stored { token, user_name, obtained_at, expires_at } = stored;
    let written = Written {
        token: token.expose_secret(),
        user_name: user_name.as_ref().map(UserName::as_str),
        obtained_at: *obtained_at,
        expires_at: *expires_at,
    };
    let bytes = serde_json::to_vec_pretty(&written).expect("text and numbers always make JSON");
    let name = file_name("token", account);
    writer.run(move |disk| disk.replace(&name, &bytes)).await
}

/// What is known of a token that the configuration has; the token itself stays there.
#[derive(Serialize, Deserialize)]
struct GivenToken {
    /// Which one this is about.
    fingerprint: String,
    user_name: Option<String>,
    first_seen: Timestamp,
}

/// A token of the configuration with what the cloud said of it before, so that a start does not depend on
/// being told again.
///
/// One that is seen for the first time is taken to be new: nobody says how old it is, and a warning that comes
/// late is of more use than none.
pub(super) async fn given(
    writer: &Writer,
    account: &AccountConfig,
    token: &SecretString,
    now: Timestamp,
) -> Result<Stored, DiskError> {
    let claims = claims(token);
    let name = file_name("token-given", account);
    let bytes = writer.run(move |disk| disk.read(&name)).await?.unwrap_or_default();
    let known = serde_json::from_slice::<GivenToken>(&bytes).ok();
    let known = known.filter(|given| given.fingerprint == fingerprint(token));
    let user_name = known.as_ref().and_then(|given| given.user_name.as_deref()).and_then(UserName::parse);
    let stored = Stored {
        token: token.clone(),
        user_name: claims.user_name.or(user_name),
        // A clock that was ahead then must not make it last longer.
        obtained_at: known.as_ref().map_or(now, |given| given.first_seen.min(now)),
        expires_at: claims.expires_at,
    };
    // One that says all about itself need not be remembered.
    if known.is_none() && (stored.user_name.is_none() || stored.expires_at.is_none()) {
        note_given(writer, account, &stored).await;
    }
    Ok(stored)
}

/// Remembers what is known of the configuration's token, in place of any before it. A disk that is full is no
/// reason not to use it.
pub(super) async fn note_given(writer: &Writer, account: &AccountConfig, given: &Stored) {
    let written = GivenToken {
        fingerprint: fingerprint(&given.token),
        user_name: given.user_name.as_ref().map(|name| name.as_str().to_owned()),
        first_seen: given.obtained_at,
    };
    let bytes = serde_json::to_vec_pretty(&written).expect("text and numbers always make JSON");
    let name = file_name("token-given", account);
    if let Err(error) = writer.run(move |disk| disk.replace(&name, &bytes)).await {
        warn!(%error, "whose token the configuration has is not remembered, and is asked for again at the next start");
    }
}

/// A file's name for this account, which does not show the account.
///
/// The address takes part, so that a token never goes to another cloud than the one it came from. Without a name
/// it is where its token comes from that tells an account from others, wherever it stands: the file, or the token
/// that the configuration has, for which another may be kept once it has ended.
pub(super) fn file_name(kind: &str, account: &AccountConfig) -> String {
    let name = match (&account.account, &account.token_file, &account.token) {
        (Some(name), _, _) => name.as_str().to_lowercase(),
        (None, Some(path), _) => format!("\nfile {}", path.display()),
        (None, None, Some(token)) => format!("\ntoken {}", fingerprint(token)),
        (None, None, None) => String::new(),
    };
    let whole = format!("{}\n{}\n{name}", account.region.as_str(), account.api_url);
    format!("{kind}-{:016x}.json", fnv1a(whole.as_bytes()))
}

/// Tells tokens apart without keeping them.
pub(super) fn fingerprint(token: &SecretString) -> String {
    format!("{:016x}", fnv1a(token.expose_secret().as_bytes()))
}
