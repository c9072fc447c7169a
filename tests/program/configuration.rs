//! Configuration by file and environment, and the commands that print and check it.

use std::io::Write;

use serde_json::Value;

use crate::assert_refused;
use crate::support::ORG;
use crate::support::binary::House;
use crate::support::client::Client;

#[test]
fn everything_wrong_is_listed_at_once() {
    let house = House::new()
        .with("SERVR__LISTEN", "127.0.0.1:1")
        .with("STORE__DURABILTY", "power")
        .with("STORE__CACHE", "lots")
        .with("WEBHOOKS__ALLOW_NETWORKS", r#"["home"]"#)
        .with("LIMITS__REQUESTS_PER_MINUTE", "0")
        .with("LOG__FORMAT", "xml");
    let expected = [
        "6 problems",
        "APPENGINE__SERVR__LISTEN: unknown key; did you mean APPENGINE__SERVER__LISTEN?",
        "APPENGINE__STORE__DURABILTY: unknown key; did you mean APPENGINE__STORE__DURABILITY?",
        "store.cache: `lots`",
        "webhooks.allow_networks: `home`",
        "limits.requests_per_minute: ",
        "log.format: ",
    ];
    for command in ["check-config", "serve"] {
        assert_refused(&house.run(&[command]), &expected);
    }
    assert!(!house.data().exists(), "a server that does not start makes no folder");
}

#[test]
fn a_file_is_checked_by_line() {
    let house = House::new();
    let file = house.beside("my.toml");
    std::fs::File::create(&file)
        .unwrap()
        .write_all(b"[limits]\nbody = \"2MiB\"\n\n[server]\nlisen = 1\n")
        .unwrap();
    let file = file.display().to_string();
    assert_refused(
        &house.run(&["check-config", "--config", &file]),
        &["my.toml:5: server.lisen: unknown key"],
    );
    let missing = house.beside("missing.toml").display().to_string();
    assert_refused(&house.run(&["check-config", "--config", &missing]), &["missing.toml: cannot be read"]);
}

#[test]
fn a_good_configuration_is_called_good() {
    let house = House::new();
    let good = house.run(&["check-config"]);
    assert!(good.status.success(), "{}", good.err);
    assert!(good.out.ends_with("the configuration is good\n"), "{}", good.out);
    assert!(!house.data().exists(), "checking starts nothing");
    let risky = house.with("STORE__DURABILITY", "none").run(&["check-config"]);
    assert!(risky.status.success() && risky.out.contains("warning: store.durability: "), "{risky:?}");
}

#[test]
fn the_default_configuration_is_one() {
    let house = House::new();
    let printed = house.run(&["default-config"]);
    assert!(printed.status.success());
    assert_eq!(printed.out, include_str!("../../config.toml"));
    let file = house.beside("default.toml");
    std::fs::write(&file, &printed.out).unwrap();
    let checked = house.run(&["check-config", "--config", &file.display().to_string()]);
    assert!(checked.status.success(), "{}", checked.err);
}

#[test]
fn every_durability_serves_and_no_other() {
    for durability in ["power", "process", "none"] {
        let house = House::new().with("STORE__DURABILITY", durability);
        let server = house.start();
        let owner = house.owner(&server);
        let id = owner.post("/events", &serde_json::json!({"event": "a.b"}), 202).json()["id"].clone();
        server.stop();
        let server = house.start();
        house.owner(&server).get(&format!("/events/{}", id.as_str().unwrap()), 200);
        server.stop();
    }
    let refused = House::new().with("STORE__DURABILITY", "fast").run(&["serve"]);
    assert_refused(&refused, &["store.durability", "`power`, `process`, `none`"]);
}

#[test]
fn the_environment_overrides_the_file() {
    let house = House::new().with("LIMITS__REQUESTS_PER_MINUTE", "2");
    let file = house.beside("my.toml");
    std::fs::write(&file, "[limits]\nrequests_per_minute = 50\n").unwrap();
    let checked = house.run(&["check-config", "--config", &file.display().to_string()]);
    assert!(checked.status.success(), "{}", checked.err);
    let server = house.start();
    let visitor = Client::visitor(&server.base, ORG);
    for _ in 0..2 {
        visitor.get("/openapi.json", 200);
    }
    let refused = visitor.get("/openapi.json", 429);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.headers["ratelimit-limit"], "2");
    server.stop();
}

#[test]
fn the_api_document_is_the_servers_own() {
    let house = House::new();
    let printed = house.run(&["openapi"]);
    assert!(printed.status.success());
    let printed: Value = serde_json::from_str(&printed.out).unwrap();
    assert!(printed["openapi"].as_str().unwrap().starts_with("3."));
    assert!(printed["paths"]["/automation/flows/create"]["post"].is_object());
    let server = house.start();
    let served = Client::visitor(&server.base, ORG).get("/openapi.json", 200).json();
    assert_eq!(printed, served);
    server.stop();
}
