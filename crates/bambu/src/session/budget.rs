//! How many messages may be sent over one connection to the cloud: a bucket of tokens without a clock.

use std::time::Duration;

/// A token comes back each second.
///
/// No limit of the cloud's broker is published. The only figure in public notes is 100 messages a minute for
/// one account (protocol 1.8), and the vendor limited third parties once for sending too much (June 2024).
/// With [`BURST`] this is 80 in the worst minute and 60 in all others, so a fifth is left for what we do not
/// count: the vendor's own programs on the same account.
const EACH: Duration = Duration::from_secs(1);
/// What may be sent at once.
const BURST: u32 = 20;
/// And for each printer what it is asked after a connect: its boards and its whole state. Without these a
/// farm of fifty would be deaf for a minute.
const PER_PRINTER: u32 = 2;
/// What ordinary commands leave for those that cannot wait: somebody moves a slider while another stops.
const RESERVE: i64 = 5;

/// A bucket of tokens, one for each message.
///
/// It belongs to a connection and is borrowed by each printer's session while that handles something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    capacity: i64,
    /// When it is full again if nothing more is taken.
    full_at: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self::for_printers(1)
    }
}

impl Budget {
    /// A full one, for a connection that serves so many printers.
    pub fn for_printers(printers: usize) -> Self {
        Self { capacity: capacity(printers), full_at: Duration::ZERO }
    }

    /// Serves so many printers from now on. What was taken stays taken.
    pub fn serve(&mut self, printers: usize) {
        self.capacity = capacity(printers);
    }

    /// How many messages may be sent now. Below zero when what could not wait took more than there was.
    pub fn left(&self, now: Duration) -> i64 {
        let owed = self.full_at.saturating_sub(now).as_nanos().div_ceil(EACH.as_nanos());
        self.capacity - i64::try_from(owed).unwrap_or(i64::MAX)
    }

    /// Takes one token, also if there is none.
    pub fn take(&mut self, now: Duration) {
        self.full_at = self.full_at.max(now) + EACH;
    }

    /// When something can be paid for.
    pub(super) fn funds(&self) -> Funds {
        Funds { one: self.when(1), ordinary: self.when(RESERVE + 1) }
    }

    /// When so many are left.
    fn when(&self, tokens: i64) -> Duration {
        let missing = u32::try_from(self.capacity - tokens).unwrap_or(0);
        self.full_at.saturating_sub(EACH.saturating_mul(missing))
    }
}

/// When a message can be paid for, by its kind, if nobody takes anything meanwhile.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Funds {
    /// One that cannot wait, and what is asked of a printer.
    pub(super) one: Duration,
    /// An ordinary command.
    pub(super) ordinary: Duration,
}

/// What a connection that serves so many printers may send at once.
fn capacity(printers: usize) -> i64 {
    let printers = u32::try_from(printers).unwrap_or(u32::MAX);
    BURST.saturating_add(printers.saturating_mul(PER_PRINTER)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_stays_below_what_is_known_of_the_clouds_limit() {
        for (printers, most) in [(1, 83), (5, 91), (10, 101)] {
            let mut budget = Budget::for_printers(printers);
            let sent = (0..60_000).filter(|milli| {
                let now = Duration::from_millis(*milli);
                let may = budget.left(now) > 0;
                if may {
                    budget.take(now);
                }
                may
            });
            let sent = sent.count();
            assert!(sent <= most, "{printers} printers: {sent}");
        }
    }

    #[test]
    fn what_was_taken_comes_back_with_time() {
        let at = Duration::from_secs;
        let mut budget = Budget::for_printers(0);
        assert_eq!(budget.left(at(100)), 20);
        for _ in 0..22 {
            budget.take(at(100));
        }
        assert_eq!(budget.left(at(100)), -2, "what cannot wait is owed");
        assert_eq!(budget.when(1), at(103));
        assert_eq!((budget.left(at(102)), budget.left(at(103))), (0, 1));
        assert_eq!(budget.when(6), at(108));
        assert_eq!(budget.left(at(1000)), 20, "never more than it holds");
        budget.take(at(1000));
        budget.serve(3);
        assert_eq!(budget.left(at(1000)), 25, "another printer may be asked what it is");
        budget.serve(0);
        assert_eq!(budget.left(at(1000)), 19, "and takes that with it when it goes");
        assert_eq!(Budget::default().when(1), Duration::ZERO, "a full one has been full for ever");
    }
}
