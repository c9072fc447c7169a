use serde_json::json;

use super::*;

#[test]
fn statuses_are_understood() {
    let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    let table = [
        (400, "", "provider_refused", false),
        (401, "", "provider_unauthorized", false),
        (402, "", "provider_quota", false),
        (403, "", "provider_unauthorized", false),
        (403, quota, "provider_quota", false),
        (404, "", "provider_not_found", false),
        (408, "", "provider_unavailable", true),
        (409, "", "provider_unavailable", true),
        (413, "", "provider_refused", false),
        (422, "", "provider_refused", false),
        (429, "", "provider_rate_limited", true),
        (429, quota, "provider_quota", false),
        (500, "", "provider_unavailable", true),
        (503, "", "provider_unavailable", true),
        (504, "", "provider_unavailable", true),
        (529, "", "provider_unavailable", true),
        (301, "", "provider_refused", false),
        (u16::MAX, "", "provider_unavailable", true),
    ];
    for (status, body, code, retryable) in table {
        let error = refusal(status, body.as_bytes());
        assert_eq!((error.code, error.retryable), (code, retryable), "{status}");
        assert!(error.message.contains(&format!("answered {status}")), "{error}");
    }
}

#[test]
fn words_are_told() {
    let table = [
        (
            r#"{"error":{"message":"no","type":"invalid_request_error","code":null}}"#,
            " (invalid_request_error): no",
        ),
        (
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-0"}}"#,
            " (not_found_error): model: claude-0",
        ),
        (r#"{"error":{"code":400,"message":"a\nb","type":"x"}}"#, " (400): a b"),
        (r#"{"error":"model 'x' not found"}"#, ": model 'x' not found"),
        (r#"{"detail":"Not Found"}"#, ": Not Found"),
        (r#"{"error":null,"message":"m"}"#, ": m"),
        ("upstream connect error", ": upstream connect error"),
        ("<html>Bad Gateway</html>", ""),
        ("", ""),
        ("[1]", ""),
    ];
    for (body, words) in table {
        let error = refusal(400, body.as_bytes());
        assert_eq!(error.message, format!("get an answer of the model: the provider answered 400{words}"));
    }
    let long = refusal(400, json!({"error": "é ".repeat(9000)}).to_string().as_bytes());
    assert!(long.message.chars().count() < 400, "{long}");
    assert!(!refusal(400, &[b'a'; MOST_BODY + 1]).message.contains("aaa"));
}

#[test]
fn keys_are_not_repeated() {
    let keys = [
        "sk-proj-abc",
        "sk-ant-api03-abc",
        "gsk_abc",
        "AIzaSyabc",
        "sk-ab***********yz",
        "0123456789abcdef0123456789abcdef",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.aa",
    ];
    for key in keys {
        for status in [400, 401, 429, 500] {
            let body = json!({"error": {"message": format!("Received API Key = {key}, no"), "code": key}});
            for error in [refusal(status, body.to_string().as_bytes()), told(&body)] {
                assert!(!error.message.contains(key), "{error}");
            }
        }
    }
    let error = refusal(400, b"Authorization: Bearer opaque, of gpt-4o-2024-08-06");
    assert!(error.message.ends_with("Authorization: Bearer …, of gpt-4o-2024-08-06"), "{error}");
    let error = refusal(401, br#"{"error":{"message":"bad key opaque","code":"invalid_api_key"}}"#);
    assert!(error.message.ends_with("answered 401 (invalid_api_key)"), "{error}");
}

#[test]
fn errors_in_streams_are_understood() {
    let table = [
        (
            json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
            "provider_unavailable",
            true,
        ),
        (json!({"type": "tokens", "code": "rate_limit_exceeded"}), "provider_rate_limited", true),
        (json!({"type": "error", "code": null, "message": "?"}), "provider_unavailable", true),
        (json!({"object": "error", "type": "BadRequestError", "code": 400}), "provider_refused", false),
        (json!({"error": {"code": "502", "type": "None"}}), "provider_unavailable", true),
        (json!({"error": {"code": 401}}), "provider_unauthorized", false),
        (json!({"code": "invalid_prompt"}), "provider_refused", false),
        (json!("out of memory"), "provider_unavailable", true),
    ];
    for (error, code, retryable) in table {
        let told = told(&error);
        assert_eq!((told.code, told.retryable), (code, retryable), "{error}");
    }
}
