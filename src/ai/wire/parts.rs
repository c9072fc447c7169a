//! What the bodies have in common: schemas, arguments, results, pictures.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::names::mark;

/// A tool's schema as providers take it: always of an object, whose properties are said.
#[must_use]
pub fn schema(schema: &Value) -> Value {
    let Value::Object(said) = schema else {
        return json!({"type": "object", "properties": {}});
    };
    let mut said = said.clone();
    if said.get("type").is_none_or(Value::is_null) {
        said.insert("type".to_owned(), "object".into());
    }
    if said.get("type").is_some_and(|kind| kind == "object") && !said.contains_key("properties") {
        said.insert("properties".to_owned(), json!({}));
    }
    Value::Object(said)
}

/// The arguments of a call that was made. What is no object is put in one, since servers read them again.
#[must_use]
pub fn arguments(input: &Value) -> Cow<'_, Value> {
    match input {
        Value::Object(_) => Cow::Borrowed(input),
        Value::Null => Cow::Owned(Value::Object(Map::new())),
        other => Cow::Owned(json!({"input": other})),
    }
}

/// What came of a tool, in words.
#[must_use]
pub fn output(output: &Value) -> String {
    match output {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What came of a tool, in words, where only the words can say that it is an error.
#[must_use]
pub fn outcome(result: &Value, is_error: bool) -> String {
    if is_error && result.get("error").is_none() {
        return json!({"error": result}).to_string();
    }
    output(result)
}

/// How much chance there is in an answer, within what a provider takes.
#[must_use]
pub fn temperature(wanted: Option<f64>, most: f64) -> Option<f64> {
    wanted.filter(|wanted| wanted.is_finite()).map(|wanted| wanted.clamp(0.0, most))
}

/// The id of a call as a provider takes it that wants so many letters, digits, `_` and `-`: another provider may have
/// given it.
#[must_use]
pub fn call_id(id: &str, most: usize) -> Cow<'_, str> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=most).contains(&id.len()) && id.bytes().all(is_fit) {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(format!("call_{:016x}", mark(id)))
    }
}

/// The kind and the base64 text of a `data:` address.
#[must_use]
pub fn inline(address: &str) -> Option<(&str, &str)> {
    let (about, data) = address.strip_prefix("data:")?.split_once(',')?;
    let about = about.strip_suffix(";base64")?;
    let kind = about.split(';').next().unwrap_or_default();
    Some((if kind == "image/jpg" { "image/jpeg" } else { kind }, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_of_objects() {
        let plain = json!({"type": "object", "properties": {}});
        let whole = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let table = [
            (Value::Null, plain.clone()),
            (json!({}), plain.clone()),
            (json!({"type": null}), plain.clone()),
            (json!({"type": "object"}), plain),
            (whole.clone(), whole),
        ];
        for (given, taken) in table {
            assert_eq!(schema(&given), taken, "{given}");
        }
    }

    #[test]
    fn arguments_are_objects() {
        for (given, taken) in [
            (json!({"a": 1}), json!({"a": 1})),
            (Value::Null, json!({})),
            (json!("{oops"), json!({"input": "{oops"})),
        ] {
            assert_eq!(*arguments(&given), taken);
        }
    }

    #[test]
    fn results_are_words() {
        let table = [
            (json!("done"), false, "done"),
            (json!({"a": 1}), false, r#"{"a":1}"#),
            (json!("no"), true, r#"{"error":"no"}"#),
            (json!({"error": "no"}), true, r#"{"error":"no"}"#),
            (Value::Null, false, "null"),
        ];
        for (result, is_error, words) in table {
            assert_eq!(outcome(&result, is_error), words);
        }
    }

    #[test]
    fn ids_are_fit() {
        assert_eq!(call_id("toolu_01-a", 64), "toolu_01-a");
        for odd in ["functions.get:0", "", &"x".repeat(65)] {
            let id = call_id(odd, 64);
            assert_eq!(id.len(), 21, "{odd}");
            assert_eq!(id, call_id(odd, 64));
        }
    }

    #[test]
    fn temperatures_are_within_bounds() {
        let table = [
            (None, None),
            (Some(0.5), Some(0.5)),
            (Some(1.7), Some(1.0)),
            (Some(-1.0), Some(0.0)),
            (Some(f64::NAN), None),
        ];
        for (wanted, taken) in table {
            assert_eq!(temperature(wanted, 1.0), taken);
        }
    }

    #[test]
    fn pictures_in_addresses_are_found() {
        let table = [
            ("data:image/png;base64,AAAA", Some(("image/png", "AAAA"))),
            ("data:image/jpg;x=y;base64,AA==", Some(("image/jpeg", "AA=="))),
            ("data:image/png,AAAA", None),
            ("https://example.com/a.png", None),
        ];
        for (address, found) in table {
            assert_eq!(inline(address), found, "{address}");
        }
    }
}
