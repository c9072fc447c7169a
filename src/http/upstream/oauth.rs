//! Connecting a vendor by OAuth 2: where people agree, where they come back to, and how it ends.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, REFERRER_POLICY};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::IntegrationId;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Parts, TAG, WRITE, shown};
use crate::connect::oauth::return_url::telling;
use crate::connect::oauth::{Begun, ConnectError, Connections, Finished, Returned, StateError};
use crate::http::admit::Caller;
use crate::http::route::{Access, Route, id, text};
use crate::http::take::{MaybeJson, Object, Params};
use crate::problem::{Detail, Problem};

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    let vendor = || text(r"^[A-Za-z][A-Za-z_-]{0,31}$");
    let begins = |path| {
        Route::get(path, Access::Admin(WRITE), begin_by_vendor)
            .about(TAG, "Where somebody agrees that a vendor is connected; good once, for ten minutes")
            .part("vendor", vendor())
            .query("scopes", text(r"^[!-~ ]{0,2000}$"), "what is asked for, with blanks or commas between")
            .query("returnUrl", text(r"^[!-~]{0,2048}$"), "where the browser goes in the end")
            .gives_object(StatusCode::OK)
            .changes_something()
    };
    vec![
        begins("/upstream/connect/{vendor}"),
        begins("/connect/{vendor}/auth-url"),
        Route::post("/upstream/call/{integration}/get-auth-url", Access::Admin(WRITE), begin)
            .about(TAG, "Where somebody agrees that an integration is connected; good once, for ten minutes")
            .part("integration", text(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$"))
            .may_take::<BeginBody>()
            .gives_object(StatusCode::OK),
        Route::get("/connect/oauth2callback/{vendor}", Access::Link, come_back)
            .about(TAG, "Where a vendor sends people back to who agreed, or did not")
            .part("vendor", vendor())
            .query("code", text("."), "what becomes tokens")
            .query("state", text("."), "the state that they were sent with")
            .query("error", text("."), "the vendor's word for why there is no code")
            .gives::<String>(StatusCode::OK)
            .gives_media("text/plain")
            .also(StatusCode::FOUND, "to `returnUrl`, with `integration=connected` or `integration=failed`")
            .changes_something(),
        Route::post("/upstream/disconnect/{id}", Access::Admin(WRITE), disconnect)
            .about(TAG, "Give a vendor's tokens back, and take no more of its calls")
            .part("id", id(IntegrationId::PREFIX))
            .gives_object(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BeginParams {
    scopes: Option<String>,
    return_url: Option<String>,
}

/// What is asked of a vendor.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"scopes": ["chat:write"]})))]
struct BeginBody {
    /// Scopes, as a list or as a text with blanks or commas between; the vendor's usual ones if not given.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    scopes: Scopes,
    /// Where the browser goes in the end: to this server, or to one of `server.cors_origins`.
    #[serde(default)]
    #[schema(max_length = 2048)]
    return_url: Option<String>,
}

/// Scopes as clients write them.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged, expecting = "expected a list of texts, or one text")]
enum Scopes {
    #[default]
    Usual,
    Text(String),
    List(Vec<String>),
}

impl Scopes {
    fn text(self) -> String {
        match self {
            Self::Usual => String::new(),
            Self::Text(text) => text,
            Self::List(list) => list.join(" "),
        }
    }
}

/// What a vendor adds of its own is not looked at.
#[derive(Debug, Deserialize)]
struct BackParams {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

async fn begin_by_vendor(
    caller: Caller,
    connections: web::Data<Connections>,
    vendor: web::Path<String>,
    Params(params): Params<BeginParams>,
) -> Result<HttpResponse, Problem> {
    let scopes = params.scopes.unwrap_or_default();
    let begun =
        connections.begin(&caller.org, caller.label(), &vendor, &scopes, params.return_url.as_deref());
    Ok(told(&begun.await?))
}

async fn begin(
    caller: Caller,
    connections: web::Data<Connections>,
    name: web::Path<String>,
    MaybeJson(body): MaybeJson<Object<BeginBody>>,
) -> Result<HttpResponse, Problem> {
    let body = body.map_or_else(BeginBody::default, |Object(body)| body);
    let scopes = body.scopes.text();
    let begun = connections.begin(&caller.org, caller.label(), &name, &scopes, body.return_url.as_deref());
    Ok(told(&begun.await?))
}

fn told(begun: &Begun) -> HttpResponse {
    let body = json!({"authUrl": begun.auth_url, "state": begun.state});
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

async fn come_back(
    connections: web::Data<Connections>,
    vendor: web::Path<String>,
    Params(params): Params<BackParams>,
) -> Result<HttpResponse, Problem> {
    let BackParams { code, state, error } = params;
    let Finished { return_url, failed } =
        connections.finish(&vendor, Returned { code, state, error }).await?;
    let mut answer = match (return_url, failed) {
        (Some(url), failed) => {
            let mut answer = HttpResponse::Found();
            answer.insert_header((LOCATION, telling(&url, failed.as_deref())));
            answer.finish()
        }
        (None, None) => {
            let page = "The integration is connected. You can close this window.\n";
            HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(page)
        }
        (None, Some(word)) => {
            let message = format!("failed to connect {vendor}: {word}; begin to connect it anew");
            return Err(Problem::bad_request("not_connected", message));
        }
    };
    // The address holds a code: it is for nobody else.
    answer.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

async fn disconnect(
    (caller, _, public): Parts,
    connections: web::Data<Connections>,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    let done = connections.disconnect(&caller.org, caller.label(), *id).await?;
    let mut body = shown(&done.integration, &done.credentials, &public);
    body["revoked"] = json!(done.revoked);
    Ok(HttpResponse::Ok().json(body))
}

impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        let words = format!("failed to {error}");
        match error {
            ConnectError::NoVendor { .. } => Self::not_found(words),
            ConnectError::NotSaved(_) => Self::conflict("integration_missing", words),
            ConnectError::NoClient { .. } => Self::conflict("client_missing", words),
            ConnectError::Wrong { path, why } => {
                let detail = Detail { path: path.to_owned(), message: why };
                Self::invalid("the vendor cannot be connected", vec![detail])
            }
            ConnectError::State(StateError::Change(error)) => error.into(),
            ConnectError::State(StateError::TooMany) => Self::conflict("too_many_states", words),
            ConnectError::State(_) => Self::bad_request("invalid_state", words),
            ConnectError::Integration(error) => error.into(),
        }
    }
}
