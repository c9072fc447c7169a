//! When to restart and when to give up: pure, handed its times.

use std::collections::VecDeque;
use std::time::Duration;

use super::Exit;

/// Which ends call for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Restart {
    /// Every end.
    Permanent,
    /// A panic or a failure; a child that stops by itself is done.
    Transient,
    /// None.
    Temporary,
}

/// How many restarts are normal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// This many …
    pub restarts: usize,
    /// … within this time; one more and the supervisor gives up.
    pub within: Duration,
}

/// How one child is looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Which ends call for a restart.
    pub restart: Restart,
    /// How many of them are normal.
    pub budget: Budget,
    /// The pause before the first restart of a series; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

/// What to do about a child's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again after the pause.
    RestartAfter(Duration),
    /// Let it rest.
    Done,
    /// The budget is spent: the supervisor itself must fail.
    GiveUp,
}

/// The restarts of one child.
#[derive(Debug, Default)]
pub struct RestartLog {
    recent: VecDeque<Duration>,
    total: u64,
}

impl RestartLog {
    /// Takes note of an end at `now` (a monotonic reading) and says what to do.
    pub fn judge(&mut self, policy: &Policy, exit: &Exit, now: Duration) -> Verdict {
        let restart = match policy.restart {
            Restart::Permanent => true,
            Restart::Transient => !matches!(exit, Exit::Stopped),
            Restart::Temporary => false,
        };
        if !restart {
            return Verdict::Done;
        }
        self.recent.retain(|&at| now.saturating_sub(at) <= policy.budget.within);
        if self.recent.len() >= policy.budget.restarts {
            return Verdict::GiveUp;
        }
        let doublings = u32::try_from(self.recent.len()).unwrap_or(u32::MAX).min(16);
        let pause = policy.first_pause.saturating_mul(1 << doublings).min(policy.longest_pause);
        self.recent.push_back(now);
        self.total += 1;
        Verdict::RestartAfter(pause)
    }

    /// Restarts since the supervisor came to be.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        restart: Restart::Permanent,
        budget: Budget { restarts: 3, within: Duration::from_secs(30) },
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(25),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_then_the_budget_is_spent() {
        let mut log = RestartLog::default();
        let verdicts: Vec<_> = (0..4).map(|s| log.judge(&POLICY, &Exit::Panicked, at(s))).collect();
        let after = |ms| Verdict::RestartAfter(Duration::from_millis(ms));
        assert_eq!(verdicts, [after(10), after(20), after(25), Verdict::GiveUp]);
        assert_eq!(log.total(), 3);
    }

    #[test]
    fn old_restarts_no_longer_count() {
        let mut log = RestartLog::default();
        for second in [0, 40, 80, 120, 160] {
            let verdict = log.judge(&POLICY, &Exit::Panicked, at(second));
            assert_eq!(verdict, Verdict::RestartAfter(Duration::from_millis(10)));
        }
    }

    #[test]
    fn what_each_policy_restarts() {
        let ends = [Exit::Stopped, Exit::Failed("x".into()), Exit::Panicked];
        let table = [
            (Restart::Permanent, [true, true, true]),
            (Restart::Transient, [false, true, true]),
            (Restart::Temporary, [false, false, false]),
        ];
        for (restart, expected) in table {
            for (exit, restarted) in ends.iter().zip(expected) {
                let verdict = RestartLog::default().judge(&Policy { restart, ..POLICY }, exit, at(0));
                assert_eq!(verdict != Verdict::Done, restarted, "{restart:?} {exit:?}");
            }
        }
    }
}
