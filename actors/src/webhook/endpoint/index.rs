//! Which endpoints an event goes to, by its kind: how many endpoints listen to others does not matter. Kept by
//! the bus, learned from the store when it starts and from every write of an endpoint after that.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::compose::{order_key, unrendered};
use super::{Endpoint, EndpointStatus, Fifo};
use crate::event::Event;
use crate::event::pattern::{key_of, keys};
use crate::ids::{EndpointId, OrgId};
use crate::record::{Limits, Query};

/// An event's data that names an endpoint under this key is about it, and is not sent to it.
pub const ABOUT: &str = "endpointId";

/// An endpoint that listens.
#[derive(Debug)]
struct Listening {
    id: EndpointId,
    url: String,
    filter: Option<Query>,
    fifo: Fifo,
    fifo_key: Option<String>,
}

/// A delivery that becomes owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// To whom.
    pub endpoint: EndpointId,
    /// Where it goes.
    pub url: String,
    /// The line in which it keeps its order.
    pub line: Option<String>,
}

#[derive(Debug, Default)]
struct Org {
    by_key: HashMap<String, Vec<Arc<Listening>>>,
    /// Under which keys an endpoint stands.
    keys: HashMap<EndpointId, Vec<String>>,
}

/// The endpoints of all organisations that listen.
#[derive(Debug, Default)]
pub struct EndpointIndex(HashMap<OrgId, Org>);

impl EndpointIndex {
    /// Takes note of an endpoint as it is now.
    ///
    /// # Errors
    /// Why it cannot listen: a fault of this program, for the log.
    pub fn insert(&mut self, endpoint: &Endpoint) -> Result<(), String> {
        self.remove(&endpoint.org_id, endpoint.id);
        if endpoint.status == EndpointStatus::Disabled {
            return Ok(());
        }
        let filter =
            endpoint.filter.as_ref().map(|filter| Query::parse(filter, &Limits::default())).transpose();
        let filter = filter.map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            format!("the filter of {} cannot be read: {first}", endpoint.id)
        })?;
        let listening = Arc::new(Listening {
            id: endpoint.id,
            url: endpoint.url.clone(),
            filter,
            fifo: endpoint.fifo,
            fifo_key: endpoint.fifo_key.clone(),
        });
        let org = self.0.entry(endpoint.org_id.clone()).or_default();
        for key in endpoint.events.iter().filter_map(|pattern| key_of(pattern)) {
            org.by_key.entry(key.to_owned()).or_default().push(listening.clone());
            org.keys.entry(endpoint.id).or_default().push(key.to_owned());
        }
        Ok(())
    }

    /// Forgets an endpoint.
    pub fn remove(&mut self, org: &OrgId, id: EndpointId) {
        let Some(found) = self.0.get_mut(org) else { return };
        for key in found.keys.remove(&id).into_iter().flatten() {
            let Some(listening) = found.by_key.get_mut(&key) else { continue };
            listening.retain(|one| one.id != id);
            if listening.is_empty() {
                found.by_key.remove(&key);
            }
        }
        if found.keys.is_empty() {
            self.0.remove(org);
        }
    }

    /// What becomes owed by an event.
    #[must_use]
    pub fn subscribed(&self, event: &Event) -> Vec<Subscribed> {
        let Some(org) = self.0.get(&event.org_id) else { return Vec::new() };
        let found: Vec<&Arc<Listening>> =
            keys(&event.kind).filter_map(|key| org.by_key.get(key)).flatten().collect();
        if found.is_empty() {
            return Vec::new();
        }
        // What filters see is made once, and only when one asks.
        let mut told: Option<Value> = None;
        let mut met = Vec::with_capacity(found.len());
        let mut subscribed = Vec::with_capacity(found.len());
        for one in found {
            // Two patterns of one endpoint are one reason to send.
            if met.contains(&one.id) || is_about(event, one.id) {
                continue;
            }
            if let Some(filter) = &one.filter
                && !filter.matches(told.get_or_insert_with(|| unrendered(event)))
            {
                continue;
            }
            met.push(one.id);
            let line = match one.fifo {
                Fifo::None => None,
                Fifo::Endpoint => Some(String::new()),
                Fifo::Key => order_key(one.fifo_key.as_deref(), &event.data),
            };
            subscribed.push(Subscribed { endpoint: one.id, url: one.url.clone(), line });
        }
        subscribed
    }
}

/// Whether an event tells of the endpoint itself: that it fails is no news to send to it.
#[must_use]
pub fn is_about(event: &Event, endpoint: EndpointId) -> bool {
    event.kind.as_str().starts_with("webhook.endpoint.")
        && event.data.get(ABOUT).and_then(Value::as_str).is_some_and(|about| about == endpoint.to_string())
}

#[cfg(test)]
mod tests;
