//! The sled store against the port's promises, and against disks that fail.

mod blocks;
mod damage;
mod migrations;
mod promises;
mod transfer;
mod writing;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use appengine_actors::store::{Batch, Store, StoreError};

use super::disk::Disk;
use super::{Options, open_on};
use crate::config::Durability;

/// A disk that a test looks into and meddles with.
#[derive(Clone, Default)]
struct Probe(Arc<Shared>);

#[derive(Default)]
struct Shared {
    syncs: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: bool,
    syncing: bool,
    broken: bool,
    unwritable: bool,
    /// Syncs of sled's own file fail.
    home_broken: bool,
    free: Option<u64>,
}

impl Probe {
    fn syncs(&self) -> usize {
        self.0.syncs.load(Ordering::SeqCst)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock().unwrap());
        self.0.changed.notify_all();
    }

    /// Waits until the writer is within a sync.
    fn until_syncing(&self) {
        let state = self.0.state.lock().unwrap();
        drop(self.0.changed.wait_while(state, |state| !state.syncing).unwrap());
    }
}

struct ProbedDisk(Box<dyn Disk>, Probe);

impl Disk for ProbedDisk {
    fn write(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        // A disk that fills up takes a part first.
        if self.1.0.state.lock().unwrap().unwritable {
            self.0.write(file, &bytes[..bytes.len() / 2], at)?;
            return Err(io::Error::other("no space left"));
        }
        self.0.write(file, bytes, at)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let shared = &self.1.0;
        self.1.set(|state| state.syncing = true);
        let state = shared.changed.wait_while(shared.state.lock().unwrap(), |state| state.held).unwrap();
        let broken = state.broken || (state.home_broken && is_sleds(file));
        drop(state);
        self.1.set(|state| state.syncing = false);
        shared.syncs.fetch_add(1, Ordering::SeqCst);
        if broken { Err(io::Error::other("the disk is gone")) } else { self.0.sync(file) }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.0.sync_folder(folder)
    }

    fn free(&self) -> io::Result<u64> {
        let told = self.1.0.state.lock().unwrap().free;
        told.map_or_else(|| self.0.free(), Ok)
    }
}

fn is_sleds(file: &File) -> bool {
    let open = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    open.ends_with(super::sled::DATA_FILE)
}

fn options(durability: Durability) -> Options {
    Options { durability, cache_bytes: 8 << 20, readers: 2, ..Options::default() }
}

fn open_probed(folder: &Path, durability: Durability) -> (Arc<dyn Store>, Probe) {
    let probe = Probe::default();
    let wrap = |disk| -> Box<dyn Disk> { Box::new(ProbedDisk(disk, probe.clone())) };
    (open_on(folder, &options(durability), wrap).unwrap(), probe)
}

fn put(key: &str, value: &'static str) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.as_bytes().to_vec(), value);
    batch
}

async fn read(store: &dyn Store, key: &str) -> Result<Option<String>, StoreError> {
    let found = store.get(key.as_bytes().to_vec()).await?;
    Ok(found.map(|found| String::from_utf8(found.value.to_vec()).unwrap()))
}
