//! Flows at both of their spellings, their runs, and what lists tell of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Caller, House, ORG};
use crate::kit::{ended, flow, got, hook, saved};
use appengine::auth::principal::Kind;
use appengine::auth::role::Role;

fn note() -> Value {
    flow(json!([{"type": "create_data", "config": {"datatype": "note", "data": {"text": "{{text}}"}}}]))
}

async fn call(caller: &Caller<'_>, method: Method, path: &str, body: Option<Value>) -> Value {
    let (status, answer) = caller.call(method.clone(), path, body.map(|body| body.to_string())).await;
    assert!(matches!(status, 200 | 201), "{method} {path}: {status} {answer}");
    answer
}

#[actix_web::test]
async fn both_spellings_of_a_flow_do_the_same() {
    let house = House::open().await;
    let ada = house.owner();
    for base in ["/automation", "/automation/flows"] {
        let id = saved(&ada, note()).await;
        let at = |tail: &str| format!("{base}/{id}{tail}");
        let mut body = note();
        body["name"] = "second".into();
        assert_eq!(call(&ada, Method::PUT, &at(""), Some(body)).await["data"]["name"], "second");
        let patch = json!({"description": "third", "settings": {"circularPrevention": {"maxDepth": 2}}});
        let patched = call(&ada, Method::PATCH, &at(""), Some(patch)).await["data"].clone();
        assert_eq!((&patched["name"], &patched["description"]), (&json!("second"), &json!("third")));
        assert_eq!(patched["settings"]["circularPrevention"], json!({"enabled": true, "maxDepth": 2}));
        let patched = call(&ada, Method::PATCH, &at(""), Some(json!({"description": null}))).await;
        assert_eq!(patched["data"].get("description"), None);
        for wrong in ["null", "[]", "1"] {
            assert_eq!(ada.call(Method::PATCH, &at(""), Some(wrong.into())).await.0, 400, "{wrong}");
        }
        assert_eq!(call(&ada, Method::POST, &at("/deactivate"), None).await["data"]["status"], "inactive");
        assert_eq!(call(&ada, Method::POST, &at("/activate"), None).await["data"]["status"], "active");
        assert_eq!(call(&ada, Method::POST, &at("/execute"), None).await["success"], true);
        let copy = call(&ada, Method::POST, &at("/duplicate"), None).await;
        assert_eq!(
            (&copy["data"]["name"], &copy["data"]["status"]),
            (&json!("second (copy)"), &json!("draft"))
        );
        assert_eq!(copy["data"]["steps"], patched["data"]["steps"]);
        let versions = got(&ada, &at("/versions?pageSize=2")).await;
        assert_eq!((&versions["total"], &versions["hasNext"]), (&json!(6), &json!(true)));
        assert_eq!(versions["data"][1]["data"]["status"], "inactive");
        let numbers: Vec<&Value> =
            versions["data"].as_array().unwrap().iter().map(|v| &v["version"]).collect();
        assert_eq!(numbers, [5, 4]);
        assert_eq!(call(&ada, Method::DELETE, &at(""), None).await["data"]["status"], "archived");
    }
}

#[actix_web::test]
async fn a_patch_of_actions_stands_for_all_steps() {
    let house = House::open().await;
    let ada = house.owner();
    let id = saved(&ada, note()).await;
    let actions = json!([{"type": "delay", "config": {"duration": 1}}]);
    let path = format!("/automation/{id}");
    let patched = call(&ada, Method::PATCH, &path, Some(json!({"actions": actions}))).await;
    assert_eq!(patched["data"]["steps"].as_array().unwrap().len(), 1);
    assert_eq!(patched["data"]["steps"][0]["config"]["actionType"], "delay");
    assert_eq!(patched["data"]["triggers"][0]["config"]["event"], "order.paid");
    let bob = house.somebody(ORG, Kind::User, "bob", Role::PowerUser);
    let actions = json!([{"type": "create_data", "config": {"datatype": "setting", "data": {}}}]);
    let body = Some(json!({"actions": actions}).to_string());
    assert_eq!(bob.call(Method::PATCH, &path, body).await.0, 403);
}

#[actix_web::test]
async fn an_execution_id_stands_for_one_run() {
    let house = House::open().await;
    let ada = house.owner();
    let (id, other) = (saved(&ada, note()).await, saved(&ada, note()).await);
    let body = json!({"executionId": "e-1", "variables": {"text": "a"}});
    let first = ada.done(&format!("/automation/{id}/execute"), body.clone()).await;
    assert_eq!(ada.done(&format!("/automation/flows/{id}/execute"), body.clone()).await, first);
    assert_eq!(ada.ids("/repository/find/note", json!({})).await.len(), 1);
    for (flow, text) in [(&id, "b"), (&other, "a")] {
        let body = json!({"executionId": "e-1", "variables": {"text": text}});
        let (status, answer) = ada.post(&format!("/automation/{flow}/execute"), body).await;
        assert_eq!((status, &answer["code"]), (409, &json!("idempotency_key_reused")), "{answer}");
    }
    assert_eq!(ada.post(&format!("/automation/{id}/execute"), json!({"executionId": ""})).await.0, 400);
}

#[actix_web::test]
async fn runs_and_deliveries_are_listed_page_by_page_and_by_what_they_are() {
    let house = House::open().await;
    let ada = house.owner();
    let id = saved(&ada, note()).await;
    for _ in 0..5 {
        ada.done(&format!("/automation/{id}/execute"), json!({})).await;
    }
    let page = got(&ada, "/automation/executions?page=2&pageSize=2").await;
    assert_eq!((&page["total"], &page["page"], &page["hasNext"]), (&json!(5), &json!(2), &json!(true)));
    let last = got(&ada, &format!("/automation/executions?page=3&pageSize=2&automationId={id}")).await;
    assert_eq!((last["data"].as_array().unwrap().len(), &last["hasNext"]), (1, &json!(false)));
    let early = got(&ada, "/automation/executions?to=1999-01-01T00:00:00Z").await;
    assert_eq!((&early["total"], &early["data"]), (&json!(0), &json!([])));
    let late = got(&ada, "/automation/executions?from=1999-01-01T00:00:00Z&status=completed").await;
    assert_eq!(late["total"], 5);
    for wrong in ["page=0", "pageSize=501", "from=yesterday"] {
        assert_eq!(ada.get(&format!("/automation/executions?{wrong}")).await.0, 400, "{wrong}");
    }

    saved(&ada, hook("contact.created")).await;
    for sk in ["c-1", "c-2"] {
        ada.create("contact", sk, json!({})).await;
    }
    ended(&ada, "/automation/executions?status=completed&pageSize=7", 7).await;
    let all = got(&ada, "/webhooks/deliveries").await;
    let event = all["data"][1]["eventId"].as_str().unwrap();
    let of_event = got(&ada, &format!("/webhooks/deliveries?eventId={event}")).await;
    assert_eq!((&of_event["total"], &of_event["data"][0]["id"]), (&json!(1), &all["data"][1]["id"]));
    let second = got(&ada, "/webhooks/deliveries?page=2&pageSize=1").await;
    assert_eq!((&second["data"][0]["id"], &second["hasNext"]), (&all["data"][1]["id"], &json!(false)));
    assert_eq!(got(&ada, "/webhooks/deliveries?endpointId=ep_01ARZ3NDEKTSV4RRFFQ69G5FAV").await["total"], 0);
    assert_eq!(
        got(&ada, "/webhooks/deliveries?from=1999-01-01T00:00:00Z&event=contact.created").await["total"],
        2
    );
    assert_eq!(got(&ada, "/webhooks/deliveries?to=1999-01-01T00:00:00Z").await["total"], 0);
}

#[actix_web::test]
async fn runs_are_records_that_can_be_found() {
    let house = House::open().await;
    let ada = house.owner();
    let good = saved(&ada, note()).await;
    let bad = flow(json!([{"type": "delete_data", "config": {"datatype": "note", "recordId": "{{none}}"}}]));
    let bad = saved(&ada, bad).await;
    for id in [&good, &good, &bad] {
        ada.done(&format!("/automation/{id}/execute"), json!({"variables": {"text": "x"}})).await;
    }
    let find = "/repository/find/automation_execution";
    let all = ada.done(find, json!({})).await;
    assert_eq!((&all["total"], &all["datatype"]), (&json!(3), &json!("automation_execution")));
    for (query, total) in [
        (json!({"automationId": good}), 2),
        (json!({"data.automationId": bad, "data.status": "failed"}), 1),
        (json!({"status": {"$in": ["completed"]}, "data.context.text": "x"}), 2),
        (json!({"steps.stepId": "step-1", "errors": {"$size": 1}}), 1),
        (json!({"data.startedAt": {"$lt": "1999-01-01T00:00:00Z"}}), 0),
    ] {
        assert_eq!(ada.done(find, json!({"query": query})).await["total"], total, "{query}");
    }
    let options = json!({"sort": {"data.createdAt": 1}, "pageSize": 2, "page": 2});
    let page = ada.done(find, json!({"options": options})).await;
    let run = &page["data"][0]["data"];
    assert_eq!((page["data"].as_array().unwrap().len(), &page["hasNext"]), (1, &json!(false)));
    assert!(
        run["id"].as_str().unwrap().starts_with("run_") && run["steps"][0]["status"].is_string(),
        "{run}"
    );
    let logs = ada.done("/repository/find/automation_log", json!({"query": {"stepId": "step-1"}})).await;
    assert_eq!(logs["total"], 3);
    let failed = json!({"query": {"eventType": "step.failed", "automationId": bad}});
    assert_eq!(ada.done("/repository/find/automation_log", failed).await["total"], 1);
    let customer = house.somebody(ORG, Kind::Customer, "eve", Role::Customer);
    assert_eq!(customer.post(find, json!({})).await.0, 403);
    assert_eq!(ada.post(find, json!({"query": {"$foo": 1}})).await.0, 400);
}
