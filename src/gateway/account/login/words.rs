//! How an account stands, in one word and in sentences for people.

use jiff::Timestamp;

use super::{LoginMachine, Need, WARN_DAYS};
use homeassistant::AccountState as State;

impl LoginMachine {
    /// How the account stands.
    pub(in crate::gateway::account) fn state(&self, now: Timestamp) -> State {
        match self.need {
            Need::Login => State::NeedsLogin,
            Need::Code { .. } => State::CodeRequired,
            Need::Nothing if self.connected && self.ends_within(now, WARN_DAYS[2]) => State::TokenExpiring,
            Need::Nothing if self.connected => State::Connected,
            // Both endpoints say so, and the broker is not there to say something else.
            Need::Nothing if self.doubts > 1 => State::NeedsLogin,
            Need::Nothing if self.blocked => State::Blocked,
            Need::Nothing => State::Offline,
        }
    }

    /// Why it stands so, and what to do about it.
    pub(in crate::gateway::account) fn words(&self, now: Timestamp) -> (String, String) {
        let log_in = if self.named {
            "press \"Request login code\" and type the code into \"Login code\", or run `bambu2mqtt login`"
        } else {
            "give the configuration a new access token (`bambu.token`), or run `bambu2mqtt login --token -`"
        };
        match self.state(now) {
            State::Connected => (String::new(), String::new()),
            State::TokenExpiring => {
                let reason = match self.days_left(now) {
                    Some(days) if days < 0 => "the login has ended by this machine's clock".to_owned(),
                    Some(0) => "the login ends within a day".to_owned(),
                    Some(1) => "the login ends in a day".to_owned(),
                    days => format!("the login ends in {} days", days.unwrap_or_default()),
                };
                (reason, log_in.into())
            }
            State::NeedsLogin => {
                let step =
                    self.advice.map_or_else(|| log_in.to_owned(), |advice| format!("{advice}, or {log_in}"));
                (self.why.clone(), step)
            }
            State::CodeRequired => {
                let step = "type the code into \"Login code\"; \"Request login code\" sends a new one";
                (self.why.clone(), self.advice.unwrap_or(step).to_owned())
            }
            State::Blocked => {
                let step = "sign in once with a browser on this network and check this machine's clock";
                let step = self.advice.unwrap_or(step);
                (self.why.clone(), format!("{step}; it is tried again by itself"))
            }
            State::Offline => {
                // While the rest of the cloud answers, the broker is all there is to say.
                let (why, advice) = match &self.lost {
                    Some(lost) if self.failures == 0 => (&lost.words, lost.advice),
                    _ => (&self.why, self.advice),
                };
                let step = advice.unwrap_or("nothing");
                let joint = if advice.is_some() { ";" } else { ":" };
                (why.clone(), format!("{step}{joint} it is tried again by itself"))
            }
        }
    }
}
