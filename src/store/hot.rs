//! What was read of sled lately and may be asked for again soon, such as the definition of a flow whose runs
//! are under way: found here, nobody waits for a thread. Bounded in bytes.
//!
//! It never holds what sled does not: a key that was written stands in the tables until sled has it, the
//! tables are asked first, and when they let go of their keys these are forgotten here.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use appengine_actors::store::{Key, Versioned};

/// Bytes of one generation.
const GENERATION_BYTES: usize = 2 * 1024 * 1024;
/// What an entry takes beside its bytes, roughly.
const OVERHEAD: usize = 160;

/// Answers of sled, its "nothing" included.
#[derive(Debug, Default)]
pub(super) struct Hot(Mutex<Generations>);

/// What was asked for since the younger one began, and in the time before. What is asked for again moves
/// to the younger one; the older one goes as a whole.
#[derive(Debug, Default)]
struct Generations {
    younger: HashMap<Key, Option<Versioned>>,
    older: HashMap<Key, Option<Versioned>>,
    bytes: usize,
}

impl Hot {
    /// What sled holds under a key, if that is known here.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Versioned>> {
        let mut generations = self.generations();
        if let Some(found) = generations.younger.get(key) {
            return Some(found.clone());
        }
        let (key, found) = generations.older.remove_entry(key)?;
        generations.keep(key, found.clone());
        Some(found)
    }

    /// Notes what sled holds under a key.
    pub(super) fn keep(&self, key: &[u8], found: &Option<Versioned>) {
        self.generations().keep(key.to_vec(), found.clone());
    }

    /// Forgets keys.
    pub(super) fn forget(&self, mut which: impl FnMut(&[u8]) -> bool) {
        let mut generations = self.generations();
        generations.younger.retain(|key, _| !which(key));
        generations.older.retain(|key, _| !which(key));
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn keep(&mut self, key: Key, found: Option<Versioned>) {
        self.bytes += OVERHEAD + key.len() + found.as_ref().map_or(0, |found| found.value.len());
        if self.bytes > GENERATION_BYTES {
            self.older = std::mem::take(&mut self.younger);
            self.bytes = 0;
        }
        self.younger.insert(key, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(size: usize) -> Option<Versioned> {
        Some(Versioned { version: 1, value: vec![7; size].into() })
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let hot = Hot::default();
        hot.keep(b"asked", &found(100));
        hot.keep(b"nothing", &None);
        hot.keep(b"forgotten", &found(1));
        hot.forget(|key| key == b"forgotten");
        for n in 0..200_u32 {
            hot.keep(&n.to_be_bytes(), &found(100_000));
            assert_eq!(hot.get(b"asked"), Some(found(100)), "{n}");
        }
        assert_eq!(hot.get(b"nothing"), None);
        assert_eq!(hot.get(b"forgotten"), None);
        let generations = hot.generations();
        assert!(generations.younger.len() + generations.older.len() < 50);
    }
}
