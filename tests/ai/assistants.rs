//! Assistants: made, changed, found by name, asked by those who may; and what was used of models.

use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::provider::{Act, chat_of};
use crate::streams::World;
use crate::support::ORG;
use crate::support::in_process::{Server, customer, owner, staff};

#[test]
fn assistants_are_made_changed_and_deleted() {
    let server = Server::start();
    let ada = server.token(&owner(ORG));
    let call = |method: &str, path: &str, body: Value, status: u16| {
        server.call_as(&ada, method, path).json(&body).send().expect(status)
    };
    let made =
        call("POST", "/ai/assistants", json!({"name": "helper", "title": "Help desk", "voice": "sage"}), 201);
    let path = format!("/ai/assistants/{}", made["sk"].as_str().unwrap());
    assert_eq!(made["data"]["voice"], "sage", "what the server does not act on is kept");
    let wrong = call("POST", "/ai/assistants", json!({"title": 1, "tools": [{}], "visibility": "all"}), 400);
    assert_eq!(wrong["problems"].as_array().unwrap().len(), 4, "{wrong}");
    let record = json!({"datatype": "ai_assistant", "isNew": true, "data": {"name": "x", "status": "on"}});
    call("PUT", "/repository/create", record, 400);
    let changed = call("PATCH", &path, json!({"title": null, "tools": ["server.memory.*"]}), 200);
    assert_eq!(changed["data"], json!({"name": "helper", "voice": "sage", "tools": ["server.memory.*"]}));
    call("PATCH", &path, json!({"name": null}), 400);
    let replaced = call("PUT", &path, json!({"name": "clerk"}), 200);
    assert_eq!(replaced["data"], json!({"name": "clerk"}));
    let get = |path: &str, status: u16| server.call_as(&ada, "GET", path).send().expect(status);
    assert_eq!(get(&path, 200)["data"], json!({"name": "clerk"}));
    assert_eq!(get("/ai/assistants?pageSize=1", 200)["data"][0]["data"]["name"], "clerk");
    server.call_as(&ada, "DELETE", &path).send().expect(200);
    get(&path, 404);
    assert_eq!(get("/ai/assistants", 200)["total"], 0);
    let eve = server.token(&customer(ORG, "eve@example.com"));
    for (method, path) in
        [("GET", "/ai/assistants"), ("POST", "/ai/assistants"), ("GET", &*path), ("DELETE", &*path)]
    {
        assert_eq!(
            server.call_as(&eve, method, path).json(&json!({"name": "x"})).send().status,
            403,
            "{method} {path}"
        );
    }
}

#[test]
fn an_assistant_is_asked_by_those_whom_it_is_for() {
    let world = World::new("openai", &[]);
    let bob = world.server.token(&staff(ORG, "bob@example.com", Role::User));
    let eve = world.server.token(&customer(ORG, "eve@example.com"));
    let make = |name: &str, more: Value| {
        let mut body = json!({"name": name, "description": format!("You are {name}.")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.client.post("/ai/assistants", &body, 201);
    };
    make("open", json!({}));
    make("inner", json!({"visibility": "organization"}));
    make("mine", json!({"visibility": "owner"}));
    make("ours", json!({"visibility": "owner", "collaborators": [{"email": "Bob@example.com"}]}));
    let asks = |token: &str, name: &str| {
        world.provider.will(Act::Says(chat_of(&["Hello"])));
        let body = json!({"agentId": name, "message": "Hello"});
        world.server.call_as(token, "POST", "/ai/chat").json(&body).send().status
    };
    for (name, [ada, of_bob, of_eve]) in [
        ("open", [200, 200, 200]),
        ("inner", [200, 200, 404]),
        ("mine", [200, 404, 404]),
        ("ours", [200, 200, 404]),
    ] {
        assert_eq!(
            [asks(&world.token, name), asks(&bob, name), asks(&eve, name)],
            [ada, of_bob, of_eve],
            "{name}"
        );
    }
}

#[test]
fn what_was_said_in_a_chat_is_known_where_the_conversation_is_called_so() {
    let world = World::new("openai", &[]);
    let say = json!({"from": "eve@example.com", "content": "My parcel is in Bremen."});
    world.client.post("/chat/save/customer::eve@example.com", &say, 201);
    let ask = |token: &str, conversation: &str| {
        world.provider.will(Act::Says(chat_of(&["Yes"])));
        let body = json!({"conversationId": conversation, "message": "Where is it?"});
        let asked = world.server.call_as(token, "POST", "/ai/chat").json(&body).send();
        assert_eq!(asked.status, 200, "{asked:?}");
        world.provider.asked().last().unwrap().body["messages"].clone()
    };
    let told = |messages: &Value| messages.to_string().contains("Bremen");
    assert!(told(&ask(&world.token, "customer::eve@example.com")));
    let eve = world.server.token(&customer(ORG, "eve@example.com"));
    assert!(told(&ask(&eve, "customer::eve@example.com")), "it is theirs");
    let gus = world.server.token(&customer(ORG, "gus@example.com"));
    assert!(!told(&ask(&gus, "customer::eve@example.com")), "it is not");
    assert!(!told(&ask(&world.token, "another")));
}

#[test]
fn what_was_used_is_told_by_day_and_model() {
    let world = World::new("openai", &[]);
    for status in [200, 200, 502] {
        world.provider.will(match status {
            200 => Act::Says(chat_of(&["Hello"])),
            _ => Act::Refuses(401, "", "{}".to_owned()),
        });
        world.client.post("/ai/chat", &json!({"message": "Hello"}), status);
    }
    let usage = world.client.get("/ai/usage", 200).json();
    assert_eq!(usage["sum"], json!({"runs": 3, "failed": 1, "inputTokens": 22, "outputTokens": 14}));
    let row = usage["data"].as_array().unwrap().iter().find(|row| row["model"] == "gpt-x-2026").unwrap();
    assert_eq!((&row["runs"], &row["outputTokens"], &row["date"]), (&json!(2), &json!(14), &usage["to"]));
    world.client.get("/ai/usage?from=2026-02-30", 400);
    let told = |query: &str| world.client.get(&format!("/ai/usage?{query}"), 200).json();
    assert_eq!(told("from=2026-02-02&to=2026-02-01")["total"], 0);
    let years = told("from=2020-02-02&to=2026-02-01");
    assert_eq!((&years["from"], &years["to"]), (&json!("2025-02-01"), &json!("2026-02-01")));
    assert_eq!(told("from=2020-02-02&to=2020-02-03")["total"], 0);
}
