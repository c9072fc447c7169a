//! What an organisation can read of its deliveries.

use std::time::Duration;

use appengine_actors::ids::OrgId;
use appengine_actors::list::{Slice, Span};
use appengine_actors::testkit::{Answer, Setup};
use appengine_actors::trace::{TraceBody, Traces};
use appengine_actors::webhook::deliveries::{Deliveries, Wanted};
use appengine_actors::webhook::delivery::DeliveryStatus;

use super::{HOOK, send, start};

#[actix::test]
async fn deliveries_are_listed_newest_first_by_status_and_event_and_page_by_page() {
    let house = start(Setup::default()).await;
    let sent = serde_json::json!([{"type": "send_webhook", "config": {"url": HOOK}}]);
    house.short_flow("order.sent", sent).await;
    house.transport().next(HOOK, vec![Answer::Status(410); 3]);
    for _ in 0..7 {
        send(&house, HOOK).await;
    }
    house.publish("order.sent", serde_json::json!({})).await;
    house.advance(Duration::from_millis(1)).await;
    let deliveries = Deliveries::new(house.house().store.clone());
    let list = async |wanted: Wanted, before, limit| {
        let wanted = Wanted { before, ..wanted };
        deliveries.list(&house.org, &wanted, Slice { skip: 0, limit }).await.unwrap().rows
    };
    let all = list(Wanted::default(), None, 100).await;
    assert_eq!(all.len(), 8);
    assert!(all.iter().map(|delivery| delivery.id).is_sorted_by(|newer, older| newer > older));
    let failed = Wanted { status: Some(DeliveryStatus::Failed), ..Wanted::default() };
    assert_eq!(list(failed.clone(), None, 100).await, all[5..]);
    assert_eq!(list(failed, None, 2).await.len(), 2);
    let of_sent = Wanted { event: Some("order.sent".into()), ..Wanted::default() };
    assert_eq!(list(of_sent, None, 100).await, all[..1]);
    assert_eq!(list(Wanted::default(), Some(all[3].id), 2).await, all[4..6]);
    assert_eq!(list(Wanted::default(), Some(all[7].id), 2).await, []);
    let foreign = OrgId::new("my-org2").unwrap();
    assert_eq!(
        deliveries.list(&foreign, &Wanted::default(), Slice { skip: 0, limit: 100 }).await.unwrap().rows,
        []
    );
    let of_event = Wanted { event_id: all[2].event_id, ..Wanted::default() };
    assert_eq!(list(of_event, None, 100).await, all[2..3]);
    let middle = Span { from: Some(all[5].created_at), to: Some(all[3].created_at) };
    let of_time = Wanted { ordered: middle, ..Wanted::default() };
    assert_eq!(list(of_time, None, 100).await, all[3..6]);
    let second = deliveries.list(&house.org, &Wanted::default(), Slice { skip: 6, limit: 6 }).await.unwrap();
    assert_eq!((&second.rows[..], second.total, second.has_next()), (&all[6..], 8, false));
}

#[actix::test]
async fn a_delivery_is_shown_with_its_attempts_to_its_organisation_alone() {
    let house = start(Setup::default()).await;
    house.transport().next(HOOK, [Answer::Status(500)]);
    send(&house, HOOK).await;
    house.advance(Duration::from_secs(7)).await;
    let id = house.deliveries().await[0].id;
    let traces = Traces::new(house.house().store.clone());
    let found = traces.delivery(&house.org, id).await.unwrap();
    let Some(TraceBody::Delivery { delivery, attempts }) = found else { panic!("there is no such delivery") };
    assert_eq!((delivery.id, attempts.len()), (id, 2));
    let foreign = OrgId::new("other-org").unwrap();
    assert!(traces.delivery(&foreign, id).await.unwrap().is_none());
}
