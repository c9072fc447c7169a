//! Lets a request through to its handler, or not: the one place where REST asks who is calling and
//! whether they may. Handlers find the caller in [`Caller`].

use std::future::{Ready, ready};
use std::ops::Deref;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, ResponseError, web};

use super::key_limits::KeyLimits;
use super::route::Access;
use crate::auth::gate::{Credentials, Gate};
use crate::auth::principal::Principal;
use crate::auth::refusal::Refusal;
use crate::auth::role::{self, Permission};
use crate::problem::Problem;

/// Who is calling. Only on routes whose access asks for it.
#[derive(Debug, Clone)]
pub struct Caller(pub Principal);

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = request.extensions().get::<Self>().cloned();
        ready(
            found.ok_or_else(|| {
                Problem::internal(&"a handler asks for a caller on a route that admits anybody")
            }),
        )
    }
}

/// What the caller's headers say of who they are, and a token from the query where the route takes one.
#[must_use]
pub fn credentials<'a>(headers: &'a HeaderMap, query_token: Option<&'a str>) -> Credentials<'a> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Credentials {
        authorization: text(AUTHORIZATION.as_str()),
        x_client_authorization: text("x-client-authorization"),
        x_api_key: text("x-api-key"),
        orgid: text("orgid"),
        query_token,
    }
}

/// Asks who is calling and whether they may, and then the handler.
///
/// # Errors
/// What the handler fails with; a refusal is an answer.
pub async fn admit<B: MessageBody + 'static>(
    access: Access,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match find_caller(access, &request).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(Caller(caller));
            }
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}

async fn find_caller(access: Access, request: &ServiceRequest) -> Result<Option<Principal>, Problem> {
    if !access.is_signed() {
        return Ok(None);
    }
    let gate = request.app_data::<web::Data<Gate>>().cloned();
    let gate = gate.ok_or_else(|| Problem::internal(&"the gate is not part of the App"))?;
    let caller = gate.admit(credentials(request.headers(), None)).await?;
    allow(access, &caller)?;
    let limits = request.app_data::<web::Data<KeyLimits>>();
    if let (Some(given), Some(limits)) = (&caller.rate_limits, limits) {
        let told = limits.count(&caller.token_id, given);
        request.extensions_mut().insert(told);
        if told.left.is_none() {
            let message =
                "this API key has been used as often as it may; wait, or make one with wider limits";
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
            return Err(problem.retry_after(Duration::from_secs(told.reset)));
        }
    }
    gate.count_use(&caller);
    Ok(Some(caller))
}

/// Whether a caller may use a route.
///
/// # Errors
/// The refusal.
pub fn allow(access: Access, caller: &Principal) -> Result<(), Refusal> {
    match access {
        Access::Open | Access::Entrance | Access::Link | Access::Signed => Ok(()),
        // The collection is not known here: the handler asks which of the two counts for it.
        Access::Content(permission, scope) => match permission.of_components() {
            Some(component) if role::allows(&caller.roles, component) => scoped(caller, scope),
            _ => caller.require(permission, scope),
        },
        Access::Record(_, scope) => scoped(caller, scope),
        Access::Staff(permission, scope) => {
            if !caller.rights().is_staff() {
                return Err(Refusal::Forbidden(permission));
            }
            caller.require(permission, scope)
        }
        Access::Admin(scope) => {
            if !caller.rights().runs_the_organisation() {
                return Err(Refusal::Forbidden(Permission::Configure));
            }
            scoped(caller, scope)
        }
    }
}

fn scoped(caller: &Principal, scope: &str) -> Result<(), Refusal> {
    if caller.may_scope(scope) { Ok(()) } else { Err(Refusal::InsufficientScope(scope.to_owned())) }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = actix_web::http::StatusCode::from_u16(refusal.status());
        let status = status.unwrap_or(actix_web::http::StatusCode::FORBIDDEN);
        Self::new(status, refusal.code(), format!("failed to {refusal}"))
    }
}
