//! What somebody is shown of events and of what came of them: an event that carries a record which is
//! hidden from them keeps its place and loses its data, and so does whatever was made of that data. Every
//! answer that tells of events, runs or deliveries is made here.

use std::collections::HashSet;

use appengine_actors::event::Event;
use appengine_actors::flow::run::{Run, StepRecord};
use appengine_actors::ids::EventId;
use appengine_actors::log::EventLog;
use appengine_actors::store::StoreError;
use appengine_actors::trace::{Trace, TraceBody, TraceNode};
use appengine_actors::webhook::cause::likely_cause;
use appengine_actors::webhook::delivery::{AttemptRecord, Delivery, Phases};
use serde_json::{Value, json};

use crate::auth::principal::Principal;

/// What stands where something may not be read.
const DOTS: &str = "••••••";

/// The events whose data somebody may not see.
#[derive(Debug, Default)]
pub struct Hidden(HashSet<EventId>);

impl Hidden {
    /// Which of these events are hidden from the caller; one that is not in the log is too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn of(
        caller: &Principal,
        log: &EventLog,
        events: impl IntoIterator<Item = Option<EventId>>,
    ) -> Result<Self, StoreError> {
        let mut hidden: HashSet<EventId> = events.into_iter().flatten().collect();
        for event in log.many(&caller.org, hidden.iter().copied()).await? {
            if caller.rights().may_see(&event.data) {
                hidden.remove(&event.id);
            }
        }
        Ok(Self(hidden))
    }

    /// Whether this event is hidden.
    #[must_use]
    pub fn has(&self, event: Option<EventId>) -> bool {
        event.is_some_and(|event| self.0.contains(&event))
    }
}

/// An event.
#[must_use]
pub fn event(caller: &Principal, event: &Event) -> Value {
    let mut shown = json!(event);
    if !caller.rights().may_see(&event.data) {
        leave_out(&mut shown, &["data"]);
    }
    shown
}

/// A run, without its steps.
#[must_use]
pub fn run(run: &Run, hidden: &Hidden) -> Value {
    let mut shown = json!(run);
    if hidden.has(run.event) {
        leave_out(&mut shown, &["variables", "error"]);
    }
    shown
}

/// The steps of a run.
#[must_use]
pub fn steps(caller: &Principal, of: &Run, steps: &[StepRecord], hidden: &Hidden) -> Vec<Value> {
    let step = |step: &StepRecord| {
        let mut shown = json!(step);
        if hidden.has(of.event) {
            leave_out(&mut shown, &["input", "output", "error"]);
        }
        if !caller.rights().runs_the_organisation()
            && let Some(headers) = shown.pointer_mut("/input/headers").and_then(Value::as_object_mut)
        {
            headers.values_mut().for_each(|value| *value = DOTS.into());
        }
        shown
    };
    steps.iter().map(step).collect()
}

/// A delivery, without its attempts.
#[must_use]
pub fn delivery(caller: &Principal, delivery: &Delivery, hidden: &Hidden) -> Value {
    let mut told = delivery.clone();
    if !caller.rights().runs_the_organisation() {
        told.headers.iter_mut().for_each(|(_, value)| DOTS.clone_into(value));
    }
    let is_hidden = hidden.has(delivery.event_id);
    if is_hidden {
        told.url = origin(&told.url);
    }
    let mut shown = json!(told);
    if let Some(fields) = shown.as_object_mut() {
        fields.remove("line");
        fields.remove("uncounted");
        if let Some(endpoint) = told.destination.endpoint() {
            fields.insert("endpointId".to_owned(), json!(endpoint));
        }
        if let Some(line) = &told.line {
            fields.insert("orderKey".to_owned(), json!(*line.key));
        }
    }
    if is_hidden {
        leave_out(&mut shown, &["headers", "body", "lastError", "orderKey"]);
    }
    shown
}

/// The attempts at a delivery: what a receiver answers may repeat what it was told.
#[must_use]
pub fn attempts(
    caller: &Principal,
    of: &Delivery,
    attempts: &[AttemptRecord],
    hidden: &Hidden,
) -> Vec<Value> {
    let attempt = |attempt: &AttemptRecord| {
        let mut shown = json!(attempt);
        if let Some(fields) = shown.as_object_mut() {
            // Shown to everybody, phases would make a port scanner of this server.
            let phases = attempt.phases.filter(|_| caller.rights().runs_the_organisation());
            fields.remove("phases");
            fields.extend(phases.map(|phases| ("timings".to_owned(), timings(phases))));
            let cause = likely_cause(attempt.status_code, attempt.error_class.as_deref());
            fields.extend(cause.map(|cause| ("likelyCause".to_owned(), cause.into())));
        }
        if hidden.has(of.event_id) {
            leave_out(&mut shown, &["url", "responseHeaders", "responseBody", "error"]);
        }
        shown
    };
    attempts.iter().map(attempt).collect()
}

/// In milliseconds, to a microsecond.
fn timings(phases: Phases) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "an attempt takes minutes at most")]
    let millis = |micros: u64| micros as f64 / 1e3;
    json!({
        "dnsMs": phases.dns_us.map(millis),
        "connectMs": phases.connect_us.map(millis),
        "tlsMs": phases.tls_us.map(millis),
        "firstByteMs": phases.first_byte_us.map(millis),
        "totalMs": millis(phases.total_us),
    })
}

/// A trace. Whatever came of an event stands below it, so the tree itself tells what is hidden.
#[must_use]
pub fn trace(caller: &Principal, trace: &Trace) -> Value {
    let mut shown = node(caller, &trace.root, &mut Hidden::default());
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("truncated".to_owned(), trace.truncated.into());
    }
    shown
}

fn node(caller: &Principal, of: &TraceNode, hidden: &mut Hidden) -> Value {
    let mut shown = match &of.body {
        TraceBody::Event { event: told } => {
            if !caller.rights().may_see(&told.data) {
                hidden.0.insert(told.id);
            }
            json!({"type": "event", "event": event(caller, told)})
        }
        TraceBody::Run { run: told, steps: taken } => {
            json!({"type": "run", "run": run(told, hidden), "steps": steps(caller, told, taken, hidden)})
        }
        TraceBody::Delivery { delivery: told, attempts: made } => json!({
            "type": "delivery", "delivery": delivery(caller, told, hidden), "attempts": attempts(caller, told, made, hidden),
        }),
        job @ TraceBody::Job { .. } => json!(job),
    };
    let children: Vec<Value> = of.children.iter().map(|child| node(caller, child, hidden)).collect();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("children".to_owned(), children.into());
    }
    shown
}

fn leave_out(shown: &mut Value, names: &[&str]) {
    if let Some(fields) = shown.as_object_mut() {
        for name in names {
            fields.remove(*name);
        }
        fields.insert("hidden".to_owned(), true.into());
    }
}

/// Scheme, host and port: what comes after them may be made of the event.
fn origin(url: &str) -> String {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(authority..).and_then(|rest| rest.find(['/', '?', '#']));
    let end = path.map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or_default().to_owned()
}
