//! What is refused, and in which words.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn everything_wrong_in_every_layer_is_said_at_once_with_its_place() {
    let file = "[server]\nlisen = \"x\"\nworkers = \"four\"\n\n[store]\ndurability = \"fast\"\ncache = \"64\"\n\n[log]\nfilter = \"\"\n";
    let variables = [
        ("APPENGINE__STORE__DURABILITY", "none"),
        ("APPENGINE__LIMITS__BODY", "1GiB"),
        ("APPENGINE__QUEUES__JITTER", "NaN"),
        ("APPENGINE__SERVR__LISTEN", "127.0.0.1:1"),
        ("APPENGINE_SERVER_LISTEN", "127.0.0.1:1"),
        ("APPENGINE__STORE", "data"),
        ("APPENGINE__LOG__COLOUR", "blue"),
        ("APPENGINE__NOTHING", "1"),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "home"),
        ("APPENGINE__WEBHOOKS__RETRY_SCHEDULE", "[1, 2]"),
        ("appengine__server__listen", "localhost:80"),
        ("APPENGINE_PORT", "tcp://10.0.0.1:80"),
        ("HOME", "/root"),
    ];
    let expected = "\
read the configuration, 14 problems:
  my.toml:2: server.lisen: unknown key; did you mean server.listen?
  my.toml:3: server.workers: must be a whole number, found text
  APPENGINE_SERVER_LISTEN: levels are separated by two underscores: APPENGINE__SERVER__LISTEN
  APPENGINE__LOG__COLOUR: unknown key; known here: filter, format
  APPENGINE__NOTHING: unknown key; known here: actors, ai, auth, desk, files, flows, limits, log, mail, queues, retention, schedules, server, sockets, store, vendors, webhooks
  APPENGINE__SERVR__LISTEN: unknown key; did you mean APPENGINE__SERVER__LISTEN?
  APPENGINE__STORE: is a table; set its keys one by one, such as APPENGINE__STORE__CACHE
  APPENGINE__WEBHOOKS__RETRY_SCHEDULE: webhooks.retry_schedule: must be a list of texts, found a list of something else
  my.toml:7: store.cache: `64` is not a size; write a whole number and a unit, such as 512B, 64KiB, 1MiB or 2GiB
  my.toml:6: store.durability: unknown variant `fast`, expected one of `power`, `process`, `none`
  my.toml:10: log.filter: `` is not a log filter; write levels (error, warn, info, debug, trace, off) or target=level pairs
  APPENGINE__LIMITS__BODY: limits.body: must be from 1KiB to 100MiB
  APPENGINE__QUEUES__JITTER: queues.jitter: must be from 0 to 1
  APPENGINE__WEBHOOKS__ALLOW_NETWORKS: webhooks.allow_networks: `home` is not a network; write an address and a prefix length, such as 10.0.0.0/8 or fd00::/8
  appengine__server__listen: server.listen: `localhost:80` is not an IP address and a port, such as 127.0.0.1:3330 or [::]:3330";
    let refused = refusal(layers(file, &variables));
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&refused), sorted(&expected.replace("14 problems", "15 problems")), "{refused}");
}

#[test]
fn tables_and_values_are_not_mistaken_for_each_other() {
    assert!(
        refusal(layers("server = 1", &[]))
            .contains("my.toml:1: server: must be a table, found a whole number")
    );
    assert!(refusal(layers("[[server]]", &[])).contains("server: must be a table, found a list"));
    assert!(
        refusal(layers("[server.listen]\nip = 1", &[]))
            .contains("server.listen: must be text, found a table")
    );
    assert!(
        refusal(layers("\"server.listen\" = \"a\"", &[]))
            .contains("unknown key; did you mean server.listen?")
    );
    assert!(refusal(layers("log.filter = 2026-01-01", &[])).contains("must be text, found a date"));
    assert!(
        refusal(layers("server.workers = 99999999999999999999", &[])).contains("my.toml:1: server.workers: ")
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_line_by_line() {
    let refused = refusal(layers("listen = \n[server\n", &[("APPENGINE__LOG__FORMAT", "xml")]));
    assert!(refused.contains("my.toml:1: not valid TOML: "), "{refused}");
    assert!(refused.contains("my.toml:2: not valid TOML: "), "{refused}");
    assert!(refused.contains("APPENGINE__LOG__FORMAT: log.format: "), "{refused}");
}

#[test]
fn a_variable_set_in_two_spellings_is_refused() {
    let refused = refusal(env([("APPENGINE__LOG__FORMAT", "json"), ("appengine__log__format", "text")]));
    assert!(
        refused.contains("appengine__log__format: log.format: set twice, also by APPENGINE__LOG__FORMAT"),
        "{refused}"
    );
}

#[test]
fn keys_that_disagree_are_refused_where_one_was_set() {
    let cases = [
        ("APPENGINE__LIMITS__BODY", "2KiB", "limits.body: limits.value must not be larger than limits.body"),
        (
            "APPENGINE__AUTH__REFRESH_TOKEN_LIFE",
            "5m",
            "auth.refresh_token_life: auth.access_token_life must not",
        ),
        ("APPENGINE__QUEUES__BACKOFF_FIRST", "11m", "queues.backoff_first: queues.backoff_first must not"),
        (
            "APPENGINE__WEBHOOKS__RESPONSE_MAX",
            "1KiB",
            "webhooks.response_max: webhooks.response_keep must not",
        ),
        ("APPENGINE__FILES__QUOTA", "5MiB", "files.quota: files.max_bytes must not be larger"),
        ("APPENGINE__MAIL__HOST", "mail.example.com", "mail.host: mail.from must say from whom"),
        ("APPENGINE__MAIL__USER", "ada", "mail.user: mail.user and mail.password belong together"),
    ];
    for (name, value, expected) in cases {
        let refused = refusal(env([(name, value)]));
        assert!(refused.contains(&format!("1 problem:\n  {name}: {expected}")), "{refused}");
    }
}

#[test]
fn a_disagreement_with_a_refused_value_is_not_made_up() {
    let refused = refusal(env([
        ("APPENGINE__QUEUES__BACKOFF_FIRST", "1h"),
        ("APPENGINE__QUEUES__BACKOFF_MAX", "2 hours"),
    ]));
    assert!(refused.contains("1 problem:\n  APPENGINE__QUEUES__BACKOFF_MAX"), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_refused_only_if_it_is_ours() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    let ours = Config::load(None, [("APPENGINE__LOG__FILTER", bytes())]);
    assert!(refusal(ours).contains("APPENGINE__LOG__FILTER: log.filter: not valid UTF-8"));
    assert_eq!(Config::load(None, [(OsString::from("LANG"), bytes()), (bytes(), bytes())]), Ok(defaults()));
}

#[test]
fn everything_wrong_is_listed_however_much_it_is() {
    let file: String = (0..60).map(|number| format!("unknown{number} = 1\n")).collect();
    let refused = refusal(layers(&file, &[]));
    assert_eq!(refused.lines().count(), 61);
    let all: Vec<String> = (0..40).map(|number| format!("`home{number}`")).collect();
    let texts = format!("[\"10.0.0.0/8\", {}]", all.join(", ").replace('`', "\""));
    let refused = refusal(env([("APPENGINE__SERVER__TRUSTED_PROXIES", &texts)]));
    assert!(refused.contains(&format!("none of {} is a network; write", all.join(", "))), "{refused}");
}

#[test]
fn lists_have_an_end() {
    let many = "1s,".repeat(51);
    assert!(
        refusal(env([("APPENGINE__WEBHOOKS__RETRY_SCHEDULE", &many)]))
            .contains("has too many items; at most 50 are allowed")
    );
}

#[test]
fn bad_values_name_what_is_allowed() {
    let cases = [
        ("APPENGINE__SERVER__PUBLIC_URL", "events.example.com", "is not an http or https address"),
        ("APPENGINE__SERVER__PUBLIC_URL", "https://a.example/?q=1", "is not an http or https address"),
        ("APPENGINE__SERVER__CORS_ORIGINS", "https://a.example/page", "is not an origin"),
        ("APPENGINE__SERVER__SHUTDOWN_GRACE", "30", "is not a time"),
        ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", "0", "must be from 1 to 1000000000"),
        ("APPENGINE__SERVER__WORKERS", "-1", "must be from 0 to 1024"),
        ("APPENGINE__AUTH__USER_SIGNUP", "maybe", "expected `open` or `closed`"),
        ("APPENGINE__AUTH__DEFAULT_ORG", "my org", "is not an organisation id"),
        ("APPENGINE__AUTH__OWNER_EMAIL", "owner", "is not an e-mail address"),
        ("APPENGINE__AUTH__ISSUER", " ", "must not be empty"),
        ("APPENGINE__STORE__PATH", "", "must not be empty"),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "[\"10.0.0.0/8\"", "is not a list; write it as"),
        ("APPENGINE__FILES__TYPES", "png, image/png", "is not an ending of a file's name"),
        ("APPENGINE__MAIL__FROM", "Acme <acme>", "is not an e-mail address"),
        ("APPENGINE__MAIL__SECURITY", "ssl", "expected one of `starttls`, `tls`, `none`"),
        ("APPENGINE__LOG__FILTER", "appengine=loud", "is not a log filter"),
    ];
    for (name, value, expected) in cases {
        let refused = refusal(env([(name, value)]));
        assert!(refused.contains(expected), "{name}={value}: {refused}");
    }
}

#[test]
fn deep_and_endless_keys_are_refused_like_any_other() {
    let deep = "a.".repeat(200_000);
    let texts = [
        format!("{deep}a = 1"),
        format!("[{deep}a]\nb = 1"),
        format!("server.listen.{deep}a = 1"),
        format!("server = {}{}", "[".repeat(200_000), "]".repeat(200_000)),
        format!("{} = 1", "k".repeat(500_000)),
    ];
    for text in texts {
        let refused = refusal(layers(&text, &[("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", &text)]));
        assert!(refused.len() < 2000, "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_file_and_no_variable_panics(text in ".{0,200}", name in "[A-Z_]{0,30}", value in ".{0,50}", key: prop::sample::Index) {
        let _ = layers(&text, &[(&format!("APPENGINE__{name}"), &value)]);
        let schema = schema();
        let (key, _) = &schema.keys()[key.index(schema.keys().len())];
        let _ = layers(&format!("{key} = {value:?}"), &[(&overlay::env_name(key), &value)]);
    }
}
