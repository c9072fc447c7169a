//! Calls of vendors: kept once, understood once, with the contacts and deliveries that they are about.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::event::{Event, EventKind};
use appengine_actors::ids::{CallId, Datatype, IntegrationId, RecordId};
use appengine_actors::inbound::call::{CallStatus, StoredCall};
use appengine_actors::inbound::calls::{Kept, Wanted};
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::inbound::integrations::IntegrationError;
use appengine_actors::inbound::told::{Contact, Delivery, Told};
use appengine_actors::inbound::translator::Translator;
use appengine_actors::list::Slice;
use appengine_actors::log::EventLog;
use appengine_actors::record::model::Record;
use appengine_actors::record::service::{NewRecord, Origin};
use appengine_actors::retention::Ages;
use appengine_actors::testkit::probe::quiet;
use appengine_actors::testkit::{Setup, TestHouse};
use serde_json::{Map, Value, json};

const ALL: Slice = Slice { skip: 0, limit: 100 };

/// A vendor whose calls say what they tell: a list of `[kind, id, email?, message?, status?]`.
struct Plain;

impl Translator for Plain {
    fn translate(&self, _: &StoredCall, body: Vec<u8>) -> Vec<Told> {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        body.as_array().into_iter().flatten().map(told).collect()
    }
}

fn told(item: &Value) -> Told {
    let text = |name: &str| item[name].as_str().map(str::to_owned);
    let kind = if item["kind"] == "email.opened" { "email.opened" } else { "payment.succeeded" };
    let told = Told::new(kind, text("id").unwrap_or_default(), item).with("amount", item["amount"].clone());
    let told = told.about(Contact { email: text("email"), phone: text("phone"), name: text("name") });
    match text("message") {
        Some(message) => told.delivered(Delivery {
            message,
            status: if item["status"] == "opened" { Some("opened") } else { Some("delivered") },
            recipient: None,
            provider_event: "open".to_owned(),
            ip: None,
            user_agent: None,
            url: None,
        }),
        None => told,
    }
}

fn start() -> TestHouse {
    Setup { translator: Arc::new(Plain), ..Setup::default() }.start()
}

fn integration_id(house: &TestHouse) -> IntegrationId {
    IntegrationId::new(house.house().clock.now())
}

/// A call, kept.
async fn call(house: &TestHouse, by: IntegrationId, vendor_id: &str, body: &Value) -> (CallId, Kept) {
    let now = house.house().clock.now();
    let body = body.to_string();
    let call = StoredCall {
        id: CallId::new(now),
        org_id: house.org.clone(),
        vendor: "stripe".to_owned(),
        integration_id: by,
        vendor_id: vendor_id.to_owned(),
        received_at: now,
        method: "POST".to_owned(),
        url: "https://hooks.example/".to_owned(),
        headers: Vec::new(),
        body_bytes: body.len(),
        status: CallStatus::Pending,
        events: Vec::new(),
        replays: 0,
    };
    let kept = house.machine.inbound.calls.keep(&call, body.as_bytes()).await.unwrap();
    quiet().await;
    (call.id, kept)
}

async fn read(house: &TestHouse, id: CallId) -> StoredCall {
    house.machine.inbound.calls.get(&house.org, id).await.unwrap().unwrap()
}

async fn events(house: &TestHouse, kind: &str) -> Vec<Event> {
    let log = EventLog::new(house.house().store.clone());
    log.page(&house.org, Some(&EventKind::new(kind).unwrap()), None, false, 1_000).await.unwrap().events
}

async fn contacts(house: &TestHouse, email: &str) -> Vec<Record> {
    let contact = Datatype::new("contact").unwrap();
    house.machine.records.with_email(&house.org, &contact, email, 10).await.unwrap()
}

#[actix::test]
async fn a_call_that_comes_again_has_one_effect() {
    let house = start();
    let by = integration_id(&house);
    let paid = json!([{"id": "pi_1", "amount": 500, "email": "Ann@Example.com", "name": "Ann"}]);
    let (id, kept) = call(&house, by, "evt_1", &paid).await;
    assert_eq!(kept, Kept::New(id));
    for _ in 0..3 {
        assert_eq!(call(&house, by, "evt_1", &paid).await.1, Kept::Again);
    }
    let house = house.restart().await;
    assert_eq!(call(&house, by, "evt_1", &paid).await.1, Kept::Again);
    // The same thing told by another call is the same event.
    let (second, _) = call(&house, by, "evt_2", &paid).await;
    let first = read(&house, id).await;
    assert_eq!((first.status, first.events.len()), (CallStatus::Understood, 1));
    assert_eq!(read(&house, second).await.status, CallStatus::Ignored);
    let events = events(&house, "payment.succeeded").await;
    assert_eq!(events.len(), 1);
    let people = contacts(&house, "ann@example.com").await;
    assert_eq!(people.len(), 1);
    let data = &events[0].data;
    assert_eq!(
        (&data["amount"], &data["vendor"], &data["callId"]),
        (&json!(500), &json!("stripe"), &json!(id))
    );
    assert_eq!((&data["contactId"], &data["payload"]["name"]), (&json!(people[0].sk), &json!("Ann")));
    // Another integration is another account, with ids of its own.
    let (third, _) = call(&house, integration_id(&house), "evt_1", &paid).await;
    assert_eq!(read(&house, third).await.events.len(), 1);
    assert_eq!(contacts(&house, "ann@example.com").await.len(), 1);
}

#[actix::test]
async fn whoever_has_a_call_read_again_gets_its_events_anew() {
    let house = start();
    let (id, _) =
        call(&house, integration_id(&house), "evt_1", &json!([{"id": "pi_1"}, {"id": "pi_1"}])).await;
    assert_eq!(read(&house, id).await.events.len(), 1, "told twice in one call, and once to us");
    house.machine.inbound.calls.replay(&house.org, id).await.unwrap();
    quiet().await;
    let call = read(&house, id).await;
    assert_eq!((call.events.len(), call.replays, call.status), (2, 1, CallStatus::Understood));
}

#[actix::test]
async fn people_are_found_by_their_number_too() {
    let house = start();
    let customer = Datatype::new("customer").unwrap();
    let data = json!({"phone": "+49 (30) 123456", "email": "bob@example.com"});
    let data: Map<String, Value> = data.as_object().cloned().unwrap();
    let new = NewRecord { datatype: customer, sk: None, data, meta: Map::new(), once: false };
    house.machine.records.create(&house.org, new, &Origin::default()).await.unwrap();
    let bob: RecordId = {
        let customer = Datatype::new("customer").unwrap();
        house
            .machine
            .records
            .with_email(&house.org, &customer, "bob@example.com", 1)
            .await
            .unwrap()
            .remove(0)
            .sk
    };
    let by = integration_id(&house);
    let two = json!([
        {"id": "1", "phone": "+4930123456"},
        {"id": "2", "phone": "+491700000", "name": "New"},
        {"id": "3", "phone": "+49 170 0000"},
        {"id": "4"},
    ]);
    call(&house, by, "evt_1", &two).await;
    let events = events(&house, "payment.succeeded").await;
    let of = |n: usize| events[n].data["contactId"].clone();
    assert_eq!(of(0), json!(bob));
    assert!(of(1).as_str().unwrap().starts_with("contact-") && of(1) == of(2), "made once");
    assert!(of(3).is_null());
}

#[actix::test]
async fn deliveries_go_on_as_they_are_told_of() {
    let house = start();
    let datatype = Datatype::new("broadcast_delivery").unwrap();
    let data = json!({"messageId": "m-1", "status": "sent", "email": "ann@example.com"});
    let data: Map<String, Value> = data.as_object().cloned().unwrap();
    let sk = RecordId::new("delivery-1").unwrap();
    let new =
        NewRecord { datatype: datatype.clone(), sk: Some(sk.clone()), data, meta: Map::new(), once: false };
    house.machine.records.create(&house.org, new, &Origin::default()).await.unwrap();
    let opened = json!([
        {"kind": "email.opened", "id": "1", "message": "m-1", "status": "opened"},
        {"kind": "email.opened", "id": "2", "message": "m-1", "status": "delivered"},
        {"kind": "email.opened", "id": "3", "message": "of somebody else"},
    ]);
    call(&house, integration_id(&house), "evt_1", &opened).await;
    let found = house.machine.records.read(&house.org, &datatype, &sk).await.unwrap().unwrap().record;
    assert_eq!(found.data["status"], "opened");
    let types: Vec<&Value> =
        found.data["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["opened", "delivered"]);
    assert_eq!(events(&house, "email.opened").await.len(), 3);
}

#[actix::test]
async fn what_is_larger_than_an_event_is_read_from_the_call() {
    let house = start();
    let text = "x".repeat(300_000);
    let (id, _) = call(&house, integration_id(&house), "evt_1", &json!([{"id": "1", "text": text}])).await;
    let events = events(&house, "payment.succeeded").await;
    assert_eq!(events[0].data["payloadOmitted"], true);
    let stored = read(&house, id).await;
    let body = house.machine.inbound.calls.body(&stored).await.unwrap();
    assert_eq!(body.len(), stored.body_bytes);
    assert!(body.windows(1_000).any(|part| part.iter().all(|byte| *byte == b'x')));
}

#[actix::test]
async fn calls_are_listed_and_go_when_they_are_old() {
    let mut setup = Setup { translator: Arc::new(Plain), ..Setup::default() };
    setup.settings.retention = Ages { vendor_calls: Duration::from_secs(9 * 86_400), ..Ages::default() };
    let house = setup.start();
    house.found_org().await;
    let by = integration_id(&house);
    call(&house, by, "evt_1", &json!([{"id": "1"}])).await;
    house.tick();
    call(&house, by, "evt_2", &json!([])).await;
    let wanted = |status| Wanted { vendor: Some("stripe".to_owned()), status };
    let ids = async |wanted: Wanted| {
        let listed = house.machine.inbound.calls.list(&house.org, &wanted, ALL).await.unwrap();
        listed.rows.iter().map(|call| call.vendor_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(wanted(None)).await, ["evt_2", "evt_1"]);
    assert_eq!(ids(wanted(Some(CallStatus::Ignored))).await, ["evt_2"]);
    assert!(ids(Wanted { vendor: Some("paypal".to_owned()), status: None }).await.is_empty());
    house.advance(Duration::from_secs(10 * 86_400)).await;
    for _ in 0..60 {
        house.advance(Duration::from_secs(1)).await;
    }
    assert!(ids(Wanted::default()).await.is_empty());
    assert!(matches!(call(&house, by, "evt_1", &json!([])).await.1, Kept::New(_)));
}

#[actix::test]
async fn integrations_are_kept_with_their_secrets_sealed() {
    let house = start();
    let now = house.house().clock.now();
    let integration = Integration {
        id: IntegrationId::new(now),
        org_id: house.org.clone(),
        vendor: "stripe".to_owned(),
        name: "Shop".to_owned(),
        active: true,
        settings: Map::new(),
        public_config: Map::new(),
        sync: None,
        created_at: now,
        updated_at: now,
        by: "ada".to_owned(),
    };
    let mut credentials = Credentials::default();
    credentials.rotate("whsec_1".to_owned());
    let all = &house.machine.inbound.integrations;
    all.save(&integration, &credentials).await.unwrap();
    let house_after = house.restart().await;
    let all = &house_after.machine.inbound.integrations;
    let found = all.find(integration.id).await.unwrap().unwrap();
    assert_eq!(found, integration);
    assert_eq!(all.credentials(&found.org_id, found.id).await.unwrap().secrets, credentials.secrets);
    assert_eq!(all.of(&found.org_id).await.unwrap().len(), 1);
    all.remove(&found.org_id, found.id).await.unwrap();
    assert!(all.find(found.id).await.unwrap().is_none());
    assert_eq!(all.credentials(&found.org_id, found.id).await.unwrap(), Credentials::default());
    assert!(matches!(all.remove(&found.org_id, found.id).await, Err(IntegrationError::Missing(_))));
    let told = events(&house_after, "integration.created").await;
    assert_eq!(told.len(), 1);
    assert!(!told[0].data.to_string().contains("whsec"));
}
