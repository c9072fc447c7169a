//! What somebody may do, whoever asks: the table of roles, an API key's scopes, the rules of collections
//! and a record's own. One copy, for people at the routes and for flows that act in somebody's name. Pure.

pub mod collections;
pub mod kept;
pub mod required;
pub mod role;
pub mod scope;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::collections::Act;
pub use self::required::{REQUIRED_ROLE, RequiredRole};
use self::role::{Permission, Role};
use self::scope::Scopes;
use crate::ids::Datatype;

/// What sort of caller it is: the token's claim `datatype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Staff.
    User,
    /// An end user who signed up.
    Customer,
    /// An end user who only said who they are.
    Guest,
    /// A program: an app's token or an API key.
    App,
}

impl Kind {
    /// The name in tokens and routes, and of the datatype that such people's records have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Customer => "customer",
            Self::Guest => "guest",
            Self::App => "app",
        }
    }

    /// Whether such people sign up, have a password and keep sessions.
    #[must_use]
    pub const fn signs_in(self) -> bool {
        matches!(self, Self::User | Self::Customer)
    }
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights<'a> {
    /// What sort of caller it is.
    pub kind: Kind,
    /// What they are in the organisation.
    pub roles: &'a [Role],
    /// What their API key may be used for; none when they came with a token.
    pub scopes: Option<&'a Scopes>,
}

/// The rights that something acts with after its maker has gone, as they were then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// What sort of caller it was.
    pub kind: Kind,
    /// What they were in the organisation.
    pub roles: Vec<Role>,
    /// What their API key could be used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Scopes>,
}

impl Author {
    /// Somebody of whom nothing was kept: the least that staff may.
    #[must_use]
    pub fn unknown() -> Self {
        Self { kind: Kind::User, roles: vec![Role::User], scopes: None }
    }

    /// What they may do.
    #[must_use]
    pub fn rights(&self) -> Rights<'_> {
        Rights { kind: self.kind, roles: &self.roles, scopes: self.scopes.as_ref() }
    }
}

impl From<Rights<'_>> for Author {
    fn from(rights: Rights<'_>) -> Self {
        Self { kind: rights.kind, roles: rights.roles.to_vec(), scopes: rights.scopes.cloned() }
    }
}

impl Rights<'_> {
    /// Whether the roles allow something and, for an API key, some scope of it has the verb.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.key_touches(permission) && role::allows(self.roles, permission)
    }

    /// Whether a scope such as `write:data` is covered. Without an API key every scope is.
    #[must_use]
    pub fn may_scope(&self, scope: &str) -> bool {
        self.scopes.is_none_or(|scopes| scopes.cover(scope))
    }

    /// What a record itself says of whether they may do something with it, given its root fields beside
    /// `data`; none where it says nothing. Where its `requiredRole` names roles, one of these is needed and the
    /// table of roles does not count (contract §2.4). A `requiredRole` that cannot be read lets nobody in.
    #[must_use]
    pub fn named_by(&self, meta: &Map<String, Value>, permission: Permission) -> Option<bool> {
        let Ok(required) = RequiredRole::read(meta.get(REQUIRED_ROLE)?) else { return Some(false) };
        match required.of(permission) {
            [] => None,
            named => Some(self.key_touches(permission) && self.roles.iter().any(|role| named.contains(role))),
        }
    }

    /// Whether they may do something with one record: as it says itself, or else as the table of roles does.
    #[must_use]
    pub fn may_on(&self, datatype: &Datatype, meta: &Map<String, Value>, permission: Permission) -> bool {
        self.named_by(meta, permission).unwrap_or_else(|| collections::may(*self, datatype, permission))
    }

    /// Whether they may see everything in `data`, as events carry it: each record that is it, or that stands
    /// in it, by the rule of its collection and by its own.
    #[must_use]
    pub fn may_see(&self, data: &Value) -> bool {
        let within = data.as_object().into_iter().flat_map(Map::values);
        std::iter::once(data).chain(within).all(|value| self.may_see_record(value))
    }

    fn may_see_record(&self, value: &Value) -> bool {
        let Some(fields) = value.as_object() else { return true };
        let Some(name) = fields.get("datatype").and_then(Value::as_str) else { return true };
        if !fields.get("data").is_some_and(Value::is_object) {
            return true;
        }
        // What has no collection's name is no record of one.
        let Ok(datatype) = Datatype::new(name) else { return true };
        let open = collections::check(*self, &datatype, Act::Read).is_ok();
        open && self.may_on(&datatype, fields, Permission::Read)
    }

    /// Whether it is one of the staff, or a program of theirs.
    #[must_use]
    pub const fn is_staff(&self) -> bool {
        matches!(self.kind, Kind::User | Kind::App)
    }

    /// Whether it is one of those who run the organisation: its owners and administrators.
    #[must_use]
    pub fn runs_the_organisation(&self) -> bool {
        let runs = [Role::Owner, Role::ConfigAdmin, Role::RootAdmin, Role::System, Role::RootSystem];
        self.is_staff() && self.roles.iter().any(|role| runs.contains(role))
    }

    fn key_touches(&self, permission: Permission) -> bool {
        self.scopes.is_none_or(|scopes| scopes.touch(permission.verb()))
    }
}

#[cfg(test)]
mod tests;
