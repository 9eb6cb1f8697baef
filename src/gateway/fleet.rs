//! Which printers there are: those of the accounts' lists that the configuration does not ignore.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tracing::{info, warn};

use crate::cloud::BoundPrinter;
use crate::config::{Config, Mode};
use homeassistant::topic::{Topics, slug};
use printer::{Now, Policy, Serial, default_name};
use twin::{Broker, Input, Setup, Twin};

use super::account::Account;
use super::energy::Meters;
use super::{AccountId, Gateway};

impl Gateway {
    /// The broker does not let an account hear a printer, so its list is out of date or the broker's is: it may
    /// be in another account by now, or be bound so recently that the broker does not know yet.
    pub(super) fn on_refused_printer(&mut self, now: Now, id: AccountId, serial: &Serial) {
        let printer = self.printers.get(serial);
        let name = printer.map_or("a printer", |p| p.twin.snapshot().name().as_str());
        let place = self.accounts.get(&id).map_or("the broker", |account| account.channel.access().name);
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
        let deaf = self.printers.iter().filter(|(_, p)| p.account == id && !p.twin.is_connected(id));
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
            if self.printers.get(&serial).is_some() {
                self.keep_printer(now, &serial, id, &printer);
            } else {
                self.add_printer(now, serial, id, &printer);
            }
        }
    }

    /// Takes away what is not wanted any more: what the owner ignores at once, what the cloud does not list when
    /// every account that may have it has said so once more.
    fn remove_printers(&mut self, now: Now, wanted: &BTreeMap<Serial, (AccountId, BoundPrinter)>) {
        let lists: Lists = self.accounts.iter().map(|(id, a)| (*id, (a.lists(), a.has_login()))).collect();
        let mut gone = BTreeSet::new();
        let mut ask = false;
        for (serial, printer) in self.printers.iter_mut() {
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
            self.give(now, &serial, Input::Leave);
            let Some(printer) = self.printers.remove(&serial) else { continue };
            info!(printer = %printer.twin.snapshot().name(), "the printer is not used any more");
            if let Some(account) = self.accounts.get_mut(&printer.account) {
                account.channel.unsubscribe(&serial);
            }
            let mut outputs = Vec::new();
            let recent = printer.twin.remove(&mut outputs);
            self.carry_out(now, &serial, &mut outputs, &mut VecDeque::new());
            self.records.park(&serial, recent);
            self.facts.remove(now, &serial);
            self.units.remove(now, &serial);
            self.name_units(now, None);
            self.view_changed = true;
        }
    }

    fn keep_printer(&mut self, now: Now, serial: &Serial, id: AccountId, bound: &BoundPrinter) {
        self.facts.add(now, serial, id, self.accounts.get(&id).map(Account::name).unwrap_or_default());
        let Some(known) = self.printers.get_mut(serial) else { return };
        let before = std::mem::replace(&mut known.account, id);
        let name = self.config.printer(serial.as_str()).and_then(|printer| printer.name.clone());
        let name =
            name.or_else(|| given_name(bound)).unwrap_or_else(|| known.twin.snapshot().name().to_string());
        let policy = policy(&self.config, &self.meters, serial, &name);
        let other = policy != *known.twin.snapshot().policy;
        if before != id {
            if let Some(account) = self.accounts.get_mut(&before) {
                account.channel.unsubscribe(serial);
            }
            self.house(now, serial, id);
        }
        if other {
            self.give(now, serial, Input::Policy(policy.into()));
        }
    }

    fn add_printer(&mut self, now: Now, serial: Serial, id: AccountId, bound: &BoundPrinter) {
        let setup = setup(&self.config, &self.meters, &self.topics, bound);
        let name = setup.policy.name.clone();
        let model = bambu::identity(&serial, setup.cloud_names).model;
        info!(printer = %name, %model, "printer found");
        let (ledger, recent) = self.records.open(&serial, &name, &self.state);
        let mut outputs = Vec::new();
        let setup = Setup {
            // Two gateways shall not take each other's answers for theirs.
            sequence: setup.sequence + fastrand::u32(0..1_000_000),
            slug: self.free_slug(&name, &model, &serial),
            texts: Arc::clone(&self.texts),
            names: self.names.clone(),
            named: true,
            ledger,
            recent,
            ..setup
        };
        self.printers.add(serial.clone(), id, Twin::new(setup, &mut outputs));
        self.units.add(&serial);
        self.carry_out(now, &serial, &mut outputs, &mut VecDeque::new());
        self.facts.add(now, &serial, id, self.accounts.get(&id).map(Account::name).unwrap_or_default());
        self.house(now, &serial, id);
        self.view_changed = true;
        if self.local_connected {
            self.give(now, &serial, Input::Broker(Broker::Up));
            self.resync.push_back(serial);
        }
        self.want_texts();
    }

    /// Hears a printer where an account does.
    fn house(&mut self, now: Now, serial: &Serial, id: AccountId) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.channel.subscribe(serial);
            let access = account.channel.access();
            self.give(now, serial, Input::Join(id, access));
        }
    }

    /// What a printer's entity ids begin with: its name, or model and last digits where that is empty or taken.
    fn free_slug(&self, name: &str, model: &str, serial: &Serial) -> String {
        let wanted = slug(name);
        let taken = self.printers.iter().any(|(_, p)| slug(p.twin.snapshot().name()) == wanted);
        if wanted.is_empty() || taken { slug(&default_name(model, serial)) } else { wanted }
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

/// What a printer's twin begins with where nobody has met it yet.
pub(crate) fn setup<'a>(
    config: &Config,
    meters: &Meters,
    topics: &Arc<Topics>,
    bound: &'a BoundPrinter,
) -> Setup<'a> {
    let serial = Serial::new(&bound.serial);
    let cloud_names = bound.cloud_names();
    let made = || default_name(&bambu::identity(&serial, cloud_names).model, &serial);
    let configured = config.printer(serial.as_str()).and_then(|printer| printer.name.clone());
    let name = configured.or_else(|| given_name(bound)).unwrap_or_else(made);
    let policy = policy(config, meters, &serial, &name);
    Setup {
        discovery: config.homeassistant.discovery,
        document: config.mqtt.json_state,
        ..Setup::new(serial, cloud_names, policy, topics)
    }
}

/// What its owner wants of a printer.
fn policy(config: &Config, meters: &Meters, serial: &Serial, name: &str) -> Policy {
    let (prices, metered) = meters.of(serial);
    Policy {
        name: name.into(),
        read_only: config.controls_of(serial.as_str()) == Mode::ReadOnly,
        gcode: config.controls.gcode,
        firmware_install: config.controls.firmware_install,
        prices: prices.cloned(),
        metered,
        ignored: Arc::clone(&config.ignored),
        privacy: config.privacy,
        notify_layers: config
            .printer(serial.as_str())
            .map(|printer| Arc::clone(&printer.notify_layers))
            .unwrap_or_default(),
    }
}

/// What its owner calls a printer in the account.
fn given_name(printer: &BoundPrinter) -> Option<String> {
    Some(printer.name.trim().to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = twin::Place(0);
    const B: AccountId = twin::Place(1);

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
        assert!(!missed.is_confirmed(A, &lists([(A, 4, true), (B, 6, true), (twin::Place(2), 0, true)])));
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
        const GONE: AccountId = twin::Place(7);
        assert_eq!(Missed::by(GONE, &lists([(A, 3, true), (B, 0, true)])), None);
        let missed = Missed::by(GONE, &lists([(A, 3, true), (B, 1, true)])).unwrap();
        assert!(!missed.is_confirmed(GONE, &lists([(A, 4, true), (B, 1, true)])));
        assert!(missed.is_confirmed(GONE, &lists([(A, 4, true), (B, 2, true)])));
    }
}
