//! The rules, by example.

use appengine_actors::clock::{Stamp, Timestamp};
use appengine_actors::ids::OrgId;

use super::*;
use crate::auth::role::Role;

/// Somebody of a kind, with an address.
pub(in crate::http) fn caller(kind: Kind, id: &str, roles: &[Role]) -> Principal {
    Principal {
        org: OrgId::new("my-org").unwrap(),
        id: RecordId::new(id).unwrap(),
        email: Some(format!("{id}@example.com")),
        name: id.to_owned(),
        kind,
        roles: roles.to_vec(),
        scopes: None,
        rate_limits: None,
        token_id: "t".into(),
        session: None,
        issued_at: Timestamp::default(),
        expires_at: Timestamp::default(),
    }
}

/// A record with these root fields.
pub(in crate::http) fn record(datatype: &str, sk: &str, author: &str, meta: Value) -> Record {
    Record {
        sk: RecordId::new(sk).unwrap(),
        org: OrgId::new("my-org").unwrap(),
        datatype: Datatype::new(datatype).unwrap(),
        version: 0,
        state: "new".into(),
        created: Stamp::default(),
        modified: Stamp::default(),
        author: Some(author.to_owned()),
        modified_by: None,
        create_hash: None,
        data: Map::new(),
        meta: match meta {
            Value::Object(fields) => fields,
            other => panic!("{other}"),
        },
    }
}

fn status(result: Result<(), Problem>) -> u16 {
    result.map_or_else(|problem| problem.status().as_u16(), |()| 200)
}

#[test]
fn collections_with_rules_of_their_own_are_closed_to_others() {
    let owner = caller(Kind::User, "ada", &[Role::Owner]);
    let staff = caller(Kind::User, "bob", &[Role::PowerUser]);
    let customer = caller(Kind::Customer, "eve", &[Role::Customer]);
    // Read, create, change: by an owner, by staff, by a customer.
    let table = [
        ("contact", [[200, 200, 200]; 3]),
        ("automation", [[200, 403, 403], [200, 403, 403], [403, 403, 403]]),
        ("user", [[200, 403, 200], [200, 403, 403], [403, 403, 403]]),
        ("customer", [[200, 200, 200], [200, 200, 200], [200, 403, 403]]),
        ("guest", [[200, 403, 200], [200, 403, 200], [200, 403, 403]]),
        ("apikey", [[200, 403, 200], [403, 403, 403], [403, 403, 403]]),
        ("config", [[200, 200, 200], [200, 403, 403], [403, 403, 403]]),
        ("ai_assistant", [[200, 200, 200], [200, 200, 200], [200, 403, 403]]),
    ];
    for (name, expected) in table {
        let datatype = Datatype::new(name).unwrap();
        let found = [&owner, &staff, &customer].map(|caller| {
            [Act::Read, Act::Create, Act::Change].map(|act| status(check(caller, &datatype, act)))
        });
        assert_eq!(found, expected, "{name}");
    }
    let automation = Datatype::new("automation").unwrap();
    let told = check(&owner, &automation, Act::Create).unwrap_err().to_string();
    assert!(told.contains("use /automation"), "{told}");
}

#[test]
fn end_users_own_what_they_are_wrote_or_were_given() {
    let customer = caller(Kind::Customer, "eve", &[Role::Customer]);
    let guest = caller(Kind::Guest, "gil", &[Role::Guest]);
    let staff = caller(Kind::User, "bob", &[Role::User]);
    let theirs = [
        (&customer, record("customer", "eve", "x", json!({})), true),
        (&customer, record("guest", "eve", "x", json!({})), false),
        (&customer, record("ticket", "1", "eve", json!({})), true),
        // Somebody else may have signed up with the address of one of the staff.
        (&customer, record("ticket", "1", "eve@example.com", json!({})), false),
        (&customer, record("ticket", "1", "x", json!({"owner": {"id": "eve"}})), true),
        (&customer, record("ticket", "1", "x", json!({"owner": {"email": "Eve@Example.com "}})), true),
        (&customer, record("ticket", "1", "x", json!({"owner": {"id": "eva"}})), false),
        (&customer, record("ticket", "1", "x", json!({"owner": "eve"})), false),
        (&guest, record("guest", "gil", "x", json!({})), true),
        (&guest, record("ticket", "1", "x", json!({"owner": {"id": "gil"}})), true),
        (&guest, record("ticket", "1", "x", json!({"owner": {"email": "gil@example.com"}})), false),
        (&staff, record("ticket", "1", "x", json!({})), true),
    ];
    for (caller, record, expected) in theirs {
        assert_eq!(caller.owns(&record), expected, "{} and {record:?}", caller.name);
    }
}

#[test]
fn what_is_not_theirs_is_not_there_and_what_is_restricted_is_forbidden() {
    let customer = caller(Kind::Customer, "eve", &[Role::Customer]);
    let staff = caller(Kind::User, "bob", &[Role::PowerUser]);
    let plain = record("ticket", "1", "x", json!({}));
    assert_eq!(status(check_record(&customer, &plain, Permission::Read)), 404);
    assert_eq!(status(check_record(&staff, &plain, Permission::Read)), 200);
    let restricted = record("ticket", "1", "x", json!({"requiredRole": {"read": ["Owner"]}}));
    assert_eq!(status(check_record(&staff, &restricted, Permission::Read)), 403);
    assert_eq!(status(check_record(&staff, &restricted, Permission::Update)), 200);
}

#[test]
fn end_users_do_not_say_whose_their_records_are() {
    let customer = caller(Kind::Customer, "eve", &[Role::Customer]);
    let staff = caller(Kind::User, "bob", &[Role::User]);
    let fields = |value: Value| value.as_object().cloned().unwrap();
    let given = fields(json!({"owner": {"id": "mallory"}}));
    assert_eq!(status(check_fields(&customer, &given)), 403);
    assert_eq!(status(check_fields(&staff, &given)), 200);
    assert_eq!(status(check_fields(&customer, &fields(json!({"name": "x"})))), 200);
    assert_eq!(status(check_fields(&staff, &fields(json!({"requiredRole": {"read": ["Nobody"]}})))), 400);
    assert_eq!(status(check_fields(&staff, &fields(json!({"requiredRole": {"read": ["Owner"]}})))), 200);
    let owner = owner(&customer).unwrap();
    assert_eq!(owner["id"], "eve");
    assert!(customer.owns(&record("ticket", "1", "x", json!({"owner": owner}))));
    assert_eq!(super::owner(&staff), None);
}
