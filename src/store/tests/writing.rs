use std::path::PathBuf;

use appengine_actors::store::{MAX_VALUE_BYTES, Op, Scan};
use futures_util::FutureExt;
use futures_util::future::join_all;

use super::*;
use crate::store::open;

#[tokio::test]
async fn at_power_an_answer_follows_its_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    disk.set(|state| state.held = true);
    let mut answer = store.commit(put("a", "1"));
    disk.until_syncing();
    assert!((&mut answer).now_or_never().is_none(), "answered before the sync");
    disk.set(|state| state.held = false);
    assert_eq!(answer.await, Ok(()));
    let before = disk.syncs();
    for count in 1..10 {
        store.commit(put("a", "2")).await.unwrap();
        assert_eq!(disk.syncs(), before + count, "one sync a group");
    }
}

#[tokio::test]
async fn all_that_waits_shares_one_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    let before = disk.syncs();
    disk.set(|state| state.held = true);
    let first = store.commit(put("first", "1"));
    disk.until_syncing();
    let rest: Vec<_> = (0..100).map(|index| store.commit(put(&format!("k{index}"), "1"))).collect();
    assert_eq!(store.stats().waiting, 101);
    disk.set(|state| state.held = false);
    first.await.unwrap();
    for answer in join_all(rest).await {
        answer.unwrap();
    }
    let stats = store.stats();
    assert_eq!((stats.commits, stats.groups, stats.waiting), (101, 2, 0));
    assert_eq!(disk.syncs(), before + 2);
    assert!(stats.disk_bytes > 0);
}

#[tokio::test]
async fn a_lazy_batch_is_answered_before_its_sync_which_follows_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    disk.set(|state| state.held = true);
    store.commit(put("a", "1").lazily()).await.unwrap();
    disk.until_syncing();
    // What comes now waits for that sync, and for its own.
    let strict = store.commit(put("b", "1"));
    let before = disk.syncs();
    disk.set(|state| state.held = false);
    strict.await.unwrap();
    assert_eq!(disk.syncs(), before + 2);
}

#[tokio::test]
async fn patient_batches_are_written_and_so_is_whoever_comes_with_a_hurry() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open_probed(folder.path(), Durability::Process);
    let before = store.stats();
    // One after the other: none waits for one that does not come.
    for index in 0..20 {
        store.commit(put(&format!("k{index}"), "1").patiently()).await.unwrap();
    }
    let many: Vec<_> =
        (0..500).map(|index| store.commit(put(&format!("m{index}"), "1").patiently())).collect();
    let strict = store.commit(put("strict", "1"));
    for answer in join_all(many).await {
        answer.unwrap();
    }
    strict.await.unwrap();
    let after = store.stats();
    assert_eq!(after.commits - before.commits, 521);
    assert_eq!(read(&*store, "m499").await.unwrap().as_deref(), Some("1"));
    assert_eq!(read(&*store, "strict").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn a_lazy_batch_whose_sync_fails_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    disk.set(|state| state.broken = true);
    store.commit(put("a", "1").lazily()).await.unwrap();
    while store.commit(put("b", "1")).await.is_ok() {}
    assert!(store.stats().failing.is_some());
    disk.set(|state| state.broken = false);
    store.commit(put("c", "1")).await.unwrap();
    assert_eq!(store.stats().failing, None);
    drop(store);
    let store = open(folder.path(), &options(Durability::Power)).unwrap();
    assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn nothing_changed_needs_no_sync() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    let before = disk.syncs();
    store.commit(Batch::default()).await.unwrap();
    let mut conditional = put("a", "1");
    conditional.expect(b"a".to_vec(), appengine_actors::store::Expect::Present);
    assert!(store.commit(conditional).await.is_err());
    assert_eq!(disk.syncs(), before);
}

#[tokio::test]
async fn below_power_only_closing_syncs() {
    for durability in [Durability::Process, Durability::None] {
        let folder = tempfile::tempdir().unwrap();
        let (store, disk) = open_probed(folder.path(), durability);
        let before = disk.syncs();
        for _ in 0..20 {
            store.commit(put("a", "1")).await.unwrap();
        }
        assert_eq!(disk.syncs(), before, "{durability:?}");
        drop(store);
        assert_eq!(disk.syncs(), before + 1, "{durability:?}");
    }
}

#[tokio::test]
async fn closing_writes_what_was_queued_and_not_awaited() {
    for durability in [Durability::Power, Durability::Process, Durability::None] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), &options(durability)).unwrap();
        for index in 0..500 {
            drop(store.commit(put(&format!("k{index}"), "1")));
        }
        drop(store);
        let store = open(folder.path(), &options(durability)).unwrap();
        let found = store.scan(Scan::prefix(b"k".to_vec(), usize::MAX)).await.unwrap();
        assert_eq!(found.len(), 500, "{durability:?}");
    }
}

/// The kernel reports a failed write once, and what the file holds then is unknown: that a later sync
/// succeeds proves nothing about it.
#[tokio::test]
async fn after_a_failed_sync_everything_is_written_anew_before_anything_is_promised() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    store.commit(put("a", "1")).await.unwrap();
    disk.set(|state| state.broken = true);
    for _ in 0..3 {
        let Err(StoreError::Unavailable(why)) = store.commit(put("a", "2")).await else {
            panic!("acknowledged without a sync");
        };
        assert!(why.contains("the disk is gone"), "{why}");
        assert_eq!(store.stats().failing, Some(why));
    }
    assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("1"), "reading goes on");
    let doubtful = journal_files(folder.path());
    disk.set(|state| state.broken = false);
    store.commit(put("b", "1")).await.unwrap();
    assert_eq!(store.stats().failing, None);
    let anew = journal_files(folder.path());
    assert!(anew.iter().all(|file| !doubtful.contains(file)), "{anew:?}");
    // As a killed process leaves it.
    let copy = copied(folder.path());
    let store = open(copy.path(), &options(Durability::Power)).unwrap();
    assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("1"), "what was refused is gone");
    assert_eq!(read(&*store, "b").await.unwrap().as_deref(), Some("1"));
}

#[tokio::test]
async fn a_write_that_fails_half_way_is_refused_and_the_next_one_stands_in_its_place() {
    for durability in [Durability::Power, Durability::Process] {
        let folder = tempfile::tempdir().unwrap();
        let (store, disk) = open_probed(folder.path(), durability);
        store.commit(put("a", "1")).await.unwrap();
        disk.set(|state| state.unwritable = true);
        for _ in 0..3 {
            let Err(StoreError::Unavailable(why)) = store.commit(put("a", "2")).await else {
                panic!("acknowledged without being written");
            };
            assert!(why.contains("no space left"), "{why}");
        }
        disk.set(|state| state.unwritable = false);
        store.commit(put("b", "1")).await.unwrap();
        let copy = copied(folder.path());
        let store = open(copy.path(), &options(durability)).unwrap();
        assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("1"));
        assert_eq!(read(&*store, "b").await.unwrap().as_deref(), Some("1"));
    }
}

/// Sled's file cannot be synced: everybody goes on with the journal, until there is too much of it.
#[tokio::test]
async fn what_cannot_be_carried_stays_in_the_journal_and_is_carried_later() {
    let folder = tempfile::tempdir().unwrap();
    let probe = Probe::default();
    let options = Options { table_bytes: 10_000, ..options(Durability::Process) };
    let wrap = |disk| -> Box<dyn Disk> { Box::new(ProbedDisk(disk, probe.clone())) };
    let store = open_on(folder.path(), &options, wrap).unwrap();
    probe.set(|state| state.home_broken = true);
    let mut written = 0;
    let why = loop {
        let key = format!("k{written:05}");
        match store.commit(put(&key, "some text")).await {
            Ok(()) => written += 1,
            Err(StoreError::Unavailable(why)) => break why,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(why.contains("sled's file"), "{why}");
    assert!(written > 300, "{written}");
    let found = store.scan(Scan::prefix(b"k".to_vec(), usize::MAX)).await.unwrap();
    assert_eq!(found.len(), written);
    probe.set(|state| state.home_broken = false);
    // It is tried again every now and then.
    while store.commit(put("k99999", "1")).await.is_err() {}
    drop(store);
    assert_eq!(journal_files(folder.path()), Vec::<PathBuf>::new());
    let store = open(folder.path(), &options).unwrap();
    let found = store.scan(Scan::prefix(b"k".to_vec(), usize::MAX)).await.unwrap();
    assert_eq!(found.len(), written + 1);
}

/// The folder as it is now, elsewhere: what a process that was killed leaves behind.
fn copied(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let done = std::process::Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path()).status();
    assert!(done.unwrap().success());
    copy
}

fn journal_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.join("journal")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test]
async fn a_full_disk_is_said_and_commits_go_on_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let (store, disk) = open_probed(folder.path(), Durability::Power);
    store.commit(put("a", "1")).await.unwrap();
    disk.set(|state| state.free = Some(3 << 20));
    let Err(StoreError::Unavailable(why)) = store.commit(put("a", "2")).await else {
        panic!("the reserve was used");
    };
    assert!(why.contains("3 MiB left") && why.contains("65 MiB"), "{why}");
    assert_eq!(store.stats().failing, Some(why));
    assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("1"));
    disk.set(|state| state.free = None);
    store.commit(put("a", "3")).await.unwrap();
    assert_eq!(store.stats().failing, None);
    assert_eq!(read(&*store, "a").await.unwrap().as_deref(), Some("3"));
}

#[tokio::test]
async fn what_waits_is_bounded_by_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let probe = Probe::default();
    let options = Options { queue_bytes: 1000, ..options(Durability::Power) };
    let wrap = |disk| -> Box<dyn Disk> { Box::new(ProbedDisk(disk, probe.clone())) };
    let store = open_on(folder.path(), &options, wrap).unwrap();
    probe.set(|state| state.held = true);
    let of =
        |bytes: usize| Batch { ops: vec![Op::Put(b"k".to_vec(), vec![0; bytes].into())], ..Batch::default() };
    let heavy = store.commit(of(5000));
    assert_eq!(store.commit(of(10)).now_or_never(), Some(Err(StoreError::Full)));
    probe.set(|state| state.held = false);
    heavy.await.unwrap();
    store.commit(of(900)).await.unwrap();
}

/// Pages that hold many of the largest values stay in the one file that is synced.
#[tokio::test]
async fn no_value_ends_up_in_a_file_that_is_never_synced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &options(Durability::None)).unwrap();
    let blobs = folder.path().join("blobs");
    for round in 0..12_usize {
        let commits = (0..60_usize).map(|index| {
            let mut batch = Batch::default();
            let bytes = MAX_VALUE_BYTES - (index * 7 + round) % 3 * 5000;
            let key = format!("{:04}", (index * 37 + round * 11) % 120);
            batch.put(key.into_bytes(), vec![round as u8; bytes]);
            if index % 5 == 0 {
                batch.delete(format!("{:04}", (index * 13 + round) % 120).into_bytes());
            }
            store.commit(batch)
        });
        for answer in join_all(commits).await {
            answer.unwrap();
        }
        assert_eq!(std::fs::read_dir(&blobs).unwrap().count(), 0, "round {round}");
    }
}
