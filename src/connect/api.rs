//! Calls of vendors' own interfaces: through the guarded transport, bounded in time and size, each at the vendor's own
//! address or at one that the operator has put in its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use appengine_actors::webhook::send_options::SendOptions;
use appengine_actors::webhook::transport::{BodyEnd, Method, OutboundRequest, Transport};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

/// For one call, its answer included, where it is not given less.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where vendors' interfaces are. Some have one for each purpose, some one for each customer in place of `{tenant}`.
const BASES: [(&str, &str); 36] = [
    ("anthropic", "https://api.anthropic.com"),
    ("calendly-auth", "https://auth.calendly.com"),
    ("discord", "https://discord.com"),
    ("github", "https://github.com"),
    ("github-api", "https://api.github.com"),
    ("hubspot", "https://app.hubspot.com"),
    ("hubspot-api", "https://api.hubapi.com"),
    ("intercom", "https://app.intercom.com"),
    ("intercom-api", "https://api.intercom.io"),
    ("linkedin", "https://www.linkedin.com"),
    ("linkedin-api", "https://api.linkedin.com"),
    ("mailgun", "https://api.mailgun.net"),
    ("mailgun-eu", "https://api.eu.mailgun.net"),
    ("meta", "https://graph.facebook.com"),
    ("meta-dialog", "https://www.facebook.com"),
    ("openai", "https://api.openai.com/v1"),
    ("paypal", "https://api-m.paypal.com"),
    ("paypal-sandbox", "https://api-m.sandbox.paypal.com"),
    ("pinterest", "https://www.pinterest.com"),
    ("pinterest-api", "https://api.pinterest.com"),
    ("reddit", "https://www.reddit.com"),
    ("reddit-api", "https://oauth.reddit.com"),
    ("sendgrid", "https://api.sendgrid.com"),
    ("shopify", "https://{tenant}.myshopify.com"),
    ("slack", "https://slack.com"),
    ("snapchat-accounts", "https://accounts.snapchat.com"),
    ("stripe", "https://api.stripe.com"),
    ("stripe-connect", "https://connect.stripe.com"),
    ("tiktok", "https://www.tiktok.com"),
    ("tiktok-api", "https://open.tiktokapis.com"),
    ("twilio", "https://api.twilio.com"),
    ("twitch", "https://id.twitch.tv"),
    ("twitch-api", "https://api.twitch.tv"),
    ("x", "https://api.x.com"),
    ("x-authorize", "https://x.com"),
    ("zendesk", "https://{tenant}.zendesk.com"),
];

/// Whether a name is one of an interface, so that an operator may put another address in its place.
#[must_use]
pub fn is_known(name: &str) -> bool {
    BASES.iter().any(|(known, _)| *known == name)
}

/// Calls vendors.
#[derive(Clone)]
pub struct Api {
    transport: Arc<dyn Transport>,
    /// Addresses that the operator has put in place of the vendors' own.
    bases: Arc<BTreeMap<String, String>>,
}

/// A call that is to be made.
pub struct ApiCall {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// How long it may take, its answer included.
    pub within: Duration,
}

/// An answer with any status.
#[derive(Debug, Clone)]
pub struct ApiReply {
    /// The status.
    pub status: u16,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("call {url}: {why}")]
pub struct ApiError {
    /// What was called, without its query, which may hold a secret.
    pub url: String,
    /// What went wrong.
    pub why: String,
}

impl Api {
    /// Calls through a transport; `bases` are addresses in place of the vendors' own.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, bases: BTreeMap<String, String>) -> Self {
        Self { transport, bases: Arc::new(bases) }
    }

    /// Where an interface is, without a slash at its end.
    #[must_use]
    pub fn base(&self, name: &str) -> String {
        if let Some(base) = self.bases.get(name) {
            return base.trim_end_matches('/').to_owned();
        }
        let own = BASES.iter().find(|(known, _)| *known == name);
        own.map_or_else(String::new, |(_, base)| (*base).to_owned())
    }

    /// Makes a call. Any status is an answer.
    ///
    /// # Errors
    /// When there is none, or it is too long.
    pub async fn send(&self, call: ApiCall) -> Result<ApiReply, ApiError> {
        let shown = call.url.split(['?', '#']).next().unwrap_or_default().to_owned();
        let failed = |why: String| ApiError { url: shown.clone(), why };
        let request = OutboundRequest {
            method: call.method,
            url: call.url,
            headers: call.headers,
            body: call.body,
            timeout: call.within,
            options: SendOptions::default(),
        };
        let reply = self.transport.send(request).await.result.map_err(|error| failed(error.to_string()))?;
        match reply.body_end {
            BodyEnd::Complete => {
                Ok(ApiReply { status: reply.status, headers: reply.headers, body: reply.body })
            }
            BodyEnd::TooLong => Err(failed("the answer is longer than is read".to_owned())),
            BodyEnd::TimedOut | BodyEnd::Broken => {
                Err(failed("the answer did not come to its end".to_owned()))
            }
        }
    }
}

impl ApiCall {
    /// A call without a body.
    #[must_use]
    pub const fn new(method: Method, url: String) -> Self {
        Self { method, url, headers: Vec::new(), body: Bytes::new(), within: TIMEOUT }
    }

    /// With less time.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// By a token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// By a name and a password.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.header("authorization", format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// With a form.
    #[must_use]
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self { body: Bytes::from(body), ..self }.header("content-type", "application/x-www-form-urlencoded")
    }

    /// With JSON.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self { body: Bytes::from(body.to_string()), ..self }.header("content-type", "application/json")
    }
}

impl ApiReply {
    /// Whether the call was done.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.status / 100 == 2
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the vendor says was wrong, shortened.
    #[must_use]
    pub fn complaint(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        format!("it is answered with status {}: {text}", self.status)
    }
}
