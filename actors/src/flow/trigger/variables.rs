//! What a run knows before its first step: the event, the fields of its data, and what its family of triggers
//! adds (contract §4.5, §14). Paths of placeholders, conditions and filters all begin here.

use serde_json::{Value, json};

use super::contact::{contact_of, fields_of, record_of, source_of};
use super::{Shape, listener};
use crate::event::Event;
use crate::flow::Map;

/// The variables of a run that a trigger of this type starts: every field of the event's data, and over them
/// `event`, `currentTime`, `triggerResult`, `contact` where one is known, and `emailEvent`, `appointment`,
/// `pageVisit`, `tagEvent` or `change` by the kind of the event.
#[must_use]
pub fn variables(trigger_type: &str, event: &Event) -> Map {
    let mut variables = event.data.as_object().cloned().unwrap_or_default();
    let contact = contact_of(event);
    variables.insert("triggerResult".to_owned(), trigger_result(trigger_type, event, contact.as_ref()));
    if let Some((name, value)) =
        listener(&event.kind).and_then(|trigger| family(trigger.shape, event, contact.as_ref()))
    {
        variables.insert(name.to_owned(), value);
    }
    if let Some(contact) = contact {
        variables.insert("contact".to_owned(), Value::Object(contact));
    }
    variables.insert("currentTime".to_owned(), json!(event.timestamp));
    variables.insert(
        "event".to_owned(),
        json!({
            "id": event.id, "event": event.kind, "orgId": event.org_id, "timestamp": event.timestamp,
            "data": event.data,
        }),
    );
    variables
}

fn trigger_result(trigger_type: &str, event: &Event, contact: Option<&Map>) -> Value {
    let mut result = json!({"triggerType": trigger_type, "event": event.kind});
    if let (Some(contact), Some(result)) = (contact, result.as_object_mut()) {
        let named = [("contactId", "id"), ("contactEmail", "email"), ("source", "source")];
        for (name, field) in named {
            if let Some(value) = contact.get(field) {
                result.insert(name.to_owned(), value.clone());
            }
        }
        result.insert("contactName".to_owned(), Value::String(full_name(contact)));
        if listener(&event.kind).is_some_and(|trigger| trigger.shape == Shape::Contact) {
            result.insert("source".to_owned(), source_of(contact, event).into());
        }
    }
    result
}

fn full_name(contact: &Map) -> String {
    let text = |name: &str| contact.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    match text("name") {
        "" => format!("{} {}", text("firstName"), text("lastName")).trim().to_owned(),
        name => name.to_owned(),
    }
}

/// What the family of an event adds, and its name.
fn family(shape: Shape, event: &Event, contact: Option<&Map>) -> Option<(&'static str, Value)> {
    let mut fields = fields_of(&event.data).cloned().unwrap_or_default();
    let or = |fields: &mut Map, name: &str, value: Value| {
        fields.entry(name).or_insert(value);
    };
    Some(match shape {
        Shape::Email => {
            or(&mut fields, "id", json!(event.id));
            ("emailEvent", fields.into())
        }
        Shape::Appointment => {
            let record = record_of(&event.data).and_then(|record| record.get("sk")).cloned();
            or(&mut fields, "id", record.unwrap_or_else(|| json!(event.id)));
            ("appointment", fields.into())
        }
        Shape::Page => {
            or(&mut fields, "timestamp", json!(event.occurred_at.unwrap_or(event.timestamp)));
            ("pageVisit", fields.into())
        }
        Shape::Tagged => ("tagEvent", tag_event(event, contact)),
        Shape::Change => ("change", change(event)?),
        Shape::Contact | Shape::Event | Shape::Scheduled | Shape::Plain => return None,
    })
}

fn tag_event(event: &Event, contact: Option<&Map>) -> Value {
    let id = contact.and_then(|contact| contact.get("id"));
    let tags = event.data.get("tags").filter(|tags| tags.is_array());
    let first = || tags.and_then(|tags| tags.get(0));
    let tag = event.data.get("tag").or_else(first);
    let parts = [("contactId", id), ("tag", tag), ("tags", tags)];
    parts
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())))
        .collect::<Map>()
        .into()
}

/// What was written, and of an update also what it was before, as far as the event says.
fn change(event: &Event) -> Option<Value> {
    let record = record_of(&event.data)?;
    let operation = event.kind.as_str().strip_prefix("collection-")?;
    let mut change = json!({"operation": operation, "datatype": record.get("datatype"), "record": record});
    for name in ["previous", "changedFields"] {
        if let (Some(value), Some(change)) = (event.data.get(name), change.as_object_mut()) {
            change.insert(name.to_owned(), value.clone());
        }
    }
    Some(change)
}
