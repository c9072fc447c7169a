//! People and keys: signing up and in, refreshing, guests, apps, API keys (contract §2). Each handler
//! names the caller or the organisation, calls one function of the accounts, and maps the reply.

pub(super) mod schema;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::schema::{
    ApiKeyBody, AppBody, AppKeyBody, GuestBody, LinkBody, PasswordBody, RefreshBody, SignInBody, SignUpBody,
};
use super::admit::{Caller, credentials};
use super::route::{Access, Route};
use super::take::Json;
use crate::auth::accounts::Accounts;
use crate::auth::accounts::answer::SignedIn;
use crate::auth::accounts::error::AccountError;
use crate::auth::gate::Gate;
use crate::auth::principal::Kind;
use crate::problem::{Detail, Problem};
use appengine_actors::ids::OrgId;

const TAG: &str = "People and keys";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, hidden) in [("/profile/user/signup", false), ("/profile/signup", true)] {
        let route = Route::post(path, Access::Entrance, user_sign_up)
            .about(TAG, "Sign up as staff")
            .takes::<SignUpBody>()
            .gives::<SessionReply>(StatusCode::CREATED);
        routes.push(if hidden { route.hidden() } else { route });
    }
    for (path, hidden) in [("/profile/user/signin", false), ("/profile/signin", true), ("/user/signin", true)]
    {
        let route = Route::post(path, Access::Entrance, user_sign_in)
            .about(TAG, "Sign in as staff")
            .takes::<SignInBody>()
            .gives::<SessionReply>(StatusCode::OK);
        routes.push(if hidden { route.hidden() } else { route });
    }
    for (path, hidden) in [("/profile/customer/signin", false), ("/customer/signin", true)] {
        let route = Route::post(path, Access::Entrance, customer_sign_in)
            .about(TAG, "Sign in as a customer")
            .takes::<SignInBody>()
            .gives::<SessionReply>(StatusCode::OK);
        routes.push(if hidden { route.hidden() } else { route });
    }
    for (path, hidden) in [("/profile/user/refresh", false), ("/user/refresh", true)] {
        let route = Route::post(path, Access::Entrance, user_refresh)
            .about(TAG, "Exchange a refresh token; one that was used before ends its session")
            .takes::<RefreshBody>()
            .gives::<SessionReply>(StatusCode::OK);
        routes.push(if hidden { route.hidden() } else { route });
    }
    for (path, hidden) in [("/profile/customer/refresh", false), ("/customer/refresh", true)] {
        let route = Route::post(path, Access::Entrance, customer_refresh)
            .about(TAG, "Exchange a refresh token; one that was used before ends its session")
            .takes::<RefreshBody>()
            .gives::<SessionReply>(StatusCode::OK);
        routes.push(if hidden { route.hidden() } else { route });
    }
    for path in ["/profile/user/password/change", "/profile/customer/password/change"] {
        routes.push(
            Route::post(path, Access::Signed, change_password)
                .about(TAG, "Change the password; every other session ends")
                .takes::<PasswordBody>()
                .gives_object(StatusCode::OK),
        );
    }
    routes.extend([
        Route::post("/profile/link/signin", Access::Open, link_sign_in)
            .about(TAG, "Sign in by the token of a link, once")
            .takes::<LinkBody>()
            .gives::<SessionReply>(StatusCode::OK)
            .hidden(),
        Route::post("/profile/customer/signup", Access::Entrance, customer_sign_up)
            .about(TAG, "Sign up as a customer")
            .takes::<SignUpBody>()
            .gives::<SessionReply>(StatusCode::CREATED),
        Route::post("/profile/customer/register-guest", Access::Entrance, register_guest)
            .about(TAG, "Begin as a guest")
            .takes::<GuestBody>()
            .gives::<GuestReply>(StatusCode::CREATED),
        Route::get("/profile/customer/profile", Access::Signed, whoami)
            .about(TAG, "Who is asking")
            .gives_object(StatusCode::OK),
        Route::post("/profile/app/key", Access::Entrance, app_key)
            .about(TAG, "A token for an app")
            .takes::<AppKeyBody>()
            .gives::<TokenReply>(StatusCode::OK),
        Route::post("/app/register", Access::Admin("write:profile"), register_app)
            .about(TAG, "Register an app; its secret is shown this once")
            .takes::<AppBody>()
            .gives_object(StatusCode::CREATED),
        Route::post("/api-key/create", Access::Admin("write:profile"), create_api_key)
            .about(TAG, "Create an API key; it is shown this once")
            .takes::<ApiKeyBody>()
            .gives_object(StatusCode::CREATED),
        Route::get("/profile/whoami", Access::Signed, whoami)
            .about(TAG, "Who is asking")
            .gives_object(StatusCode::OK),
        Route::get("/profile/logout", Access::Signed, logout)
            .about(TAG, "End this session")
            .changes_something()
            .gives_object(StatusCode::OK),
    ]);
    routes
}

/// A session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionReply {
    /// The access token.
    token: String,
    /// What the next one is had for.
    refresh_token: Option<String>,
}

/// A guest.
#[derive(Serialize, ToSchema)]
struct GuestReply {
    /// The access token.
    token: String,
}

/// A token.
#[derive(Serialize, ToSchema)]
struct TokenReply {
    /// It.
    token: String,
}

/// The organisation that somebody comes in to: the header's, or, from forms that cannot set one, the body's.
pub(super) fn org(gate: &Gate, request: &HttpRequest, body: &Value) -> Result<OrgId, Problem> {
    let mut sent = credentials(request.headers(), None);
    let of_body = body.get("orgid").and_then(Value::as_str).map(str::trim);
    match (sent.orgid.map(str::trim).filter(|header| !header.is_empty()), of_body) {
        (Some(header), Some(body)) if header != body => {
            let message =
                "failed to tell the organisation: the header `orgid` and the body name different ones";
            return Err(Problem::bad_request("invalid_orgid", message));
        }
        (None, of_body) => sent.orgid = of_body,
        _ => {}
    }
    Ok(gate.public_org(sent)?)
}

pub(super) fn private(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header(("cache-control", "no-store"));
    answer
}

fn session(status: StatusCode, signed_in: Result<SignedIn, AccountError>) -> Result<HttpResponse, Problem> {
    Ok(private(status).json(signed_in?.to_json()))
}

macro_rules! entrance {
    ($name:ident, $status:ident, |$accounts:ident, $org:ident, $body:ident| $call:expr) => {
        async fn $name(
            accounts: web::Data<Accounts>,
            gate: web::Data<Gate>,
            request: HttpRequest,
            Json(body): Json<Value>,
        ) -> Result<HttpResponse, Problem> {
            let ($accounts, $org, $body) = (&accounts, &org(&gate, &request, &body)?, &body);
            session(StatusCode::$status, $call.await)
        }
    };
}

entrance!(user_sign_up, CREATED, |accounts, org, body| accounts.sign_up(org, Kind::User, body));
entrance!(customer_sign_up, CREATED, |accounts, org, body| accounts.sign_up(org, Kind::Customer, body));
entrance!(user_sign_in, OK, |accounts, org, body| accounts.sign_in(org, Kind::User, body));
entrance!(customer_sign_in, OK, |accounts, org, body| accounts.sign_in(org, Kind::Customer, body));
entrance!(user_refresh, OK, |accounts, org, body| accounts.refresh(org, Kind::User, body));
entrance!(customer_refresh, OK, |accounts, org, body| accounts.refresh(org, Kind::Customer, body));
entrance!(register_guest, CREATED, |accounts, org, body| accounts.register_guest(org, body));

async fn link_sign_in(
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    session(StatusCode::OK, accounts.sign_in_by_link(&body).await)
}

async fn app_key(
    accounts: web::Data<Accounts>,
    gate: web::Data<Gate>,
    request: HttpRequest,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::OK).json(accounts.app_token(&org(&gate, &request, &body)?, &body).await?))
}

async fn register_app(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::CREATED).json(accounts.register_app(&caller, &body).await?.to_json()))
}

async fn create_api_key(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::CREATED).json(accounts.create_api_key(&caller, &body).await?))
}

async fn change_password(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    accounts.change_password(&caller, &body).await?;
    Ok(private(StatusCode::OK).json(json!({"success": true})))
}

async fn whoami(caller: Caller, accounts: web::Data<Accounts>) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::OK).json(accounts.whoami(&caller).await?.to_json()))
}

async fn logout(caller: Caller, accounts: web::Data<Accounts>) -> Result<HttpResponse, Problem> {
    accounts.sign_out(&caller).await?;
    Ok(private(StatusCode::OK).json(json!({"success": true})))
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match &error {
            _ if status == StatusCode::INTERNAL_SERVER_ERROR => Self::internal(&error),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => {
                tracing::warn!(%error, "an account could not be worked on");
                Self::unavailable("accounts are busy just now; try again shortly")
            }
            AccountError::Invalid(invalid) => {
                let path = if invalid.path.is_empty() { "body".to_owned() } else { invalid.path.clone() };
                let detail = Detail { path, message: invalid.problem.clone() };
                Self::invalid("the body cannot be taken", vec![detail])
            }
            _ => Self::new(status, error.code(), format!("failed to {error}")),
        }
    }
}
