//! One account: its login, its list of printers, its connection to the cloud's broker.
//!
//! What to do when is decided by [`life`]; here it is done. REST calls run as tasks of their own and report to the
//! gateway's inbox; nothing here waits.

mod life;
mod password;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::cloud::person::{Authenticated, Desk, Next};
use crate::cloud::session as login;
use crate::cloud::{self, BoundPrinter, Client, Limiter, LoginReason, Session, Verdict};
use crate::config::{self, StateDir};
use crate::mqtt::backoff::Pace;
use crate::mqtt::{self, Brokers, Token};
use bambu::access::CLOUD;
use homeassistant::Login;
use printer::Now;

use super::channel::Channel;
use super::{AccountId, Event};
pub(super) use life::News;
use life::{Action, Call, Failure, Input, Life, Lost, Reply, Standing, Trouble, Warned};

/// Dead logins that are put away in one attempt: one from the configuration, one from the state directory.
const LOGIN_SOURCES: usize = 3;
/// Between two looks at the files that a new login may come in. Looking is one `stat`; a person who has just
/// logged in does not notice ten seconds, and no watcher of files is needed, which each system has another of.
const LOOK_EACH: Duration = Duration::from_secs(10);
/// How long a login that waits for its authenticator's code is good for. Nobody says; a browser's form is filled in
/// within minutes, and what is older is begun anew.
const KEY_LASTS: Duration = Duration::from_secs(3 * 60);

/// After so many looks at the list that failed in a row its last word on the printers counts no more.
const UNLISTED: u32 = 2;

/// What a REST task found out.
pub(super) enum AccountEvent {
    /// There is a login.
    LoggedIn(Box<Session>),
    /// The list of printers.
    Listed(Vec<BoundPrinter>),
    /// What the token is worth.
    Judged(Verdict),
    /// The password is right, and the authenticator's code completes the login that this key stands for.
    AuthenticatorWanted(SecretString),
    /// A code is on its way.
    CodeSent(cloud::CodeKind),
    /// It did not work.
    Failed(cloud::Error),
}

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

/// What is kept of an account's standing.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    #[serde(flatten)]
    standing: Standing,
    /// The [`mark`](password::mark) of the password that was refused.
    refused_password: Option<u16>,
}

impl Kept {
    /// How the account stands, now that its password has this mark. A mark that an earlier release has made in another
    /// way is another one, so the password is tried once more.
    fn with_password(self, mark: Option<u16>) -> Standing {
        if self.refused_password == mark { self.standing } else { self.standing.with_new_password() }
    }
}

#[derive(Clone)]
struct Access {
    client: Arc<Client>,
    config: config::Account,
    state: Arc<StateDir>,
}

/// A file that a new login may come in, and when it last changed.
struct Watched {
    path: PathBuf,
    changed: Option<SystemTime>,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        let changed = changed(&path);
        Self { path, changed }
    }

    /// Whether it is another one than at the last look.
    fn look(&mut self) -> bool {
        let now = changed(&self.path);
        now.is_some() && std::mem::replace(&mut self.changed, now) != now
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// What all accounts share.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) state: Arc<StateDir>,
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
    given: config::Account,
    access: Access,
    inbox: mpsc::Sender<Event>,
    /// Tells it from other accounts in client ids and names of files.
    label: String,
    install: String,
    brokers: Brokers,
    session: Option<Session>,
    /// The connection to the cloud's broker.
    pub(super) channel: Channel,
    printers: Vec<BoundPrinter>,
    lists: u32,
    /// Looks at the list that failed, since one that did not.
    unlisted: u32,
    life: Life,
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
    trouble: Option<(Trouble, u32)>,
    told: Vec<Told>,
    /// A warning that the local broker has not taken yet, and its number there once it was sent.
    warning: Option<(Warned, Option<Token>)>,
}

impl Account {
    pub(super) fn start(
        id: AccountId,
        place: usize,
        config: &config::Account,
        around: &Around,
        now: Now,
    ) -> anyhow::Result<Self> {
        let Around { state, limiter, brokers, install, inbox } = around;
        let client = Arc::new(Client::sharing(config, Arc::clone(limiter))?);
        let label = login::label(config);
        let read =
            |kind: &str| state.read(&format!("{kind}-{label}.json")).ok().flatten().unwrap_or_default();
        let warned: Warned = serde_json::from_slice(&read("warned")).unwrap_or_default();
        let kept: Kept = serde_json::from_slice(&read("standing")).unwrap_or_default();
        let password_mark = config.password.as_ref().map(|password| password::mark(password, install));
        let standing = kept.with_password(password_mark);
        // As they were last told, should REST be down: nothing but its extras may depend on it.
        let mut printers: Vec<BoundPrinter> = serde_json::from_slice(&read("printers")).unwrap_or_default();
        printers.retain(BoundPrinter::has_serial);
        let named = config.account.is_some();
        let mut account = Self {
            id,
            number: place + 1,
            given: config.clone(),
            access: Access { client, config: config.clone(), state: Arc::clone(state) },
            inbox: inbox.clone(),
            label,
            install: install.clone(),
            brokers: brokers.clone(),
            session: None,
            channel: Channel::new(&CLOUD),
            printers,
            lists: 0,
            unlisted: 0,
            life: Life::new(named && config.password.is_some(), named, warned, standing),
            password_mark,
            code: None,
            tfa_key: None,
            asked: false,
            kept: Watched::new(login::file(config, state)),
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
    pub(super) fn fits(&self, config: &config::Account) -> bool {
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
        self.life.has_token()
    }

    /// How often the cloud has told which printers there are.
    pub(super) fn lists(&self) -> u32 {
        self.lists
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
        let session = self.session.as_ref().filter(|_| self.has_login())?;
        Some((Arc::clone(&self.access.client), session.token.clone()))
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
        self.life
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
    pub(super) fn view(&self, now: Now) -> Login {
        let (reason, next_step) = self.life.words(now.wall);
        Login {
            state: self.life.state(now.wall),
            // To the second: people and Home Assistant tell no more of it.
            expires_at: self.life.end().and_then(|end| jiff::Timestamp::from_second(end.as_second()).ok()),
            days_left: self.life.days_left(now.wall).and_then(|days| i32::try_from(days).ok()),
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

    /// Takes in what a task found out.
    pub(super) fn on_event(&mut self, now: Now, event: AccountEvent, tasks: &mut JoinSet<mqtt::Ended>) {
        let ended = self.life.busy();
        let mut trouble = None;
        let reply = match event {
            AccountEvent::LoggedIn(session) => {
                // A living connection may go on with the login before, of which this one need not know.
                let reply = Reply::LoggedIn(session.expires_at);
                self.tfa_key = None;
                // One that waits is still true when the same login is found again.
                self.warning.take_if(|(warned, _)| warned.end() != session.expires_at);
                self.session = Some(*session);
                self.kept = Watched::new(login::file(&self.access.config, &self.access.state));
                reply
            }
            AccountEvent::Listed(printers) => {
                if self.lists == 0 {
                    info!(account = self.number, printers = printers.len(), "logged in to the Bambu cloud");
                }
                self.lists = self.lists.saturating_add(1);
                self.unlisted = 0;
                self.trouble = None;
                if self.printers != printers {
                    self.printers = printers;
                    self.keep("printers", &self.printers);
                }
                self.told.push(Told::Listed);
                Reply::Listed
            }
            AccountEvent::Judged(verdict) => {
                if let (Verdict::OtherUser(user_name), Some(session)) = (&verdict, self.session.as_mut()) {
                    session.user_name = user_name.clone();
                }
                if verdict == Verdict::Alive {
                    debug!(account = self.number, "the cloud's REST interface accepts the login");
                }
                Reply::Judged(verdict)
            }
            AccountEvent::AuthenticatorWanted(key) => {
                self.tfa_key = Some((key, now.mono));
                Reply::Authenticator
            }
            AccountEvent::CodeSent(kind) => {
                info!(account = self.number, "Bambu Lab sends a code by {kind}");
                // From here on the code that was sent is the one that is meant.
                self.tfa_key = None;
                Reply::CodeSent(kind)
            }
            AccountEvent::Failed(error) => {
                trouble = Some(error.to_string());
                let failure = Failure::of(&error);
                if ended == Some(Call::SubmitCode) {
                    // The key is good for a few codes at most, and nobody says which was the last.
                    self.tfa_key = None;
                }
                self.log_failure(&error, &failure);
                // One that we ourselves held back says nothing, and one that failed is soon made up for.
                if matches!(ended, Some(Call::List | Call::Judge))
                    && !matches!(error, cloud::Error::Resting { .. })
                {
                    self.unlisted = self.unlisted.saturating_add(1);
                    if self.unlisted == UNLISTED {
                        self.told.push(Told::Silent);
                    }
                }
                if self.lists == 0 && !self.printers.is_empty() {
                    // Those of an earlier run have to do, and be it to say that they cannot be heard.
                    self.told.push(Told::Listed);
                }
                Reply::Failed(failure)
            }
        };
        let outcome = || trouble.clone().map_or(Ok(()), Err);
        match ended {
            Some(Call::SubmitCode) => self.told.push(Told::Outcome("login_code", outcome())),
            Some(Call::RequestCode) => self.told.push(Told::Outcome("request_code", outcome())),
            Some(Call::List) if std::mem::take(&mut self.asked) => {
                self.told.push(Told::Outcome("refresh_printers", outcome()));
            }
            _ => {}
        }
        self.give(now, Input::Done(reply), tasks);
    }

    /// Does what is due; says when to look again.
    pub(super) fn tick(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) -> Duration {
        if now.mono >= self.looked + LOOK_EACH {
            self.looked = now.mono;
            self.look_for_login(now, tasks);
        }
        self.give(now, Input::Tick, tasks);
        self.life.deadline().unwrap_or(Duration::MAX)
    }

    /// `bambu2mqtt login` may have been run, or a new token put into its file.
    fn look_for_login(&mut self, now: Now, tasks: &mut JoinSet<mqtt::Ended>) {
        let Access { config, state, .. } = &mut self.access;
        let mut renewed = false;
        if self.given_file.as_mut().is_some_and(Watched::look)
            && let Some(token) = config.read_token_again()
        {
            config.token = Some(token);
            renewed = true;
        }
        let token = self.session.as_ref().map(|session| &session.token);
        // This program writes there too, what it uses already.
        renewed |= self.kept.look() && login::is_renewed(config, state, token);
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
        for action in self.life.handle(now, input) {
            match action {
                Action::Call(call) => self.call(now, call),
                Action::Connect => {
                    if let Err(error) = self.connect(tasks) {
                        let place = self.channel.access().name;
                        error!(account = self.number, "the broker of {place} cannot be used: {error:#}");
                    }
                }
                Action::Retry => self.channel.retry(),
                Action::Keep(standing) => {
                    let refused_password = self.password_mark.filter(|_| standing.is_refused());
                    self.keep("standing", &Kept { standing, refused_password });
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
        let Login { reason, next_step, .. } = self.view(now);
        match news {
            News::Expiring(days) => {
                let end = self.life.end();
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

    /// Trouble is told when it begins or changes, and then each time its count has doubled.
    fn log_failure(&mut self, error: &cloud::Error, failure: &Failure) {
        let (last, count) = self.trouble.unwrap_or((failure.trouble, 0));
        let count = if last == failure.trouble { count + 1 } else { 1 };
        self.trouble = Some((failure.trouble, count));
        // That there is no token is no news before the password was tried, and what follows is told anyhow.
        let quiet = failure.trouble == Trouble::NoToken || matches!(error, cloud::Error::Resting { .. });
        if count.is_power_of_two() && !quiet {
            warn!(account = self.number, count, %error, "the Bambu cloud did not do what was asked");
        } else {
            debug!(account = self.number, count, %error, "the Bambu cloud did not do what was asked");
        }
    }

    fn retire(&mut self) {
        if let Some(session) = self.session.take()
            && let Err(error) = login::retire(&self.access.config, &self.access.state, &session.token)
        {
            error!(%error, "the dead token could not be put away");
        }
    }

    fn keep<T: serde::Serialize + ?Sized>(&self, kind: &str, what: &T) {
        let bytes = serde_json::to_vec(what).unwrap_or_default();
        if let Err(error) = self.access.state.write(&format!("{kind}-{}.json", self.label), &bytes) {
            warn!(%error, "not kept for the next start");
        }
    }

    /// Begins a REST call; [`life`] sees to it that there is only one at a time.
    fn call(&mut self, now: Now, call: Call) {
        let token = self.session.as_ref().map(|session| (session.token.clone(), session.user_name.clone()));
        let mut means = Means { token, ..Means::default() };
        if call == Call::SubmitCode {
            means.code = self.code.take();
            means.authenticator = self.life.awaits_authenticator();
            let fresh = self.tfa_key.as_ref().filter(|(_, since)| now.mono < *since + KEY_LASTS);
            means.tfa_key = fresh.map(|(key, _)| key.clone());
        }
        let (id, access, inbox) = (self.id, self.access.clone(), self.inbox.clone());
        tokio::spawn(async move {
            let event = match carry_out(&access, call, means, now).await {
                Ok(event) => event,
                Err(error) => AccountEvent::Failed(error),
            };
            // Fails only when the gateway is gone, and then nobody wants to know.
            let _ = inbox.send(Event::Account(id, event)).await;
        });
    }

    fn connect(&mut self, tasks: &mut JoinSet<mqtt::Ended>) -> anyhow::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let (user, token) = (session.user_name.as_str(), session.token.clone());
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

/// What a call may need.
#[derive(Default)]
struct Means {
    token: Option<(SecretString, cloud::UserName)>,
    code: Option<SecretString>,
    /// It is the authenticator's.
    authenticator: bool,
    /// Stands for a login that waits for its authenticator's code.
    tfa_key: Option<SecretString>,
}

async fn carry_out(
    access: &Access,
    call: Call,
    means: Means,
    now: Now,
) -> Result<AccountEvent, cloud::Error> {
    let Access { client, config, state, .. } = access;
    let Means { token, code, authenticator, tfa_key } = means;
    let missing = || cloud::Error::LoginNeeded { reason: LoginReason::NoToken };
    let logged_in = |session| AccountEvent::LoggedIn(Box::new(session));
    let desk = Desk { client, account: config, state };
    match call {
        Call::Find => login::find(client, config, state, now.wall).await.map(logged_in),
        Call::Password => {
            let password = config.password.as_ref().ok_or_else(missing)?;
            Ok(match desk.password(password, now.wall).await? {
                Next::Done(session) => logged_in(session),
                Next::Code(kind) => {
                    return Err(cloud::Error::LoginNeeded { reason: LoginReason::Code(kind) });
                }
                Next::Authenticator(key) => AccountEvent::AuthenticatorWanted(key),
            })
        }
        Call::SubmitCode => {
            let code = code.ok_or(cloud::Error::CodeExpired)?;
            if !authenticator {
                return desk.code(code.expose_secret(), now.wall).await.map(logged_in);
            }
            let key = match tfa_key {
                Some(key) => key,
                None => match desk.password(config.password.as_ref().ok_or_else(missing)?, now.wall).await? {
                    Next::Done(session) => return Ok(logged_in(session)),
                    Next::Code(kind) => {
                        return Err(cloud::Error::LoginNeeded { reason: LoginReason::Code(kind) });
                    }
                    Next::Authenticator(key) => key,
                },
            };
            match desk.authenticator(&key, code.expose_secret(), now.wall).await? {
                Authenticated::Done(session) => Ok(logged_in(session)),
                Authenticated::WrongCode => Err(cloud::Error::TotpWrong),
                Authenticated::NoWay(error) => Err(error),
            }
        }
        Call::RequestCode => desk.send_code(now.wall).await.map(AccountEvent::CodeSent),
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
    config: &config::Account,
    state: &StateDir,
    now: jiff::Timestamp,
) -> Result<(Session, Vec<BoundPrinter>), cloud::Error> {
    let mut sources = 0;
    loop {
        let session = match cloud::obtain(client, config, state, now).await {
            // There was one, a moment ago.
            Err(cloud::Error::LoginNeeded { reason: LoginReason::NoToken }) if sources > 0 => {
                return Err(cloud::Error::LoginNeeded { reason: LoginReason::RunOut });
            }
            obtained => obtained?,
        };
        sources += 1;
        match client.printers(&session.token).await {
            Ok(printers) => return Ok((session, printers)),
            Err(error) if error.needs_login() && sources < LOGIN_SOURCES => {
                cloud::session::retire(config, state, &session.token)?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// How an account's broker is reached, but for the login.
///
/// The client id is one per account, and the same at every start: two with one id throw each other out, and
/// a new one at each start leaves dead sessions behind (protocol 2.1).
pub(crate) fn cloud_options(account: &config::Account, install: &str) -> anyhow::Result<mqtt::Options> {
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
        let kept = || -> Kept {
            serde_json::from_str(r#"{"password_refused":true,"authenticator":true,"refused_password":7}"#)
                .unwrap()
        };
        assert!(kept().with_password(Some(7)).is_refused());
        for other in [Some(8), None] {
            let standing = kept().with_password(other);
            assert!(!standing.is_refused());
            assert_ne!(standing, Standing::default(), "the rest is as it was");
        }
    }
}
