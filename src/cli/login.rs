//! `login`: a token for the account, by asking for what is missing.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::bail;
use clap::Args;
use secrecy::SecretString;

use crate::cloud::session::{self, Source};
use crate::cloud::{self, Client, Login};
use crate::config::{Account, Config, StateDir};
use crate::gateway::Clock;
use crate::service::Exit;

use super::{complain, say};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The code that Bambu Lab sent by e-mail or SMS
    #[arg(long)]
    code: Option<String>,
}

pub(super) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<Exit> {
    let state = StateDir::open(&config.state_dir)?;
    let mut worst = Exit::Done;
    for account in &config.accounts {
        let Some(name) = &account.account else {
            say("an account with a token from elsewhere needs no login")?;
            continue;
        };
        match one(account, name.as_str(), &state, arguments.code.clone()).await {
            Ok(()) => say(&format!(
                "logged in as {}; the token is kept in {}",
                name.as_str(),
                state.path().display()
            ))?,
            Err(error) => {
                complain(&format!("{}: {error}", name.as_str()));
                // A refusal by the cloud is a failed login; 69 says that it could not be asked at all.
                worst = match error.downcast_ref::<cloud::Error>() {
                    Some(error) if !error.needs_login() => Exit::Unreachable,
                    _ => Exit::Failed,
                };
            }
        }
    }
    Ok(worst)
}

async fn one(account: &Account, name: &str, state: &StateDir, code: Option<String>) -> anyhow::Result<()> {
    let client = Client::for_account(account)?;
    let now = Clock::start().now().wall;
    let grant = if let Some(code) = code {
        session::permit_login(state, account, now)?;
        client.login_with_code(code.trim()).await?
    } else {
        let password = match &account.password {
            Some(password) => password.clone(),
            None => SecretString::from(ask_secret(&format!("password of {name}: "))?),
        };
        session::permit_login(state, account, now)?;
        match client.login(&password).await? {
            Login::Token(grant) => grant,
            Login::NeedsCode(kind) => {
                client.request_code(kind).await?;
                let code = ask("Bambu Lab has sent you a code; type it here: ")?;
                client.login_with_code(code.trim()).await?
            }
            Login::NeedsAuthenticator { .. } => bail!(
                "the account asks for an authenticator code, which this version cannot send yet: \
                 paste an access token as `token` into the configuration instead"
            ),
        }
    };
    session::keep(&client, account, state, grant, Source::Person, now).await?;
    Ok(())
}

/// The same, without showing on the screen what is typed.
fn ask_secret(prompt: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() { Ok(rpassword::prompt_password(prompt)?) } else { ask(prompt) }
}

/// Reads a line from standard input, with a prompt where a person sits.
fn ask(prompt: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "{prompt}")?;
        io::stderr().flush()?;
    }
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        bail!("nothing came on standard input where an answer was needed");
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
