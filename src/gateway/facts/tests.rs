use super::*;

const SERIAL: &str = "01P00A000000001";

fn now(seconds: u64) -> Now {
    let wall: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let mono = Duration::from_secs(seconds);
    Now { mono, wall: wall + mono }
}

fn messages(ids: &[u64]) -> Vec<domain::Message> {
    ids.iter().map(|id| domain::Message { id: id.to_string().into(), ..domain::Message::default() }).collect()
}

struct Scene {
    _folder: tempfile::TempDir,
    state: Arc<StateDir>,
    facts: Facts,
    serial: Serial,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(StateDir::open(&folder.path().join("state")).unwrap());
        let facts = Facts::open(&state);
        Self { _folder: folder, state, facts, serial: Serial::new(SERIAL) }
    }

    fn add(&mut self, id: AccountId, place: usize, label: &str) {
        self.facts.add(now(0), &self.serial, id, (place, label));
    }

    /// The numbers of the messages that are told.
    fn told(&mut self, id: AccountId, ids: &[u64]) -> Vec<String> {
        self.facts.on_messages(now(1), id, messages(ids)).into_iter().map(|m| m.id.to_string()).collect()
    }

    /// The program ends and starts again.
    fn restart(&mut self) {
        self.facts.close();
        self.facts = Facts::open(&self.state);
    }
}

#[test]
fn an_account_that_is_begun_anew_tells_no_message_twice() {
    let mut scene = Scene::new();
    scene.add(0, 0, "a");
    assert!(scene.told(0, &[1, 2]).is_empty(), "the first look is at what was there before");
    assert_eq!(scene.told(0, &[1, 2, 3]), ["3"]);
    scene.facts.keep_accounts(now(2), |_| false);
    scene.add(1, 0, "a");
    assert_eq!(scene.told(1, &[1, 2, 3, 4]), ["4"]);
}

#[test]
fn what_is_known_of_an_account_is_its_own_wherever_it_stands_in_the_configuration() {
    let mut scene = Scene::new();
    scene.add(0, 0, "a");
    scene.add(1, 1, "b");
    scene.told(0, &[5]);
    scene.told(1, &[100]);
    scene.facts.desks.get_mut(&1).unwrap().kept.names =
        Arc::new(Names::from([("P8d19ba6".into(), "Mine".into())]));
    scene.restart();
    scene.add(0, 0, "b");
    scene.add(1, 1, "a");
    assert_eq!(scene.told(1, &[5, 6]), ["6"]);
    assert!(scene.told(0, &[100]).is_empty());
    assert_eq!(scene.facts.desks[&0].kept.names.len(), 1);
    assert!(scene.facts.desks[&1].kept.names.is_empty());
}
