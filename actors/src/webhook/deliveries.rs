//! Lists of deliveries, newest first.

use std::sync::Arc;

use super::delivery::{Delivery, DeliveryStatus};
use crate::ids::{DeliveryId, EventId, OrgId};
use crate::keys;
use crate::list::{COUNTED, Listed, Slice, Span};
use crate::store::{Scan, Store, StoreError, decode};

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
        let mut scan = Scan::prefix(keys::deliveries(org), PAGE).descending();
        if let Some(before) = wanted.before {
            scan = scan.after(&keys::delivery(org, before));
        }
        let (mut listed, mut looked) = (Listed::new(slice), 0);
        loop {
            let page = self.0.scan(scan.clone()).await?;
            for (_, value) in &page {
                let delivery: Delivery = decode(&value.value)?;
                if wanted.wants(&delivery) {
                    listed.meet(delivery);
                }
            }
            looked += page.len();
            match page.last() {
                Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
                _ => return Ok(listed),
            }
            if looked >= COUNTED {
                listed.total_is_lower_bound = true;
                return Ok(listed);
            }
        }
    }
}
