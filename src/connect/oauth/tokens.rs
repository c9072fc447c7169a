//! Tokens that are good now: renewed before they end, by one at a time for each integration, and kept before anybody
//! uses them. A vendor that gives a new refresh token with each renewal takes the old one no more.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::house::House;
use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::Integration;
use appengine_actors::inbound::integrations::{IntegrationError, Integrations};
use appengine_actors::store::{Lease, StoreError};
use tracing::{info, warn};

use super::answers::{Denied, Granted, read};
use super::client::Client;
use super::requests::Requests;
use super::vendors::{OAuthVendor, oauth_of};
use crate::connect::api::{Api, ApiCall};

/// Why there is no token that is good now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nobody has connected it, or it was disconnected.
    #[error("use the integration {0}: it is not connected; connect it first")]
    NotConnected(IntegrationId),
    /// The vendor takes its tokens no more.
    #[error("use the integration {0}: the vendor takes its tokens no more; connect it again")]
    Revoked(IntegrationId),
    /// The vendor gave no new token just now.
    #[error("renew the tokens of {vendor}: {why}")]
    Vendor {
        /// The vendor.
        vendor: &'static str,
        /// The vendor's word for it, or what went wrong on the way.
        why: String,
    },
    /// The integration could not be read or written.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Integration(error.into())
    }
}

/// Why a call for tokens brought none.
#[derive(Debug)]
pub(super) enum Failed {
    /// The vendor said no.
    Denied(Denied),
    /// There was no answer.
    Unanswered(String),
}

/// The tokens of all integrations.
#[derive(Clone)]
pub struct Tokens {
    pub(super) house: Arc<House>,
    pub(super) integrations: Integrations,
    pub(super) api: Api,
}

impl Tokens {
    /// The tokens of a machine's integrations.
    #[must_use]
    pub const fn new(house: Arc<House>, integrations: Integrations, api: Api) -> Self {
        Self { house, integrations, api }
    }

    /// A token to call the vendor's interface with. Where less is left of its life than the vendor's table says, five
    /// minutes for most, it is renewed first.
    ///
    /// # Errors
    /// When there is none: nobody connected the integration, or the vendor takes its tokens no more.
    pub async fn fresh_token(&self, org: &OrgId, id: IntegrationId) -> Result<String, TokenError> {
        let (integration, tokens) = self.kept(org, id).await?;
        let of = oauth_of(&integration.vendor).ok_or(TokenError::NotConnected(id))?;
        if tokens.outlives(self.house.clock.now(), of.early) {
            return Ok(tokens.access);
        }
        let (own, org) = (self.clone(), org.clone());
        // Whoever waits may be gone before the vendor answers; what it answers must be kept nevertheless.
        let renewal = tokio::spawn(async move { own.renew(of, &org, id).await });
        renewal.await.unwrap_or_else(|_| Err(failed(of, "the renewal ended early".to_owned())))
    }

    async fn renew(
        &self,
        of: &'static OAuthVendor,
        org: &OrgId,
        id: IntegrationId,
    ) -> Result<String, TokenError> {
        let _turn = self.turn(id).await?;
        // Whoever had the turn before has renewed it already.
        let (_, tokens) = self.kept(org, id).await?;
        let now = self.house.clock.now();
        if tokens.outlives(now, of.early) {
            return Ok(tokens.access);
        }
        match self.ask_anew(of, org, id, &tokens).await? {
            Some(Ok(renewed)) => {
                self.keep(org, id, &renewed).await?;
                Ok(renewed.access)
            }
            Some(Err(Failed::Denied(Denied::Gone(word)))) => {
                warn!(%org, integration = %id, vendor = of.vendor, %word, "a vendor takes an integration's tokens no more");
                self.forget(org, id, "system", &["connection.revoked"]).await?;
                Err(TokenError::Revoked(id))
            }
            Some(Err(error)) => {
                let why = error.words();
                warn!(%org, integration = %id, vendor = of.vendor, %why, "an integration's tokens could not be renewed");
                self.still_good(of, tokens, why)
            }
            None => self.still_good(
                of,
                tokens,
                "there is no way to, and they have ended; connect it again".to_owned(),
            ),
        }
    }

    /// A token that could not be renewed is used for as long as it lives.
    fn still_good(&self, of: &OAuthVendor, tokens: Granted, why: String) -> Result<String, TokenError> {
        if tokens.outlives(self.house.clock.now(), Duration::ZERO) {
            Ok(tokens.access)
        } else {
            Err(failed(of, why))
        }
    }

    /// Asks the vendor for new tokens; none where it has no way to.
    async fn ask_anew(
        &self,
        of: &'static OAuthVendor,
        org: &OrgId,
        id: IntegrationId,
        tokens: &Granted,
    ) -> Result<Option<Result<Granted, Failed>>, TokenError> {
        let credentials = self.integrations.credentials(org, id).await?;
        let Ok(client) = Client::of(of, &credentials) else { return Ok(None) };
        let Some(call) = (Requests { of, client: &client, api: &self.api }).renewal(tokens) else {
            return Ok(None);
        };
        let asked = self.ask(of, call).await;
        Ok(Some(asked.map(|renewed| renewed.after(tokens.clone()))))
    }

    /// Sends a call for tokens and reads its answer.
    pub(super) async fn ask(&self, of: &OAuthVendor, call: ApiCall) -> Result<Granted, Failed> {
        let reply = self.api.send(call).await.map_err(|error| Failed::Unanswered(error.why))?;
        read(of, &reply, self.house.clock.now()).map_err(Failed::Denied)
    }

    /// The turn to change an integration's tokens, waited for.
    pub(super) async fn turn(&self, id: IntegrationId) -> Result<Lease, StoreError> {
        self.house.store.lease(format!("oauth {id}")).await
    }

    /// The tokens of an integration that is connected.
    async fn kept(&self, org: &OrgId, id: IntegrationId) -> Result<(Integration, Granted), TokenError> {
        let integration = self.integrations.get(org, id).await?;
        let credentials = self.integrations.credentials(org, id).await?;
        let tokens = Granted::kept(&credentials).filter(|_| integration.active);
        tokens.map(|tokens| (integration, tokens)).ok_or(TokenError::NotConnected(id))
    }

    /// Keeps new tokens.
    async fn keep(&self, org: &OrgId, id: IntegrationId, tokens: &Granted) -> Result<(), IntegrationError> {
        self.integrations.edit(org, id, &[], |_, credentials| tokens.keep(credentials)).await?;
        info!(%org, integration = %id, "an integration's tokens were renewed");
        Ok(())
    }

    /// Forgets an integration's tokens and takes no more of its calls.
    pub(super) async fn forget(
        &self,
        org: &OrgId,
        id: IntegrationId,
        by: &str,
        kinds: &[&str],
    ) -> Result<Integration, IntegrationError> {
        let now = self.house.clock.now();
        let edit = |integration: &mut Integration, credentials: &mut _| {
            forget_in(integration, credentials);
            (integration.by, integration.updated_at) = (by.to_owned(), now);
        };
        self.integrations.edit(org, id, kinds, edit).await
    }
}

fn forget_in(
    integration: &mut Integration,
    credentials: &mut appengine_actors::inbound::integration::Credentials,
) {
    integration.active = false;
    credentials.forget_tokens();
}

fn failed(of: &OAuthVendor, why: String) -> TokenError {
    TokenError::Vendor { vendor: of.vendor, why }
}

impl Failed {
    /// In words of programs where the vendor has one, else in ours.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Denied(Denied::Gone(word) | Denied::Refused(word)) => {
                format!("the vendor answers `{word}`")
            }
            Self::Unanswered(why) => why.clone(),
        }
    }
}
