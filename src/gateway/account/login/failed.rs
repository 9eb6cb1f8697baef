//! What follows from a call that did not work: first a table of call and trouble, then what is done about it.

use std::time::Duration;

use super::{Action, CODE_LASTS, Call, CallTrouble, Failure, LoginMachine, Need, REFUSED, UNANSWERED, cloud};
use printer::Now;

/// What follows from a call that did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consequence {
    /// People are told why, and nothing else changes.
    Say,
    /// A code was no good; the one that was sent may still be.
    TypeAgain,
    /// The same, and the one that was sent is not good any more.
    SendAnother,
    /// It was the authenticator's code, which the account does not ask for any more: one is to be sent.
    SendInstead,
    /// The token is dead: look for another one.
    GiveUp,
    /// One answer against the token, which is no proof.
    Doubt,
    /// No token is there: the next way to one.
    NextWay,
    /// The password is right, and a code is wanted.
    AwaitCode,
    /// The password is wrong.
    RefusePassword,
    /// The password does not lead to a token.
    GiveUpPassword,
    /// Nobody knows what became of a login with the password.
    Unanswered,
    /// Only a person helps.
    NeedPerson,
    /// It gets better by waiting.
    Wait,
}

/// The table of call and trouble.
fn consequence(call: Call, trouble: CallTrouble) -> Consequence {
    use CallTrouble as T;
    use Consequence as C;
    match call {
        Call::RequestCode => C::Say,
        // The code that came before still works, and a token that is there is not touched.
        Call::SubmitCode => match trouble {
            T::CodeWrong => C::TypeAgain,
            T::CodeExpired => C::SendAnother,
            T::CodeWanted(_) => C::SendInstead,
            _ => C::Say,
        },
        Call::List | Call::Judge => match trouble {
            T::Dead => C::GiveUp,
            T::Doubt => C::Doubt,
            T::NoToken | T::Person | T::PasswordRefused | T::CodeWanted(_) => C::NeedPerson,
            T::CodeWrong | T::CodeExpired | T::Blocked | T::Unsent | T::Later => C::Wait,
        },
        Call::Find => match trouble {
            T::NoToken => C::NextWay,
            T::Dead | T::Person | T::PasswordRefused | T::CodeWanted(_) => C::NeedPerson,
            T::Doubt | T::CodeWrong | T::CodeExpired | T::Blocked | T::Unsent | T::Later => C::Wait,
        },
        Call::Password => match trouble {
            T::CodeWanted(_) => C::AwaitCode,
            T::PasswordRefused => C::RefusePassword,
            T::NoToken | T::Person | T::Dead => C::GiveUpPassword,
            T::Unsent => C::Wait,
            T::Doubt | T::CodeWrong | T::CodeExpired | T::Blocked | T::Later => C::Unanswered,
        },
    }
}

impl LoginMachine {
    pub(super) fn on_failure(&mut self, now: Now, call: Call, failure: Failure, out: &mut Vec<Action>) {
        let Failure { trouble, pause, mut words, advice } = failure;
        self.advice = advice;
        if trouble == CallTrouble::NoToken
            && let Some(ended) = self.record.ended
        {
            // That there is none any more says less than what became of the last one.
            words = ended.words();
        }
        match consequence(call, trouble) {
            Consequence::Say => self.why = words,
            Consequence::TypeAgain => self.await_another(now, words),
            Consequence::SendAnother => {
                self.record.code_sent = None;
                self.await_another(now, words);
            }
            Consequence::SendInstead => {
                self.record.authenticator = false;
                self.need = Need::Code { until: now.mono + CODE_LASTS };
                self.why = words;
                self.want_code = true;
            }
            Consequence::GiveUp => self.give_up(now, out),
            Consequence::Doubt => self.doubt(now, words, out),
            Consequence::NextWay => self.next_way(now, words, out),
            Consequence::AwaitCode => self.await_code(now, trouble),
            Consequence::RefusePassword | Consequence::GiveUpPassword => {
                self.passwords = usize::MAX;
                self.record.password_refused = trouble == CallTrouble::PasswordRefused;
                self.needs_login(now, words, out);
            }
            Consequence::Unanswered => self.unanswered(now, pause, trouble, words, out),
            Consequence::NeedPerson => self.needs_login(now, words, out),
            Consequence::Wait => {
                // The broker has the last word, and may not have been asked yet.
                self.blocked = trouble == CallTrouble::Blocked && (self.linked || !self.token);
                self.why = words;
                self.next = Some(now.mono + pause.max(self.doubled()));
                // The broker may well be there while REST is not.
                self.connect(out);
            }
        }
    }

    fn await_another(&mut self, now: Now, words: String) {
        self.why = words;
        if self.need == Need::Nothing || self.need == Need::Login {
            self.need = Need::Code { until: now.mono + CODE_LASTS };
        }
    }

    /// One endpoint's word is not enough, nor are two while the broker keeps us (entities 2.1, 7).
    fn doubt(&mut self, now: Now, words: String, out: &mut Vec<Action>) {
        self.doubts = self.doubts.saturating_add(1);
        self.why = words;
        self.next = Some(now.mono + if self.doubts > 1 { REFUSED[2] } else { REFUSED[0] });
        self.connect(out);
    }

    /// There is no token: a code that is on its way, the authenticator, the password, or a person.
    fn next_way(&mut self, now: Now, words: String, out: &mut Vec<Action>) {
        if self.token {
            // Only somebody's new token was nothing; the one in use is as good as before.
            self.next = Some(now.mono);
        } else if let Some(rest) = self.record.code_lasts(now.wall) {
            self.next = None;
            self.passwords = usize::MAX;
            self.need = Need::Code { until: now.mono + rest };
            self.why = "a code was sent a while ago, and is still good".into();
        } else if self.awaits_authenticator() {
            self.next = None;
            self.await_authenticator(now);
        } else if self.has_password && self.record.password_refused {
            let words = "the cloud refused the password, and is not sent the same one again";
            self.advice = cloud::CloudError::CredentialsRefused { message: String::new() }.advice();
            self.needs_login(now, words.to_owned(), out);
        } else if self.has_password && self.passwords <= UNANSWERED.len() {
            self.why = words;
            self.next = None;
            self.busy = Some(Call::Password);
            out.push(Action::Call(Call::Password));
        } else {
            self.needs_login(now, words, out);
        }
    }

    fn await_code(&mut self, now: Now, trouble: CallTrouble) {
        self.passwords = usize::MAX;
        self.record.code_sent = Some(now.wall);
        self.need = Need::Code { until: now.mono + CODE_LASTS };
        if let CallTrouble::CodeWanted(kind) = trouble {
            self.why = format!("the account asks for a code that comes by {kind}");
        }
        // Some accounts are sent one unasked; asking makes sure, and the newest counts (protocol 1.3 B).
        self.want_code = true;
    }

    /// It may have counted as a login, so it is tried again a few times at most.
    fn unanswered(
        &mut self,
        now: Now,
        pause: Duration,
        trouble: CallTrouble,
        words: String,
        out: &mut Vec<Action>,
    ) {
        self.blocked = trouble == CallTrouble::Blocked;
        match UNANSWERED.get(self.passwords) {
            Some(least) => self.next = Some(now.mono + pause.max(*least)),
            None => self.needs_login(now, words.clone(), out),
        }
        self.passwords += 1;
        self.why = words;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::CodeKind;

    const CALLS: [Call; 6] =
        [Call::Find, Call::Password, Call::List, Call::Judge, Call::RequestCode, Call::SubmitCode];

    #[test]
    fn only_what_the_cloud_says_of_the_token_ends_it() {
        for call in CALLS {
            let dead = consequence(call, CallTrouble::Dead);
            assert_eq!(dead == Consequence::GiveUp, matches!(call, Call::List | Call::Judge), "{call:?}");
            for trouble in [CallTrouble::Blocked, CallTrouble::Unsent, CallTrouble::Later] {
                let follows = consequence(call, trouble);
                assert!(
                    matches!(follows, Consequence::Wait | Consequence::Unanswered | Consequence::Say),
                    "{call:?} {trouble:?} {follows:?}"
                );
            }
        }
    }

    #[test]
    fn what_may_have_counted_as_a_login_is_told_from_what_was_never_sent() {
        let follows = |trouble| consequence(Call::Password, trouble);
        assert_eq!(follows(CallTrouble::Unsent), Consequence::Wait);
        assert_eq!(follows(CallTrouble::Later), Consequence::Unanswered);
        assert_eq!(follows(CallTrouble::CodeWanted(CodeKind::Sms)), Consequence::AwaitCode);
    }
}
