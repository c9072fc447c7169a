use std::cell::RefCell;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::testkit::conformance::{self, Open, SMALL};
use crate::testkit::model;

fn put(key: &[u8], value: &'static [u8]) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.to_vec(), value);
    batch
}

/// Opens memory stores the way the story asks: "again" is what a new process would find.
struct Shelf(RefCell<MemoryStore>);

impl Shelf {
    fn new() -> Self {
        Self(RefCell::new(MemoryStore::default()))
    }

    fn open(&self, open: Open) -> Arc<dyn Store> {
        let store = match open {
            Open::Fresh => MemoryStore::default(),
            Open::Small => MemoryStore::with_capacity(SMALL),
            Open::Again => self.0.borrow().crash(0),
        };
        self.0.replace(store.clone());
        Arc::new(store)
    }
}

#[tokio::test]
async fn memory_passes_the_story() {
    let shelf = Shelf::new();
    conformance::story(async |open| shelf.open(open)).await;
}

proptest! {
    #[test]
    fn memory_agrees_with_the_model(history in model::histories()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shelf = Shelf::new();
        runtime.block_on(model::follow(async |open| shelf.open(open), &history));
    }
}

#[tokio::test]
async fn failures_come_when_told_and_leave_nothing() {
    let store = MemoryStore::default();
    store.fail_next(2, &StoreError::Full);
    for _ in 0..2 {
        assert_eq!(store.commit(put(b"a", b"1")).await, Err(StoreError::Full));
    }
    assert_eq!(store.get(b"a".to_vec()).await, Ok(None));
    assert_eq!(store.commit(put(b"a", b"1")).await, Ok(()));
}

#[tokio::test]
async fn a_lost_answer_leaves_the_write() {
    let store = MemoryStore::default();
    store.lose_next_answers(1);
    let answer = store.commit(put(b"a", b"1")).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))));
    assert!(store.stats().failing.is_some());
    assert!(store.get(b"a".to_vec()).await.unwrap().is_some());
    store.commit(put(b"b", b"1")).await.unwrap();
    assert_eq!(store.stats().failing, None);
}

#[tokio::test]
async fn held_batches_wait_in_order_until_released() {
    let store = MemoryStore::default();
    store.hold();
    let mut first = store.commit(put(b"a", b"1"));
    let mut second = store.commit(put(b"a", b"2"));
    store.until_waiting(2).await;
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(store.get(b"a".to_vec()).await, Ok(None));
    store.release_next(1);
    assert_eq!((&mut first).now_or_never(), Some(Ok(())));
    assert!((&mut second).now_or_never().is_none());
    store.release();
    assert_eq!(second.await, Ok(()));
    let found = store.get(b"a".to_vec()).await.unwrap().unwrap();
    assert_eq!(found.value.as_ref(), b"2");
}

#[tokio::test]
async fn a_crash_keeps_what_was_acknowledged_and_maybe_more() {
    let old = MemoryStore::default();
    old.commit(put(b"a", b"1")).await.unwrap();
    old.hold();
    let kept = old.commit(put(b"b", b"1"));
    let lost = old.commit(put(b"c", b"1"));
    let new = old.crash(1);
    assert!(matches!(kept.await, Err(StoreError::Unavailable(_))));
    assert!(matches!(lost.await, Err(StoreError::Unavailable(_))));
    assert!(old.get(b"a".to_vec()).await.is_err());
    assert!(old.commit(put(b"d", b"1")).await.is_err());
    let keys = vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
    let found = new.get_many(keys).await.unwrap();
    let there: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, true, false]);
}
