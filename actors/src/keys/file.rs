//! Keys of what is known of uploaded files.

use super::Builder;
use crate::ids::{FileId, OrgId};
use crate::store::Key;

/// What is known of a file.
#[must_use]
pub fn file(org: &OrgId, id: FileId) -> Key {
    Builder::of(org, b'F').bytes(&id.to_bytes()).0
}

/// How many bytes the files of an organisation have together.
#[must_use]
pub fn file_bytes(org: &OrgId) -> Key {
    Builder::of(org, b'B').0
}
