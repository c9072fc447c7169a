//! Who is asking, and what they may do: what the gate hands to every route, stream and socket. It is
//! built from a verified token or API key only, never from a body.

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::{OrgId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::api_key::RateLimits;
use super::refusal::Refusal;
use super::role::{self, Permission, Role};
use super::scope::Scopes;

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
    /// Whether their roles allow something and, for an API key, some scope of it has the verb.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.key_touches(permission) && role::allows(&self.roles, permission)
    }

    /// Whether a scope such as `write:data` is covered. A token covers every scope.
    #[must_use]
    pub fn may_scope(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.cover(scope))
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

    /// The name under which their writes are kept: the address, or else the id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.email.as_deref().unwrap_or(self.id.as_str())
    }

    fn key_touches(&self, permission: Permission) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.touch(permission.verb()))
    }
}

/// The root field of a record that holds its [`RequiredRole`].
pub const REQUIRED_ROLE: &str = "requiredRole";

/// A record's own rule of who may do what with it (contract §2.4). A permission that it does not name,
/// or names with an empty list, follows the table of roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequiredRole {
    /// Who may look at it.
    pub read: Vec<Role>,
    /// Who may make copies and parts of it.
    pub create: Vec<Role>,
    /// Who may change it.
    pub update: Vec<Role>,
    /// Who may take it away.
    pub delete: Vec<Role>,
    /// Who may review it.
    pub review: Vec<Role>,
    /// Who may approve it.
    pub approve: Vec<Role>,
}

impl RequiredRole {
    /// The rule as a record holds it. Writers of records check it with this before they store it.
    ///
    /// # Errors
    /// Says which key or role is unknown.
    pub fn read(value: &Value) -> Result<Self, serde_json::Error> {
        match value {
            Value::Null => Ok(Self::default()),
            // Serde would take a list for the fields in order.
            Value::Array(_) => Err(serde::de::Error::custom("expected an object of lists of roles")),
            _ => Self::deserialize(value),
        }
    }

    /// The roles named for a permission.
    #[must_use]
    pub fn of(&self, permission: Permission) -> &[Role] {
        match permission {
            Permission::Read => &self.read,
            Permission::Create => &self.create,
            Permission::Update => &self.update,
            Permission::Delete => &self.delete,
            Permission::Review => &self.review,
            Permission::Approve => &self.approve,
            Permission::Add | Permission::View | Permission::Remove | Permission::Configure => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    fn meta(required: Value) -> Map<String, Value> {
        Map::from_iter([(REQUIRED_ROLE.to_owned(), required)])
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

    #[test]
    fn a_records_required_role_overrides_the_table_both_ways() {
        let (user, owner) = (principal(&[Role::User], None), principal(&[Role::Owner], None));
        let rule = meta(json!({"read": ["owner"], "update": ["User"], "delete": []}));
        let named = |who: &Principal, permission| who.named_by(&rule, permission);
        assert_eq!(
            (named(&owner, Permission::Read), named(&user, Permission::Read)),
            (Some(true), Some(false))
        );
        assert_eq!(
            (named(&owner, Permission::Update), named(&user, Permission::Update)),
            (Some(false), Some(true))
        );
        assert_eq!(named(&owner, Permission::Delete), None);
        let key = principal(&[Role::User], Some(&["read"]));
        assert_eq!(named(&key, Permission::Update), Some(false), "a scope still counts");
    }

    #[test]
    fn without_a_rule_the_table_counts_and_a_broken_rule_lets_nobody_in() {
        let owner = principal(&[Role::Owner], None);
        assert_eq!(owner.named_by(&Map::new(), Permission::Approve), None);
        assert_eq!(owner.named_by(&meta(Value::Null), Permission::Approve), None);
        for broken in [json!([]), json!({"read": "Owner"}), json!({"reed": []}), json!({"read": ["Boss"]})] {
            assert_eq!(owner.named_by(&meta(broken.clone()), Permission::Read), Some(false), "{broken}");
        }
    }
}
