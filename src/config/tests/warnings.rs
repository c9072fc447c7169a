//! What is risky, and what a configuration tells about itself.

use super::*;

#[test]
fn risky_settings_are_warned_of_and_safe_ones_are_not() {
    let warned = |variables: &[(&str, &str)]| {
        let config = Config::load(None, variables.iter().copied()).expect("valid");
        config.warnings().iter().map(|warning| warning.keys.join("+")).collect::<Vec<_>>()
    };
    let listen = ("APPENGINE__SERVER__LISTEN", "0.0.0.0:80");
    assert_eq!(
        warned(&[listen]),
        [
            "server.listen+auth.user_signup",
            "server.listen+server.trusted_proxies",
            "server.listen+server.public_url"
        ]
    );
    let safe = [
        listen,
        ("APPENGINE__AUTH__USER_SIGNUP", "closed"),
        ("APPENGINE__SERVER__TRUSTED_PROXIES", "10.0.0.1"),
        ("APPENGINE__SERVER__PUBLIC_URL", "https://events.example.com"),
        ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8"),
    ];
    assert!(warned(&safe).is_empty());
    assert_eq!(warned(&[("APPENGINE__SERVER__TRUSTED_PROXIES", "::/0")]), ["server.trusted_proxies"]);
    assert_eq!(
        warned(&[("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "169.254.0.0/16")]),
        ["webhooks.allow_networks"]
    );
    assert_eq!(warned(&[("APPENGINE__STORE__DURABILITY", "none")]), ["store.durability"]);
    let mail = [("APPENGINE__MAIL__HOST", "localhost"), ("APPENGINE__MAIL__FROM", "a@b.example")];
    assert_eq!(warned(&mail), ["mail.host+auth.user_signup"]);
    assert!(warned(&[&mail[..], &[("APPENGINE__AUTH__USER_SIGNUP", "closed")]].concat()).is_empty());
    let signing_in = [("APPENGINE__MAIL__USER", "ada"), ("APPENGINE__MAIL__PASSWORD", "x")];
    assert!(warned(&signing_in).is_empty());
    let readable = [&signing_in[..], &[("APPENGINE__MAIL__SECURITY", "none")]].concat();
    assert_eq!(warned(&readable), ["mail.security+mail.user"]);
    let text = env([("APPENGINE__STORE__DURABILITY", "none")]).expect("valid").warnings()[0].to_string();
    assert_eq!(text, "store.durability: what was acknowledged may be lost when the process ends");
}

#[test]
fn printed_links_lead_to_the_server() {
    let base = |listen: &str, url: &str| {
        let config = env([("APPENGINE__SERVER__PUBLIC_URL", url)]).expect("valid");
        config.server.base_url(listen.parse().expect("an address"))
    };
    assert_eq!(base("127.0.0.1:4000", ""), "http://127.0.0.1:4000");
    assert_eq!(base("0.0.0.0:4000", ""), "http://127.0.0.1:4000");
    assert_eq!(base("[::]:4000", ""), "http://[::1]:4000");
    assert_eq!(base("0.0.0.0:4000", "https://events.example.com"), "https://events.example.com");
    assert_eq!(base("0.0.0.0:4000", "https://example.com/events/"), "https://example.com/events");
}

#[test]
fn origins_are_kept_as_browsers_spell_them() {
    let config =
        env([("APPENGINE__SERVER__CORS_ORIGINS", "https://App.Example.com:443/, http://localhost:5173")]);
    assert_eq!(
        config.expect("valid").server.cors_origins,
        ["https://app.example.com", "http://localhost:5173"]
    );
}
