//! What is known of files, and how many bytes an organisation has of them: both in one commit.

use std::sync::Arc;

use appengine_actors::ids::{FileId, OrgId};
use appengine_actors::keys;
use appengine_actors::store::{Batch, Expect, Store, StoreError, Versioned, decode, encode};

use super::{FileRecord, FilesError};

/// Times that a commit is tried while others commit first.
const TRIES: usize = 64;

/// What is known of files.
pub(super) struct Book {
    store: Arc<dyn Store>,
}

impl Book {
    pub(super) const fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub(super) async fn find(&self, org: &OrgId, id: FileId) -> Result<Option<FileRecord>, StoreError> {
        let found = self.store.get(keys::file(org, id)).await?;
        found.map(|found| decode(&found.value)).transpose()
    }

    /// Bytes of an organisation's files.
    pub(super) async fn bytes(&self, org: &OrgId) -> Result<u64, StoreError> {
        Ok(self.total(org).await?.0)
    }

    async fn total(&self, org: &OrgId) -> Result<(u64, Expect), StoreError> {
        Ok(match self.store.get(keys::file_bytes(org)).await? {
            None => (0, Expect::Absent),
            Some(Versioned { version, value }) => (decode(&value)?, Expect::Version(version)),
        })
    }

    /// Enters files, all or none: they are there once this is answered.
    pub(super) async fn enter(
        &self,
        org: &OrgId,
        files: &[FileRecord],
        quota: u64,
    ) -> Result<(), FilesError> {
        let more: u64 = files.iter().map(|file| file.bytes).sum();
        for tries in 1.. {
            let (total, expect) = self.total(org).await?;
            let total = total.saturating_add(more);
            if total > quota {
                return Err(FilesError::Quota(quota));
            }
            let key = keys::file_bytes(org);
            let mut batch = Batch::default();
            batch.expect(key.clone(), expect).put(key, encode(&total)?);
            for file in files {
                batch.insert(keys::file(org, file.id), encode(file)?);
            }
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                committed => return Ok(committed?),
            }
        }
        Ok(())
    }

    /// Takes a file out. Whether it was there.
    pub(super) async fn remove(&self, org: &OrgId, id: FileId) -> Result<bool, StoreError> {
        for tries in 1.. {
            let Some(found) = self.store.get(keys::file(org, id)).await? else { return Ok(false) };
            let file: FileRecord = decode(&found.value)?;
            let (total, expect) = self.total(org).await?;
            let mut batch = Batch::default();
            let key = keys::file_bytes(org);
            batch.expect(keys::file(org, id), Expect::Version(found.version)).expect(key.clone(), expect);
            batch.put(key, encode(&total.saturating_sub(file.bytes))?).delete(keys::file(org, id));
            match self.store.commit(batch).await {
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                committed => return committed.map(|()| true),
            }
        }
        Ok(false)
    }
}
