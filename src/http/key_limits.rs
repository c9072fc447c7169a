//! How often one API key may be used: as it was given when it was made (contract §2.5), per minute, hour
//! and day. Fixed windows, in memory, bounded; a restart begins them anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Clock;

use crate::auth::api_key::RateLimits;

const WINDOWS: [u64; 3] = [60, 3_600, 86_400];
/// Keys that are counted at once; beyond them those are forgotten whose day is over.
const MOST: usize = 100_000;

/// The uses of all keys.
pub struct KeyLimits {
    clock: Arc<dyn Clock>,
    uses: Mutex<HashMap<String, [Window; 3]>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    number: u64,
    used: u64,
}

impl KeyLimits {
    /// Nothing used yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, uses: Mutex::default() }
    }

    /// Counts one use of a key.
    ///
    /// # Errors
    /// How long to wait, when one of its windows is used up; nothing is counted then.
    pub fn count(&self, key: &str, limits: &RateLimits) -> Result<(), Duration> {
        let now = self.clock.now().as_secs();
        let allowed = [limits.per_minute, limits.per_hour, limits.per_day].map(u64::from);
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= MOST && !uses.contains_key(key) {
            let [.., day] = WINDOWS;
            uses.retain(|_, [.., last]| last.number == now / day);
        }
        let windows = uses.entry(key.to_owned()).or_default();
        let spans = WINDOWS.into_iter().zip(allowed);
        for ((seconds, most), window) in spans.zip(windows.iter_mut()) {
            let number = now / seconds;
            if window.number != number {
                *window = Window { number, used: 0 };
            }
            if window.used >= most {
                return Err(Duration::from_secs((number + 1) * seconds - now));
            }
        }
        windows.iter_mut().for_each(|window| window.used += 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use appengine_actors::clock::Timestamp;
    use appengine_actors::testkit::ManualClock;

    #[test]
    fn each_window_is_kept_and_begins_anew() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(60_000)));
        let limits = KeyLimits::new(clock.clone());
        let given = RateLimits { per_minute: 2, per_hour: 3, per_day: 10 };
        assert_eq!(limits.count("a", &given), Ok(()));
        assert_eq!(limits.count("a", &given), Ok(()));
        assert_eq!(limits.count("a", &given), Err(Duration::from_secs(60)));
        assert_eq!(limits.count("b", &given), Ok(()), "another key has its own");
        clock.advance(Duration::from_secs(60));
        assert_eq!(limits.count("a", &given), Ok(()));
        assert_eq!(limits.count("a", &given), Err(Duration::from_secs(3_600 - 120)), "the hour is used up");
    }
}
