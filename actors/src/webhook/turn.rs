//! What is done when a receiver turns out to be ill, well again, or gone: it is remembered, shown to those who
//! watch, and the endpoint's owner hears of it as an event, before the endpoint is disabled and when it is.

use std::time::Duration;

use serde_json::{Value, json};
use tracing::{info, warn};

use super::breaker::{Health, Turn};
use super::endpoint::book::{event, stand};
use super::endpoint::{Endpoint, EndpointStatus};
use super::health::remember;
use super::target::Target;
use crate::bus::change::{Change, ChangeError, EndpointWrite};
use crate::duration;
use crate::feed::Observation;
use crate::house::House;
use crate::ids::OrgId;
use crate::keys;
use crate::ports::Publisher;
use crate::store::{Batch, decode};

/// How often it is tried to have an owner hear.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// What was learned of a receiver.
#[derive(Debug, Clone, Copy)]
pub enum Turned {
    /// Its breaker turned.
    Breaker(Turn, Health),
    /// It wants no more at all.
    Gone,
}

/// Remembers it, shows it, and has the owner hear. What fails is tried again a few times; then it is logged: the
/// next turn is another chance.
pub async fn tell(house: &House, publisher: &dyn Publisher, name: &str, target: &Target, turned: Turned) {
    if let Turned::Breaker(_, health) = turned {
        let mut batch = Batch::default();
        let remembered = match remember(&mut batch, name, health) {
            Ok(()) => house.store.commit(batch.lazily()).await,
            Err(error) => Err(error),
        };
        if let Err(error) = remembered {
            warn!(destination = name, %error, "a receiver's health is not remembered");
        }
    }
    let Target::Endpoint(registered) = target else {
        return log(name, turned);
    };
    let endpoint = &registered.endpoint;
    log(name, turned);
    let state = match turned {
        Turned::Breaker(Turn::Opened | Turn::StaysOpen, _) => "open",
        Turned::Breaker(Turn::Closed, _) => "closed",
        Turned::Breaker(Turn::GivesUp, _) | Turned::Gone => "disabled",
    };
    house.feed.show(|| Observation::Breaker {
        org_id: endpoint.org_id.clone(),
        destination: name.to_owned(),
        endpoint_id: Some(endpoint.id),
        state,
    });
    for _ in 0..TRIES {
        match have_heard(house, publisher, endpoint, turned).await {
            Ok(()) => return,
            Err(error) => warn!(destination = name, %error, "an endpoint's owner was not told, trying again"),
        }
        house.clock.sleep(PAUSE).await;
    }
}

fn log(name: &str, turned: Turned) {
    match turned {
        Turned::Breaker(Turn::Opened, _) => {
            warn!(destination = name, "a receiver fails: what it is owed waits");
        }
        Turned::Breaker(Turn::StaysOpen, health) => {
            info!(destination = name, probes = health.probes, "a receiver still fails");
        }
        Turned::Breaker(Turn::Closed, _) => info!(destination = name, "a receiver is well again"),
        Turned::Breaker(Turn::GivesUp, _) => warn!(destination = name, "a receiver failed for too long"),
        Turned::Gone => warn!(destination = name, "a receiver answered 410"),
    }
}

async fn have_heard(
    house: &House,
    publisher: &dyn Publisher,
    endpoint: &Endpoint,
    turned: Turned,
) -> Result<(), ChangeError> {
    let (reason, more) = match turned {
        Turned::Breaker(Turn::StaysOpen, _) => return Ok(()),
        Turned::Breaker(Turn::Closed, _) => {
            return publish(house, publisher, endpoint, ("recovered", json!({}))).await;
        }
        Turned::Breaker(Turn::Opened, health) => {
            return publish(house, publisher, endpoint, ("failing", failing(house, health))).await;
        }
        Turned::Breaker(Turn::GivesUp, health) => {
            let limit = duration::format(house.settings.webhooks.breaker.disable_after);
            let since = health.failing_since.map(|since| since.to_string()).unwrap_or_default();
            (
                format!("every attempt failed for {limit}, since {since}"),
                json!({"failingSince": health.failing_since}),
            )
        }
        Turned::Gone => ("the receiver answered 410 (gone)".to_owned(), json!({})),
    };
    disable(house, publisher, (&endpoint.org_id, endpoint), reason, more).await
}

fn failing(house: &House, health: Health) -> Value {
    let settings = &house.settings.webhooks.breaker;
    let disabled_at = health.failing_since.map(|since| since.plus(settings.disable_after));
    json!({
        "failingSince": health.failing_since,
        "nextProbeAt": health.probe_at,
        "disabledAt": disabled_at,
        "whatToDo": "look at the endpoint's latest deliveries for the error, mend the receiver or change the url; \
            what is owed waits and is sent by itself once the receiver answers 2xx again",
    })
}

async fn publish(
    house: &House,
    publisher: &dyn Publisher,
    endpoint: &Endpoint,
    (verb, more): (&str, Value),
) -> Result<(), ChangeError> {
    let mut change = Change::default();
    change.events.extend(event(verb, endpoint, Some(more), house.clock.now()));
    publisher.commit(endpoint.org_id.clone(), change).await.map(drop)
}

/// Disables an endpoint as it is now; one that is disabled or gone already stays so.
async fn disable(
    house: &House,
    publisher: &dyn Publisher,
    (org, endpoint): (&OrgId, &Endpoint),
    reason: String,
    more: Value,
) -> Result<(), ChangeError> {
    let Some(found) = house.store.get(keys::endpoint(org, endpoint.id)).await? else { return Ok(()) };
    let mut endpoint: Endpoint = decode(&found.value)?;
    if endpoint.status == EndpointStatus::Disabled {
        return Ok(());
    }
    stand(&mut endpoint, EndpointStatus::Disabled, house.clock.now());
    endpoint.disabled_reason = Some(reason);
    let mut more = more;
    if let Some(fields) = more.as_object_mut() {
        let advice = "mend the receiver or change the url, then POST /webhooks/endpoints/{id}/enable: what is owed is \
            sent then, and POST /webhooks/endpoints/{id}/recover sends what was missed";
        fields.insert("whatToDo".to_owned(), advice.into());
    }
    let mut change = Change::default();
    change.events.extend(event("disabled", &endpoint, Some(more), house.clock.now()));
    change.endpoints.push(EndpointWrite { endpoint, read_version: Some(found.version), removed: false });
    publisher.commit(org.clone(), change).await.map(drop)
}
