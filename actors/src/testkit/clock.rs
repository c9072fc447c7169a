//! A clock that stands until a test turns it. It never reads the machine's time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::clock::{Clock, Timestamp};

/// A [`Clock`] turned by hand. Clones are the same clock, on any thread.
#[derive(Clone)]
pub struct ManualClock(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    asleep: watch::Sender<usize>,
}

struct State {
    wall: Timestamp,
    elapsed: Duration,
    /// By due time, then by the order of falling asleep.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    next: u64,
}

impl ManualClock {
    /// A clock that stands at `now`, with nobody asleep.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                wall: now,
                elapsed: Duration::ZERO,
                sleepers: BTreeMap::new(),
                next: 0,
            }),
            asleep: watch::Sender::new(0),
        }))
    }

    /// Lets `by` pass and wakes everyone who is due by then, the earliest due first. Who sleeps again
    /// after waking sleeps from the new moment: turn a ticker one period at a time.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.0.state();
            state.elapsed = state.elapsed.saturating_add(by);
            state.wall = state.wall.plus(by);
            let end = (state.elapsed, u64::MAX);
            let later = state.sleepers.split_off(&end);
            std::mem::replace(&mut state.sleepers, later)
        };
        for wake in due.into_values() {
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = wake.send(());
        }
        self.0.tell();
    }

    /// Moves the wall clock, forwards or back, as an operator or NTP does. Wakes nobody.
    pub fn set_now(&self, now: Timestamp) {
        self.0.state().wall = now;
    }

    /// How many sleep now. Every [`crate::clock::timeout`] counts as one.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.0.state().sleepers.len()
    }

    /// How long the next one to wake has left, if anyone sleeps.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        let state = self.0.state();
        let ((due, _), _) = state.sleepers.first_key_value()?;
        Some(due.saturating_sub(state.elapsed))
    }

    /// Resolves once at least `count` sleep: the moment to [`ManualClock::advance`].
    pub async fn asleep(&self, count: usize) {
        let mut asleep = self.0.asleep.subscribe();
        // Fails only when the sender is gone, and `self` holds it.
        let _ = asleep.wait_for(|now| *now >= count).await;
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-01 00:00 UTC.
    fn default() -> Self {
        Self::new(Timestamp::from_millis(1_767_225_600_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.state().wall
    }

    fn elapsed(&self) -> Duration {
        self.0.state().elapsed
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration.is_zero() {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        let place = {
            let mut state = self.0.state();
            let place = (state.elapsed.saturating_add(duration), state.next);
            state.next += 1;
            state.sleepers.insert(place, wake);
            place
        };
        self.0.tell();
        let bed = Bed(self.0.clone(), place);
        Box::pin(async move {
            let _bed = bed;
            // The sender lives in the clock that `_bed` holds.
            let _ = woken.await;
        })
    }
}

/// A sleeper's place: given up when the sleep is dropped.
struct Bed(Arc<Shared>, (Duration, u64));

impl Drop for Bed {
    fn drop(&mut self) {
        let left = self.0.state().sleepers.remove(&self.1);
        if left.is_some() {
            self.0.tell();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the count as it is now; counted under the channel's lock, so that the last one told is true.
    fn tell(&self) {
        self.asleep.send_modify(|count| *count = self.state().sleepers.len());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(work)
    }

    #[tokio::test]
    async fn sleepers_wake_in_order_of_due_time() {
        let clock = ManualClock::default();
        let (tx, mut woken) = tokio::sync::mpsc::channel(8);
        for seconds in [3, 1, 2, 9] {
            let (tx, sleep) = (tx.clone(), clock.sleep(SECOND * seconds));
            tokio::spawn(async move {
                sleep.await;
                tx.send(seconds).await.unwrap();
            });
        }
        clock.asleep(4).await;
        // Once each task waits for its waker, the order of waking is the order of running.
        tokio::task::yield_now().await;
        clock.advance(SECOND * 5);
        for expected in [1, 2, 3] {
            assert_eq!(woken.recv().await, Some(expected));
        }
        assert_eq!(clock.sleepers(), 1);
        assert_eq!(clock.next_due(), Some(SECOND * 4));
    }

    #[tokio::test]
    async fn a_dropped_sleep_is_not_counted_and_one_not_due_goes_on() {
        let clock = ManualClock::default();
        let mut late = clock.sleep(SECOND * 2);
        drop(clock.sleep(SECOND));
        assert_eq!(clock.sleepers(), 1);
        clock.advance(SECOND);
        assert!((&mut late).now_or_never().is_none());
        clock.advance(SECOND);
        assert!((&mut late).now_or_never().is_some());
    }

    #[test]
    fn another_thread_wakes_when_this_one_turns_the_clock() {
        let clock = ManualClock::default();
        let sleeper = std::thread::spawn({
            let clock = clock.clone();
            move || {
                block_on(clock.sleep(SECOND));
                clock.now()
            }
        });
        block_on(clock.asleep(1));
        let start = clock.now();
        clock.advance(SECOND);
        assert_eq!(sleeper.join().unwrap(), start.plus(SECOND));
    }

    #[test]
    fn the_wall_may_jump_without_waking_anyone() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(SECOND);
        clock.set_now(clock.now().plus(SECOND * 3600));
        assert_eq!(clock.elapsed(), Duration::ZERO);
        assert!((&mut sleep).now_or_never().is_none());
    }
}
