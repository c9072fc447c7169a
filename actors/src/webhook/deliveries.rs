//! Lists of deliveries, newest first.

use std::sync::Arc;

use super::delivery::{Delivery, DeliveryStatus};
use crate::ids::{DeliveryId, OrgId};
use crate::keys;
use crate::store::{Scan, Store, StoreError, decode};

/// Deliveries read at once.
const PAGE: usize = 100;
/// Deliveries that one list may look at.
const LOOK_AT: usize = 10_000;

/// Which deliveries are listed.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In one status only.
    pub status: Option<DeliveryStatus>,
    /// About one kind of event only.
    pub event: Option<String>,
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

    /// Deliveries, newest first, before a given one; at most `limit`, and as many as are found among the
    /// last ten thousand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(
        &self,
        org: &OrgId,
        wanted: &Wanted,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let mut scan = Scan::prefix(keys::deliveries(org), PAGE).descending();
        if let Some(before) = before {
            scan = scan.after(&keys::delivery(org, before));
        }
        let (mut found, mut looked) = (Vec::new(), 0);
        loop {
            let page = self.0.scan(scan.clone()).await?;
            for (_, value) in &page {
                let delivery: Delivery = decode(&value.value)?;
                let status = wanted.status.is_none_or(|status| status == delivery.status);
                if status && wanted.event.as_ref().is_none_or(|event| *event == delivery.event) {
                    found.push(delivery);
                }
                if found.len() == limit {
                    return Ok(found);
                }
            }
            looked += page.len();
            match page.last() {
                Some((last, _)) if page.len() == PAGE && looked < LOOK_AT => scan = scan.after(last),
                _ => return Ok(found),
            }
        }
    }
}
