use appengine_actors::store::{MAX_VALUE_BYTES, Scan, Versioned};

use super::*;
use crate::store::carrier::Home;
use crate::store::disk::RealDisk;
use crate::store::sled::Engine;
use crate::store::{ExportError, ImportError, OpenError, codec, export, import, open};

/// A store with values of every kind, written in several commits, and its content.
async fn filled(folder: &Path) -> Vec<(Vec<u8>, Versioned)> {
    let store = open(folder, &options(Durability::Process)).unwrap();
    store.commit(put("org\0r\u{e4}", r#"{"name":"Zoë","n":1.50}"#)).await.unwrap();
    let mut odd = Batch::default();
    odd.put(vec![0xff, 0xfe], vec![0, 1, 2]).put(b"empty".to_vec(), "").put(b"null".to_vec(), "null");
    odd.put(b"spaced".to_vec(), "{ \"a\": 1 }").put(b"lines".to_vec(), "[1,\n2]");
    odd.put(b"large".to_vec(), vec![b'x'; MAX_VALUE_BYTES]).put(b"gone".to_vec(), "1");
    store.commit(odd).await.unwrap();
    for index in 0..700_usize {
        let mut batch = Batch::default();
        batch.put(format!("k{:03}", index * 7 % 600).into_bytes(), format!("{{\"n\":{index}}}"));
        drop(store.commit(batch));
    }
    // The newest version is of a key that is gone: it must not come again after an import.
    let mut last = Batch::default();
    last.delete(b"gone".to_vec());
    store.commit(last).await.unwrap();
    content(&*store).await
}

async fn content(store: &dyn Store) -> Vec<(Vec<u8>, Versioned)> {
    let all = Scan { from: Vec::new(), ..Scan::prefix(vec![0xff], usize::MAX) };
    store.scan(all).await.unwrap()
}

fn exported(folder: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    export(folder, &options(Durability::Power), &mut out).unwrap();
    out
}

fn imported(folder: &Path, text: &[u8]) -> Result<u64, ImportError> {
    import(folder, &options(Durability::Power), &mut &text[..])
}

#[tokio::test]
async fn export_import_export_is_the_same_byte_for_byte() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = filled(from.path()).await;
    let text = exported(from.path());
    assert_eq!(imported(to.path(), &text).unwrap(), before.len() as u64);
    assert!(exported(to.path()) == text, "the second export differs");
    let store = open(to.path(), &options(Durability::Power)).unwrap();
    assert!(content(&*store).await == before, "keys, values and versions");
    store.commit(put("new", "1")).await.unwrap();
    let version = store.get(b"new".to_vec()).await.unwrap().unwrap().version;
    assert_eq!(version, 704, "versions go on where they were");
}

#[tokio::test]
async fn an_export_can_be_read_by_people() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let text = String::from_utf8(exported(folder.path())).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["appengine"], "export");
    assert!(text.contains(r#""value":{"name":"Zoë","n":1.50}"#));
    let by_key = |key: &str| lines.iter().find(|line| line["key"] == key).unwrap();
    assert_eq!(by_key("org\0rä")["value"]["n"], 1.5);
    assert_eq!(by_key("null")["value"], serde_json::Value::Null);
    assert!(text.contains(r#""value":{ "a": 1 },"#));
    assert_eq!(by_key("lines")["value64"], "WzEsCjJd");
    assert_eq!(lines.last().unwrap()["end"]["entries"], (lines.len() - 2) as u64);
    assert_eq!(lines.iter().filter(|line| line["key64"] == "//4=").count(), 1);
}

#[tokio::test]
async fn an_edited_file_is_refused_at_the_line_and_leaves_nothing() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(from.path()).await;
    let text = String::from_utf8(exported(from.path())).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let last = lines.len();
    let without = |index: usize| [&lines[..index], &lines[index + 1..]].concat();
    let swapped = |index: usize| {
        let mut lines = lines.clone();
        lines.swap(index, index + 1);
        lines
    };
    let edited = |index: usize, from: &str, to: &'static str| {
        let changed: &str = Box::leak(lines[index].replacen(from, to, 1).into_boxed_str());
        assert_ne!(changed, lines[index]);
        [&lines[..index], &[changed], &lines[index + 1..]].concat()
    };
    let cut = &lines[last - 2][..lines[last - 2].len() - 5];
    let cases: Vec<(Vec<&str>, usize)> = vec![
        (Vec::new(), 1),
        (without(0), 1),
        (without(580), 581),
        (swapped(300), 301),
        (edited(0, "\"format\":4", "\"format\":5"), 1),
        (edited(5, "\"version\":", "\"version\":1"), 6),
        (edited(600, "\"n\":", "\"n\":1"), 601),
        (edited(last - 1, "\"commits\":7", "\"commits\":8"), last),
        (edited(last - 1, "\n", ""), last),
        (lines[..last - 1].to_vec(), last),
        ([&lines[..last - 2], &[cut]].concat(), last - 1),
        ([&lines[..], &["\n"]].concat(), last + 1),
        ([&lines[..], &lines[..]].concat(), last + 1),
    ];
    for (case, (file, expected)) in cases.into_iter().enumerate() {
        let refused = imported(to.path(), file.concat().as_bytes()).unwrap_err();
        let ImportError::Line { line, .. } = refused else { panic!("case {case}: {refused}") };
        assert_eq!(line, expected as u64, "case {case}: {refused}");
        let store = open(to.path(), &options(Durability::Power)).unwrap();
        assert_eq!(content(&*store).await, [], "case {case}");
    }
    assert!(imported(to.path(), text.as_bytes()).is_ok(), "the store is as good as new");
}

#[tokio::test]
async fn only_an_empty_store_is_filled() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(from.path()).await;
    let text = exported(from.path());
    let before = filled(to.path()).await;
    assert!(matches!(imported(to.path(), &text), Err(ImportError::NotEmpty { .. })));
    let store = open(to.path(), &options(Durability::Power)).unwrap();
    assert!(content(&*store).await == before);
}

#[tokio::test]
async fn an_import_that_was_killed_is_noticed_and_repeated() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let before = filled(from.path()).await;
    let text = exported(from.path());
    // What a kill in the middle leaves: the mark and some entries.
    drop(open(to.path(), &options(Durability::Power)).unwrap());
    let engine = Engine::open(to.path(), 1 << 20).unwrap();
    let home =
        Home { folder: to.path().into(), engine: engine.into(), disk: Arc::new(RealDisk::of(to.path())) };
    let left = Versioned { version: 1, value: "1".into() };
    home.settle([("left over".into(), Some(left))], [(codec::IMPORT.to_vec(), Some(Vec::new()))]).unwrap();
    home.engine.close();
    let half = OpenError::HalfImported { folder: to.path().into() };
    assert_eq!(open(to.path(), &options(Durability::Power)).err(), Some(half));
    let refused = export(to.path(), &options(Durability::Power), &mut Vec::new());
    assert!(matches!(refused, Err(ExportError::Open(OpenError::HalfImported { .. }))));
    imported(to.path(), &text).unwrap();
    let store = open(to.path(), &options(Durability::Power)).unwrap();
    assert!(content(&*store).await == before);
}

#[test]
fn there_must_be_a_store_to_export() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("store");
    let refused = export(&missing, &options(Durability::Power), &mut Vec::new()).unwrap_err();
    assert!(refused.to_string().contains("there is no store"), "{refused}");
    assert!(!missing.exists(), "nothing was made");
}
