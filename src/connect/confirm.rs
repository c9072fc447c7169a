//! Asks PayPal for an event before it is told: its signature covers only a checksum of the body, to which another body can
//! be made. Where an integration has no credentials of the app, nobody can be asked, and the event says so. (PayPal,
//! "Show event notification details".)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appengine_actors::clock::Clock;
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::call::StoredCall;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::inbound::integrations::Integrations;
use appengine_actors::inbound::translator::Confirmed;
use appengine_actors::webhook::transport::Method;
use serde_json::Value;

use super::api::{Api, ApiCall, ApiReply};
use super::register::paypal;

/// How long before its end a token is no longer used.
const EARLY: Duration = Duration::from_secs(60);
/// Tokens that are kept at most.
const MOST: usize = 1_000;

/// A token, and until when it is used.
type Token = (String, Duration);

/// Asks PayPal.
pub struct Confirmations {
    integrations: Integrations,
    api: Api,
    clock: Arc<dyn Clock>,
    tokens: Mutex<HashMap<IntegrationId, Token>>,
}

impl Confirmations {
    /// Asks by what these integrations have saved.
    #[must_use]
    pub fn new(integrations: Integrations, api: Api, clock: Arc<dyn Clock>) -> Self {
        Self { integrations, api, clock, tokens: Mutex::default() }
    }

    /// What the vendor says of a call that came in its name.
    ///
    /// # Errors
    /// When there is no answer just now.
    pub async fn ask(&self, call: &StoredCall, body: Vec<u8>) -> Result<Confirmed, String> {
        if call.vendor != "paypal" {
            return Ok(Confirmed::Unasked(body));
        }
        let integration = self.integrations.find(call.integration_id).await;
        // One that was taken away leaves nothing to ask by.
        let Some(integration) = integration.map_err(|error| error.to_string())? else {
            return Ok(Confirmed::Unasked(body));
        };
        let credentials = self.integrations.credentials(&integration.org_id, integration.id).await;
        let credentials = credentials.map_err(|error| error.to_string())?;
        let named = |name: &str| credentials.api.get(name).and_then(Value::as_str);
        let (Some(id), Some(secret)) = (named("clientId"), named("clientSecret")) else {
            return Ok(Confirmed::Unasked(body));
        };
        let Some(event) = event_id(&body) else { return Ok(Confirmed::Unknown) };
        let mut reply = self.event(&integration, (id, secret), &event).await?;
        if reply.status == 401 {
            // The token may be one of credentials that were replaced.
            self.tokens().remove(&integration.id);
            reply = self.event(&integration, (id, secret), &event).await?;
        }
        match reply.status {
            200 if event_id(&reply.body).is_some_and(|found| found == event) => {
                Ok(Confirmed::Sent(reply.body.to_vec()))
            }
            200 => Err("PayPal answers with another event".to_owned()),
            // The simulator's events are kept nowhere.
            404 if paypal::base(&integration.settings) == "paypal-sandbox" => Ok(Confirmed::Unasked(body)),
            404 => Ok(Confirmed::Unknown),
            _ => Err(reply.complaint()),
        }
    }

    async fn event(
        &self,
        integration: &Integration,
        credentials: (&str, &str),
        event: &str,
    ) -> Result<ApiReply, String> {
        let token = self.token(integration, credentials).await?;
        let path = format!("/v1/notifications/webhooks-events/{event}");
        self.send(integration, ApiCall::new(Method::Get, path).bearer(&token)).await
    }

    async fn token(&self, integration: &Integration, (id, secret): (&str, &str)) -> Result<String, String> {
        let now = self.clock.elapsed();
        if let Some((token, until)) = self.tokens().get(&integration.id)
            && *until > now
        {
            return Ok(token.clone());
        }
        let reply = self.send(integration, paypal::token(id, secret)).await?;
        let answer = reply.json();
        let Some(token) = answer["access_token"].as_str().filter(|_| reply.is_ok()) else {
            return Err(reply.complaint());
        };
        let life = Duration::from_secs(answer["expires_in"].as_u64().unwrap_or_default());
        let mut tokens = self.tokens();
        tokens.retain(|_, (_, until)| *until > now);
        if tokens.len() >= MOST {
            tokens.clear();
        }
        tokens.insert(integration.id, (token.to_owned(), now.saturating_add(life.saturating_sub(EARLY))));
        Ok(token.to_owned())
    }

    async fn send(&self, integration: &Integration, call: ApiCall) -> Result<ApiReply, String> {
        let base = self.api.base(paypal::base(&integration.settings));
        let call = ApiCall { url: format!("{base}{}", call.url), ..call };
        self.api.send(call).await.map_err(|error| error.to_string())
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<IntegrationId, Token>> {
        // A token is whole whenever the lock is free.
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event's own id. It becomes part of an address, so it must look like one.
fn event_id(body: &[u8]) -> Option<String> {
    let event: Value = serde_json::from_slice(body).ok()?;
    let id = event["id"].as_str()?;
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_would_lead_elsewhere_is_none() {
        assert_eq!(event_id(br#"{"id":"WH-1A-2B"}"#).as_deref(), Some("WH-1A-2B"));
        for wrong in [r#"{"id":"../a"}"#, r#"{"id":"a?b"}"#, r#"{"id":""}"#, r#"{"id":1}"#, "{}", "no"] {
            assert_eq!(event_id(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
