//! What the bus learns from the store when it starts: every flow of every organisation.

use crate::flow::book::DATATYPE;
use crate::ids::{Datatype, OrgId};
use crate::keys;
use crate::record::model::Record;
use crate::store::{Scan, Store, StoreError, decode};

/// Entries that are read at once.
const PAGE: usize = 500;

/// Every flow of every organisation.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(store: &dyn Store) -> Result<Vec<Record>, StoreError> {
    let Ok(datatype) = Datatype::new(DATATYPE) else { return Ok(Vec::new()) };
    let mut flows = Vec::new();
    let mut orgs = Scan::prefix(keys::orgs(), PAGE).keys_only();
    loop {
        let page = store.scan(orgs.clone()).await?;
        for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
            flows.extend(flows_of(store, &org, &datatype).await?);
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => orgs = orgs.after(last),
            _ => return Ok(flows),
        }
    }
}

async fn flows_of(store: &dyn Store, org: &OrgId, datatype: &Datatype) -> Result<Vec<Record>, StoreError> {
    let mut flows = Vec::new();
    let mut scan = Scan::prefix(keys::records(org, datatype), PAGE);
    loop {
        let page = store.scan(scan.clone()).await?;
        for (_, found) in &page {
            flows.push(decode(&found.value)?);
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => scan = scan.after(last),
            _ => return Ok(flows),
        }
    }
}
