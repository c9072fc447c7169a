//! What the API document says of the bodies by which people, apps and keys are made, let in and changed. The
//! bounds are those of the code that reads the bodies. Older spellings (`oldPassword`, `permissions`, `rateLimit`)
//! are taken too and left out: each excludes its newer one, which makes a schema long and says little.

use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};

use crate::auth::api_key::MAX_RATE;
use crate::auth::input::{EMAIL_CHARS, NAME_CHARS, PHONE_CHARS};
use crate::auth::password::{MAX_CHARS, MIN_CHARS};
use crate::auth::role::Role;
use crate::auth::scope::MAX_SCOPES;
use crate::http::repository::schema::{
    Any, any_of, closed, described, list, object, of, one_of, or_null, schemas,
};

/// Characters that no text of an account has.
const CONTROL: &str = r"\x00-\x1f\x7f-\x9f";
/// Longest of the texts that are compared and never kept, whatever their characters take.
const SECRET_CHARS: usize = 1_024;

schemas! {
    /// Who signs up. Fields that are not known are passed over: the official clients send more.
    SignUpBody uses [] is {
        profile(object().property("password", new_password()).required("password")).into()
    }, like [
        {"email": "ada@example.com", "password": "correct horse battery", "firstName": "Ada", "lastName": "King"},
    ];

    /// Who signs in.
    SignInBody uses [] is object()
        .property("email", email()).required("email")
        .property("password", secret(MAX_CHARS)).required("password")
        .into(), like [{"email": "ada@example.com", "password": "correct horse battery"}];

    /// A refresh token to exchange, as it was handed out.
    RefreshBody uses [] is object()
        .property("refresh_token", secret(SECRET_CHARS)).required("refresh_token")
        .into();

    /// A link's token.
    LinkBody uses [] is object().property("token", of(Type::String)).required("token").into();

    /// The password that is and the one that shall be.
    PasswordBody uses [] is closed([("currentPassword", secret(MAX_CHARS)), ("newPassword", new_password())])
        .required("currentPassword").required("newPassword")
        .into();

    /// Who begins as a guest.
    GuestBody uses [] is profile(object()).into();

    /// What an app signs in by, as it was shown when the app was registered.
    AppKeyBody uses [] is object()
        .property("appId", name(128)).required("appId")
        .property("key", secret(MAX_CHARS)).required("key")
        .property("secret", secret(MAX_CHARS)).required("secret")
        .into();

    /// An app to be.
    AppBody uses [] is closed([("name", name(NAME_CHARS)), ("roles", roles())]).required("name").into();

    /// An API key to be.
    ApiKeyBody uses [] is api_key(), like [{
        "name": "The shop's till", "description": "Tells of what was sold", "scopes": ["write:events", "read:data"],
        "rateLimits": {"perMinute": 600, "perHour": 10000}, "expiresAt": "2099-12-31T00:00:00Z",
    }];
}

/// A person's own fields on top of what else a body has.
fn profile(body: ObjectBuilder) -> ObjectBuilder {
    let most =
        [("firstName", NAME_CHARS), ("lastName", NAME_CHARS), ("name", NAME_CHARS), ("phone", PHONE_CHARS)];
    let body = body.property("email", email()).required("email");
    most.into_iter().fold(body, |body, (field, most)| body.property(field, words(most)))
}

/// An e-mail address.
pub fn email() -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(EMAIL_CHARS));
    text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Email))).into()
}

fn secret(most: usize) -> Any {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(most)).into()
}

fn new_password() -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.min_length(Some(MIN_CHARS)).max_length(Some(MAX_CHARS)).into()
}

/// A text that must be there, and not blank.
fn name(most: usize) -> Any {
    let pattern = format!(r"^[^{CONTROL}]*[^\s{CONTROL}][^{CONTROL}]*$");
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).max_length(Some(most)).into()
}

/// A text that may be left out, null or empty.
fn words(most: usize) -> Any {
    let text = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    text.pattern(Some(format!("^[^{CONTROL}]*$"))).max_length(Some(most)).into()
}

fn roles() -> Any {
    let roles = or_null(list(one_of(Role::ALL.map(Role::name))).into());
    described(roles, "None that allows more than its maker may; `User` when left out.")
}

fn api_key() -> Any {
    let part = "[A-Za-z0-9_-]+";
    let scope = ObjectBuilder::new().schema_type(Type::String).max_length(Some(64));
    let scope = scope.pattern(Some(format!(r"^(\*|{part}(:{part}){{0,5}}(:\*)?)$")));
    let scopes = or_null(list(scope.into()).min_items(Some(1)).max_items(Some(MAX_SCOPES)).into());
    let rate = || {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        or_null(number.minimum(Some(1)).maximum(Some(MAX_RATE)).into())
    };
    let rates = or_null(closed([("perMinute", rate()), ("perHour", rate()), ("perDay", rate())]).into());
    let moment = ObjectBuilder::new().schema_type(Type::String);
    let moment = moment.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    let end = any_of([moment.into(), one_of([Value::Null, Value::from("")])]);
    let fields = [
        ("name", name(NAME_CHARS)),
        ("description", words(2_000)),
        (
            "scopes",
            described(scopes, "What it may do: `read`, `write:data` and so on; `read` when left out."),
        ),
        ("rateLimits", described(rates, "How often it may be used.")),
        ("expiresAt", described(end, "A time to come; never when left out.")),
    ];
    closed(fields).required("name").into()
}
