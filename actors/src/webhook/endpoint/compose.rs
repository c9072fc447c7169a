//! What an endpoint is sent of an event. Pure.

use serde_json::{Value, json};

use super::Endpoint;
use crate::event::Event;
use crate::form::Map;
use crate::form::template::{TemplateError, render};
use crate::webhook::body::standard;

/// A body, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The bytes that are signed and sent.
    pub body: String,
    /// Their media type.
    pub content_type: &'static str,
}

/// What is told of an event before any template: what filters and templates see too.
#[must_use]
pub fn unrendered(event: &Event) -> Value {
    json!({
        "id": event.id, "event": event.kind, "type": event.kind, "orgId": event.org_id,
        "timestamp": event.timestamp, "data": event.data,
    })
}

/// The body for an event.
///
/// # Errors
/// When the template makes too much of it.
pub fn compose(endpoint: &Endpoint, event: &Event) -> Result<Composed, TemplateError> {
    let Some(template) = &endpoint.template else {
        let body = standard(&event.org_id, event.kind.as_str(), event.timestamp, &event.data);
        return Ok(Composed { body, content_type: "application/json" });
    };
    let Value::Object(told) = unrendered(event) else {
        return Ok(Composed { body: String::new(), content_type: "" });
    };
    Ok(rendered(render(template, &told)?))
}

fn rendered(body: Value) -> Composed {
    match body {
        // A template that is a text is sent as that text, such as a form or a line for a chat.
        Value::String(body) => Composed { body, content_type: "text/plain; charset=utf-8" },
        other => Composed { body: other.to_string(), content_type: "application/json" },
    }
}

/// The key that orders an event: what stands at `path`, or the record that it is about.
#[must_use]
pub fn order_key(path: Option<&str>, data: &Value) -> Option<String> {
    let found = match path {
        Some(path) => lookup(path.strip_prefix("data.").unwrap_or(path), data)?,
        None => {
            let record = data.get("data").filter(|inner| inner.get("sk").is_some()).unwrap_or(data);
            let sk = ["sk", "id", "contactId"].into_iter().find_map(|name| record.get(name))?;
            let kind = record.get("datatype").and_then(Value::as_str).unwrap_or_default();
            return text(sk).map(|sk| format!("{kind}:{sk}"));
        }
    };
    text(found)
}

fn lookup<'v>(path: &str, data: &'v Value) -> Option<&'v Value> {
    let fields: &Map = data.as_object()?;
    crate::form::template::lookup(path, fields)
}

/// A key as a line has it: bounded, and none where there is nothing to tell apart.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty()).then(|| text.chars().take(256).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_ordered_by_its_record_or_by_what_the_endpoint_names() {
        let key = |path: Option<&str>, data: Value| order_key(path, &data);
        let record = json!({"sk": "c-1", "datatype": "contact", "data": {"email": "a@b.c", "n": 7}});
        assert_eq!(key(None, record.clone()).as_deref(), Some("contact:c-1"));
        assert_eq!(key(None, json!({"orgid": "o", "data": record.clone()})).as_deref(), Some("contact:c-1"));
        assert_eq!(key(Some("data.data.email"), record.clone()).as_deref(), Some("a@b.c"));
        assert_eq!(key(Some("data.data.n"), record.clone()).as_deref(), Some("7"));
        assert_eq!(key(Some("data.missing"), record), None);
        assert_eq!(key(None, json!({"amount": 3})), None);
        assert_eq!(key(None, json!(3)), None);
    }
}
