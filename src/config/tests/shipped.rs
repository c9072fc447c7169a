//! The shipped file against the typed tables.

use std::collections::BTreeSet;

use toml::Value;

use super::*;

#[test]
fn no_default_lives_outside_the_file() {
    for (key, _) in schema().keys() {
        let mut document = schema().defaults().clone();
        remove(&mut document, &key);
        assert!(typed(document).is_err(), "{key} has a second default in the code");
    }
}

fn remove(table: &mut Table, key: &str) {
    match key.split_once('.') {
        None => drop(table.remove(key)),
        Some((name, rest)) => remove(table[name].as_table_mut().expect("a table"), rest),
    }
}

#[test]
fn a_key_that_no_table_reads_is_refused_in_the_file_too() {
    let mut tables: BTreeSet<String> = BTreeSet::from([String::new()]);
    tables.extend(
        schema().keys().into_iter().filter_map(|(key, _)| Some(format!("{}.", key.rsplit_once('.')?.0))),
    );
    assert_eq!(tables.len(), 25, "seventeen tables, seven queues and the root: {tables:?}");
    for table in tables {
        let mut document = schema().defaults().clone();
        schema::set(&mut document, &format!("{table}unread"), Value::Integer(1));
        assert!(typed(document).is_err(), "[{table}] takes keys that nothing reads");
    }
}

#[test]
fn every_key_has_its_own_comment() {
    let mut before = "";
    let mut seen = BTreeSet::new();
    let mut keys = 0;
    for line in DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            keys += 1;
            let comment = before.strip_prefix("# ").unwrap_or_else(|| panic!("no comment above {line}"));
            assert!(comment.ends_with('.') && comment.len() > 15, "says too little: {comment}");
            assert!(seen.insert(comment), "said twice: {comment}");
        }
        before = line;
    }
    assert_eq!(keys, schema().keys().len());
}

#[test]
fn every_number_time_and_size_has_a_range_and_a_default_within() {
    let known: BTreeSet<String> = schema().keys().into_iter().map(|(key, _)| key).collect();
    for (key, _) in checks::RANGES {
        assert!(known.contains(*key), "{key} has a range but is no key");
    }
    for (key, default) in schema().keys() {
        let sample = default.as_array().and_then(|items| items.first()).unwrap_or(default);
        let measured = match sample {
            Value::String(text) => text.parse::<HumanDuration>().is_ok() || text.parse::<ByteSize>().is_ok(),
            sample => sample.is_integer() || sample.is_float(),
        };
        assert_eq!(measured, checks::RANGES.iter().any(|(known, _)| *known == key), "{key}");
        assert_eq!(checks::range(&key, default), Ok(()), "{key}");
    }
}

#[test]
fn the_defaults_carry_no_risk() {
    assert_eq!(defaults().warnings(), []);
}

/// A valid value other than the default.
fn other(key: &str, default: &Value) -> String {
    use checks::Range::{Count, Real, Size, Time};
    let differs = |least: String, most: String| {
        if default.to_string().trim_matches('"') == least { most } else { least }
    };
    match checks::RANGES.iter().find(|(known, _)| *known == key) {
        // One conflict rule each: the least first wait, the most of what must be larger.
        _ if key == "files.quota" => "1GiB".to_owned(),
        // Kept for ever where nothing is said.
        _ if ["retention.messages", "retention.community_messages"].contains(&key) => "30d".to_owned(),
        _ if key == "limits.body" => "2MiB".to_owned(),
        _ if key == "auth.refresh_token_life" => "60d".to_owned(),
        _ if key == "queues.backoff_max" => "20m".to_owned(),
        _ if key == "webhooks.response_max" => "2MiB".to_owned(),
        Some((_, Count(least, most))) => differs(least.to_string(), most.to_string()),
        Some((_, Real(least, most))) => differs(least.to_string(), most.to_string()),
        Some((_, Time(least, _))) => HumanDuration::from_millis(*least).to_string(),
        Some((_, Size(least, _))) => ByteSize::from_bytes(*least).to_string(),
        None => match key {
            "server.listen" => "127.0.0.1:3333",
            "server.public_url" => "https://events.example.com",
            "server.trusted_proxies" | "webhooks.allow_networks" => r#"["127.0.0.0/8"]"#,
            "server.cors_origins" => "https://a.example, https://b.example",
            "sockets.ice_servers" => "stun:a.example:3478, stun:b.example:3478",
            "store.path" => "/var/lib/appengine",
            "store.durability" => "process",
            "store.encryption_key" | "auth.signing_secret" => LONG,
            "webhooks.proxy" => "http://user:password@proxy.internal:3128",
            "auth.user_signup" => "closed",
            "auth.issuer" => "events.example.com",
            "auth.default_org" => "acme",
            "auth.owner_email" => "ada@example.com",
            "mail.host" => "mail.example.com",
            "mail.security" => "tls",
            "mail.user" | "mail.password" => "someone",
            "mail.from" => "Acme <no-reply@example.com>",
            "vendors.base_urls" => "stripe=https://stripe.example",
            "ai.after_restart" => "resume",
            "vendors.keys" => "stripe.webhookSecret=whsec_0123456789",
            "vendors.trust_anchors" | "vendors.intermediates" => "/etc/ssl/vendors.pem",
            "mail.ca_file" => "/etc/ssl/mail.pem",
            "files.types" => "png, DWG",
            "queues.encrypt_payloads" => "true",
            "schedules.enabled" => "false",
            "log.format" => "json",
            "log.filter" => "warn,appengine=debug",
            _ => panic!("{key} needs an example of another valid value here"),
        }
        .to_owned(),
    }
}

/// What a key is not taken without.
fn companion(key: &str) -> Option<(&'static str, &'static str)> {
    match key {
        "mail.host" => Some(("mail.from", "no-reply@example.com")),
        "mail.user" => Some(("mail.password", "something")),
        "mail.password" => Some(("mail.user", "something")),
        _ => None,
    }
}

/// The defaults, and what the key is not taken without.
fn before(key: &str) -> Config {
    let beside = companion(key).filter(|(other, _)| *other == "mail.from");
    match beside {
        Some((other, value)) => env([(&overlay::env_name(other), value)]).expect("it is taken"),
        None => defaults(),
    }
}

#[test]
fn every_key_is_overridable_by_environment_in_any_case() {
    for (key, default) in schema().keys() {
        let (name, value) = (overlay::env_name(&key), other(&key, default));
        let taken = |name: &str| {
            let beside = companion(&key).map(|(other, value)| (overlay::env_name(other), value));
            let beside = beside.unwrap_or_else(|| ("UNRELATED".to_owned(), ""));
            env([(name, value.as_str()), (beside.0.as_str(), beside.1)])
                .unwrap_or_else(|problems| panic!("{problems}"))
        };
        let upper = taken(&name);
        assert_ne!(upper, before(&key), "{name}={value} changes nothing");
        let lower = taken(&name.to_lowercase());
        assert_eq!(upper, lower, "{name}");
    }
}

#[test]
fn every_key_is_overridable_by_file() {
    for (key, default) in schema().keys() {
        let value = match other(&key, default) {
            list if default.is_array() && !list.starts_with('[') => {
                format!(
                    "[{}]",
                    list.split(", ").map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ")
                )
            }
            value if default.is_str() => format!("{value:?}"),
            value => value,
        };
        let beside =
            companion(&key).map(|(other, value)| format!("\n{other} = {value:?}")).unwrap_or_default();
        let after = layers(&format!("{key} = {value}{beside}"), &[]);
        let after = after.unwrap_or_else(|problems| panic!("{problems}"));
        assert_ne!(after, before(&key), "{key} = {value} changes nothing");
    }
}
