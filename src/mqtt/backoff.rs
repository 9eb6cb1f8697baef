//! How long to wait before the next attempt to connect: attempt number and jitter in, pause out.
//!
//! Pure arithmetic; it must not know what a connection is, and asks neither clock nor dice.

use std::time::Duration;

/// A connection that held this long was good: the next pause is the first one again.
pub const GOOD_AFTER: Duration = Duration::from_secs(60);

/// Pauses of the cloud. Its operator announced limits for third-party clients, and at most five
/// connects in five minutes are known to be tolerated: attempts at 0, 10, 40, 130 and 430 s
/// leave room for one that a new token triggers.
const CLOUD: [u64; 4] = [10, 30, 90, 300];

/// The longest pause towards a local broker.
const LOCAL_LONGEST: u64 = 120;

/// How patient a link is, and whether it may go on without help after a refused login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A broker in the house: 1 s doubling to 2 min, and it never gives up.
    Local,
    /// The vendor's cloud: 10, 30, 90, 300 s, and a refused login waits for a new token.
    Cloud,
}

impl Pace {
    /// The pause after the `failures`-th failure in a row (1 is the first).
    ///
    /// `jitter` is a random number from 0 to 1. It shortens the local pause by up to a quarter,
    /// so that gateways which lost the same broker do not return in step, and lengthens the
    /// cloud's by up to a quarter, because less would break its connect rate.
    pub fn pause(self, failures: u32, jitter: f64) -> Duration {
        let step = failures.saturating_sub(1);
        let jitter = jitter.clamp(0.0, 1.0);
        match self {
            Self::Local => {
                let seconds = 1_u64.checked_shl(step).map_or(LOCAL_LONGEST, |s| s.min(LOCAL_LONGEST));
                Duration::from_secs(seconds).mul_f64(1.0 - jitter / 4.0)
            }
            Self::Cloud => {
                let [.., last] = CLOUD;
                let seconds =
                    usize::try_from(step).ok().and_then(|step| CLOUD.get(step)).copied().unwrap_or(last);
                Duration::from_secs(seconds).mul_f64(1.0 + jitter / 4.0)
            }
        }
    }

    /// The pause after the broker refused the login, or `None` to wait until someone brings
    /// another one. A local broker's password is usually being put right on the other side.
    pub fn pause_after_refusal(self, jitter: f64) -> Option<Duration> {
        match self {
            Self::Local => Some(self.pause(u32::MAX, jitter)),
            Self::Cloud => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(pace: Pace, jitter: f64) -> Vec<u64> {
        (1..=10).map(|n| pace.pause(n, jitter).as_secs()).collect()
    }

    #[test]
    fn local_doubles_up_to_two_minutes() {
        assert_eq!(seconds(Pace::Local, 0.0), [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        assert_eq!(Pace::Local.pause(64, 0.0), Duration::from_secs(120));
        assert_eq!(Pace::Local.pause(65, 0.0), Duration::from_secs(120));
        assert_eq!(Pace::Local.pause(u32::MAX, 0.0), Duration::from_secs(120));
    }

    #[test]
    fn local_jitter_only_shortens_and_never_to_nothing() {
        for failures in 0..100 {
            let longest = Pace::Local.pause(failures, 0.0);
            let shortest = Pace::Local.pause(failures, 1.0);
            assert!(shortest < longest && shortest >= Duration::from_millis(750), "{failures}");
        }
    }

    #[test]
    fn cloud_jitter_only_lengthens() {
        assert_eq!(seconds(Pace::Cloud, 0.0), [10, 30, 90, 300, 300, 300, 300, 300, 300, 300]);
        assert_eq!(seconds(Pace::Cloud, 1.0), [12, 37, 112, 375, 375, 375, 375, 375, 375, 375]);
    }

    #[test]
    fn cloud_connects_at_most_five_times_in_five_minutes() {
        let mut starts = vec![Duration::ZERO];
        for failures in 1..50 {
            starts.push(*starts.last().unwrap() + Pace::Cloud.pause(failures, 0.0));
        }
        for (i, start) in starts.iter().enumerate() {
            let within = starts[i..].iter().take_while(|s| **s <= *start + Duration::from_secs(300)).count();
            assert!(within <= 5, "{within} connects in the five minutes after {start:?}");
        }
    }

    #[test]
    fn cloud_stays_under_its_rate_when_each_connection_is_barely_good() {
        // Every connection holds for `GOOD_AFTER` and is lost, so each pause is the first one.
        let cycle = GOOD_AFTER + Pace::Cloud.pause(1, 0.0);
        assert!(Duration::from_secs(300).as_secs() / cycle.as_secs() < 5);
    }

    #[test]
    fn a_refused_login_waits_for_help_in_the_cloud_and_goes_slowly_at_home() {
        assert_eq!(Pace::Cloud.pause_after_refusal(0.5), None);
        assert_eq!(Pace::Local.pause_after_refusal(0.0), Some(Duration::from_secs(120)));
    }

    #[test]
    fn nonsense_jitter_is_clamped() {
        assert_eq!(Pace::Local.pause(1, -5.0), Duration::from_secs(1));
        assert_eq!(Pace::Cloud.pause(1, 9.0), Duration::from_millis(12_500));
    }
}
