//! The local broker's side: what comes from Home Assistant, and what is told there.

use bytes::Bytes;
use serde_json::json;
use tracing::{debug, error, warn};

use crate::mqtt::{self, Message, Qos};
use homeassistant::topic::Incoming;
use homeassistant::{GatewayCommand, GatewayView, Kind, Publication, account_key, unknown_levels};
use printer::Now;
use twin::{Ask, Broker, Input};

use super::account::{Account, News};
use super::{AccountId, BIRTH_DELAY, Gateway, RESYNC_BELOW, START_GRACE};

impl Gateway {
    pub(super) fn on_local(&mut self, now: Now, event: mqtt::Event) {
        match event {
            mqtt::Event::Connected => {
                self.local_connected = true;
                let outbox = self.local.outbox();
                for commands in self.topics.commands() {
                    outbox.subscribe(commands, Qos::AtLeastOnce);
                }
                for birth in self.topics.statuses() {
                    outbox.subscribe(birth, Qos::AtMostOnce);
                }
                self.subscribe_meters();
                self.orphans.collect(now, outbox);
                for (_, printer) in self.printers.iter_mut() {
                    printer.looked_up = false;
                }
                self.say_everything(now);
                self.tell_waiting_warnings(now);
            }
            mqtt::Event::Disconnected { .. } => {
                self.local_connected = false;
                self.said_online = false;
                self.resync.clear();
                self.flying.clear();
                self.give_all(now, || Input::Broker(Broker::Down));
            }
            mqtt::Event::Message { topic, payload, retain, .. } => {
                self.on_local_message(now, &topic, &payload, retain);
            }
            mqtt::Event::SubscriptionRefused { topic } => {
                error!(topic, "the local broker refused a subscription: allow this user to read it");
                self.orphans.on_refused(now, &topic);
            }
            mqtt::Event::Delivered(token) => {
                if let Some((serial, number)) = self.flying.remove(&token) {
                    self.give(now, &serial, Input::Broker(Broker::Took(number)));
                }
                for account in self.accounts.values_mut() {
                    account.on_delivered(token);
                }
            }
            mqtt::Event::Subscribed { topic } => self.orphans.on_subscribed(now, &topic),
        }
    }

    pub(super) fn on_local_message(&mut self, now: Now, topic: &str, payload: &[u8], retain: bool) {
        if self.on_meter(now, topic, payload) {
            return;
        }
        if retain && self.orphans.is_of_earlier_prefix(now, topic, payload) {
            self.local.outbox().set(topic, "");
            return;
        }
        match self.topics.parse(topic) {
            Some(Incoming::Discovery { device }) => {
                if retain {
                    self.orphans.on_config(now, device, payload);
                }
            }
            // A retained one is old news: it comes with a new connection, on which everything is told anyway.
            Some(Incoming::Status) if payload == b"online" && !retain => {
                // Several in a row (a reload, a reconnect) are answered once.
                let delay = BIRTH_DELAY.mul_f64(fastrand::f64());
                self.birth_at.get_or_insert(now.mono + delay);
            }
            Some(Incoming::Set { serial, key }) => {
                if retain {
                    // A restart would press the button again.
                    warn!(key, "a retained command is ignored: publish commands without the retain flag");
                    return;
                }
                self.give(now, &serial, Input::Ask(Ask::Set { key, payload }));
            }
            Some(Incoming::BridgeSet { key }) => {
                if retain {
                    warn!(key, "a retained command is ignored: publish commands without the retain flag");
                    return;
                }
                self.on_bridge_command(now, key, payload);
            }
            Some(Incoming::Action { serial, key, name }) => {
                if retain {
                    warn!(name, "a retained action is ignored: publish actions without the retain flag");
                    return;
                }
                self.give(now, &serial, Input::Ask(Ask::Action { key, name, payload }));
            }
            Some(Incoming::State { serial }) => {
                if retain {
                    self.orphans.on_document(serial);
                }
            }
            Some(Incoming::Status) | None => {}
        }
    }

    /// Copies a message of or to a printer to the local broker, as it is. A mirror may have gaps; memory has
    /// an end, so a broker that cannot keep up misses some.
    pub(super) fn mirror_raw(&self, topic: String, payload: impl Into<Bytes>) {
        if self.local_connected && self.local.outbox().len() < RESYNC_BELOW {
            self.local.outbox().send(Message::new(topic, payload));
        }
    }

    /// Does what somebody asks of the gateway itself. The payload may be a code: it is never shown.
    fn on_bridge_command(&mut self, now: Now, key: &str, payload: &[u8]) {
        let command = match GatewayCommand::parse(&self.view, key, payload) {
            Ok(command) => command,
            Err(reason) => return self.tell_bridge(now, key, "refused", Some(reason)),
        };
        let id_of =
            |place: usize| self.accounts.iter().find(|(_, a)| a.number() == place + 1).map(|(id, _)| *id);
        match command {
            GatewayCommand::RequestCode(place) | GatewayCommand::LoginCode(place, _) => {
                let Some(id) = id_of(place) else { return };
                let Some(account) = self.accounts.get_mut(&id) else { return };
                match command {
                    GatewayCommand::LoginCode(_, code) => account.submit(now, code, &mut self.tasks),
                    _ => account.request_code(now, &mut self.tasks),
                }
                self.look_at = now.mono;
                self.tell_bridge(now, key, "accepted", None);
                self.after_account(now, id);
            }
            GatewayCommand::RefreshPrinters => {
                let tasks = &mut self.tasks;
                let asked: Vec<_> =
                    self.accounts.iter_mut().map(|(id, a)| (*id, a.refresh(now, tasks))).collect();
                // One that looks is enough; the others say why not only where none does.
                match asked.iter().find_map(|(_, asked)| asked.as_ref().err()) {
                    Some(reason) if asked.iter().all(|(_, asked)| asked.is_err()) => {
                        self.tell_bridge(now, key, "refused", Some(reason));
                    }
                    _ => self.tell_bridge(now, key, "accepted", None),
                }
                for (id, _) in asked {
                    self.after_account(now, id);
                }
                // A device that somebody deleted in Home Assistant is there again.
                self.birth_at.get_or_insert(now.mono + BIRTH_DELAY / 3);
            }
        }
    }

    /// Tells what became of something that a person asked of an account.
    pub(super) fn tell_bridge_outcome(
        &mut self,
        now: Now,
        id: AccountId,
        key: &str,
        (outcome, reason): (&str, Option<&str>),
    ) {
        let number = self.accounts.get(&id).map_or(1, Account::number);
        let key = if key == "refresh_printers" { key.to_owned() } else { account_key(key, number) };
        self.tell_bridge(now, &key, outcome, reason);
    }

    /// Tells what happened to an account, for automations; whoever was not listening has the account's state.
    /// A warning waits for the broker: the state says so for days, and only the event is an alarm.
    pub(super) fn tell_account_event(&mut self, now: Now, id: AccountId, news: News) {
        let Some(account) = self.accounts.get_mut(&id).filter(|_| self.local_connected) else { return };
        let login = account.view(now);
        let body = json!({
            "event_type": news.word(),
            "account": account.number(),
            "reason": &*login.reason,
            "next_step": &*login.next_step,
            "days_left": login.days_left,
            "expires_at": login.expires_at.map(|end| end.to_string()),
        });
        let topic = self.topics.bridge_event(&account_key("account", account.number()));
        let sent = self.local.outbox().send(Message::new(topic, body.to_string()).at_least_once());
        if matches!(news, News::Expiring(_)) {
            account.warning_sent(sent);
        }
    }

    /// Tells the warnings that the broker has not taken: it was not there when they were due, as at a start.
    fn tell_waiting_warnings(&mut self, now: Now) {
        let waiting: Vec<_> =
            self.accounts.iter().filter_map(|(id, account)| Some((*id, account.warning()?))).collect();
        for (id, news) in waiting {
            self.tell_account_event(now, id, news);
        }
    }

    fn tell_bridge(&mut self, now: Now, key: &str, outcome: &str, reason: Option<&str>) {
        if let Some(reason) = reason {
            warn!(key, outcome, reason, "command to the gateway");
        } else {
            debug!(key, outcome, "command to the gateway");
        }
        let mut body = json!({ "outcome": outcome });
        if let (Some(body), Some(reason)) = (body.as_object_mut(), reason) {
            body.insert("reason".into(), reason.into());
        }
        self.local.outbox().send(Message::new(self.topics.bridge_result(key), body.to_string()));
        if self.local_connected {
            // What was typed shall not stay, whatever becomes of it.
            let mut publications = Vec::new();
            self.mirror.republish(now, key, &self.view, &mut publications);
            self.publish(publications.into_iter());
        }
    }

    /// Hands what is to be published to the local broker; gives back the devices that were to be taken off it and
    /// that a printer has.
    pub(super) fn publish(&self, publications: impl Iterator<Item = Publication>) -> Vec<String> {
        let mut kept = Vec::new();
        let outbox = self.local.outbox();
        for Publication { kind, topic, payload } in publications.filter(|_| self.local_connected) {
            if kind == Kind::Withdrawn
                && let Some(device) = self.announced(&topic)
            {
                // An AMS was plugged into another printer, whose device it is now.
                kept.push(device);
                continue;
            }
            if kind.may_be_replaced() {
                outbox.set(topic, payload);
            } else {
                let message = Message::new(topic, payload);
                outbox.send(if kind.is_retained() { message.retained() } else { message });
            }
        }
        kept
    }

    /// The device that a printer announces on this topic.
    fn announced(&self, topic: &str) -> Option<String> {
        match self.topics.parse(topic) {
            Some(Incoming::Discovery { device })
                if self.printers.iter().any(|(_, p)| p.twin.announces(device)) =>
            {
                Some(device.to_owned())
            }
            _ => None,
        }
    }

    /// The broker may know nothing of us, or Home Assistant may have missed it.
    pub(super) fn say_everything(&mut self, now: Now) {
        let mut publications = Vec::new();
        self.mirror.resend(now, &self.view, &mut publications);
        self.publish(publications.into_iter());
        self.tell_printers_again(now);
    }

    /// Tells printers from the start, as many as the local broker can take for now.
    pub(super) fn resync(&mut self, now: Now) {
        for _ in 0..self.resync.len() {
            if !self.local_connected || self.local.outbox().len() >= RESYNC_BELOW {
                return;
            }
            let Some(serial) = self.resync.pop_front() else { return };
            let Some(printer) = self.printers.get_mut(&serial) else { continue };
            let unknown = printer.twin.snapshot().capabilities.is_none() && !printer.looked_up;
            let mut earlier = None;
            if unknown {
                earlier = self.orphans.knows(now, &self.topics.printer_id(&serial));
                if earlier.is_none() {
                    // What the broker has kept of an earlier run may still come.
                    self.resync.push_back(serial);
                    continue;
                }
                printer.looked_up = true;
            }
            self.give(now, &serial, Input::Broker(Broker::Tell(earlier)));
        }
    }

    /// Says that the gateway is there, once the broker was told of every printer: one that was not heard yet is
    /// `offline` on its own topic, so nothing of an earlier run looks fresh, and none waits for another.
    pub(super) fn say_online_at_last(&mut self, now: Now) {
        if self.said_online || !self.local_connected || !self.resync.is_empty() {
            return;
        }
        let known = self.accounts.values().all(Account::knows_printers) && self.units.has_begun();
        if known || now.mono >= START_GRACE {
            self.said_online = true;
            for serial in self.orphans.unused(self.printers.iter().map(|(serial, _)| serial)) {
                self.local.outbox().set(self.topics.availability(&serial), "offline");
                // What stays readable while a printer is away is of that run, too: whether it may be switched off now,
                // nobody knows.
                for Publication { topic, payload, .. } in unknown_levels(&self.topics, &serial) {
                    self.local.outbox().set(topic, payload);
                }
            }
            self.say_online();
        }
    }

    pub(super) fn say_online(&self) {
        self.local.outbox().set(self.topics.bridge_availability(), "online");
    }

    pub(super) fn update_bridge(&mut self, now: Now) {
        self.view_changed = false;
        let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let mut accounts: Vec<&Account> = self.accounts.values().collect();
        accounts.sort_by_key(|account| account.number());
        let view = GatewayView {
            cloud_connected: accounts.iter().all(|account| account.channel.is_connected()),
            accounts: accounts.iter().map(|account| account.view(now)).collect(),
            printers: count(self.printers.len()),
            printers_online: count(self.printers.count(|standing| standing.online)),
            printers_printing: count(self.printers.count(|standing| standing.printing)),
            printers_idle: count(self.printers.count(|standing| standing.online && !standing.printing)),
            report_rate: self.reports.rate,
            reconnects: self.reports.lost,
            printers_attention: count(self.printers.count(|standing| standing.attention)),
            state_problem: self.records.problem().map(str::to_owned),
            ..self.view.clone()
        };
        if view != self.view {
            self.view = view;
            if self.local_connected {
                let mut publications = Vec::new();
                self.mirror.update(now, &self.view, &mut publications);
                self.publish(publications.into_iter());
            }
        }
    }
}
