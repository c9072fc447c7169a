//! How often a queue may begin a job: a bucket that fills at a steady pace, and of which each job takes one.
//! Pure: time is passed in.

use std::time::Duration;

use crate::clock::Timestamp;

/// So many jobs in so long; as many may come at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Jobs, at least 1.
    pub jobs: u32,
    /// In this long, at least a millisecond.
    pub per: Duration,
}

/// What is left of a rate.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    /// The moment since which the bucket has filled, in microseconds: the later, the less is in it.
    empty_at: u64,
}

impl Bucket {
    /// A bucket that is full.
    #[must_use]
    pub const fn full(rate: Rate) -> Self {
        Self { rate, empty_at: 0 }
    }

    /// Microseconds that one job takes to be filled in.
    fn each(&self) -> u64 {
        let per = u64::try_from(self.rate.per.as_micros()).unwrap_or(u64::MAX);
        (per / u64::from(self.rate.jobs.max(1))).max(1)
    }

    fn since(&self, now: Timestamp) -> u64 {
        let now = now.as_millis().saturating_mul(1_000);
        let whole = self.each().saturating_mul(u64::from(self.rate.jobs.max(1)));
        self.empty_at.max(now.saturating_sub(whole))
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Timestamp) -> bool {
        let next = self.since(now).saturating_add(self.each());
        let there = next <= now.as_millis().saturating_mul(1_000);
        if there {
            self.empty_at = next;
        }
        there
    }

    /// Puts one back that was not used.
    pub fn put_back(&mut self) {
        self.empty_at = self.empty_at.saturating_sub(self.each());
    }

    /// How long until there is one.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> Duration {
        let next = self.since(now).saturating_add(self.each());
        Duration::from_micros(next.saturating_sub(now.as_millis().saturating_mul(1_000)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_bucket_gives_what_it_holds_and_then_at_its_pace() {
        let mut bucket = Bucket::full(Rate { jobs: 3, per: Duration::from_secs(1) });
        let at = Timestamp::from_millis;
        assert!((0..3).all(|_| bucket.take(at(5_000))));
        assert!(!bucket.take(at(5_000)));
        assert_eq!(bucket.wait(at(5_000)), Duration::from_micros(333_333));
        assert!(!bucket.take(at(5_333)) && bucket.take(at(5_334)));
        bucket.put_back();
        assert!(bucket.take(at(5_334)), "it was put back");
        assert!((0..3).all(|_| bucket.take(at(9_000))) && !bucket.take(at(9_000)), "no more than it holds");
    }

    proptest! {
        #[test]
        fn no_more_are_taken_than_it_holds_and_what_was_filled_in(
            jobs in 1..50_u32,
            per in 1..5_000_u64,
            pauses in proptest::collection::vec(0..300_u64, 1..200),
        ) {
            let mut bucket = Bucket::full(Rate { jobs, per: Duration::from_millis(per) });
            let (mut now, mut taken) = (1_000_000, 0_u64);
            for pause in &pauses {
                now += pause;
                let at = Timestamp::from_millis(now);
                while bucket.take(at) {
                    taken += 1;
                }
                prop_assert!(!bucket.wait(at).is_zero(), "it is empty: there is something to wait for");
                let each = (per * 1_000 / u64::from(jobs)).max(1);
                let filled = (now - 1_000_000) * 1_000 / each;
                prop_assert!(taken <= u64::from(jobs) + filled, "{} of {} and {}", taken, jobs, filled);
            }
        }
    }
}
