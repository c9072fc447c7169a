//! One stream, from many sides.

use serde_json::{Value, json};

use crate::provider::{Act, Provider, chat, chat_of};
use crate::reader::{Event, Stream, assert_numbered, words};
use crate::support::ORG;
use crate::support::client::Client;
use crate::support::in_process::{Server, customer, owner};

/// A server whose organisation has connected a provider.
pub struct World {
    pub server: Server,
    pub client: Client,
    pub provider: Provider,
    pub token: String,
}

impl World {
    pub fn new(vendor: &str, settings: &[(&str, &str)]) -> Self {
        let provider = Provider::open();
        let networks = [("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8")];
        let settings: Vec<_> = networks.iter().chain(settings).copied().collect();
        let server = Server::with(&settings);
        let token = server.token(&owner(ORG));
        let client = Client::signed(&format!("http://{}", server.address), ORG, &token);
        client.post("/upstream/save-integration", &integration(vendor, &provider), 200);
        Self { server, client, provider, token }
    }

    pub fn address(&self) -> String {
        self.server.address.to_string()
    }

    /// Asks for an answer; its stream.
    pub fn ask(&self, body: &Value) -> String {
        let begun = self.client.post("/ai/agent/stream", body, 202).json();
        begun["streamId"].as_str().unwrap().to_owned()
    }

    pub fn read(&self, id: &str, query: &str, last: Option<u64>) -> Stream {
        Stream::open(&self.address(), &format!("/ai/stream/{id}{query}"), &self.token, last)
    }
}

pub fn integration(vendor: &str, provider: &Provider) -> Value {
    json!({
        "type": vendor, "credentials": {"apiKey": "sk-secret-0123456789"},
        "settings": {"baseUrl": provider.url(), "model": "model-x"},
    })
}

#[test]
fn the_tokens_come_as_the_provider_says_them() {
    let world = World::new("openai", &[]);
    let says = world.provider.will_wait();
    let id = world.ask(&json!({"agentId": "...", "message": "Hello"}));
    let mut stream = world.read(&id, "", None);
    assert_eq!(stream.status, 200);
    assert!(stream.head.to_lowercase().contains("content-type: text/event-stream\r\n"), "{}", stream.head);
    says.send(chat(&json!({"role": "assistant", "content": "Hel"}), None)).unwrap();
    let first = stream.next().unwrap().json();
    assert_eq!(
        (&first["type"], &first["event"], &first["model"]),
        (&json!("start"), &json!("start"), &json!("gpt-x-2026"))
    );
    assert_eq!(stream.next().unwrap().json()["data"], "Hel");
    // A second reader, who came later, has the same from the beginning.
    let mut late = world.read(&id, "", None);
    says.send(chat(&json!({"content": "lo"}), None)).unwrap();
    assert_eq!(stream.next().unwrap().json()["data"], "lo");
    says.send(chat(&json!({}), Some("stop"))).unwrap();
    drop(says);
    let rest = stream.rest();
    let late = late.rest();
    assert_numbered(&late, 0);
    assert_eq!(words(&late), "Hello[stop]");
    assert_eq!(late[3..], rest);
    let asked = world.provider.asked();
    assert_eq!((asked[0].path.as_str(), &asked[0].body["model"]), ("/chat/completions", &json!("model-x")));
    assert_eq!(asked[0].header("authorization"), Some("Bearer sk-secret-0123456789"));
}

#[test]
fn a_reader_who_was_cut_off_goes_on_at_every_place_in_every_way_of_speaking() {
    let world = World::new("openai", &[]);
    let pieces: Vec<String> = (0..20).map(|n| format!("word {n} ")).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    world.provider.will(Act::Says(chat_of(&pieces)));
    let id = world.ask(&json!({"message": "Hello"}));
    let whole = world.read(&id, "", None).rest();
    assert_numbered(&whole, 0);
    let last = whole.len() as u64;
    for place in 0..last {
        for at in [Some(place), None] {
            let query = if at.is_none() { format!("?lastEventId={place}") } else { String::new() };
            let rest = world.read(&id, &query, at).rest();
            assert_eq!(rest, whole[usize::try_from(place).unwrap()..], "behind {place}");
        }
    }
    for format in ["ui", "openai"] {
        let whole = world.read(&id, &format!("?format={format}"), None).rest();
        assert_eq!(whole.last().unwrap().data, "[DONE]", "{format}");
        let ids: Vec<usize> = (0..whole.len()).filter(|at| whole[*at].id.is_some()).collect();
        for at in ids {
            let last_id = whole[at].id;
            if last_id == Some(last) {
                continue;
            }
            let rest = world.read(&id, &format!("?format={format}"), last_id).rest();
            // The place is said once more, before anything else.
            assert_eq!(rest[0].id.or(last_id), whole[at + 1].id.or(last_id), "{format} behind {last_id:?}");
            let data = |events: &[Event]| events.iter().map(|event| event.data.clone()).collect::<Vec<_>>();
            assert_eq!(data(&rest), data(&whole[at + 1..]), "{format} behind {last_id:?}");
        }
    }
    // Behind the end a browser is told to come no more.
    assert_eq!(world.read(&id, "", Some(last)).status, 204);
    assert_eq!(world.read(&id, "?format=xml", None).status, 400);
    assert_eq!(world.read(&id, "?lastEventId=x", None).status, 400);
}

#[test]
fn whoever_leaves_cancels_nothing_and_whoever_stops_keeps_what_was_said() {
    let world = World::new("openai", &[]);
    let says = world.provider.will_wait();
    let id = world.ask(&json!({"message": "Hello", "conversationId": "c1"}));
    says.send(chat(&json!({"content": "Half"}), None)).unwrap();
    let mut stream = world.read(&id, "", None);
    stream.next();
    assert_eq!(stream.next().unwrap().json()["data"], "Half");
    drop(stream);
    let busy = world
        .client
        .post("/ai/agent/stream", &json!({"message": "Again", "conversationId": "c1"}), 409)
        .json();
    assert_eq!(busy["code"], "answer_under_way");
    assert_eq!(busy["problems"][0]["message"], format!("/ai/stream/{id}"));
    let stopped = world.client.post(&format!("/ai/stream/{id}/stop"), &json!({}), 200).json();
    assert_eq!((&stopped["status"], &stopped["finishReason"]), (&json!("stopped"), &json!("stopped")));
    assert_eq!(words(&world.read(&id, "", None).rest()), "Half[stopped]");
    let thread = world.client.get("/ai/thread/c1", 200).json();
    assert_eq!((&thread["data"][0]["answer"], &thread["streamId"]), (&json!("Half"), &Value::Null));
}

#[test]
fn a_conversation_is_remembered_and_the_same_request_is_begun_once() {
    let world = World::new("openai", &[]);
    for word in ["one", "two"] {
        world.provider.will(Act::Says(chat_of(&[word])));
        let body = json!({"task": format!("Say {word}"), "conversationId": "c1", "agentRole": "chat"});
        let answer = world.client.post("/ai/agent/chat", &body, 200).json();
        assert_eq!((&answer["content"], &answer["usage"]["outputTokens"]), (&json!(word), &json!(7)));
    }
    let messages = world.provider.asked()[1].body["messages"].clone();
    let said: Vec<_> =
        messages.as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["Say one", "one", "Say two"]);
    // A customer's conversation of that name is another one.
    let eve = world.server.token(&customer(ORG, "eve@example.com"));
    let thread = world.server.call_as(&eve, "GET", "/ai/thread/c1").send().expect(200);
    assert_eq!(thread["total"], 0);
    world.provider.will(Act::Says(chat_of(&["three"])));
    let begin = |words: &str| {
        let call =
            world.server.call_as(&world.token, "POST", "/ai/agent/stream").header("idempotency-key", "k1");
        call.json(&json!({"message": words})).send()
    };
    let first = begin("Once").expect(202);
    assert_eq!(begin("Once").expect(202)["streamId"], first["streamId"]);
    let other = begin("Twice");
    assert_eq!((other.status, other.problem()["code"].as_str()), (409, Some("idempotency_key_reused")));
    world.read(first["streamId"].as_str().unwrap(), "", None).rest();
    assert_eq!(world.provider.asked().len(), 3);
}

#[test]
fn a_client_uses_its_own_tools_while_the_run_waits() {
    let world = World::new("openai", &[]);
    let call = json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "locate", "arguments": "{\"of\":\"me\"}"}}]});
    world.provider.will(Act::Says(vec![chat(&call, None), chat(&json!({}), Some("tool_calls"))]));
    world.provider.will(Act::Says(chat_of(&["You are here."])));
    let tool =
        json!({"name": "locate", "description": "Where somebody is", "inputSchema": {"type": "object"}});
    let id = world.ask(&json!({"message": "Where am I?", "clientMcpTools": [tool]}));
    let mut stream = world.read(&id, "", None);
    stream.next();
    let used = stream.next().unwrap().json();
    assert_eq!(
        (&used["type"], &used["name"], &used["input"], &used["client"]),
        (&json!("tool_use"), &json!("locate"), &json!({"of": "me"}), &json!(true))
    );
    let post = |results: Value, status| {
        world
            .client
            .post(&format!("/ai/stream/{id}/tool-results"), &json!({"results": results}), status)
            .json()
    };
    assert_eq!(post(json!([{"id": "call_2", "output": 1}]), 409)["code"], "result_unasked");
    assert_eq!(post(json!([]), 400)["code"], "invalid");
    post(json!([{"id": "call_1", "output": {"place": "here"}}]), 202);
    assert_eq!(words(&stream.rest()), "You are here.[stop]");
    assert_eq!(post(json!([{"id": "call_1", "output": 1}]), 409)["code"], "stream_over");
    let told = world.provider.asked()[1].body["messages"].to_string();
    assert!(told.contains("call_1") && told.contains("here"), "{told}");
}

#[test]
fn a_stream_that_can_no_longer_be_read_is_gone() {
    let world = World::new("openai", &[]);
    let of_1970 = "str_00000000000000000000000000";
    let gone = world.client.get(&format!("/ai/stream/{of_1970}"), 410).json();
    assert_eq!(gone["code"], "stream_expired");
}
