//! Why an endpoint was, or was not, sent an event: every gate on the way, in its order, in words. Pure but for what
//! it reads.

use serde::Serialize;

use super::breaker::Health;
use super::delivery::{AttemptRecord, Delivery, DeliveryStatus, id_of};
use super::endpoint::index::is_about;
use super::endpoint::{Endpoint, EndpointStatus, unrendered};
use super::health::health_of;
use crate::event::Event;
use crate::event::pattern::matches;
use crate::keys;
use crate::record::{Limits, Query};
use crate::store::{Scan, Store, StoreError, decode};

/// Attempts that are read.
const MOST_ATTEMPTS: usize = 200;

/// One gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// Its name: `subscription`, `filter`, `endpoint`, `delivery`, `attempts` or `breaker`.
    pub gate: &'static str,
    /// Whether the event came through; none where that is open still.
    pub passed: Option<bool>,
    /// Why, in words.
    pub why: String,
}

/// The whole way of one event to one endpoint.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The answer in one sentence.
    pub answer: String,
    /// Every gate, in order.
    pub gates: Vec<Gate>,
    /// The delivery, where there is one.
    pub delivery: Option<Delivery>,
    /// Its attempts.
    pub attempts: Vec<AttemptRecord>,
}

/// Explains the way of an event to an endpoint.
///
/// # Errors
/// When the store fails.
pub async fn explain(store: &dyn Store, event: &Event, endpoint: &Endpoint) -> Result<Explained, StoreError> {
    let id = id_of(event.id, endpoint.id, event.timestamp);
    let found = store.get(keys::delivery(&event.org_id, id)).await?;
    let delivery: Option<Delivery> = found.map(|found| decode(&found.value)).transpose()?;
    let attempts = store.scan(Scan::prefix(keys::attempts(&event.org_id, id), MOST_ATTEMPTS)).await?;
    let attempts: Vec<AttemptRecord> =
        attempts.iter().map(|(_, found)| decode(&found.value)).collect::<Result<_, _>>()?;
    let health = health_of(store, &endpoint.id.to_string()).await?;
    Ok(told(event, endpoint, delivery, attempts, health))
}

fn told(
    event: &Event,
    endpoint: &Endpoint,
    delivery: Option<Delivery>,
    attempts: Vec<AttemptRecord>,
    health: Health,
) -> Explained {
    let mut gates = vec![subscription(event, endpoint), filter(event, endpoint)];
    let Some(delivery) = delivery else {
        gates.push(standing(event, endpoint));
        let stopped = gates.iter().find(|gate| gate.passed == Some(false));
        let answer = match stopped {
            Some(gate) => format!("it was not sent: {}", gate.why),
            None => {
                "it was not sent: when it happened the endpoint did not listen to it as it does now, or was \
                 disabled; replay it with outcome `missed`"
                    .to_owned()
            }
        };
        return Explained { answer, gates, delivery: None, attempts };
    };
    gates.push(Gate {
        gate: "delivery",
        passed: Some(true),
        why: format!("it is owed as {} since {}", delivery.id, delivery.created_at),
    });
    if let Some(last) = attempts.last() {
        gates.push(Gate {
            gate: "attempts",
            passed: Some(delivery.status == DeliveryStatus::Delivered),
            why: match &last.error {
                Some(error) => format!("{} made; the last one: {error}", delivery.attempts),
                None => format!("{} made; the last one was taken with {}", delivery.attempts, status(last)),
            },
        });
    }
    gates.push(breaker(health));
    let answer = answer(&delivery, endpoint, health);
    Explained { answer, gates, delivery: Some(delivery), attempts }
}

fn status(attempt: &AttemptRecord) -> String {
    attempt.status_code.map(|code| code.to_string()).unwrap_or_default()
}

fn subscription(event: &Event, endpoint: &Endpoint) -> Gate {
    let kind = &event.kind;
    let pattern = endpoint.events.iter().find(|pattern| matches(pattern, kind));
    let (passed, why) = match pattern {
        _ if is_about(event, endpoint.id) => {
            (false, "the event tells of this endpoint itself, which is not sent to it".to_owned())
        }
        Some(pattern) => (true, format!("`{pattern}` matches {kind}")),
        None => (false, format!("none of {} matches {kind}", endpoint.events.join(", "))),
    };
    Gate { gate: "subscription", passed: Some(passed), why }
}

fn filter(event: &Event, endpoint: &Endpoint) -> Gate {
    let (passed, why) = match &endpoint.filter {
        None => (true, "the endpoint has no filter".to_owned()),
        Some(filter) => match Query::parse(filter, &Limits::default()) {
            Ok(query) if query.matches(&unrendered(event)) => {
                (true, "the event matches the filter".to_owned())
            }
            Ok(_) => (false, format!("the event does not match the filter {filter}")),
            Err(_) => (false, "the filter cannot be read".to_owned()),
        },
    };
    Gate { gate: "filter", passed: Some(passed), why }
}

fn standing(event: &Event, endpoint: &Endpoint) -> Gate {
    let (passed, why) = if endpoint.created_at > event.timestamp {
        (false, format!("the endpoint was registered at {}, after the event", endpoint.created_at))
    } else if endpoint.status == EndpointStatus::Disabled {
        let since = endpoint.stopped_at.map(|at| format!(" since {at}")).unwrap_or_default();
        let reason = endpoint.disabled_reason.as_deref().unwrap_or("its owner wanted so");
        let was = endpoint.stopped_at.is_some_and(|at| at > event.timestamp);
        (was, format!("the endpoint is disabled{since}: {reason}"))
    } else {
        (true, "the endpoint is not disabled".to_owned())
    };
    Gate { gate: "endpoint", passed: Some(passed), why }
}

fn breaker(health: Health) -> Gate {
    match (health.opened_at, health.probe_at) {
        (Some(opened), probe) => Gate {
            gate: "breaker",
            passed: Some(false),
            why: format!(
                "open since {opened}: every attempt fails, so that only probes are sent{}",
                probe.map(|at| format!(", the next one at {at}")).unwrap_or_default()
            ),
        },
        (None, _) => Gate { gate: "breaker", passed: Some(true), why: "closed".to_owned() },
    }
}

fn answer(delivery: &Delivery, endpoint: &Endpoint, health: Health) -> String {
    let last = delivery.last_error.as_deref().unwrap_or("no attempt was made yet");
    match delivery.status {
        DeliveryStatus::Delivered => {
            let at = delivery.completed_at.map(|at| at.to_string()).unwrap_or_default();
            format!("it was delivered at {at}, with attempt {}", delivery.attempts)
        }
        DeliveryStatus::Dead => format!("every attempt of its schedule failed; the last one: {last}"),
        DeliveryStatus::Failed => format!("it failed for good: {last}"),
        DeliveryStatus::Discarded => format!("it was discarded: {last}"),
        DeliveryStatus::Pending | DeliveryStatus::Delivering => match endpoint.status {
            EndpointStatus::Paused => "it waits: the endpoint is paused".to_owned(),
            EndpointStatus::Disabled => "it waits: the endpoint is disabled; enable it".to_owned(),
            EndpointStatus::Enabled if health.opened_at.is_some() => {
                format!("it waits behind the endpoint's open breaker, without using up its attempts: {last}")
            }
            EndpointStatus::Enabled if delivery.attempts > 0 => {
                let next = delivery.next_attempt_at.map(|at| at.to_string()).unwrap_or_default();
                format!("it waits for its next attempt, at {next} or when those before it are done; the last one: {last}")
            }
            EndpointStatus::Enabled => {
                "it waits for its turn: behind others in its order, at the endpoint's rate, or for a free request"
                    .to_owned()
            }
        },
    }
}
