//! What the bus learns from the store when it starts: every flow and every endpoint of every organisation.

use serde::de::DeserializeOwned;

use crate::flow::book::DATATYPE;
use crate::ids::Datatype;
use crate::keys;
use crate::record::model::Record;
use crate::store::{Key, Pages, Scan, Store, StoreError, decode};
use crate::webhook::endpoint::Endpoint;

/// Entries that are read at once.
const PAGE: usize = 500;

/// Whoever may hear an event.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every flow of every organisation.
    pub flows: Vec<Record>,
    /// Every endpoint of every organisation.
    pub endpoints: Vec<Endpoint>,
}

/// Whoever may hear an event.
///
/// # Errors
/// When the store cannot be read.
pub async fn load(store: &dyn Store) -> Result<Loaded, StoreError> {
    let mut loaded = Loaded::default();
    let datatype = Datatype::new(DATATYPE).ok();
    let mut pages = Pages::of(store, Scan::prefix(keys::orgs(), PAGE).keys_only());
    while let Some(page) = pages.next().await? {
        for org in page.iter().filter_map(|(key, _)| keys::parse_org(key)) {
            if let Some(datatype) = &datatype {
                loaded.flows.extend(all(store, keys::records(&org, datatype)).await?);
            }
            loaded.endpoints.extend(all(store, keys::endpoints(&org)).await?);
        }
    }
    Ok(loaded)
}

async fn all<T: DeserializeOwned>(store: &dyn Store, prefix: Key) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    let mut pages = Pages::of(store, Scan::prefix(prefix, PAGE));
    while let Some(page) = pages.next().await? {
        for (_, value) in &page {
            found.push(decode(&value.value)?);
        }
    }
    Ok(found)
}
