//! People beside their coming in: roles of staff, forgotten passwords of customers, and what customers change
//! of themselves (contract §2.1).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::admit::Caller;
use super::profile::schema::email;
use super::profile::{org, private};
use super::route::{Access, Route};
use super::take::Json;
use crate::auth::accounts::Accounts;
use crate::auth::gate::Gate;
use crate::auth::role::Role;
use crate::problem::Problem;

const TAG: &str = "People and keys";
const PROFILE: Access = Access::Admin("write:profile");

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/user/role/add", PROFILE, add_roles)
            .about(TAG, "Give roles to staff, none that outranks one's own; it counts at once")
            .takes::<RolesBody>()
            .gives_object(StatusCode::OK),
        Route::post("/user/role/remove", PROFILE, remove_roles)
            .about(TAG, "Take roles from staff; the last owner stays one")
            .takes::<RolesBody>()
            .gives_object(StatusCode::OK),
        Route::post("/profile/customer/update", Access::Signed, update_profile)
            .about(TAG, "Change one's own name and phone, as a customer")
            .takes::<ProfileBody>()
            .gives_object(StatusCode::OK),
        Route::get("/profile/customer/password/forgot/{email}", Access::Entrance, forgot)
            .about(
                TAG,
                "Say that a customer's password is forgotten; the answer is the same for every address",
            )
            .part("email", email())
            .changes_something()
            .gives_object(StatusCode::OK),
        Route::post("/profile/customer/password/token", PROFILE, make_token)
            .about(TAG, "A token by which a customer may choose a password, to be sent to their address")
            .takes::<AddressBody>()
            .gives_object(StatusCode::CREATED),
        Route::post("/profile/customer/password/validate-token", Access::Entrance, validate)
            .about(TAG, "Whether such a token is good")
            .takes::<TokenBody>()
            .gives_object(StatusCode::OK),
        Route::post("/profile/customer/password/reset", Access::Entrance, reset)
            .about(TAG, "Choose a password by such a token, once; all sessions end")
            .takes::<ResetBody>()
            .gives_object(StatusCode::OK),
    ]
}

/// Whose roles, and which.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used: accounts read the body themselves")]
struct RolesBody {
    /// The address that they sign in with.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// At least one.
    #[schema(min_items = 1, value_type = Vec<String>)]
    roles: Vec<Role>,
}

/// What a customer changes of themselves.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
struct ProfileBody {
    /// Optional.
    #[schema(max_length = 100)]
    first_name: Option<String>,
    /// Optional.
    #[schema(max_length = 100)]
    last_name: Option<String>,
    /// Optional.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// Optional.
    #[schema(max_length = 40)]
    phone: Option<String>,
}

/// An address.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct AddressBody {
    /// The customer's.
    #[schema(format = Email, max_length = 254)]
    email: String,
}

/// A token for a password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct TokenBody {
    /// As it was sent.
    token: String,
}

/// A token and the password that is chosen by it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct ResetBody {
    /// As it was sent.
    token: String,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
}

async fn add_roles(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.add_roles(&caller, &body).await?.to_json()))
}

async fn remove_roles(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(accounts.remove_roles(&caller, &body).await?.to_json()))
}

async fn update_profile(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::OK).json(accounts.update_profile(&caller, &body).await?.to_json()))
}

async fn forgot(
    accounts: web::Data<Accounts>,
    gate: web::Data<Gate>,
    request: HttpRequest,
    email: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    accounts.forget_password(&org(&gate, &request, &Value::Null)?, &email).await?;
    let message = "if a customer has this address, it gets a message with a link";
    Ok(private(StatusCode::OK).json(json!({"success": true, "message": message})))
}

async fn make_token(
    caller: Caller,
    accounts: web::Data<Accounts>,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    Ok(private(StatusCode::CREATED).json(accounts.password_token(&caller, &body).await?))
}

async fn validate(
    accounts: web::Data<Accounts>,
    gate: web::Data<Gate>,
    request: HttpRequest,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    let valid = accounts.is_password_token(&org(&gate, &request, &body)?, &body).await?;
    Ok(private(StatusCode::OK).json(json!({"valid": valid})))
}

async fn reset(
    accounts: web::Data<Accounts>,
    gate: web::Data<Gate>,
    request: HttpRequest,
    Json(body): Json<Value>,
) -> Result<HttpResponse, Problem> {
    accounts.reset_password(&org(&gate, &request, &body)?, &body).await?;
    Ok(private(StatusCode::OK).json(json!({"success": true})))
}
