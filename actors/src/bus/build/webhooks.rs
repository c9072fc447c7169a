//! The part of a batch that concerns webhooks: endpoints that are written, and deliveries that become owed.

use super::{Builder, Guard};
use crate::bus::change::{ChangeError, EndpointWrite};
use crate::event::EventKind;
use crate::ids::EventId;
use crate::keys::{self, Node};
use crate::store::Expect;
use crate::webhook::delivery::{Delivery, DeliveryDraft, DestinationId, LinePlace, id_of};
use crate::webhook::endpoint::index::Subscribed;

/// The event that something becomes owed for.
#[derive(Debug, Clone)]
pub(super) struct OwedFor {
    pub(super) id: EventId,
    pub(super) kind: EventKind,
}

impl Builder<'_> {
    /// A request that a flow orders.
    pub(super) fn delivery(&mut self, draft: DeliveryDraft) -> Result<(), ChangeError> {
        let delivery = draft.into_delivery(self.org.clone(), self.stamp.time());
        self.batch.put(keys::destination(delivery.destination.as_str()), Vec::new());
        self.link(Node::Delivery(delivery.id));
        self.owe(delivery)
    }

    /// A request that an endpoint is owed for an event.
    pub(super) fn subscribed(&mut self, of: OwedFor, subscribed: Subscribed) -> Result<(), ChangeError> {
        let n = u32::try_from(self.receipt.deliveries.len()).unwrap_or(u32::MAX);
        let stamp = self.stamp.as_u64();
        let id = id_of(of.id, subscribed.endpoint, self.stamp.time());
        let draft = DeliveryDraft {
            event_id: Some(of.id),
            line: subscribed.line.map(|key| LinePlace { key: key.into(), stamp, n }),
            ..DeliveryDraft::to_endpoint(id, subscribed.endpoint, of.kind.to_string(), subscribed.url)
        };
        self.owe(draft.into_delivery(self.org.clone(), self.stamp.time()))
    }

    fn owe(&mut self, delivery: Delivery) -> Result<(), ChangeError> {
        self.put_bounded(keys::delivery(self.org, delivery.id), &delivery, "a webhook")?;
        delivery.place(&mut self.batch)?;
        self.receipt.deliveries.push(delivery);
        Ok(())
    }

    /// An endpoint that is registered, changed or removed.
    pub(super) fn endpoint(&mut self, write: &EndpointWrite) -> Result<(), ChangeError> {
        let EndpointWrite { endpoint, read_version, removed } = write;
        let key = keys::endpoint(self.org, endpoint.id);
        self.guard(key.clone(), read_version.map_or(Expect::Absent, Expect::Version), Guard::Caller);
        if *removed {
            self.batch.delete(key);
        } else {
            self.put_bounded(key, endpoint, "an endpoint")?;
            self.put(keys::destination(DestinationId::of_endpoint(endpoint.id).as_str()), self.org)?;
        }
        self.receipt.endpoints.push(write.clone());
        Ok(())
    }
}
