//! Collections with rules of their own: who reads, creates and changes their records, beside the table
//! of roles.

use super::role::Permission;
use super::{Kind, Rights};
use crate::event::EventKind;
use crate::ids::Datatype;

/// What somebody wants to do with the records of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Look at them.
    Read,
    /// Add one.
    Create,
    /// Change or delete one.
    Change,
}

/// Who may, given that their roles allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Staff, and end users with what is theirs.
    Everybody,
    Staff,
    /// Those who run the organisation.
    Admins,
    /// Only this program itself.
    Nobody,
}

/// The rule of some collections.
struct Rule {
    datatypes: &'static [&'static str],
    read: Who,
    create: Who,
    change: Who,
    /// Where it is done instead.
    instead: &'static str,
    /// Whether its records are components, which roles may also do with what they may with components.
    components: bool,
}

const fn rule(
    datatypes: &'static [&'static str],
    [read, create, change]: [Who; 3],
    instead: &'static str,
) -> Rule {
    Rule { datatypes, read, create, change, instead, components: false }
}

const fn components(
    datatypes: &'static [&'static str],
    [read, create, change]: [Who; 3],
    instead: &'static str,
) -> Rule {
    Rule { datatypes, read, create, change, instead, components: true }
}

use Who::{Admins, Everybody, Nobody, Staff};

/// Collections with rules of their own: who reads, creates and changes their records. In all others
/// everybody does all three.
const RULES: [Rule; 11] = [
    rule(&["automation"], [Staff, Nobody, Nobody], "use /automation"),
    rule(&["automation_execution", "automation_log"], [Staff, Nobody, Nobody], "use /automation/executions"),
    rule(&["user"], [Staff, Nobody, Admins], "staff sign up at POST /profile/user/signup"),
    rule(&["customer"], [Everybody, Staff, Staff], "customers sign up at POST /profile/customer/signup"),
    rule(&["guest"], [Everybody, Nobody, Staff], "guests begin at POST /profile/customer/register-guest"),
    rule(&["community_report"], [Staff, Nobody, Staff], "reports are made at POST /client/community/reports"),
    components(&["apikey"], [Admins, Nobody, Admins], "keys are made by POST /api-key/create"),
    components(&["app"], [Admins, Nobody, Nobody], "apps are registered by POST /app/register"),
    components(&["config", "setting", "userrole", "usergroup"], [Staff, Admins, Admins], ""),
    components(&["email_account", "email_health", "upstream_integration"], [Staff, Admins, Admins], ""),
    rule(&SYSTEM, [Everybody, Staff, Staff], ""),
];

/// What this program acts on: an end user who could write it would act as the organisation.
const SYSTEM: [&str; 23] = [
    "agent",
    "ai_assistant",
    "broadcast_delivery",
    "call_log",
    "chat_config",
    "chat_group",
    "chat_message",
    "email_broadcast",
    "ivr_flow",
    "ivr_menu",
    "ivr_routing",
    "lead_activity",
    "lead_pipeline",
    "message",
    "messagetemplate",
    "phone",
    "phone_routing",
    "reservation_definition",
    "schedule",
    "sms_routing",
    "task",
    "webhook_endpoint",
    "workflow_definition",
];

/// Whether nobody makes records of a collection but this program itself.
#[must_use]
pub fn is_made_by_the_server(datatype: &str) -> bool {
    RULES.iter().any(|rule| rule.create == Who::Nobody && rule.datatypes.contains(&datatype))
}

/// Whether a kind of event tells what the server itself did: somebody who could publish it could feign that.
#[must_use]
pub fn is_told_by_the_server(kind: &EventKind) -> bool {
    let words = ["create", "update", "delete", "publish", "approve"];
    let of_writes = |subject: &str| {
        kind.as_str()
            .strip_prefix(subject)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|word| subject == "collection" || words.contains(&word))
    };
    let of_records = kind.as_str().rsplit_once('.').is_some_and(|(datatype, word)| {
        ["created", "updated", "deleted"].contains(&word) && is_made_by_the_server(datatype)
    });
    of_records || ["collection", "user", "org", "site"].into_iter().any(of_writes)
}

/// Why somebody may not do something with the records of a collection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb} records of `{datatype}`: {why}")]
pub struct Closed {
    datatype: Datatype,
    verb: &'static str,
    why: String,
}

/// Whether somebody may do this with the records of a collection at all.
///
/// # Errors
/// When they may not: says where it is done instead.
pub fn check(rights: Rights<'_>, datatype: &Datatype, act: Act) -> Result<(), Closed> {
    let Some(rule) = rule_of(datatype) else { return Ok(()) };
    let who = match act {
        Act::Read => rule.read,
        Act::Create => rule.create,
        Act::Change => rule.change,
    };
    let may = match who {
        Who::Everybody => true,
        Who::Staff => !matches!(rights.kind, Kind::Customer | Kind::Guest),
        Who::Admins => rights.runs_the_organisation() && rights.may_scope("write:data"),
        Who::Nobody => false,
    };
    if may {
        return Ok(());
    }
    let verb = match act {
        Act::Read => "read",
        Act::Create => "create",
        Act::Change => "change",
    };
    let whose = match who {
        Who::Nobody => "nobody does here",
        Who::Admins => "only those do who run the organisation",
        Who::Staff | Who::Everybody => "only staff do",
    };
    let instead = if rule.instead.is_empty() { String::new() } else { format!("; {}", rule.instead) };
    Err(Closed { datatype: datatype.clone(), verb, why: format!("{whose}{instead}") })
}

fn rule_of(datatype: &Datatype) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.datatypes.contains(&datatype.as_str()))
}

/// Whether somebody may do this with the records of a collection by the table of roles.
#[must_use]
pub fn may(rights: Rights<'_>, datatype: &Datatype, permission: Permission) -> bool {
    let component =
        permission.of_components().filter(|_| rule_of(datatype).is_some_and(|rule| rule.components));
    rights.may(permission) || component.is_some_and(|component| rights.may(component))
}

/// Whether somebody may write a collection as the routes of records let them: by the table of roles, by
/// the scopes of an API key, and by the collection's rule. A record's own rule comes on top of it.
///
/// # Errors
/// When they may not, and why.
pub fn check_write(rights: Rights<'_>, datatype: &Datatype, permission: Permission) -> Result<(), Closed> {
    let verb = permission.name();
    let closed = |why| Closed { datatype: datatype.clone(), verb, why };
    if !may(rights, datatype, permission) {
        return Err(closed(format!("no role allows to {verb}")));
    }
    if !rights.may_scope("write:data") {
        return Err(closed("the API key has no scope for `write:data`".to_owned()));
    }
    check(rights, datatype, if permission == Permission::Create { Act::Create } else { Act::Change })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collection_has_one_rule() {
        let mut seen = std::collections::BTreeSet::new();
        for name in RULES.iter().flat_map(|rule| rule.datatypes) {
            assert!(seen.insert(name), "{name}");
            assert!(Datatype::new(name).is_ok(), "{name}");
        }
    }
}
