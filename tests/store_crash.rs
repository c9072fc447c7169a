//! The store under processes that die and disks that fill up: the test starts itself again as the
//! process that writes, and looks at what that one left behind.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use appengine::config::Durability;
use appengine::store::{Options, open};
use appengine_actors::failpoint;
use appengine_actors::store::{Batch, Store, StoreError};
use futures_util::future::join_all;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Set in the process that writes: the folder of its store.
const FOLDER: &str = "STORE_CRASH_FOLDER";
/// Set where it is to end by itself: the point, and at which pass of it.
const POINT: &str = "STORE_CRASH_POINT";
const LEVEL: &str = "STORE_CRASH_LEVEL";

const WORKERS: u64 = 16;
const SLOTS: u64 = 40;

#[test]
fn what_was_acknowledged_survives_sigkill() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return block_on(write_until_killed(Path::new(&folder)));
    }
    for level in ["power", "process"] {
        let folder = tempfile::tempdir().unwrap();
        let mut acknowledged = BTreeMap::new();
        // The same store dies again and again, sooner and later.
        for acks in [1, 40, 900, 5, 3000, 300] {
            let mut child = start("what_was_acknowledged_survives_sigkill", folder.path(), level);
            read_acks(&mut child, acks, &mut acknowledged, |child| child.kill().unwrap());
            block_on(check(folder.path(), &acknowledged));
        }
        assert!(acknowledged.values().sum::<u64>() > 4000);
    }
}

#[test]
fn what_was_acknowledged_survives_an_end_at_any_point_of_a_commit() {
    if let Ok(folder) = std::env::var(FOLDER) {
        let point = std::env::var(POINT).unwrap();
        let (point, nth) = point.split_once(':').unwrap();
        failpoint::arm(point, nth.parse().unwrap(), || std::process::abort());
        return block_on(write_until_killed(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for nth in [1, 2, 7, 30] {
        let of_store = |point: &&&str| point.starts_with("commit.") || point.starts_with("carry.");
        for point in failpoint::ALL.iter().filter(of_store) {
            let test = "what_was_acknowledged_survives_an_end_at_any_point_of_a_commit";
            let mut command = command(test, folder.path(), "power");
            let mut child = command.env(POINT, format!("{point}:{nth}")).spawn().unwrap();
            read_acks(&mut child, 0, &mut acknowledged, |_| {});
            block_on(check(folder.path(), &acknowledged));
        }
    }
    assert!(acknowledged.values().sum::<u64>() > 1000);
}

#[test]
fn a_disk_that_was_full_is_written_again() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return block_on(write_over_the_limit(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    // The shell lets a write over the limit fail instead of kill.
    let mut child = Command::new("sh");
    child.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "a_disk_that_was_full_is_written_again", "--nocapture"]);
    let status = child.env(FOLDER, folder.path()).status().unwrap();
    assert!(status.success());
}

/// Writes to a file system in a file, on an outer one that is frozen in the middle of it. A copy of the
/// file is what a disk holds that lost its power then; at a lower level than `power` this test fails.
#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return block_on(write_until_killed(Path::new(&folder)));
    }
    if !Lab::is_possible() {
        eprintln!("not run: a power cut is staged with root's rights, loop devices and fsfreeze");
        return;
    }
    let lab = Lab::new();
    let mut acknowledged = BTreeMap::new();
    // `POWER_CUTS` raises the number of cuts.
    let cuts = std::env::var("POWER_CUTS").map_or(8, |cuts| cuts.parse().unwrap());
    for (round, acks) in [1, 60, 2500, 10, 700, 1, 4000, 200].into_iter().cycle().take(cuts).enumerate() {
        if round % 4 == 0 {
            lab.make_inner();
            acknowledged.clear();
        }
        lab.mount_inner();
        let mut child = start("what_was_acknowledged_survives_a_power_cut", &lab.store(), "power");
        read_acks(&mut child, acks, &mut acknowledged, |child| {
            lab.run("fsfreeze", &["-f", "outer"]);
            lab.run("cp", &["--sparse=always", "outer/inner.img", "copy.img"]);
            // It dies before it can answer anything the frozen disk has not taken.
            child.kill().unwrap();
            lab.run("fsfreeze", &["-u", "outer"]);
        });
        lab.run("umount", &["inner"]);
        lab.run("cp", &["--sparse=always", "copy.img", "outer/inner.img"]);
        lab.mount_inner();
        block_on(check(&lab.store(), &acknowledged));
        lab.run("umount", &["inner"]);
    }
}

/// A folder with an outer file system in a file, and an inner one in a file on that.
struct Lab(tempfile::TempDir);

impl Lab {
    /// Whether this machine lets the test mount file systems of its own.
    fn is_possible() -> bool {
        let works = |program: &str, args: &[&str]| {
            Command::new(program)
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        };
        works("losetup", &["-f"])
            && works("fsfreeze", &["--version"])
            && works("test", &["-w", "/dev/loop-control"])
    }

    fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        lab.run("mkdir", &["outer", "inner"]);
        lab.run("truncate", &["-s", "1500M", "outer.img"]);
        lab.run("mkfs.ext4", &["-q", "-F", "outer.img"]);
        lab.run("mount", &["-o", "loop", "outer.img", "outer"]);
        lab
    }

    fn make_inner(&self) {
        self.run("rm", &["-f", "outer/inner.img"]);
        self.run("truncate", &["-s", "600M", "outer/inner.img"]);
        self.run("mkfs.ext4", &["-q", "-F", "outer/inner.img"]);
    }

    fn mount_inner(&self) {
        self.run("mount", &["-o", "loop", "outer/inner.img", "inner"]);
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("inner/store")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = Command::new(program).args(arguments).current_dir(self.0.path()).status();
        assert!(status.unwrap().success(), "{program} {arguments:?}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for mounted in ["inner", "outer"] {
            // The inner one is mounted only when the test failed.
            let mut umount = Command::new("umount");
            let _ = umount.arg("-q").arg(mounted).current_dir(self.0.path()).status();
        }
    }
}

fn start(test: &str, folder: &Path, level: &str) -> Child {
    command(test, folder, level).spawn().unwrap()
}

fn command(test: &str, folder: &Path, level: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .env(LEVEL, level)
        .stdout(Stdio::piped());
    command
}

/// Reads what the child acknowledges and stops it with `stop` once that is `acks` batches.
fn read_acks(
    child: &mut Child,
    acks: usize,
    acknowledged: &mut BTreeMap<u64, u64>,
    stop: impl Fn(&mut Child),
) {
    let mut seen = 0;
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    // After the end, what is still in the pipe was acknowledged too.
    while out.read_line(&mut line).unwrap() > 0 {
        if let Some((worker, number)) = line.strip_suffix('\n').and_then(read_ack) {
            acknowledged.insert(worker, number);
            seen += 1;
            if seen == acks {
                stop(child);
            }
        }
        line.clear();
    }
    assert!(!child.wait().unwrap().success(), "it ended by itself");
    assert!(seen >= acks);
}

fn read_ack(line: &str) -> Option<(u64, u64)> {
    let mut words = line.strip_prefix("ack ")?.split(' ').map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}

/// Each batch of a worker writes its number as the worker's head and into the number's slot, and
/// empties the next slot.
async fn write_until_killed(folder: &Path) {
    let level = match std::env::var(LEVEL).unwrap().as_str() {
        "power" => Durability::Power,
        _ => Durability::Process,
    };
    // Small tables, so that they are carried often where the process is to end in the middle of that.
    let table_bytes = if std::env::var(POINT).is_ok() { 256 << 10 } else { options(level).table_bytes };
    let store = open(folder, &Options { table_bytes, ..options(level) }).unwrap();
    std::io::stdout().write_all(b"\n").unwrap();
    join_all((0..WORKERS).map(|worker| work(&*store, worker))).await;
}

async fn work(store: &dyn Store, worker: u64) {
    let mut number = head(store, worker).await;
    loop {
        number += 1;
        let mut batch = Batch::default();
        batch.put(head_key(worker), number.to_be_bytes().to_vec());
        batch.put(slot_key(worker, number % SLOTS), content(number));
        batch.delete(slot_key(worker, (number + 1) % SLOTS));
        store.commit(batch).await.unwrap();
        let line = format!("ack {worker} {number}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

async fn check(folder: &Path, acknowledged: &BTreeMap<u64, u64>) {
    let store = open(folder, &options(Durability::Power)).unwrap();
    for worker in 0..WORKERS {
        let head = head(&*store, worker).await;
        let acked = acknowledged.get(&worker).copied().unwrap_or(0);
        assert!(head >= acked, "worker {worker}: {acked} was acknowledged, {head} is there");
        for slot in 0..SLOTS {
            let found = store.get(slot_key(worker, slot)).await.unwrap();
            // Of the last numbers, one fell into this slot, unless it is the one emptied last.
            let recent = (0..SLOTS - 1).map(|back| head.saturating_sub(back));
            let expected = recent.filter(|number| *number > 0).find(|number| number % SLOTS == slot);
            let found = found.map(|found| found.value.to_vec());
            assert!(found == expected.map(content), "worker {worker}, head {head}: slot {slot} is wrong");
        }
    }
}

async fn write_over_the_limit(folder: &Path) {
    let store = open(folder, &options(Durability::Power)).unwrap();
    let big = |number: usize| {
        let mut batch = Batch::default();
        batch.put(format!("k{number:05}").into_bytes(), vec![number as u8; 50_000]);
        batch
    };
    for number in 0..50 {
        store.commit(big(number)).await.unwrap();
    }
    let unlimited = getrlimit(Resource::Fsize);
    let limit = store.stats().disk_bytes;
    setrlimit(Resource::Fsize, Rlimit { current: Some(limit), ..unlimited }).unwrap();
    let mut written = 50;
    let failure = loop {
        match store.commit(big(written)).await {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
    assert!(store.stats().failing.is_some());
    for _ in 0..3 {
        let again = store.commit(big(written)).await;
        assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    }
    setrlimit(Resource::Fsize, unlimited).unwrap();
    for number in written..written + 50 {
        store.commit(big(number)).await.unwrap();
    }
    assert_eq!(store.stats().failing, None);
    for number in 0..written + 50 {
        let found = store.get(format!("k{number:05}").into_bytes()).await.unwrap();
        assert_eq!(found.unwrap().value, vec![number as u8; 50_000], "{number}");
    }
}

fn options(durability: Durability) -> Options {
    Options { durability, cache_bytes: 8 << 20, ..Options::default() }
}

fn head_key(worker: u64) -> Vec<u8> {
    format!("head/{worker:02}").into_bytes()
}

fn slot_key(worker: u64, slot: u64) -> Vec<u8> {
    format!("slot/{worker:02}/{slot:02}").into_bytes()
}

/// Sizes from a few bytes to the page-filling, every byte telling the number.
fn content(number: u64) -> Vec<u8> {
    let bytes = if number.is_multiple_of(97) { 100_000 } else { 8 + number * 131 % 4000 };
    number.to_be_bytes().into_iter().cycle().take(bytes as usize).collect()
}

async fn head(store: &dyn Store, worker: u64) -> u64 {
    let found = store.get(head_key(worker)).await.unwrap();
    found.map_or(0, |found| u64::from_be_bytes(found.value[..].try_into().unwrap()))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}
