//! Time, in one place. The only file that reads the wall clock or sleeps: everything else is handed
//! a `now` or waits on a [`Clock`], so that tests turn time by hand.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in milliseconds since 1970-01-01 UTC, written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

/// Why a text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a time: expected RFC 3339, such as 2026-04-25T10:00:00Z")]
pub struct TimestampError(String);

/// The last moment that fits a [`Stamp`]: about the year 10889.
const LATEST_MILLIS: u64 = (1 << 48) - 1;

impl Timestamp {
    /// The moment `millis` after 1970.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(if millis > LATEST_MILLIS { LATEST_MILLIS } else { millis })
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The same moment for the time library.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How long ago `earlier` was; zero when it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Earlier by this much, and not before 1970.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.as_millis().saturating_sub(millis))
    }

    /// This moment and `by`, at the latest the last that can be written.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let refuse = || TimestampError(text.chars().take(64).collect());
        let time: jiff::Timestamp = text.parse().map_err(|_| refuse())?;
        u64::try_from(time.as_millisecond()).map(Self::from_millis).map_err(|_| refuse())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The place of a commit in the one order of all commits: milliseconds and a count within them.
/// Stamps only grow, also when the wall clock goes back, so a reader that follows them skips nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(u64);

impl Stamp {
    /// The first stamp of a millisecond: where a scan from that moment begins.
    #[must_use]
    pub const fn first_of(time: Timestamp) -> Self {
        Self(time.0 << 16)
    }

    /// The moment of this stamp.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        Timestamp(self.0 >> 16)
    }

    /// As a number whose big-endian bytes sort like the stamp.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The stamp that [`Stamp::as_u64`] gave.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }
}

/// Gives out stamps: one a process, shared by every incarnation of whoever stamps.
#[derive(Clone)]
pub struct Stamper {
    last: Arc<AtomicU64>,
    clock: Arc<dyn Clock>,
}

impl Stamper {
    /// Stamps that all come after `last`, the latest one found in the store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, last: Stamp) -> Self {
        Self { last: Arc::new(AtomicU64::new(last.0)), clock }
    }

    /// The next stamp: now, or just after the last one where the clock has not moved on.
    #[must_use]
    pub fn next(&self) -> Stamp {
        let now = Stamp::first_of(self.clock.now()).0;
        let advance = |last: u64| now.max(last.saturating_add(1));
        let last = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(advance(last)));
        Stamp(advance(last.unwrap_or_else(|same| same)))
    }

    /// The latest stamp given out.
    #[must_use]
    pub fn last(&self) -> Stamp {
        Stamp(self.last.load(Ordering::SeqCst))
    }
}

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock moment.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start that never goes back: for measuring, not for storing.
    fn elapsed(&self) -> Duration;

    /// Resolves once `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's own clock.
pub struct SystemClock {
    start: std::time::Instant,
}

impl SystemClock {
    /// The machine's clock, measuring from now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn new() -> Self {
        Self { start: std::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_millis(since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// `work`, or `None` when `limit` passes first on `clock`.
pub async fn timeout<T>(clock: &dyn Clock, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let late = clock.sleep(limit);
    tokio::select! {
        biased;
        done = work => Some(done),
        () = late => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Frozen(AtomicU64);
    impl Clock for Frozen {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::SeqCst))
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn time_is_written_with_milliseconds_and_read_with_offsets() {
        let time: Timestamp = "2026-04-25T12:00:00+02:00".parse().unwrap();
        assert_eq!(time.to_string(), "2026-04-25T10:00:00.000Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!("1969-12-31T23:59:59Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn stamps_grow_while_the_clock_stands_and_when_it_goes_back() {
        let clock = Arc::new(Frozen(AtomicU64::new(1_000)));
        let stamper = Stamper::new(clock.clone(), Stamp::default());
        let first = stamper.next();
        let second = stamper.next();
        clock.0.store(500, Ordering::SeqCst);
        let third = stamper.next();
        assert!(first < second && second < third);
        assert_eq!(third.time(), Timestamp::from_millis(1_000));
    }

    #[test]
    fn stamps_begin_after_the_last_one_stored() {
        let stored = Stamp::first_of(Timestamp::from_millis(9_000));
        let stamper = Stamper::new(Arc::new(Frozen(AtomicU64::new(1_000))), stored);
        assert!(stamper.next() > stored);
    }
}
