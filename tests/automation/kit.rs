//! What these tests share.

use serde_json::{Value, json};

use crate::house::Caller;

/// A flow of the short form that is started by hand.
pub fn flow(actions: Value) -> Value {
    json!({"name": "f", "trigger": {"type": "order.paid"}, "actions": actions})
}

/// A flow that sends a webhook for an event, to an address that is never spoken to.
pub fn hook(on: &str) -> Value {
    let config = json!({"url": "https://r.example.com/{{sk}}", "headers": {"X-Bridge-Secret": "hush-hush"}});
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

/// The first row of a list, once there is one and it is at its end.
pub async fn ended(caller: &Caller<'_>, path: &str) -> Value {
    for _ in 0..10_000 {
        let row = got(caller, path).await["data"][0].clone();
        if ["completed", "failed", "cancelled", "dead", "delivered"]
            .contains(&row["status"].as_str().unwrap_or(""))
        {
            return row;
        }
        tokio::task::yield_now().await;
    }
    panic!("nothing of {path} came to its end");
}
