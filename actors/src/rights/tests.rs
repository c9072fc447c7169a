//! What may be seen of what an event carries.

use serde_json::json;

use super::*;

const OWNER: Rights<'_> = Rights { kind: Kind::User, roles: &[Role::Owner], scopes: None };
const USER: Rights<'_> = Rights { kind: Kind::User, roles: &[Role::User], scopes: None };

#[test]
fn what_an_event_carries_is_seen_as_its_records_are() {
    let open = json!({"datatype": "contact", "data": {"name": "Ada"}});
    let hidden = json!({"datatype": "contact", "data": {}, "requiredRole": {"read": ["Owner"]}});
    let key = json!({"datatype": "apikey", "data": {}});
    for (data, seen) in [
        (json!(null), true),
        (json!({"amount": 1, "datatype": "apikey"}), true),
        (open.clone(), true),
        (json!({"orgid": "o", "data": open, "changedFields": []}), true),
        (hidden.clone(), false),
        (json!({"orgid": "o", "data": hidden}), false),
        (json!({"contactId": "c", "tag": "t", "contact": hidden}), false),
        (key.clone(), false),
        (json!({"orgid": "o", "data": key}), false),
        (json!({"datatype": "note", "data": {}, "requiredRole": {"read": "nonsense"}}), false),
    ] {
        assert_eq!(USER.may_see(&data), seen, "{data}");
        assert_eq!(OWNER.may_see(&data), seen || data["requiredRole"]["read"] != "nonsense", "{data}");
    }
}

#[test]
fn an_author_is_kept_as_they_were_and_an_unknown_one_is_the_least_of_the_staff() {
    let scopes = Scopes::new(&["write:automation"]).unwrap();
    let key = Rights { kind: Kind::App, roles: &[Role::Owner], scopes: Some(&scopes) };
    let kept = serde_json::to_string(&Author::from(key)).unwrap();
    assert_eq!(serde_json::from_str::<Author>(&kept).unwrap().rights(), key);
    assert_eq!(Author::unknown().rights(), USER);
}

fn meta(required: Value) -> Map<String, Value> {
    Map::from_iter([(REQUIRED_ROLE.to_owned(), required)])
}

#[test]
fn a_records_required_role_overrides_the_table_both_ways() {
    let rule = meta(json!({"read": ["owner"], "update": ["User"], "delete": []}));
    let named = |who: Rights<'_>, permission| who.named_by(&rule, permission);
    assert_eq!((named(OWNER, Permission::Read), named(USER, Permission::Read)), (Some(true), Some(false)));
    assert_eq!(
        (named(OWNER, Permission::Update), named(USER, Permission::Update)),
        (Some(false), Some(true))
    );
    assert_eq!(named(OWNER, Permission::Delete), None);
    let scopes = Scopes::new(&["read"]).unwrap();
    let key = Rights { scopes: Some(&scopes), ..USER };
    assert_eq!(named(key, Permission::Update), Some(false), "a scope still counts");
}

#[test]
fn without_a_rule_the_table_counts_and_a_broken_rule_lets_nobody_in() {
    assert_eq!(OWNER.named_by(&Map::new(), Permission::Approve), None);
    assert_eq!(OWNER.named_by(&meta(Value::Null), Permission::Approve), None);
    for broken in [json!([]), json!({"read": "Owner"}), json!({"reed": []}), json!({"read": ["Boss"]})] {
        assert_eq!(OWNER.named_by(&meta(broken.clone()), Permission::Read), Some(false), "{broken}");
    }
}

#[test]
fn who_looks_after_components_may_do_so_where_they_are_records() {
    let admin = Rights { roles: &[Role::ConfigAdmin], ..OWNER };
    let (setting, contact) = (Datatype::new("setting").unwrap(), Datatype::new("contact").unwrap());
    let none = Map::new();
    assert!(admin.may_on(&setting, &none, Permission::Update));
    assert!(!admin.may_on(&contact, &none, Permission::Update));
    assert!(!USER.may_on(&setting, &none, Permission::Update));
}
