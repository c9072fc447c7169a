//! The process is killed while an answer is said, and while nobody reads it.

use serde_json::json;

use crate::provider::{Act, Provider, chat, chat_of};
use crate::reader::{Event, Stream, assert_numbered, words};
use crate::streams::integration;
use crate::support::binary::{House, Server};
use crate::support::client::Client;
use crate::support::{ADA, ORG};

fn house(after_restart: &str) -> (House, String) {
    let house = House::new()
        .with("AI__AFTER_RESTART", after_restart)
        .with("WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8")
        .with("LOG__FILTER", "warn");
    let token = house.token(&["--org", ORG, "--email", ADA]);
    (house, token)
}

fn connect(server: &Server, token: &str, provider: &Provider) -> Client {
    let client = Client::signed(&server.base, ORG, token);
    client.post("/upstream/save-integration", &integration("openai", provider), 200);
    client
}

fn read(server: &Server, token: &str, id: &str, last: Option<u64>) -> Stream {
    Stream::open(server.address(), &format!("/ai/stream/{id}"), token, last)
}

/// Two readers hear the first half, of so many words, and the server is killed; what each has heard.
fn half(server: Server, token: &str, provider: &Provider, client: &Client) -> (String, Vec<Event>) {
    let says = provider.will_wait();
    let begun =
        client.post("/ai/agent/stream", &json!({"message": "Hello", "conversationId": "c1"}), 202).json();
    let id = begun["streamId"].as_str().unwrap().to_owned();
    let mut readers = [read(&server, token, &id, None), read(&server, token, &id, None)];
    let mut heard = [Vec::new(), Vec::new()];
    for n in 0..30 {
        says.send(chat(&json!({"content": format!("{n} ")}), None)).unwrap();
        for (reader, heard) in readers.iter_mut().zip(&mut heard) {
            while words(heard).matches(' ').count() <= n {
                heard.push(reader.next().expect("it goes on"));
            }
        }
    }
    server.kill();
    for (reader, heard) in readers.iter_mut().zip(&mut heard) {
        heard.extend(reader.rest());
    }
    let [one, other] = heard;
    assert_eq!(one, other, "both have heard the same");
    assert_numbered(&one, 0);
    (id, one)
}

#[test]
fn what_was_told_is_there_after_the_restart_and_the_rest_says_that_it_was_cut() {
    let (house, token) = house("end");
    let provider = Provider::open();
    let server = house.start();
    let client = connect(&server, &token, &provider);
    let (id, heard) = half(server, &token, &provider, &client);
    let server = house.start();
    let place = heard.len() as u64;
    let rest = read(&server, &token, &id, Some(place)).rest();
    assert_numbered(&rest, place);
    assert_eq!(words(&rest), "[interrupted]");
    let whole = read(&server, &token, &id, None).rest();
    assert_eq!(whole, [heard, rest].concat());
    // Whoever was cut anywhere before the restart goes on behind it, two at a time.
    for (place, rest) in (0..).zip((0..whole.len()).map(|place| &whole[place..])) {
        let mut readers = [(); 2].map(|()| read(&server, &token, &id, Some(place)));
        for reader in &mut readers {
            assert_eq!(reader.rest(), rest, "behind {place}");
        }
    }
    // The conversation is free again.
    let client = Client::signed(&server.base, ORG, &token);
    provider.will(Act::Says(chat_of(&["Again"])));
    let answer = client.post("/ai/chat", &json!({"message": "Again", "conversationId": "c1"}), 200).json();
    assert_eq!(answer["content"], "Again");
    server.stop();
}

#[test]
fn or_it_goes_on_behind_what_was_told() {
    let (house, token) = house("resume");
    let provider = Provider::open();
    let server = house.start();
    let client = connect(&server, &token, &provider);
    let (id, heard) = half(server, &token, &provider, &client);
    provider.will(Act::Says(chat_of(&["and", " on"])));
    let server = house.start();
    let place = heard.len() as u64;
    let rest = read(&server, &token, &id, Some(place)).rest();
    assert_numbered(&rest, place);
    assert_eq!(words(&rest), "and on[stop]");
    assert_eq!(words(&read(&server, &token, &id, None).rest()), format!("{}and on[stop]", words(&heard)));
    let messages = provider.asked()[1].body["messages"].clone();
    assert_eq!(messages[1], json!({"role": "assistant", "content": words(&heard)}));
    server.stop();
}

#[test]
fn an_answer_that_nobody_read_is_kept() {
    let (house, token) = house("end");
    let provider = Provider::open();
    let server = house.start();
    let client = connect(&server, &token, &provider);
    provider.will(Act::Says(chat_of(&["Nobody hears this."])));
    let begun =
        client.post("/ai/agent/stream", &json!({"message": "Hello", "conversationId": "c1"}), 202).json();
    let id = begun["streamId"].as_str().unwrap();
    client.until("/ai/thread/c1", |thread| (thread["total"] == 1).then_some(()));
    server.kill();
    let server = house.start();
    assert_eq!(words(&read(&server, &token, id, None).rest()), "Nobody hears this.[stop]");
    server.stop();
}

#[test]
fn half_an_answer_does_not_look_like_a_whole_one() {
    let (house, token) = house("end");
    let provider = Provider::open();
    let server = house.start();
    let client = connect(&server, &token, &provider);
    let says = provider.will_wait();
    let begun = client.post("/ai/agent/stream", &json!({"message": "Hello"}), 202).json();
    let id = begun["streamId"].as_str().unwrap().to_owned();
    says.send(chat(&json!({"content": "Half"}), None)).unwrap();
    let mut readers = ["", "?format=ui", "?format=openai"]
        .map(|format| Stream::open(server.address(), &format!("/ai/stream/{id}{format}"), &token, None));
    for reader in &mut readers {
        while !reader.next().expect("it goes on").data.contains("Half") {}
    }
    server.terminate();
    for reader in &mut readers {
        reader.rest();
        assert!(!reader.is_whole(), "the body ends as if it were all");
    }
    drop(says);
    assert!(server.wait().status.success());
}
