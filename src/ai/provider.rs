//! A provider of a language model, as an organisation has connected it: an integration of the category `ai`.

use appengine_actors::ids::OrgId;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::inbound::integrations::Integrations;
use appengine_actors::session::stream::model::ModelError;
use appengine_actors::store::StoreError;
use serde_json::Value;

use super::wire::{self, Wire};
use crate::connect::api::Api;
use crate::connect::register::site::{Choices, Protocol};
use crate::connect::types::type_of;

/// A provider.
pub(super) struct Provider {
    /// What the organisation calls it.
    pub(super) name: String,
    /// How it is spoken to.
    pub(super) wire: &'static dyn Wire,
    /// Where its interface is, without a slash at its end.
    pub(super) base: String,
    /// The key; none for those that want none.
    pub(super) key: Option<String>,
    /// Which model answers where nobody says otherwise.
    pub(super) model: Option<String>,
}

impl Provider {
    /// The provider that an organisation calls so, by its name, its type or its id; the first that it has connected, where
    /// nobody says which.
    ///
    /// # Errors
    /// When it has none of that name, or it cannot be read.
    pub(super) async fn find(
        integrations: &Integrations,
        api: &Api,
        org: &OrgId,
        wanted: Option<&str>,
    ) -> Result<Option<Self>, ModelError> {
        let all = integrations.of(org).await.map_err(unreadable)?;
        let is_model = |of: &&Integration| of.active && is_model(of);
        let mut all = all.iter().filter(is_model);
        let found = match wanted {
            None => match all.next() {
                Some(first) => first,
                None => return Ok(None),
            },
            Some(wanted) => {
                let is_called = |of: &&Integration| {
                    of.name == wanted || of.vendor == wanted || of.id.to_string() == wanted
                };
                all.find(is_called).ok_or_else(|| {
                    let message = format!("ask `{wanted}`: no provider of that name is connected and active");
                    ModelError { code: "no_provider", message, retryable: false }
                })?
            }
        };
        let (choices, key) = reached(integrations, org, found).await.map_err(unreadable)?;
        let protocol = choices.protocol.unwrap_or(match found.vendor.as_str() {
            "anthropic" => Protocol::Anthropic,
            _ => Protocol::OpenAi,
        });
        let base = choices.base_url.map_or_else(|| api.base(&found.vendor), |url| url.to_string());
        Ok(Some(Self {
            name: found.name.clone(),
            wire: wire::of(protocol),
            base: base.trim_end_matches('/').to_owned(),
            key,
            model: choices.model,
        }))
    }
}

/// How an integration is reached: what its settings choose, and its key, where it has one.
///
/// # Errors
/// When the store fails.
pub(super) async fn reached(
    integrations: &Integrations,
    org: &OrgId,
    of: &Integration,
) -> Result<(Choices, Option<String>), StoreError> {
    let credentials = integrations.credentials(org, of.id).await?;
    let choices = serde_json::from_value(Value::Object(of.settings.clone())).unwrap_or_default();
    Ok((choices, credentials.api.get("apiKey").and_then(Value::as_str).map(str::to_owned)))
}

/// Whether an integration is one of a provider of language models.
fn is_model(of: &Integration) -> bool {
    type_of(&of.vendor).is_some_and(|of| of.category == "ai")
}

fn unreadable(error: StoreError) -> ModelError {
    let message = format!("read which provider answers: {error}");
    ModelError { code: "unavailable", message, retryable: true }
}
