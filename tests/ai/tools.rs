//! The server's own tools: used in the name and by the rights of whoever asks, by models and by name.

use serde_json::{Value, json};

use crate::provider::{Act, chat, chat_of};
use crate::reader::{Event, words};
use crate::streams::World;
use crate::support::ORG;
use crate::support::in_process::{Server, customer, owner};

fn execute(server: &Server, token: &str, tool: &str, args: &Value, status: u16) -> Value {
    let body = json!({"toolName": tool, "args": args});
    let answer = server.call_as(token, "POST", "/ai/mcp/execute").json(&body).send();
    assert_eq!(answer.status, status, "{tool} {args}: {answer:?}");
    answer.json()["result"].clone()
}

#[test]
fn tools_are_listed_and_used_by_ones_own_rights() {
    let server = Server::start();
    let (ada, eve) = (server.token(&owner(ORG)), server.token(&customer(ORG, "eve@example.com")));
    let listed = server.call_as(&ada, "GET", "/ai/mcp/tools").send().expect(200);
    let names: Vec<_> =
        listed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 8);
    assert_eq!(listed["tools"][0]["inputSchema"]["type"], "object");
    let made = json!({"datatype": "deal", "data": {"name": "Big one", "amount": 5}});
    let deal = execute(&server, &ada, "server.repository.create", &made, 200);
    let id = deal["sk"].as_str().unwrap();
    let change = json!({"datatype": "deal", "id": id, "data": {"amount": 6}});
    let changed = execute(&server, &ada, "server.repository.update", &change, 200);
    assert_eq!(changed["data"], json!({"name": "Big one", "amount": 6}));
    let find = json!({"datatype": "deal", "query": {"data.amount": 6}});
    assert_eq!(execute(&server, &ada, "server.repository.find", &find, 200)["total"], 1);
    // Somebody whom the organisation serves finds what is theirs, and changes nothing else.
    let theirs = execute(&server, &eve, "server.repository.find", &json!({"datatype": "deal"}), 200);
    assert_eq!(theirs["total"], 0);
    execute(&server, &eve, "server.repository.update", &change, 403);
    execute(&server, &eve, "server.repository.delete", &json!({"datatype": "deal", "id": id}), 403);
    let other = json!({"to": "ada@example.com", "message": "Hello"});
    execute(&server, &eve, "server.notification.send", &other, 400);
    assert_eq!(
        execute(&server, &eve, "server.notification.send", &json!({"message": "Hello"}), 200)["sent"],
        true
    );
    assert_eq!(
        execute(&server, &ada, "server.repository.delete", &json!({"datatype": "deal", "id": id}), 200)["deleted"],
        true
    );
    // Whose it is, is not for the arguments to say.
    execute(&server, &ada, "server.repository.find", &json!({"datatype": "deal", "orgId": "other"}), 400);
    execute(&server, &ada, "server.repository.find", &json!({}), 400);
    execute(&server, &ada, "server.nothing", &json!({}), 404);
}

#[test]
fn what_is_remembered_is_ones_own() {
    let server = Server::start();
    let (ada, eve) = (server.token(&owner(ORG)), server.token(&customer(ORG, "eve@example.com")));
    let key = json!({"key": "colour"});
    for value in [json!("green"), json!({"is": "blue"})] {
        execute(&server, &ada, "server.memory.store", &json!({"key": "colour", "value": value}), 200);
        assert_eq!(
            execute(&server, &ada, "server.memory.retrieve", &key, 200),
            json!({"found": true, "value": value})
        );
    }
    let nothing = json!({"found": false, "value": null});
    assert_eq!(execute(&server, &eve, "server.memory.retrieve", &key, 200), nothing);
    assert_eq!(execute(&server, &ada, "server.memory.delete", &key, 200)["deleted"], true);
    assert_eq!(execute(&server, &ada, "server.memory.delete", &key, 200)["deleted"], false);
    assert_eq!(execute(&server, &ada, "server.memory.retrieve", &key, 200), nothing);
    execute(&server, &ada, "server.memory.store", &json!({"key": "colour", "value": 1}), 200);
    assert_eq!(execute(&server, &ada, "server.memory.retrieve", &key, 200)["value"], 1);
}

#[test]
fn a_model_uses_those_that_the_request_names() {
    let world = World::new("openai", &[]);
    let call = |id: &str, name: &str, arguments: &str| {
        let function = json!({"name": name, "arguments": arguments});
        let calls = json!([{"index": 0, "id": id, "type": "function", "function": function}]);
        chat(&json!({"tool_calls": calls}), None)
    };
    let store = call("call_1", "server__memory__store", r#"{"key":"colour","value":"green"}"#);
    world.provider.will(Act::Says(vec![store, chat(&json!({}), Some("tool_calls"))]));
    let wrong = call("call_2", "server__memory__store", r#"{"value":"green"}"#);
    world.provider.will(Act::Says(vec![wrong, chat(&json!({}), Some("tool_calls"))]));
    world.provider.will(Act::Says(chat_of(&["I know."])));
    let body =
        json!({"message": "My colour is green", "availableTools": ["server.memory.*"], "memoryTtl": 60});
    let id = world.ask(&body);
    let events = world.read(&id, "", None).rest();
    assert_eq!(words(&events), "I know.[stop]");
    let of = |kind: &str| {
        let events = events.iter().map(Event::json);
        events.filter(|event| event["type"] == kind).collect::<Vec<_>>()
    };
    let (used, results) = (of("tool_use"), of("tool_result"));
    assert_eq!((&used[0]["name"], &used[0]["client"]), (&json!("server.memory.store"), &json!(false)));
    assert_eq!((&results[0]["output"], &results[0]["isError"]), (&json!({"stored": true}), &json!(false)));
    // What is wrong is said to the model, in words.
    assert_eq!(results[1]["isError"], true);
    assert!(results[1]["output"].as_str().unwrap().contains("key"), "{}", results[1]);
    let asked = world.provider.asked();
    let names: Vec<_> = asked[0].body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].clone())
        .collect();
    assert_eq!(names, ["server__memory__store", "server__memory__retrieve", "server__memory__delete"]);
    let found =
        execute(&world.server, &world.token, "server.memory.retrieve", &json!({"key": "colour"}), 200);
    assert_eq!(found["value"], "green");
    let find = json!({"datatype": "ai_memory"});
    let kept = execute(&world.server, &world.token, "server.repository.find", &find, 200);
    assert!(kept["data"][0]["data"]["expiresAt"].is_string(), "{kept}");
}
