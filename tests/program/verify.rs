//! `verify`: captured calls, judged by the real binary.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::assert_refused;
use crate::support::binary::House;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/vendors.json");

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A call that GitHub publishes as its example.
fn good() -> Value {
    json!({
        "id": "good", "vendor": "github", "url": "https://hooks.example.test/github",
        "headers": {
            "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        },
        "body": "SGVsbG8sIFdvcmxkIQ==", "secret": "It's a Secret to Everybody",
    })
}

#[test]
fn every_captured_call_of_every_vendor_is_judged_as_it_must_be() {
    let vectors: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(VECTORS).unwrap()).unwrap();
    let ended = House::new().run(&["verify", VECTORS]);
    let lines = lines(&ended.out);
    let judged: BTreeMap<&str, &Value> =
        lines.iter().map(|line| (line["id"].as_str().unwrap(), line)).collect();
    assert_eq!(judged.len(), lines.len(), "an id is there twice");

    let (mut counts, mut wrong) = (BTreeMap::<&str, [usize; 4]>::new(), Vec::new());
    for vector in &vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let expected = match (text("expect"), text("kind")) {
            ("reject", _) => "reject",
            (_, "handshake") => "handshake",
            _ => "accept",
        };
        let verdict = judged.get(text("id")).map_or("unread", |line| line["verdict"].as_str().unwrap());
        let column = ["accept", "reject", "handshake", "unread"].iter().position(|name| *name == verdict);
        counts.entry(text("vendor")).or_default()[column.unwrap()] += 1;
        if verdict != expected {
            wrong.push(format!("{}: {verdict}, not {expected}", text("id")));
        }
    }
    let mut table =
        format!("\n{:<20}{:>8}{:>8}{:>11}{:>8}\n", "vendor", "accept", "reject", "handshake", "unread");
    for (vendor, [accept, reject, handshake, unread]) in &counts {
        writeln!(table, "{vendor:<20}{accept:>8}{reject:>8}{handshake:>11}{unread:>8}").unwrap();
    }
    println!("{table}");
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    let order: Vec<&Value> = lines.iter().map(|line| &line["id"]).collect();
    assert_eq!(order, vectors.iter().map(|vector| &vector["id"]).collect::<Vec<_>>());
}

#[test]
fn one_call_comes_by_standard_input_and_a_line_says_all() {
    let house = House::new();
    let ended = house.run_with(&["verify", "-"], good().to_string().as_bytes());
    assert!(ended.status.success(), "{}", ended.err);
    let line = &lines(&ended.out)[0];
    assert_eq!(
        (&line["id"], &line["vendor"], &line["verdict"]),
        (&json!("good"), &json!("github"), &json!("accept"))
    );
    assert_eq!(line["response"]["status"], 200);

    let mut tampered = good();
    tampered["body"] = "SGVsbG8sIFdvcmxkPw==".into();
    tampered["id"] = Value::Null;
    let ended = house.run_with(&["verify", "-"], json!([good(), tampered]).to_string().as_bytes());
    assert!(ended.status.success(), "a refused call could be read: {}", ended.err);
    let line = &lines(&ended.out)[1];
    assert_eq!(
        (&line["id"], &line["verdict"]),
        (&json!(1), &json!("reject")),
        "without an id it has its place"
    );
    assert_eq!(line["response"]["status"], 401);
    let reason = line["reason"].as_str().unwrap();
    for words in ["expected HMAC-SHA256 over the body", "found another signature", "usual cause"] {
        assert!(reason.contains(words), "{reason}");
    }
    assert!(!ended.out.contains("Everybody"), "the secret is shown");
    assert!(!house.data().exists(), "it needs no store");
}

#[test]
fn entries_that_cannot_be_read_are_named_and_the_others_judged() {
    let with = |id: &str, field: &str, value: Value| {
        let mut entry = good();
        (entry["id"], entry[field]) = (id.into(), value);
        entry
    };
    let mut homeless = good();
    homeless.as_object_mut().unwrap().remove("url");
    let list = json!([
        with("a", "vendor", "nobody".into()),
        good(),
        with("b", "body", "Hello, World!".into()),
        "text",
        with("c", "headers", json!({"X-One": 1})),
        homeless,
    ]);
    let ended = House::new().run_with(&["verify", "-"], list.to_string().as_bytes());
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(lines(&ended.out).len(), 1, "{}", ended.out);
    for words in [
        "entry 0 (\"a\"): failed to know the vendor `nobody`; known are ",
        "github, ",
        "entry 2 (\"b\"): failed to read `body`: give the raw bytes in base64",
        "entry 3: failed to read it: give an object",
        "entry 4 (\"c\"): failed to read `headers.X-One`: invalid type: integer `1`, expected a string",
        "entry 5 (\"good\"): failed to read it: missing field `url`",
        "error: failed to read 5 of 6 entries of standard input",
    ] {
        assert!(ended.err.contains(words), "`{words}` is not in {}", ended.err);
    }
}

#[test]
fn what_is_no_list_of_calls_is_refused() {
    let house = House::new();
    assert_refused(&house.run(&["verify", "nowhere.json"]), &["open nowhere.json"]);
    let wanted = "give one captured call as a JSON object, or a list of them";
    assert_refused(&house.run_with(&["verify", "-"], b"{"), &["standard input", "line 1 column 1", wanted]);
    assert_refused(&house.run_with(&["verify", "-"], b"\"text\""), &["standard input", wanted]);
    assert_refused(&house.run_with(&["verify", "-"], &[0xff]), &["standard input"]);
    let none = house.run_with(&["verify", "-"], b"[]");
    assert_eq!((none.status.code(), none.out.as_str()), (Some(0), ""));
}
