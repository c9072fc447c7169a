//! Which layer wins, and how values are read.

use toml::Value;

use super::*;

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\n[log]\nformat = \"json\"\n";
    let config = layers(file, &[("APPENGINE__SERVER__LISTEN", "127.0.0.1:2")]).expect("valid");
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.store, defaults().store);
}

#[test]
fn the_shipped_file_as_a_user_file_changes_nothing() {
    assert_eq!(layers(DEFAULTS, &[]), Ok(defaults()));
}

#[test]
fn a_value_is_read_by_the_type_of_its_default() {
    let config = env([
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", " [\"127.0.0.0/8\", \"::1\"] "),
        ("APPENGINE__SERVER__TRUSTED_PROXIES", "10.1.2.3/8, 192.0.2.1,"),
        ("APPENGINE__WEBHOOKS__RETRY_SCHEDULE", "1s,2s"),
        ("APPENGINE__LIMITS__REQUESTS_PER_MINUTE", " 1000 "),
        ("APPENGINE__QUEUES__JITTER", "0"),
        ("APPENGINE__AUTH__ISSUER", "12"),
    ])
    .expect("valid");
    let texts = |networks: &[ipnet::IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&config.webhooks.allow_networks), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(texts(&config.server.trusted_proxies), ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(
        config.webhooks.retry_schedule.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["1s", "2s"]
    );
    assert_eq!(config.limits.requests_per_minute.get(), 1000);
    assert_eq!(config.queues.jitter, 0.0);
    assert_eq!(config.auth.issuer, "12");
}

#[test]
fn true_and_false_are_read_where_the_default_is_one() {
    let schema = Schema::parse("[a]\nb = true").expect("TOML");
    let mut problems = Vec::new();
    let mut read = |text: &str| {
        let settings = overlay::from_env(&schema, [("APPENGINE__A__B".into(), text.into())], &mut problems);
        settings.first().map(|setting| setting.value.clone())
    };
    assert_eq!(read("False"), Some(Value::Boolean(false)));
    assert_eq!(read("yes"), None);
    assert_eq!(problems[0].to_string(), "APPENGINE__A__B: a.b: must be true or false, found text");
}

#[test]
fn an_empty_list_variable_empties_the_list() {
    let config =
        layers("webhooks.allow_networks = [\"10.0.0.0/8\"]", &[("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "")]);
    assert_eq!(config.expect("valid").webhooks.allow_networks, []);
}

#[test]
fn a_queue_runs_its_own_number_or_that_of_all() {
    let config =
        env([("APPENGINE__QUEUES__CONCURRENCY", "3"), ("APPENGINE__QUEUES__SOCIAL_SYNC__CONCURRENCY", "7")])
            .expect("valid");
    assert_eq!(config.queues.concurrency_of("social-sync"), 7);
    assert_eq!(config.queues.concurrency_of("billing"), 3);
    assert_eq!(config.queues.concurrency_of("of-ours"), 3);
}
