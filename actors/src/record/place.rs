//! A record's entry in an order of time: one byte beside the key, so that lists can count and skip
//! without reading records. Pure.

use super::model::Record;

const DELETED: u8 = 1;
const RESTRICTED: u8 = 2;

/// What an entry says of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags {
    /// It is deleted softly.
    pub deleted: bool,
    /// It names roles of its own: whether somebody may read it must be asked of the record.
    pub restricted: bool,
}

impl Flags {
    /// The flags of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { deleted: record.is_deleted(), restricted: record.meta.contains_key("requiredRole") }
    }

    /// As they are stored.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let deleted = if self.deleted { DELETED } else { 0 };
        vec![deleted | if self.restricted { RESTRICTED } else { 0 }]
    }

    /// As they were stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let byte = bytes.first().copied().unwrap_or_default();
        Self { deleted: byte & DELETED != 0, restricted: byte & RESTRICTED != 0 }
    }
}
