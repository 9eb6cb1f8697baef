//! `login`: a token for the account, by asking for what is missing.
//!
//! A terminal and a pipe are asked the same questions, line by line; where a pipe ends, the exit code says that
//! something is still needed and the message says how to give it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cloud::flow::{Authenticated, Next};
use crate::cloud::{Client, CloudError, CloudLogin, CodeKind, Limiter, LoginFlow, logins};
use crate::config::{AccountConfig, Config, StateDir};
use crate::disk::Writer;
use crate::gateway::Clock;
use crate::service::Exit;

use super::{complain, say};

/// Wrong codes until a person should have a break; as many as are permitted in ten minutes.
const TRIES: usize = 3;
/// A token is a line of text, and this is a very long one.
const LONGEST_TOKEN: u64 = 64 << 10;
/// A token in the environment, for scripts that start programs with one.
const TOKEN_VARIABLE: &str = "BAMBU2MQTT_LOGIN_TOKEN";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Which account, where the configuration has several: its name, or its place (1, 2, …)
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only have a code sent; a later `login --code CODE` needs no password
    #[arg(long, conflicts_with_all = ["code", "totp", "token", "token_file"])]
    request_code: bool,
    /// The code that Bambu Lab sent by e-mail or text message
    #[arg(long, value_parser = secret, conflicts_with_all = ["totp", "token", "token_file"])]
    code: Option<SecretString>,
    /// The code that the authenticator app shows
    #[arg(long, value_name = "CODE", value_parser = secret, conflicts_with_all = ["token", "token_file"])]
    totp: Option<SecretString>,
    /// An access token from elsewhere; `-` reads it from standard input (or set `BAMBU2MQTT_LOGIN_TOKEN`)
    #[arg(long, value_parser = secret, conflicts_with = "token_file")]
    token: Option<SecretString>,
    /// The same from a file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[allow(clippy::unnecessary_wraps, reason = "what clap wants")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text))
}

/// What a person brought along.
enum Way {
    /// Nothing: ask.
    Ask,
    RequestCode,
    Code(SecretString),
    Totp(SecretString),
    Token(SecretString),
}

/// Why there is no login.
enum Stopped {
    /// The cloud, or the way to it.
    Cloud(CloudError),
    /// Something has to be given that nobody was there to be asked for.
    Missing(String),
    /// A code was asked for, and is on its way.
    Sent(CodeKind),
    /// Anything else.
    Failed(anyhow::Error),
}

impl From<CloudError> for Stopped {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.into())
    }
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let writer = Writer::direct(Arc::new(state.clone()));
    let way = match way(&arguments) {
        Ok(way) => way,
        Err(error) => {
            complain(&error);
            return Ok(Exit::Failed);
        }
    };
    let accounts = match chosen(config, arguments.account.as_deref(), &way) {
        Ok(accounts) => accounts,
        Err(error) => {
            complain(&error);
            return Ok(Exit::Usage);
        }
    };
    let mut worst = Exit::Done;
    let limiter = Limiter::new();
    for (place, account) in accounts {
        let name = name_of(place, account);
        let exit = match Client::sharing(account, Arc::clone(&limiter)) {
            Err(error) => {
                complain(&format!("{name}: {error}"));
                Exit::Failed
            }
            Ok(_) if account.account.is_none() && matches!(way, Way::Ask) => {
                let several = config.accounts.len() > 1;
                without_name(&name, several.then_some(place), logins::is_there(account, &state))?
            }
            Ok(client) => {
                let flow = LoginFlow { client: &client, account, writer: &writer };
                tell_end(account, &state, &name, one(&flow, &name, &way).await)?
            }
        };
        if exit != Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

/// Nobody can be asked for a password or a code whose name is not known.
fn without_name(name: &str, place: Option<usize>, has_token: bool) -> anyhow::Result<Exit> {
    let of = place.map_or_else(String::new, |place| format!("--account {} ", place + 1));
    let way = format!("`bambu2mqtt login {of}--token -`");
    if has_token {
        say(&format!(
            "{name}: has a token from elsewhere and no name, so there is nobody to log in; {way} takes another token"
        ))?;
        return Ok(Exit::Done);
    }
    complain(&format!(
        "{name}: its token has run out, and there is no name to log in with; copy another one (docs/cloud.md shows \
         how) and give it to {way}"
    ));
    Ok(Exit::NeedsLogin)
}

/// Tells how it ended for one account.
fn tell_end(
    account: &AccountConfig,
    state: &StateDir,
    name: &str,
    end: Result<CloudLogin, Stopped>,
) -> anyhow::Result<Exit> {
    match end {
        Ok(login) => {
            let until = login
                .expires_at
                .map_or_else(String::new, |end| format!(" and lasts until {}", end.strftime("%Y-%m-%d")));
            let folder = state.path().display();
            say(&format!("logged in as {name}; the token is kept in {folder}{until}"))?;
            if account.token.is_some() {
                tell("the token in the configuration still comes first, as long as it works");
            }
        }
        Err(Stopped::Sent(kind)) => {
            say(&format!("{name}: a code comes by {kind}; give it to `bambu2mqtt login --code CODE`"))?;
        }
        Err(Stopped::Cloud(error @ CloudError::Kept { .. })) => say(&format!("{name}: {error}"))?,
        Err(Stopped::Missing(what)) => {
            complain(&format!("{name}: {what}"));
            return Ok(Exit::NeedsLogin);
        }
        Err(Stopped::Failed(error)) => {
            complain(&format!("{name}: {error:#}"));
            return Ok(Exit::Failed);
        }
        Err(Stopped::Cloud(error)) => {
            complain(&format!("{name}: {error}"));
            return Ok(exit_of(&error));
        }
    }
    Ok(Exit::Done)
}

/// A refusal by the cloud is a failed login; 69 says that it could not be asked at all.
fn exit_of(error: &CloudError) -> Exit {
    match error {
        CloudError::TooManyLogins { .. } | CloudError::State(_) | CloudError::Tls(_) => Exit::Failed,
        error if error.needs_login() => Exit::Failed,
        _ => Exit::Unreachable,
    }
}

fn name_of(place: usize, account: &AccountConfig) -> String {
    account.account.as_ref().map_or_else(|| format!("account {}", place + 1), |name| name.as_str().to_owned())
}

fn way(arguments: &Arguments) -> Result<Way, String> {
    let Arguments { request_code, code, totp, token, token_file, .. } = arguments;
    Ok(if *request_code {
        Way::RequestCode
    } else if let Some(code) = code {
        Way::Code(code.clone())
    } else if let Some(code) = totp {
        Way::Totp(code.clone())
    } else if let Some(token) = token {
        if token.expose_secret() == "-" { Way::Token(piped_token()?) } else { Way::Token(token.clone()) }
    } else if let Some(path) = token_file {
        let read = std::fs::File::open(path).and_then(read_token);
        Way::Token(read.map_err(|error| format!("cannot read the token from {}: {error}", path.display()))?)
    } else if let Ok(token) = std::env::var(TOKEN_VARIABLE)
        && !token.is_empty()
    {
        Way::Token(token.into())
    } else {
        Way::Ask
    })
}

fn piped_token() -> Result<SecretString, String> {
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password("access token: ").map(SecretString::from)
    } else {
        read_token(io::stdin())
    };
    read.map_err(|error| format!("cannot read the token from standard input: {error}"))
}

fn read_token(from: impl io::Read) -> io::Result<SecretString> {
    let mut text = String::new();
    from.take(LONGEST_TOKEN).read_to_string(&mut text)?;
    Ok(text.into())
}

/// The accounts to log in to, with their places.
fn chosen<'a>(
    config: &'a Config,
    wanted: Option<&str>,
    way: &Way,
) -> Result<Vec<(usize, &'a AccountConfig)>, String> {
    let all = config.accounts.iter().enumerate();
    let names = || {
        let all = config.accounts.iter().enumerate();
        all.map(|(place, account)| name_of(place, account)).collect::<Vec<_>>().join(", ")
    };
    let Some(wanted) = wanted else {
        if config.accounts.len() > 1 && !matches!(way, Way::Ask) {
            return Err(format!("for which account? say it with --account: {}", names()));
        }
        return Ok(all.collect());
    };
    let place = wanted.parse::<usize>().ok();
    let is_it = |(at, account): &(usize, &AccountConfig)| {
        let name = account.account.as_ref().map(|name| name.as_str().to_lowercase());
        name.as_deref() == Some(&wanted.to_lowercase()) || place == Some(at + 1)
    };
    let found: Vec<_> = all.filter(is_it).collect();
    if found.is_empty() {
        return Err(format!("the configuration has no account `{wanted}`; it has {}", names()));
    }
    Ok(found)
}

fn now() -> Timestamp {
    Clock::start().now().wall
}

async fn one(flow: &LoginFlow<'_>, name: &str, way: &Way) -> Result<CloudLogin, Stopped> {
    if flow.account.account.is_none() && !matches!(way, Way::Token(_)) {
        let text = "has no name in the configuration; set bambu.account, or log in with --token";
        return Err(Stopped::Failed(anyhow::anyhow!(text)));
    }
    match way {
        Way::Token(token) => Ok(flow.token(token.expose_secret(), now()).await?),
        Way::RequestCode => Err(Stopped::Sent(flow.send_code(now()).await?)),
        Way::Code(code) => {
            let code = digits(code.expose_secret())
                .ok_or_else(|| Stopped::Failed(anyhow::anyhow!("a code has digits only; look again")))?;
            Ok(flow.code(&code, now()).await?)
        }
        Way::Totp(code) => by_password(flow, name, Some(code)).await,
        Way::Ask => by_password(flow, name, None).await,
    }
}

async fn by_password(
    flow: &LoginFlow<'_>,
    name: &str,
    totp: Option<&SecretString>,
) -> Result<CloudLogin, Stopped> {
    let kind = flow.client.code_kind();
    let password = if let Some(password) = &flow.account.password {
        password.clone()
    } else {
        let prompt = format!("password of {name} (leave it empty to get a code by {kind} instead): ");
        let typed = ask_secret(&prompt)?.ok_or_else(|| {
            Stopped::Missing(
                "a password is needed on standard input; without one use --request-code, or --token"
                    .to_owned(),
            )
        })?;
        if typed.is_empty() {
            return by_sent_code(flow).await;
        }
        SecretString::from(typed)
    };
    match flow.password(&password, now()).await? {
        Next::Done(login) => Ok(login),
        Next::Code(_) => by_sent_code(flow).await,
        Next::Authenticator(key) => by_authenticator(flow, &key, totp).await,
    }
}

/// A code is sent, and asked for until it is right.
async fn by_sent_code(flow: &LoginFlow<'_>) -> Result<CloudLogin, Stopped> {
    let mut kind = flow.send_code(now()).await?;
    tell(&format!("Bambu Lab sends you a code by {kind}; it is good for some minutes"));
    let mut wrong = 0;
    loop {
        let Some(typed) = ask("code (leave it empty, or type `new`, to get another one): ")? else {
            let text = "the account asks for the code that was sent by";
            return Err(Stopped::Missing(format!("{text} {kind}; give it with --code CODE")));
        };
        let another = match typed.trim() {
            "" | "new" => true,
            typed => {
                let Some(code) = digits(typed) else {
                    tell("a code has digits only; look again");
                    continue;
                };
                match flow.code(&code, now()).await {
                    Ok(login) => return Ok(login),
                    Err(error @ (CloudError::CodeWrong | CloudError::CodeExpired)) => {
                        wrong += 1;
                        if wrong >= TRIES {
                            return Err(error.into());
                        }
                        tell(&error.to_string());
                        matches!(error, CloudError::CodeExpired)
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        if another {
            kind = flow.send_code(now()).await?;
            tell(&format!("another code comes by {kind}; the one before it is worthless now"));
        }
    }
}

async fn by_authenticator(
    flow: &LoginFlow<'_>,
    key: &SecretString,
    given: Option<&SecretString>,
) -> Result<CloudLogin, Stopped> {
    let kind = flow.client.code_kind();
    let mut wrong = 0;
    loop {
        let typed = if let Some(code) = given {
            code.expose_secret().to_owned()
        } else {
            let prompt =
                format!("code of the authenticator app (leave it empty to get one by {kind} instead): ");
            ask(&prompt)?.ok_or_else(|| {
                let text = "the account asks for the code of its authenticator; give it with --totp CODE";
                Stopped::Missing(text.to_owned())
            })?
        };
        if typed.trim().is_empty() {
            return by_sent_code(flow).await;
        }
        let Some(code) = digits(&typed) else {
            if given.is_some() {
                return Err(Stopped::Failed(anyhow::anyhow!("a code has digits only; look again")));
            }
            tell("a code has digits only; look again");
            continue;
        };
        match flow.authenticator(key, &code, now()).await? {
            Authenticated::Done(login) => return Ok(login),
            Authenticated::WrongCode => {
                wrong += 1;
                if given.is_some() || wrong >= TRIES {
                    // Not each kind of account is known to be answered truly there.
                    tell(&format!(
                        "should the code have been right, log in with one by {kind}: --request-code"
                    ));
                    return Err(CloudError::TotpWrong.into());
                }
                tell(&CloudError::TotpWrong.to_string());
            }
            Authenticated::NoWay(error) => {
                tell(&format!("the authenticator's code cannot be checked ({error})"));
                tell("going on with a code that is sent");
                return by_sent_code(flow).await;
            }
        }
    }
}

/// A code as it is sent: people copy it with spaces.
fn digits(typed: &str) -> Option<String> {
    let code: String = typed.split_whitespace().collect();
    let plain = !code.is_empty() && code.len() <= 12 && code.bytes().all(|byte| byte.is_ascii_digit());
    plain.then_some(code)
}

/// Progress, for the person.
fn tell(text: &str) {
    // Where standard error is closed nobody wants to know.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Asks without showing on the screen what is typed.
fn ask_secret(prompt: &str) -> io::Result<Option<String>> {
    if io::stdin().is_terminal() { rpassword::prompt_password(prompt).map(Some) } else { ask(prompt) }
}

/// Reads a line from standard input, with a prompt where a person sits; `None` when there is no more.
fn ask(prompt: &str) -> io::Result<Option<String>> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "{prompt}")?;
        io::stderr().flush()?;
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
}
