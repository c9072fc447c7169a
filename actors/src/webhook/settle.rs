//! What an attempt makes of its delivery, and what it says of the receiver. Pure.

use std::time::Duration;

use super::delivery::{AttemptRecord, Delivery, DeliveryStatus, Phases};
use super::failure::Fault;
use super::outcome::{Verdict, explain, judge};
use super::transport::{Attempt, OutboundReply};
use crate::clock::Timestamp;

/// When a delivery comes up again that failed as a probe after its schedule's end: others may be luckier.
const PROBED_AGAIN: Duration = Duration::from_mins(1);

/// What an attempt says of the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It took the delivery.
    Took,
    /// It did not.
    Failed,
    /// It has too much, and perhaps says until when.
    Throttled(Option<Timestamp>),
    /// It wants no more at all.
    Gone,
    /// Nothing: no request was made, or what failed was not the receiver.
    Nothing,
}

/// How an attempt was made.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// When it began.
    pub started: Timestamp,
    /// Whether it was a probe, which costs its delivery no attempt.
    pub probe: bool,
    /// Milliseconds to pause after each failed attempt that counts.
    pub schedule: &'a [u64],
    /// By which share of a pause it varies.
    pub jitter: f64,
    /// In 0..1.
    pub random: f64,
}

/// What an attempt that ended at `now` makes of a delivery: the delivery as it shall be, the attempt's own record,
/// and what is learned of the receiver.
#[must_use]
pub fn settle(
    delivery: &Delivery,
    attempt: &Attempt,
    made: Made<'_>,
    now: Timestamp,
) -> (Delivery, AttemptRecord, Report) {
    let mut after = delivery.clone();
    after.attempts += 1;
    let verdict = judge(&attempt.result, now.to_jiff());
    let failed_probe = made.probe && matches!(verdict, Verdict::Retry { .. });
    after.uncounted += u32::from(failed_probe);
    let pause = pause_after(delivery, made).or_else(|| failed_probe.then_some(PROBED_AGAIN));
    let (status, next) = match verdict {
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
    after.last_error = explain(&attempt.result, delivery.destination.endpoint().is_some());
    after.last_status_code = attempt.result.as_ref().ok().map(|reply| reply.status);
    let reply = attempt.result.as_ref().ok();
    let record = AttemptRecord {
        number: after.attempts,
        started_at: made.started,
        duration_ms: u64::try_from(attempt.timings.total.as_millis()).unwrap_or(u64::MAX),
        probe: made.probe,
        url: delivery.url.clone(),
        request_headers: Vec::new(),
        phases: Some(phases(attempt)),
        status_code: after.last_status_code,
        response_headers: reply.map(|reply| reply.headers.clone()).unwrap_or_default(),
        response_body: reply.map(|r| String::from_utf8_lossy(&r.body).into_owned()).unwrap_or_default(),
        response_truncated: reply.is_some_and(OutboundReply::body_truncated),
        error_class: attempt.result.as_ref().err().map(|error| error.code().to_owned()),
        error: after.last_error.clone(),
    };
    (after, record, report(attempt, verdict, now))
}

fn report(attempt: &Attempt, verdict: Verdict, now: Timestamp) -> Report {
    match verdict {
        Verdict::Delivered => Report::Took,
        Verdict::Disable => Report::Gone,
        Verdict::Refused => Report::Nothing,
        Verdict::Retry { after, throttle: true } => Report::Throttled(after.map(|wait| now.plus(wait))),
        Verdict::Retry { .. } => match &attempt.result {
            Err(error) if error.fault() != Fault::Receiver => Report::Nothing,
            _ => Report::Failed,
        },
    }
}

fn phases(attempt: &Attempt) -> Phases {
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let timings = attempt.timings;
    Phases {
        dns_us: timings.dns.map(micros),
        connect_us: timings.connect.map(micros),
        tls_us: timings.tls.map(micros),
        first_byte_us: timings.first_byte.map(micros),
        total_us: micros(timings.total),
    }
}

/// The pause after the delivery's next failure; none when its schedule is used up.
fn pause_after(delivery: &Delivery, made: Made<'_>) -> Option<Duration> {
    let counted = delivery.attempts.saturating_sub(delivery.uncounted);
    let step = made.schedule.get(usize::try_from(counted).ok()?)?;
    let factor = made.jitter.mul_add(2.0_f64.mul_add(made.random, -1.0), 1.0);
    Some(Duration::from_millis(*step).mul_f64(factor.max(0.0)))
}
