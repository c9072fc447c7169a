//! What one request brings: file by file, chunk by chunk, never a whole file in memory. What is not kept is gone when
//! the tray is.

use appengine_actors::failpoint;
use appengine_actors::ids::{FileId, OrgId};
use tokio::io::AsyncWriteExt;

use super::disk::Draft;
use super::kinds::{HEAD, begins_as, goes_with, mime_of};
use super::names::{cleaned, ending};
use super::{FileRecord, Files, FilesError, failed};

/// The files of one request.
pub struct Tray {
    files: Files,
    org: OrgId,
    /// Bytes that the organisation may still have.
    left: u64,
    /// Files that it takes.
    most: usize,
    open: Option<Incoming>,
    whole: Vec<(Draft, FileRecord)>,
}

/// A file that is on its way.
struct Incoming {
    draft: Draft,
    id: FileId,
    name: String,
    ending: String,
    head: Vec<u8>,
    bytes: u64,
}

/// What files are uploaded for.
#[derive(Debug, Clone, Default)]
pub struct Purpose {
    /// A conversation.
    pub chat: Option<String>,
    /// Where their uploader sorts them.
    pub location: Option<String>,
}

impl Tray {
    pub(super) fn new(files: Files, org: OrgId, left: u64) -> Self {
        let most = files.limits().per_request;
        Self { files, org, left, most, open: None, whole: Vec::new() }
    }

    /// The same for fewer files.
    #[must_use]
    pub fn holding(mut self, most: usize) -> Self {
        self.most = most.min(self.most);
        self
    }

    /// How many files are whole.
    #[must_use]
    pub fn count(&self) -> usize {
        self.whole.len()
    }

    /// Begins a file, by the name that its sender gives it and what they say that it is.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn begin(&mut self, said: &str, declared: Option<&str>) -> Result<(), FilesError> {
        let inner = &self.files.0;
        if self.whole.len() >= self.most {
            return Err(FilesError::TooMany(self.most));
        }
        let name = cleaned(said);
        let ending = ending(&name).unwrap_or_default();
        if !inner.limits.endings.contains(&ending) {
            return Err(FilesError::Ending { name, allowed: inner.limits.endings.join(", ") });
        }
        if declared.is_some_and(|declared| !goes_with(&ending, declared)) {
            return Err(FilesError::Content { name });
        }
        let id = FileId::new(inner.clock.now());
        let (disk, org, most) = (inner.disk.clone(), self.org.clone(), inner.limits.bytes);
        let begun = tokio::task::spawn_blocking(move || {
            if !disk.has_room(most).map_err(failed("find room for"))? {
                return Err(FilesError::DiskFull);
            }
            disk.begin(&org, id).map_err(failed("begin"))
        });
        let draft = begun.await.map_err(std::io::Error::other).map_err(failed("begin"))??;
        self.open = Some(Incoming { draft, id, name, ending, head: Vec::new(), bytes: 0 });
        Ok(())
    }

    /// Adds to the file that was begun last.
    ///
    /// # Errors
    /// When it has too many bytes or they cannot be written.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), FilesError> {
        let limits = &self.files.0.limits;
        let Some(open) = &mut self.open else { return Ok(()) };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        open.bytes = open.bytes.saturating_add(length);
        if open.bytes > limits.bytes {
            return Err(FilesError::TooLarge { name: open.name.clone(), limit: limits.bytes });
        }
        self.left = self.left.checked_sub(length).ok_or(FilesError::Quota(limits.quota))?;
        let missing = HEAD.saturating_sub(open.head.len()).min(chunk.len());
        open.head.extend_from_slice(chunk.get(..missing).unwrap_or_default());
        match &mut open.draft.file {
            Some(file) => file.write_all(chunk).await.map_err(failed("write")),
            None => Ok(()),
        }
    }

    /// Ends the file that was begun last: its bytes are on the disk when this is answered.
    ///
    /// # Errors
    /// When it is not what its name says, or cannot be written.
    pub async fn end(&mut self) -> Result<(), FilesError> {
        let Some(Incoming { mut draft, id, name, ending, head, bytes }) = self.open.take() else {
            return Ok(());
        };
        if !begins_as(&ending, &head) {
            return Err(FilesError::Content { name });
        }
        if let Some(mut file) = draft.file.take() {
            file.flush().await.map_err(failed("write"))?;
            file.sync_all().await.map_err(failed("write"))?;
        }
        let mime_type = mime_of(&ending).to_owned();
        let (by, at) = (String::new(), self.files.0.clock.now());
        let record = FileRecord { id, name, mime_type, bytes, by, at, chat: None, location: None };
        self.whole.push((draft, record));
        Ok(())
    }

    /// Keeps what is whole, all or none: it is on the disk and known when this is answered.
    ///
    /// # Errors
    /// When there is no room, or it could not be written.
    pub async fn keep(mut self, by: &str, purpose: &Purpose) -> Result<Vec<FileRecord>, FilesError> {
        let Purpose { chat, location } = purpose;
        let records = self.whole.iter().map(|(_, record)| FileRecord {
            by: by.to_owned(),
            chat: chat.clone(),
            location: location.clone(),
            ..record.clone()
        });
        let records: Vec<FileRecord> = records.collect();
        for (draft, _) in &self.whole {
            draft.place().await.map_err(failed("place"))?;
        }
        failpoint::pass("file.placed");
        self.whole.iter_mut().for_each(|(draft, _)| draft.ask());
        let inner = &self.files.0;
        let entered = inner.book.enter(&self.org, &records, inner.limits.quota).await;
        failpoint::pass("file.known");
        for (draft, _) in &mut self.whole {
            match &entered {
                Ok(()) => draft.stay(),
                // Nothing of it was written.
                Err(FilesError::Quota(_)) => draft.go(),
                // It may have been.
                Err(_) => {}
            }
        }
        entered.map(|()| records)
    }
}
