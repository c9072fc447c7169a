//! Who may have a flow do what, and who sees what came of an event.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::house::{Caller, House, ORG};
use crate::kit::{ended, flow, got, hook, saved};

#[actix_web::test]
async fn a_flow_may_write_what_its_author_may() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::User));
    for (datatype, status) in [("setting", 403), ("app", 403), ("task", 201)] {
        let act = json!({"type": "create_data", "config": {"datatype": datatype, "data": {}}});
        let body = flow(json!([act]));
        let (found, answer) = bob.post("/automation/flows/create", body).await;
        assert_eq!(found, status, "{datatype}: {answer}");
        if status == 403 {
            assert_eq!(answer["problems"][0]["path"], "actions[0].config.datatype", "{answer}");
        }
    }
    // Rights come from who asks, whatever the body says.
    let mut body = flow(json!([{"type": "delete_data", "config": {"datatype": "task", "recordId": "t"}}]));
    body["author"] = json!({"kind": "user", "roles": ["Owner"]});
    assert_eq!(bob.post("/automation", body.clone()).await.0, 403);
    assert_eq!(ada.post("/automation", body).await.0, 201);
}

#[actix_web::test]
async fn the_signing_secret_is_told_to_those_who_may_read_it() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::User));
    let secret = got(&ada, "/webhooks/secret").await["secret"].clone();
    assert_eq!(ada.done("/automation", hook("order.paid")).await["webhookSecret"], secret);
    assert_eq!(bob.get("/webhooks/secret").await.0, 403);
    for path in ["/automation", "/automation/flows/create"] {
        assert_eq!(bob.done(path, hook("order.paid")).await.get("webhookSecret"), None, "{path}");
    }
}

/// What tells of the one contact's creation: the event, its trace, the run, the delivery.
async fn told(caller: &Caller<'_>) -> Vec<Value> {
    let event = got(caller, "/events?kind=contact.created").await["data"][0].clone();
    let id = event["id"].as_str().unwrap();
    let mut told = vec![got(caller, "/events?limit=500").await, event.clone()];
    for path in [format!("/events/{id}"), format!("/events/{id}/trace")] {
        told.push(got(caller, &path).await);
    }
    for (list, one) in [
        ("/automation/executions", "/automation/executions"),
        ("/webhooks/deliveries", "/webhooks/deliveries"),
    ] {
        let row = got(caller, list).await["data"][0].clone();
        told.push(got(caller, &format!("{one}/{}", row["id"].as_str().unwrap())).await);
        told.push(row);
    }
    told
}

#[actix_web::test]
async fn what_a_record_hides_no_event_tells() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::User));
    saved(&ada, hook("contact.created")).await;
    let body =
        json!({"sk": "c-77", "data": {"email": "grace@example.com"}, "requiredRole": {"read": ["Owner"]}});
    ada.done("/repository/create/contact", body).await;
    ended(&ada, "/automation/executions?status=completed", 1).await;
    for told in told(&ada).await {
        let text = told.to_string();
        assert!(!text.contains("hidden"), "{text}");
        assert!(text.contains("c-77") || text.contains("\"type\":\"event\""), "{text}");
    }
    let shown = told(&bob).await;
    for told in &shown {
        let text = told.to_string();
        assert!(
            text.contains("\"hidden\":true") && !text.contains("grace@") && !text.contains("c-77"),
            "{text}"
        );
    }
    // The list keeps its length and its order, and the trace its shape.
    let (mine, theirs) = (got(&ada, "/events?limit=500").await, &shown[0]);
    let ids =
        |page: &Value| page["data"].as_array().unwrap().iter().map(|e| e["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids(&mine), &mine["next"]), (ids(theirs), &theirs["next"]));
    let run = &shown[3]["children"][0];
    assert_eq!((&run["type"], &run["steps"][0]["status"]), (&json!("run"), &json!("completed")));
    assert!(run["children"].as_array().unwrap().iter().any(|child| child["type"] == "delivery"), "{run}");
}

#[actix_web::test]
async fn keys_are_made_known_to_those_who_may_see_them() {
    let house = House::open().await;
    let (ada, bob) = (house.owner(), house.somebody(ORG, Kind::User, "bob", Role::User));
    ada.done("/api-key/create", json!({"name": "k"})).await;
    let path = "/events?kind=apikey.created";
    assert!(got(&ada, path).await["data"][0]["data"].is_object());
    let hidden = got(&bob, path).await["data"][0].clone();
    assert_eq!((&hidden["hidden"], hidden.get("data")), (&json!(true), None), "{hidden}");
}

#[actix_web::test]
async fn header_values_are_for_those_who_run_the_organisation() {
    let house = House::open().await;
    let (ada, eve) = (house.owner(), house.somebody(ORG, Kind::User, "eve", Role::PowerUser));
    saved(&ada, hook("contact.created")).await;
    ada.create("contact", "c-78", json!({"email": "grace@example.com"})).await;
    ended(&ada, "/automation/executions?status=completed", 1).await;
    for index in [3, 4, 6] {
        let (all, some) = (told(&ada).await[index].to_string(), told(&eve).await[index].to_string());
        assert!(all.contains("hush-hush"), "{all}");
        assert!(!some.contains("hush-hush") && some.contains("••••••") && some.contains("c-78"), "{some}");
    }
}
