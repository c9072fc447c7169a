//! When the live feed pings, asks for queue counts and gives up: pure, the shell hands it the time. It
//! sends nothing and knows no socket.

use std::time::Duration;

use appengine_actors::clock::Timestamp;

/// How often the shell calls [`Pace::turn`]: the least pause between two messages with queue counts.
pub(super) const TURN: Duration = Duration::from_millis(250);
/// Queue counts are sent this often even if nobody said that they changed.
const QUEUES: Duration = Duration::from_secs(5);
/// Between two pings, and between two looks at whether the token still lets its holder in.
const PING: Duration = Duration::from_secs(15);
/// A client that was not heard of for so long is gone.
const SILENCE: Duration = Duration::from_secs(40);
/// The shell stands still while the client leaves what it was sent unread. For this long it may.
const STALL: Duration = Duration::from_secs(20);

/// Times of one connection, on the clock that never goes back.
#[derive(Debug)]
pub(super) struct Pace {
    until: Timestamp,
    turned: Duration,
    heard: Duration,
    pinged: Duration,
    asked: Duration,
    changed: bool,
    asking: bool,
}

/// What is to be done now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Ping, and look whether the token still lets its holder in.
    pub ping: bool,
    /// Ask for queue counts.
    pub queues: bool,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The token's time is over.
    Expired,
    /// What was sent is not read.
    Stalled,
    /// Nothing is heard of the client.
    Silent,
}

impl Pace {
    /// The pace of a connection that began at `now` and may last `until`.
    pub fn new(until: Timestamp, now: Duration) -> Self {
        Self { until, turned: now, heard: now, pinged: now, asked: now, changed: true, asking: false }
    }

    /// The client said something.
    pub const fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    /// Counts of some queue changed.
    pub const fn changed(&mut self) {
        self.changed = true;
    }

    /// The queue counts that were asked for were sent.
    pub const fn answered(&mut self) {
        self.asking = false;
    }

    /// What is due.
    pub fn turn(&mut self, now: Duration, wall: Timestamp) -> Result<Due, End> {
        let since = |then: Duration| now.saturating_sub(then);
        if wall >= self.until {
            return Err(End::Expired);
        }
        if since(self.turned) > STALL {
            return Err(End::Stalled);
        }
        if since(self.heard) > SILENCE {
            return Err(End::Silent);
        }
        let ping = since(self.pinged) >= PING;
        let queues = !self.asking && (self.changed || since(self.asked) >= QUEUES);
        self.turned = now;
        if ping {
            self.pinged = now;
        }
        if queues {
            (self.asked, self.changed, self.asking) = (now, false, true);
        }
        Ok(Due { ping, queues })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LATE: Timestamp = Timestamp::from_millis(1 << 47);

    fn pace() -> Pace {
        Pace::new(LATE, Duration::ZERO)
    }

    /// Turns every 250 ms from `from` to `to` and counts what was due.
    fn turn(pace: &mut Pace, from: u64, to: u64) -> Result<(u32, u32), End> {
        let (mut pings, mut queues) = (0, 0);
        for at in (from..to).step_by(250) {
            let due = pace.turn(Duration::from_millis(at), Timestamp::default())?;
            pings += u32::from(due.ping);
            queues += u32::from(due.queues);
            if due.queues {
                pace.answered();
            }
        }
        Ok((pings, queues))
    }

    #[test]
    fn counts_come_at_once_then_every_five_seconds_and_pings_every_fifteen() {
        assert_eq!(turn(&mut pace(), 0, 30_001), Ok((2, 7)));
    }

    #[test]
    fn many_changes_make_one_question_and_none_while_one_is_open() {
        let mut pace = pace();
        assert!(pace.turn(TURN, Timestamp::default()).unwrap().queues);
        pace.changed();
        assert!(!pace.turn(TURN * 2, Timestamp::default()).unwrap().queues, "one is open");
        pace.answered();
        pace.changed();
        assert!(pace.turn(TURN * 3, Timestamp::default()).unwrap().queues);
        pace.answered();
        assert!(!pace.turn(TURN * 4, Timestamp::default()).unwrap().queues, "nothing changed");
    }

    #[test]
    fn a_silent_client_is_given_up_after_forty_seconds() {
        assert_eq!(turn(&mut pace(), 0, 40_001).map(|_| ()), Ok(()));
        assert_eq!(turn(&mut pace(), 0, 40_501).map(|_| ()), Err(End::Silent));
        let mut talks = pace();
        turn(&mut talks, 0, 39_000).unwrap();
        talks.heard(Duration::from_secs(39));
        assert_eq!(turn(&mut talks, 39_000, 79_001).map(|_| ()), Ok(()));
    }

    #[test]
    fn a_shell_that_stood_still_gives_up_and_an_expired_token_comes_first() {
        let (late, soon) = (Duration::from_secs(21), Timestamp::from_millis(1_000));
        assert_eq!(pace().turn(late, Timestamp::default()), Err(End::Stalled));
        let mut short = Pace::new(soon, Duration::ZERO);
        assert_eq!(short.turn(TURN, Timestamp::from_millis(999)), Ok(Due { ping: false, queues: true }));
        assert_eq!(short.turn(late, soon), Err(End::Expired));
    }

    proptest! {
        #[test]
        fn whatever_changes_counts_are_never_asked_for_twice_at_once_nor_forgotten(
            steps in prop::collection::vec((any::<bool>(), any::<bool>()), 1..200),
        ) {
            let (mut pace, mut open, mut owed) = (pace(), false, true);
            for (step, (changes, answers)) in steps.into_iter().enumerate() {
                if changes {
                    pace.changed();
                    owed = true;
                }
                if answers && open {
                    pace.answered();
                    open = false;
                }
                let now = TURN * u32::try_from(step).unwrap();
                pace.heard(now);
                let due = pace.turn(now, Timestamp::default()).unwrap();
                prop_assert!(!(due.queues && open), "two questions at once");
                prop_assert!(due.queues || open || !owed, "a change was forgotten");
                open |= due.queues;
                owed &= !due.queues;
            }
        }
    }
}
