//! How long to wait before the next attempt to connect: attempt number and jitter in, pause out.
//!
//! Pure arithmetic; it must not know what a connection is, and asks neither clock nor dice.

use std::time::Duration;

use crate::window::Window;

/// A connection that held this long was good: the next pause is the first one again.
pub const GOOD_AFTER: Duration = Duration::from_secs(60);

/// Pauses of the cloud. Its operator announced limits for third-party clients, and at most five
/// connects in five minutes are known to be tolerated: attempts at 0, 10, 40, 130 and 430 s
/// leave room for one that a new token triggers.
const CLOUD: [u64; 4] = [10, 30, 90, 300];

/// Attempts towards the cloud that may begin within [`WITHIN`], whoever asks for them: pauses, a new token, a
/// person, a connection that just counts as good. Five are known to be tolerated (protocol 2.1); one less is
/// left to another program of the same household.
const MOST: usize = 4;

/// See [`MOST`]; a second longer than the rate is counted in, because the other end reads another clock.
const WITHIN: Duration = Duration::from_secs(301);

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

    /// How many attempts at one broker may begin, the one limit that nothing goes around; `None` for a broker in the
    /// house, which never minds.
    pub(super) fn limit(self) -> Option<Window> {
        match self {
            Self::Local => None,
            Self::Cloud => Some(Window::new(MOST, WITHIN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// What happens to a link, as it may follow one another.
    #[derive(Debug, Clone, Copy)]
    enum Story {
        /// The attempt fails after so many seconds.
        Fails(u64),
        /// It connects, and the connection is cut after so many seconds.
        Cut(u64),
        /// It is refused, and somebody brings a token or says `retry` after so many seconds.
        Refused(u64),
        /// The same while the link waits for its next attempt.
        Hurried(u64),
    }

    fn stories() -> impl Strategy<Value = Story> {
        prop_oneof![
            (0..25_u64).prop_map(Story::Fails),
            (0..200_u64).prop_map(Story::Cut),
            (0..30_u64).prop_map(Story::Refused),
            (0..30_u64).prop_map(Story::Hurried),
        ]
    }

    /// Lives through a story as the poller does; the moments at which it tries to connect.
    fn attempts(story: &[Story], jitter: f64) -> Vec<Duration> {
        let (mut now, mut failures, mut limit) = (Duration::ZERO, 0_u32, Pace::Cloud.limit().unwrap());
        let mut begun = Vec::new();
        for event in story {
            now += limit.wait(now);
            limit.take(now);
            begun.push(now);
            let seconds = Duration::from_secs;
            if matches!(event, Story::Cut(held) if seconds(*held) >= GOOD_AFTER) {
                failures = 0;
            }
            failures += 1;
            let pause = Pace::Cloud.pause(failures, jitter);
            now += match *event {
                Story::Fails(after) | Story::Cut(after) => seconds(after) + pause,
                Story::Refused(after) => seconds(after),
                Story::Hurried(after) => seconds(after).min(pause),
            };
        }
        begun
    }

    proptest! {
        #[test]
        fn under_five_connects_in_five_minutes_whatever_happens(
            story in prop::collection::vec(stories(), 1..60), jitter in 0.0..1.0,
        ) {
            let begun = attempts(&story, jitter);
            for (at, start) in begun.iter().enumerate() {
                let within = begun[at..].iter().take_while(|b| **b <= *start + Duration::from_secs(300)).count();
                prop_assert!(within < 5, "{within} within five minutes of {start:?}: {begun:?}");
            }
        }
    }

    #[test]
    fn the_first_attempts_need_not_wait_and_a_broker_in_the_house_never_minds() {
        let mut limit = Pace::Cloud.limit().unwrap();
        for second in 0..4 {
            assert_eq!(limit.permit(Duration::from_secs(second)), Ok(()));
        }
        assert_eq!(limit.wait(Duration::from_secs(4)), Duration::from_secs(297));
        assert_eq!(limit.wait(Duration::from_secs(301)), Duration::ZERO);
        assert!(Pace::Local.limit().is_none());
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
