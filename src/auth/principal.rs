//! Who is asking, and what they may do: what the gate hands to every route, stream and socket. It is
//! built from a verified token or API key only, never from a body.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use appengine_actors::record::model::Record;
use appengine_actors::rights::Rights;
pub use appengine_actors::rights::{Kind, REQUIRED_ROLE};
use serde_json::Value;

use super::api_key::RateLimits;
use super::refusal::Refusal;
use super::role::{self, Permission, Role};
use super::scope::Scopes;

/// The `expires_at` of callers who need not come with another token: keys without an end.
pub const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// A caller, admitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// The organisation that everything they do happens in.
    pub org: OrgId,
    /// The id of their record; of an app or API key, its own id.
    pub id: RecordId,
    /// Their address in lower case, where they have one. A guest's is what they said, not more.
    pub email: Option<String>,
    /// The name to show.
    pub name: String,
    /// What sort of caller it is.
    pub kind: Kind,
    /// What they are in the organisation.
    pub roles: Vec<Role>,
    /// What their API key may be used for; none when they came with a token.
    pub scopes: Option<Scopes>,
    /// How often their API key may be used; none when they came with a token.
    pub rate_limits: Option<RateLimits>,
    /// The token's `jti`, or the API key's id.
    pub token_id: String,
    /// The session that the token belongs to; none for tokens that stand for themselves.
    pub session: Option<String>,
    /// When their token was made; of an API key, never.
    pub issued_at: Timestamp,
    /// When they must come with another token, or [`NEVER`].
    pub expires_at: Timestamp,
}

impl Principal {
    /// What they may do, whoever they are.
    #[must_use]
    pub fn rights(&self) -> Rights<'_> {
        Rights { kind: self.kind, roles: &self.roles, scopes: self.scopes.as_ref() }
    }

    /// Whether their roles allow something and, for an API key, some scope of it has the verb.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.rights().may(permission)
    }

    /// Whether a scope such as `write:data` is covered. A token covers every scope.
    #[must_use]
    pub fn may_scope(&self, scope: &str) -> bool {
        self.rights().may_scope(scope)
    }

    /// What a route asks for: a permission of the roles and, of an API key, a scope.
    ///
    /// # Errors
    /// Says which of the two is missing.
    pub fn require(&self, permission: Permission, scope: &str) -> Result<(), Refusal> {
        if !role::allows(&self.roles, permission) {
            return Err(Refusal::Forbidden(permission));
        }
        if self.may_scope(scope) { Ok(()) } else { Err(Refusal::InsufficientScope(scope.to_owned())) }
    }

    /// Whether they are somebody whom the organisation serves, who sees what is their own only.
    #[must_use]
    pub const fn is_end_user(&self) -> bool {
        matches!(self.kind, Kind::Customer | Kind::Guest)
    }

    /// Whether a record is their own; staff and programs own all of their organisation.
    ///
    /// An end user's are: the record that they are, those that they wrote, and those whose `owner` names
    /// them. They are known by their id; a customer also by the address that they signed up with, a guest,
    /// who only said one, is not.
    #[must_use]
    pub fn owns(&self, record: &Record) -> bool {
        if !self.is_end_user() {
            return true;
        }
        let id = self.id.as_str();
        let owner =
            |name: &str| record.meta.get("owner").and_then(|owner| owner.get(name)).and_then(Value::as_str);
        let by_address = || match (self.kind, &self.email, owner("email")) {
            (Kind::Customer, Some(mine), Some(owner)) => mine.eq_ignore_ascii_case(owner.trim()),
            _ => false,
        };
        let is_them = record.datatype.as_str() == self.kind.name() && record.sk == self.id;
        is_them || record.author.as_deref() == Some(id) || owner("id") == Some(id) || by_address()
    }

    /// The name under which their records are kept. An end user's is their id: an address is what others may claim too.
    #[must_use]
    pub fn author(&self) -> &str {
        if self.is_end_user() { self.id.as_str() } else { self.label() }
    }

    /// The name under which their writes are kept: the address, or else the id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.email.as_deref().unwrap_or(self.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(roles: &[Role], scopes: Option<&[&str]>) -> Principal {
        Principal {
            org: OrgId::new("my-org").unwrap(),
            id: RecordId::new("user-1").unwrap(),
            email: None,
            name: "Ada".into(),
            kind: Kind::User,
            roles: roles.to_vec(),
            scopes: scopes.map(|texts| Scopes::new(texts).unwrap()),
            rate_limits: None,
            token_id: "t".into(),
            session: None,
            issued_at: Timestamp::default(),
            expires_at: Timestamp::default(),
        }
    }

    #[test]
    fn an_api_key_needs_the_role_and_the_scope() {
        let key = principal(&[Role::User], Some(&["write:data"]));
        assert!(key.may(Permission::Create) && !key.may(Permission::Read) && !key.may(Permission::Update));
        assert_eq!(key.require(Permission::Create, "write:data"), Ok(()));
        assert_eq!(
            key.require(Permission::Create, "write:profile"),
            Err(Refusal::InsufficientScope("write:profile".into()))
        );
        assert_eq!(
            key.require(Permission::Update, "write:data"),
            Err(Refusal::Forbidden(Permission::Update))
        );
        let person = principal(&[Role::User], None);
        assert!(person.may_scope("ai:agent:stream") && person.may(Permission::Read));
    }
}
