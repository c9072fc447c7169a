//! Files that people upload: their bytes lie on the disk beside the store, what is known of them is in the store, and
//! they are read by links that end. It knows nothing of HTTP, and does not ask who may.
//!
//! A file is on the disk under its own name before the store knows of it, and has a mark beside it until then: what a
//! crash leaves behind is found by its mark at the next start, and is nobody's.

mod book;
mod disk;
mod kinds;
mod links;
mod names;
mod path;
mod tray;

use std::io;
use std::path::Path;
use std::sync::Arc;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::ids::{FileId, OrgId};
use appengine_actors::store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use book::Book;
use disk::Disk;
pub use kinds::is_inline;
pub use links::{LinkError, Links};
pub use path::FilePath;
pub use tray::{Purpose, Tray};

/// Where files lie in the data folder.
const FOLDER: &str = "files";

/// What files may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of one file.
    pub bytes: u64,
    /// Files of one request.
    pub per_request: usize,
    /// The endings of names that are taken, in lower case.
    pub endings: Vec<String>,
    /// Bytes of all files of an organisation.
    pub quota: u64,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRecord {
    /// Its id.
    pub id: FileId,
    /// The name that it came with, cleaned.
    pub name: String,
    /// What it is, by its name's ending.
    pub mime_type: String,
    /// Its length.
    pub bytes: u64,
    /// Who uploaded it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The conversation that it was uploaded for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// Where its uploader sorts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// Why a file was not taken, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file has too many bytes.
    #[error("take the file `{name}`: it has more than {limit} bytes")]
    TooLarge {
        /// Its name.
        name: String,
        /// Bytes that are taken.
        limit: u64,
    },
    /// A request has too many files.
    #[error("take the files: a request has {0} at most; send the others by themselves")]
    TooMany(usize),
    /// A file is of a kind that is not taken.
    #[error("take the file `{name}`: only names that end in one of these are taken: {allowed}")]
    Ending {
        /// Its name.
        name: String,
        /// The endings that are taken.
        allowed: String,
    },
    /// A file is not what its name says.
    #[error("take the file `{name}`: what it holds is not what its name and type say; name it as what it is")]
    Content {
        /// Its name.
        name: String,
    },
    /// The organisation has too many bytes of files.
    #[error(
        "take the files: the organisation may have {0} bytes of files; delete some, or raise files.quota"
    )]
    Quota(u64),
    /// The disk is full.
    #[error("take the files: the server's disk is nearly full; its operator has to free some space")]
    DiskFull,
    /// The file system failed.
    #[error("{action} a file: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What was said.
        source: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FilesError {
    /// The machine code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "file_too_large",
            Self::TooMany(_) => "too_many_files",
            Self::Ending { .. } | Self::Content { .. } => "file_type_refused",
            Self::Quota(_) => "quota_exceeded",
            Self::DiskFull => "disk_full",
            Self::Io { .. } | Self::Store(_) => "unavailable",
        }
    }
}

/// A closure that says what was tried when the file system failed; one that has no room says that instead.
fn failed(action: &'static str) -> impl FnOnce(io::Error) -> FilesError {
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FilesError::DiskFull,
        _ => FilesError::Io { action, source },
    }
}

/// Removes what an earlier process left half done in a data folder, which no other process may have.
///
/// # Errors
/// When the folder or the store cannot be read.
pub async fn settle(data: &Path, store: &Arc<dyn Store>) -> Result<(), FilesError> {
    let (disk, book) = (Disk::new(&data.join(FOLDER)), Book::new(store.clone()));
    for left in disk.marked().map_err(failed("look for what is left of"))? {
        let known = book.find(&left.org, left.id).await?.is_some();
        disk.settle(&left, known).map_err(failed("remove what is left of"))?;
    }
    Ok(())
}

/// All files.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    disk: Disk,
    book: Book,
    limits: FileLimits,
    clock: Arc<dyn Clock>,
}

impl Files {
    /// The files in a data folder; theirs in it is made when the first one comes.
    #[must_use]
    pub fn new(data: &Path, store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: FileLimits) -> Self {
        let (disk, book) = (Disk::new(&data.join(FOLDER)), Book::new(store));
        Self(Arc::new(Inner { disk, book, limits, clock }))
    }

    /// What may be uploaded.
    #[must_use]
    pub fn limits(&self) -> &FileLimits {
        &self.0.limits
    }

    /// A place for what one request brings.
    ///
    /// # Errors
    /// When there is no room for anything.
    pub async fn tray(&self, org: &OrgId) -> Result<Tray, FilesError> {
        let left = self.0.limits.quota.saturating_sub(self.0.book.bytes(org).await?);
        if left == 0 {
            return Err(FilesError::Quota(self.0.limits.quota));
        }
        Ok(Tray::new(self.clone(), org.clone(), left))
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, org: &OrgId, id: FileId) -> Result<Option<FileRecord>, FilesError> {
        Ok(self.0.book.find(org, id).await?)
    }

    /// A file's bytes; none where they are not here, such as after an import without them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(&self, org: &OrgId, id: FileId) -> Result<Option<tokio::fs::File>, FilesError> {
        match tokio::fs::File::open(self.0.disk.place(org, id)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some).map_err(failed("read")),
        }
    }

    /// Removes a file for good. Whether there was one.
    ///
    /// # Errors
    /// When it could not be removed.
    pub async fn remove(&self, org: &OrgId, id: FileId) -> Result<bool, FilesError> {
        if self.0.book.find(org, id).await?.is_none() {
            return Ok(false);
        }
        let disk = self.0.disk.clone();
        let marked = disk.mark(org, id).map_err(failed("remove"))?;
        let removed = self.0.book.remove(org, id).await?;
        // Known or not, from here on it is as the store says; what fails is done at the next start.
        if let Err(error) = disk.settle(&marked, false) {
            tracing::warn!(%org, file = %id, %error, "a removed file is still on the disk; the next start removes it");
        }
        Ok(removed)
    }
}
