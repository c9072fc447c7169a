use std::sync::atomic::AtomicBool;

use super::*;
use crate::store::carrier::Home;
use crate::store::disk::RealDisk;
use crate::store::migrate::{PLAN, Plan, Rewritten, bring_up};
use crate::store::sled::Engine;
use crate::store::{OpenError, codec, open};

const ENTRIES: usize = 1500;

/// A store of format 1 whose values are `old`.
async fn old_store(folder: &Path) {
    let store = open(folder, &options(Durability::Process)).unwrap();
    let mut batch = Batch::default();
    for index in 0..ENTRIES {
        batch.put(format!("k{index:05}").into_bytes(), "old");
    }
    store.commit(batch).await.unwrap();
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
        let range = view.range(std::ops::Bound::Included(codec::ENTRIES.0), codec::ENTRIES.1, false);
        range
            .map(|entry| {
                let (key, value) = entry?;
                let value = codec::unpack(key.as_ref(), value.as_ref())?.value;
                let key = codec::key_of(key.as_ref())?;
                Ok((String::from_utf8(key).unwrap(), String::from_utf8(value.to_vec()).unwrap()))
            })
            .collect()
    });
    engine.close();
    found.unwrap()
}

/// Values are marked; every tenth entry moves to a key that sorts last, every eleventh goes.
fn mark(key: &[u8], stored: &[u8]) -> Result<Rewritten, String> {
    let found = codec::unpack(key, stored).map_err(|error| error.to_string())?;
    if key.starts_with(b"z") {
        return Ok(Rewritten::Same);
    }
    let number: usize = String::from_utf8_lossy(&key[1..]).parse().unwrap();
    let value = codec::pack(found.version, &[&found.value[..], b"+1"].concat());
    Ok(match number {
        n if n % 11 == 0 => Rewritten::Entries(Vec::new()),
        n if n % 10 == 0 => Rewritten::Entries(vec![([b"z", key].concat(), value)]),
        _ => Rewritten::Entries(vec![(key.to_vec(), value)]),
    })
}

fn mark_twice(key: &[u8], stored: &[u8]) -> Result<Rewritten, String> {
    let found = codec::unpack(key, stored).map_err(|error| error.to_string())?;
    let value = codec::pack(found.version, &[&found.value[..], b"+2"].concat());
    Ok(Rewritten::Entries(vec![(key.to_vec(), value)]))
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
    migrate(folder.path(), &Plan { oldest: 1, steps: &[&mark, &mark_twice] }).unwrap();
    assert_eq!(everything(folder.path()), expected("old+1+2"));
    let refused = open(folder.path(), &options(Durability::Process)).err().unwrap();
    let newer = OpenError::Newer { folder: folder.path().into(), found: 3, known: PLAN.current() };
    assert_eq!(refused, newer);
    assert!(refused.to_string().contains("format is 3"), "{refused}");
}

#[tokio::test]
async fn a_step_that_is_cut_short_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    old_store(folder.path()).await;
    let stop = AtomicBool::new(true);
    let stumbling = |key: &[u8], stored: &[u8]| match key {
        b"k01234" if stop.load(Ordering::SeqCst) => Err("the power went".into()),
        _ => mark(key, stored),
    };
    let plan = Plan { oldest: 1, steps: &[&stumbling] };
    let OpenError::Migration { to: 2, reason, .. } = migrate(folder.path(), &plan).unwrap_err() else {
        panic!("another error");
    };
    assert!(reason.contains("k01234") && reason.contains("the power went"), "{reason}");
    let values: std::collections::BTreeSet<_> =
        everything(folder.path()).into_iter().map(|(_, v)| v).collect();
    assert_eq!(values.len(), 2, "a part is done: {values:?}");
    let refused = open(folder.path(), &options(Durability::Process)).err().unwrap();
    assert!(matches!(refused, OpenError::Newer { found: 2, .. }), "half of it is newer: {refused:?}");
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
    let refused = migrate(folder.path(), &Plan { oldest: 5, steps: &[] }).unwrap_err();
    assert_eq!(refused, OpenError::Unknown { folder: folder.path().into(), found: 1 });
    let foreign = tempfile::tempdir().unwrap();
    let engine = Engine::open(foreign.path(), 1 << 20).unwrap();
    engine.apply([(b"\x01key".to_vec(), Some(b"value".to_vec()))]).unwrap();
    engine.close();
    let refused = open(foreign.path(), &options(Durability::Process)).err().unwrap();
    assert!(refused.to_string().contains("no format"), "{refused}");
}
