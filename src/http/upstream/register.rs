//! Has vendors call us, by their own interfaces, and looks whether they do.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::machine::Machine;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Parts, TAG, WRITE, changeable, shown};
use crate::auth::role::Permission;
use crate::connect::register::{Errand, RegisterError, Registrations};
use crate::http::admit::Caller;
use crate::http::route::{Access, Route, id};
use crate::http::take::{MaybeJson, Object};
use crate::problem::Problem;

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    let of = |route: Route, name: &'static str| route.part(name, id(IntegrationId::PREFIX));
    let test = Access::Staff(Permission::Update, WRITE);
    let about = "Register the integration's address with its vendor, and keep the secret that it returns";
    vec![
        of(Route::post("/upstream/register/{id}", Access::Admin(WRITE), register), "id")
            .about(TAG, about)
            .may_take::<RegisterBody>()
            .gives_object(StatusCode::OK),
        of(
            Route::post("/upstream/call/{integration}/register", Access::Admin(WRITE), register),
            "integration",
        )
        .about(TAG, about)
        .may_take::<RegisterBody>()
        .gives_object(StatusCode::OK),
        of(Route::post("/upstream/test/{integration}/credentials", test, credentials), "integration")
            .about(TAG, "Ask the vendor whether it takes the integration's credentials, without a change")
            .gives_object(StatusCode::OK),
        of(Route::post("/upstream/test/{integration}/webhook", test, webhook), "integration")
            .about(TAG, "Ask the vendor whether it has the integration's address, and for which events")
            .gives_object(StatusCode::OK),
        of(Route::post("/upstream/shutdown/{id}", Access::Admin(WRITE), shut_down), "id")
            .about(
                TAG,
                "Take no more calls of an integration, and have its vendor make none; its secrets stay",
            )
            .gives_object(StatusCode::OK),
    ]
}

/// How an address is registered.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"replace": true})))]
struct RegisterBody {
    /// Whether what the vendor leads to another address now is led to ours: a telephone number, an app's subscription.
    #[serde(default)]
    replace: bool,
}

fn errand(caller: &Caller, id: IntegrationId) -> Errand {
    Errand { org: caller.org.clone(), id, by: caller.label().to_owned() }
}

async fn register(
    (caller, machine, _): Parts,
    registrations: web::Data<Registrations>,
    id: web::Path<IntegrationId>,
    MaybeJson(body): MaybeJson<Object<RegisterBody>>,
) -> Result<HttpResponse, Problem> {
    let Object(body) = body.unwrap_or(Object(RegisterBody::default()));
    // It would bring a secret that is gone with the next start.
    changeable(&machine.inbound.integrations.get(&caller.org, *id).await?)?;
    let report = registrations.into_inner().register(errand(&caller, *id), body.replace).await?;
    Ok(HttpResponse::Ok().json(report))
}

async fn credentials(
    caller: Caller,
    registrations: web::Data<Registrations>,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(registrations.credited(&errand(&caller, *id)).await?))
}

async fn webhook(
    caller: Caller,
    registrations: web::Data<Registrations>,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(registrations.standing(&errand(&caller, *id)).await?))
}

async fn shut_down(
    (caller, machine, public): Parts,
    registrations: web::Data<Registrations>,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    let integration = inactive(&machine, &caller, *id).await?;
    let removal = registrations.into_inner().unregister(errand(&caller, *id)).await;
    let credentials = machine.inbound.integrations.credentials(&caller.org, *id).await?;
    let mut shown = shown(&integration, &credentials, &public);
    shown["unregistered"] = json!(removal.unregistered);
    if let Some(why) = removal.why {
        shown["why"] = why.into();
    }
    Ok(HttpResponse::Ok().json(shown))
}

/// The integration, whose calls are not taken from now on, whatever the vendor says.
async fn inactive(machine: &Machine, caller: &Caller, id: IntegrationId) -> Result<Integration, Problem> {
    let before = machine.inbound.integrations.get(&caller.org, id).await?;
    let credentials = machine.inbound.integrations.credentials(&caller.org, id).await?;
    let (by, updated_at) = (caller.label().to_owned(), machine.house.clock.now());
    let integration = Integration { active: false, by, updated_at, ..before };
    machine.inbound.integrations.save(&integration, &credentials).await?;
    Ok(integration)
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let words = format!("failed to {error}");
        match error {
            RegisterError::Integration(error) => error.into(),
            RegisterError::Busy => Self::conflict("registration_under_way", words),
            RegisterError::Stopped => Self::unavailable(words),
        }
    }
}
