//! A destination's mind: which delivery is next and what becomes of one that was attempted. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::delivery::{AttemptRecord, Delivery, DeliveryStatus};
use super::outcome::{Verdict, explain, judge};
use super::transport::Attempt;
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
    /// A delivery became owed, due at this moment.
    Added(Timestamp, DeliveryId),
    /// Nothing but the passing of time.
    Tick,
    /// An attempt's result is written; the next one is due at this moment, if there is one.
    Settled(DeliveryId, Option<Timestamp>),
    /// Hints were lost.
    Missed,
    /// Begin no more attempts, for good.
    Drain,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Attempt a delivery that fell due at this moment.
    Attempt(DeliveryId, Timestamp),
    /// Read a page of what is owed, after this place.
    Fetch(Option<(u64, DeliveryId)>),
    /// Come back with a [`Input::Tick`] after this long.
    WakeIn(Duration),
    /// No attempt is under way any more and none will be.
    Drained,
}

/// One destination.
#[derive(Debug)]
pub struct DestinationState {
    owed: Window<DeliveryId, ()>,
    under_way: BTreeSet<DeliveryId>,
    concurrency: usize,
    draining: bool,
}

impl DestinationState {
    /// A destination that has read nothing yet.
    #[must_use]
    pub fn new(concurrency: usize) -> Self {
        Self { owed: Window::unread(0), under_way: BTreeSet::new(), concurrency, draining: false }
    }

    /// Takes an input at `now` and says what follows.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        match input {
            Input::Fetched(page, more) => {
                let fresh: Vec<_> = page.into_iter().filter(|(_, id)| !self.under_way.contains(id)).collect();
                self.owed.page(fresh.into_iter().map(|place| (place, ())), more);
            }
            Input::FetchFailed => self.owed.page_failed(),
            Input::Added(due, id) if !self.under_way.contains(&id) => {
                self.owed.add((due.as_millis(), id), ());
            }
            Input::Settled(id, next) => {
                self.under_way.remove(&id);
                if let Some(due) = next {
                    self.owed.add((due.as_millis(), id), ());
                }
            }
            Input::Missed => self.owed.start_over(),
            Input::Drain => self.draining = true,
            Input::Tick | Input::Added(..) => {}
        }
        self.follow(now)
    }

    fn follow(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        while !self.draining && self.under_way.len() < self.concurrency {
            let Some((due, id)) = self.owed.first() else { break };
            if due > now.as_millis() {
                effects.push(Effect::WakeIn(Timestamp::from_millis(due).since(now)));
                break;
            }
            self.owed.pop();
            self.under_way.insert(id);
            effects.push(Effect::Attempt(id, Timestamp::from_millis(due)));
        }
        if let Some(after) = self.owed.wants_page() {
            effects.push(Effect::Fetch(after));
        }
        if self.draining && self.under_way.is_empty() {
            effects.push(Effect::Drained);
        }
        effects
    }
}

/// What an attempt that began at `started` makes of a delivery: the delivery as it shall be, and the
/// attempt's own record. `random` in 0..1 spreads the pause by `jitter`.
#[must_use]
pub fn settle(
    delivery: &Delivery,
    attempt: &Attempt,
    started: Timestamp,
    now: Timestamp,
    jitter: f64,
    random: f64,
) -> (Delivery, AttemptRecord) {
    let mut after = delivery.clone();
    after.attempts += 1;
    let pause = pause_after(delivery, jitter, random);
    let (status, next) = match judge(&attempt.result, now.to_jiff()) {
        Verdict::Delivered => (DeliveryStatus::Delivered, None),
        Verdict::Retry { after, .. } => match pause {
            Some(pause) => (DeliveryStatus::Pending, Some(now.plus(pause.max(after.unwrap_or_default())))),
            None => (DeliveryStatus::Dead, None),
        },
        Verdict::Disable | Verdict::Refused => (DeliveryStatus::Failed, None),
    };
    after.status = status;
    after.next_attempt_at = next;
    after.completed_at = next.is_none().then_some(now);
    after.last_error = explain(&attempt.result);
    after.last_status_code = attempt.result.as_ref().ok().map(|reply| reply.status);
    let reply = attempt.result.as_ref().ok();
    let record = AttemptRecord {
        number: after.attempts,
        started_at: started,
        duration_ms: u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX),
        status_code: after.last_status_code,
        response_headers: reply.map(|reply| reply.headers.clone()).unwrap_or_default(),
        response_body: reply.map(|r| String::from_utf8_lossy(&r.body).into_owned()).unwrap_or_default(),
        response_truncated: reply.is_some_and(super::transport::OutboundReply::body_truncated),
        error_class: attempt.result.as_ref().err().map(|error| error.code().to_owned()),
        error: after.last_error.clone(),
    };
    (after, record)
}

/// The pause after the delivery's next failure; none when its schedule is used up.
fn pause_after(delivery: &Delivery, jitter: f64, random: f64) -> Option<Duration> {
    let step = delivery.schedule.get(usize::try_from(delivery.attempts).ok()?)?;
    let factor = jitter.mul_add(2.0_f64.mul_add(random, -1.0), 1.0);
    Some(Duration::from_millis(*step).mul_f64(factor.max(0.0)))
}
