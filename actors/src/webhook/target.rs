//! Whom a destination speaks to, and with what: an endpoint with its keys, or whatever the deliveries of flows say.

use std::sync::Arc;

use super::endpoint::secrets::{Kept, kept};
use super::endpoint::{Endpoint, EndpointStatus};
use super::pace::Allowed;
use crate::house::House;
use crate::ids::{EndpointId, OrgId};
use crate::keys;
use crate::store::{StoreError, decode};

/// Whom a destination speaks to.
#[derive(Clone)]
pub enum Target {
    /// Whoever the flows of an organisation name.
    Flows,
    /// An endpoint.
    Endpoint(Arc<Registered>),
    /// An endpoint that is no more: what it is owed is discarded.
    Removed,
}

/// An endpoint and what it is sent with.
pub struct Registered {
    /// It.
    pub endpoint: Endpoint,
    /// Its keys and headers.
    pub kept: Kept,
}

impl Target {
    /// Reads the target of a destination.
    ///
    /// # Errors
    /// When the store fails, or the endpoint's keys cannot be opened.
    pub async fn read(house: &House, destination: &str) -> Result<Self, StoreError> {
        let Ok(id) = destination.parse::<EndpointId>() else { return Ok(Self::Flows) };
        let Some(owner) = house.store.get(keys::destination(destination)).await? else {
            return Ok(Self::Removed);
        };
        let org: OrgId = decode(&owner.value)?;
        let Some(found) = house.store.get(keys::endpoint(&org, id)).await? else { return Ok(Self::Removed) };
        let Some(kept) = kept(house, &org, id).await? else { return Ok(Self::Removed) };
        let endpoint = decode(&found.value)?;
        Ok(Self::Endpoint(Arc::new(Registered { endpoint, kept })))
    }

    /// How fast it may be sent to.
    #[must_use]
    pub fn allowed(&self, usual: usize) -> Allowed {
        match self {
            Self::Endpoint(registered) => Allowed {
                concurrency: registered.endpoint.concurrency.unwrap_or(usual),
                rate: registered.endpoint.rate_limit,
            },
            Self::Flows | Self::Removed => Allowed { concurrency: usual, rate: None },
        }
    }

    /// Whether it is not sent to just now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Endpoint(registered) if registered.endpoint.status != EndpointStatus::Enabled)
    }
}
