//! Lists of deliveries, newest first.

use std::sync::Arc;

use super::delivery::{Delivery, DeliveryStatus};
use crate::ids::{DeliveryId, EndpointId, EventId, OrgId};
use crate::keys;
use crate::list::{COUNTED, Listed, Slice, Span};
use crate::store::{Key, Pages, Scan, Store, StoreError, Versioned, decode};

/// Deliveries read at once.
const PAGE: usize = 100;

/// Which deliveries are listed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In one status only.
    pub status: Option<DeliveryStatus>,
    /// About one kind of event only.
    pub event: Option<String>,
    /// About one event only.
    pub event_id: Option<EventId>,
    /// Ordered within this time.
    pub ordered: Span,
    /// To one endpoint only.
    pub endpoint: Option<EndpointId>,
    /// Older than this one.
    pub before: Option<DeliveryId>,
}

impl Wanted {
    fn wants(&self, delivery: &Delivery) -> bool {
        self.status.is_none_or(|status| status == delivery.status)
            && self.event.as_ref().is_none_or(|event| *event == delivery.event)
            && self.event_id.is_none_or(|id| delivery.event_id == Some(id))
            && self.ordered.holds(delivery.created_at)
    }
}

/// The deliveries of all organisations.
#[derive(Clone)]
pub struct Deliveries(Arc<dyn Store>);

impl Deliveries {
    /// The deliveries in a store.
    #[must_use]
    pub const fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }

    /// The deliveries of a page: those that it holds, or those that it names.
    async fn read(
        &self,
        org: &OrgId,
        page: &[(Key, Versioned)],
        named: bool,
    ) -> Result<Vec<Delivery>, StoreError> {
        if !named {
            return page.iter().map(|(_, found)| decode(&found.value)).collect();
        }
        let ids = page.iter().filter_map(|(key, _)| keys::parse_delivery(key));
        let found = self.0.get_many(ids.map(|id| keys::delivery(org, id)).collect()).await?;
        found.into_iter().flatten().map(|found| decode(&found.value)).collect()
    }

    /// Deliveries, newest first, as many as are found among the last ten thousand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        org: &OrgId,
        wanted: &Wanted,
        slice: Slice,
    ) -> Result<Listed<Delivery>, StoreError> {
        let index = wanted.endpoint.map(|endpoint| (keys::deliveries_of(org, endpoint), endpoint));
        let prefix = index.as_ref().map_or_else(|| keys::deliveries(org), |(prefix, _)| prefix.clone());
        let mut scan = Scan::prefix(prefix, PAGE).descending();
        if let Some(before) = wanted.before {
            scan = scan.after(&match wanted.endpoint {
                Some(endpoint) => keys::delivery_of(org, endpoint, before),
                None => keys::delivery(org, before),
            });
        }
        let (mut listed, mut looked, mut pages) = (Listed::new(slice), 0, Pages::of(&*self.0, scan));
        while let Some(page) = pages.next().await? {
            for delivery in self.read(org, &page, wanted.endpoint.is_some()).await? {
                if wanted.wants(&delivery) {
                    listed.meet(delivery);
                }
            }
            looked += page.len();
            if looked >= COUNTED && !pages.is_over() {
                listed.total_is_lower_bound = true;
                break;
            }
        }
        Ok(listed)
    }
}
