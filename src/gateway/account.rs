//! One account: its login, its list of printers, its connection to the cloud's broker.
//!
//! What to do when is decided by [`login`]; here it is done. REST calls run as tasks of their own and report to the
//! gateway's inbox; nothing here waits.

mod answers;
mod calls;
mod files;
mod login;
mod password;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::cloud::{self, BoundPrinter, Client, CloudLogin, Limiter};
use crate::config;
use crate::disk::Writer;
use crate::mqtt::backoff::Pace;
use crate::mqtt::{self, Brokers, Token};
use bambu::access::CLOUD;
use homeassistant::AccountView;
use printer::Now;

use super::channel::Channel;
use super::{AccountId, Event};
pub(super) use calls::AccountEvent;
pub(crate) use calls::log_in;
use calls::{Access, Means};
use files::{Watched, file_name};
pub(super) use login::News;
use login::{Action, Call, CallTrouble, Input, LoginMachine, LoginRecord, Lost, Warned};

/// Between two looks at the files that a new login may come in. Looking is one `stat`; a person who has just
/// logged in does not notice ten seconds, and no watcher of files is needed, which each system has another of.
const LOOK_EACH: Duration = Duration::from_secs(10);
/// How long a login that waits for its authenticator's code is good for. Nobody says; a browser's form is filled in
/// within minutes, and what is older is begun anew.
const KEY_LASTS: Duration = Duration::from_secs(3 * 60);

/// What the rest of the gateway is to know or do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The printers may be other ones.
    Listed,
    /// It cannot say any more how the printers are.
    Silent,
    /// What became of what a person asked for: the key of the control, and why not.
    Outcome(&'static str, Result<(), String>),
    /// Something to announce.
    News(News),
}

/// What is kept of an account between two runs.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct AccountRecord {
    #[serde(flatten)]
    record: LoginRecord,
    /// The [`mark`](password::mark) of the password that was refused.
    refused_password: Option<u16>,
}

impl AccountRecord {
    /// How the account stands, now that its password has this mark. A mark that an earlier release has made in another
    /// way is another one, so the password is tried once more.
    fn with_password(self, mark: Option<u16>) -> LoginRecord {
        if self.refused_password == mark { self.record } else { self.record.with_new_password() }
    }
}

/// What all accounts share.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) writer: Writer,
    /// How often the cloud may be asked, over all accounts.
    pub(super) limiter: Arc<Limiter>,
    /// How often the cloud's brokers may be connected to, over all accounts.
    pub(super) brokers: Brokers,
    /// The id of this installation.
    pub(super) install: String,
    pub(super) inbox: mpsc::Sender<Event>,
}

pub(super) struct Account {
    id: AccountId,
    /// Which one it is in the configuration, from 1, for people.
    number: usize,
    /// Its configuration as it was given: the token in [`Access`] may be a newer one of the same file.
    given: config::AccountConfig,
    access: Access,
    inbox: mpsc::Sender<Event>,
    /// Tells it from other accounts in client ids and names of files.
    label: String,
    install: String,
    brokers: Brokers,
    /// The login in use.
    in_use: Option<CloudLogin>,
    /// The connection to the cloud's broker.
    pub(super) channel: Channel,
    printers: Vec<BoundPrinter>,
    lists: u32,
    /// Looks at the list that failed, since one that did not.
    unlisted: u32,
    login: LoginMachine,
    /// Tells the password from another one.
    password_mark: Option<u16>,
    /// What a person typed, until it is sent.
    code: Option<SecretString>,
    /// Stands for a login that waits for its authenticator's code, and since when.
    tfa_key: Option<(SecretString, Duration)>,
    /// Somebody waits for the next list.
    asked: bool,
    kept: Watched,
    given_file: Option<Watched>,
    looked: Duration,
    /// What REST calls fail of, and how often in a row.
    trouble: Option<(CallTrouble, u32)>,
    told: Vec<Told>,
    /// A warning that the local broker has not taken yet, and its number there once it was sent.
    warning: Option<(Warned, Option<Token>)>,
}

impl Account {
    pub(super) fn start(
        id: AccountId,
        place: usize,
        config: &config::AccountConfig,
        around: &Around,
        now: Now,
    ) -> anyhow::Result<Self> {
        let Around { writer, limiter, brokers, install, inbox } = around;
        let client = Arc::new(Client::sharing(config, Arc::clone(limiter))?);
        let label = cloud::logins::label(config);
        let read = |kind: &str| writer.read(&file_name(kind, &label)).ok().flatten().unwrap_or_default();
        let warned: Warned = serde_json::from_slice(&read("warned")).unwrap_or_default();
        let kept: AccountRecord = serde_json::from_slice(&read("standing")).unwrap_or_default();
        let password_mark = config.password.as_ref().map(|password| password::mark(password, install));
        let record = kept.with_password(password_mark);
        // As they were last told, should REST be down: nothing but its extras may depend on it.
        let mut printers: Vec<BoundPrinter> = serde_json::from_slice(&read("printers")).unwrap_or_default();
        printers.retain(BoundPrinter::has_serial);
        let named = config.account.is_some();
        let mut account = Self {
            id,
            number: place + 1,
            given: config.clone(),
            access: Access { client, config: config.clone(), writer: writer.clone() },
            inbox: inbox.clone(),
            label,
            install: install.clone(),
            brokers: brokers.clone(),
            in_use: None,
            channel: Channel::new(&CLOUD),
            printers,
            lists: 0,
            unlisted: 0,
            login: LoginMachine::new(named && config.password.is_some(), named, warned, record),
            password_mark,
            code: None,
            tfa_key: None,
            asked: false,
            kept: Watched::new(cloud::logins::file(config, writer.disk())),
            given_file: config.token_file.clone().map(Watched::new),
            looked: now.mono,
            trouble: None,
            told: Vec::new(),
            warning: None,
        };
        // Without a link nothing can be asked of one yet.
        account.give(now, Input::Start, &mut JoinSet::new());
        Ok(account)
    }

    /// Whether it goes on as it is under this configuration, perhaps at another place.
    pub(super) fn fits(&self, config: &config::AccountConfig) -> bool {
        self.given == *config
    }

    /// Goes on at this place of the configuration.
    pub(super) fn move_to(&mut self, place: usize) {
        self.number = place + 1;
    }

    /// Which one it is in the configuration, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether there is a login that is not known to be dead.
    pub(super) fn has_login(&self) -> bool {
        self.login.has_token()
    }

    /// How often the cloud has told which printers there are.
    pub(super) fn lists(&self) -> u32 {
        self.lists
    }

    /// Whether it is known which printers there are, if only from an earlier run.
    pub(super) fn knows_printers(&self) -> bool {
        self.is_listed() || !self.printers.is_empty()
    }

    /// Whether the cloud has told which printers there are.
    pub(super) fn is_listed(&self) -> bool {
        self.lists > 0
    }

    /// The same, and not by one empty list, which may be a fault of the cloud's.
    pub(super) fn is_sure(&self) -> bool {
        self.lists > 1 || (self.lists > 0 && !self.printers.is_empty())
    }

    /// The printers as they were last told, if only to an earlier run.
    pub(super) fn printers(&self) -> &[BoundPrinter] {
        &self.printers
    }

    /// Asks for the list again before its time.
    pub(super) fn list_soon(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        self.give(now, Input::ListSoon, tasks);
    }

    /// How to ask its cloud; `None` while there is no login.
    pub(super) fn rest(&self) -> Option<(Arc<Client>, SecretString)> {
        let login = self.in_use.as_ref().filter(|_| self.has_login())?;
        Some((Arc::clone(&self.access.client), login.token.clone()))
    }

    /// Its place in the configuration, and what tells it from other accounts wherever it stands.
    pub(super) fn name(&self) -> (usize, &str) {
        (self.number - 1, &self.label)
    }

    /// Asks for the list at once, because a person wants it; `Err` says why not.
    pub(super) fn refresh(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) -> Result<(), String> {
        if !self.has_login() {
            return Err("the account needs a login first".into());
        }
        self.login
            .refresh(now)
            .map_err(|wait| format!("the last look was just now; wait {} s", wait.as_secs().max(1)))?;
        self.asked = true;
        self.give(now, Input::Tick, tasks);
        Ok(())
    }

    /// Asks what the login is worth, because something else was told that it is dead.
    pub(super) fn judge(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        self.give(now, Input::Doubted, tasks);
    }

    /// Has a code sent.
    pub(super) fn request_code(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        self.give(now, Input::RequestCode, tasks);
    }

    /// Logs in with a code.
    pub(super) fn submit(&mut self, now: Now, code: SecretString, tasks: &mut JoinSet<mqtt::Ended>) {
        self.code = Some(code);
        self.give(now, Input::Code, tasks);
    }

    /// How it stands, for people.
    pub(super) fn view(&self, now: Now) -> AccountView {
        let (reason, next_step) = self.login.words(now.wall);
        AccountView {
            state: self.login.state(now.wall),
            // To the second: people and Home Assistant tell no more of it.
            expires_at: self.login.end().and_then(|end| jiff::Timestamp::from_second(end.as_second()).ok()),
            days_left: self.login.days_left(now.wall).and_then(|days| i32::try_from(days).ok()),
            named: self.access.config.account.is_some(),
            reason: reason.into(),
            next_step: next_step.into(),
        }
    }

    /// The warning that the local broker has not taken yet, to be told again after each connect.
    pub(super) fn warning(&self) -> Option<News> {
        self.warning.as_ref().map(|(warned, _)| News::Expiring(warned.days()))
    }

    /// The warning is on its way to the local broker.
    pub(super) fn warning_sent(&mut self, token: Option<Token>) {
        if let Some((_, sent)) = &mut self.warning {
            *sent = token;
        }
    }

    /// The local broker has taken something: a warning is remembered from then on, and not before.
    pub(super) fn on_delivered(&mut self, token: Token) {
        if let Some((warned, _)) = self.warning.take_if(|(_, sent)| *sent == Some(token)) {
            self.keep("warned", &warned);
        }
    }

    /// What the rest of the gateway is to know since the last time.
    pub(super) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    pub(super) fn on_connected(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        self.channel.on_connected();
        self.give(now, Input::Connected, tasks);
    }

    pub(super) fn on_disconnected(
        &mut self,
        now: Now,
        error: &mqtt::Error,
        retry_in: Option<Duration>,
        tasks: &mut JoinSet<mqtt::Ended>,
    ) {
        self.channel.on_disconnected();
        let refused = error.is_refused() && retry_in.is_none();
        let input = if refused { Input::Refused } else { Input::Lost(Lost::of(error)) };
        self.give(now, input, tasks);
    }

    /// Does what is due; says when to look again.
    pub(super) fn tick(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) -> Duration {
        if now.mono >= self.looked + LOOK_EACH {
            self.looked = now.mono;
            self.look_for_login(now, tasks);
        }
        self.give(now, Input::Tick, tasks);
        self.login.deadline().unwrap_or(Duration::MAX)
    }

    /// `bambu2mqtt login` may have been run, or a new token put into its file.
    fn look_for_login(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        let Access { config, writer, .. } = &mut self.access;
        let mut renewed = false;
        if self.given_file.as_mut().is_some_and(Watched::look)
            && let Some(token) = config.read_token_again()
        {
            config.token = Some(token);
            renewed = true;
        }
        let token = self.in_use.as_ref().map(|login| &login.token);
        // This program writes there too, what it uses already.
        renewed |= self.kept.look() && cloud::logins::is_renewed(config, writer.disk(), token);
        if renewed {
            info!(account = self.number, "there is a new login");
            self.give(now, Input::NewToken, tasks);
        }
    }

    /// A person says that something may have changed.
    pub(super) fn reload(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        self.give(now, Input::Reload, tasks);
    }

    /// Tells the machine what happened, and does what it says.
    fn give(&mut self, now: Now, input: Input, tasks: &mut JoinSet<mqtt::Ended>) {
        for action in self.login.handle(now, input) {
            match action {
                Action::Call(call) => self.call(now, call),
                Action::Connect => {
                    if let Err(error) = self.connect(tasks) {
                        let place = self.channel.access().name;
                        error!(account = self.number, "the broker of {place} cannot be used: {error:#}");
                    }
                }
                Action::Retry => self.channel.retry(),
                Action::Keep(record) => {
                    let refused_password = self.password_mark.filter(|_| record.is_refused());
                    self.keep("standing", &AccountRecord { record, refused_password });
                }
                Action::Hold => self.channel.hold(),
                Action::Retire => {
                    self.retire();
                    self.told.push(Told::Silent);
                }
                Action::Remember(warned) => self.warning = Some((warned, None)),
                Action::Tell(news) => {
                    self.log(now, news);
                    self.told.push(Told::News(news));
                }
            }
        }
    }

    fn log(&self, now: Now, news: News) {
        let account = self.number;
        let AccountView { reason, next_step, .. } = self.view(now);
        match news {
            News::Expiring(days) => {
                let end = self.login.end();
                warn!(
                    account,
                    days,
                    end = end.map(tracing::field::display),
                    "the login ends soon: {next_step}"
                );
            }
            News::NeedsLogin => error!(account, %reason, "the account needs a login: {next_step}"),
            News::CodeRequired => error!(account, %reason, "the account needs a code: {next_step}"),
            News::Blocked => warn!(account, %reason, "the cloud keeps the account out for now: {next_step}"),
            News::Connected => info!(account, "the account is connected again"),
        }
    }

    fn retire(&mut self) {
        let Some(login) = self.in_use.take() else { return };
        let done = cloud::logins::put_away(&self.access.config, &self.access.writer, &login.token);
        tokio::spawn(async move {
            if let Err(error) = done.await {
                error!(%error, "the dead token could not be put away");
            }
        });
    }

    fn keep<T: serde::Serialize + ?Sized>(&self, kind: &str, what: &T) {
        let bytes = serde_json::to_vec(what).unwrap_or_default();
        self.access.writer.store(&file_name(kind, &self.label), bytes);
    }

    /// Begins a REST call; [`login`] sees to it that there is only one at a time.
    fn call(&mut self, now: Now, call: Call) {
        let token = self.in_use.as_ref().map(|login| (login.token.clone(), login.user_name.clone()));
        let mut means = Means { token, ..Means::default() };
        if call == Call::SubmitCode {
            means.code = self.code.take();
            means.authenticator = self.login.awaits_authenticator();
            let fresh = self.tfa_key.as_ref().filter(|(_, since)| now.mono < *since + KEY_LASTS);
            means.tfa_key = fresh.map(|(key, _)| key.clone());
        }
        let (id, access, inbox) = (self.id, self.access.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let event = match calls::carry_out(&access, call, means, now).await {
                Ok(event) => event,
                Err(error) => AccountEvent::Failed(error),
            };
            // Fails only when the gateway is gone, and then nobody wants to know.
            let _ = inbox.send(Event::Account(id, event)).await;
        });
    }

    fn connect(&mut self, tasks: &mut JoinSet<mqtt::Ended>) -> anyhow::Result<()> {
        let Some(login) = &self.in_use else { return Ok(()) };
        let (user, token) = (login.user_name.as_str(), login.token.clone());
        if self.channel.replace_credentials(user, token.clone()) {
            return Ok(());
        }
        let id = self.id;
        let mut options = cloud_options(&self.access.config, &format!("{}-{}", self.install, self.label))?;
        options.credentials = Some((user.to_owned(), token));
        let wrap = move |event| Event::Place(id, event);
        self.channel.open(&self.brokers, tasks, options, self.inbox.clone(), wrap);
        Ok(())
    }
}

/// How an account's broker is reached, but for the login.
///
/// The client id is one per account, and the same at every start: two with one id throw each other out, and
/// a new one at each start leaves dead sessions behind (protocol 2.1).
pub(crate) fn cloud_options(account: &config::AccountConfig, install: &str) -> anyhow::Result<mqtt::Options> {
    let broker = &account.mqtt;
    let tls = broker.tls.then(|| crate::tls::client_config(account.ca_file.as_deref(), None)).transpose()?;
    Ok(mqtt::Options {
        name: "Bambu cloud".into(),
        host: broker.host.clone(),
        port: broker.port,
        tls,
        client_id: format!("bambu2mqtt-{install}"),
        credentials: None,
        last_will: None,
        keep_alive: Duration::from_secs(30),
        pace: Pace::Cloud,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_password_is_known_again_and_any_other_mark_is_another_password() {
        let kept = || -> AccountRecord {
            serde_json::from_str(r#"{"password_refused":true,"authenticator":true,"refused_password":7}"#)
                .unwrap()
        };
        assert!(kept().with_password(Some(7)).is_refused());
        for other in [Some(8), None] {
            let record = kept().with_password(other);
            assert!(!record.is_refused());
            assert_ne!(record, LoginRecord::default(), "the rest is as it was");
        }
    }
}
