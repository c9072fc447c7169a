//! Real deliveries before the official `standardwebhooks` library, in Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::binary::run;
use super::receiver::Received;

/// Fails unless the library believes every delivery as it came, and none of them with a changed body,
/// a changed id or another secret.
pub fn verify(secret: &str, deliveries: &[Received]) {
    assert!(!deliveries.is_empty());
    let mut cases = Vec::new();
    for delivery in deliveries {
        let mut headers: serde_json::Map<String, Value> =
            delivery.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let body = String::from_utf8(delivery.body.to_vec()).unwrap();
        cases.push((true, json!({"secret": secret, "headers": headers, "body": body})));
        cases.push((false, json!({"secret": secret, "headers": headers, "body": format!("{body} ")})));
        let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        cases.push((false, json!({"secret": other, "headers": headers, "body": body})));
        headers.insert("webhook-id".to_owned(), json!("dlv_other"));
        cases.push((false, json!({"secret": secret, "headers": headers, "body": body})));
    }
    let input: String = cases.iter().map(|(_, case)| format!("{case}\n")).collect();
    let verdicts = ask(&input);
    assert_eq!(verdicts.len(), cases.len());
    for ((expected, case), verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict["valid"], *expected, "{verdict} for {case}");
    }
}

/// Where the JavaScript clients are.
///
/// # Panics
/// When they are not installed.
pub fn installed() -> PathBuf {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    assert!(
        clients.join("node_modules").is_dir(),
        "the JavaScript clients are not installed: run `npm ci` in {}",
        clients.display()
    );
    clients
}

fn ask(input: &str) -> Vec<Value> {
    let clients = installed();
    let mut node = Command::new("node");
    node.current_dir(&clients).arg("standardwebhooks.mjs");
    let ended = run(node, input.as_bytes());
    assert!(ended.status.success(), "{}", ended.err);
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
