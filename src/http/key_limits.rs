//! How often one API key may be used: as it was given when it was made (contract §2.5), per minute, hour
//! and day. Fixed windows, in memory, bounded; a restart begins them anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use appengine_actors::clock::Clock;

use super::rate::Told;
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
    used: u32,
}

impl KeyLimits {
    /// Nothing used yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, uses: Mutex::default() }
    }

    /// Counts one use of a key, if none of its windows is used up, and says what the tightest of them leaves.
    pub fn count(&self, key: &str, limits: &RateLimits) -> Told {
        let now = self.clock.now().as_secs();
        let allowed = [limits.per_minute, limits.per_hour, limits.per_day];
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() >= MOST && !uses.contains_key(key) {
            let [.., day] = WINDOWS;
            uses.retain(|_, [.., last]| last.number == now / day);
        }
        let windows = uses.entry(key.to_owned()).or_default();
        let told: [Told; 3] = std::array::from_fn(|at| {
            let (seconds, limit, window) = (WINDOWS[at], allowed[at], &mut windows[at]);
            let number = now / seconds;
            if window.number != number {
                *window = Window { number, used: 0 };
            }
            let left = limit.checked_sub(window.used).and_then(|left| left.checked_sub(1));
            Told { limit, left, reset: (number + 1) * seconds - now }
        });
        if told.iter().all(|told| told.left.is_some()) {
            windows.iter_mut().for_each(|window| window.used += 1);
        }
        told.into_iter().reduce(Told::tighter).unwrap_or(told[0])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use appengine_actors::clock::Timestamp;
    use appengine_actors::testkit::ManualClock;

    #[test]
    fn each_window_is_kept_and_begins_anew() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(60_000)));
        let limits = KeyLimits::new(clock.clone());
        let given = RateLimits { per_minute: 2, per_hour: 3, per_day: 10 };
        let told = |limit, left, reset| Told { limit, left, reset };
        assert_eq!(limits.count("a", &given), told(2, Some(1), 60));
        assert_eq!(limits.count("a", &given), told(2, Some(0), 60));
        assert_eq!(limits.count("a", &given), told(2, None, 60));
        assert_eq!(limits.count("b", &given).left, Some(1), "another key has its own");
        clock.advance(Duration::from_secs(60));
        assert_eq!(limits.count("a", &given), told(3, Some(0), 3_600 - 120), "the hour is the tighter one");
        assert_eq!(limits.count("a", &given), told(3, None, 3_600 - 120), "the hour is used up");
    }

    #[test]
    fn the_tighter_limit_is_told() {
        let told = |limit, left, reset| Told { limit, left, reset };
        let refused = told(5, None, 9);
        assert_eq!(told(100, Some(99), 1).tighter(told(1, Some(0), 60)), told(1, Some(0), 60));
        assert_eq!(told(100, Some(0), 60).tighter(refused), refused);
        assert_eq!(told(5, None, 3).tighter(refused), refused, "the longer wait");
    }
}
