//! When to look which schedules are due, and how many are carried out at once. Pure: it holds the places of one
//! page at most, however many schedules there are.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::ids::{OrgId, ScheduleId};

/// Schedules that are carried out at once.
pub const PAGE: usize = 100;
/// The longest time between two looks while anything is scheduled: the clock on the wall may be put forward, which
/// no sleeper notices.
pub const HEARTBEAT: Duration = Duration::from_secs(1);
/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// When which schedule has its turn.
pub type Place = (Timestamp, OrgId, ScheduleId);

/// What the state hears.
#[derive(Debug)]
pub enum Input {
    /// Time has passed, or schedules were written.
    Look,
    /// The first places that there are, in their order.
    Page(Vec<Place>),
    /// They could not be read.
    PageFailed,
    /// All that were to be carried out are, as far as that went.
    Fired {
        /// Whether some could not be.
        failed: bool,
    },
}

/// What its actor is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read the first [`PAGE`] places.
    Read,
    /// Carry these out.
    Fire(Vec<Place>),
    /// Look again after this time at the latest.
    WakeIn(Duration),
}

/// What is under way.
#[derive(Debug, Default)]
pub struct ScheduleState {
    busy: bool,
    /// Something was written meanwhile.
    again: bool,
}

impl ScheduleState {
    /// Takes an input in.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Option<Effect> {
        match input {
            Input::Look if self.busy => {
                self.again = true;
                None
            }
            Input::Look => self.read(),
            Input::Page(places) => {
                let next = places.iter().map(|(due, ..)| *due).find(|due| *due > now);
                let due: Vec<Place> = places.into_iter().take_while(|(due, ..)| *due <= now).collect();
                if !due.is_empty() {
                    return Some(Effect::Fire(due));
                }
                self.busy = false;
                if self.again {
                    return self.read();
                }
                // Nothing is scheduled: whoever schedules something says so.
                next.map(|next| Effect::WakeIn(next.since(now).min(HEARTBEAT)))
            }
            Input::Fired { failed: false } => self.read(),
            Input::PageFailed | Input::Fired { failed: true } => {
                self.busy = false;
                Some(Effect::WakeIn(PAUSE))
            }
        }
    }

    fn read(&mut self) -> Option<Effect> {
        (self.busy, self.again) = (true, false);
        Some(Effect::Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(due: u64) -> Place {
        let due = Timestamp::from_millis(due);
        (due, OrgId::new("o").unwrap(), ScheduleId::new(due))
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_is_due_is_carried_out_until_nothing_is() {
        let mut state = ScheduleState::default();
        assert_eq!(state.handle(Input::Look, at(10)), Some(Effect::Read));
        let (first, second, later) = (place(5), place(10), place(11));
        let page = vec![first.clone(), second.clone(), later.clone()];
        assert_eq!(state.handle(Input::Page(page), at(10)), Some(Effect::Fire(vec![first, second])));
        assert_eq!(state.handle(Input::Fired { failed: false }, at(10)), Some(Effect::Read));
        let wake = Some(Effect::WakeIn(Duration::from_millis(1)));
        assert_eq!(state.handle(Input::Page(vec![later]), at(10)), wake);
    }

    #[test]
    fn a_look_while_busy_is_made_up_for() {
        let mut state = ScheduleState::default();
        state.handle(Input::Look, at(10));
        assert_eq!(state.handle(Input::Look, at(10)), None);
        assert_eq!(state.handle(Input::Page(Vec::new()), at(10)), Some(Effect::Read));
        assert_eq!(state.handle(Input::Page(Vec::new()), at(10)), None, "nothing is scheduled");
        assert_eq!(state.handle(Input::Look, at(10)), Some(Effect::Read));
    }

    #[test]
    fn it_looks_often_enough_to_see_the_clock_change_and_pauses_after_failures() {
        let mut state = ScheduleState::default();
        state.handle(Input::Look, at(0));
        let wake = state.handle(Input::Page(vec![place(3_600_000)]), at(0));
        assert_eq!(wake, Some(Effect::WakeIn(HEARTBEAT)));
        state.handle(Input::Look, at(0));
        assert_eq!(state.handle(Input::PageFailed, at(0)), Some(Effect::WakeIn(PAUSE)));
        state.handle(Input::Look, at(0));
        assert_eq!(state.handle(Input::Fired { failed: true }, at(0)), Some(Effect::WakeIn(PAUSE)));
    }
}
