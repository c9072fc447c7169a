use serde_json::json;

use super::*;
use crate::clock::Timestamp;
use crate::event::EventKind;
use crate::ids::EventId;

fn endpoint(body: Value) -> Endpoint {
    let now = Timestamp::from_millis(1);
    let mut whole = json!({
        "id": EndpointId::new(now), "orgId": "o", "url": "https://r.example", "events": ["*"], "status": "enabled",
        "createdAt": now, "updatedAt": now,
    });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn event(kind: &str, data: Value) -> Event {
    let now = Timestamp::from_millis(5);
    Event {
        id: EventId::new(now),
        kind: EventKind::new(kind).unwrap(),
        org_id: OrgId::new("o").unwrap(),
        timestamp: now,
        occurred_at: None,
        data,
        cause: None,
        depth: 0,
        by: None,
    }
}

fn indexed(endpoints: &[&Endpoint]) -> EndpointIndex {
    let mut index = EndpointIndex::default();
    endpoints.iter().for_each(|endpoint| index.insert(endpoint).unwrap());
    index
}

#[test]
fn an_event_goes_to_whoever_listens_once_each() {
    let all = endpoint(json!({"events": ["*", "order.*", "order.paid"]}));
    let orders = endpoint(json!({"events": ["order.*"]}));
    let other = endpoint(json!({"events": ["contact.created"]}));
    let mut index = indexed(&[&all, &orders, &other]);
    let to = |index: &EndpointIndex, event: &Event| {
        let mut ids: Vec<_> = index.subscribed(event).into_iter().map(|one| one.endpoint).collect();
        ids.sort();
        ids
    };
    let mut both = vec![all.id, orders.id];
    both.sort();
    assert_eq!(to(&index, &event("order.paid", json!({}))), both);
    assert_eq!(to(&index, &Event { org_id: OrgId::new("p").unwrap(), ..event("order.paid", json!({})) }), []);
    index.insert(&Endpoint { status: EndpointStatus::Disabled, ..all.clone() }).unwrap();
    assert_eq!(to(&index, &event("order.paid", json!({}))), [orders.id]);
    index.insert(&Endpoint { status: EndpointStatus::Paused, ..all }).unwrap();
    assert_eq!(to(&index, &event("order.paid", json!({}))), both);
    index.remove(&orders.org_id, orders.id);
    assert_eq!(to(&index, &event("order.paid", json!({}))).len(), 1);
}

#[test]
fn filters_see_what_is_sent() {
    let large = endpoint(json!({"filter": {"data.total": {"$gte": 100}, "event": "order.paid"}}));
    let index = indexed(&[&large]);
    assert_eq!(index.subscribed(&event("order.paid", json!({"total": 100}))).len(), 1);
    assert_eq!(index.subscribed(&event("order.paid", json!({"total": 99}))).len(), 0);
    assert_eq!(index.subscribed(&event("order.made", json!({"total": 100}))).len(), 0);
}

#[test]
fn an_endpoint_is_not_sent_that_it_fails_itself() {
    let (one, other) = (endpoint(json!({})), endpoint(json!({})));
    let index = indexed(&[&one, &other]);
    let failing = event("webhook.endpoint.failing", json!({ABOUT: one.id}));
    let to: Vec<_> = index.subscribed(&failing).into_iter().map(|one| one.endpoint).collect();
    assert_eq!(to, [other.id]);
}

#[test]
fn order_is_kept_by_endpoint_or_by_key() {
    let line = |body, data| indexed(&[&endpoint(body)]).subscribed(&event("a.b", data))[0].line.clone();
    let record = json!({"sk": "c-1", "datatype": "contact", "data": {"city": "Bonn"}});
    assert_eq!(line(json!({}), record.clone()), None);
    assert_eq!(line(json!({"fifo": "endpoint"}), record.clone()).as_deref(), Some(""));
    assert_eq!(line(json!({"fifo": "key"}), record.clone()).as_deref(), Some("contact:c-1"));
    assert_eq!(line(json!({"fifo": "key", "fifoKey": "data.data.city"}), record).as_deref(), Some("Bonn"));
}
