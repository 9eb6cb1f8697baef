//! One account: its login, its list of printers, its connection to the cloud's broker.
//!
//! REST calls run as tasks of their own and report to the gateway's inbox; nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::bambu::request::Request;
use crate::bambu::session::{self, Budget};
use crate::cloud::{self, BoundPrinter, Client, Session, Verdict};
use crate::config::{self, StateDir};
use crate::homeassistant::Account as AccountState;
use crate::mqtt::backoff::Pace;
use crate::mqtt::{self, Link, Message, Qos};
use crate::printer::{Now, Serial};

use super::{AccountId, Event};

/// Between two looks at the list of printers.
const LIST_EACH: Duration = Duration::from_secs(3600);
/// The same, when the last one lacked a printer that was there before (protocol 1.8 allows no less).
const LIST_SOON: Duration = Duration::from_secs(600);
/// Dead logins that are put away in one attempt: one from the configuration, one from the state directory.
const LOGIN_SOURCES: usize = 3;
/// Between two warnings that a login is about to end.
const WARN_EACH: Duration = Duration::from_secs(24 * 3600);
/// Between two attempts to log in or list, unless the cloud says otherwise; doubled up to [`SLOWEST`].
const AGAIN: Duration = Duration::from_secs(30);
const SLOWEST: Duration = Duration::from_secs(900);
/// When to try a token again that REST accepts and the broker refuses (protocol 2.1).
const REFUSED: [Duration; 3] =
    [Duration::from_secs(5 * 60), Duration::from_secs(15 * 60), Duration::from_secs(60 * 60)];

/// What a REST task found out.
pub(super) enum AccountEvent {
    /// A login that can be used, with the printers it has.
    Ready(Session, Vec<BoundPrinter>),
    /// The list of printers, read again.
    Listed(Vec<BoundPrinter>),
    /// What the refused token is worth.
    Judged(Verdict),
    /// It did not work.
    Failed(cloud::Error),
}

#[derive(Clone)]
struct Access {
    client: Arc<Client>,
    config: config::Account,
}

pub(super) struct Account {
    id: AccountId,
    /// Which one it is in the configuration, from 1, for people.
    number: usize,
    access: Access,
    install: String,
    session: Option<Session>,
    link: Option<Link>,
    connected: bool,
    /// What may be sent to its printers.
    budget: Budget,
    /// Subscriptions that the broker has not answered yet.
    unanswered: usize,
    printers: Vec<BoundPrinter>,
    lists: u32,
    state: AccountState,
    /// When to log in or list again.
    next: Option<Duration>,
    /// When to let the link try again.
    retry_link: Option<Duration>,
    failures: u32,
    refusals: usize,
    busy: bool,
    /// Look again when the call that is under way has ended.
    again: bool,
    warned: Option<Duration>,
}

impl Account {
    pub(super) fn start(
        id: AccountId,
        place: usize,
        config: &config::Account,
        state: &Arc<StateDir>,
        install: &str,
        inbox: &mpsc::Sender<Event>,
        now: Now,
    ) -> anyhow::Result<Self> {
        let access = Access { client: Arc::new(Client::for_account(config)?), config: config.clone() };
        let mut account = Self {
            id,
            number: place + 1,
            access,
            install: format!("{install}-{place}"),
            session: None,
            link: None,
            connected: false,
            budget: Budget::default(),
            unanswered: 0,
            printers: Vec::new(),
            lists: 0,
            state: AccountState::Offline,
            next: None,
            retry_link: None,
            failures: 0,
            refusals: 0,
            busy: false,
            again: false,
            warned: None,
        };
        account.log_in(now, state, inbox);
        Ok(account)
    }

    /// Whether the cloud hears us and we hear the printers: connected, and every subscription answered.
    pub(super) fn is_connected(&self) -> bool {
        self.connected && self.unanswered == 0
    }

    /// Whether there is a connection, whatever the subscriptions.
    pub(super) fn is_up(&self) -> bool {
        self.connected
    }

    /// A subscription was granted or refused.
    pub(super) fn on_answer(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Whether the cloud has told which printers there are.
    pub(super) fn is_listed(&self) -> bool {
        self.lists > 0
    }

    /// The same, and not by one empty list, which may be a fault of the cloud's.
    pub(super) fn is_sure(&self) -> bool {
        self.lists > 1 || !self.printers.is_empty()
    }

    /// The printers as they were last told.
    pub(super) fn printers(&self) -> &[BoundPrinter] {
        &self.printers
    }

    /// Asks for the list again before its time.
    pub(super) fn list_soon(&mut self, now: Now) {
        let soon = now.mono + LIST_SOON;
        self.next = Some(self.next.map_or(soon, |next| next.min(soon)));
    }

    /// How to ask its cloud; `None` while there is no login.
    pub(super) fn rest(&self) -> Option<(Arc<Client>, SecretString)> {
        let session = self.session.as_ref()?;
        Some((Arc::clone(&self.access.client), session.token.clone()))
    }

    /// Its place in the configuration.
    pub(super) fn place(&self) -> usize {
        self.number - 1
    }

    pub(super) fn state(&self) -> AccountState {
        self.state
    }

    pub(super) fn subscribe(&mut self, serial: &Serial) {
        if let Some(link) = self.link.as_ref().filter(|_| self.connected) {
            self.unanswered += 1;
            link.outbox().subscribe(format!("device/{}/report", serial.as_str()), Qos::AtMostOnce);
        }
    }

    pub(super) fn unsubscribe(&self, serial: &Serial) {
        if let Some(link) = self.link.as_ref().filter(|_| self.connected) {
            link.outbox().unsubscribe(format!("device/{}/report", serial.as_str()));
        }
    }

    /// Says something to a printer; `false` when there is no connection, and nothing was said.
    pub(super) fn send(&self, serial: &Serial, request: Request) -> bool {
        let Some(link) = &self.link else { return false };
        let message = Message::new(format!("device/{}/request", serial.as_str()), request.payload);
        link.outbox().send(if request.control { message.at_least_once() } else { message }).is_some()
    }

    /// Lends a printer the account's budget while it does something.
    pub(super) fn fund<R>(
        &mut self,
        printer: &mut session::Session,
        work: impl FnOnce(&mut session::Session) -> R,
    ) -> R {
        printer.lend(self.budget);
        let result = work(printer);
        self.budget = printer.budget();
        result
    }

    pub(super) fn on_connected(&mut self, now: Now, printers: usize) {
        self.connected = true;
        // Connections are far apart (`mqtt::backoff`), so each may begin with a full one.
        self.budget = Budget::for_printers(printers);
        self.unanswered = 0;
        self.state = AccountState::Connected;
        self.refusals = 0;
        self.next.get_or_insert(now.mono + LIST_EACH);
    }

    pub(super) fn on_disconnected(
        &mut self,
        now: Now,
        error: &mqtt::Error,
        retry_in: Option<Duration>,
        inbox: &mpsc::Sender<Event>,
    ) {
        self.connected = false;
        if self.state == AccountState::Connected {
            self.state = AccountState::Offline;
        }
        if error.is_refused() && retry_in.is_none() {
            // The token is dead, or the clock is wrong, or the account is blocked: REST knows.
            let pause = REFUSED.get(self.refusals).or(REFUSED.last()).copied().unwrap_or(AGAIN);
            self.refusals += 1;
            self.retry_link = Some(now.mono + pause);
            let Some(session) = self.session.clone() else { return };
            self.spawn(inbox, move |access| async move {
                let answer = access.client.preference(&session.token).await;
                AccountEvent::Judged(cloud::verdict(&session.user_name, &answer))
            });
        }
    }

    /// Takes in what a task found out; says whether the list of printers was read.
    pub(super) fn on_event(
        &mut self,
        now: Now,
        event: AccountEvent,
        state: &Arc<StateDir>,
        inbox: &mpsc::Sender<Event>,
        tasks: &mut JoinSet<mqtt::Ended>,
    ) -> bool {
        self.busy = false;
        let listed = match event {
            AccountEvent::Ready(session, printers) => {
                info!(account = self.number, printers = printers.len(), "logged in to the Bambu cloud");
                self.list_read(now, printers);
                if let Err(error) = self.connect(session, inbox, tasks) {
                    error!(account = self.number, "the cloud's broker cannot be used: {error:#}");
                }
                self.warn_of_the_end(now);
                true
            }
            AccountEvent::Listed(printers) => {
                self.list_read(now, printers);
                self.warn_of_the_end(now);
                true
            }
            AccountEvent::Judged(verdict) => {
                self.on_verdict(now, verdict, state, inbox);
                false
            }
            AccountEvent::Failed(error) => {
                self.on_failure(now, &error, state, inbox);
                false
            }
        };
        if std::mem::take(&mut self.again) {
            self.reload(now, state, inbox);
        }
        listed
    }

    fn list_read(&mut self, now: Now, printers: Vec<BoundPrinter>) {
        self.printers = printers;
        self.lists = self.lists.saturating_add(1);
        self.failures = 0;
        self.next = Some(now.mono + LIST_EACH);
        self.state = if self.connected { AccountState::Connected } else { AccountState::Offline };
    }

    fn warn_of_the_end(&mut self, now: Now) {
        let soon = self.session.as_ref().filter(|session| session.ends_soon(now.wall));
        let due = self.warned.is_none_or(|at| now.mono >= at + WARN_EACH);
        if let Some(end) = soon.and_then(|session| session.expires_at).filter(|_| due) {
            self.warned = Some(now.mono);
            warn!(account = self.number, %end, "the login ends soon: renew it with `bambu2mqtt login`");
        }
    }

    fn on_verdict(&mut self, now: Now, verdict: Verdict, state: &Arc<StateDir>, inbox: &mpsc::Sender<Event>) {
        match verdict {
            Verdict::Dead => self.give_up_token(now, state, inbox),
            Verdict::OtherUser(user_name) => {
                if let (Some(session), Some(link)) = (self.session.as_mut(), &self.link) {
                    link.replace_credentials(user_name.as_str(), session.token.clone());
                    session.user_name = user_name;
                }
            }
            Verdict::Alive => warn!(
                account = self.number,
                "the cloud accepts the login and its broker refuses it: check this machine's clock; trying again later"
            ),
            _ => {}
        }
    }

    fn give_up_token(&mut self, now: Now, state: &Arc<StateDir>, inbox: &mpsc::Sender<Event>) {
        self.retry_link = None;
        if let Some(session) = self.session.take()
            && let Err(error) = cloud::session::retire(&self.access.config, state, &session.token)
        {
            error!(%error, "the dead token could not be put away");
        }
        self.log_in(now, state, inbox);
    }

    fn on_failure(
        &mut self,
        now: Now,
        error: &cloud::Error,
        state: &Arc<StateDir>,
        inbox: &mpsc::Sender<Event>,
    ) {
        if error.needs_login() {
            if self.session.is_some() {
                // Proven by the list of printers; the next step is another source of a login.
                self.give_up_token(now, state, inbox);
                return;
            }
            // Nothing is tried again: only a person, a new token or SIGHUP helps.
            error!(account = self.number, %error, "the account needs a login");
            self.state = AccountState::NeedsLogin;
            self.next = None;
            return;
        }
        self.failures += 1;
        let doubled = AGAIN * 2_u32.saturating_pow(self.failures.saturating_sub(1).min(5));
        let pause = error.retry_after().unwrap_or_default().max(doubled.min(SLOWEST));
        self.state = match error {
            cloud::Error::Challenge { .. } => AccountState::Blocked,
            _ if self.connected => self.state,
            _ => AccountState::Offline,
        };
        warn!(account = self.number, %error, "the cloud did not answer as it should; trying again in {}", humantime::format_duration(pause));
        self.next = Some(now.mono + pause);
    }

    /// Does what is due; says when to look again.
    pub(super) fn tick(&mut self, now: Now, state: &Arc<StateDir>, inbox: &mpsc::Sender<Event>) -> Duration {
        if self.next.is_some_and(|at| now.mono >= at) && !self.busy {
            self.next = None;
            match self.session.clone() {
                None => self.log_in(now, state, inbox),
                Some(session) => self.spawn(inbox, move |access| async move {
                    match access.client.printers(&session.token).await {
                        Ok(printers) => AccountEvent::Listed(printers),
                        Err(error) => AccountEvent::Failed(error),
                    }
                }),
            }
        }
        if self.retry_link.is_some_and(|at| now.mono >= at) {
            self.retry_link = None;
            if let Some(link) = &self.link {
                link.retry();
            }
        }
        let next = self.next.filter(|_| !self.busy);
        [next, self.retry_link].into_iter().flatten().min().unwrap_or(Duration::MAX)
    }

    /// A new token may be there: look at once.
    pub(super) fn reload(&mut self, now: Now, state: &Arc<StateDir>, inbox: &mpsc::Sender<Event>) {
        self.failures = 0;
        if self.busy {
            self.again = true;
        } else if self.connected {
            self.next = Some(now.mono);
        } else {
            self.session = None;
            self.log_in(now, state, inbox);
        }
    }

    /// How many tasks its connection has.
    pub(super) fn tasks(&self) -> usize {
        // Poller and writer.
        if self.link.is_some() { 2 } else { 0 }
    }

    pub(super) async fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.close(None).await;
        }
    }

    fn log_in(&mut self, now: Now, state: &Arc<StateDir>, inbox: &mpsc::Sender<Event>) {
        let state = Arc::clone(state);
        self.spawn(inbox, move |access| async move {
            match log_in(&access.client, &access.config, &state, now.wall).await {
                Ok((session, printers)) => AccountEvent::Ready(session, printers),
                Err(error) => AccountEvent::Failed(error),
            }
        });
    }

    /// Runs REST calls beside the gateway; only one at a time.
    fn spawn<F: Future<Output = AccountEvent> + Send>(
        &mut self,
        inbox: &mpsc::Sender<Event>,
        work: impl FnOnce(Access) -> F + Send + 'static,
    ) {
        self.busy = true;
        let (id, access, inbox) = (self.id, self.access.clone(), inbox.clone());
        tokio::spawn(async move {
            let event = work(access).await;
            // Fails only when the gateway is gone, and then nobody wants to know.
            let _ = inbox.send(Event::Account(id, event)).await;
        });
    }

    fn connect(
        &mut self,
        session: Session,
        inbox: &mpsc::Sender<Event>,
        tasks: &mut JoinSet<mqtt::Ended>,
    ) -> anyhow::Result<()> {
        let (user, token) = (session.user_name.as_str().to_owned(), session.token.clone());
        self.session = Some(session);
        if let Some(link) = &self.link {
            link.replace_credentials(user, token);
            return Ok(());
        }
        let id = self.id;
        let mut options = cloud_options(&self.access.config, &self.install)?;
        options.credentials = Some((user, token));
        self.link = Some(Link::start(tasks, options, inbox.clone(), move |event| Event::Cloud(id, event)));
        Ok(())
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
        let session = cloud::obtain(client, config, state, now).await?;
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
