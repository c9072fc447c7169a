//! A record's own rule of who may do what with it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::role::{Permission, Role};

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

/// Whether a record's own rule can be read; one that cannot would lock everybody out.
///
/// # Errors
/// What is wrong with it.
pub fn check(meta: &Map<String, Value>) -> Result<(), String> {
    meta.get(REQUIRED_ROLE).map_or(Ok(()), |value| match RequiredRole::read(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("must be lists of roles by permission: {error}")),
    })
}
