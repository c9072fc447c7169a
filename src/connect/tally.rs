//! How many calls came, and what came of them: since the start, for the figures.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// It was kept.
    Kept,
    /// It had come before.
    Again,
    /// It was a handshake, and was answered.
    Handshake,
    /// It was refused.
    Refused,
    /// It could not be taken just now.
    Later,
}

impl Came {
    /// The figures' word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Again => "duplicate",
            Self::Handshake => "handshake",
            Self::Refused => "refused",
            Self::Later => "unavailable",
        }
    }
}

/// The counts, by vendor.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<(&'static str, Came), u64>>);

impl Tally {
    /// One more.
    pub fn count(&self, vendor: &'static str, came: Came) {
        *self.counts().entry((vendor, came)).or_default() += 1;
    }

    /// All counts.
    #[must_use]
    pub fn all(&self) -> Vec<((&'static str, Came), u64)> {
        self.counts().iter().map(|(of, count)| (*of, *count)).collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Came), u64>> {
        // A count is whole whenever the lock is free.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
