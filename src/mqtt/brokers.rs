//! The attempts to connect of a whole process, by broker: what counts for a broker is not which link tries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Pace;
use crate::window::Window;

/// The attempts at each broker. Clones share what they count, so that a link that takes another's place, or a
/// gateway that begins anew, goes on from where the one before was.
#[derive(Debug, Clone)]
pub struct Brokers {
    /// What moments are counted from.
    began: Instant,
    attempts: Arc<Mutex<BTreeMap<String, Window>>>,
}

impl Brokers {
    /// With nothing counted yet.
    #[allow(clippy::disallowed_methods, reason = "the edge: attempts are counted by a steady clock")]
    pub fn new() -> Self {
        Self { began: Instant::now(), attempts: Arc::default() }
    }

    /// Begins an attempt at this broker if there may be one now, or says how long it has to wait.
    pub(super) fn permit(&self, broker: &str, pace: Pace, now: Instant) -> Result<(), Duration> {
        let Some(limit) = pace.limit() else { return Ok(()) };
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.entry(broker.to_owned()).or_insert(limit).permit(now.saturating_duration_since(self.began))
    }
}

impl Default for Brokers {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::task::JoinSet;

    use super::*;
    use crate::mqtt::{Event, Link, Options};

    #[test]
    fn all_who_try_one_broker_share_its_limit() {
        let brokers = Brokers::new();
        let other = brokers.clone();
        let at = |seconds| brokers.began + Duration::from_secs(seconds);
        let permit = |of: &Brokers, broker, seconds| of.permit(broker, Pace::Cloud, at(seconds));
        for second in [0, 1] {
            assert_eq!(permit(&brokers, "us:8883", second), Ok(()));
            assert_eq!(permit(&other, "us:8883", second), Ok(()));
        }
        assert_eq!(permit(&other, "us:8883", 2), Err(Duration::from_secs(299)));
        assert_eq!(permit(&other, "cn:8883", 2), Ok(()), "another broker counts for itself");
        drop(other);
        // As many as there were at the beginning, whoever waited for it.
        assert_eq!(permit(&brokers, "us:8883", 301), Ok(()));
        assert_eq!(permit(&brokers, "us:8883", 301), Ok(()));
        assert_eq!(permit(&brokers, "us:8883", 301), Err(Duration::from_secs(1)));
        assert_eq!(brokers.permit("us:8883", Pace::Local, at(301)), Ok(()), "one in the house never minds");
    }

    #[tokio::test(start_paused = true)]
    #[allow(clippy::disallowed_methods, reason = "the clock of a test, which stands still")]
    async fn a_link_that_takes_another_s_place_waits_where_that_one_would_have_waited() {
        let (brokers, start) = (Brokers::new(), Instant::now());
        let mut tried = Vec::new();
        for _ in 0..5 {
            let options = Options {
                name: "cloud".into(),
                host: "127.0.0.1".into(),
                // Nobody listens there.
                port: 1,
                tls: None,
                client_id: "gateway".into(),
                credentials: None,
                last_will: None,
                keep_alive: Duration::from_secs(30),
                pace: Pace::Cloud,
            };
            let (sender, mut inbox) = mpsc::channel(4);
            let mut tasks = JoinSet::new();
            let link = Link::start_among(&brokers, &mut tasks, options, sender, |event| event);
            assert!(matches!(inbox.recv().await, Some(Event::Disconnected { lasted: None, .. })));
            tried.push(start.elapsed());
            link.close(None).await;
        }
        assert!(tried[3] < Duration::from_secs(200), "four may follow one another: {tried:?}");
        assert!(tried[4] >= Duration::from_secs(301), "{tried:?}");
    }
}
