//! Why a vendor is not connected, or not disconnected.

use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integrations::IntegrationError;
use appengine_actors::store::StoreError;

use super::state::StateError;

/// Why it does not work.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The vendor has no OAuth 2, or there is no such vendor.
    #[error("connect `{name}`: no vendor of that name is connected by OAuth 2; those that are: {known}")]
    NoVendor {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Nothing is saved of the vendor's.
    #[error(
        "connect {0}: this organisation has no integration of it; save one with the id and the secret of your app there first"
    )]
    NotSaved(&'static str),
    /// The app at the vendor is not known.
    #[error(
        "connect {vendor}: the integration {id} has no credential `{credential}` that can be used; save it first"
    )]
    NoClient {
        /// The vendor.
        vendor: &'static str,
        /// The integration.
        id: IntegrationId,
        /// What is missing.
        credential: &'static str,
    },
    /// What was asked for cannot be.
    #[error("connect: {path} {why}")]
    Wrong {
        /// What is wrong.
        path: &'static str,
        /// Why.
        why: String,
    },
    /// The state is not taken, or not given.
    #[error(transparent)]
    State(#[from] StateError),
    /// The integration could not be read or written.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
}

impl From<StoreError> for ConnectError {
    fn from(error: StoreError) -> Self {
        Self::Integration(error.into())
    }
}
