//! `send_webhook`: what the receiver gets.

use appengine_actors::flow::book::FlowError;
use appengine_actors::flow::run::RunStatus;
use appengine_actors::testkit::probe::until;
use appengine_actors::testkit::transport::Sent;
use appengine_actors::testkit::{ADA, TestHouse};
use appengine_actors::webhook::secrets::signing_secret;
use appengine_actors::webhook::transport::Method;
use serde_json::{Value, json};

const HOOK: &str = "https://receiver.example/hook";

async fn sent(house: &TestHouse) -> Sent {
    until("the webhook goes out", async || house.transport().sent().pop()).await
}

async fn send(house: &TestHouse, on: &str, mut config: Value) {
    if config.get("url").is_none() {
        config["url"] = HOOK.into();
    }
    house.short_flow(on, json!([{"type": "send_webhook", "config": config}])).await;
}

#[actix::test]
async fn without_a_body_the_receiver_gets_the_event_signed() {
    let house = TestHouse::start();
    send(&house, "contact.created", json!({})).await;
    let contact = house.create("contact", json!({"email": "ada@example.com"})).await;
    let sent = sent(&house).await;
    let contact = contact.to_json();
    let expected = json!({
        "event": "contact.created", "type": "contact.created", "orgId": "my-org",
        "timestamp": contact["createdate"], "data": contact,
    });
    assert_eq!(sent.json(), expected);
    assert_eq!((sent.request.method, sent.request.url.as_str()), (Method::Post, HOOK));
    assert_eq!(sent.header("Content-Type"), "application/json");
    assert!(sent.id().starts_with("dlv_"));
    let secret = signing_secret(house.house(), &house.org).await.unwrap();
    assert!(sent.is_signed_with(&secret));
    let foreign = "other-org".parse().unwrap();
    assert!(!sent.is_signed_with(&signing_secret(house.house(), &foreign).await.unwrap()));
}

#[actix::test]
async fn url_headers_and_body_are_filled_in() {
    let house = TestHouse::start();
    let config = json!({
        "url": format!("{HOOK}/{{{{order.id}}}}"), "method": "PUT",
        "headers": {"X-Order": "no. {{order.id}}", "content-type": "application/vnd.order+json"},
        "body": {"id": "{{order.id}}", "lines": "{{order.lines}}", "text": "for {{order.total}}"},
    });
    send(&house, "order.paid", config).await;
    house.publish("order.paid", json!({"order": {"id": 7, "lines": [1, 2], "total": 9.5}})).await;
    let sent = sent(&house).await;
    assert_eq!(sent.request.url, format!("{HOOK}/7"));
    assert_eq!(sent.request.method, Method::Put);
    assert_eq!(sent.header("x-order"), "no. 7");
    assert_eq!(sent.header("content-type"), "application/vnd.order+json");
    assert_eq!(sent.json(), json!({"id": 7, "lines": [1, 2], "text": "for 9.5"}));
}

#[actix::test]
async fn a_text_body_is_sent_as_it_is_and_a_get_has_none() {
    for (method, body) in [("POST", "id=7&x=1"), ("GET", "")] {
        let house = TestHouse::start();
        let config =
            json!({"method": method, "body": "id={{id}}&x=1", "headers": {"Content-Type": "text/plain"}});
        send(&house, "order.paid", config).await;
        house.publish("order.paid", json!({"id": 7})).await;
        let sent = sent(&house).await;
        assert_eq!(sent.request.body, body);
        assert_eq!(
            sent.request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).count(),
            1
        );
        assert!(sent.is_signed_with(&signing_secret(house.house(), &house.org).await.unwrap()));
    }
}

#[actix::test]
async fn an_address_that_is_closed_is_refused_at_create_and_in_the_run() {
    let house = TestHouse::start();
    house.transport().refuse("http://10.");
    let action = |url: &str| json!([{"type": "send_webhook", "config": {"url": url}}]);
    let body = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": action("http://10.0.0.1/")});
    assert!(house.machine.flows.create(&house.org, &body, ADA).await.is_err());
    let flow = house.short_flow("order.paid", action("{{url}}")).await;
    house.publish("order.paid", json!({"url": "http://10.0.0.1/"})).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Failed);
    let why = run.error.unwrap().message;
    assert!(why.contains("private network"), "{why}");
    assert_eq!(house.deliveries().await, []);
}

#[actix::test]
async fn what_a_webhook_is_believed_by_is_not_a_flows_to_set() {
    let house = TestHouse::start();
    for (name, value) in [("Webhook-Id", "1"), ("webhook-timestamp", "{{at}}"), ("webhook-signature", "v1,x")]
    {
        let config = json!({"url": HOOK, "headers": {name: value}});
        let actions = json!([{"type": "send_webhook", "config": config}]);
        let body = json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": actions});
        match house.machine.flows.create(&house.org, &body, ADA).await {
            Err(FlowError::Invalid(problems)) => {
                assert_eq!(problems[0].path, format!("actions[0].config.headers.{name}"));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[actix::test]
async fn a_header_that_would_split_the_request_fails_the_step() {
    let house = TestHouse::start();
    let config = json!({"url": HOOK, "headers": {"X-Name": "{{name}}"}});
    let flow = house.short_flow("order.paid", json!([{"type": "send_webhook", "config": config}])).await;
    house.publish("order.paid", json!({"name": "a\r\nHost: b"})).await;
    let (run, _) = house.ended_run(&flow).await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.unwrap().message.contains("X-Name"));
    assert_eq!(house.transport().sent().len(), 0);
}

#[actix::test]
async fn retries_of_the_config_are_the_deliverys_schedule() {
    for (config, pauses) in
        [(json!({}), 9), (json!({"retries": 0}), 0), (json!({"retries": 3}), 3), (json!({"retries": 12}), 12)]
    {
        let house = TestHouse::start();
        send(&house, "order.paid", config).await;
        house.publish("order.paid", json!({})).await;
        sent(&house).await;
        let schedule = house.deliveries().await.remove(0).schedule;
        assert_eq!(schedule.len(), pauses);
        assert!(schedule.iter().zip([5_000, 30_000, 120_000]).all(|(pause, expected)| *pause == expected));
        assert!(schedule.is_sorted());
    }
}
