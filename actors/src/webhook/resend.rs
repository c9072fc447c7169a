//! Sending again what was sent before, at once, and sending a sample to see whether a receiver is ready.

use std::sync::Arc;

use serde_json::Value;

use super::DestinationActor;
use super::delivery::{AttemptRecord, Delivery, DeliveryDraft, DeliveryStatus, DestinationId, Spot};
use super::endpoint::compose;
use super::messages::DeliveryMoved;
use super::request::{Ready, Unready, ready};
use super::settle::{Made, settle};
use super::target::Target;
use crate::event::{Event, EventKind};
use crate::house::House;
use crate::ids::{DeliveryId, EndpointId, EventId, OrgId};
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};
use crate::supervision::Members;

/// How often a delivery is read again that moved on meanwhile.
const TRIES: usize = 5;

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResendError {
    /// There is no such delivery.
    #[error("find the delivery {0}")]
    Missing(DeliveryId),
    /// There is no such endpoint any more.
    #[error("send to the endpoint {0}: it was deleted")]
    NoEndpoint(EndpointId),
    /// It is disabled.
    #[error("send to the endpoint {0}: it is disabled; enable it first")]
    Disabled(EndpointId),
    /// The sample cannot be made into a request.
    #[error("send the sample: {0}")]
    Unready(String),
    /// It moves all the time.
    #[error("send the delivery again: an attempt is under way; try again shortly")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sends again.
#[derive(Clone)]
pub struct Resender {
    house: Arc<House>,
    destinations: Members<DestinationActor>,
}

impl Resender {
    /// For the destinations of a machine.
    #[must_use]
    pub const fn new(house: Arc<House>, destinations: Members<DestinationActor>) -> Self {
        Self { house, destinations }
    }

    /// Has a delivery sent again now, with its schedule from the start: one that ended, or one that waits.
    /// The receiver sees the same `webhook-id`.
    ///
    /// # Errors
    /// When there is none, its endpoint takes none, or the store fails.
    pub async fn resend(&self, org: &OrgId, id: DeliveryId) -> Result<Delivery, ResendError> {
        for _ in 0..TRIES {
            let found =
                self.house.store.get(keys::delivery(org, id)).await?.ok_or(ResendError::Missing(id))?;
            let before: Delivery = decode(&found.value)?;
            self.open(org, &before).await?;
            let mut batch = Batch::default();
            let after = again(&mut batch, &before, &self.house)?;
            batch.expect(keys::delivery(org, id), Expect::Version(found.version));
            match self.house.store.commit(batch).await {
                Ok(()) => {
                    self.tell(&after);
                    return Ok(after);
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ResendError::Busy)
    }

    /// Tells the destination of a delivery that waits now.
    pub(super) fn tell(&self, delivery: &Delivery) {
        let (name, Some(spot)) = (delivery.destination.as_str(), delivery.spot()) else { return };
        if self.destinations.tell(name, DeliveryMoved(spot, delivery.id)).is_err() {
            self.house.hints.note(name);
        }
    }

    async fn open(&self, org: &OrgId, delivery: &Delivery) -> Result<(), ResendError> {
        let Some(id) = delivery.destination.endpoint() else { return Ok(()) };
        let found =
            self.house.store.get(keys::endpoint(org, id)).await?.ok_or(ResendError::NoEndpoint(id))?;
        let endpoint: super::endpoint::Endpoint = decode(&found.value)?;
        if endpoint.status == super::endpoint::EndpointStatus::Disabled {
            return Err(ResendError::Disabled(id));
        }
        Ok(())
    }

    /// Sends a sample of an event, once and now, whether the endpoint is paused, failing or disabled. It is kept as a
    /// delivery, with its one attempt.
    ///
    /// # Errors
    /// When there is no such endpoint, or the store fails.
    pub async fn test(
        &self,
        org: &OrgId,
        endpoint: EndpointId,
        kind: EventKind,
        data: Value,
    ) -> Result<(Delivery, AttemptRecord), ResendError> {
        let house = &self.house;
        let destination = DestinationId::of_endpoint(endpoint);
        let missing = || ResendError::NoEndpoint(endpoint);
        let target = match Target::read(house, destination.as_str()).await? {
            Target::Endpoint(found) if found.endpoint.org_id == *org => found,
            _ => return Err(missing()),
        };
        let now = house.clock.now();
        let event = Event {
            id: EventId::new(now),
            kind,
            org_id: org.clone(),
            timestamp: now,
            occurred_at: None,
            data,
            cause: None,
            depth: 0,
            by: None,
        };
        let composed = compose(&target.endpoint, &event);
        let composed = composed.map_err(|error| ResendError::Unready(error.to_string()))?;
        let url = target.endpoint.url.clone();
        let draft = DeliveryDraft {
            body: composed.body,
            ..DeliveryDraft::to_endpoint(DeliveryId::new(now), endpoint, event.kind.to_string(), url)
        };
        let delivery = draft.into_delivery(org.clone(), now);
        let target = Target::Endpoint(target);
        let Ready { request, url: _, shown_headers, .. } = match ready(house, &target, &delivery).await {
            Ok(ready) => ready,
            Err(Unready::Never(_, why)) => return Err(ResendError::Unready(why)),
            Err(Unready::Now(error)) => return Err(error.into()),
        };
        let sent = house.transport.send(request).await;
        let made = Made { started: now, probe: false, schedule: &[], jitter: 0.0, random: 0.0 };
        let (mut after, mut record, _) = settle(&delivery, &sent, made, house.clock.now());
        record.request_headers = shown_headers;
        if after.status == DeliveryStatus::Dead {
            after.status = DeliveryStatus::Failed;
        }
        let mut batch = Batch::default();
        batch.insert(keys::delivery(org, after.id), encode(&after)?);
        batch.insert(keys::delivery_of(org, endpoint, after.id), Vec::new());
        batch.insert(keys::attempt(org, after.id, record.number), encode(&record)?);
        house.store.commit(batch).await?;
        Ok((after, record))
    }
}

/// What makes a delivery due now, with its schedule from the start.
pub(super) fn again(batch: &mut Batch, before: &Delivery, house: &House) -> Result<Delivery, StoreError> {
    let (name, id) = (before.destination.as_str(), before.id);
    let mut after = before.clone();
    after.status = DeliveryStatus::Pending;
    after.next_attempt_at = Some(house.clock.now());
    after.uncounted = before.attempts;
    after.completed_at = None;
    let old = before.spot().map(|spot| spot.key(name, id));
    let new = after.spot().unwrap_or(Spot::Due(house.clock.now())).key(name, id);
    if let Some(old) = old.filter(|old| *old != new) {
        batch.delete(old);
    }
    batch.put(new, encode(&after.org_id)?);
    batch.put(keys::delivery(&after.org_id, id), encode(&after)?);
    Ok(after)
}
