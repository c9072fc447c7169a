//! The 14 roles and what each may do (contract §2.4): one table, read by everything that asks "may
//! they?". It knows no person and no record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Something that a role may allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Content: look at it.
    Read,
    /// Content: add it.
    Create,
    /// Content: change it.
    Update,
    /// Content: take it away.
    Delete,
    /// Content: say what one thinks of it.
    Review,
    /// Content: let it go public.
    Approve,
    /// Components: add one.
    Add,
    /// Components: look at one.
    View,
    /// Components: take one away.
    Remove,
    /// Components: change how one works.
    Configure,
}

impl Permission {
    /// Every permission: the six for content, then the four for components.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Review,
        Self::Approve,
        Self::Add,
        Self::View,
        Self::Remove,
        Self::Configure,
    ];

    /// The name that `requiredRole` and answers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Review => "review",
            Self::Approve => "approve",
            Self::Add => "add",
            Self::View => "view",
            Self::Remove => "remove",
            Self::Configure => "configure",
        }
    }

    /// What the same is called of components, where they are records: a setting is configured, not updated.
    #[must_use]
    pub const fn of_components(self) -> Option<Self> {
        match self {
            Self::Read => Some(Self::View),
            Self::Create => Some(Self::Add),
            Self::Update => Some(Self::Configure),
            Self::Delete => Some(Self::Remove),
            Self::Review | Self::Approve | Self::Add | Self::View | Self::Remove | Self::Configure => None,
        }
    }

    /// The verb of API key scopes that covers it: looking is `read`, all else is `write`.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Read | Self::View => "read",
            Self::Create
            | Self::Update
            | Self::Delete
            | Self::Review
            | Self::Approve
            | Self::Add
            | Self::Remove
            | Self::Configure => "write",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What somebody is in an organisation. Read without regard to case, written as the contract spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Somebody known by no more than what they said.
    Guest,
    /// Staff.
    User,
    /// Whose organisation it is.
    Owner,
    /// Staff who publish.
    Publisher,
    /// Staff who look over what others made.
    Reviewer,
    /// Staff with all day-to-day rights.
    PowerUser,
    /// This program, or one that acts for the organisation.
    System,
    /// Who looks after all content.
    ContentAdmin,
    /// Who looks after components, and no content.
    ConfigAdmin,
    /// Administrator of the installation.
    RootAdmin,
    /// Programs of the installation.
    RootSystem,
    /// Staff of the installation.
    RootUser,
    /// Staff of the installation with all day-to-day rights.
    RootPowerUser,
    /// Whom the organisation serves.
    Customer,
}

impl Role {
    /// Every role, in the contract's order.
    pub const ALL: [Self; 14] = [
        Self::Guest,
        Self::User,
        Self::Owner,
        Self::Publisher,
        Self::Reviewer,
        Self::PowerUser,
        Self::System,
        Self::ContentAdmin,
        Self::ConfigAdmin,
        Self::RootAdmin,
        Self::RootSystem,
        Self::RootUser,
        Self::RootPowerUser,
        Self::Customer,
    ];

    /// The name in tokens and records.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guest => "Guest",
            Self::User => "User",
            Self::Owner => "Owner",
            Self::Publisher => "Publisher",
            Self::Reviewer => "Reviewer",
            Self::PowerUser => "PowerUser",
            Self::System => "System",
            Self::ContentAdmin => "ContentAdmin",
            Self::ConfigAdmin => "ConfigAdmin",
            Self::RootAdmin => "RootAdmin",
            Self::RootSystem => "RootSystem",
            Self::RootUser => "RootUser",
            Self::RootPowerUser => "RootPowerUser",
            Self::Customer => "Customer",
        }
    }

    /// What the role allows (contract §2.4).
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{Add, Approve, Configure, Create, Delete, Read, Remove, Review, Update, View};
        match self {
            Self::Guest => &[Read],
            Self::User | Self::Customer | Self::RootUser => &[Read, Create],
            Self::Publisher | Self::PowerUser | Self::RootPowerUser => {
                &[Read, Create, Update, Review, Delete]
            }
            Self::Reviewer => &[Read, Review, Approve],
            Self::ContentAdmin | Self::Owner | Self::RootAdmin | Self::System | Self::RootSystem => {
                &[Read, Create, Update, Delete, Review, Approve]
            }
            Self::ConfigAdmin => &[Add, View, Remove, Configure],
        }
    }

    /// Whether the role allows something.
    #[must_use]
    pub fn allows(self, permission: Permission) -> bool {
        self.permissions().contains(&permission)
    }
}

/// Whether any of `roles` allows something.
#[must_use]
pub fn allows(roles: &[Role], permission: Permission) -> bool {
    roles.iter().any(|role| role.allows(permission))
}

/// Whether somebody with these roles may give a role to others, or take it from them: none that outranks their
/// own. The installation's own roles are given from there only; who owns the organisation gives all others; and
/// anybody else what allows no more than they may themselves, which never is to run the organisation.
#[must_use]
pub fn may_give(roles: &[Role], given: Role) -> bool {
    let has = |any: &[Role]| roles.iter().any(|role| any.contains(role));
    match given {
        Role::RootAdmin | Role::RootSystem | Role::RootUser | Role::RootPowerUser => {
            has(&[Role::RootAdmin, Role::RootSystem])
        }
        _ if has(&[Role::Owner, Role::System, Role::RootAdmin, Role::RootSystem]) => true,
        Role::Owner | Role::System => false,
        _ => given.permissions().iter().all(|permission| allows(roles, *permission)),
    }
}

/// A text that is none of the 14 roles; the message lists them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a role: the roles are {list}", list = list())]
pub struct UnknownRole(String);

/// The roles as messages list them.
#[must_use]
pub fn list() -> String {
    Role::ALL.map(Role::name).join(", ")
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let known = Self::ALL.into_iter().find(|role| role.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| UnknownRole(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract §2.4 as it stands there, written once more by hand.
    const TABLE: [(&str, &str); 14] = [
        ("Guest", "read"),
        ("User", "read create"),
        ("Owner", "read create update delete review approve"),
        ("Publisher", "read create update delete review"),
        ("Reviewer", "read review approve"),
        ("PowerUser", "read create update delete review"),
        ("System", "read create update delete review approve"),
        ("ContentAdmin", "read create update delete review approve"),
        ("ConfigAdmin", "add view remove configure"),
        ("RootAdmin", "read create update delete review approve"),
        ("RootSystem", "read create update delete review approve"),
        ("RootUser", "read create"),
        ("RootPowerUser", "read create update delete review"),
        ("Customer", "read create"),
    ];

    #[test]
    fn every_role_may_do_what_the_contract_says_and_nothing_else() {
        for ((name, allowed), role) in TABLE.into_iter().zip(Role::ALL) {
            assert_eq!(role.name(), name);
            for permission in Permission::ALL {
                let expected = allowed.split(' ').any(|word| word == permission.name());
                assert_eq!(allows(&[role], permission), expected, "{role} {permission}");
            }
        }
    }

    #[test]
    fn several_roles_add_up_and_none_allows_nothing() {
        assert!(allows(&[Role::Guest, Role::ConfigAdmin], Permission::Configure));
        assert!(!allows(&[Role::Guest, Role::ConfigAdmin], Permission::Create));
        assert!(!allows(&[], Permission::Read));
    }

    #[test]
    fn nobody_gives_what_outranks_their_own() {
        let table = [
            (Role::Owner, Role::Owner, true),
            (Role::Owner, Role::ConfigAdmin, true),
            (Role::Owner, Role::RootAdmin, false),
            (Role::RootAdmin, Role::RootUser, true),
            (Role::ConfigAdmin, Role::ConfigAdmin, true),
            (Role::ConfigAdmin, Role::User, false),
            (Role::ContentAdmin, Role::Owner, false),
            (Role::ContentAdmin, Role::Publisher, true),
            (Role::User, Role::Customer, true),
            (Role::User, Role::PowerUser, false),
        ];
        for (maker, given, expected) in table {
            assert_eq!(may_give(&[maker], given), expected, "{maker} {given}");
        }
        assert!(!may_give(&[], Role::Guest));
    }

    #[test]
    fn roles_are_read_in_any_case_and_written_in_one() {
        for role in Role::ALL {
            assert_eq!(role.name().to_uppercase().parse(), Ok(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        }
        let problem = "Boss".parse::<Role>().unwrap_err().to_string();
        assert!(problem.contains("`Boss`") && problem.contains(&list()), "{problem}");
        assert!(serde_json::from_str::<Role>("\"Boss\"").is_err());
    }
}
