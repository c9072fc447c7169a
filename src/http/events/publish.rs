//! Publishing: one event, or several that are all accepted or none. The same key again publishes nothing and
//! answers with what was published first.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use appengine_actors::bus::change::{Change, ChangeError, EventKey, Idempotency, Receipt};
use appengine_actors::clock::Timestamp;
use appengine_actors::event::{EventDraft, EventKind};
use appengine_actors::ids::EventId;
use appengine_actors::log::EventLog;
use appengine_actors::machine::Machine;
use appengine_actors::rights::collections;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::event_types::EventTypes;
use crate::http::admit::Caller;
use crate::http::event_types::details;
use crate::http::take::{Json, Object};
use crate::problem::{Detail, Problem};

/// Events that one batch may hold.
const MOST: usize = 500;
/// Where other services take the key from.
const KEY_HEADER: &str = "idempotency-key";
/// Things wrong with the data of a batch after which no more are looked for.
const MOST_TOLD: usize = 100;
/// How often a batch is put together anew because somebody else publishes one of its events.
const TRIES: usize = 8;

/// An event to publish.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "event": "order.paid", "data": {"number": "1042", "total": 59.9, "email": "ada@example.com"},
    "idempotencyKey": "order-1042-paid", "occurredAt": "2026-04-25T10:00:00Z",
})))]
pub(super) struct PublishBody {
    /// Its kind: words joined by dots.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", max_length = 128)]
    event: EventKind,
    /// What is known about it.
    #[serde(default)]
    data: Value,
    /// Your own key for this event: publishing it again answers with the first one's id.
    #[schema(min_length = 1, max_length = 256)]
    idempotency_key: Option<String>,
    /// When it happened, if that was not now: from 1970 on.
    #[schema(value_type = Option<String>, format = DateTime, pattern = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-")]
    occurred_at: Option<Timestamp>,
}

/// Events to publish together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"events": [
    {"event": "order.paid", "data": {"number": "1043", "total": 12}, "idempotencyKey": "order-1043-paid"},
    {"event": "order.shipped", "data": {"number": "1042"}, "idempotencyKey": "order-1042-shipped"},
]})))]
pub(super) struct BatchBody {
    /// The events, in their order.
    #[schema(min_items = 1, max_items = 500)]
    #[schema(value_type = Vec<BatchEvent>)]
    events: Vec<Object<BatchEvent>>,
    /// Your own key for the whole batch.
    #[schema(min_length = 1, max_length = 256)]
    idempotency_key: Option<String>,
}

/// One event of a batch.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BatchEvent {
    /// Its kind: words joined by dots.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", max_length = 128)]
    event: EventKind,
    /// What is known about it.
    #[serde(default)]
    data: Value,
    /// Your own key for this event: in a batch again, it stands for the first one.
    #[schema(min_length = 1, max_length = 256)]
    idempotency_key: Option<String>,
    /// When it happened, if that was not now: from 1970 on.
    #[schema(value_type = Option<String>, format = DateTime, pattern = "^(19[7-9][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-")]
    occurred_at: Option<Timestamp>,
}

/// An event that is durable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// Its id.
    #[schema(value_type = String)]
    id: EventId,
}

/// Events that are durable.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedBatch {
    /// Their ids, in the order of the batch.
    #[schema(value_type = Vec<String>)]
    ids: Vec<EventId>,
}

pub(super) async fn one(
    caller: Caller,
    request: HttpRequest,
    machine: web::Data<Machine>,
    log: web::Data<EventLog>,
    types: web::Data<EventTypes>,
    Json(Object(body)): Json<Object<PublishBody>>,
) -> Result<HttpResponse, Problem> {
    let key = key_of(&request, body.idempotency_key)?;
    let one = BatchEvent {
        event: body.event,
        data: body.data,
        idempotency_key: None,
        occurred_at: body.occurred_at,
    };
    refuse(reserved("event", &one.event))?;
    let checks = Checks { caller: &caller, types: &types, log: &log, key: key.as_deref() };
    checks.pass(|_| "data".to_owned(), std::slice::from_ref(&one)).await?;
    let published = together(&caller, &machine, vec![one], key).await?;
    let id = published.ids.first().copied();
    let id = id.ok_or_else(|| Problem::internal(&"the bus published no event"))?;
    Ok(published.answer().json(Accepted { id }))
}

pub(super) async fn batch(
    caller: Caller,
    request: HttpRequest,
    machine: web::Data<Machine>,
    log: web::Data<EventLog>,
    types: web::Data<EventTypes>,
    Json(Object(body)): Json<Object<BatchBody>>,
) -> Result<HttpResponse, Problem> {
    if body.events.is_empty() || body.events.len() > MOST {
        let message = format!("must hold 1 to {MOST} events, not {}", body.events.len());
        refuse(Some(Detail { path: "events".into(), message }))?;
    }
    let key = key_of(&request, body.idempotency_key)?;
    let events: Vec<_> = body.events.into_iter().map(|Object(event)| event).collect();
    let reserved =
        events.iter().enumerate().map(|(at, one)| reserved(&format!("events[{at}].event"), &one.event));
    refuse(reserved.flatten())?;
    let checks = Checks { caller: &caller, types: &types, log: &log, key: key.as_deref() };
    checks.pass(|at| format!("events[{at}].data"), &events).await?;
    let with_keys = events.iter().any(|event| event.idempotency_key.is_some());
    if with_keys && key.is_some() {
        let message = "stands beside keys of single events; give the batch a key or its events, not both";
        refuse(Some(Detail { path: "idempotencyKey".into(), message: message.into() }))?;
    }
    let published = if with_keys {
        check_keys(&events)?;
        each(&caller, &machine, &log, events).await?
    } else {
        together(&caller, &machine, events, key).await?
    };
    Ok(published.answer().json(AcceptedBatch { ids: published.ids }))
}

/// Events that are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Published {
    ids: Vec<EventId>,
    /// Whether all of them were before.
    repeated: bool,
}

impl Published {
    fn answer(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::Accepted();
        if self.repeated {
            answer.insert_header(("idempotent-replayed", "true"));
        }
        answer
    }
}

/// The key for the whole request: from the body, or from the header that other services take it from.
fn key_of(request: &HttpRequest, given: Option<String>) -> Result<Option<String>, Problem> {
    let Some(header) = request.headers().get(KEY_HEADER) else {
        refuse(given.as_ref().and_then(|key| bad_key("idempotencyKey", key)))?;
        return Ok(given);
    };
    let header = header.to_str().unwrap_or_default().to_owned();
    refuse(bad_key("Idempotency-Key", &header))?;
    if given.as_ref().is_some_and(|given| *given != header) {
        let message = "is another key than the header `Idempotency-Key`; give one of the two".to_owned();
        refuse(Some(Detail { path: "idempotencyKey".into(), message }))?;
    }
    Ok(Some(header))
}

fn bad_key(path: &str, key: &str) -> Option<Detail> {
    let message = "must have 1 to 256 characters".to_owned();
    (!(1..=256).contains(&key.chars().count())).then(|| Detail { path: path.to_owned(), message })
}

fn check_keys(events: &[BatchEvent]) -> Result<(), Problem> {
    let mut seen = HashMap::new();
    let problem = |(at, event): (usize, &BatchEvent)| {
        let key = event.idempotency_key.clone()?;
        let path = format!("events[{at}].idempotencyKey");
        bad_key(&path, &key).or_else(|| {
            let first = seen.insert(key, at)?;
            Some(Detail { path, message: format!("is the key of events[{first}] too; give each its own") })
        })
    };
    refuse(events.iter().enumerate().filter_map(problem))
}

/// Kinds that tell what the server itself did: somebody who could publish them could feign it.
fn reserved(path: &str, kind: &EventKind) -> Option<Detail> {
    collections::is_told_by_the_server(kind).then(|| Detail {
        path: path.to_owned(),
        message: format!(
            "is `{kind}`, which the server alone publishes, when it happens; choose another name"
        ),
    })
}

/// Whether data is as the types of its events say; kinds without a type take any.
struct Checks<'a> {
    caller: &'a Caller,
    types: &'a EventTypes,
    log: &'a EventLog,
    /// The request's own key.
    key: Option<&'a str>,
}

impl Checks<'_> {
    async fn pass(&self, path: impl Fn(usize) -> String, events: &[BatchEvent]) -> Result<(), Problem> {
        let mut problems = Vec::new();
        for (at, event) in events.iter().enumerate() {
            let wrong = self.types.check(&self.caller.org, &event.event, &event.data).await?;
            if wrong.is_empty() || self.was_published(event).await? {
                continue;
            }
            problems.extend(wrong.into_iter().map(|one| one.within(&path(at))));
            if problems.len() >= MOST_TOLD {
                break;
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let what = "the event cannot be taken, its data is not as its event type says";
        Err(Problem::invalid_as("schema_mismatch", what, details(problems)))
    }

    /// Its type may have changed since: whoever asks again gets the first answer.
    async fn was_published(&self, event: &BatchEvent) -> Result<bool, Problem> {
        let keys = self.key.or(event.idempotency_key.as_deref());
        let remembered = self.log.remembered(&self.caller.org, keys).await;
        Ok(remembered.map_err(ChangeError::from)?.into_iter().any(|found| found.is_some()))
    }
}

fn refuse(problems: impl IntoIterator<Item = Detail>) -> Result<(), Problem> {
    let problems: Vec<Detail> = problems.into_iter().collect();
    if problems.is_empty() { Ok(()) } else { Err(Problem::invalid("the event cannot be taken", problems)) }
}

fn digest_of(events: &[BatchEvent]) -> String {
    let mut digest = Sha256::new();
    for event in events {
        digest.update(json!([event.event, event.data, event.occurred_at]).to_string());
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn draft(event: BatchEvent, machine: &Machine) -> EventDraft {
    let id = EventId::new(machine.house.clock.now());
    EventDraft { id, kind: event.event, data: event.data, occurred_at: event.occurred_at }
}

/// Publishes events under one key, or under none.
async fn together(
    caller: &Caller,
    machine: &Machine,
    events: Vec<BatchEvent>,
    key: Option<String>,
) -> Result<Published, Problem> {
    let idempotency = key.map(|key| Idempotency { key, digest: digest_of(&events) });
    let events: Vec<EventDraft> = events.into_iter().map(|event| draft(event, machine)).collect();
    let own = events.iter().map(|draft| draft.id).collect();
    let change = Change { by: Some(caller.label().to_owned()), events, idempotency, ..Change::default() };
    Ok(accepted(own, machine.publisher.commit(caller.org.clone(), change).await)?)
}

/// The events that are durable now, of which the request's own are `own`.
fn accepted(own: Vec<EventId>, committed: Result<Receipt, ChangeError>) -> Result<Published, ChangeError> {
    match committed {
        Ok(Receipt { repeated: Some(ids), .. }) => Ok(Published { ids, repeated: true }),
        Ok(_) => Ok(Published { ids: own, repeated: false }),
        // The bus ended between its commit and its answer, and was asked again: nobody else has this id.
        Err(ChangeError::Published(id)) if own.contains(&id) => Ok(Published { ids: own, repeated: false }),
        Err(error) => Err(error),
    }
}

/// Publishes events of which some have keys of their own: those whose key was used stand for the first
/// ones, and the others are published together.
async fn each(
    caller: &Caller,
    machine: &Machine,
    log: &EventLog,
    events: Vec<BatchEvent>,
) -> Result<Published, Problem> {
    let mut tries = 0;
    loop {
        tries += 1;
        let keys = events.iter().filter_map(|event| event.idempotency_key.as_deref());
        let mut remembered = log.remembered(&caller.org, keys).await.map_err(ChangeError::from)?.into_iter();
        let mut change = Change { by: Some(caller.label().to_owned()), ..Change::default() };
        let mut ids = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let digest = digest_of(std::slice::from_ref(event));
            let first = event.idempotency_key.as_ref().and_then(|_| remembered.next().flatten());
            if let Some(first) = first {
                if first.digest != digest {
                    let message =
                        format!("failed to publish events[{at}]: its idempotencyKey was used for another");
                    return Err(Problem::conflict("idempotency_key_reused", message));
                }
                ids.extend(first.events);
                continue;
            }
            let draft = draft(event.clone(), machine);
            ids.push(draft.id);
            let key = event.idempotency_key.clone();
            let key = key.map(|key| EventKey { event: draft.id, idempotency: Idempotency { key, digest } });
            change.event_keys.extend(key);
            change.events.push(draft);
        }
        if change.events.is_empty() {
            return Ok(Published { ids, repeated: true });
        }
        match machine.publisher.commit(caller.org.clone(), change).await {
            Ok(_) => return Ok(Published { ids, repeated: false }),
            // Somebody published one of them in between: it is known to be a repeat now.
            Err(ChangeError::EventKeyUsed) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_whose_first_answer_was_lost_is_accepted_all_the_same() {
        let [own, second, other] = [1, 2, 3].map(|n| EventId::new(Timestamp::from_millis(n)));
        let both = vec![own, second];
        let lost = Err(ChangeError::Published(second));
        assert_eq!(accepted(both.clone(), lost), Ok(Published { ids: both.clone(), repeated: false }));
        let somebody_elses = Err(ChangeError::Published(other));
        assert_eq!(accepted(both.clone(), somebody_elses), Err(ChangeError::Published(other)));
        assert_eq!(
            accepted(both.clone(), Ok(Receipt::default())),
            Ok(Published { ids: both.clone(), repeated: false })
        );
        let earlier = Receipt { repeated: Some(vec![other]), ..Receipt::default() };
        assert_eq!(accepted(both, Ok(earlier)), Ok(Published { ids: vec![other], repeated: true }));
    }
}
