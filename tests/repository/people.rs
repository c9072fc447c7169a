//! Who sees and changes what.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Caller, House, ORG, ids};

/// Every way to read a ticket, with how many it finds.
async fn readable(caller: &Caller<'_>, sk: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for path in [format!("get/ticket/{sk}"), format!("find-any-id/ticket/{sk}")] {
        let (status, _) = caller.get(&format!("/repository/{path}")).await;
        found.push((path, json!(u8::from(status == 200))));
    }
    for path in ["find-page-data/ticket", "find-by-attribute/ticket/kind/bug", "search/ticket?keyword=bug"] {
        found.push((path.to_owned(), caller.get(&format!("/repository/{path}")).await.1["total"].clone()));
    }
    let bodies = [
        ("/repository/find/ticket", json!({"query": {"data.kind": "bug"}}), "/total"),
        ("/repository/search/ticket", json!({"keyword": "bug"}), "/total"),
        ("/repository/aggregate/ticket", json!([{"$match": {}}]), "/total"),
        ("/dynamic-query/find", json!({"collection": "ticket"}), "/total"),
        ("/dynamic-query/count", json!({"collection": "ticket"}), "/count"),
        ("/dynamic-query/distinct", json!({"collection": "ticket", "field": "data.kind"}), "/total"),
        ("/dynamic-query/aggregate", json!({"collection": "ticket", "pipeline": []}), "/total"),
    ];
    for (path, body, at) in bodies {
        let (_, answer) = caller.post(path, body).await;
        found.push((path.to_owned(), answer.pointer(at).cloned().unwrap_or_default()));
    }
    found
}

async fn finds(caller: &Caller<'_>, sk: &str, count: u8) {
    for (path, found) in readable(caller, sk).await {
        assert_eq!(found, json!(count), "{path}");
    }
}

#[actix_web::test]
async fn customers_and_guests_see_only_what_is_theirs() {
    let house = House::open().await;
    let (ada, eve) = (house.owner(), house.somebody(ORG, Kind::Customer, "eve", Role::Customer));
    let mallory = house.somebody(ORG, Kind::Customer, "mallory", Role::Customer);
    let gil = house.somebody(ORG, Kind::Guest, "gil", Role::Guest);
    let ticket = eve.create("ticket", "t-1", json!({"kind": "bug"})).await;
    let owner = json!({"datatype": "customer", "id": "eve", "name": "eve", "email": "eve@example.com"});
    assert_eq!((&ticket["author"], &ticket["owner"]), (&json!("eve"), &owner));
    finds(&ada, "t-1", 1).await;
    finds(&eve, "t-1", 1).await;
    finds(&mallory, "t-1", 0).await;
    finds(&gil, "t-1", 0).await;
    // What staff gave them is theirs as well; a guest is known by their id alone.
    for (sk, owner) in [("t-2", json!({"email": "gil@example.com"})), ("t-3", json!({"id": "gil"}))] {
        let body = json!({"sk": sk, "data": {"kind": "bug"}, "owner": owner});
        ada.done("/repository/create/ticket", body).await;
    }
    finds(&gil, "t-3", 1).await;
    assert_eq!(gil.get("/repository/get/ticket/t-2").await.0, 404);
    // Themselves, and no other customer.
    assert_eq!(eve.get("/repository/get/customer/eve").await.0, 200);
    assert_eq!(ids(&eve.get("/repository/find-page-data/customer").await.1), ["eve"]);
    assert_eq!(eve.get("/repository/get/customer/mallory").await.0, 404);
    assert_eq!(eve.get("/repository/find-any-id/customer/mallory@example.com").await.0, 404);
    // And nothing of the organisation's own.
    for path in ["find-page-data/automation", "find-page-data/user", "collections", "get/user/ada"] {
        assert_eq!(eve.get(&format!("/repository/{path}")).await.0, 403, "{path}");
    }
}

#[actix_web::test]
async fn customers_do_not_write_what_is_the_staffs() {
    let house = House::open().await;
    let (ada, eve) = (house.owner(), house.somebody(ORG, Kind::Customer, "eve", Role::Customer));
    ada.create("ticket", "t-1", json!({"kind": "bug"})).await;
    let writes = [
        ("/repository/create/ai_assistant", json!({"name": "x"})),
        ("/repository/create/customer", json!({"email": "x@y.z"})),
        ("/repository/create/ticket", json!({"data": {}, "owner": {"id": "mallory"}})),
        ("/repository/create/ticket", json!({"data": {}, "requiredRole": {"read": ["Guest"]}})),
        ("/repository/update/ticket/t-1", json!({"data": {}})),
        ("/dynamic-query/updateMany", json!({"collection": "ticket", "update": {"$set": {"data.a": 1}}})),
        ("/dynamic-query/deleteMany", json!({"collection": "ticket"})),
        ("/dynamic-query/insertOne", json!({"collection": "schedule", "document": {}})),
    ];
    for (path, body) in writes {
        let (status, answer) = eve.post(path, body).await;
        assert_eq!(status, 403, "{path}: {answer}");
    }
    let bulk =
        json!({"collection": "ticket", "operations": [{"insertOne": {"document": {}}}, {"deleteMany": {}}]});
    assert_eq!(eve.post("/dynamic-query/bulkWrite", bulk).await.0, 403);
    assert_eq!(ada.ids("/repository/find/ticket", json!({})).await, ["t-1"]);
    // Somebody who may change, changes and deletes their own only.
    let publisher = house.somebody(ORG, Kind::Customer, "eve", Role::Publisher);
    publisher.create("ticket", "t-2", json!({"kind": "bug"})).await;
    let set = json!({"collection": "ticket", "update": {"$set": {"data.kind": "wish"}}});
    assert_eq!(publisher.done("/dynamic-query/updateMany", set).await["modifiedCount"], 1);
    assert_eq!(publisher.post("/repository/update/ticket/t-1", json!({"data": {}})).await.0, 404);
    let gone = publisher.done("/repository/delete/ticket", json!(["t-1", "t-2"])).await;
    assert_eq!(gone["deleted"], 1);
    assert_eq!(ada.get("/repository/get/ticket/t-1").await.1["data"]["kind"], "bug");
}

#[actix_web::test]
async fn nothing_of_another_organisation_is_seen_or_written() {
    let house = House::open().await;
    let ada = house.owner();
    let stranger = house.somebody("other-org", Kind::User, "ada", Role::Owner);
    ada.create("ticket", "t-1", json!({"kind": "bug"})).await;
    finds(&ada, "t-1", 1).await;
    finds(&stranger, "t-1", 0).await;
    let body = json!({"pk": ORG, "orgid": ORG, "data": {}, "datatype": "ticket", "version": 0});
    assert_eq!(stranger.post("/repository/update/ticket/t-1", body).await.0, 404);
    assert_eq!(stranger.call(Method::DELETE, "/repository/delete/ticket/t-1?hard=true", None).await.0, 404);
    let mine = stranger.create("ticket", "t-1", json!({"kind": "wish"})).await;
    assert_eq!(mine["pk"], "other-org");
    assert_eq!(ada.get("/repository/get/ticket/t-1").await.1["data"]["kind"], "bug");
}

#[actix_web::test]
async fn a_records_own_rule_comes_before_the_roles() {
    let house = House::open().await;
    let ada = house.owner();
    let bob = house.somebody(ORG, Kind::User, "bob", Role::PowerUser);
    let rule = json!({"read": ["Owner"], "delete": ["Owner"]});
    let body = json!({"sk": "t-1", "data": {"kind": "bug"}, "requiredRole": rule});
    ada.done("/repository/create/ticket", body).await;
    finds(&ada, "t-1", 1).await;
    finds(&bob, "t-1", 0).await;
    assert_eq!(bob.get("/repository/get/ticket/t-1").await.0, 403);
    assert_eq!(bob.call(Method::DELETE, "/repository/delete/ticket/t-1", None).await.0, 403);
    // Deleting by an update takes the same permission.
    let soft = json!({"state": "deleted"});
    assert_eq!(bob.post("/repository/update-partial/ticket/t-1", soft.clone()).await.0, 403);
    assert_eq!(bob.done("/repository/update/ticket/t-1", json!({"data": {"n": 1}})).await["version"], 1);
    assert_eq!(ada.done("/repository/update-partial/ticket/t-1", soft).await["state"], "deleted");
    // It lets in whom the table would not, on the routes about one record, and tells nobody of others.
    let (gus, own) = (house.somebody(ORG, Kind::User, "gus", Role::User), json!({"update": ["User"]}));
    ada.done("/repository/create/ticket", json!({"sk": "t-2", "data": {}, "requiredRole": own})).await;
    let set = json!({"data.by": "gus"});
    assert_eq!(gus.done("/repository/update-partial/ticket/t-2", set.clone()).await["data"]["by"], "gus");
    assert_eq!(gus.done("/repository/update/ticket/t-2", json!({"data": {}})).await["version"], 2);
    assert_eq!(bob.post("/repository/update-partial/ticket/t-2", set.clone()).await.0, 403);
    assert_eq!(gus.call(Method::DELETE, "/repository/delete/ticket/t-2", None).await.0, 403);
    for sk in ["t-1", "none"] {
        assert_eq!(gus.post(&format!("/repository/update-partial/ticket/{sk}"), set.clone()).await.0, 403);
    }
    let odd = json!({"data": {}, "requiredRole": {"read": ["Nobody"]}});
    assert_eq!(ada.post("/repository/create/ticket", odd).await.0, 400);
}

#[actix_web::test]
async fn pages_hold_each_record_once_though_some_have_rules_of_their_own() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::PowerUser));
    let mut all = Vec::new();
    for n in 0..17 {
        let mut body = json!({"sk": format!("t-{n:02}"), "data": {"n": n}});
        if [1, 2, 6, 9, 13].contains(&n) {
            body["requiredRole"] = json!({"read": ["Owner"]});
        }
        all.push((format!("t-{n:02}"), body.get("requiredRole").is_none()));
        ada.done("/repository/create/ticket", body).await;
    }
    for (caller, sees_all) in [(&ada, true), (&bob, false)] {
        let expected: Vec<_> =
            all.iter().filter(|(_, open)| sees_all || *open).map(|(sk, _)| sk.clone()).collect();
        for size in 1..6 {
            let (mut by_number, mut by_cursor, mut cursor) = (Vec::new(), Vec::new(), Value::Null);
            for page in 1..=17 {
                let number = json!({"sort": {"createdate": 1}, "pageSize": size, "page": page});
                let page = caller.done("/repository/find/ticket", json!({"options": number})).await;
                assert_eq!(page["total"], expected.len());
                by_number.extend(ids(&page));
                let on = json!({"sort": {"createdate": 1}, "pageSize": size, "lastItem": cursor});
                let page = caller.done("/repository/find/ticket", json!({"options": on})).await;
                by_cursor.extend(ids(&page));
                cursor = if page["lastItem"].is_null() { cursor } else { page["lastItem"].clone() };
            }
            assert_eq!((&by_number, &by_cursor), (&expected, &expected), "{size}");
        }
    }
}

#[actix_web::test]
async fn components_are_looked_after_by_whom_the_table_gives_them() {
    let house = House::open().await;
    let ada = house.owner();
    let con = house.somebody(ORG, Kind::User, "con", Role::ConfigAdmin);
    con.create("config", "c-1", json!({"n": 1})).await;
    assert_eq!(con.get("/repository/get/config/c-1").await.0, 200);
    assert_eq!(con.ids("/repository/find/config", json!({})).await, ["c-1"]);
    assert_eq!(con.done("/repository/update/config/c-1", json!({"data": {"n": 2}})).await["version"], 1);
    let set = json!({"collection": "config", "update": {"$set": {"data.n": 3}}});
    assert_eq!(con.done("/dynamic-query/updateOne", set).await["modifiedCount"], 1);
    assert_eq!(con.call(Method::DELETE, "/repository/delete/config/c-1", None).await.0, 200);
    let key = con.done("/api-key/create", json!({"name": "k"})).await;
    assert_eq!(con.get(&format!("/repository/get/apikey/{}", key["sk"].as_str().unwrap())).await.0, 200);
    assert_eq!(con.done("/app/register", json!({"name": "a"})).await["roles"], json!(["ConfigAdmin"]));
    // Content is not theirs, and components are not everybody's.
    ada.create("ticket", "t-1", json!({})).await;
    for (path, body) in [
        ("/repository/find/ticket", json!({})),
        ("/repository/create/ticket", json!({"n": 1})),
        ("/repository/update/ticket/t-1", json!({"data": {}})),
        ("/repository/delete/ticket", json!(["t-1"])),
        ("/dynamic-query/deleteMany", json!({"collection": "ticket"})),
        ("/dynamic-query/count", json!({"collection": "ticket"})),
    ] {
        assert_eq!(con.post(path, body).await.0, 403, "{path}");
    }
    assert_eq!(con.get("/repository/get/ticket/t-1").await.0, 403);
    let gus = house.somebody(ORG, Kind::User, "gus", Role::User);
    assert_eq!(gus.post("/repository/create/config", json!({"n": 1})).await.0, 403);
}

#[actix_web::test]
async fn roles_allow_what_the_contract_says() {
    let house = House::open().await;
    let ada = house.owner();
    ada.create("ticket", "t-1", json!({})).await;
    let may = |role: Role, read: bool, create: bool, update: bool| (role, read, create, update);
    let table = [
        may(Role::User, true, true, false),
        may(Role::PowerUser, true, true, true),
        may(Role::Reviewer, true, false, false),
        may(Role::ConfigAdmin, false, false, false),
    ];
    for (at, (role, read, create, update)) in table.into_iter().enumerate() {
        let somebody = house.somebody(ORG, Kind::User, &format!("user-{at}"), role);
        let status = |allowed: bool, success: u16| if allowed { success } else { 403 };
        assert_eq!(somebody.get("/repository/get/ticket/t-1").await.0, status(read, 200), "{role:?}");
        let created = somebody.post("/repository/create/ticket", json!({"by": at})).await;
        assert_eq!(created.0, status(create, 201), "{role:?}");
        let updated = somebody.post("/repository/update/ticket/t-1", json!({"data": {"by": at}})).await;
        assert_eq!(updated.0, status(update, 200), "{role:?}");
    }
}
