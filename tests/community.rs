//! Communities over REST, against a whole server in this process: what sockets do, for those who have none.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "repository/house.rs"]
#[allow(dead_code, reason = "those who read lists of records use the rest")]
mod house;

use std::time::Duration;

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use house::{Caller, House, ORG};
use reqwest::Method;
use serde_json::{Value, json};

/// Customers with records, each at example.com.
async fn people<'h, const N: usize>(house: &'h House, names: [&str; N]) -> [Caller<'h>; N] {
    let ada = house.owner();
    for name in names {
        ada.create("customer", name, json!({"email": format!("{name}@example.com"), "name": name})).await;
    }
    names.map(|name| house.somebody(ORG, Kind::Customer, name, Role::Customer))
}

async fn call(caller: &Caller<'_>, method: &str, path: &str, body: Value) -> (u16, Value) {
    let method: Method = method.parse().unwrap();
    caller
        .call(method, &format!("/client/community{path}"), (!body.is_null()).then(|| body.to_string()))
        .await
}

#[track_caller]
fn fine((status, answer): (u16, Value)) -> Value {
    assert!((200..300).contains(&status), "{status} {answer}");
    answer
}

#[track_caller]
fn refused((status, answer): (u16, Value)) -> (u16, String) {
    assert!(status >= 400, "{answer}");
    assert!(answer["message"].as_str().is_some_and(|why| !why.is_empty()), "{answer}");
    (status, answer["code"].as_str().unwrap().to_owned())
}

async fn get(caller: &Caller<'_>, path: &str) -> Value {
    fine(call(caller, "GET", path, Value::Null).await)
}

async fn group(caller: &Caller<'_>, body: Value) -> String {
    let made = fine(call(caller, "POST", "/groups", body).await);
    made["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn two_people_write_and_what_is_unread_is_counted() {
    let house = House::open().await;
    let [ann, bob] = people(&house, ["ann", "bob"]).await;
    let word = json!({"to": "bob@example.com", "content": "hi", "contentType": "text", "clientId": "c-1"});
    let said = fine(call(&ann, "POST", "/messages", word.clone()).await);
    assert_eq!((&said["from"], &said["to"]), (&json!("ann@example.com"), &json!("bob@example.com")));
    assert_eq!(fine(call(&ann, "POST", "/messages", word).await)["id"], said["id"], "the same is said once");
    // By the id of the record, and by the other spelling of the path.
    let again = json!({"to": "bob", "content": "ho", "replyTo": said["id"]});
    let again = fine(ann.call(Method::POST, "/community/messages", Some(again.to_string())).await);
    assert_eq!(get(&bob, "/messages/unread-count").await["unreadCount"], 2);
    let threads = get(&bob, "/messages/threads").await;
    assert_eq!((&threads[0]["peer"], &threads[0]["unreadCount"]), (&json!("ann@example.com"), &json!(2)));
    assert_eq!(threads[0]["lastMessage"]["id"], again["id"]);
    fine(call(&bob, "POST", "/messages/read", json!({"messageIds": [said["id"]]})).await);
    assert_eq!(get(&bob, "/messages/unread-count").await["unreadCount"], 1);
    fine(call(&bob, "POST", "/messages/thread/ann@example.com/read", Value::Null).await);
    assert_eq!(get(&bob, "/messages/unread-count").await["unreadCount"], 0);
    let page = get(&ann, "/messages/thread/bob@example.com?limit=1").await;
    assert_eq!((&page["data"][0]["content"], &page["hasNext"]), (&json!("ho"), &json!(true)));
    assert_eq!(page["data"][0]["status"], "read");
    let first = get(&ann, &format!("/messages/thread/bob@example.com?before={}", page["next"])).await;
    assert_eq!((&first["data"][0]["content"], &first["hasNext"]), (&json!("hi"), &json!(false)));
    let path = format!("/messages/{}", said["id"].as_str().unwrap());
    assert_eq!(refused(call(&bob, "DELETE", &path, Value::Null).await), (403, "forbidden".into()));
    assert_eq!(fine(call(&ann, "PATCH", &path, json!({"content": "hey"})).await)["content"], "hey");
    let like = json!({"target": said["id"], "targetType": "message", "type": "like"});
    assert_eq!(fine(call(&bob, "POST", "/react", like.clone()).await)["action"], "added");
    assert_eq!(fine(call(&bob, "POST", "/react", like).await)["action"], "removed");
    fine(call(&ann, "DELETE", &path, Value::Null).await);
    assert_eq!(refused(call(&ann, "DELETE", &path, Value::Null).await), (404, "unknown_message".into()));
    let kept = get(&bob, "/messages/thread/ann@example.com").await;
    assert_eq!((&kept["data"][0]["content"], &kept["data"][0]["status"]), (&json!(""), &json!("deleted")));
}

#[actix_web::test]
async fn a_group_is_made_changed_joined_and_left() {
    let house = House::open().await;
    let [ann, bob, eve] = people(&house, ["ann", "bob", "eve"]).await;
    let body = json!({
        "name": "Dogs", "description": "All of them.", "type": "private", "maxMembers": 3,
        "members": [{"email": "bob@example.com", "role": "member"}],
    });
    let id = group(&ann, body).await;
    let told = get(&bob, &format!("/groups/{id}")).await;
    assert_eq!((&told["admins"], &told["creator"]), (&json!(["ann@example.com"]), &json!("ann@example.com")));
    assert_eq!(told["emails"], json!(["ann@example.com", "bob@example.com"]));
    let at = |rest: &str| format!("/groups/{id}{rest}");
    assert_eq!(refused(call(&eve, "GET", &at(""), Value::Null).await), (404, "unknown_group".into()));
    assert_eq!(refused(call(&eve, "POST", &at("/join"), Value::Null).await), (403, "forbidden".into()));
    let open = json!({"type": "public"});
    assert_eq!(refused(call(&bob, "PATCH", &at(""), open.clone()).await), (403, "forbidden".into()));
    fine(call(&ann, "PATCH", &at(""), open).await);
    assert_eq!(get(&eve, "/groups?which=open").await["data"][0]["id"], json!(id));
    assert_eq!(get(&eve, "/groups").await["total"], 0);
    assert_eq!(fine(call(&eve, "POST", &at("/join"), Value::Null).await)["memberCount"], 3);
    let said = fine(call(&eve, "POST", &at("/messages"), json!({"content": "hi @bob@example.com"})).await);
    assert_eq!((&said["groupId"], &said["mentions"]), (&json!(id), &json!(["bob@example.com"])));
    let own = get(&bob, "/groups").await;
    assert_eq!((&own["data"][0]["unreadCount"], &own["total"]), (&json!(1), &json!(1)));
    fine(call(&bob, "POST", &at("/read"), Value::Null).await);
    assert_eq!(get(&bob, "/groups").await["data"][0]["unreadCount"], 0);
    fine(call(&ann, "PATCH", &at(""), json!({"page": "about-dogs"})).await);
    for (query, total) in [("page=about-dogs", 1), ("page=cats", 0), ("page=1&limit=5", 1), ("pageNum=2", 1)]
    {
        assert_eq!(get(&bob, &format!("/groups?{query}")).await["total"], total, "{query}");
    }
    let muted = json!({"muted": true, "mutedUntil": "2026-01-01T00:01:00Z"});
    let member = fine(call(&ann, "PATCH", &at("/members/eve@example.com"), muted).await);
    assert_eq!((&member["muted"], &member["role"]), (&json!(true), &json!("member")));
    let word = json!({"content": "hi"});
    assert_eq!(refused(call(&eve, "POST", &at("/messages"), word.clone()).await), (403, "muted".into()));
    house.clock.advance(Duration::from_secs(61));
    fine(call(&eve, "POST", &at("/messages"), word.clone()).await);
    fine(call(&ann, "PATCH", &at("/members/bob@example.com"), json!({"role": "admin"})).await);
    fine(call(&bob, "DELETE", &at("/members/eve@example.com"), Value::Null).await);
    assert_eq!(refused(call(&eve, "POST", &at("/messages"), word).await), (403, "not_member".into()));
    assert_eq!(refused(call(&eve, "POST", &at("/join"), Value::Null).await), (403, "forbidden".into()));
    let added = fine(call(&bob, "POST", &at("/members"), json!({"email": "eve@example.com"})).await);
    assert_eq!(added["members"][0]["email"], "eve@example.com");
    let full = call(&bob, "POST", &at("/members"), json!({"members": [{"email": "ada@example.com"}]})).await;
    assert_eq!(refused(full), (409, "limit_reached".into()));
    fine(call(&eve, "POST", &at("/leave"), Value::Null).await);
    let page = get(&ann, &at("/messages?after=0&limit=1")).await;
    assert_eq!((&page["data"][0]["id"], &page["hasNext"]), (&said["id"], &json!(true)));
}

#[actix_web::test]
async fn staff_look_after_groups_that_they_are_not_in_and_read_reports() {
    let house = House::open().await;
    let [ann, eve] = people(&house, ["ann", "eve"]).await;
    let ada = house.owner();
    let id = group(&ann, json!({"name": "Dogs"})).await;
    let said = fine(call(&ann, "POST", &format!("/groups/{id}/messages"), json!({"content": "spam"})).await);
    assert_eq!(get(&ada, "/groups?which=all").await["data"][0]["id"], json!(id));
    assert_eq!(refused(call(&eve, "GET", "/groups?which=all", Value::Null).await), (400, "invalid".into()));
    let plain = house.somebody(ORG, Kind::User, "zoe", Role::User);
    assert_eq!(refused(call(&plain, "GET", &format!("/groups/{id}"), Value::Null).await).0, 404);
    let report =
        json!({"reportedId": said["id"], "reason": "spam", "details": "again", "context": {"groupId": id}});
    fine(call(&eve, "POST", "/reports", report.clone()).await);
    fine(call(&eve, "POST", "/reports", report).await);
    let find = json!({"query": {"data.reason": "spam"}});
    let (status, found) = ada.post("/repository/find/community_report", find.clone()).await;
    assert_eq!((status, &found["total"]), (200, &json!(1)), "the same report is kept once: {found}");
    assert_eq!(found["data"][0]["data"]["reporter"], "eve@example.com");
    let (status, _) = eve.post("/repository/find/community_report", find).await;
    assert_eq!(status, 403, "not for customers, though they wrote it");
    fine(call(&ada, "DELETE", &format!("/messages/{}", said["id"].as_str().unwrap()), Value::Null).await);
    fine(call(&ada, "PATCH", &format!("/groups/{id}"), json!({"status": "archived"})).await);
    let word = call(&ann, "POST", &format!("/groups/{id}/messages"), json!({"content": "more"})).await;
    assert_eq!(refused(word), (409, "group_archived".into()));
}

#[actix_web::test]
async fn whoever_is_blocked_is_listed_until_that_is_taken_back() {
    let house = House::open().await;
    let [ann, _bob] = people(&house, ["ann", "bob"]).await;
    let bob = house.somebody(ORG, Kind::Customer, "bob", Role::Customer);
    fine(call(&ann, "POST", "/blocks", json!({"email": "bob@example.com"})).await);
    assert_eq!(get(&ann, "/blocks").await["data"], json!([{"email": "bob@example.com", "role": "customer"}]));
    let word = json!({"to": "ann@example.com", "content": "hi"});
    assert_eq!(refused(call(&bob, "POST", "/messages", word.clone()).await), (403, "blocked".into()));
    fine(call(&ann, "DELETE", "/blocks/bob@example.com", Value::Null).await);
    fine(call(&bob, "POST", "/messages", word).await);
    assert_eq!(get(&ann, "/blocks").await["total"], 0);
}

#[actix_web::test]
async fn whom_a_message_is_for_finds_a_notification_of_it_and_no_other_customer_does() {
    let house = House::open().await;
    let [ann, bob, eve] = people(&house, ["ann", "bob", "eve"]).await;
    let ada = house.owner();
    let find = async |caller: &Caller<'_>, query: Value| {
        let (status, found) = caller.post("/repository/find/notification", json!({"query": query})).await;
        assert_eq!(status, 200, "{found}");
        found["data"].as_array().unwrap().clone()
    };
    for content in ["hi", "are you there?"] {
        fine(call(&ann, "POST", "/messages", json!({"to": "bob@example.com", "content": content})).await);
    }
    let unread = json!({"data.recipient": "bob@example.com", "data.read": false});
    let found = find(&bob, unread.clone()).await;
    let [record] = found.as_slice() else { panic!("{found:?}") };
    let data = &record["data"];
    assert_eq!((&data["body"], &data["count"]), (&json!("are you there?"), &json!(2)));
    assert_eq!((&data["type"], &data["from"]), (&json!("community_message"), &json!("ann@example.com")));
    let thread = get(&bob, &format!("/messages/thread/{}", data["peer"].as_str().unwrap())).await;
    assert_eq!(thread["data"][1]["id"], data["messageId"]);
    // Neither whoever wrote nor anybody else reads or changes what is for him, whichever way they ask.
    let id = record["sk"].as_str().unwrap();
    for other in [&ann, &eve] {
        assert_eq!(find(other, unread.clone()).await, Vec::<Value>::new());
        assert_eq!(find(other, json!({})).await, Vec::<Value>::new());
        let path = format!("/repository/get/notification/{id}");
        assert_eq!(other.call(Method::GET, &path, None).await.0, 404);
        let path = format!("/repository/update-partial/notification/{id}");
        assert_eq!(other.post(&path, json!({"data.read": true})).await.0, 403);
        let all = json!({"collection": "notification", "filter": {}});
        assert_eq!(other.post("/dynamic-query/count", all).await.1["count"], 0);
    }
    fine(call(&bob, "POST", "/messages/thread/ann@example.com/read", Value::Null).await);
    assert_eq!(find(&bob, unread.clone()).await, Vec::<Value>::new());
    fine(call(&ann, "POST", "/messages", json!({"to": "bob@example.com", "content": "now?"})).await);
    let found = find(&bob, unread.clone()).await;
    assert_eq!((&found[0]["sk"], &found[0]["data"]["count"]), (&record["sk"], &json!(1)));
    let path = format!("/repository/update-partial/notification/{id}");
    assert_eq!(bob.post(&path, json!({"data.read": true})).await.0, 403, "by reading what it tells of");
    // One of the staff is told too; a customer who has their address, and even the id of their record, is not.
    fine(call(&ann, "POST", "/messages", json!({"to": "agent:ada@example.com", "content": "help"})).await);
    assert_eq!(find(&ada, json!({"data.recipientRole": "agent"})).await.len(), 1);
    let twin = house.somebody(ORG, Kind::Customer, "ada", Role::Customer);
    assert_eq!(find(&twin, json!({})).await, Vec::<Value>::new());
}

#[actix_web::test]
async fn what_is_wrong_is_refused_by_name() {
    let house = House::open().await;
    let [ann] = people(&house, ["ann"]).await;
    let guest = house.somebody(ORG, Kind::Guest, "guest", Role::Guest);
    let id = group(&ann, json!({"name": "Dogs"})).await;
    let messages = format!("/groups/{id}/messages");
    for (method, path, body, status, code) in [
        ("POST", "/messages", json!({"to": "nobody@example.com", "content": "x"}), 404, "unknown_person"),
        ("POST", "/messages", json!({"to": "ann", "content": "x"}), 400, "bad_message"),
        ("POST", "/groups", json!({"name": " "}), 400, "bad_message"),
        ("POST", "/groups", json!({"name": "x", "maxMembers": 5_000}), 400, "bad_message"),
        ("POST", messages.as_str(), json!({"content": " "}), 400, "bad_message"),
        ("POST", messages.as_str(), json!({"content": "x".repeat(17_000)}), 400, "bad_message"),
        ("GET", "/groups?limit=0", Value::Null, 400, "invalid"),
        ("POST", "/reports", json!({"reportedId": "", "reason": "spam"}), 400, "invalid"),
        ("POST", "/messages/read", json!({"messageIds": []}), 400, "invalid"),
    ] {
        let answer = refused(call(&ann, method, path, body.clone()).await);
        assert_eq!(answer, (status, code.to_owned()), "{method} {path} {body}");
    }
    for (path, body) in
        [("/messages", json!({"to": "ann", "content": "x"})), ("/groups", json!({"name": "x"}))]
    {
        assert_eq!(refused(call(&guest, "POST", path, body).await), (403, "forbidden".into()), "{path}");
    }
    for (path, body) in [
        ("/messages", json!({"to": "ann", "content": "x", "bcc": "y"})),
        ("/groups", json!({"name": "x", "type": "secret"})),
        ("/reports", json!({"reportedId": "ann", "reason": "dislike"})),
    ] {
        let (status, answer) = call(&ann, "POST", path, body).await;
        assert_eq!(status, 400, "{answer}");
    }
    let key = json!({"name": "a key", "scopes": ["*"]});
    let key = house.owner().done("/api-key/create", key).await["data"]["key"].as_str().unwrap().to_owned();
    let headers = [("orgid", ORG), ("x-api-key", key.as_str())];
    let answer = house.visit(Method::GET, "/community/groups", &headers, Value::Null).await;
    assert_eq!(refused(answer), (403, "forbidden".into()), "a program has no part in it");
}
