//! `export` and `import`: the whole store through a file or a pipe, and what has to come with it.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::assert_refused;
use crate::support::binary::House;
use crate::support::receiver::{Answer, Receiver};
use crate::support::standard_webhooks;

const PATH: &str = "/orders";

fn flow(receiver: &Receiver) -> Value {
    json!({
        "name": "Orders", "trigger": {"type": "order.paid"},
        "actions": [{"type": "send_webhook", "config": {"url": receiver.url(PATH)}}],
    })
}

#[test]
fn a_store_in_use_is_neither_exported_nor_filled() {
    let house = House::new();
    let server = house.start();
    let words = ["use the data folder", "stop that process first"];
    assert_refused(&house.run(&["export"]), &words);
    assert_refused(&house.run_with(&["import", "-"], b""), &words);
    let file = house.beside("backup.ndjson");
    assert_refused(&house.run(&["export", "--out", &file.display().to_string()]), &words);
    assert!(!file.exists());
    server.stop();
}

#[test]
fn an_export_of_nothing_is_refused_and_leaves_nothing() {
    let house = House::new();
    let file = house.beside("backup.ndjson");
    let refused = house.run(&["export", "--out", &file.display().to_string()]);
    assert_refused(&refused, &["use the data folder", "holds no store", "store.path"]);
    assert!(!house.data().exists() && !file.exists());
}

#[test]
fn an_import_needs_an_empty_store_and_a_whole_file() {
    let house = House::new();
    house.start().stop();
    let exported = house.run(&["export"]);
    assert!(exported.status.success(), "{}", exported.err);
    assert!(exported.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_refused(&house.run_with(&["import", "-"], exported.out.as_bytes()), &["empty"]);
    let cut: Vec<&str> = exported.out.lines().collect();
    let cut = cut[..cut.len() - 1].join("\n");
    let fresh = House::new();
    let refused = fresh.run_with(&["import", "-"], cut.as_bytes());
    assert_refused(&refused, &[]);
    let again = fresh.run_with(&["import", "-"], exported.out.as_bytes());
    assert!(again.status.success(), "after a failed one: {}", again.err);
}

/// A house whose store is a copy, and what is to be found in it.
struct Moved {
    old: House,
    new: House,
    receiver: Receiver,
    secret: String,
    contact: Value,
    flow: Value,
    event: String,
}

/// Exports a store with a delivery that waits to be tried again, and imports it into a fresh folder.
fn moved() -> Moved {
    let schedule = json!(vec!["200ms"; 50]).to_string();
    let old = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &schedule);
    let receiver = Receiver::open();
    receiver.usually(PATH, Answer::Status(503));
    let server = old.start();
    let owner = old.owner(&server);
    let flow = owner.post("/automation/flows/create", &flow(&receiver), 201).json();
    let contact = json!({"data": {"email": "grace@example.com"}});
    let contact = owner.post("/repository/create/contact", &contact, 201).json();
    let event = owner.post("/events", &json!({"event": "order.paid", "data": {"amount": 1}}), 202).json();
    receiver.wait_for(PATH, 1);
    server.stop();

    let file = old.beside("backup.ndjson").display().to_string();
    let exported = old.run(&["export", "--out", &file]);
    assert!(exported.status.success(), "{}", exported.err);
    let text = std::fs::read_to_string(&file).unwrap();
    let secret = flow["webhookSecret"].as_str().unwrap().to_owned();
    assert!(!text.contains(&secret), "the export shows a secret");
    assert_refused(&old.run(&["export", "--out", &file]), &["backup.ndjson"]);
    let new = House::new().with("WEBHOOKS__RETRY_SCHEDULE", &schedule);
    let imported = new.run(&["import", &file]);
    assert!(imported.status.success(), "{}", imported.err);
    let lines = text.lines().count();
    // The first line and the last are no entries.
    let entries = lines - 2;
    assert!(exported.err.contains(&format!("exported {entries} entries to {file}")), "{}", exported.err);
    assert!(imported.err.contains(&format!("imported {entries} entries into")), "{}", imported.err);
    assert_eq!((exported.out.as_str(), imported.out.as_str()), ("", ""));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "as the data folder, it is its owner's alone");
    receiver.usually(PATH, Answer::Status(200));
    let event = event["id"].as_str().unwrap().to_owned();
    Moved { old, new, receiver, secret, contact, flow, event }
}

impl Moved {
    fn bring_the_secret(&self) {
        let (from, to) = (self.old.data().join("secret.key"), self.new.data().join("secret.key"));
        std::fs::copy(from, &to).unwrap();
        std::fs::set_permissions(to, PermissionsExt::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_copy_serves_the_same_and_signs_the_same() {
    let moved = moved();
    let asked = moved.receiver.received().len();
    moved.bring_the_secret();
    let server = moved.new.start();
    assert!(!server.out().contains("password"), "it is no first start: {}", server.out());
    // Even a token of the old installation is good, for it is the same one.
    let owner = moved.old.owner(&server);
    let sk = moved.contact["sk"].as_str().unwrap();
    assert_eq!(owner.get(&format!("/repository/get/contact/{sk}"), 200).json(), moved.contact);
    let id = moved.flow["id"].as_str().unwrap();
    assert_eq!(owner.get(&format!("/automation/{id}"), 200).json()["data"], moved.flow["data"]);
    assert_eq!(owner.get("/webhooks/secret", 200).json()["secret"], moved.secret);

    // The delivery that waited goes on under its id, and the flow hears new events.
    let deliveries = moved.receiver.wait_for(PATH, asked + 1);
    let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    owner.post("/events", &json!({"event": "order.paid", "data": {"amount": 2}}), 202);
    let deliveries = moved.receiver.wait_for(PATH, asked + 2);
    assert_eq!(deliveries[asked + 1].json()["data"]["amount"], 2);
    standard_webhooks::verify(&moved.secret, &deliveries);
    let trace = owner.get(&format!("/events/{}/trace", moved.event), 200).json();
    assert_eq!(trace["event"]["data"]["amount"], 1);
    server.stop();
}

/// Secrets in the store are sealed with the data folder's `secret.key`. Without it everything else is
/// there, but no webhook is sent: none goes out that its receiver would have to refuse. With the key in
/// place again, what waited is delivered.
#[test]
fn without_its_secret_a_copy_serves_but_sends_no_webhook() {
    let moved = moved();
    let asked = moved.receiver.received().len();
    let server = moved.new.start();
    let owner = moved.new.owner(&server);
    let sk = moved.contact["sk"].as_str().unwrap();
    assert_eq!(owner.get(&format!("/repository/get/contact/{sk}"), 200).json(), moved.contact);
    moved.old.owner(&server).get("/profile/whoami", 401);
    owner.get("/webhooks/secret", 500);
    server.logged("secret.key");
    let pending = owner.get("/webhooks/deliveries?status=pending", 200).json();
    assert_eq!(pending["data"].as_array().map(Vec::len), Some(1), "{pending:#}");
    server.kill();
    assert_eq!(moved.receiver.received().len(), asked, "a webhook went out");

    moved.bring_the_secret();
    let server = moved.new.start();
    let deliveries = moved.receiver.wait_for(PATH, asked + 1);
    standard_webhooks::verify(&moved.secret, &deliveries);
    server.stop();
}
