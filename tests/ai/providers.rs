//! Providers, in good and in bad health.

use serde_json::json;

use crate::provider::{Act, chat, chat_of, messages_of};
use crate::reader::words;
use crate::streams::World;

#[test]
fn each_protocol_is_spoken() {
    for (vendor, pieces, path, key) in [
        ("openai", chat_of(&["Hel", "lo"]), "/chat/completions", "authorization"),
        ("anthropic", messages_of(&["Hel", "lo"]), "/v1/messages", "x-api-key"),
    ] {
        let world = World::new(vendor, &[]);
        // As slow as it gets: every byte by itself.
        let bytes: Vec<Vec<u8>> = pieces.concat().into_iter().map(|byte| vec![byte]).collect();
        world.provider.will(Act::Says(bytes));
        let answer = world.client.post("/ai/chat", &json!({"message": "Hello"}), 200).json();
        assert_eq!(
            (&answer["content"], &answer["usage"]["inputTokens"], &answer["usage"]["outputTokens"]),
            (&json!("Hello"), &json!(11), &json!(7)),
            "{vendor}: {answer}"
        );
        let asked = world.provider.asked();
        assert_eq!(asked[0].path, path);
        assert!(asked[0].header(key).is_some_and(|key| key.ends_with("sk-secret-0123456789")), "{vendor}");
        assert_eq!(asked[0].body["stream"], true);
    }
}

#[test]
fn a_provider_is_asked_again_only_before_its_first_word() {
    let world = World::new("openai", &[]);
    let busy = || Act::Refuses(429, "retry-after: 0\r\n", r#"{"error":{"message":"slow down"}}"#.to_owned());
    world.provider.will(busy());
    world.provider.will(Act::Hangs);
    world.provider.will(Act::Says(chat_of(&["Late"])));
    let answer = world.client.post("/ai/chat", &json!({"message": "Hello"}), 200).json();
    assert_eq!(answer["content"], "Late");
    assert_eq!(world.provider.asked().len(), 3);
    world.provider.will(Act::Breaks(chat(&json!({"content": "Half"}), None)));
    let id = world.ask(&json!({"message": "Hello"}));
    let events = world.read(&id, "", None).rest();
    assert_eq!(words(&events), "Half[stream_broken]");
    assert_eq!(events.last().unwrap().json()["retryable"], true);
    assert_eq!(world.provider.asked().len(), 4);
}

#[test]
fn what_a_provider_refuses_is_said_without_the_key() {
    let world = World::new("openai", &[]);
    let body = r#"{"error":{"message":"Incorrect API key provided: sk-secret-0123456789","type":"invalid_request_error"}}"#;
    world.provider.will(Act::Refuses(401, "", body.to_owned()));
    let failed = world.client.post("/ai/chat", &json!({"message": "Hello"}), 502);
    assert_eq!(failed.json()["code"], "ai_failed");
    assert!(!failed.text.contains("sk-secret"), "{}", failed.text);
    assert_eq!(world.provider.asked().len(), 1, "it would be refused again");
    let events = world.client.get("/events?kind=ai.run.failed", 200).json();
    assert_eq!(events["data"][0]["data"]["status"], "failed");
}

#[test]
fn a_provider_that_falls_silent_is_waited_for_so_long() {
    let world = World::new("openai", &[("APPENGINE__AI__TOKEN_TIMEOUT", "200ms")]);
    let says = world.provider.will_wait();
    let id = world.ask(&json!({"message": "Hello"}));
    says.send(chat(&json!({"content": "Half"}), None)).unwrap();
    assert_eq!(words(&world.read(&id, "", None).rest()), "Half[provider_timeout]");
    drop(says);
}

#[test]
fn an_answer_that_is_whole_ends_although_the_connection_stays() {
    let world = World::new("openai", &[]);
    let says = world.provider.will_wait();
    for piece in chat_of(&["Whole"]) {
        says.send(piece).unwrap();
    }
    let answer = world.client.post("/ai/chat", &json!({"message": "Hello"}), 200).json();
    assert_eq!((&answer["content"], &answer["finishReason"]), (&json!("Whole"), &json!("stop")));
    drop(says);
}

#[test]
fn a_provider_that_is_named_and_unknown_is_not_replaced_by_another() {
    let world = World::new("openai", &[]);
    let id = world.ask(&json!({"message": "Hello", "settings": {"provider": "nobody"}}));
    assert_eq!(words(&world.read(&id, "", None).rest()), "[no_provider]");
    let id = world.ask(&json!({"message": "Hello", "settings": {"provider": "built-in"}}));
    assert!(words(&world.read(&id, "", None).rest()).ends_with("[stop]"));
    assert!(world.provider.asked().is_empty());
}
