//! Whom an event is about: the record, or what else is known of the contact, as one flat object.
//! `contact` and `customer` are the same thing to automation (contract §13.11).

use serde_json::Value;

use super::{Shape, listener};
use crate::event::Event;
use crate::flow::Map;
use crate::form::fields::words;

/// The record that an event carries: its data, or the `data` of it (contract §4.11).
pub(super) fn record_of(data: &Value) -> Option<&Value> {
    let is_record = |value: &&Value| {
        value.get("data").is_some_and(Value::is_object) && value.get("datatype").is_some_and(Value::is_string)
    };
    Some(data).filter(is_record).or_else(|| data.get("data").filter(is_record))
}

/// The datatype of the record that an event carries.
pub(super) fn datatype_of(data: &Value) -> Option<&str> {
    record_of(data)?.get("datatype")?.as_str()
}

/// The application's fields of an event: those of its record, else its data.
pub(super) fn fields_of(data: &Value) -> Option<&Map> {
    record_of(data).map_or(data, |record| record.get("data").unwrap_or(record)).as_object()
}

/// The contact `{id, email, …, tags, source, createdAt}` of an event, with all its other fields beside them.
pub(super) fn contact_of(event: &Event) -> Option<Map> {
    let data = event.data.as_object()?;
    let is_contact = datatype_of(&event.data).is_some_and(|datatype| same_datatype(datatype, "contact"));
    let record = record_of(&event.data).filter(|_| is_contact);
    if let Some(contact) = record.or_else(|| data.get("contact")).and_then(Value::as_object) {
        return Some(flat(contact));
    }
    if listener(&event.kind).is_some_and(|trigger| trigger.shape == Shape::Contact) {
        return Some(flat(data));
    }
    known(data)
}

/// Where a contact came from (contract §4.5): what it says itself, else what its event says.
pub(super) fn source_of<'c>(contact: &'c Map, event: &Event) -> &'c str {
    let usual = if event.kind.as_str() == "contact.imported" { "import" } else { "api" };
    contact.get("source").and_then(Value::as_str).unwrap_or(usual)
}

/// Whether two names mean the same datatype to automation.
pub(super) fn same_datatype(one: &str, other: &str) -> bool {
    let is_contact = |name| matches!(name, "contact" | "customer");
    one == other || (is_contact(one) && is_contact(other))
}

/// A record or an object of plain fields, as plain fields.
fn flat(contact: &Map) -> Map {
    let record = contact.get("data").and_then(Value::as_object);
    let mut fields = record.unwrap_or(contact).clone();
    let named: [(&str, &[&str]); 2] =
        [("id", &["sk", "id", "contactId"]), ("createdAt", &["createdate", "createdAt"])];
    for (name, sources) in named {
        if let Some(value) = sources.iter().find_map(|source| contact.get(*source)) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    let tags = fields.get("tags").and_then(words).unwrap_or_default();
    fields.insert("tags".to_owned(), tags.into());
    fields
}

/// What an event says of a contact that it does not carry.
fn known(data: &Map) -> Option<Map> {
    let find = |names: [&str; 2]| {
        names.into_iter().find_map(|name| data.get(name)).filter(|value| value.is_string())
    };
    let id = find(["contactId", "customerId"]);
    let email = find(["contactEmail", "email"]);
    let found: Map = [("id", id), ("email", email)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())))
        .collect();
    (!found.is_empty()).then_some(found)
}
