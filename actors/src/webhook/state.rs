//! A destination's mind: which delivery is next, how fast, and whether any is sent at all. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::{Admission, Breaker, BreakerSettings, Health, Turn};
use super::delivery::Spot;
use super::lines::{First, Lines};
use super::pace::{Allowed, Pace};
use super::settle::Report;
use crate::clock::Timestamp;
use crate::ids::DeliveryId;
use crate::window::Window;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// A page that was asked for by [`Effect::Fetch`]: due times and ids.
    Fetched(Vec<(u64, DeliveryId)>, bool),
    /// A page could not be read.
    FetchFailed,
    /// Lines that were asked for by [`Effect::Survey`], and whether there are more.
    Surveyed(Vec<Arc<str>>, bool),
    /// They could not be read.
    SurveyFailed,
    /// The first of a line, asked for by [`Effect::ReadFirst`].
    FirstRead(Arc<str>, Option<First>),
    /// It could not be read.
    ReadFailed(Arc<str>),
    /// A delivery became owed and waits there.
    Added(Spot, DeliveryId),
    /// A delivery that waits was changed by somebody else; it waits there now.
    Moved(Spot, DeliveryId),
    /// Nothing but the passing of time.
    Tick,
    /// An attempt's result is written; the next one is due at this moment, if there is one.
    Settled(Ended),
    /// What is allowed from now on, and whether anything is.
    Configured(Allowed, bool),
    /// What an earlier incarnation knew.
    Restored(Health),
    /// Hints were lost.
    Missed,
    /// Begin no more attempts, for good.
    Drain,
}

/// An attempt that ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it waited.
    pub spot: Spot,
    /// Whether it was a probe.
    pub probe: bool,
    /// When it is due next.
    pub next: Option<Timestamp>,
    /// What it says of the receiver.
    pub report: Report,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Attempt a delivery that waits there; perhaps as a probe.
    Attempt(DeliveryId, Spot, bool),
    /// Read a page of what is owed, after this place.
    Fetch(Option<(u64, DeliveryId)>),
    /// Look for lines after this one.
    Survey(Option<Arc<str>>),
    /// Read the first of a line.
    ReadFirst(Arc<str>),
    /// Come back with a [`Input::Tick`] after this long.
    WakeIn(Duration),
    /// The breaker turned.
    Turned(Turn, Health),
    /// The receiver wants no more at all.
    Gone,
    /// No attempt is under way any more and none will be.
    Drained,
}

/// One destination.
#[derive(Debug)]
pub struct DestinationState {
    owed: Window<DeliveryId, ()>,
    lines: Lines,
    under_way: BTreeSet<DeliveryId>,
    breaker: Breaker,
    pace: Pace,
    held: bool,
    draining: bool,
}

impl DestinationState {
    /// A destination that has read nothing yet.
    #[must_use]
    pub fn new(allowed: Allowed, breaker: BreakerSettings) -> Self {
        Self {
            owed: Window::unread(0),
            lines: Lines::default(),
            under_way: BTreeSet::new(),
            breaker: Breaker::new(breaker),
            pace: Pace::new(allowed),
            held: false,
            draining: false,
        }
    }

    /// What a restart must not forget.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.breaker.health()
    }

    /// Takes an input at `now` and says what follows.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Fetched(page, more) => {
                let fresh: Vec<_> = page.into_iter().filter(|(_, id)| !self.under_way.contains(id)).collect();
                self.owed.page(fresh.into_iter().map(|place| (place, ())), more);
            }
            Input::FetchFailed => self.owed.page_failed(),
            Input::Surveyed(lines, more) => self.lines.surveyed(lines, more),
            Input::SurveyFailed => self.lines.survey_failed(),
            Input::FirstRead(key, first) => self.lines.read(&key, first),
            Input::ReadFailed(key) => self.lines.read_failed(&key),
            Input::Added(Spot::Due(due), id) if !self.under_way.contains(&id) => {
                self.owed.add((due.as_millis(), id), ());
            }
            Input::Added(Spot::Line(place), _) => self.lines.added(&place.key),
            Input::Moved(Spot::Line(place), _) => {
                self.lines.moved(&place.key);
                self.lines.added(&place.key);
            }
            Input::Moved(Spot::Due(due), id) => self.owed.add((due.as_millis(), id), ()),
            Input::Settled(ended) => effects.extend(self.settled(ended, now)),
            Input::Configured(allowed, held) => {
                self.pace.allow(allowed);
                self.held = held;
            }
            Input::Restored(health) => self.breaker.restore(health),
            Input::Missed => {
                self.owed.start_over();
                self.lines.start_over();
            }
            Input::Drain => self.draining = true,
            Input::Tick | Input::Added(..) => {}
        }
        effects.extend(self.follow(now));
        effects
    }

    fn settled(&mut self, ended: Ended, now: Timestamp) -> Option<Effect> {
        let Ended { id, spot, probe, next, report } = ended;
        self.under_way.remove(&id);
        match (spot, next) {
            (Spot::Line(place), next) => self.lines.settled(place, id, next),
            (Spot::Due(_), Some(due)) => self.owed.add((due.as_millis(), id), ()),
            (Spot::Due(_), None) => {}
        }
        let turn = match report {
            Report::Took => {
                self.pace.succeeded();
                self.breaker.succeeded()
            }
            Report::Failed => self.breaker.failed(id, probe, now),
            Report::Throttled(until) => {
                self.pace.throttled(until);
                self.breaker.failed(id, probe, now)
            }
            Report::Gone => {
                self.breaker.learned_nothing(probe);
                return Some(Effect::Gone);
            }
            Report::Nothing => {
                self.breaker.learned_nothing(probe);
                None
            }
        };
        if turn == Some(Turn::Closed) {
            self.pace.drain(now);
        }
        turn.map(|turn| Effect::Turned(turn, self.breaker.health()))
    }

    fn follow(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.draining && !self.held && self.under_way.len() < self.pace.at_once() {
            let row = self.owed.first().map(|(due, _)| Timestamp::from_millis(due));
            let line = self.lines.next_due();
            let Some(due) = row.into_iter().chain(line).min() else { break };
            if due > now {
                effects.push(Effect::WakeIn(due.since(now)));
                break;
            }
            let probe = match self.breaker.admits(now) {
                Admission::Yes => false,
                Admission::Probe => true,
                Admission::AfterProbe => break,
                Admission::At(at) => {
                    effects.push(Effect::WakeIn(at.since(now)));
                    break;
                }
            };
            if let Some(wait) = self.pace.wait(now) {
                effects.push(Effect::WakeIn(wait));
                break;
            }
            let Some((id, spot)) = self.take(row, line) else { break };
            self.under_way.insert(id);
            self.pace.began();
            if probe {
                self.breaker.probe_began();
            }
            effects.push(Effect::Attempt(id, spot, probe));
        }
        if let Some(after) = self.owed.wants_page() {
            effects.push(Effect::Fetch(after));
        }
        effects.extend(self.lines.wants_survey().map(Effect::Survey));
        effects.extend(self.lines.wants_first().into_iter().map(Effect::ReadFirst));
        if self.draining && self.under_way.is_empty() {
            effects.push(Effect::Drained);
        }
        effects
    }

    /// Takes the one that is due first.
    fn take(&mut self, row: Option<Timestamp>, line: Option<Timestamp>) -> Option<(DeliveryId, Spot)> {
        if line.is_some_and(|line| row.is_none_or(|row| line <= row)) {
            return self.lines.pop().map(|First { place, id, .. }| (id, Spot::Line(place)));
        }
        let ((due, id), ()) = self.owed.pop()?;
        Some((id, Spot::Due(Timestamp::from_millis(due))))
    }
}

#[cfg(test)]
mod tests;
