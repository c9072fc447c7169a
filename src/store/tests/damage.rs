use std::fs;

use super::*;
use crate::store::{OpenError, open};

fn snapshots(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_snapshot =
        |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("snap.");
    entries.filter(is_snapshot).collect()
}

/// A store that has been opened often enough to have a snapshot.
async fn with_snapshot(folder: &Path) {
    for round in ["1", "2", "3"] {
        let store = open(folder, &options(Durability::Power)).unwrap();
        store.commit(put("k", round)).await.unwrap();
    }
    assert!(!snapshots(folder).is_empty());
}

#[tokio::test]
async fn a_damaged_snapshot_is_set_aside_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    with_snapshot(folder.path()).await;
    for path in snapshots(folder.path()) {
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
        fs::write(&path, bytes).unwrap();
    }
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    assert_eq!(read(&*store, "k").await.unwrap().as_deref(), Some("3"));
    assert!(folder.path().join("set-aside").read_dir().unwrap().count() > 0);
}

#[tokio::test]
async fn a_store_that_is_damaged_beyond_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    with_snapshot(folder.path()).await;
    for path in snapshots(folder.path()) {
        fs::write(&path, "x").unwrap();
    }
    fs::write(folder.path().join("conf"), "nonsense: of some length\nand nothing else").unwrap();
    let refused = open(folder.path(), &options(Durability::Power)).err().unwrap();
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("backup") && text.contains("appengine import"), "{text}");
}

#[tokio::test]
async fn a_value_that_was_damaged_is_refused_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    store.commit(put("good", "1")).await.unwrap();
    drop(store);
    let engine = crate::store::sled::Engine::open(folder.path(), 1 << 20).unwrap();
    engine.apply([(b"\x02bad".to_vec(), Some(vec![99; 20]))]).unwrap();
    engine.flush().unwrap();
    engine.close();
    assert!(engine.flush().is_err(), "closed");
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    let Err(StoreError::Corrupt(why)) = read(&*store, "bad").await else { panic!("guessed") };
    assert!(why.contains("bad") && why.contains("layout"), "{why}");
    assert_eq!(read(&*store, "good").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn a_store_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    let refused = open(folder.path(), &options(Durability::Power)).err().unwrap();
    assert_eq!(refused, OpenError::Locked { folder: folder.path().into() });
    drop(store);
    assert!(open(folder.path(), &options(Durability::Power)).is_ok());
}
