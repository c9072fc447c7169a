//! Tokens that are renewed in time, where somebody agreed by OAuth 2; else those that were saved.

use appengine_actors::ids::{IntegrationId, OrgId};
use futures_util::future::BoxFuture;

use super::driver::{SavedTokens, Tokens};
use crate::connect::oauth::{TokenError, Tokens as Renewed};

/// The tokens of all integrations.
pub struct FreshTokens {
    /// Those that somebody agreed to.
    pub renewed: Renewed,
    /// Those that somebody entered.
    pub saved: SavedTokens,
}

impl Tokens for FreshTokens {
    fn fresh<'a>(
        &'a self,
        org: &'a OrgId,
        integration: IntegrationId,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            match self.renewed.fresh_token(org, integration).await {
                Ok(token) => Ok(token),
                Err(TokenError::NotConnected(_)) => self.saved.fresh(org, integration).await,
                Err(error) => Err(error.to_string()),
            }
        })
    }
}
