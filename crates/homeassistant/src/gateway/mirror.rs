//! What Home Assistant was told of the gateway itself, and what makes the difference.

use std::sync::Arc;
use std::time::Duration;

use printer::{Capabilities, Now};

use crate::catalog::{ACCOUNT, GATEWAY};
use crate::discovery::{self, Message, account_key};
use crate::entity::Entity;
use crate::names::Names;
use crate::publication::{Kind, Publication};
use crate::rows::{Cell, Rows, remove_topics};
use crate::topic::Topics;

use super::{AccountView, GatewayView};

/// What Home Assistant was told of the gateway itself.
pub struct GatewayMirror {
    topics: Arc<Topics>,
    discovery: bool,
    names: Names,
    announced: Option<Message>,
    /// Whether each account's name is known: what, with their number, decides which entities there are.
    shape: Vec<bool>,
    cells: Vec<Cell>,
    accounts: Vec<Vec<Cell>>,
}

impl GatewayMirror {
    /// A gateway of which nothing was told yet.
    pub fn new(topics: Arc<Topics>, names: Names, discovery: bool) -> Self {
        let cells = vec![Cell::default(); GATEWAY.len()];
        Self { topics, discovery, names, announced: None, shape: Vec::new(), cells, accounts: Vec::new() }
    }

    /// Tells what changed.
    pub fn update(&mut self, now: Now, gateway: &GatewayView, out: &mut Vec<Publication>) {
        self.announce(gateway, out);
        let topics = &self.topics;
        let shows = |at: usize| GATEWAY.get(at).is_some_and(|row| row.platform.has_value());
        Rows {
            table: GATEWAY,
            cells: &mut self.cells,
            topic: &|key| topics.bridge(key),
            settles: Duration::ZERO,
            held: &mut None,
        }
        .publish(now, gateway, None, shows, out);
        for (number, (login, cells)) in (1..).zip(gateway.accounts.iter().zip(&mut self.accounts)) {
            let wanted = |at: usize| ACCOUNT.get(at).is_some_and(|row| has(row, login));
            let topic = |key: &str| topics.bridge(&account_key(key, number));
            Rows { table: ACCOUNT, cells, topic: &topic, settles: Duration::ZERO, held: &mut None }
                .publish(now, login, None, wanted, out);
        }
    }

    /// Announces the device when the accounts are others than before, and takes back what those had that are gone.
    fn announce(&mut self, gateway: &GatewayView, out: &mut Vec<Publication>) {
        let shape: Vec<bool> = gateway.accounts.iter().map(|login| login.named).collect();
        if self.announced.is_some() && shape == self.shape {
            return;
        }
        let message = discovery::gateway(&self.topics, &self.names, gateway);
        if self.discovery {
            let topic = self.topics.config(&message.device);
            let kept: Vec<&str> = message.components().collect();
            let lost: Vec<(&str, &str)> = self
                .announced
                .iter()
                .flat_map(Message::components)
                .filter(|id| !kept.contains(id))
                .filter_map(|id| Some((id, discovery::platform_of(id)?)))
                .collect();
            if !lost.is_empty() {
                out.push(Publication::new(Kind::Parting, topic.clone(), message.without(lost)));
            }
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
        for number in gateway.accounts.len() + 1..=self.accounts.len() {
            let mut gone = Vec::new();
            Rows::topics(ACCOUNT, &|key| self.topics.bridge(&account_key(key, number)), &mut gone);
            remove_topics(gone, out);
        }
        self.accounts.resize(gateway.accounts.len(), vec![Cell::default(); ACCOUNT.len()]);
        self.announced = Some(message);
        self.shape = shape;
    }

    /// Tells everything again.
    pub fn resend(&mut self, now: Now, gateway: &GatewayView, out: &mut Vec<Publication>) {
        self.announced = None;
        self.cells.fill(Cell::default());
        self.accounts.clear();
        self.update(now, gateway, out);
    }

    /// Tells one value again, because somebody's command to it came to nothing, or because what they typed shall
    /// not stay.
    pub fn republish(&mut self, now: Now, key: &str, gateway: &GatewayView, out: &mut Vec<Publication>) {
        for (number, cells) in (1..).zip(&mut self.accounts) {
            for (row, cell) in ACCOUNT.iter().zip(cells) {
                if account_key(row.key, number) == key {
                    *cell = Cell::default();
                }
            }
        }
        self.update(now, gateway, out);
    }

    /// The ids of the components that the device has now.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.announced.iter().flat_map(Message::components)
    }

    /// Takes components off the device that an earlier run of the program announced.
    pub fn remove_components<'a>(&self, gone: &[(&'a str, &'a str)], out: &mut Vec<Publication>) {
        if let Some(message) = &self.announced {
            let topic = self.topics.config(&message.device);
            let parting = message.without(gone.iter().copied());
            out.push(Publication::new(Kind::Parting, topic.clone(), parting));
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
    }
}

/// Whether an account publishes this row.
fn has(row: &Entity<AccountView>, login: &AccountView) -> bool {
    row.platform.has_value() && (row.needs)(&Capabilities::default(), login)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::tests::{gateway, named};
    use super::*;

    fn mirror() -> GatewayMirror {
        let topics = Topics { base: "b".into(), discovery: "homeassistant".into(), id_prefix: "b".into() };
        GatewayMirror::new(Arc::new(topics), Names::default(), true)
    }

    const NOW: Now = Now { mono: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };

    #[test]
    fn a_second_account_has_entities_of_its_own_and_loses_them_with_it() {
        let (mut mirror, mut out) = (mirror(), Vec::new());
        mirror.update(NOW, &gateway(vec![named()]), &mut out);
        let first: Vec<String> = mirror.components().map(str::to_owned).collect();
        assert!(
            first.iter().any(|id| id == "text_login_code") && first.iter().any(|id| id == "sensor_account")
        );
        out.clear();
        mirror.update(NOW, &gateway(vec![named(), AccountView::default()]), &mut out);
        let has = |id: &str| mirror.components().any(|known| known == id);
        assert!(has("sensor_account_2") && has("sensor_token_expires_2") && has("sensor_account"));
        assert!(!has("text_login_code_2"), "nobody can ask for a code without a name");
        let config = out.iter().find(|p| p.kind == Kind::Discovery).unwrap();
        assert!(config.payload.contains(r#""name":"Account 2 login expires""#), "{}", config.payload);
        assert!(out.iter().any(|p| p.topic == "b/bridge/account_2" && p.payload == "offline"));
        out.clear();
        mirror.update(NOW, &gateway(vec![named()]), &mut out);
        assert!(out[0].payload.contains(r#""sensor_account_2":{"p":"sensor"}"#), "{out:?}");
        assert!(!out[1].payload.contains("account_2"));
        assert!(out.iter().any(|p| p.topic == "b/bridge/account_2" && p.payload.is_empty()));
        assert!(mirror.components().map(str::to_owned).eq(first));
    }

    #[test]
    fn what_was_typed_is_cleared_by_telling_the_value_again() {
        let (mut mirror, mut out) = (mirror(), Vec::new());
        let one = gateway(vec![named()]);
        mirror.update(NOW, &one, &mut out);
        out.clear();
        mirror.update(NOW, &one, &mut out);
        assert!(out.is_empty());
        mirror.republish(NOW, "login_code", &one, &mut out);
        assert_eq!(out, [Publication::new(Kind::Value, "b/bridge/login_code", "None")]);
    }
}
