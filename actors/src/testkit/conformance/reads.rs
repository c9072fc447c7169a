//! The part of the story that reads: whole batches in order, and walks in both directions.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::{key, keys, value};
use crate::store::{Batch, Key, Scan, Store, Versioned};

/// Each batch writes its number under many keys and under one of its own. A reader that sees a
/// number anywhere sees it everywhere, and sees every batch before it.
pub(super) async fn readers_see_whole_batches_in_order(store: &dyn Store) {
    const BATCHES: u64 = 150;
    let spread = |index: u64| key(&format!("m{index:02}"));
    let writes = async {
        let commit = |number: u64| {
            let mut batch = Batch::default();
            for index in 0..40 {
                batch.put(spread(index), number.to_string());
            }
            batch.put(key(&format!("n{number:05}")), "");
            store.commit(batch)
        };
        // A handful at a time, so that groups of several sizes come about.
        for first in (1..=BATCHES).step_by(6) {
            for answer in join_all((first..first + 6).map(commit)).await {
                answer.unwrap();
            }
        }
    };
    let reads = async {
        let mut last = 0;
        while last < BATCHES {
            let page = store.scan(Scan::prefix(key("m"), 100)).await.unwrap();
            let many = store.get_many((0..40).map(spread).collect()).await.unwrap();
            let own = Scan::prefix(key("n"), usize::MAX).keys_only();
            let own = store.scan(own).await.unwrap().len() as u64;
            let scanned = the_one(page.iter().map(|(_, one)| one)).unwrap_or(0);
            let got = the_one(many.iter().flatten()).unwrap_or(0);
            assert!(last <= scanned && scanned <= got && got <= own, "went back");
            last = scanned;
            // Reads of an engine that never waits would starve the writes.
            tokio::task::yield_now().await;
        }
    };
    join(writes, reads).await;
}

fn the_one<'a>(found: impl Iterator<Item = &'a Versioned>) -> Option<u64> {
    let numbers: BTreeSet<u64> = found.map(|one| value(one).parse().unwrap()).collect();
    assert!(numbers.len() <= 1, "parts of several batches: {numbers:?}");
    numbers.first().copied()
}

pub(super) async fn scans_walk_both_ways(store: &dyn Store) {
    let inside = [&b"p"[..], b"p\0", b"pa", b"pb", b"p\xff", b"p\xff\xff"];
    let mut batch = Batch::default();
    for outside in [&b"\0"[..], b"o\xff", b"q", b"\xff", b"\xff\xff"] {
        batch.put(outside.to_vec(), "x");
    }
    for name in inside {
        batch.put(name.to_vec(), [b"value of ", name].concat());
    }
    store.commit(batch).await.unwrap();
    let up: Vec<Key> = inside.iter().map(|name| name.to_vec()).collect();
    let down: Vec<Key> = up.iter().rev().cloned().collect();
    let all = Scan::prefix(key("p"), 100);
    let found = store.scan(all.clone()).await.unwrap();
    for (name, one) in &found {
        assert_eq!(one.value, [b"value of ", name.as_slice()].concat());
        assert_eq!(Some(one), store.get(name.clone()).await.unwrap().as_ref());
    }
    assert_eq!(keys(&found), up);
    assert_eq!(keys(&store.scan(all.clone().descending()).await.unwrap()), down);
    for one in store.scan(all.clone().keys_only()).await.unwrap() {
        assert_eq!((one.1.version, one.1.value.len()), (0, 0), "keys only");
    }
    for limit in [0, 1, 4, 6, 7] {
        let page = Scan { limit, ..all.clone() };
        let expected = limit.min(up.len());
        let found = store.scan(page.clone()).await.unwrap();
        assert_eq!(keys(&found), up[..expected]);
        let found = store.scan(page.descending().keys_only()).await.unwrap();
        assert_eq!(keys(&found), down[..expected]);
    }
    assert_eq!(in_pages(store, all.clone()).await, up);
    assert_eq!(in_pages(store, all.clone().descending()).await, down);
    let part = Scan { from: key("pa"), to: b"p\xff".to_vec(), ..all.clone() };
    assert_eq!(keys(&store.scan(part).await.unwrap()), up[2..4]);
    for (from, to) in [("pa", "pa"), ("pb", "pa"), ("pc", "pd")] {
        let none = Scan { from: key(from), to: key(to), ..all.clone() };
        assert_eq!(store.scan(none.clone().descending()).await.unwrap(), []);
        assert_eq!(store.scan(none).await.unwrap(), []);
    }
}

async fn in_pages(store: &dyn Store, scan: Scan) -> Vec<Key> {
    let mut scan = Scan { limit: 2, ..scan };
    let mut all = Vec::new();
    loop {
        let page = store.scan(scan.clone()).await.unwrap();
        let Some((last, _)) = page.last() else {
            return all;
        };
        scan = scan.after(last);
        all.extend(keys(&page));
    }
}
