//! A login that can be used, wherever it comes from: the configuration, the state directory or a password.
//!
//! Asked for on demand and never tried again from here; it does not know what the login is used for.

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tracing::{info, warn};

use super::attempts;
use super::client::Client;
use super::error::CloudError;
use super::kinds::LoginReason;
use super::login::{LoginAnswer, TokenGrant};
use super::token::{self, Stored, UserName, claims};
use crate::config::{AccountConfig, Disk, DiskError};
use crate::disk::Writer;

/// People are warned this long before a login ends.
const WARN_BEFORE_END: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Dead tokens that are remembered.
const RETIRED: usize = 8;
/// All requests of one [`obtain`] together.
const OVERALL: Duration = Duration::from_secs(60);

/// What the cloud's broker and REST interface want.
#[derive(Debug, Clone)]
pub struct CloudLogin {
    /// Bearer token, and password at the broker.
    pub token: SecretString,
    /// User name at the broker.
    pub user_name: UserName,
    /// When it ends; assumed where nobody says so.
    pub expires_at: Option<Timestamp>,
    /// Where it comes from.
    pub source: LoginSource,
}

/// Where a login comes from, and so what replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginSource {
    /// A token in the configuration.
    Configuration,
    /// An earlier login.
    StateDirectory,
    /// The password in the configuration, just now.
    Password,
    /// A person, just now.
    Person,
}

impl CloudLogin {
    /// The end is near enough to tell someone; a login without a known end never is.
    pub fn ends_soon(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end.duration_since(now) <= WARN_BEFORE_END)
    }
}

/// The login for an account: a configured token, else the stored one, else a login with the password.
pub async fn obtain(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    now: Timestamp,
) -> Result<CloudLogin, CloudError> {
    tokio::time::timeout(OVERALL, obtain_in_time(client, account, writer, now))
        .await
        .unwrap_or_else(|_| Err(CloudError::Timeout { host: client.host().to_owned() }))
}

async fn obtain_in_time(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    now: Timestamp,
) -> Result<CloudLogin, CloudError> {
    match find(client, account, writer, now).await {
        Err(CloudError::LoginNeeded { .. }) if account.account.is_some() && account.password.is_some() => {
            with_password(client, account, writer, now).await
        }
        found => found,
    }
}

/// The login of the configured token, else of the stored one; none is made.
///
/// Only the cloud's word ends a token: this machine's clock may be wrong, so a token that should have ended is
/// offered once more.
pub async fn find(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    now: Timestamp,
) -> Result<CloudLogin, CloudError> {
    let mut reason = LoginReason::NoToken;
    if let Some(token) = &account.token {
        let own = account.clone();
        let dead = writer.run(move |disk| retired(&own, disk)).await?;
        if !dead.contains(&token::fingerprint(token)) {
            let given = token::given(writer, account, token, now).await?;
            match complete(client, account, writer, given, LoginSource::Configuration).await {
                Ok(login) => return Ok(login),
                // Proven dead: another login may be there.
                Err(error) if error.needs_login() => put_away(account, writer, token).await?,
                Err(error) => return Err(error),
            }
        }
        warn!("the token in the configuration has run out; looking for another login");
        reason = LoginReason::RunOut;
    }
    let own = account.clone();
    if let Some(stored) = writer.run(move |disk| token::load(disk, &own)).await? {
        let token = stored.token.clone();
        match complete(client, account, writer, stored, LoginSource::StateDirectory).await {
            Err(error) if error.needs_login() => put_away(account, writer, &token).await?,
            found => return found,
        }
        reason = LoginReason::RunOut;
    }
    Err(CloudError::LoginNeeded { reason })
}

/// One login with the configured password. It counts towards the limit of logins.
pub async fn with_password(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    now: Timestamp,
) -> Result<CloudLogin, CloudError> {
    let (Some(_), Some(password)) = (&account.account, &account.password) else {
        return Err(CloudError::LoginNeeded { reason: LoginReason::NoToken });
    };
    let own = account.clone();
    writer.run(move |disk| permit_login(disk, &own, now)).await?;
    match client.login(password).await? {
        LoginAnswer::Token(grant) => {
            info!("logged in to the Bambu cloud with the password");
            keep(client, account, writer, grant, LoginSource::Password, now).await
        }
        LoginAnswer::NeedsCode(kind) => Err(CloudError::LoginNeeded { reason: LoginReason::Code(kind) }),
        LoginAnswer::NeedsAuthenticator { .. } => {
            Err(CloudError::LoginNeeded { reason: LoginReason::Authenticator })
        }
    }
}

/// Whether the login that is kept is another one than this. One that cannot be read is none.
pub fn is_renewed(account: &AccountConfig, disk: &dyn Disk, token: Option<&SecretString>) -> bool {
    let stored = token::load(disk, account).ok().flatten();
    stored
        .is_some_and(|stored| token.is_none_or(|token| token.expose_secret() != stored.token.expose_secret()))
}

/// The file that the login of this account is kept in.
pub fn file(account: &AccountConfig, disk: &dyn Disk) -> PathBuf {
    disk.locate(&token::file_name("token", account))
}

/// Tells an account from others without showing it: the same at every start and at every place in the
/// configuration, whatever login it has at the time.
pub fn label(account: &AccountConfig) -> String {
    token::file_name("", account).trim_matches(['-', '.']).trim_end_matches(".json").to_owned()
}

/// Whether there is a login that is not known to be dead: in the configuration, or kept.
pub fn is_there(account: &AccountConfig, disk: &dyn Disk) -> bool {
    let given = account.token.as_ref().map(token::fingerprint);
    let alive = |given: &String| retired(account, disk).is_ok_and(|retired| !retired.contains(given));
    given.as_ref().is_some_and(alive) || is_renewed(account, disk, None)
}

/// Makes a login of a fresh token and keeps it for the next start.
pub async fn keep(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    grant: TokenGrant,
    source: LoginSource,
    now: Timestamp,
) -> Result<CloudLogin, CloudError> {
    let TokenGrant { token, expires_in } = grant;
    let claims = claims(&token);
    let told = expires_in.and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok());
    let expires_at = claims.expires_at.or(told);
    let stored = Stored { token, user_name: claims.user_name, obtained_at: now, expires_at };
    // Before anything else can fail: getting another one may take a person and a code.
    token::save(writer, account, &stored).await?;
    complete(client, account, writer, stored, source).await
}

/// Finds out the user name where it is not known yet.
async fn complete(
    client: &Client,
    account: &AccountConfig,
    writer: &Writer,
    mut stored: Stored,
    source: LoginSource,
) -> Result<CloudLogin, CloudError> {
    let user_name = if let Some(user_name) = stored.user_name.take() {
        user_name
    } else {
        let user_name = client.preference(&stored.token).await?;
        stored.user_name = Some(user_name.clone());
        if source == LoginSource::Configuration {
            token::note_given(writer, account, &stored).await;
        } else {
            token::save(writer, account, &stored).await?;
        }
        user_name
    };
    let expires_at = stored.end();
    Ok(CloudLogin { token: stored.token, user_name, expires_at, source })
}

/// Takes a token that is proven dead out of use, so that [`obtain`] goes on to the next source.
///
/// A login that someone made in the meantime stays.
pub fn retire(account: &AccountConfig, disk: &dyn Disk, token: &SecretString) -> Result<(), DiskError> {
    let stored = token::load(disk, account)?;
    if stored.is_some_and(|stored| stored.token.expose_secret() == token.expose_secret()) {
        disk.remove(&token::file_name("token", account))?;
    }
    if account.token.as_ref().is_some_and(|given| given.expose_secret() == token.expose_secret()) {
        let mut retired = retired(account, disk)?;
        retired.insert(0, token::fingerprint(token));
        // Only the newest matter: the configuration has one token at a time.
        retired.truncate(RETIRED);
        let written = Value::from(retired).to_string();
        disk.replace(&token::file_name("retired", account), written.as_bytes())?;
    }
    Ok(())
}

/// [`retire`] beside everything else that goes on; it has its place among what is written when this returns.
pub fn put_away(
    account: &AccountConfig,
    writer: &Writer,
    token: &SecretString,
) -> impl Future<Output = Result<(), DiskError>> + Send + use<> {
    let (account, token) = (account.clone(), token.clone());
    writer.run(move |disk| retire(&account, disk, &token))
}

/// Fingerprints of configured tokens that are dead, so that a login can take the place of one that stays in
/// the file.
fn retired(account: &AccountConfig, disk: &dyn Disk) -> Result<Vec<String>, DiskError> {
    let bytes = disk.read(&token::file_name("retired", account))?.unwrap_or_default();
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Counts a login with a password that is about to be made, or says that it has to wait.
pub fn permit_login(disk: &dyn Disk, account: &AccountConfig, now: Timestamp) -> Result<(), CloudError> {
    attempts::permit(disk, account, attempts::Attempt::Password, now)
}

/// What a refusal by the broker means for the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Proven: only a new login helps.
    Dead,
    /// The cloud accepts it, the broker does not: a wrong clock or a block. Try after 5, 15, 60 minutes.
    Alive,
    /// It belongs to another user name than the one that was sent.
    OtherUser(UserName),
    /// The cloud did not say; ask again later and keep the token.
    Unknown,
}

/// Decides, after the broker refused a login, by one answer of [`Client::preference`].
pub fn verdict(sent: &UserName, answer: &Result<UserName, CloudError>) -> Verdict {
    match answer {
        Ok(user_name) if user_name == sent => Verdict::Alive,
        Ok(user_name) => Verdict::OtherUser(user_name.clone()),
        Err(CloudError::TokenExpired | CloudError::TokenRejected { .. }) => Verdict::Dead,
        Err(_) => Verdict::Unknown,
    }
}
