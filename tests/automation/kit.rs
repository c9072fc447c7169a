//! What these tests share.

use serde_json::{Value, json};

use crate::house::Caller;

/// A flow of the short form that is started by hand.
pub fn flow(actions: Value) -> Value {
    json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": actions})
}

/// A flow that sends a webhook for an event, to a port where nobody listens.
pub fn hook(on: &str) -> Value {
    let config = json!({"url": "http://127.0.0.1:5/{{sk}}", "headers": {"X-Bridge-Secret": "hush-hush"}});
    json!({"name": on, "trigger": {"type": on}, "actions": [{"type": "send_webhook", "config": config}]})
}

/// The answer to a call that is answered with 200.
pub async fn got(caller: &Caller<'_>, path: &str) -> Value {
    let (status, answer) = caller.get(path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Stores a flow; its id.
pub async fn saved(caller: &Caller<'_>, body: Value) -> String {
    caller.done("/automation/flows/create", body).await["id"].as_str().unwrap().to_owned()
}

/// Waits until a list has so many entries.
pub async fn ended(caller: &Caller<'_>, path: &str, count: usize) {
    for _ in 0..2_000 {
        if got(caller, path).await["total"] == count {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{path} did not come to {count}");
}
