//! The calls of the REST interface that a login needs, each carried out as a task of its own.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::login::Call;
use crate::cloud::flow::{Authenticated, LoginFlow, Next};
use crate::cloud::logins as login;
use crate::cloud::{self, BoundPrinter, Client, CloudLogin, LoginReason, Verdict};
use crate::config;
use crate::disk::Writer;
use printer::Now;

/// Dead logins that are put away in one attempt: one from the configuration, one from the state directory.
const LOGIN_SOURCES: usize = 3;

/// What a REST task found out.
pub(in crate::gateway) enum AccountEvent {
    /// There is a login.
    LoggedIn(Box<CloudLogin>),
    /// The list of printers.
    Listed(Vec<BoundPrinter>),
    /// What the token is worth.
    Judged(Verdict),
    /// The password is right, and the authenticator's code completes the login that this key stands for.
    AuthenticatorWanted(SecretString),
    /// A code is on its way.
    CodeSent(cloud::CodeKind),
    /// It did not work.
    Failed(cloud::CloudError),
}

#[derive(Clone)]
pub(super) struct Access {
    pub(super) client: Arc<Client>,
    pub(super) config: config::AccountConfig,
    pub(super) writer: Writer,
}

/// What a call may need.
#[derive(Default)]
pub(super) struct Means {
    pub(super) token: Option<(SecretString, cloud::UserName)>,
    pub(super) code: Option<SecretString>,
    /// It is the authenticator's.
    pub(super) authenticator: bool,
    /// Stands for a login that waits for its authenticator's code.
    pub(super) tfa_key: Option<SecretString>,
}

pub(super) async fn carry_out(
    access: &Access,
    call: Call,
    means: Means,
    now: Now,
) -> Result<AccountEvent, cloud::CloudError> {
    let Access { client, config, writer, .. } = access;
    let Means { token, code, authenticator, tfa_key } = means;
    let missing = || cloud::CloudError::LoginNeeded { reason: LoginReason::NoToken };
    let logged_in = |login| AccountEvent::LoggedIn(Box::new(login));
    let flow = LoginFlow { client, account: config, writer };
    match call {
        Call::Find => login::find(client, config, writer, now.wall).await.map(logged_in),
        Call::Password => {
            let password = config.password.as_ref().ok_or_else(missing)?;
            Ok(match flow.password(password, now.wall).await? {
                Next::Done(login) => logged_in(login),
                Next::Code(kind) => {
                    return Err(cloud::CloudError::LoginNeeded { reason: LoginReason::Code(kind) });
                }
                Next::Authenticator(key) => AccountEvent::AuthenticatorWanted(key),
            })
        }
        Call::SubmitCode => {
            let code = code.ok_or(cloud::CloudError::CodeExpired)?;
            if !authenticator {
                return flow.code(code.expose_secret(), now.wall).await.map(logged_in);
            }
            let key = match tfa_key {
                Some(key) => key,
                None => match flow.password(config.password.as_ref().ok_or_else(missing)?, now.wall).await? {
                    Next::Done(login) => return Ok(logged_in(login)),
                    Next::Code(kind) => {
                        return Err(cloud::CloudError::LoginNeeded { reason: LoginReason::Code(kind) });
                    }
                    Next::Authenticator(key) => key,
                },
            };
            match flow.authenticator(&key, code.expose_secret(), now.wall).await? {
                Authenticated::Done(login) => Ok(logged_in(login)),
                Authenticated::WrongCode => Err(cloud::CloudError::TotpWrong),
                Authenticated::NoWay(error) => Err(error),
            }
        }
        Call::RequestCode => flow.send_code(now.wall).await.map(AccountEvent::CodeSent),
        Call::List => {
            let (token, _) = token.ok_or_else(missing)?;
            client.printers(&token).await.map(AccountEvent::Listed)
        }
        Call::Judge => {
            let (token, user_name) = token.ok_or_else(missing)?;
            let answer = client.preference(&token).await;
            match (cloud::verdict(&user_name, &answer), answer) {
                // Why nothing can be said also says when to ask again.
                (Verdict::Unknown, Err(error)) => Err(error),
                (verdict, _) => Ok(AccountEvent::Judged(verdict)),
            }
        }
    }
}

/// A login that works, with its list of printers. One that proves dead is put away, and the next source of
/// one is tried.
pub(crate) async fn log_in(
    client: &Client,
    config: &config::AccountConfig,
    writer: &Writer,
    now: jiff::Timestamp,
) -> Result<(CloudLogin, Vec<BoundPrinter>), cloud::CloudError> {
    let mut sources = 0;
    loop {
        let login = match cloud::obtain(client, config, writer, now).await {
            // There was one, a moment ago.
            Err(cloud::CloudError::LoginNeeded { reason: LoginReason::NoToken }) if sources > 0 => {
                return Err(cloud::CloudError::LoginNeeded { reason: LoginReason::RunOut });
            }
            obtained => obtained?,
        };
        sources += 1;
        match client.printers(&login.token).await {
            Ok(printers) => return Ok((login, printers)),
            Err(error) if error.needs_login() && sources < LOGIN_SOURCES => {
                cloud::logins::put_away(config, writer, &login.token).await?;
            }
            Err(error) => return Err(error),
        }
    }
}
