//! Organisation B never sees, changes or hears anything of organisation A's, by any route. The routes come
//! from the route table itself; what each of them has to prove is said in `tenancy/cases.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

#[path = "tenancy/ai.rs"]
mod ai;
#[path = "tenancy/cases.rs"]
mod cases;
#[path = "tenancy/chat.rs"]
mod chat;
#[path = "tenancy/community.rs"]
mod community;
#[path = "tenancy/house.rs"]
mod house;
#[path = "tenancy/planted.rs"]
mod planted;
#[path = "tenancy/records.rs"]
mod records;
#[path = "tenancy/streams.rs"]
mod streams;
mod support;
#[path = "tenancy/vendors.rs"]
mod vendors;

use std::collections::BTreeSet;

use appengine::auth::role;
use appengine::http::route::Access;
use cases::Proof;
use house::{House, bearer, key};
use serde_json::json;
use support::exchange::Request;
use support::in_process::{customer, owner};

#[test]
fn every_route_proves_what_its_access_asks_for() {
    for (route, case) in House::open().classified() {
        let fits = match case.proof {
            Proof::Reads | Proof::Writes | Proof::Own | Proof::Shared => route.access.is_signed(),
            Proof::Entrance => !route.access.is_signed(),
            Proof::Open | Proof::Stream => route.access == Access::Open,
        };
        assert!(fits, "{} {} is {:?} and proves {:?}", route.method, route.path, route.access, case.proof);
    }
}

#[test]
fn nobody_of_another_organisation_sees_or_changes_anything() {
    let house = House::open();
    let (server, a) = (&house.server, &house.a);
    let before = a.data(server);
    for (n, (_, case)) in house.classified().into_iter().enumerate() {
        // One of its own for each route, so that it can only be shown what it said itself just now.
        let b = house.outsider(&format!("outsider-{n}"));
        let mut said = BTreeSet::new();
        for call in &case.calls {
            for (how, request) in house.by_outsider(&b, &case, call) {
                let what = format!("{how}: {} {}", case.method, call.target);
                let answer = request.send();
                assert!(answer.status < 500, "{what}: {answer:?}");
                if answer.status >= 400 {
                    answer.problem();
                }
                said.extend(a.within(&request.bytes()));
                let seen = a.within(&answer.bytes());
                assert!(seen.is_subset(&said), "{what} shows {:?}: {answer:?}", seen.difference(&said));
                assert!(a.data(server) == before, "{what} changed what is A's: {answer:?}");
            }
        }
    }
    server.assert_well();
}

/// Without this, the walk above would prove nothing where its calls are wrong.
#[test]
fn those_of_the_organisation_see_and_change_it_by_the_same_calls() {
    let house = House::open();
    let (server, a) = (&house.server, &house.a);
    let b = house.outsider("outsider");
    for case in cases::cases(a) {
        let (mut seen, mut changed) = (false, false);
        for call in &case.calls {
            let request = house.request_by(&owner(&a.org), &case, call);
            let before = a.data(server);
            let answer = request.send();
            if matches!(case.proof, Proof::Reads | Proof::Writes) {
                assert!(answer.status < 300, "{} {}: {answer:?}", case.method, call.target);
            }
            // Some answers are counts: they are A's own where nobody else is given the same.
            seen |= !a.within(&answer.bytes()).is_subset(&a.within(&request.bytes()))
                || answer.body != house.request_by(&owner(&b.org), &case, call).send().body;
            changed |= a.data(server) != before;
        }
        let what = format!("{} {}", case.method, case.path);
        assert!(seen || case.proof != Proof::Reads, "{what} shows A nothing of its own");
        assert!(changed || case.proof != Proof::Writes, "{what} changes nothing for A");
    }
}

#[test]
fn counts_are_of_the_own_organisation() {
    let house = House::open();
    let (a, b) = (&house.a, house.outsider("outsider"));
    let token = house.server.token(&owner(&b.org));
    let get = |path: &str| house.server.call_as(&token, "GET", path).send().expect(200);
    let post = |path: &str, body| house.server.call_as(&token, "POST", path).json(&body).send().expect(200);
    let unique =
        format!("/repository/isunique?datatype=customer&attribute=data.email&value={}", a.get("email"));
    assert_eq!(get(&unique)["unique"], true);
    assert_eq!(post("/dynamic-query/count", json!({"collection": "contact"}))["count"], 0);
    assert_eq!(
        post("/dynamic-query/distinct", json!({"collection": "contact", "field": "data.text"}))["total"],
        0
    );
    assert_eq!(post("/repository/find/contact", json!({"query": {"pk": a.org}}))["total"], 0);
    let names = get("/repository/collections");
    let names: Vec<_> = names["data"].as_array().expect("a list").iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["apikey", "user"], "what B made itself");
}

#[test]
fn a_refused_caller_is_told_why_and_leaves_nothing_behind() {
    let house = House::open();
    let (server, a) = (&house.server, &house.a);
    let (b, theirs) = (house.outsider("outsider"), key(server, &a.org, &["*"]));
    let b_owner = || server.token(&owner(&b.org));
    bearer(server.call("GET", "/profile/whoami"), &b_owner()).send().expect(200);
    let expired = server.expired_token(&owner(&a.org));
    let link = server.link_token(&owner(&a.org));
    let behind = |request: Request, first: &str| {
        bearer(request, first).header("x-client-authorization", &format!("Bearer {}", a.token))
    };
    type Caller<'a> = (&'a str, Box<dyn Fn(Request) -> Request + 'a>, u16, &'a str);
    let callers: [Caller; 9] = [
        ("nobody", Box::new(|request| request), 401, "missing_authorization_header"),
        ("nobody in A", Box::new(|r| r.header("orgid", &a.org)), 401, "missing_authorization_header"),
        ("an expired token", Box::new(|r| bearer(r, &expired)), 401, "token_expired"),
        ("a link's token", Box::new(|r| bearer(r, &link)), 401, "invalid_token"),
        (
            "B's owner in A",
            Box::new(|r| bearer(r, &b_owner()).header("orgid", &a.org)),
            403,
            "token_org_mismatch",
        ),
        (
            "B's key in A",
            Box::new(|r| r.header("x-api-key", &b.key).header("orgid", &a.org)),
            401,
            "invalid_api_key",
        ),
        (
            "A's key in B",
            Box::new(|r| r.header("x-api-key", &theirs).header("orgid", &b.org)),
            401,
            "invalid_api_key",
        ),
        ("B's app for A's owner", Box::new(|r| behind(r, &b.app)), 403, "token_org_mismatch"),
        ("B's owner for A's owner", Box::new(|r| behind(r, &b_owner())), 403, "token_org_mismatch"),
    ];
    let before = server.dump();
    for (_, case) in house.guarded() {
        for call in &case.calls {
            for (who, dress, status, code) in &callers {
                let answer = dress(house.request(&case, call)).send();
                assert_eq!(answer.status, *status, "{who}: {} {}: {answer:?}", case.method, call.target);
                answer.assert_problem(*status, code);
            }
        }
    }
    assert!(server.dump() == before, "a refused request left something behind");
}

#[test]
fn roles_and_scopes_count_on_every_route() {
    let house = House::open();
    let (server, a) = (&house.server, &house.a);
    let key = key(server, &a.org, &["nothing:here"]);
    let buyer = customer(&a.org, "somebody@a.example");
    let everybody = house.staff_of_a().map(|(_, who)| who).chain([buyer.clone()]);
    for who in everybody {
        bearer(server.call("GET", "/profile/whoami"), &server.token(&who)).send().expect(200);
    }
    let before = server.dump();
    for (access, case) in house.guarded() {
        for call in &case.calls {
            let what = format!("{} {}", case.method, call.target);
            let refused = |who: &str, request: Request, code: &str| {
                let answer = request.send();
                assert_eq!(answer.status, 403, "{who}: {what}: {answer:?}");
                answer.assert_problem(403, code);
            };
            let by_key = house.request(&case, call).header("x-api-key", &key).header("orgid", &a.org);
            if access != Access::Signed {
                refused("a key without the scope", by_key, "insufficient_scope");
            }
            if matches!(access, Access::Staff(..) | Access::Admin(_)) {
                refused("a customer", house.request_by(&buyer, &case, call), "forbidden");
            }
            for (role, who) in house.staff_of_a() {
                let may = match access {
                    Access::Open | Access::Entrance | Access::Link | Access::Signed => true,
                    Access::Staff(permission, _)
                    | Access::Content(permission, _)
                    | Access::Record(permission, _) => role::allows(&[role], permission),
                    Access::Admin(_) => RUN_IT.contains(&role.name()),
                };
                if !may {
                    refused(role.name(), house.request_by(&who, &case, call), "forbidden");
                }
            }
        }
    }
    assert!(server.dump() == before, "a refused request left something behind");
}

/// Who runs an organisation.
const RUN_IT: [&str; 5] = ["Owner", "ConfigAdmin", "RootAdmin", "System", "RootSystem"];
