//! The types that are there from the start: what the program raises itself, and the names that AppEngine gives to what
//! happens elsewhere. Their schemas say little: whoever publishes under such a name has always been free in it, and an
//! organisation that wants more puts a type of its own in its place.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::EventType;

/// All of them, by name.
pub(super) fn all() -> &'static [EventType] {
    &TYPES
}

/// One by its name.
pub(super) fn find(name: &str) -> Option<EventType> {
    TYPES.iter().find(|known| known.name == name).cloned()
}

/// Data as an event of this name has it, where that is known: also of the writes of any collection.
pub(super) fn sample_of(name: &str) -> Option<Value> {
    if let Some(known) = find(name) {
        return known.sample;
    }
    let (datatype, word) = name.rsplit_once('.')?;
    ["created", "updated", "deleted"].contains(&word).then(|| record(datatype, json!({"name": "an example"})))
}

static TYPES: LazyLock<Vec<EventType>> = LazyLock::new(|| {
    let mut types: Vec<EventType> = [records(), contacts(), endpoints(), domains()].concat();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    types
});

fn built_in(name: &str, description: &str, fields: &[(&str, &[&str])], sample: Value) -> EventType {
    let properties = fields.iter().map(|(name, types)| ((*name).to_owned(), json!({"type": types})));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": ["object", "null"],
        "properties": properties.collect::<serde_json::Map<_, _>>(),
    });
    EventType {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        version: 1,
        schema: Some(schema),
        sample: Some(sample),
        built_in: true,
    }
}

/// A record as events tell of it.
fn record(datatype: &str, data: Value) -> Value {
    json!({
        "pk": "my-org", "sk": "01JS0000000000000000000000", "datatype": datatype, "data": data, "version": 0,
        "createdate": "2026-04-25T10:00:00.000Z", "modifydate": "2026-04-25T10:00:00.000Z",
    })
}

fn contact() -> Value {
    record("contact", json!({"email": "ada@example.com", "name": "Ada", "tags": ["vip"]}))
}

/// What a record has.
const RECORD: [(&str, &[&str]); 3] = [("sk", TEXT), ("datatype", TEXT), ("data", ANY)];
const TEXT: &[&str] = &["string", "null"];
const ID: &[&str] = &["string", "number", "null"];
const AMOUNT: &[&str] = &["number", "string", "null"];
const ANY: &[&str] = &["object", "array", "string", "number", "boolean", "null"];

fn records() -> Vec<EventType> {
    [("create", "made"), ("update", "changed"), ("delete", "deleted")]
        .map(|(verb, past)| {
            let name = format!("collection-{verb}");
            let about = format!("A record of any collection was {past}; in the same commit as the write.");
            let fields = [("orgid", TEXT), ("data", ANY), ("changedFields", &["array", "null"][..])];
            let mut sample = json!({"orgid": "my-org", "data": contact()});
            if verb == "update" {
                sample["changedFields"] = json!(["tags"]);
            }
            built_in(&name, &about, &fields, sample)
        })
        .into()
}

fn contacts() -> Vec<EventType> {
    let mut types: Vec<EventType> = [("created", "made"), ("updated", "changed"), ("deleted", "deleted")]
        .map(|(word, past)| {
            let about = format!("A contact or customer was {past}; in the same commit as the write.");
            built_in(&format!("contact.{word}"), &about, &RECORD, contact())
        })
        .into();
    let tagged = json!({"contactId": "01JS0000000000000000000000", "tag": "vip", "contact": contact()});
    let fields = [("contactId", TEXT), ("tag", TEXT), ("contact", ANY)];
    types.push(built_in("tag.added", "A contact got a tag.", &fields, tagged));
    let forgotten = json!({"email": "ada@example.com", "customer": record("customer", json!({"email": "ada@example.com"}))});
    types.push(built_in(
        "customer.password_reset_requested",
        "A customer's password is forgotten; the event holds no token.",
        &[("email", TEXT), ("customer", ANY)],
        forgotten,
    ));
    types
}

fn endpoints() -> Vec<EventType> {
    let told: [(&str, &str, Value); 8] = [
        ("created", "A webhook endpoint was registered.", json!({})),
        ("updated", "A webhook endpoint was changed, or its secret was replaced.", json!({})),
        ("deleted", "A webhook endpoint was removed; what it was owed is discarded.", json!({})),
        ("enabled", "A webhook endpoint is sent to again.", json!({})),
        ("paused", "A webhook endpoint is sent to later.", json!({"status": "paused"})),
        (
            "failing",
            "A webhook endpoint keeps failing and will be disabled if that goes on.",
            json!({
                "failingSince": "2026-01-01T00:00:00.000Z", "nextProbeAt": "2026-01-01T00:00:05.000Z",
                "disabledAt": "2026-01-06T00:00:00.000Z", "whatToDo": "look at the endpoint's latest deliveries",
            }),
        ),
        ("recovered", "A webhook endpoint that failed is well again; what waits is sent.", json!({})),
        (
            "disabled",
            "A webhook endpoint is disabled: nothing is sent to it until it is enabled.",
            json!({
                "status": "disabled", "disabledReason": "the receiver answered 410 (gone)",
                "whatToDo": "mend the receiver or change the url, then enable the endpoint",
            }),
        ),
    ];
    let one = |(verb, about, more): (&str, &str, Value)| {
        let mut sample = json!({
            "endpointId": "ep_01JS0000000000000000000000", "url": "https://example.com/hook", "description": null,
            "events": ["order.*"], "status": "enabled", "disabledReason": null,
        });
        if let (Some(fields), Value::Object(more)) = (sample.as_object_mut(), more) {
            fields.extend(more);
        }
        let known = [("endpointId", TEXT), ("url", TEXT), ("status", TEXT)];
        built_in(&format!("webhook.endpoint.{verb}"), about, &known, sample)
    };
    told.into_iter().map(one).collect()
}

/// What others tell of: AppEngine's own names for it.
fn domains() -> Vec<EventType> {
    let lead = |score: Option<u32>| {
        let mut data = json!({"orgId": "my-org", "leadId": "lead-1"});
        if let Some(score) = score {
            data["score"] = score.into();
        }
        data
    };
    let order = || json!({"orgId": "my-org", "orderId": "1042", "amount": 59.9});
    let payment = || json!({"orgId": "my-org", "paymentId": "pay-1", "orderId": "1042", "amount": 59.9});
    let mail =
        || json!({"orgId": "my-org", "campaignId": "spring", "contactId": "c-1", "email": "ada@example.com"});
    let chat = || json!({"orgId": "my-org", "chatId": "chat-1", "content": "hello"});
    let answer = |status: &str, finish: &str| {
        json!({
            "streamId": "str_1", "messageId": "msg_1", "conversationId": "c-1", "assistantId": null,
            "model": "a-model", "status": status, "finishReason": finish, "inputTokens": 11, "outputTokens": 7,
        })
    };
    let answers: &[(&str, &[&str])] = &[("streamId", ID), ("status", TEXT), ("finishReason", TEXT)];
    let money: &[(&str, &[&str])] = &[("orderId", ID), ("amount", AMOUNT)];
    let leads: &[(&str, &[&str])] = &[("leadId", ID), ("score", AMOUNT)];
    let mails: &[(&str, &[&str])] = &[("campaignId", ID), ("email", TEXT)];
    let chats: &[(&str, &[&str])] = &[("chatId", ID)];
    vec![
        built_in("order.placed", "An order was placed.", money, order()),
        built_in("order.paid", "An order was paid.", money, order()),
        built_in("payment.succeeded", "A payment came through.", money, payment()),
        built_in("payment.failed", "A payment did not come through.", money, payment()),
        built_in(
            "subscription.renewed",
            "A subscription goes on for another period.",
            &[("subscriptionId", ID)],
            json!({"orgId": "my-org", "subscriptionId": "sub-1"}),
        ),
        built_in("lead.qualified", "A lead is worth following.", leads, lead(None)),
        built_in("lead.scored", "A lead got a score.", leads, lead(Some(80))),
        built_in("email.opened", "A message of a campaign was opened.", mails, mail()),
        built_in("email.clicked", "A link in a message of a campaign was followed.", mails, mail()),
        built_in(
            "appointment.booked",
            "An appointment was booked.",
            &[("definitionId", ID), ("appointmentId", ID)],
            json!({"orgId": "my-org", "definitionId": "consultation", "appointmentId": "a-1"}),
        ),
        built_in("ai.run.completed", "An answer of a model is over.", answers, answer("done", "stop")),
        built_in(
            "ai.run.failed",
            "An answer of a model broke off.",
            answers,
            answer("failed", "stream_broken"),
        ),
        built_in("chat-queue-notification", "A conversation waits in a queue.", chats, chat()),
        built_in("chat-new-message", "A message was written in a conversation.", chats, chat()),
        built_in("chat-update-message", "A message of a conversation was changed.", chats, chat()),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::schema::Schema;
    use super::*;

    #[test]
    fn each_has_a_name_once_words_and_a_sample_that_its_schema_takes() {
        assert!(all().is_sorted_by(|a, b| a.name < b.name));
        for known in all() {
            let schema = Schema::read(known.schema.as_ref().unwrap()).unwrap();
            assert_eq!(schema.check(known.sample.as_ref().unwrap()), [], "{}", known.name);
            assert_eq!(schema.check(&Value::Null), [], "{}", known.name);
            assert!(known.description.as_ref().is_some_and(|text| text.ends_with('.')));
            assert!((known.version, known.built_in) == (1, true));
        }
    }

    #[test]
    fn writes_of_any_collection_have_a_sample() {
        assert_eq!(sample_of("invoice.updated").unwrap()["datatype"], "invoice");
        assert_eq!(sample_of("contact.created").unwrap()["data"]["name"], "Ada");
        assert_eq!(sample_of("invoice.burnt"), None);
        assert_eq!(sample_of("created"), None);
    }
}
