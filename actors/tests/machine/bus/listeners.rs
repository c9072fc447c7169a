//! Listeners in this process: they hear what is durable, and their trouble is theirs alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use appengine_actors::bus::listeners::{EventData, Listeners, ListenersBuilder};
use appengine_actors::event::Event;
use appengine_actors::store::StoreError;
use appengine_actors::testkit::probe::{quiet, until_true};
use appengine_actors::testkit::{Setup, TestHouse};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Paid {
    amount: u64,
}

impl EventData for Paid {
    const KIND: &'static str = "order.paid";
}

fn start(listeners: &Listeners) -> TestHouse {
    Setup { listeners: listeners.clone(), ..Setup::default() }.start()
}

#[actix::test]
async fn listeners_that_fail_panic_or_hang_disturb_nobody() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sum = Arc::new(AtomicUsize::new(0));
    let listeners = {
        let (heard, sum) = (heard.clone(), sum.clone());
        ListenersBuilder::default()
            .on_every(|_| async { Err("no".to_owned()) })
            .on_every(|_| async { panic!("a test made a listener panic") })
            .on_every(|event: Arc<Event>| {
                assert!(event.kind.as_str() != "order.paid", "a test made a listener panic before it began");
                async { Ok(()) }
            })
            .on_every(|_| std::future::pending())
            .on(move |_, paid: Paid| {
                sum.fetch_add(usize::try_from(paid.amount).unwrap(), Ordering::SeqCst);
                async { Ok(()) }
            })
            .on_every(move |event: Arc<Event>| {
                heard.lock().unwrap().push(event.id);
                async { Ok(()) }
            })
            .build()
    };
    let house = start(&listeners);
    let mut published = Vec::new();
    for data in [json!({"amount": 2}), json!({"amount": 3}), json!({"amount": "many"})] {
        published.push(house.publish("order.paid", data).await);
    }
    published.push(house.publish("order.sent", json!({})).await);
    until_true("all were heard", || heard.lock().unwrap().len() == 4).await;
    assert_eq!(*heard.lock().unwrap(), published);
    assert_eq!(sum.load(Ordering::SeqCst), 5);
    quiet().await;
    // Four errors, four panics, three panics before the beginning, and one event that is none of its kind's.
    assert_eq!(listeners.failures(), 12);
}

#[actix::test]
async fn listeners_hear_only_what_is_durable() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = heard.clone();
    let listeners = ListenersBuilder::default()
        .on_every(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        })
        .build();
    let house = start(&listeners);
    quiet().await;
    house.store().fail_next(1, &StoreError::Full);
    house.try_publish("order.paid", json!({})).await.unwrap_err();
    quiet().await;
    assert_eq!(heard.load(Ordering::SeqCst), 0);
    house.publish("order.paid", json!({})).await;
    quiet().await;
    assert_eq!(heard.load(Ordering::SeqCst), 1);
}

#[actix::test]
async fn when_too_many_reactions_hang_further_ones_are_left_out_and_counted() {
    let listeners = ListenersBuilder::default().on_every(|_| std::future::pending()).build();
    let house = start(&listeners);
    for _ in 0..1_030 {
        house.publish("order.paid", json!({})).await;
    }
    assert_eq!(listeners.failures(), 6);
}
