//! One attempt at one delivery, from reading it to writing what came of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tracing::{info, warn};

use super::delivery::{Delivery, DeliveryStatus};
use super::headers::is_signed;
use super::secrets::signing_secret;
use super::send_options::SendOptions;
use super::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
use super::state::settle;
use super::transport::{Method, OutboundRequest};
use crate::clock::Timestamp;
use crate::feed::Observation;
use crate::house::House;
use crate::ids::{DeliveryId, OrgId};
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};

/// How long a store that fails rests before it is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How long something rests that only a person can mend, such as a secret sealed with another key.
const MENDING_PAUSE: Duration = Duration::from_secs(30);

/// Attempts the delivery that was due at `due` and says when it is due next. Once the request has been made it
/// returns only when the result is written: while the store fails it tries again. Before that, `draining` ends
/// it: the delivery stays where it is, and the next start finds it there.
pub async fn attempt(
    house: Arc<House>,
    destination: String,
    id: DeliveryId,
    due: Timestamp,
    mut draining: watch::Receiver<bool>,
) -> Option<Timestamp> {
    let place = keys::delivery_at(&destination, due, id);
    let delivery = loop {
        match find(&house, &place, id).await {
            Ok(Some(delivery)) => break delivery,
            // It was settled or called off meanwhile.
            Ok(None) => return None,
            Err(error) => rest_unless(&mut draining, &house, "read a delivery", &error).await?,
        }
    };
    let request = loop {
        match request(&house, &delivery).await {
            Ok(request) => break request,
            Err(error) => rest_unless(&mut draining, &house, "sign a delivery", &error).await?,
        }
    };
    let started = house.clock.now();
    let sent = house.transport.send(request).await;
    let now = house.clock.now();
    let jitter = house.settings.webhooks.backoff.jitter();
    let (after, record) = settle(&delivery, &sent, started, now, jitter, rand::random());
    info!(
        org = %after.org_id, delivery = %id, kind = after.event, event = after.event_id.map(tracing::field::display),
        cause = after.run_id.map(tracing::field::display), attempt = record.number,
        status = %after.status, code = record.status_code, class = record.error_class, ms = record.duration_ms,
        "webhook attempted"
    );
    loop {
        let mut batch = Batch::default();
        batch.expect(place.clone(), Expect::Present).delete(place.clone());
        let values = (encode(&record), encode(&after), encode(&after.org_id));
        let (Ok(record_value), Ok(delivery_value), Ok(org_value)) = values else { return None };
        batch.insert(keys::attempt(&after.org_id, id, record.number), record_value);
        batch.put(keys::delivery(&after.org_id, id), delivery_value);
        if let Some(next) = after.next_attempt_at {
            batch.insert(keys::delivery_at(&destination, next, id), org_value);
        }
        // A power cut that takes it has the attempt made again, and then there is a record of it.
        match house.store.commit(batch.lazily()).await {
            Ok(()) => break,
            // It was settled or called off meanwhile; or this very result came through although its first
            // answer was a failure.
            Err(StoreError::Conflict { .. }) => return next_of(&house, &after.org_id, id).await,
            Err(error) => rest(&house, "write an attempt", &error).await,
        }
    }
    house.deliveries.attempted(after.status);
    house.feed.show(|| Observation::Delivery {
        org_id: after.org_id.clone(),
        id,
        event: after.event.clone(),
        status: after.status,
        attempts: after.attempts,
        status_code: record.status_code,
    });
    after.next_attempt_at
}

/// When a delivery is due next, as the store has it.
async fn next_of(house: &House, org: &OrgId, id: DeliveryId) -> Option<Timestamp> {
    loop {
        let found = house.store.get(keys::delivery(org, id)).await;
        let found = found.and_then(|f| f.map(|f| decode::<Delivery>(&f.value)).transpose());
        match found {
            Ok(delivery) => return delivery.and_then(|delivery| delivery.next_attempt_at),
            Err(error) => rest(house, "read a delivery", &error).await,
        }
    }
}

/// A rest, or none when the destination drains: nothing is lost by giving up.
async fn rest_unless(
    draining: &mut watch::Receiver<bool>,
    house: &House,
    what: &str,
    error: &StoreError,
) -> Option<()> {
    tokio::select! {
        () = rest(house, what, error) => Some(()),
        // Also when its sender is gone: nobody waits for this attempt any more.
        _ = draining.wait_for(|draining| *draining) => None,
    }
}

async fn rest(house: &House, what: &str, error: &StoreError) {
    warn!(%error, "failed to {what}, trying again");
    let pause = if error.is_retryable() { STORE_PAUSE } else { MENDING_PAUSE };
    house.clock.sleep(pause).await;
}

/// The delivery, if it still waits at this place.
async fn find(house: &House, place: &[u8], id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let Some(owner) = house.store.get(place.to_vec()).await? else { return Ok(None) };
    let org: OrgId = decode(&owner.value)?;
    let Some(found) = house.store.get(keys::delivery(&org, id)).await? else { return Ok(None) };
    let delivery: Delivery = decode(&found.value)?;
    Ok((delivery.status == DeliveryStatus::Pending).then_some(delivery))
}

/// The request, signed for this attempt.
async fn request(house: &House, delivery: &Delivery) -> Result<OutboundRequest, StoreError> {
    let secret = signing_secret(house, &delivery.org_id).await?;
    let (id, at) = (delivery.id.to_string(), house.clock.now());
    let method = match delivery.method.as_str() {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Post,
    };
    let body = if method == Method::Get { Bytes::new() } else { Bytes::from(delivery.body.clone()) };
    let signature = sign(&[secret], &id, at.to_jiff(), &body)
        .map_err(|error| StoreError::Corrupt(format!("delivery {id} cannot be signed: {error}")))?;
    let mut headers = delivery.headers.clone();
    // Refused by now, but a delivery may have been ordered before.
    headers.retain(|(name, _)| !is_signed(name));
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let own = [(ID_HEADER, id), (TIMESTAMP_HEADER, at.as_secs().to_string()), (SIGNATURE_HEADER, signature)];
    headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let (url, timeout) = (delivery.url.clone(), house.settings.webhooks.timeout);
    Ok(OutboundRequest { method, url, headers, body, timeout, options: SendOptions::default() })
}
