//! What a REST call found out is taken in: kept, logged, told to the rest of the gateway, and given to the machine.

use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use super::calls::AccountEvent;
use super::files::Watched;
use super::login::{Call, CallOutcome, CallTrouble, Failure, Input};
use super::{Account, Told};
use crate::cloud::{self, BoundPrinter, CloudLogin, Verdict};
use crate::mqtt;
use printer::Now;

/// After so many looks at the list that failed in a row its last word on the printers counts no more.
const UNLISTED: u32 = 2;

impl Account {
    /// Takes in what a task found out.
    pub(in crate::gateway) fn on_event(
        &mut self,
        now: Now,
        event: AccountEvent,
        tasks: &mut JoinSet<mqtt::Ended>,
    ) {
        let ended = self.login.busy();
        let mut trouble = None;
        let outcome = match event {
            AccountEvent::LoggedIn(login) => self.on_login(*login),
            AccountEvent::Listed(printers) => self.on_list(printers),
            AccountEvent::Judged(verdict) => self.on_verdict(verdict),
            AccountEvent::AuthenticatorWanted(key) => {
                self.tfa_key = Some((key, now.mono));
                CallOutcome::Authenticator
            }
            AccountEvent::CodeSent(kind) => {
                info!(account = self.number, "Bambu Lab sends a code by {kind}");
                // From here on the code that was sent is the one that is meant.
                self.tfa_key = None;
                CallOutcome::CodeSent(kind)
            }
            AccountEvent::Failed(error) => {
                trouble = Some(error.to_string());
                self.on_failure(ended, &error)
            }
        };
        self.tell_outcome(ended, trouble);
        self.give(now, Input::Done(outcome), tasks);
    }

    fn on_login(&mut self, login: CloudLogin) -> CallOutcome {
        // A living connection may go on with the login before, of which this one need not know.
        let end = login.expires_at;
        self.tfa_key = None;
        // One that waits is still true when the same login is found again.
        self.warning.take_if(|(warned, _)| warned.end() != end);
        self.in_use = Some(login);
        self.kept = Watched::new(cloud::logins::file(&self.access.config, self.access.writer.disk()));
        CallOutcome::LoggedIn(end)
    }

    fn on_list(&mut self, printers: Vec<BoundPrinter>) -> CallOutcome {
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
        CallOutcome::Listed
    }

    fn on_verdict(&mut self, verdict: Verdict) -> CallOutcome {
        if let (Verdict::OtherUser(user_name), Some(login)) = (&verdict, self.in_use.as_mut()) {
            login.user_name = user_name.clone();
        }
        if verdict == Verdict::Alive {
            debug!(account = self.number, "the cloud's REST interface accepts the login");
        }
        CallOutcome::Judged(verdict)
    }

    fn on_failure(&mut self, ended: Option<Call>, error: &cloud::CloudError) -> CallOutcome {
        let failure = Failure::of(error);
        if ended == Some(Call::SubmitCode) {
            // The key is good for a few codes at most, and nobody says which was the last.
            self.tfa_key = None;
        }
        self.log_failure(error, &failure);
        // One that we ourselves held back says nothing, and one that failed is soon made up for.
        if matches!(ended, Some(Call::List | Call::Judge))
            && !matches!(error, cloud::CloudError::Resting { .. })
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
        CallOutcome::Failed(failure)
    }

    /// Tells who asked for it what became of a call, and why where it did not work.
    fn tell_outcome(&mut self, ended: Option<Call>, trouble: Option<String>) {
        let key = match ended {
            Some(Call::SubmitCode) => "login_code",
            Some(Call::RequestCode) => "request_code",
            Some(Call::List) if std::mem::take(&mut self.asked) => "refresh_printers",
            _ => return,
        };
        self.told.push(Told::Outcome(key, trouble.map_or(Ok(()), Err)));
    }

    /// Trouble is told when it begins or changes, and then each time its count has doubled.
    fn log_failure(&mut self, error: &cloud::CloudError, failure: &Failure) {
        let (last, count) = self.trouble.unwrap_or((failure.trouble, 0));
        let count = if last == failure.trouble { count + 1 } else { 1 };
        self.trouble = Some((failure.trouble, count));
        // That there is no token is no news before the password was tried, and what follows is told anyhow.
        let quiet =
            failure.trouble == CallTrouble::NoToken || matches!(error, cloud::CloudError::Resting { .. });
        if count.is_power_of_two() && !quiet {
            warn!(account = self.number, count, %error, "the Bambu cloud did not do what was asked");
        } else {
            debug!(account = self.number, count, %error, "the Bambu cloud did not do what was asked");
        }
    }
}
