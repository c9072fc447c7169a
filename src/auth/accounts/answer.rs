//! What the routes of accounts answer with, in the shapes that clients of the contract read (§2.2).

use appengine_actors::record::model::Record;
use serde_json::{Map, Value, json};

use crate::auth::principal::{Kind, NEVER, Principal};
use crate::auth::role::Permission;

/// A session that has begun or goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedIn {
    /// What sort of person.
    pub kind: Kind,
    /// Their record.
    pub person: Record,
    /// The access token.
    pub token: String,
    /// What the next access token is had for, once; guests have none.
    pub refresh_token: Option<String>,
}

impl SignedIn {
    /// The body: `token`, `refreshToken`, `refresh_token` and the person's BaseModel, and all of it once
    /// more under `data`. A person stands under `user` always, since that is what the contract promises,
    /// and under `customer` or `guest` too if that is what they are.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = Map::new();
        body.insert("token".into(), json!(self.token));
        if let Some(refresh) = &self.refresh_token {
            body.insert("refreshToken".into(), json!(refresh));
            body.insert("refresh_token".into(), json!(refresh));
        }
        let person = self.person.to_json();
        if self.kind != Kind::Guest {
            body.insert("user".into(), person.clone());
        }
        body.insert(self.kind.name().into(), person);
        let data = Value::Object(body.clone());
        body.insert("data".into(), data);
        Value::Object(body)
    }
}

/// Who is asking, for themselves to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Whoami {
    /// As admitted.
    pub principal: Principal,
    /// Their record, if there is one.
    pub person: Option<Record>,
}

impl Whoami {
    /// The body: who they are and what they may do, with their record under `user`, and under `customer`
    /// or `guest` too.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let principal = &self.principal;
        let may = |permission: &Permission| principal.may(*permission);
        let permissions: Vec<&str> = Permission::ALL.into_iter().filter(may).map(Permission::name).collect();
        // A program with a token is an app; one with a key is not.
        let datatype = if principal.scopes.is_some() { "apikey" } else { principal.kind.name() };
        let mut body = json!({
            "sub": principal.id, "sk": principal.id, "orgId": principal.org, "email": principal.email,
            "name": principal.name, "datatype": datatype, "roles": principal.roles,
            "permissions": permissions, "scopes": principal.scopes, "expiresAt": (principal.expires_at != NEVER).then_some(principal.expires_at),
        });
        if let Some(person) = &self.person {
            for name in ["user", principal.kind.name()] {
                body[name] = person.to_json();
            }
        }
        body
    }
}
