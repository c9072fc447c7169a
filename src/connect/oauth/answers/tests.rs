//! Answers as the vendors' own pages show them.

use bytes::Bytes;
use serde_json::json;

use super::super::vendors::oauth_of;
use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn answer(vendor: &str, status: u16, body: &Value) -> Result<Granted, Denied> {
    let reply = ApiReply { status, headers: Vec::new(), body: Bytes::from(body.to_string()) };
    read(oauth_of(vendor).unwrap(), &reply, NOW)
}

#[test]
fn tokens_are_read_wherever_a_vendor_has_them() {
    let tokens = |vendor, body| {
        let it = answer(vendor, 200, &body).unwrap();
        let life = it.expires.map(|end| end.since(NOW).as_secs());
        (it.access, it.refresh.unwrap_or_default(), life, it.scope.unwrap_or_default(), it.account)
    };
    let is = |refresh: &str, life, scope: &str, account: Option<&str>| {
        ("a".to_owned(), refresh.to_owned(), life, scope.to_owned(), account.map(str::to_owned))
    };
    let x = json!({"token_type": "bearer", "expires_in": 7200, "access_token": "a", "refresh_token": "r", "scope": "b c"});
    assert_eq!(tokens("x", x), is("r", Some(7_200), "b c", None));
    let twitch =
        json!({"access_token": "a", "expires_in": "14124", "refresh_token": "r", "scope": ["b", "c"]});
    assert_eq!(tokens("twitch", twitch), is("r", Some(14_124), "b c", None));
    let slack = json!({"ok": true, "access_token": "a", "scope": "b,c", "team": {"id": "T1"}});
    assert_eq!(tokens("slack", slack), is("", None, "b,c", Some("T1")));
    let of_a_person =
        json!({"ok": true, "authed_user": {"access_token": "a", "expires_in": 60}, "team": {"id": "T1"}});
    assert_eq!(tokens("slack", of_a_person), is("", Some(60), "", Some("T1")));
    let stripe =
        json!({"access_token": "a", "stripe_user_id": "acct_1", "scope": "read_write", "refresh_token": "r"});
    assert_eq!(tokens("stripe", stripe), is("r", None, "read_write", Some("acct_1")));
    let endless = json!({"access_token": "a", "expires_in": u64::MAX});
    assert_eq!(tokens("x", endless), is("", Some(LONGEST_LIFE), "", None));
    assert_eq!(tokens("x", json!({"access_token": "a", "expires_in": 0})), is("", None, "", None));
}

#[test]
fn refusals_tell_what_is_gone_from_what_may_work_later() {
    let denied = |vendor, status, body| answer(vendor, status, &body).unwrap_err();
    let gone = |word: &str| Denied::Gone(word.to_owned());
    let refused = |word: &str| Denied::Refused(word.to_owned());
    for (vendor, status, body, denial) in [
        ("reddit", 200, json!({"error": "invalid_grant"}), gone("invalid_grant")),
        (
            "calendly",
            400,
            json!({"error": "invalid_grant", "error_description": "no"}),
            gone("invalid_grant"),
        ),
        ("slack", 200, json!({"ok": false, "error": "invalid_refresh_token"}), gone("invalid_refresh_token")),
        ("slack", 200, json!({"ok": false, "error": "ratelimited"}), refused("ratelimited")),
        ("twitch", 400, json!({"status": 400, "message": "Invalid refresh token"}), gone("400")),
        ("hubspot", 400, json!({"status": "BAD_REFRESH_TOKEN", "message": "no"}), gone("BAD_REFRESH_TOKEN")),
        (
            "meta",
            400,
            json!({"error": {"message": "no", "type": "OAuthException", "code": 190}}),
            gone("190"),
        ),
        ("github", 200, json!({"error": "bad_refresh_token"}), gone("bad_refresh_token")),
        (
            "x",
            400,
            json!({"error": "invalid_request", "error_description": "Value passed for the token was invalid."}),
            gone("invalid_request"),
        ),
        ("x", 401, json!({"error": "unauthorized_client"}), refused("unauthorized_client")),
        ("x", 503, json!("<html>"), refused("status_503")),
        // A sentence may hold what was sent, so it is not told.
        ("x", 400, json!({"error": "the code abc is wrong"}), refused("status_400")),
        ("x", 500, json!({"access_token": "a"}), refused("status_500")),
        ("x", 200, json!({"access_token": "a\r\nx: y"}), refused("status_200")),
    ] {
        assert_eq!(denied(vendor, status, body.clone()), denial, "{vendor} {body}");
    }
}

#[test]
fn what_is_kept_is_read_again_and_printed_nowhere() {
    let tokens = Granted {
        access: "a".to_owned(),
        refresh: Some("r".to_owned()),
        expires: Some(NOW),
        scope: Some("s".to_owned()),
        account: Some("t".to_owned()),
    };
    let mut credentials = Credentials::default();
    credentials.api.insert("clientId".to_owned(), json!("i"));
    tokens.keep(&mut credentials);
    assert_eq!(Granted::kept(&credentials).as_ref(), Some(&tokens));
    let renewed = Granted { access: "b".to_owned(), ..Granted::default() }.after(tokens.clone());
    assert_eq!((renewed.refresh.as_deref(), renewed.expires), (Some("r"), None));
    credentials.forget_tokens();
    assert_eq!((Granted::kept(&credentials), credentials.api.len()), (None, 1));
    let long = Granted { access: "tok-1".to_owned(), refresh: Some("tok-2".to_owned()), ..tokens };
    assert!(!format!("{long:?}").contains("tok"));
}
