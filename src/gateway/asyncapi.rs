//! The description of the sockets (AsyncAPI 3.0), made from the types that cross them. Each namespace lists its events
//! beside their types; here these lists become the document.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::protocol::{Failure, HandshakeAuth};
use super::{chat, community};

/// An event of a namespace.
pub(super) struct Event {
    name: &'static str,
    about: &'static str,
    payload: Option<Named>,
    /// What answers it, beside a failure; of what the server sends nothing does.
    answer: Option<Named>,
}

/// The name of a schema, and all that it needs.
struct Named {
    name: String,
    definitions: Vec<(String, RefOr<Schema>)>,
}

impl Named {
    fn of<T: ToSchema>() -> Self {
        let mut definitions = Vec::new();
        T::schemas(&mut definitions);
        definitions.push((T::name().into_owned(), T::schema()));
        Self { name: T::name().into_owned(), definitions }
    }

    fn reference(&self) -> Value {
        json!({"$ref": format!("#/components/schemas/{}", self.name)})
    }
}

/// An event that clients send, and its acknowledgement.
pub(super) fn asks<P: ToSchema, A: ToSchema>(name: &'static str, about: &'static str) -> Event {
    Event { name, about, payload: Some(Named::of::<P>()), answer: Some(Named::of::<A>()) }
}

/// An event that clients hear.
pub(super) fn hears<P: ToSchema>(name: &'static str, about: &'static str) -> Event {
    Event { name, about, payload: Some(Named::of::<P>()), answer: None }
}

/// An event that clients hear and that carries nothing.
pub(super) const fn hears_bare(name: &'static str, about: &'static str) -> Event {
    Event { name, about, payload: None, answer: None }
}

/// A namespace with its events.
pub(super) struct Namespace {
    /// What clients connect to.
    pub path: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What clients send and hear.
    pub events: Vec<Event>,
}

/// The document.
#[must_use]
pub fn asyncapi() -> Value {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    let (mut messages, mut schemas) = (Map::new(), Map::new());
    for known in [Named::of::<Failure>(), Named::of::<HandshakeAuth>()] {
        define(&mut schemas, known.definitions);
    }
    for Namespace { path, about, events } in [chat::described(), community::described()] {
        let channel = path.trim_start_matches('/').to_owned();
        let at = format!("#/channels/{channel}");
        let mut carried = Map::new();
        for Event { name, about, payload, answer } in events {
            let mut carry = |suffix: &str, payload: Value| {
                let (key, named) = (format!("{channel}.{name}{suffix}"), format!("{name}{suffix}"));
                carried.insert(named.clone(), json!({"$ref": format!("#/components/messages/{key}")}));
                messages.insert(key, json!({"name": name, "summary": about, "payload": payload}));
                json!({"$ref": format!("{at}/messages/{named}")})
            };
            let nothing = || json!({"type": "null"});
            // The same name may go both ways.
            let sent = if answer.is_some() { "" } else { ".sent" };
            let message = carry(sent, payload.as_ref().map_or_else(nothing, Named::reference));
            let mut operation =
                json!({"action": "send", "summary": about, "channel": {"$ref": at}, "messages": [message]});
            if let (Some(answer), Some(fields)) = (&answer, operation.as_object_mut()) {
                let failure = Named::of::<Failure>().reference();
                let reply = carry(".answer", json!({"anyOf": [answer.reference(), failure]}));
                fields.insert("action".to_owned(), json!("receive"));
                fields.insert("reply".to_owned(), json!({"channel": {"$ref": at}, "messages": [reply]}));
            }
            operations.insert(format!("{channel}.{name}{sent}"), operation);
            let named = payload.into_iter().chain(answer);
            named.for_each(|named| define(&mut schemas, named.definitions));
        }
        channels.insert(channel, json!({"address": path, "description": about, "messages": carried}));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "appengine", "version": env!("CARGO_PKG_VERSION"),
            "description": "Socket.IO 4 on `/socket.io/`. A channel is a namespace; `receive` is what clients send, and its \
                reply the acknowledgement; `send` is what they hear, under names that end in `.sent`. The handshake's `auth` is the schema `HandshakeAuth`.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas},
    })
}

fn define(schemas: &mut Map<String, Value>, definitions: Vec<(String, RefOr<Schema>)>) {
    for (name, schema) in definitions {
        // What has a schema can be written as JSON.
        schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference in a value.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = asyncapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100, "{}", found.len());
        for reference in found {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    /// The events that a file registers, by their names.
    fn registered(text: &str) -> Vec<String> {
        let calls = text.match_indices("on(socket, member, \"").map(|(at, call)| &text[at + call.len()..]);
        calls.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
    }

    #[test]
    fn every_event_that_is_registered_is_described() {
        let document = asyncapi();
        let events = [
            ("chat", registered(include_str!("chat.rs"))),
            ("chat", registered(include_str!("chat/visit.rs"))),
            ("chat", chat::OF_STAFF.map(str::to_owned).to_vec()),
            ("community-chat", registered(include_str!("community.rs"))),
        ];
        for (channel, names) in events {
            assert!(!names.is_empty(), "{channel}");
            for name in names {
                let operation = &document["operations"][format!("{channel}.{name}")];
                assert_eq!(operation["action"], "receive", "{channel} {name}");
            }
        }
    }
}
