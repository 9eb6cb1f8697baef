//! A sliding window: at most so many of something within any span of a given length.
//!
//! Pure; a moment is a duration since whatever its owner counts from.

use std::collections::VecDeque;
use std::time::Duration;

/// Remembers when the last ones were taken, to know how soon the next one may be.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    most: usize,
    span: Duration,
    /// In the order of time, and no more of them than matter.
    taken: VecDeque<Duration>,
}

impl Window {
    /// Of which nothing is taken yet.
    pub(crate) const fn new(most: usize, span: Duration) -> Self {
        Self { most, span, taken: VecDeque::new() }
    }

    /// How long the next one has to wait; nothing when it need not.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        // With the oldest of the last `most` still in the span, another would be one too many.
        let oldest = self.taken.len().checked_sub(self.most).and_then(|at| self.taken.get(at));
        oldest.map_or(Duration::ZERO, |oldest| (*oldest + self.span).saturating_sub(now))
    }

    /// Takes one now, also where it should have waited.
    pub(crate) fn take(&mut self, now: Duration) {
        if self.taken.len() >= self.most {
            self.taken.pop_front();
        }
        self.taken.push_back(now);
    }

    /// Takes one now if it need not wait, or says how long it has to.
    pub(crate) fn permit(&mut self, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.take(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_next_one_waits_until_the_oldest_has_left_the_window() {
        let mut window = Window::new(3, secs(10));
        for second in [0, 4, 5] {
            assert_eq!(window.permit(secs(second)), Ok(()));
        }
        assert_eq!(window.permit(secs(6)), Err(secs(4)));
        assert_eq!(window.wait(secs(6)), secs(4), "to ask takes nothing");
        assert_eq!(window.permit(secs(10)), Ok(()));
        assert_eq!(window.permit(secs(10)), Err(secs(4)), "and then on the next one");
        assert_eq!(window.permit(secs(1000)), Ok(()));
    }

    #[test]
    fn what_is_taken_all_the_same_counts() {
        let mut window = Window::new(1, secs(10));
        window.take(secs(0));
        window.take(secs(5));
        assert_eq!(window.wait(secs(6)), secs(9));
    }

    proptest! {
        #[test]
        fn no_span_holds_more_whatever_is_asked(
            most in 1..6_usize, span in 1..30_u64, steps in prop::collection::vec(0..8_u64, 1..200),
        ) {
            let mut window = Window::new(most, secs(span));
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                match window.permit(secs(now)) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        // It says the whole truth: a moment earlier is too early, and then it may be.
                        let then = secs(now) + wait;
                        prop_assert!(!window.wait(then.saturating_sub(Duration::from_nanos(1))).is_zero());
                        prop_assert!(window.wait(then).is_zero());
                    }
                }
            }
            for (at, first) in taken.iter().enumerate() {
                let within = taken[at..].iter().take_while(|moment| **moment < first + span).count();
                prop_assert!(within <= most, "{within} within {span} s of {first}: {taken:?}");
            }
        }
    }
}
