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
