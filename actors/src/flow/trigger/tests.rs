use std::collections::BTreeSet;

mod armed;
mod context;

use super::*;
use crate::clock::Timestamp;
use crate::event::Event;
use crate::flow::Map;
use crate::flow::definition::Flow;
use crate::form::template::lookup;
use crate::ids::{EventId, OrgId, RecordId};
use serde_json::json;

/// A filter of paths and the values there; names that begin with `$` are refused.
pub(in crate::flow) struct Equals(Map);

impl Filter for Equals {
    fn compile(query: &Value) -> Result<Self, Vec<Problem>> {
        let refuse =
            |path: String, message: &str| Problem { path, message: message.to_owned(), forbidden: false };
        let fields = query.as_object().ok_or_else(|| vec![refuse(String::new(), "is no query")])?;
        let bad: Vec<_> = fields
            .keys()
            .filter(|name| name.starts_with('$'))
            .map(|name| refuse(name.clone(), "is unknown"))
            .collect();
        if bad.is_empty() { Ok(Self(fields.clone())) } else { Err(bad) }
    }

    fn matches(&self, document: &Value) -> bool {
        let document = document.as_object().cloned().unwrap_or_default();
        self.0.iter().all(|(path, wanted)| lookup(path, &document) == Some(wanted))
    }
}

const NOW: &str = "2026-04-25T10:00:00.000Z";

fn event(org: &str, kind: &str, data: Value) -> Event {
    let timestamp: Timestamp = NOW.parse().unwrap();
    Event {
        id: EventId::new(timestamp),
        kind: EventKind::new(kind).unwrap(),
        org_id: OrgId::new(org).unwrap(),
        timestamp,
        occurred_at: None,
        data,
        cause: None,
        depth: 0,
        by: None,
    }
}

fn flow(trigger: &Value) -> Flow {
    let mut body = json!({"name": "f", "status": "active", "triggers": [trigger], "steps": []});
    body["triggers"][0]["id"] = json!("t");
    body["triggers"][0]["name"] = json!("t");
    serde_json::from_value(body).unwrap()
}

fn index(trigger: &Value) -> TriggerIndex<Equals> {
    let mut index = TriggerIndex::default();
    let (org, id) = (OrgId::new("a").unwrap(), RecordId::new("flow-1").unwrap());
    index.insert(&org, &id, 1, &flow(trigger)).unwrap();
    index
}

fn fires(kind: &str, config: &Value, event_kind: &str, data: &Value) -> bool {
    let index = index(&json!({"type": kind, "config": config}));
    let event = event("a", event_kind, data.clone());
    index.candidates(&event).any(|armed| armed.fires(&event))
}

#[test]
fn names_are_resolved_through_the_table() {
    let table = [
        ("contact_created", "contact_created", None),
        ("contact.created", "contact_created", None),
        ("contact.imported", "contact_created", None),
        ("tag.added", "contact_tagged", None),
        ("tag.assigned", "contact_tagged", None),
        ("email_tracking.click", "email_clicked", None),
        ("event", "event", None),
        ("order.paid", "event", Some("order.paid")),
        ("order.*", "event", Some("order.*")),
        ("*", "event", Some("*")),
        ("chat-new-message", "event", Some("chat-new-message")),
        ("collection-create", "event", Some("collection-create")),
    ];
    for (text, kind, pattern) in table {
        assert_eq!(resolve(text), Ok((kind, pattern)), "{text}");
    }
    for text in ["contact_craeted", "", "order.**", "*.paid", "a..b", ".*", "order", "a b.c", "**"] {
        assert_eq!(resolve(text), Err(TriggerError::Unknown { found: text.to_owned() }), "{text}");
    }
    let message = resolve("contact_craeted").unwrap_err().to_string();
    assert!(message.starts_with("is `contact_craeted`; expected one of `contact_created`, "), "{message}");
    for text in ["scheduled_time", "scheduled", "schedule", "cron_trigger"] {
        assert_eq!(resolve(text), Ok(("scheduled_time", None)), "{text}");
    }
}

#[test]
fn no_event_belongs_to_two_types_and_every_dotted_one_resolves_to_its_own() {
    let all: Vec<_> = BUILT_IN
        .iter()
        .flat_map(|trigger| trigger.listens.iter().map(|kind| (trigger.kind, *kind)))
        .collect();
    assert_eq!(all.iter().map(|(_, kind)| kind).collect::<BTreeSet<_>>().len(), all.len());
    for (kind, listened) in all {
        assert!(EventKind::new(listened).is_ok());
        if listened.contains('.') {
            assert_eq!(resolve(listened), Ok((kind, None)));
        }
    }
}

#[test]
fn each_type_asks_what_the_contract_says() {
    let contact = json!({
        "sk": "contact-abc", "datatype": "contact", "createdate": "2026-04-25T09:56:00.000Z",
        "data": {"email": "ada@example.com", "source": "form", "tags": ["vip", "eu"], "plan": "pro", "customFields": {"size": 5}},
    });
    let mut old = contact.clone();
    old["createdate"] = json!("2026-04-25T09:54:59.999Z");
    let record = |datatype: &str| json!({"orgid": "a", "data": {"sk": "1", "datatype": datatype, "data": {"state": "open"}}});
    let click = json!({"campaignId": 7, "url": "https://shop.example/cart?x=1"});
    let table = [
        ("contact_created", json!({}), "contact.created", &contact, true),
        ("contact_created", json!({}), "contact.imported", &contact, true),
        ("contact_created", json!({}), "contact.updated", &contact, false),
        ("contact_created", json!({}), "contact.created", &old, false),
        ("contact_created", json!({}), "contact.created", &json!({}), true),
        ("contact_created", json!({"source": "form"}), "contact.created", &contact, true),
        ("contact_created", json!({"source": "api"}), "contact.created", &contact, false),
        ("contact_created", json!({"tags": "new, vip"}), "contact.created", &contact, true),
        ("contact_created", json!({"tags": ["new"]}), "contact.created", &contact, false),
        ("contact_created", json!({"excludeTags": ["eu"]}), "contact.created", &contact, false),
        (
            "contact_created",
            json!({"customFields": {"plan": "pro", "size": "5"}}),
            "contact.created",
            &contact,
            true,
        ),
        ("contact_created", json!({"customFields": {"plan": "free"}}), "contact.created", &contact, false),
        ("contact_created", json!({"source": "api"}), "contact.created", &json!({}), true),
        ("contact_created", json!({"source": "import"}), "contact.created", &json!({}), false),
        ("contact_created", json!({"source": "import"}), "contact.imported", &json!({}), true),
        ("contact_tagged", json!({}), "tag.added", &json!({"contactId": "1", "tag": "vip"}), true),
        ("contact_tagged", json!({"tags": ["vip"]}), "tag.added", &json!({"tag": "vip"}), true),
        ("contact_tagged", json!({"tags": ["vip"]}), "contact.tagged", &json!({"tags": ["eu", "vip"]}), true),
        ("contact_tagged", json!({"tags": ["vip"]}), "tag.added", &json!({"tag": "eu"}), false),
        ("page_visited", json!({"urlContains": "/cart"}), "page.visited", &click, true),
        ("page_visited", json!({"urlContains": "/cart", "urlRegex": "x=\\d$"}), "page.visited", &click, true),
        ("page_visited", json!({"urlRegex": "^/cart"}), "website.page_view", &click, false),
        ("email_clicked", json!({"campaignId": "7", "urlContains": "shop"}), "email.clicked", &click, true),
        ("email_clicked", json!({"campaignId": "8"}), "email.clicked", &click, false),
        ("email_opened", json!({"campaignId": 7}), "email.open", &click, true),
        ("email_opened", json!({}), "email.clicked", &click, false),
        (
            "appointment_booked",
            json!({"definitionId": "d"}),
            "booking.created",
            &json!({"definitionId": "d"}),
            true,
        ),
        ("appointment_booked", json!({"definitionId": "d"}), "booking.created", &json!({}), false),
        ("database_change", json!({"datatype": "order"}), "collection-delete", &record("order"), true),
        ("database_change", json!({"datatype": "order"}), "collection-create", &record("invoice"), false),
        ("database_change", json!({"datatype": "contact"}), "collection-create", &record("customer"), true),
        (
            "database_change",
            json!({"collection": "order", "operation": "update"}),
            "collection-update",
            &record("order"),
            true,
        ),
        (
            "database_change",
            json!({"datatype": "order", "operations": ["update"]}),
            "collection-create",
            &record("order"),
            false,
        ),
        (
            "database_change",
            json!({"datatype": "order", "filter": {"data.state": "open"}}),
            "collection-create",
            &record("order"),
            true,
        ),
        (
            "database_change",
            json!({"datatype": "order", "filter": {"data.state": "paid"}}),
            "collection-create",
            &record("order"),
            false,
        ),
        ("call_incoming", json!({}), "call.inbound", &json!({}), true),
        ("sms_received", json!({"filter": {"text": "STOP"}}), "sms.received", &json!({"text": "STOP"}), true),
        ("event", json!({"event": "order.*"}), "order.line.added", &json!({}), true),
        ("event", json!({"event": "order.*"}), "order", &json!({}), false),
        ("event", json!({"event": "*"}), "anything", &json!([]), true),
    ];
    for (kind, config, event_kind, data, expected) in table {
        assert_eq!(fires(kind, &config, event_kind, data), expected, "{kind} {config} {event_kind} {data}");
    }
}

#[test]
fn without_a_record_the_event_itself_says_how_old_the_contact_is() {
    let index = index(&json!({"type": "contact_created"}));
    let mut event = event("a", "contact.created", json!({"contact": {"email": "ada@example.com"}}));
    for (occurred, expected) in
        [("2026-04-25T09:55:00Z", true), ("2026-04-25T09:54:00Z", false), ("2026-04-26T00:00:00Z", true)]
    {
        event.occurred_at = Some(occurred.parse().unwrap());
        assert_eq!(index.candidates(&event).any(|armed| armed.fires(&event)), expected, "{occurred}");
    }
}

#[test]
fn a_filter_sees_what_placeholders_see() {
    let filter =
        json!({"contact.email": "ada@example.com", "data.plan": "pro", "event.event": "contact.created"});
    let index = index(&json!({"type": "contact_created", "filter": filter}));
    for (plan, expected) in [("pro", true), ("free", false)] {
        let data =
            json!({"sk": "c", "datatype": "contact", "data": {"email": "ada@example.com", "plan": plan}});
        let event = event("a", "contact.created", data);
        assert_eq!(index.candidates(&event).any(|armed| armed.fires(&event)), expected);
    }
}
