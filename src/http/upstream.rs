//! Vendors as an organisation has connected them (contract §9), and what they told: every call as it came.

mod calls;
mod oauth;
mod register;
mod save;
mod schema;
mod sync;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::inbound::integrations::IntegrationError;
use appengine_actors::machine::Machine;
use serde_json::{Value, json};

use self::schema::{IntegrationReply, SaveBody};
use super::admit::Caller;
use super::connect::PublicUrl;
use super::route::{Access, Route, id, text};
use crate::auth::role::Permission;
use crate::connect::declared::is_declared;
use crate::connect::given::in_camel_case;
use crate::connect::register::credentials as registers_with;
use crate::connect::register::site::webhook_url;
use crate::connect::types::{IntegrationType, TYPES, type_of};
use crate::problem::Problem;

const TAG: &str = "Vendors";
const READ: &str = "read:integrations";
const WRITE: &str = "write:integrations";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, READ);
    let of_id = || id(IntegrationId::PREFIX);
    let kind = || text(r"^[A-Za-z][A-Za-z_-]{0,31}$");
    let mut routes = vec![
        Route::get("/upstream/integration-types", read, types)
            .about(TAG, "The vendors that can be connected, and what each needs")
            .gives_object(StatusCode::OK),
        Route::get("/upstream/integration-types/{type}", read, one_type)
            .about(TAG, "What a vendor needs")
            .part("type", kind())
            .gives_object(StatusCode::OK),
        Route::post("/upstream/save-integration", Access::Admin(WRITE), save::save)
            .about(TAG, "Connect a vendor by its secrets, or change how it is connected")
            .takes::<SaveBody>()
            .gives::<IntegrationReply>(StatusCode::OK),
        Route::get("/upstream/active", read, active)
            .about(TAG, "The vendors whose calls are taken")
            .gives_object(StatusCode::OK),
        Route::get("/upstream/active/{type}", read, active_of)
            .about(TAG, "The integrations of a vendor whose calls are taken")
            .part("type", kind())
            .gives_object(StatusCode::OK),
        Route::get("/upstream/get-config", read, configs)
            .about(TAG, "Every integration, without its secrets")
            .gives_object(StatusCode::OK),
        Route::get("/upstream/get-config/{type}", read, configs_of)
            .about(TAG, "The integrations of a vendor, without their secrets")
            .part("type", kind())
            .gives_object(StatusCode::OK),
        Route::get("/upstream/get-config/{type}/{configId}", read, config)
            .about(TAG, "An integration, without its secrets")
            .part("type", kind())
            .part("configId", of_id())
            .gives::<IntegrationReply>(StatusCode::OK),
        Route::new(Method::DELETE, "/upstream/integrations/{id}", Access::Admin(WRITE), remove)
            .about(TAG, "Take an integration away, with its secrets")
            .part("id", of_id())
            .gives::<IntegrationReply>(StatusCode::OK),
    ];
    routes.extend(calls::routes());
    routes.extend(oauth::routes());
    routes.extend(register::routes());
    routes.extend(sync::routes());
    routes
}

fn shown_type(of: &IntegrationType) -> Value {
    let mut shown = json!(of);
    shown["registersWith"] = json!(registers_with(of.vendor));
    shown
}

async fn types(_: Caller) -> HttpResponse {
    let types: Vec<Value> = TYPES.iter().map(shown_type).collect();
    HttpResponse::Ok().json(json!({"data": types, "total": types.len()}))
}

async fn one_type(_: Caller, kind: web::Path<String>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(shown_type(known(&kind)?)))
}

/// What a vendor needs, by what clients call it.
fn known(kind: &str) -> Result<&'static IntegrationType, Problem> {
    let found = type_of(kind);
    found.ok_or_else(|| {
        Problem::not_found(format!("there is no integration type `{kind}`; known are {}", names()))
    })
}

fn names() -> String {
    TYPES.iter().map(|of| of.vendor).collect::<Vec<_>>().join(", ")
}

async fn listed(
    caller: &Caller,
    machine: &Machine,
    public: &PublicUrl,
    fits: impl Fn(&Integration) -> bool,
) -> Result<HttpResponse, Problem> {
    let mut data = Vec::new();
    for integration in machine.inbound.integrations.of(&caller.org).await?.into_iter().filter(fits) {
        let credentials = machine.inbound.integrations.credentials(&caller.org, integration.id).await?;
        data.push(shown(&integration, &credentials, public));
    }
    Ok(HttpResponse::Ok().json(json!({"data": data, "total": data.len()})))
}

type Parts = (Caller, web::Data<Machine>, web::Data<PublicUrl>);

async fn active((caller, machine, public): Parts) -> Result<HttpResponse, Problem> {
    listed(&caller, &machine, &public, |integration| integration.active).await
}

async fn active_of(
    (caller, machine, public): Parts,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let of = known(&kind)?;
    listed(&caller, &machine, &public, |integration| integration.active && integration.vendor == of.vendor)
        .await
}

async fn configs((caller, machine, public): Parts) -> Result<HttpResponse, Problem> {
    listed(&caller, &machine, &public, |_| true).await
}

async fn configs_of(
    (caller, machine, public): Parts,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let of = known(&kind)?;
    listed(&caller, &machine, &public, |integration| integration.vendor == of.vendor).await
}

async fn config(
    (caller, machine, public): Parts,
    path: web::Path<(String, IntegrationId)>,
) -> Result<HttpResponse, Problem> {
    let (kind, id) = path.into_inner();
    let integration = machine.inbound.integrations.get(&caller.org, id).await?;
    if integration.vendor != known(&kind)?.vendor {
        return Err(IntegrationError::Missing(id).into());
    }
    let credentials = machine.inbound.integrations.credentials(&caller.org, id).await?;
    Ok(HttpResponse::Ok().json(shown(&integration, &credentials, &public)))
}

async fn remove(
    (caller, machine, public): Parts,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    changeable(&machine.inbound.integrations.get(&caller.org, *id).await?)?;
    let integration = machine.inbound.integrations.remove(&caller.org, *id).await?;
    Ok(HttpResponse::Ok().json(shown(&integration, &Credentials::default(), &public)))
}

/// What the configuration has set is changed there: the next start would take everything else back.
fn changeable(integration: &Integration) -> Result<(), Problem> {
    if !is_declared(integration) {
        return Ok(());
    }
    let message = format!(
        "failed to change the integration {}: the configuration has set it; change it there, under `vendors.keys`, or \
         save one of your own",
        integration.id
    );
    Err(Problem::conflict("set_by_configuration", message))
}

/// An integration as people see it: of secrets only that they are there.
fn shown(integration: &Integration, credentials: &Credentials, public: &PublicUrl) -> Value {
    let of = type_of(&integration.vendor);
    let names: Vec<&String> = credentials.api.keys().collect();
    json!({
        "id": integration.id, "type": integration.vendor, "name": integration.name, "active": integration.active,
        "category": of.map(|of| of.category), "settings": in_camel_case(&integration.settings),
        "publicConfig": integration.public_config, "sync": integration.sync,
        "secrets": credentials.secrets.len(), "publicKeys": credentials.public_keys.len(), "credentials": names,
        "webhookUrl": webhook_url(&public.0, integration),
        "instructions": of.map(|of| of.instructions),
        "createdAt": integration.created_at, "updatedAt": integration.updated_at, "by": integration.by,
    })
}

impl From<IntegrationError> for Problem {
    fn from(error: IntegrationError) -> Self {
        let words = format!("failed to {error}");
        match error {
            IntegrationError::Missing(_) => Self::not_found(words),
            IntegrationError::TooMany => Self::conflict("too_many_integrations", words),
            IntegrationError::Change(error) => error.into(),
        }
    }
}
