//! What a person does to log in, step by step: at a terminal, from a dashboard, by a script.
//!
//! Everything that counts towards a lock-out of the account is counted here before it is sent, and a token that
//! comes of it is kept. It asks nobody and repeats nothing: who calls decides what comes next.

use jiff::Timestamp;
use secrecy::SecretString;

use super::attempts::{self, Attempt};
use super::client::Client;
use super::error::CloudError;
use super::kinds::CodeKind;
use super::login::{Answered, LoginAnswer, TokenGrant};
use super::logins::{CloudLogin, LoginSource, keep};
use super::token::{self, Stored, claims};
use crate::config::AccountConfig;
use crate::disk::Writer;

/// The account a person logs in to, with all that takes.
#[derive(Debug, Clone, Copy)]
pub struct LoginFlow<'a> {
    /// To ask the cloud with.
    pub client: &'a Client,
    /// Which account.
    pub account: &'a AccountConfig,
    /// Where attempts are counted and the token is kept.
    pub writer: &'a Writer,
}

/// What comes after the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum Next {
    /// Nothing: logged in.
    Done(CloudLogin),
    /// A code, which has to be asked for ([`LoginFlow::send_code`]).
    Code(CodeKind),
    /// A code of the account's authenticator ([`LoginFlow::authenticator`]).
    Authenticator(SecretString),
}

/// What became of an authenticator's code.
#[derive(Debug)]
#[non_exhaustive]
pub enum Authenticated {
    /// Logged in.
    Done(CloudLogin),
    /// It was not the right one; the next one may be.
    WrongCode,
    /// No way leads to where the code could be checked; a sent code may do.
    NoWay(CloudError),
}

impl LoginFlow<'_> {
    /// Account and password.
    pub async fn password(&self, password: &SecretString, now: Timestamp) -> Result<Next, CloudError> {
        let answer = self.counted(Attempt::Password, now, self.client.login(password)).await?;
        Ok(match answer {
            LoginAnswer::Token(grant) => Next::Done(self.keep(grant, now).await?),
            LoginAnswer::NeedsCode(kind) => Next::Code(kind),
            LoginAnswer::NeedsAuthenticator { tfa_key } => Next::Authenticator(tfa_key),
        })
    }

    /// Has a code sent, the way that the account gets its codes.
    pub async fn send_code(&self, now: Timestamp) -> Result<CodeKind, CloudError> {
        let kind = self.client.code_kind();
        self.counted(Attempt::CodeRequest, now, self.client.request_code(kind)).await?;
        Ok(kind)
    }

    /// The code that was sent. No password is needed with it.
    pub async fn code(&self, code: &str, now: Timestamp) -> Result<CloudLogin, CloudError> {
        let grant = self.counted(Attempt::Code, now, self.client.login_with_code(code)).await?;
        self.keep(grant, now).await
    }

    /// The code that the authenticator shows.
    pub async fn authenticator(
        &self,
        key: &SecretString,
        code: &str,
        now: Timestamp,
    ) -> Result<Authenticated, CloudError> {
        let answer = self.counted(Attempt::Code, now, self.client.authenticate(key, code)).await?;
        Ok(match answer {
            Answered::Token(grant) => Authenticated::Done(self.keep(grant, now).await?),
            Answered::WrongCode => Authenticated::WrongCode,
            Answered::NoWay(error) => Authenticated::NoWay(error),
        })
    }

    /// Counts an attempt before it is made. One that our own limits hold back was none.
    async fn counted<T>(
        &self,
        attempt: Attempt,
        now: Timestamp,
        work: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let own = self.account.clone();
        self.writer.run(move |disk| attempts::permit(disk, &own, attempt, now)).await?;
        let done = work.await;
        if matches!(done, Err(CloudError::Resting { .. })) {
            let own = self.account.clone();
            self.writer.run(move |disk| attempts::forgive(disk, &own, attempt)).await?;
        }
        done
    }

    async fn keep(&self, grant: TokenGrant, now: Timestamp) -> Result<CloudLogin, CloudError> {
        let kept = keep(self.client, self.account, self.writer, grant, LoginSource::Person, now).await;
        kept.map_err(|error| match error {
            CloudError::State(_) => error,
            error if error.needs_login() => error,
            cause => CloudError::Kept { cause: Box::new(cause) },
        })
    }

    /// A token from elsewhere. It is kept when the cloud knows it, and not before: it would take the place of
    /// one that works.
    pub async fn token(&self, pasted: &str, now: Timestamp) -> Result<CloudLogin, CloudError> {
        let token = cleaned(pasted).ok_or(CloudError::NoToken)?;
        let claims = claims(&token);
        if claims.expires_at.is_some_and(|end| end <= now) {
            return Err(CloudError::TokenUnknown);
        }
        let user_name = self.client.preference(&token).await.map_err(|error| match error {
            CloudError::TokenExpired | CloudError::TokenRejected { .. } | CloudError::Unauthorised { .. } => {
                CloudError::TokenUnknown
            }
            error => error,
        })?;
        let stored = Stored {
            token,
            user_name: Some(user_name.clone()),
            obtained_at: now,
            expires_at: claims.expires_at,
        };
        token::save(self.writer, self.account, &stored).await?;
        let expires_at = stored.end();
        Ok(CloudLogin { token: stored.token, user_name, expires_at, source: LoginSource::Person })
    }
}

/// The token alone, of what people copy: with quotes, with the name of the cookie or of the header, with the
/// cookies after it. `None` when there is nothing that could be one.
fn cleaned(pasted: &str) -> Option<SecretString> {
    const AROUND: [char; 3] = ['"', '\'', '`'];
    let mut text = pasted.trim().trim_matches(AROUND);
    for name in ["Authorization:", "Bearer ", "token="] {
        // By bytes, since what was pasted may be anything.
        if text.as_bytes().get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        {
            text = text.get(name.len()..)?.trim_start();
        }
    }
    let text = text.split(';').next()?.trim().trim_matches(AROUND);
    // It goes into a header, so nothing else may be in it.
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_token_is_found_in_what_people_copy() {
        let found = |text: &str| cleaned(text).map(|token| token.expose_secret().to_owned());
        for pasted in [
            "AAabc_-.1=",
            "  AAabc_-.1=\r\n",
            "\"AAabc_-.1=\"",
            "token=AAabc_-.1=",
            "token=AAabc_-.1=; refreshToken=other",
            "Bearer AAabc_-.1=",
            "authorization: bearer AAabc_-.1=",
        ] {
            assert_eq!(found(pasted).as_deref(), Some("AAabc_-.1="), "{pasted}");
        }
        for nothing in ["", "\n", "token=", "two words", "tökén", "\"\"", ";"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }
}
