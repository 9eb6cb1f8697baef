//! Which devices of a printer are announced, with which components, and what must be taken back.

use printer::{Ams, Snapshot};

use crate::catalog::PRINTER;
use crate::discovery::{self, platform_of};
use crate::entity::Published;
use crate::publication::{Kind, Publication};
use crate::rows::hash;
use crate::topic::Part;

use super::Mirror;

/// What was last announced of a device, to see whether that changed and what must be taken back.
pub(super) struct Announced {
    /// The component ids, space-separated: small to keep and rarely read.
    components: Box<str>,
    hash: u64,
}

impl Announced {
    fn of(message: &discovery::Message, payload: &str) -> Self {
        let components = message.components().collect::<Vec<_>>().join(" ");
        Self { components: components.into(), hash: hash(payload) }
    }
}

impl Mirror {
    /// The ids of the devices that are announced now.
    pub fn devices(&self) -> Vec<String> {
        let own = self.announced.is_some().then(|| self.topics.printer_id(&self.serial));
        own.into_iter().chain(self.children.iter().map(|child| child.device.clone())).collect()
    }

    /// The component ids that a device has now, if it is one of this printer's.
    pub fn components(&self, device: &str) -> Option<impl Iterator<Item = &str>> {
        let announced = if device == self.topics.printer_id(&self.serial) {
            self.announced.as_ref()
        } else {
            self.children.iter().find(|child| child.device == device)?.announced.as_ref()
        };
        Some(announced?.components.split(' '))
    }

    /// The topics among these that what is announced now does not name, and on which nothing is told: a control and a
    /// sensor of the same thing have one topic, and either may take the other's place.
    pub fn unnamed<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let messages = self.snapshot.as_ref().map(|snapshot| self.messages(snapshot)).unwrap_or_default();
        let named = |topic: &str| messages.iter().any(|message| message.names(topic));
        let told = |topic: &str| {
            let rows = PRINTER.iter().zip(&self.cells).filter(|(_, cell)| cell.value != Published::Never);
            rows.map(|(row, _)| self.topics.value(&self.serial, Part::Printer, row.key))
                .any(|own| own == topic)
        };
        topics.into_iter().filter(|topic| !named(topic) && !told(topic)).collect()
    }

    /// Takes components off a device that an earlier run of the program announced: once with nothing but their
    /// platform, then without them. Home Assistant keeps one that is only left out.
    pub fn remove_components<'a>(
        &self,
        device: &str,
        gone: &[(&'a str, &'a str)],
        out: &mut Vec<Publication>,
    ) {
        let Some(snapshot) = self.snapshot.as_ref() else { return };
        let message = self.messages(snapshot).into_iter().find(|message| message.device == device);
        if let Some(message) = message {
            let topic = self.topics.config(device);
            let parting = message.without(gone.iter().copied());
            out.push(Publication::new(Kind::Parting, topic.clone(), parting));
            out.push(Publication::new(Kind::Discovery, topic, message.payload()));
        }
    }

    fn messages(&self, snapshot: &Snapshot) -> Vec<discovery::Message> {
        let (topics, names, slug) = (&*self.topics, &self.names, &*self.slug);
        let ams = snapshot.ams.iter().filter(|ams| ams.is_announced());
        let mut all = vec![discovery::printer(topics, names, slug, snapshot)];
        all.extend(ams.map(|ams| discovery::ams(topics, names, slug, snapshot, ams)));
        all.extend(
            snapshot.external.iter().map(|spool| discovery::external(topics, names, slug, snapshot, spool)),
        );
        all
    }

    /// Announces what is new or different, and takes back what is gone.
    pub(super) fn announce(&mut self, snapshot: &Snapshot, out: &mut Vec<Publication>) {
        if self.earlier_known && snapshot.capabilities.is_none() {
            return;
        }
        self.fit_children(snapshot, out);
        for message in self.messages(snapshot) {
            let known = if message.device == self.topics.printer_id(&self.serial) {
                &mut self.announced
            } else if let Some(child) = self.children.iter_mut().find(|child| child.device == message.device)
            {
                &mut child.announced
            } else {
                continue;
            };
            let payload = message.payload();
            let new = Announced::of(&message, &payload);
            if known.as_ref().is_some_and(|known| known.hash == new.hash) {
                continue;
            }
            if self.discovery {
                let topic = self.topics.config(&message.device);
                let lost: Vec<(&str, &str)> = known
                    .iter()
                    .flat_map(|known| known.components.split(' '))
                    .filter(|id| !id.is_empty() && !new.components.split(' ').any(|kept| kept == *id))
                    .filter_map(|id| Some((id, platform_of(id)?)))
                    .collect();
                if !lost.is_empty() {
                    out.push(Publication::new(Kind::Parting, topic.clone(), message.without(lost)));
                }
                out.push(Publication::new(Kind::Discovery, topic, payload));
            }
            *known = Some(new);
        }
    }

    pub(super) fn remove_config(&self, device: &str, out: &mut Vec<Publication>) {
        if self.discovery {
            out.push(Publication::withdrawn(self.topics.config(device)));
        }
    }
}

/// Whether anything that the discovery messages are made of is another than before, or anything that decides
/// which entities there are.
pub(super) fn shape_differs(before: &Snapshot, now: &Snapshot) -> bool {
    let ams = |ams: &Ams| (ams.id, ams.kind, ams.settled, ams.slots.len(), ams.can);
    // First as a whole: mostly they are one and the same.
    let other_units = || {
        before.ams.len() != now.ams.len()
            || before.ams.iter().zip(now.ams.iter()).any(|(a, b)| {
                ams(a) != ams(b) || a.serial != b.serial || a.naming != b.naming || a.firmware != b.firmware
            })
    };
    let other_external = || {
        before.external.len() != now.external.len()
            || before.external.iter().zip(now.external.iter()).any(|(a, b)| a.slot.tells_k != b.slot.tells_k)
    };
    before.identity != now.identity
        || before.policy.name != now.policy.name
        || before.capabilities != now.capabilities
        || before.beyond != now.beyond
        || before.policy.read_only != now.policy.read_only
        || before.known.levels.withheld != now.known.levels.withheld
        || before.policy.privacy != now.policy.privacy
        || before.policy.metered != now.policy.metered
        || before.policy.notify_layers.is_empty() != now.policy.notify_layers.is_empty()
        || discovery::currency(before) != discovery::currency(now)
        || (before.external != now.external && other_external())
        || discovery::offers_install(before) != discovery::offers_install(now)
        || discovery::picture_types(before) != discovery::picture_types(now)
        || (before.ams != now.ams && other_units())
}
