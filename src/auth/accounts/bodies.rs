//! What the public routes of signing in and up are sent. Fields that are not listed are passed over, not
//! refused: the official clients send devices and contexts along, and must work unchanged. None of them
//! can give a role.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::auth::input::{Fields, Invalid, NAME_CHARS, PHONE_CHARS};
use crate::auth::password;
use crate::auth::role::{self, Role};

/// Longest secret that is read, in bytes: 256 characters of four bytes.
const SECRET_BYTES: usize = 4 * password::MAX_CHARS;

/// `{email, password}`.
pub(super) struct SignIn {
    pub(super) email: String,
    pub(super) password: String,
}

impl SignIn {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        let password = fields.secret("password", SECRET_BYTES)?.to_owned();
        Ok(Self { email: fields.email("email")?, password })
    }
}

/// `{email, password, firstName?, lastName?, phone?, name?}`.
pub(super) struct SignUp {
    pub(super) email: String,
    pub(super) password: String,
    pub(super) profile: Map<String, Value>,
}

impl SignUp {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        let (email, password) = (fields.email("email")?, new_password(fields, "password")?);
        Ok(Self { profile: profile(fields, &email)?, email, password })
    }
}

/// `{email, name?, phone?}`.
pub(super) struct Guest {
    pub(super) profile: Map<String, Value>,
}

impl Guest {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        let email = fields.email("email")?;
        Ok(Self { profile: profile(fields, &email)? })
    }
}

/// `{refresh_token}`; the camelCase spelling is refused, as the real service does (contract §2.1).
pub(super) fn refresh_token(body: &Value) -> Result<&str, Invalid> {
    Fields::of(body)?.secret("refresh_token", 4_096)
}

/// `{token}` of a sign-in link.
pub(super) fn link_token(body: &Value) -> Result<&str, Invalid> {
    Fields::of(body)?.secret("token", crate::auth::token::MAX_TOKEN)
}

/// `{appId, key, secret}`.
pub(super) struct AppKey {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) secret: String,
}

impl AppKey {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        Ok(Self {
            id: fields.needed("appId", 128)?.to_owned(),
            key: fields.secret("key", SECRET_BYTES)?.to_owned(),
            secret: fields.secret("secret", SECRET_BYTES)?.to_owned(),
        })
    }
}

/// `{oldPassword, newPassword}`; `currentPassword` says the same as the first.
pub(super) struct PasswordChange {
    pub(super) old: String,
    pub(super) new: String,
}

impl PasswordChange {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        fields.only(&["oldPassword", "currentPassword", "newPassword"])?;
        let spelt = if fields.get("currentPassword").is_some() { "currentPassword" } else { "oldPassword" };
        let old = fields.secret(spelt, SECRET_BYTES)?.to_owned();
        Ok(Self { old, new: new_password(fields, "newPassword")? })
    }
}

/// `{email, roles}`: whose roles change, and which.
pub(super) struct Roles {
    pub(super) email: String,
    pub(super) roles: Vec<Role>,
}

impl Roles {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let fields = Fields::of(body)?;
        fields.only(&["email", "roles"])?;
        let wrong = || fields.invalid("roles", &format!("must be a list of one or more of {}", role::list()));
        let roles = fields.get("roles").ok_or_else(wrong)?;
        let roles = Vec::<Role>::deserialize(roles).ok().filter(|roles| !roles.is_empty());
        Ok(Self { email: fields.email("email")?, roles: roles.ok_or_else(wrong)? })
    }
}

/// `{token, password}` of a forgotten password; the token alone where it is only looked at.
pub(super) struct NewPassword {
    pub(super) token: String,
    pub(super) password: String,
}

impl NewPassword {
    pub(super) fn read(body: &Value) -> Result<Self, Invalid> {
        let password = new_password(Fields::of(body)?, "password")?;
        Ok(Self { token: reset_token(body)?.to_owned(), password })
    }
}

/// `{token}` of a forgotten password.
pub(super) fn reset_token(body: &Value) -> Result<&str, Invalid> {
    Fields::of(body)?.secret("token", SECRET_BYTES)
}

/// `{email}`.
pub(super) fn address(body: &Value) -> Result<String, Invalid> {
    let fields = Fields::of(body)?;
    fields.only(&["email"])?;
    fields.email("email")
}

/// What people may change of their own record.
pub(super) fn own_profile(body: &Value) -> Result<Map<String, Value>, Invalid> {
    let fields = Fields::of(body)?;
    fields.only(&["firstName", "lastName", "phone", "name"])?;
    words(fields)
}

fn new_password(fields: Fields<'_>, name: &str) -> Result<String, Invalid> {
    let password = fields.secret(name, SECRET_BYTES)?;
    if password::is_acceptable(password) {
        Ok(password.to_owned())
    } else {
        Err(fields.invalid(name, password::RULE))
    }
}

/// What a person says of themselves, as their record's `data` holds it.
fn profile(fields: Fields<'_>, email: &str) -> Result<Map<String, Value>, Invalid> {
    let mut profile = Map::new();
    profile.insert("email".into(), email.into());
    profile.extend(words(fields)?);
    Ok(profile)
}

fn words(fields: Fields<'_>) -> Result<Map<String, Value>, Invalid> {
    let mut words = Map::new();
    for (name, most) in
        [("firstName", NAME_CHARS), ("lastName", NAME_CHARS), ("phone", PHONE_CHARS), ("name", NAME_CHARS)]
    {
        if let Some(text) = fields.text(name, most)? {
            words.insert(name.into(), text.into());
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sign_up_keeps_what_the_contract_names_and_nothing_else() {
        let body = json!({"email": "Ada@Example.com", "password": "correct horse", "firstName": " Ada ",
            "phone": "", "roles": ["Owner"], "deviceId": "d1"});
        let read = SignUp::read(&body).unwrap();
        assert_eq!(Value::Object(read.profile), json!({"email": "ada@example.com", "firstName": "Ada"}));
    }

    #[test]
    fn bodies_are_refused_with_the_path_of_what_is_wrong() {
        let path = |result: Result<(), Invalid>| result.unwrap_err().path;
        let sign_up = |body: Value| path(SignUp::read(&body).map(drop));
        assert_eq!(sign_up(json!({"password": "correct horse"})), "email");
        assert_eq!(sign_up(json!({"email": "a@b"})), "password");
        assert_eq!(sign_up(json!({"email": "a@b", "password": "short"})), "password");
        assert_eq!(sign_up(json!({"email": "a@b", "password": "correct horse", "name": {}})), "name");
        assert_eq!(path(SignIn::read(&json!({"email": "a@b", "password": 5})).map(drop)), "password");
        assert_eq!(path(refresh_token(&json!({"refreshToken": "x"})).map(drop)), "refresh_token");
        assert_eq!(path(AppKey::read(&json!({"appId": "a", "key": "k"})).map(drop)), "secret");
        let change = json!({"oldPassword": "x", "newPassword": "correct horse", "force": true});
        assert_eq!(path(PasswordChange::read(&change).map(drop)), "force");
    }
}
