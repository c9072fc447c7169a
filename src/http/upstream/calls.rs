//! What vendors told: every call that was taken, as it came, and how to have one read again.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::{CallId, IntegrationId};
use appengine_actors::inbound::call::{CallStatus, StoredCall};
use appengine_actors::inbound::calls::{ReplayError, Wanted};
use appengine_actors::machine::Machine;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{READ, TAG, WRITE};
use crate::auth::role::Permission;
use crate::connect::receiver::Receiver;
use crate::http::admit::Caller;
use crate::http::keep::keep;
use crate::http::paging::{self, LAST_PAGE};
use crate::http::route::{Access, Route, id, one_of, text, whole};
use crate::http::take::{Json, Object, Params};
use crate::problem::Problem;
use crate::vendors::call::{Call, Headers};

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, READ);
    vec![
        Route::get("/upstream/calls", read, list)
            .about(TAG, "Calls of vendors, the latest first")
            .query("vendor", text(r"^[a-z][a-z0-9-]{0,31}$"), "of one vendor only")
            .query(
                "status",
                one_of(&["pending", "understood", "ignored", "unconfirmed"]),
                "in one status only",
            )
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "calls on a page, 50 if not given")
            .gives_object(StatusCode::OK),
        Route::get("/upstream/calls/{id}", read, get)
            .about(TAG, "A call of a vendor, with its headers and its body")
            .part("id", id(CallId::PREFIX))
            .gives_object(StatusCode::OK),
        Route::post("/upstream/calls/{id}/replay", Access::Staff(Permission::Update, WRITE), replay)
            .about(TAG, "Read a call again: what it means is told once more")
            .part("id", id(CallId::PREFIX))
            .gives_object(StatusCode::ACCEPTED),
        Route::post("/upstream/test/{integration}/verify", Access::Staff(Permission::Update, WRITE), verify)
            .about(
                TAG,
                "Hold a captured call against an integration's secrets: is it the vendor's, and why not",
            )
            .part("integration", id(IntegrationId::PREFIX))
            .takes::<CapturedBody>()
            .gives_object(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    vendor: Option<String>,
    status: Option<CallStatus>,
    page: Option<usize>,
    page_size: Option<usize>,
}

/// A captured call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "headers": {"Stripe-Signature": "t=1790000000,v1=00"}, "body": "eyJpZCI6ImV2dF8xIn0=",
})))]
struct CapturedBody {
    /// `POST` if not given.
    #[schema(pattern = "^[A-Z]{1,16}$")]
    method: Option<String>,
    /// The address that was called, as the vendor knows it; the integration's own if not given.
    #[schema(max_length = 8192)]
    url: Option<String>,
    /// The headers.
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    /// The body, in base64.
    #[serde(default)]
    #[schema(pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$")]
    body: String,
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let is_name = |name: &String| {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        name.len() <= 32 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(letters)
    };
    let is_kept = params.vendor.as_ref().is_none_or(is_name);
    keep("the list cannot be made", [("vendor", is_kept, "must be a vendor's name, such as stripe")])?;
    let wanted = Wanted { vendor: params.vendor, status: params.status };
    let listed = machine.inbound.calls.list(&caller.org, &wanted, page.slice()).await?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, shown)))
}

/// A call in a list: without its headers, which are many.
fn shown(call: &StoredCall) -> Value {
    json!({
        "id": call.id, "vendor": call.vendor, "integrationId": call.integration_id, "vendorId": call.vendor_id,
        "receivedAt": call.received_at, "method": call.method, "url": call.url, "bodyBytes": call.body_bytes,
        "status": call.status, "events": call.events, "replays": call.replays,
    })
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let call = machine.inbound.calls.get(&caller.org, *id).await?;
    let call = call.ok_or_else(|| Problem::not_found(format!("there is no call {id}")))?;
    let body = machine.inbound.calls.body(&call).await?;
    let mut shown = shown(&call);
    shown["headers"] = json!(call.headers);
    match String::from_utf8(body) {
        Ok(text) => shown["body"] = text.into(),
        Err(bytes) => shown["bodyBase64"] = STANDARD.encode(bytes.as_bytes()).into(),
    }
    Ok(HttpResponse::Ok().json(shown))
}

async fn replay(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<CallId>,
) -> Result<HttpResponse, Problem> {
    let call = machine.inbound.calls.replay(&caller.org, *id).await?;
    Ok(HttpResponse::Accepted().json(shown(&call)))
}

async fn verify(
    caller: Caller,
    machine: web::Data<Machine>,
    receiver: web::Data<Receiver>,
    public: web::Data<super::PublicUrl>,
    id: web::Path<IntegrationId>,
    Json(Object(body)): Json<Object<CapturedBody>>,
) -> Result<HttpResponse, Problem> {
    let integration = machine.inbound.integrations.get(&caller.org, *id).await?;
    let bytes = STANDARD.decode(&body.body).unwrap_or_default();
    let is_base64 = bytes.is_empty() == body.body.is_empty();
    keep("the call cannot be checked", [("body", is_base64, "must be base64 with padding")])?;
    let call = Call {
        method: body.method.unwrap_or_else(|| "POST".to_owned()),
        url: body.url.unwrap_or_else(|| format!("{}/connect/webhook/{}/{id}", public.0, integration.vendor)),
        headers: Headers::new(body.headers),
        body: bytes,
    };
    let (verdict, reason) = receiver.judge(&integration, &call).await?;
    Ok(HttpResponse::Ok().json(json!({"vendor": integration.vendor, "verdict": verdict, "reason": reason})))
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Missing(_) => Self::not_found(format!("failed to {error}")),
            ReplayError::Change(error) => error.into(),
        }
    }
}
