//! Which printers there are: those of the accounts' lists that the configuration does not ignore.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tracing::{info, warn};

use crate::cloud::BoundPrinter;
use crate::config::{Config, Mode};
use bambu::session::{Input, Session};
use homeassistant::Mirror;
use homeassistant::topic::slug;
use printer::default_name;
use printer::{Now, Serial};

use super::account::Account;
use super::facts::Cover;
use super::{AccountId, Gateway, Jobs, Printer, Standing};

impl Gateway {
    /// The broker does not let an account hear a printer, so its list is out of date or the broker's is: it may
    /// be in another account by now, or be bound so recently that the broker does not know yet.
    pub(super) fn on_refused_printer(&mut self, now: Now, id: AccountId, serial: &Serial) {
        let printer = self.printers.get(serial);
        let name = printer.map_or("a printer", |p| p.session.snapshot().identity.name.as_str());
        let place = self.accounts.get(&id).map_or("the broker", |account| account.channel.place());
        warn!(
            printer = name,
            "{place} does not let this account listen to the printer; is it still bound? The list of printers is \
             read again soon"
        );
        if let Some(account) = self.accounts.get_mut(&id).filter(|account| account.has_login()) {
            account.list_soon(now, &mut self.tasks);
        }
        self.fit_printers(now);
    }

    /// A printer may have been bound so recently that the broker did not let us listen yet.
    pub(super) fn resubscribe(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let deaf = self.printers.iter().filter(|(_, p)| p.account == id && !p.session.is_connected());
        for (serial, _) in deaf {
            account.channel.subscribe(serial);
        }
    }

    /// Makes the printers those that the accounts' last lists have and the configuration does not ignore.
    pub(super) fn fit_printers(&mut self, now: Now) {
        let mut wanted: BTreeMap<Serial, (AccountId, BoundPrinter)> = BTreeMap::new();
        for (id, account) in &self.accounts {
            for printer in account.printers() {
                if self.config.printer(&printer.serial).is_some_and(|p| p.ignore) {
                    continue;
                }
                let serial = Serial::new(&printer.serial);
                // One that two accounts have stays with the one it is heard on, as long as that is of use. A list
                // may be an hour old, so what the broker says of it counts more.
                let worth = |id: AccountId, account: &Account| {
                    let current = self.printers.get(&serial).map(|p| p.account) == Some(id);
                    (account.has_login(), account.channel.may_hear(&serial), account.channel.is_up(), current)
                };
                let other = wanted.get(&serial).and_then(|(id, _)| Some((*id, self.accounts.get(id)?)));
                if other.is_none_or(|(other, of)| worth(*id, account) > worth(other, of)) {
                    wanted.insert(serial, (*id, printer.clone()));
                }
            }
        }
        self.remove_printers(now, &wanted);
        for (serial, (id, printer)) in wanted {
            if self.printers.contains_key(&serial) {
                self.keep_printer(now, &serial, id, &printer);
            } else {
                self.add_printer(now, serial, id, &printer);
            }
        }
    }

    /// Takes away what is not wanted any more: what the owner ignores at once, what the cloud does not list when
    /// every account that may have it has said so once more.
    pub(super) fn remove_printers(&mut self, now: Now, wanted: &BTreeMap<Serial, (AccountId, BoundPrinter)>) {
        let lists: Lists = self.accounts.iter().map(|(id, a)| (*id, (a.lists(), a.has_login()))).collect();
        let mut gone = BTreeSet::new();
        let mut ask = false;
        for (serial, printer) in &mut self.printers {
            let ignored = self.config.printer(serial.as_str()).is_some_and(|p| p.ignore);
            if wanted.contains_key(serial) {
                printer.missed = None;
            } else if ignored {
                gone.insert(serial.clone());
            } else if let Some(missed) = &printer.missed {
                if missed.is_confirmed(printer.account, &lists) {
                    gone.insert(serial.clone());
                }
            } else if let Some(missed) = Missed::by(printer.account, &lists) {
                // One odd answer must not cost anybody the names of their entities.
                printer.missed = Some(missed);
                ask = true;
            }
        }
        if ask {
            for account in self.accounts.values_mut() {
                account.list_soon(now, &mut self.tasks);
            }
        }
        for serial in gone {
            let Some(mut printer) = self.printers.remove(&serial) else { continue };
            info!(printer = %printer.session.snapshot().identity.name, "the printer is not used any more");
            if let Some(account) = self.accounts.get_mut(&printer.account) {
                account.channel.unsubscribe(&serial);
            }
            printer.jobs.park(now, &serial, &self.records);
            printer.mirror.remove(&mut self.out);
            self.publish();
            self.facts.remove(now, &serial);
        }
    }

    pub(super) fn keep_printer(&mut self, now: Now, serial: &Serial, id: AccountId, bound: &BoundPrinter) {
        let name = self.configured_name(serial).or_else(|| given_name(bound));
        self.facts.add(now, serial, id, self.accounts.get(&id).map(Account::name).unwrap_or_default());
        let before = self.printers.get(serial).map_or(id, |known| known.account);
        if before != id {
            // What was asked of it by the other way is not answered by this one.
            self.handle(now, serial, Input::Disconnected);
            if let Some(account) = self.accounts.get_mut(&before) {
                account.channel.unsubscribe(serial);
            }
            if let Some(account) = self.accounts.get_mut(&id) {
                account.channel.subscribe(serial);
            }
        }
        let Some(known) = self.printers.get_mut(serial) else { return };
        known.account = id;
        let renamed = name.is_some_and(|name| known.session.rename(&name));
        let shape = |session: &Session| {
            let snapshot = session.snapshot();
            (snapshot.read_only, snapshot.firmware_install, snapshot.metered)
        };
        let shaped = shape(&known.session);
        set_controls(&self.config, serial, &mut known.session);
        let (prices, metered) = self.meters.of(serial);
        known.session.set_prices(prices, metered);
        known.jobs.tracker.set_prices(prices, metered);
        if (renamed || shape(&known.session) != shaped) && known.told {
            known.mirror.update(now, known.session.snapshot(), &mut self.out);
            self.publish();
        }
    }

    pub(super) fn add_printer(&mut self, now: Now, serial: Serial, id: AccountId, bound: &BoundPrinter) {
        let codes =
            [bound.model_code.as_deref(), bound.product_name.as_deref()].map(Option::unwrap_or_default);
        let sequence = 40_000 + fastrand::u32(0..1_000_000);
        let mut session = Session::new(serial.clone(), "", codes, sequence);
        let model = session.snapshot().identity.model.clone();
        let name = self.configured_name(&serial).or_else(|| given_name(bound));
        session.rename(&name.unwrap_or_else(|| default_name(&model, &serial)));
        set_controls(&self.config, &serial, &mut session);
        session.set_texts(&self.texts);
        let (prices, metered) = self.meters.of(&serial);
        session.set_prices(prices, metered);
        let mut jobs = Jobs::open(&serial, &session.snapshot().identity.name, &self.state, &mut self.records);
        jobs.tracker.set_prices(prices, metered);
        session.set_levels(&jobs.levels());
        self.bridge_changed = true;
        let slug = self.free_slug(&session, &serial);
        info!(printer = %session.snapshot().identity.name, %model, "printer found");
        let discovery = self.config.homeassistant.discovery;
        let mirror = Mirror::new(Arc::clone(&self.topics), serial.clone(), slug, discovery)
            .with_document(self.config.mqtt.json_state);
        let printer = Printer {
            account: id,
            session,
            jobs,
            mirror,
            told: false,
            online: false,
            standing: Standing::default(),
            missed: None,
            looked_up: false,
            cover_told: Cover::None,
        };
        self.facts.add(now, &serial, id, self.accounts.get(&id).map(Account::name).unwrap_or_default());
        self.printers.insert(serial.clone(), Box::new(printer));
        if let Some(account) = self.accounts.get_mut(&id) {
            account.channel.subscribe(&serial);
        }
        if self.local_connected {
            self.resync.push_back(serial);
        }
        self.want_texts();
    }

    pub(super) fn configured_name(&self, serial: &Serial) -> Option<String> {
        self.config.printer(serial.as_str()).and_then(|p| p.name.clone())
    }

    /// What a printer's entity ids begin with: its name, or model and last digits where that is empty or taken.
    pub(super) fn free_slug(&self, session: &Session, serial: &Serial) -> String {
        let identity = &session.snapshot().identity;
        let wanted = slug(&identity.name);
        let taken = self.printers.values().any(|p| slug(&p.session.snapshot().identity.name) == wanted);
        if wanted.is_empty() || taken { slug(&default_name(&identity.model, serial)) } else { wanted }
    }
}

/// How often each account has listed its printers, and whether it has a login to do so again.
type Lists = BTreeMap<AccountId, (u32, bool)>;

/// How often each account had listed its printers when one was not among them for the first time.
///
/// Counted in lists and not in looks at them: those are looked at again whenever anything else changes. And in
/// those of every account, because a printer that changes hands is missing from one list before it is in the
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missed(Lists);

impl Missed {
    /// That it is missing, when its own account says so; where that was given up, when all others do.
    fn by(own: AccountId, lists: &Lists) -> Option<Self> {
        let told = match lists.get(&own) {
            // That another account cannot say anything is no reason to take it for there.
            Some((count, _)) => *count > 0,
            None => {
                lists.values().all(|(count, login)| *count > 0 || !login)
                    && lists.values().any(|(count, _)| *count > 0)
            }
        };
        told.then(|| Self(lists.clone()))
    }

    /// Whether each account that may have it has listed its printers again. One without a login is not waited
    /// for, unless it is the printer's own.
    fn is_confirmed(&self, own: AccountId, lists: &Lists) -> bool {
        lists.iter().all(|(id, (count, login))| {
            let before = self.0.get(id).map_or(0, |(count, _)| *count);
            *count > before || (*id != own && !login)
        })
    }
}

/// Lets be done with a printer what its owner lets be done.
fn set_controls(config: &Config, serial: &Serial, session: &mut Session) {
    session.set_read_only(config.controls_of(serial.as_str()) == Mode::ReadOnly);
    session.set_gcode(config.controls.gcode);
    session.set_firmware_install(config.controls.firmware_install);
}

/// What its owner calls a printer.
fn given_name(printer: &BoundPrinter) -> Option<String> {
    Some(printer.name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = 0;
    const B: AccountId = 1;

    fn lists<const N: usize>(of: [(AccountId, u32, bool); N]) -> Lists {
        of.into_iter().map(|(id, count, login)| (id, (count, login))).collect()
    }

    #[test]
    fn looking_again_at_the_same_list_confirms_nothing() {
        let before = lists([(A, 3, true)]);
        let missed = Missed::by(A, &before).unwrap();
        assert!(!missed.is_confirmed(A, &before));
        assert!(missed.is_confirmed(A, &lists([(A, 4, true)])));
        assert_eq!(
            Missed::by(A, &lists([(A, 0, true)])),
            None,
            "what an earlier run kept is no word of the cloud's"
        );
    }

    #[test]
    fn a_printer_that_changes_hands_waits_for_the_other_account() {
        let missed = Missed::by(A, &lists([(A, 3, true), (B, 5, true)])).unwrap();
        assert!(!missed.is_confirmed(A, &lists([(A, 4, true), (B, 5, true)])));
        assert!(!missed.is_confirmed(A, &lists([(A, 3, true), (B, 6, true)])));
        assert!(missed.is_confirmed(A, &lists([(A, 4, true), (B, 6, true)])));
        // One that was added meanwhile has not been asked yet.
        assert!(!missed.is_confirmed(A, &lists([(A, 4, true), (B, 6, true), (2, 0, true)])));
    }

    #[test]
    fn an_account_that_cannot_list_keeps_only_its_own_printers() {
        let before = lists([(A, 3, true), (B, 0, false)]);
        let missed = Missed::by(A, &before).unwrap();
        assert!(missed.is_confirmed(A, &lists([(A, 4, true), (B, 0, false)])));
        assert!(!missed.is_confirmed(A, &lists([(A, 3, false), (B, 1, true)])));
    }

    #[test]
    fn a_printer_of_an_account_that_was_given_up_is_the_others_to_miss() {
        const GONE: AccountId = 7;
        assert_eq!(Missed::by(GONE, &lists([(A, 3, true), (B, 0, true)])), None);
        let missed = Missed::by(GONE, &lists([(A, 3, true), (B, 1, true)])).unwrap();
        assert!(!missed.is_confirmed(GONE, &lists([(A, 4, true), (B, 1, true)])));
        assert!(missed.is_confirmed(GONE, &lists([(A, 4, true), (B, 2, true)])));
    }
}
