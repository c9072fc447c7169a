//! Reads what a destination is owed.

use std::sync::Arc;

use super::delivery::{Delivery, LinePlace};
use super::lines::First;
use crate::house::House;
use crate::ids::{DeliveryId, OrgId};
use crate::keys;
use crate::store::{Scan, StoreError, after_prefix, decode};
use crate::window::{Place, WINDOW};

/// Lines that are looked for at once.
const LINES: usize = 256;

/// A page of what keeps no order: due times and ids, and whether there is more.
///
/// # Errors
/// When the store cannot be read.
pub async fn page_after(
    house: Arc<House>,
    destination: String,
    after: Option<Place<DeliveryId>>,
) -> Result<(Vec<Place<DeliveryId>>, bool), StoreError> {
    let mut scan = Scan::prefix(keys::waiting_at(&destination), WINDOW).keys_only();
    if let Some((due, id)) = after {
        scan = scan.after(&keys::delivery_at(&destination, crate::clock::Timestamp::from_millis(due), id));
    }
    let page = house.store.scan(scan).await?;
    let more = page.len() == WINDOW;
    Ok((page.iter().filter_map(|(key, _)| keys::parse_delivery_at(key)).collect(), more))
}

/// Some lines after one, and whether there are more.
///
/// # Errors
/// When the store cannot be read.
pub async fn lines_after(
    house: Arc<House>,
    destination: String,
    after: Option<Arc<str>>,
) -> Result<(Vec<Arc<str>>, bool), StoreError> {
    let mut scan = Scan::prefix(keys::lines_of(&destination), 1).keys_only();
    let behind = |line: &str| after_prefix(&keys::deliveries_in_line(&destination, line));
    if let Some(line) = after {
        scan.from = behind(&line);
    }
    let mut lines: Vec<Arc<str>> = Vec::new();
    while lines.len() < LINES {
        let found = house.store.scan(scan.clone()).await?;
        let Some((key, _)) = found.first() else { return Ok((lines, false)) };
        let line = keys::parse_line(&destination, key)
            .ok_or_else(|| StoreError::Corrupt(format!("{destination}: a line's key makes no sense")))?;
        scan.from = behind(&line);
        lines.push(line.into());
    }
    Ok((lines, true))
}

/// The first of a line; none when it is empty.
///
/// # Errors
/// When the store cannot be read.
pub async fn first_of(
    house: Arc<House>,
    destination: String,
    line: Arc<str>,
) -> Result<Option<First>, StoreError> {
    let found = house.store.scan(Scan::prefix(keys::deliveries_in_line(&destination, &line), 1)).await?;
    let Some((key, owner)) = found.first() else { return Ok(None) };
    let ((stamp, n), id) = keys::parse_in_line(key)
        .ok_or_else(|| StoreError::Corrupt(format!("{destination}: a place in a line makes no sense")))?;
    let org: OrgId = decode(&owner.value)?;
    let delivery = house.store.get(keys::delivery(&org, id)).await?;
    let delivery = delivery.map(|found| decode::<Delivery>(&found.value)).transpose()?;
    let due = delivery.and_then(|delivery| delivery.next_attempt_at).unwrap_or_default();
    Ok(Some(First { place: LinePlace { key: line, stamp, n }, id, due }))
}
