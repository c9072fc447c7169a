//! The API document's examples are taken by the server that it is about.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "repository/house.rs"]
#[allow(dead_code, reason = "those who look at records use the rest")]
mod house;

use std::collections::BTreeSet;

use appengine::http::openapi::document;
use house::{House, ORG};
use reqwest::Method;
use serde_json::{Value, json};

/// An operation that takes a body, and the examples of it.
struct Operation {
    method: Method,
    path: String,
    examples: Vec<Value>,
}

fn operations() -> Vec<Operation> {
    let document = json!(document());
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str() else { continue };
            let examples = document.pointer(&format!("{}/examples", name.trim_start_matches('#')));
            let examples = examples.and_then(Value::as_array).cloned().unwrap_or_default();
            let method = method.to_uppercase().parse().unwrap();
            found.push(Operation { method, path: path.clone(), examples });
        }
    }
    found
}

#[test]
fn bodies_that_a_reader_would_have_to_guess_have_examples() {
    let operations = operations();
    let told = operations.iter().filter(|operation| !operation.examples.is_empty());
    let told: BTreeSet<&str> = told.map(|operation| operation.path.as_str()).collect();
    for path in [
        "/ai/assistants",
        "/ai/assistants/{id}",
        "/api-key/create",
        "/automation",
        "/automation/flows/create",
        "/automation/{id}/execute",
        "/chat/sessions/delete",
        "/dynamic-query/aggregate",
        "/dynamic-query/bulkWrite",
        "/dynamic-query/find",
        "/dynamic-query/insertMany",
        "/dynamic-query/updateMany",
        "/events",
        "/events/batch",
        "/profile/customer/signin",
        "/profile/customer/signup",
        "/profile/user/signin",
        "/profile/user/signup",
        "/repository/aggregate/{datatype}",
        "/repository/create",
        "/repository/create/{datatype}",
        "/repository/find/{datatype}",
        "/repository/update-partial/{datatype}/{id}",
        "/repository/update/{datatype}/{id}",
        "/webhooks/endpoints",
        "/webhooks/endpoints/{id}/recover",
        "/webhooks/replays",
        "/schedules",
        "/schedules/preview",
        "/schedules/{id}",
        "/webhooks/event-types/{name}",
    ] {
        assert!(told.contains(path), "{path}");
    }
}

#[actix_web::test]
async fn every_example_is_taken() {
    let house = House::open().await;
    let ada = house.owner();
    let pause = json!([{"type": "delay", "config": {"duration": 1, "unit": "days"}}]);
    let flow = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": pause});
    let flow = ada.done("/automation/flows/create", flow).await["id"].as_str().unwrap().to_owned();
    ada.create("order", "order-1", json!({"number": "1042"})).await;
    let hook = json!({"url": "https://receiver.example/hook", "status": "paused"});
    let hook = ada.done("/webhooks/endpoints", hook).await["id"].as_str().unwrap().to_owned();
    let schedule = json!({"name": "s", "every": "1d", "action": {"type": "event", "event": "day.over"}});
    let schedule = ada.done("/schedules", schedule).await["id"].as_str().unwrap().to_owned();
    let said = ada.done("/chat/live/team/ada", json!({"content": "hello"})).await["messageId"].clone();
    let secret = json!({"type": "stripe", "credentials": {"webhookSecret": "whsec_a"}});
    let integration = ada.done("/upstream/save-integration", secret).await["id"].as_str().unwrap().to_owned();
    let assistant = ada.done("/ai/assistants", json!({"name": "a"})).await["sk"].as_str().unwrap().to_owned();
    let stream =
        ada.done("/ai/chat", json!({"message": "hello"})).await["streamId"].as_str().unwrap().to_owned();
    // Sign-in before sign-up is nobody's, and only the first to sign up gets the address.
    let fine = |status: u16| (200..300).contains(&status) || matches!(status, 401 | 409);
    for Operation { method, path, examples } in operations() {
        let id = match path.split('/').nth(1) {
            Some("automation") => flow.as_str(),
            Some("schedules") => schedule.as_str(),
            Some("webhooks") => hook.as_str(),
            Some("upstream") => integration.as_str(),
            Some("ai") => assistant.as_str(),
            _ => "order-1",
        };
        let path = path.replace("/event-types/{name}", "/event-types/order.packed");
        let target = path.replace("{datatype}", "order").replace("{id}", id).replace("{id_or_datatype}", id);
        let target = target
            .replace("{integration}", &integration)
            .replace("{name}", "notification")
            .replace("{email}", "ada@example.com");
        let target = target
            .replace("{streamId}", &stream)
            .replace("{chatId}", "team")
            .replace("{userId}", "ada@example.com");
        for mut example in examples {
            if target == "/chat/update/team" {
                example["messageId"] = said.clone();
            }
            let header = Some(("orgid", ORG));
            let (status, _, answer) = ada.send(method.clone(), &target, header, Some(example.clone())).await;
            assert!(fine(status), "{method} {target} {example}: {status} {answer}");
        }
    }
    assert_eq!(ada.get("/health").await.0, 200);
}
