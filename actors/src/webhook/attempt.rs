//! One attempt at one delivery, from reading it to writing what came of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::delivery::{AttemptRecord, Delivery, DeliveryStatus, Spot};
use super::request::{Ready, Unready, ready};
use super::settle::{Made, Report, settle};
use super::state::Ended;
use super::target::Target;
use crate::failpoint;
use crate::feed::Observation;
use crate::house::House;
use crate::ids::{DeliveryId, OrgId};
use crate::keys;
use crate::store::{Batch, Expect, StoreError, decode, encode};

/// How long a store that fails rests before it is asked again.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How long something rests that only a person can mend, such as a secret sealed with another key.
const MENDING_PAUSE: Duration = Duration::from_secs(30);

/// What is to be attempted.
pub struct Order {
    /// The destination's name.
    pub destination: String,
    /// Whom it speaks to.
    pub target: Target,
    /// The delivery.
    pub id: DeliveryId,
    /// Where it waits.
    pub spot: Spot,
    /// Whether it is a probe.
    pub probe: bool,
}

/// Attempts the delivery that waits at a spot and says what came of it. Once the request has been made it
/// returns only when the result is written: while the store fails it tries again. Before that, `draining` ends
/// it: the delivery stays where it is, and the next start finds it there.
pub async fn attempt(house: Arc<House>, order: Order, mut draining: watch::Receiver<bool>) -> Ended {
    let (id, spot, probe) = (order.id, order.spot.clone(), order.probe);
    let (next, report) = match attempted(&house, order, &mut draining).await {
        Some((next, report)) => (next, report),
        None => (None, Report::Nothing),
    };
    Ended { id, spot, probe, next, report }
}

type Came = (Option<crate::clock::Timestamp>, Report);

async fn attempted(house: &Arc<House>, order: Order, draining: &mut watch::Receiver<bool>) -> Option<Came> {
    let Order { destination, target, id, spot, probe } = order;
    let place = spot.key(&destination, id);
    let delivery = loop {
        match find(house, &target, &place, id).await {
            Ok(Some(delivery)) => break delivery,
            // It was settled or called off meanwhile.
            Ok(None) => return None,
            Err(error) => rest_unless(draining, house, "read a delivery", &error).await?,
        }
    };
    let ready = loop {
        match ready(house, &target, &delivery).await {
            Ok(ready) => break ready,
            Err(Unready::Never(status, why)) => {
                let after = ended(house, &delivery, status, why);
                write(house, (&place, None), &after, None).await;
                show(house, &after, None);
                return None;
            }
            Err(Unready::Now(error)) => rest_unless(draining, house, "make a request", &error).await?,
        }
    };
    let Ready { request, schedule, url, shown_headers } = ready;
    let started = house.clock.now();
    failpoint::pass("attempt.send");
    let sent = house.transport.send(request).await;
    failpoint::pass("attempt.answered");
    let now = house.clock.now();
    let jitter = house.settings.webhooks.backoff.jitter();
    let made = Made { started, probe, schedule: &schedule, jitter, random: rand::random() };
    let (mut after, mut record, report) = settle(&delivery, &sent, made, now);
    record.url.clone_from(&url);
    record.request_headers = shown_headers;
    after.url = url;
    info!(
        org = %after.org_id, delivery = %id, kind = after.event, event = after.event_id.map(tracing::field::display),
        cause = after.run_id.map(tracing::field::display), endpoint = after.destination.endpoint().map(tracing::field::display),
        attempt = record.number, status = %after.status, code = record.status_code, class = record.error_class,
        ms = record.duration_ms, probe, "webhook attempted"
    );
    let stays = after.next_attempt_at.and_then(|_| after.spot());
    let next_place = stays.map(|spot| spot.key(&destination, id));
    if !write(house, (&place, next_place), &after, Some(&record)).await {
        // It was settled or called off meanwhile; or this very result came through although its first
        // answer was a failure.
        return Some((next_of(house, &after.org_id, id).await, report));
    }
    failpoint::pass("attempt.written");
    house.deliveries.attempted(after.status);
    show(house, &after, record.status_code);
    Some((after.next_attempt_at, report))
}

/// A delivery that ends without a request.
fn ended(house: &House, delivery: &Delivery, status: DeliveryStatus, why: String) -> Delivery {
    let mut after = delivery.clone();
    after.status = status;
    after.next_attempt_at = None;
    after.completed_at = Some(house.clock.now());
    after.last_error = Some(why);
    after
}

fn show(house: &House, after: &Delivery, status_code: Option<u16>) {
    house.feed.show(|| Observation::Delivery {
        org_id: after.org_id.clone(),
        id: after.id,
        endpoint_id: after.destination.endpoint(),
        event: after.event.clone(),
        status: after.status,
        attempts: after.attempts,
        status_code,
    });
}

/// Writes what came of an attempt, and whether it was still to be written.
async fn write(
    house: &House,
    (place, next): (&[u8], Option<Vec<u8>>),
    after: &Delivery,
    record: Option<&AttemptRecord>,
) -> bool {
    loop {
        let mut batch = Batch::default();
        batch.expect(place.to_vec(), Expect::Present);
        if next.as_deref() != Some(place) {
            batch.delete(place.to_vec());
        }
        let values = (record.map(encode).transpose(), encode(after), encode(&after.org_id));
        let (Ok(record_value), Ok(delivery_value), Ok(org_value)) = values else { return false };
        if let (Some(record), Some(value)) = (record, record_value) {
            batch.insert(keys::attempt(&after.org_id, after.id, record.number), value);
        }
        batch.put(keys::delivery(&after.org_id, after.id), delivery_value);
        if let Some(next) = next.clone().filter(|next| next != place) {
            batch.insert(next, org_value);
        }
        // A power cut that takes it has the attempt made again, and then there is a record of it.
        match house.store.commit(batch.lazily()).await {
            Ok(()) => return true,
            Err(StoreError::Conflict { .. }) => return false,
            Err(error) => rest(house, "write an attempt", &error).await,
        }
    }
}

/// When a delivery is due next, as the store has it.
async fn next_of(house: &House, org: &OrgId, id: DeliveryId) -> Option<crate::clock::Timestamp> {
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
async fn find(
    house: &House,
    target: &Target,
    place: &[u8],
    id: DeliveryId,
) -> Result<Option<Delivery>, StoreError> {
    let found = match target {
        Target::Endpoint(registered) => {
            let delivery = keys::delivery(&registered.endpoint.org_id, id);
            let mut found = house.store.get_many(vec![place.to_vec(), delivery]).await?;
            let delivery = found.pop().flatten();
            found.pop().flatten().and(delivery)
        }
        Target::Flows | Target::Removed => {
            let Some(owner) = house.store.get(place.to_vec()).await? else { return Ok(None) };
            house.store.get(keys::delivery(&decode(&owner.value)?, id)).await?
        }
    };
    let delivery = found.map(|found| decode::<Delivery>(&found.value)).transpose()?;
    Ok(delivery.filter(|delivery| delivery.status == DeliveryStatus::Pending))
}
