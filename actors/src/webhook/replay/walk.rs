//! One step of a replay: some events further, with all that becomes due by them, in one commit.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Outcome, Replay, ReplayStatus, Scope};
use crate::clock::{Stamp, Timestamp};
use crate::event::pattern::matches;
use crate::event::{Event, EventKind};
use crate::house::House;
use crate::ids::{EventId, OrgId, ReplayId};
use crate::keys;
use crate::store::{Batch, Expect, Scan, StoreError, Versioned, decode, encode};
use crate::webhook::delivery::{Delivery, DeliveryDraft, DeliveryStatus, LinePlace, id_of};
use crate::webhook::endpoint::index::{EndpointIndex, Subscribed};
use crate::webhook::endpoint::{Endpoint, EndpointStatus, order_key};
use crate::webhook::resend::again;

/// Events that one step looks at.
const EVENTS: usize = 100;
/// Deliveries that one step makes due before it stops after an event.
const DELIVERIES: usize = 200;
/// Endpoints read at once.
const PAGE: usize = 500;

/// Where in the log an event stands.
type Place = (Stamp, u16);

/// What one look at the log found.
pub(super) struct Look {
    /// What becomes due.
    found: Vec<(Outcome, Met)>,
    /// Events that were looked at.
    looked: u64,
    /// The last of them.
    last: Option<(Place, Timestamp)>,
    /// Whether there may be more.
    more: bool,
}

/// A delivery as it is, or as it would be.
enum Met {
    Again(Box<Delivery>, u64),
    New(Box<Delivery>),
}

/// The endpoints that a scope is about, as they listen now.
pub(super) async fn listening(
    house: &House,
    org: &OrgId,
    scope: &Scope,
) -> Result<EndpointIndex, StoreError> {
    let mut index = EndpointIndex::default();
    let mut add = |found: &Versioned| {
        let endpoint: Endpoint = decode(&found.value)?;
        // One that is disabled listens to nothing.
        index.insert(&endpoint).map_err(StoreError::Corrupt)
    };
    if let Some(id) = scope.endpoint_id {
        house.store.get(keys::endpoint(org, id)).await?.as_ref().map(&mut add).transpose()?;
        return Ok(index);
    }
    let mut scan = Scan::prefix(keys::endpoints(org), PAGE);
    loop {
        let page = house.store.scan(scan.clone()).await?;
        page.iter().try_for_each(|(_, found)| add(found))?;
        match page.last() {
            Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
            _ => return Ok(index),
        }
    }
}

/// Looks at the next events of a scope, after a place.
pub(super) async fn look(
    house: &House,
    (org, scope): (&OrgId, &Scope),
    index: &EndpointIndex,
    after: Option<Place>,
) -> Result<Look, StoreError> {
    let log = match scope.events.as_slice() {
        [one] if EventKind::new(one).is_ok() => keys::event_log_of(org, one),
        _ => keys::event_log(org),
    };
    let mut scan = Scan::prefix(log.clone(), EVENTS);
    scan.from = keys::event_place(log.clone(), Stamp::first_of(scope.from), 0);
    if let Some((stamp, n)) = after {
        scan = scan.after(&keys::event_place(log, stamp, n));
    }
    let entries = house.store.scan(scan).await?;
    let places: Vec<(Place, EventId)> = entries
        .iter()
        .filter_map(|(key, id)| {
            let place = keys::parse_event_place(key)?;
            (place.0.time() <= scope.to)
                .then_some((place, EventId::from_bytes(*id.value.first_chunk::<16>()?)))
        })
        .collect();
    let mut look = Look { found: Vec::new(), looked: 0, last: None, more: places.len() == EVENTS };
    let events = places.iter().map(|(_, id)| keys::event(org, *id)).collect();
    let events = house.store.get_many(events).await?;
    for ((place, _), event) in places.iter().zip(events) {
        if look.found.len() >= DELIVERIES {
            look.more = true;
            break;
        }
        look.looked += 1;
        look.last = Some((*place, place.0.time()));
        let Some(event) = event else { continue };
        let event: Event = decode(&event.value)?;
        if is_meant(scope, &event) {
            for subscribed in index.subscribed(&event) {
                look.found.extend(met(house, org, &event, *place, subscribed).await?);
            }
        }
    }
    look.found.retain(|(outcome, _)| scope.outcome.contains(outcome));
    Ok(look)
}

fn is_meant(scope: &Scope, event: &Event) -> bool {
    let is_about = |key: &String| {
        let sk = event.data.get("sk").or_else(|| event.data.get("data")?.get("sk"));
        sk.and_then(serde_json::Value::as_str) == Some(key)
            || order_key(None, &event.data).as_ref() == Some(key)
    };
    scope.events.iter().any(|pattern| matches(pattern, &event.kind))
        && scope.key.as_ref().is_none_or(is_about)
}

/// What became of an event at an endpoint; none for what is still on its way.
async fn met(
    house: &House,
    org: &OrgId,
    event: &Event,
    (stamp, n): Place,
    subscribed: Subscribed,
) -> Result<Option<(Outcome, Met)>, StoreError> {
    let id = id_of(event.id, subscribed.endpoint, event.timestamp);
    if let Some(found) = house.store.get(keys::delivery(org, id)).await? {
        let delivery: Delivery = decode(&found.value)?;
        let outcome = match delivery.status {
            DeliveryStatus::Delivered => Outcome::Delivered,
            DeliveryStatus::Failed => Outcome::Failed,
            DeliveryStatus::Dead => Outcome::Dead,
            DeliveryStatus::Discarded => Outcome::Discarded,
            DeliveryStatus::Pending | DeliveryStatus::Delivering => return Ok(None),
        };
        return Ok(Some((outcome, Met::Again(Box::new(delivery), found.version))));
    }
    let line = subscribed.line.map(|key| LinePlace { key: key.into(), stamp: stamp.as_u64(), n: n.into() });
    let draft = DeliveryDraft {
        event_id: Some(event.id),
        line,
        ..DeliveryDraft::to_endpoint(id, subscribed.endpoint, event.kind.to_string(), subscribed.url)
    };
    Ok(Some((Outcome::Missed, Met::New(Box::new(draft.into_delivery(org.clone(), house.clock.now()))))))
}

impl Look {
    /// How many were found, by what became of them.
    pub(super) fn counts(&self) -> BTreeMap<Outcome, u64> {
        let mut counts = BTreeMap::new();
        for (outcome, _) in &self.found {
            *counts.entry(*outcome).or_default() += 1;
        }
        counts
    }

    /// Events that were looked at.
    pub(super) const fn looked(&self) -> u64 {
        self.looked
    }

    /// Where to go on; none at the end.
    pub(super) fn next(&self) -> Option<Place> {
        self.last.map(|(place, _)| place).filter(|_| self.more)
    }
}

/// What came of a step.
pub(super) struct Stepped {
    /// Deliveries that are due now.
    pub(super) due: Vec<Delivery>,
    /// How long the next step has to wait; none at the end.
    pub(super) pause: Option<Duration>,
}

/// Takes one step of a replay; none when it does not go on.
///
/// # Errors
/// When the store fails, or a delivery moved on meanwhile: then nothing was done.
pub(super) async fn step(house: &House, org: &OrgId, id: ReplayId) -> Result<Option<Stepped>, StoreError> {
    let Some(found) = house.store.get(keys::replay(org, id)).await? else { return Ok(None) };
    let mut replay: Replay = decode(&found.value)?;
    if replay.status != ReplayStatus::Running {
        return Ok(None);
    }
    let index = listening(house, org, &replay.scope).await?;
    let after = replay.at.map(|(stamp, n)| (Stamp::from_u64(stamp), n));
    let look = look(house, (org, &replay.scope), &index, after).await?;
    let mut batch = Batch::default();
    batch.expect(keys::replay(org, id), Expect::Version(found.version));
    for (outcome, count) in look.counts() {
        *replay.sent.entry(outcome).or_default() += count;
    }
    let mut due = Vec::new();
    for (_, met) in &look.found {
        due.push(match met {
            Met::Again(before, version) => {
                batch.expect(keys::delivery(org, before.id), Expect::Version(*version));
                again(&mut batch, before, house)?
            }
            Met::New(delivery) => {
                owe(&mut batch, org, delivery)?;
                (**delivery).clone()
            }
        });
    }
    replay.looked += look.looked();
    if let Some(((stamp, n), time)) = look.last {
        (replay.at, replay.reached) = (Some((stamp.as_u64(), n)), Some(time));
    }
    if !look.more {
        replay.status = ReplayStatus::Completed;
        replay.finished_at = Some(house.clock.now());
        batch.delete(keys::replaying(id));
    }
    batch.put(keys::replay(org, id), encode(&replay)?);
    house.store.commit(batch).await?;
    #[expect(clippy::cast_precision_loss, reason = "a few hundred at most")]
    let pause = look.more.then(|| Duration::from_secs_f64(due.len() as f64 / replay.rate));
    Ok(Some(Stepped { due, pause }))
}

fn owe(batch: &mut Batch, org: &OrgId, delivery: &Delivery) -> Result<(), StoreError> {
    let key = keys::delivery(org, delivery.id);
    batch.expect(key.clone(), Expect::Absent);
    batch.put(key, encode(delivery)?);
    delivery.place(batch)
}

/// Whether an endpoint takes anything just now.
pub(super) async fn takes(house: &House, org: &OrgId, scope: &Scope) -> Result<Option<bool>, StoreError> {
    let Some(id) = scope.endpoint_id else { return Ok(Some(true)) };
    let Some(found) = house.store.get(keys::endpoint(org, id)).await? else { return Ok(None) };
    let endpoint: Endpoint = decode(&found.value)?;
    Ok(Some(endpoint.status != EndpointStatus::Disabled))
}
