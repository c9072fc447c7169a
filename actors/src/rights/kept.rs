//! Fields that records only show: what an API key may do and which roles somebody has are kept beside their
//! records, where no write of a record reaches them. Written there they would lie. One copy, for the routes of
//! records and for flows. Pure.

use serde_json::{Map, Value};

use crate::ids::Datatype;

/// What may be changed of an API key's record.
const OF_A_KEY: [&str; 3] = ["name", "description", "status"];
/// When an API key was last used.
pub const LAST_USED: &str = "lastUsedAt";
/// How much an API key was used.
pub const USAGE: &str = "usageStats";
const ROLES: &str = "roles";

/// A field that a write cannot set, and where that is done instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Fixed {
    /// Where it is: `data.roles`.
    pub path: String,
    /// Why not, and what to do.
    pub message: String,
}

/// Keeps what a change of a record's `data` must not touch: left out it stays, and changed it is refused.
///
/// # Errors
/// Every field that is changed elsewhere or not at all, saying where.
pub fn keep(
    datatype: &Datatype,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
) -> Result<(), Vec<Fixed>> {
    match datatype.as_str() {
        "apikey" => keep_key(before, after),
        "user" | "customer" | "guest" => keep_roles(datatype, before, after),
        _ => Ok(()),
    }
}

/// Whether a new record says nothing that it could only show.
///
/// # Errors
/// For roles: a person who is created has the least that such people are.
pub fn check_new(datatype: &Datatype, data: &Map<String, Value>) -> Result<(), Vec<Fixed>> {
    let least = Map::from_iter([(ROLES.to_owned(), Value::from(vec!["Customer"]))]);
    if datatype.as_str() == "customer" { keep_roles(datatype, &least, &mut data.clone()) } else { Ok(()) }
}

/// All of them as one text, to follow "failed to".
#[must_use]
pub fn told(fixed: &[Fixed]) -> String {
    let list: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    format!("write the record: {}", list.join("; "))
}

fn keep_key(before: &Map<String, Value>, after: &mut Map<String, Value>) -> Result<(), Vec<Fixed>> {
    // Written beside every change and without a new version: whoever sends back what they read means no change.
    for name in [LAST_USED, USAGE] {
        after.shift_remove(name);
    }
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let fixed: Vec<Fixed> = changed.filter_map(|(name, value)| wrong_of_key(name, value)).collect();
    if !fixed.is_empty() {
        return Err(fixed);
    }
    let told = std::mem::replace(after, before.clone());
    after.extend(told);
    Ok(())
}

fn wrong_of_key(name: &str, value: &Value) -> Option<Fixed> {
    let message = if !OF_A_KEY.contains(&name) {
        let allowed = OF_A_KEY.join(", ");
        format!("is fixed when the key is made: {allowed} can be changed here; make another key for the rest")
    } else if value.is_string() || (name == "description" && value.is_null()) {
        return None;
    } else {
        "must be a text".to_owned()
    };
    let name: String = name.chars().take(64).collect();
    Some(Fixed { path: format!("data.{name}"), message })
}

fn keep_roles(
    datatype: &Datatype,
    before: &Map<String, Value>,
    after: &mut Map<String, Value>,
) -> Result<(), Vec<Fixed>> {
    match (before.get(ROLES), after.get(ROLES)) {
        (Some(roles), None) => {
            after.insert(ROLES.to_owned(), roles.clone());
            Ok(())
        }
        (before, after) if before == after => Ok(()),
        _ => {
            let instead = match datatype.as_str() {
                "user" => "use POST /user/role/add and POST /user/role/remove",
                _ => "customers and guests have the least that such people are",
            };
            let message = format!("is not set by writing the record: {instead}");
            Err(vec![Fixed { path: format!("data.{ROLES}"), message }])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(datatype: &str, before: Value, after: Value) -> Result<Value, String> {
        let fields = |data: Value| data.as_object().cloned().unwrap();
        let mut changed = fields(after);
        keep(&Datatype::new(datatype).unwrap(), &fields(before), &mut changed)
            .map(|()| Value::Object(changed))
            .map_err(|fixed| told(&fixed))
    }

    #[test]
    fn of_a_key_only_its_words_and_its_status_change() {
        let key = json!({"name": "k", "scopes": ["read"], "status": "active"});
        let renamed = kept("apikey", key.clone(), json!({"name": "n"})).unwrap();
        assert_eq!(renamed, json!({"name": "n", "scopes": ["read"], "status": "active"}));
        assert_eq!(kept("apikey", key.clone(), key.clone()).unwrap(), key, "what was read is sent back");
        let told = kept("apikey", key.clone(), json!({"scopes": ["*"], "status": "revoked"})).unwrap_err();
        assert!(
            told.contains("data.scopes: is fixed") && told.contains("name, description, status"),
            "{told}"
        );
        let used = json!({"name": "k", "usageStats": {"totalRequests": 2}});
        let stale = json!({"name": "n", "usageStats": {"totalRequests": 1}, "lastUsedAt": null});
        let renamed = json!({"name": "n", "usageStats": {"totalRequests": 2}});
        assert_eq!(kept("apikey", used, stale).unwrap(), renamed, "how it was used is passed over");
        assert!(kept("apikey", key, json!({"status": null})).unwrap_err().contains("must be a text"));
    }

    #[test]
    fn roles_stay_and_are_not_written() {
        let ada = json!({"email": "a@b.c", "roles": ["User"]});
        assert_eq!(kept("user", ada.clone(), json!({"email": "x@b.c"})).unwrap()["roles"], json!(["User"]));
        assert_eq!(kept("user", ada.clone(), ada.clone()).unwrap(), ada, "what was read is sent back");
        for after in [json!({"roles": ["Owner"]}), json!({"roles": null}), json!({"roles": ["User", "User"]})]
        {
            let told = kept("user", ada.clone(), after).unwrap_err();
            assert!(told.contains("data.roles") && told.contains("/user/role/add"), "{told}");
        }
        assert!(kept("contact", json!({"roles": 1}), json!({"roles": 2})).is_ok());
        let customer = Datatype::new("customer").unwrap();
        let new = |data: Value| check_new(&customer, data.as_object().unwrap()).is_ok();
        assert!(new(json!({})) && new(json!({"roles": ["Customer"]})) && !new(json!({"roles": ["Owner"]})));
    }
}
