use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn read(body: &Value) -> Result<NewApiKey, Invalid> {
    NewApiKey::read(body, NOW)
}

#[test]
fn a_key_is_found_by_its_digest_and_shown_by_its_first_characters() {
    let minted = mint();
    assert!(minted.key.starts_with(PREFIX) && minted.key.starts_with(&minted.prefix));
    assert_eq!(minted.prefix.len(), 14);
    assert_eq!(hash_of(&minted.key), Some(minted.hash.clone()));
    assert_ne!(mint().key, minted.key);
    for bad in ["", "ak_live_", "ak_test_x", &minted.key[1..], &format!("{}x", minted.key), "ak_live_ä"] {
        assert_eq!(hash_of(bad), None, "{bad}");
    }
}

#[test]
fn both_spellings_of_the_contract_mean_the_same() {
    let one = json!({"name": "CI", "scopes": ["write:data"], "expiresAt": null,
        "rateLimits": {"perMinute": 5, "perHour": 50, "perDay": 500}});
    let other = json!({"name": "CI", "permissions": ["write:data"],
        "rateLimit": {"requestsPerMinute": 5, "requestsPerHour": 50, "requestsPerDay": 500}});
    assert_eq!(read(&one), read(&other));
    let key = read(&one).unwrap();
    assert_eq!(key.rate_limits, RateLimits { per_minute: 5, per_hour: 50, per_day: 500 });
    assert_eq!(key.scopes, Scopes::new(&["write:data"]).unwrap());
}

#[test]
fn a_name_alone_gives_a_key_that_may_only_look_at_the_usual_rates() {
    let key = read(&json!({"name": " CI "})).unwrap();
    assert_eq!((key.name.as_str(), key.expires_at), ("CI", None));
    assert_eq!((key.scopes, key.rate_limits), (Scopes::read_only(), RateLimits::default()));
    let part = read(&json!({"name": "CI", "rateLimits": {"perHour": 7}})).unwrap();
    assert_eq!(part.rate_limits, RateLimits { per_hour: 7, ..RateLimits::default() });
}

#[test]
fn what_cannot_be_used_is_refused_with_its_path() {
    let table = [
        (json!({}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "x".repeat(201)}), "name"),
        (json!({"name": "x", "roles": ["Owner"]}), "roles"),
        (json!({"name": "x", "scopes": "read"}), "scopes"),
        (json!({"name": "x", "scopes": []}), "scopes"),
        (json!({"name": "x", "scopes": [1]}), "scopes"),
        (json!({"name": "x", "permissions": ["read", "a b"]}), "permissions[1]"),
        (json!({"name": "x", "scopes": ["read"], "permissions": ["read"]}), "permissions"),
        (json!({"name": "x", "rateLimits": {}, "rateLimit": {}}), "rateLimit"),
        (json!({"name": "x", "rateLimits": 5}), "rateLimits"),
        (json!({"name": "x", "rateLimits": {"perSecond": 5}}), "rateLimits.perSecond"),
        (json!({"name": "x", "rateLimits": {"perMinute": 0}}), "rateLimits.perMinute"),
        (json!({"name": "x", "rateLimit": {"requestsPerDay": 1.5}}), "rateLimit.requestsPerDay"),
        (json!({"name": "x", "rateLimit": {"requestsPerDay": 1_000_001}}), "rateLimit.requestsPerDay"),
        (json!({"name": "x", "expiresAt": "tomorrow"}), "expiresAt"),
        (json!({"name": "x", "expiresAt": NOW}), "expiresAt"),
        (json!("x"), ""),
    ];
    for (body, path) in table {
        assert_eq!(read(&body).unwrap_err().path, path, "{body}");
    }
}
