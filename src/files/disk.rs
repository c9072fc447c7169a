//! Files on the disk: `{folder}/{org}/{id}`, each written under a mark, `{folder}/.new/{org}~{id}`, which is a second
//! name for the same bytes. The mark goes when the store knows of the file, so that whatever has one at the start of a
//! process is what an earlier one left half done.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use appengine_actors::ids::{FileId, OrgId};

/// Where marks are. No organisation is called so.
const MARKS: &str = ".new";
/// What the disk keeps for the store, which stops at half of it.
const RESERVE: u64 = 128 * 1024 * 1024;

/// The folder of files.
#[derive(Clone)]
pub(super) struct Disk {
    root: PathBuf,
}

/// A file with its mark.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) org: OrgId,
    pub(super) id: FileId,
}

impl Disk {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// Where a file is.
    pub(super) fn place(&self, org: &OrgId, id: FileId) -> PathBuf {
        self.root.join(org.as_str()).join(id.to_string())
    }

    fn mark_of(&self, org: &OrgId, id: FileId) -> PathBuf {
        self.root.join(MARKS).join(format!("{org}~{id}"))
    }

    /// Whether this many bytes more leave the store what it needs.
    pub(super) fn has_room(&self, bytes: u64) -> io::Result<bool> {
        // The folder itself may not be there yet; it lies in the data folder.
        let there = self.root.ancestors().find(|path| path.is_dir()).unwrap_or(&self.root);
        let found = rustix::fs::statvfs(there)?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        Ok(free >= RESERVE.saturating_add(bytes))
    }

    /// Begins a file, under its mark alone.
    pub(super) fn begin(&self, org: &OrgId, id: FileId) -> io::Result<Draft> {
        make_folder(&self.root.join(MARKS))?;
        let mark = self.mark_of(org, id);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&mark)?;
        Ok(Draft {
            file: Some(tokio::fs::File::from_std(file)),
            mark,
            place: self.place(org, id),
            fate: Fate::Goes,
        })
    }

    /// Gives a file that is about to be removed its mark again.
    pub(super) fn mark(&self, org: &OrgId, id: FileId) -> io::Result<Marked> {
        make_folder(&self.root.join(MARKS))?;
        match fs::hard_link(self.place(org, id), self.mark_of(org, id)) {
            // Somebody else removes it as well, or its bytes are gone.
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {}
            linked => linked?,
        }
        sync(&self.root.join(MARKS))?;
        Ok(Marked { org: org.clone(), id })
    }

    /// Everything that has a mark.
    pub(super) fn marked(&self) -> io::Result<Vec<Marked>> {
        let entries = match fs::read_dir(self.root.join(MARKS)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut marked = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let read = name.to_str().and_then(|name| name.split_once('~'));
            let read = read.and_then(|(org, id)| Some((OrgId::new(org).ok()?, id.parse().ok()?)));
            // What is called otherwise is none of ours.
            marked.extend(read.map(|(org, id)| Marked { org, id }));
        }
        Ok(marked)
    }

    /// Ends what a mark says: a file that the store knows stays, any other goes.
    pub(super) fn settle(&self, marked: &Marked, known: bool) -> io::Result<()> {
        if !known {
            gone(fs::remove_file(self.place(&marked.org, marked.id)))?;
        }
        gone(fs::remove_file(self.mark_of(&marked.org, marked.id)))
    }
}

/// A file that is being written.
pub(super) struct Draft {
    /// Open until it is whole.
    pub(super) file: Option<tokio::fs::File>,
    mark: PathBuf,
    place: PathBuf,
    fate: Fate,
}

/// What becomes of a draft when it is let go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is removed.
    Goes,
    /// The store knows, and says so at the next start.
    Asked,
    /// It stays, and only its mark goes.
    Stays,
}

impl Draft {
    /// Gives it its own name, on the disk when this is answered. Its bytes have to be by then, and its mark is first.
    pub(super) async fn place(&self) -> io::Result<()> {
        let (mark, place) = (self.mark.clone(), self.place.clone());
        let placed = tokio::task::spawn_blocking(move || {
            mark.parent().map_or(Ok(()), sync)?;
            place.parent().map_or(Ok(()), make_folder)?;
            fs::hard_link(&mark, &place)?;
            // Its folder, that of all files, and the data folder: any of them may be new, whoever made it.
            place.ancestors().skip(1).take(3).try_for_each(sync)
        });
        placed.await.map_err(io::Error::other)?
    }

    /// From here on the store decides: asked to take it, it may have, whoever hears the answer.
    pub(super) const fn ask(&mut self) {
        self.fate = Fate::Asked;
    }

    /// The store has it.
    pub(super) const fn stay(&mut self) {
        self.fate = Fate::Stays;
    }

    /// The store has refused it.
    pub(super) const fn go(&mut self) {
        self.fate = Fate::Goes;
    }
}

impl Drop for Draft {
    /// The mark first: should its name just be made of it, that comes too late or is there to be removed.
    fn drop(&mut self) {
        if self.fate == Fate::Asked {
            return;
        }
        let mut done = gone(fs::remove_file(&self.mark));
        if self.fate == Fate::Goes {
            done = done.and(gone(fs::remove_file(&self.place)));
        }
        if let Err(error) = done {
            tracing::warn!(mark = %self.mark.display(), %error, "the next start removes what is left of a file");
        }
    }
}

/// Makes a folder for its owner alone; nothing where it is there.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(0o700).create(folder) }
}

/// Returns once the names in a folder are on the disk.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
