use std::sync::atomic::AtomicBool;

use appengine_actors::store::Versioned;

use super::*;
use crate::store::carrier::Home;
use crate::store::disk::RealDisk;
use crate::store::migrate::{PLAN, Plan, Rewritten, bring_up};
use crate::store::sled::Engine;
use crate::store::{OpenError, blocks, codec, open, plain};

const ENTRIES: usize = 1500;

/// A store whose values are `old`.
async fn old_store(folder: &Path) {
    let store = open(folder, &options(Durability::Process)).unwrap();
    let mut batch = Batch::default();
    for index in 0..ENTRIES {
        batch.put(format!("k{index:05}").into_bytes(), "old");
    }
    store.commit(batch).await.unwrap();
}

/// A store as programs wrote it that knew no blocks.
fn store_of_format_1(folder: &Path) {
    let engine = Engine::open(folder, 1 << 20).unwrap();
    let entries = (0..ENTRIES).map(|n| plain::stored(format!("k{n:05}").as_bytes(), 7, b"old"));
    let notes = [(codec::FORMAT, 1), (codec::COMMITS, 7)];
    let notes = notes.map(|(key, number)| (key.to_vec(), Some(codec::pack_number(number))));
    engine.apply(entries.chain(notes)).unwrap();
    engine.flush().unwrap();
    engine.close();
}

fn migrate(folder: &Path, plan: &Plan<'_>) -> Result<(), OpenError> {
    let engine = Arc::new(Engine::open(folder, 1 << 20).unwrap());
    let home = Home { folder: folder.into(), engine, disk: Arc::new(RealDisk::of(folder)) };
    let done = bring_up(&home, plan);
    home.engine.close();
    done
}

fn everything(folder: &Path) -> Vec<(String, String)> {
    let engine = Engine::open(folder, 1 << 20).unwrap();
    let found = engine.read(|view| {
        let all = blocks::all();
        let entries = blocks::range(view, (&all.from, &all.to), false, true);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        entries.map(|entry| entry.map(|(key, found)| (text(&key), text(&found.value)))).collect()
    });
    engine.close();
    found.unwrap()
}

/// Values are marked; every tenth entry moves to a key that sorts last, every eleventh goes.
fn mark(key: &[u8], found: &Versioned) -> Result<Rewritten, String> {
    if key.starts_with(b"z") {
        return Ok(Rewritten::Same);
    }
    let number: usize = String::from_utf8_lossy(&key[1..]).parse().unwrap();
    let marked = with(found, b"+1");
    Ok(match number {
        n if n % 11 == 0 => Rewritten::Entries(Vec::new()),
        n if n % 10 == 0 => Rewritten::Entries(vec![([b"z", key].concat(), marked)]),
        _ => Rewritten::Entries(vec![(key.to_vec(), marked)]),
    })
}

fn mark_twice(key: &[u8], found: &Versioned) -> Result<Rewritten, String> {
    Ok(Rewritten::Entries(vec![(key.to_vec(), with(found, b"+2"))]))
}

fn with(found: &Versioned, mark: &[u8]) -> Versioned {
    Versioned { version: found.version, value: [&found.value[..], mark].concat().into() }
}

fn expected(value: &str) -> Vec<(String, String)> {
    let numbers = (0..ENTRIES).filter(|n| n % 11 != 0);
    let key = |n| if n % 10 == 0 { format!("zk{n:05}") } else { format!("k{n:05}") };
    let mut all: Vec<_> = numbers.map(|n| (key(n), value.to_string())).collect();
    all.sort();
    all
}

#[tokio::test]
async fn steps_are_taken_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path()).await;
    migrate(folder.path(), &Plan { oldest: PLAN.current(), steps: &[&mark, &mark_twice] }).unwrap();
    assert_eq!(everything(folder.path()), expected("old+1+2"));
    let refused = open(folder.path(), &options(Durability::Process)).err().unwrap();
    let newer = OpenError::Newer { folder: folder.path().into(), found: 6, known: PLAN.current() };
    assert_eq!(refused, newer);
    assert!(refused.to_string().contains("format is 6"), "{refused}");
}

#[tokio::test]
async fn a_step_that_is_cut_short_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path()).await;
    let stop = AtomicBool::new(true);
    let stumbling = |key: &[u8], found: &Versioned| match key {
        b"k01234" if stop.load(Ordering::SeqCst) => Err("the power went".into()),
        _ => mark(key, found),
    };
    let plan = Plan { oldest: 4, steps: &[&stumbling] };
    let OpenError::Migration { to: 5, reason, .. } = migrate(folder.path(), &plan).unwrap_err() else {
        panic!("another error");
    };
    assert!(reason.contains("k01234") && reason.contains("the power went"), "{reason}");
    let values: std::collections::BTreeSet<_> =
        everything(folder.path()).into_iter().map(|(_, v)| v).collect();
    assert_eq!(values.len(), 2, "a part is done: {values:?}");
    let refused = open(folder.path(), &options(Durability::Process)).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 5, .. }), "half of it is newer: {refused:?}");
    stop.store(false, Ordering::SeqCst);
    migrate(folder.path(), &plan).unwrap();
    assert_eq!(everything(folder.path()), expected("old+1"), "each entry once");
    migrate(folder.path(), &plan).unwrap();
    assert_eq!(everything(folder.path()), expected("old+1"), "done is done");
}

#[tokio::test]
async fn formats_that_are_unknown_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path()).await;
    let refused = migrate(folder.path(), &Plan { oldest: 6, steps: &[] }).unwrap_err();
    assert_eq!(refused, OpenError::Unknown { folder: folder.path().into(), found: 4 });
    let foreign = tempfile::tempdir().unwrap();
    let engine = Engine::open(foreign.path(), 1 << 20).unwrap();
    engine.apply([(b"\x01key".to_vec(), Some(b"value".to_vec()))]).unwrap();
    engine.close();
    let refused = open(foreign.path(), &options(Durability::Process)).err().unwrap();
    assert!(refused.to_string().contains("no format"), "{refused}");
}

#[tokio::test]
async fn a_store_of_format_1_is_brought_into_blocks() {
    let folder = tempfile::tempdir().unwrap();
    store_of_format_1(folder.path());
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    let found = store.get(b"k00007".to_vec()).await.unwrap().unwrap();
    assert_eq!((found.version, &found.value[..]), (7, &b"old"[..]));
    store.commit(put("k00007", "new")).await.unwrap();
    drop(store);
    let values = everything(folder.path());
    assert_eq!(values.len(), ENTRIES);
    assert_eq!(values.iter().filter(|(_, value)| value == "new").count(), 1);
    migrate(folder.path(), &PLAN).unwrap();
    assert_eq!(everything(folder.path()), values, "done is done");
}

#[tokio::test]
async fn an_entry_of_format_1_that_makes_no_sense_is_refused_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    store_of_format_1(folder.path());
    let engine = Engine::open(folder.path(), 1 << 20).unwrap();
    engine.apply([(b"\x01bad".to_vec(), Some(vec![99; 20]))]).unwrap();
    engine.flush().unwrap();
    engine.close();
    let refused = open(folder.path(), &options(Durability::Power)).err().unwrap();
    let OpenError::Migration { to: 2, reason, .. } = refused else { panic!("{refused:?}") };
    assert!(reason.contains("bad") && reason.contains("layout"), "{reason}");
}
