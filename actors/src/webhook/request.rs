//! The request of one attempt, signed: as the flow ordered it, or composed of the event and of the endpoint as it is
//! now.

use bytes::Bytes;

use super::delivery::{Delivery, DeliveryStatus};
use super::endpoint::{DOTS, compose};
use super::headers::is_signed;
use super::secrets::signing_secret;
use super::send_options::SendOptions;
use super::signature::keys::{SigningKey, sign_all};
use super::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use super::target::{Registered, Target};
use super::transport::{Method, OutboundRequest};
use crate::event::Event;
use crate::house::House;
use crate::keys;
use crate::store::{StoreError, decode};

/// A request that can be made.
pub struct Ready {
    /// It.
    pub request: OutboundRequest,
    /// Milliseconds to pause after each failed attempt.
    pub schedule: Vec<u64>,
    /// Where it goes.
    pub url: String,
    /// Its headers as they may be shown; none for those of flows, which the delivery itself has.
    pub shown_headers: Vec<(String, String)>,
}

/// Why there is no request.
pub enum Unready {
    /// There never will be: the delivery ends so, for this reason.
    Never(DeliveryStatus, String),
    /// Not now.
    Now(StoreError),
}

impl From<StoreError> for Unready {
    fn from(error: StoreError) -> Self {
        Self::Now(error)
    }
}

/// The request, signed for this attempt.
pub async fn ready(house: &House, target: &Target, delivery: &Delivery) -> Result<Ready, Unready> {
    match target {
        Target::Flows => ordered(house, delivery).await,
        Target::Endpoint(registered) => composed(house, registered, delivery).await,
        Target::Removed => {
            Err(Unready::Never(DeliveryStatus::Discarded, "the endpoint was deleted".to_owned()))
        }
    }
}

async fn ordered(house: &House, delivery: &Delivery) -> Result<Ready, Unready> {
    let secret = signing_secret(house, &delivery.org_id).await?;
    let method = match delivery.method.as_str() {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => Method::Post,
    };
    let body = if method == Method::Get { Bytes::new() } else { Bytes::from(delivery.body.clone()) };
    let (url, headers, options) = (delivery.url.as_str(), &delivery.headers, SendOptions::default());
    let message = Message { method, url, headers, content_type: JSON, body, options };
    let request = signed(house, delivery, &[SigningKey::Symmetric(secret)], message)?;
    let schedule = delivery.schedule.clone();
    Ok(Ready { request, schedule, url: delivery.url.clone(), shown_headers: Vec::new() })
}

async fn composed(house: &House, registered: &Registered, delivery: &Delivery) -> Result<Ready, Unready> {
    let endpoint = &registered.endpoint;
    let failed = |why: String| Unready::Never(DeliveryStatus::Failed, why);
    let (body, content_type) = if delivery.body.is_empty() {
        let event =
            event(house, delivery).await?.ok_or_else(|| failed("its event is kept no longer".to_owned()))?;
        let composed = compose(endpoint, &event);
        let composed = composed.map_err(|error| failed(format!("failed to {error}")))?;
        (composed.body, composed.content_type)
    } else {
        (delivery.body.clone(), JSON)
    };
    let keys = registered.kept.signing(house.clock.now());
    let tls = endpoint.tls(registered.kept.client_key.as_deref());
    let options = SendOptions { tls, compression: endpoint.compression };
    let headers = &registered.kept.headers;
    let (method, url, body) = (Method::Post, endpoint.url.as_str(), Bytes::from(body));
    let message = Message { method, url, headers, content_type, body, options };
    let request = signed(house, delivery, &keys, message)?;
    let own = |name: &str| headers.iter().any(|(given, _)| given == name);
    let shown = |(name, value): &(String, String)| {
        (name.clone(), if own(name) { DOTS.to_owned() } else { value.clone() })
    };
    let shown_headers = request.headers.iter().map(shown).collect();
    let schedule = endpoint.schedule().unwrap_or_else(|| house.settings.webhooks.schedule());
    Ok(Ready { request, schedule, url: endpoint.url.clone(), shown_headers })
}

async fn event(house: &House, delivery: &Delivery) -> Result<Option<Event>, StoreError> {
    let Some(id) = delivery.event_id else { return Ok(None) };
    house.store.get(keys::event(&delivery.org_id, id)).await?.map(|found| decode(&found.value)).transpose()
}

const JSON: &str = "application/json";

/// What is signed and sent.
struct Message<'a> {
    method: Method,
    url: &'a str,
    headers: &'a [(String, String)],
    content_type: &'static str,
    body: Bytes,
    options: SendOptions,
}

fn signed(
    house: &House,
    delivery: &Delivery,
    keys: &[SigningKey],
    message: Message<'_>,
) -> Result<OutboundRequest, StoreError> {
    let (id, at) = (delivery.id.to_string(), house.clock.now());
    let Message { method, url, headers, content_type, body, options } = message;
    let signature = sign_all(keys, &id, at.to_jiff(), &body)
        .map_err(|error| StoreError::Corrupt(format!("delivery {id} cannot be signed: {error}")))?;
    let mut headers = headers.to_vec();
    // Refused by now, but a delivery may have been ordered before.
    headers.retain(|(name, _)| !is_signed(name));
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    let own = [(ID_HEADER, id), (TIMESTAMP_HEADER, at.as_secs().to_string()), (SIGNATURE_HEADER, signature)];
    headers.extend(own.map(|(name, value)| (name.to_owned(), value)));
    let (url, timeout) = (url.to_owned(), house.settings.webhooks.timeout);
    Ok(OutboundRequest { method, url, headers, body, timeout, options })
}
