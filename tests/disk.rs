//! The real binary on a disk that fails under it: full, read-only, or broken on a write or on a sync. Whoever writes
//! is answered 503 with the reason, whoever reads is not disturbed, and the server goes on when the disk is well.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use support::binary::House;
use support::client::Client;

const FAULTS: [&str; 4] = ["write ENOSPC", "write EROFS", "write EIO", "sync EIO"];

/// Compiles the library that lets writes fail.
fn library(house: &House) -> PathBuf {
    let library = house.beside("faults.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/disk/faults.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .args([source, "-ldl"])
        .status();
    assert!(built.unwrap().success(), "cc could not build {source}");
    library
}

fn publish(client: &Client, n: usize) -> (u16, Value) {
    let body = json!({"event": "disk.tried", "data": {"n": n}, "idempotencyKey": format!("n-{n}")});
    let answer = client.call(Method::POST, "/events", Some(&body)).unwrap();
    (answer.status, answer.json())
}

fn numbers(client: &Client) -> BTreeSet<u64> {
    let log = client.get("/events?kind=disk.tried&limit=500", 200).json();
    let found: Vec<u64> =
        log["data"].as_array().unwrap().iter().map(|e| e["data"]["n"].as_u64().unwrap()).collect();
    let distinct: BTreeSet<u64> = found.iter().copied().collect();
    assert_eq!(distinct.len(), found.len(), "an event is there twice");
    distinct
}

#[test]
fn a_disk_that_fails_is_answered_503_and_gone_on_with_when_it_is_well() {
    let house = House::new();
    let faults = house.beside("faults");
    let library = library(&house);
    let house = house
        .with_variable("LD_PRELOAD", library.to_str().unwrap())
        .with_variable("FAULTS", faults.to_str().unwrap())
        .with("LOG__FILTER", "error");
    let mut server = house.start();
    let mut client = house.owner(&server);
    let (mut n, mut acknowledged) = (0, BTreeSet::new());
    for fault in FAULTS {
        for _ in 0..3 {
            n += 1;
            assert_eq!(publish(&client, n).0, 202, "before {fault}");
            acknowledged.insert(n as u64);
        }
        std::fs::write(&faults, fault).unwrap();
        n += 1;
        let (status, refused) = publish(&client, n);
        assert_eq!((status, &refused["code"]), (503, &json!("unavailable")), "{fault}: {refused}");
        let health = client.call(Method::GET, "/health", None).unwrap();
        assert_eq!(health.status, 503, "{fault}: {}", health.text);
        assert!(health.text.contains("store"), "{fault}: {}", health.text);
        assert!(numbers(&client).is_superset(&acknowledged), "reading goes on: {fault}");
        std::fs::remove_file(&faults).unwrap();
        // The same again, with the same key: taken once, whatever became of the first.
        let taken = (0..1_000).any(|_| publish(&client, n).0 == 202);
        assert!(taken, "it does not go on after {fault}");
        acknowledged.insert(n as u64);
        assert_eq!(numbers(&client), acknowledged, "after {fault}");
        client.until("/health", |health| (health["status"] == "ok").then_some(()));
        server.kill();
        server = house.start();
        client = house.owner(&server);
        assert_eq!(numbers(&client), acknowledged, "after {fault} and a kill");
    }
    server.stop();
}
