//! The paths by which messages and records name files: they last, where links end.

use std::fmt;
use std::str::FromStr;

use appengine_actors::ids::{FileId, OrgId};
use serde::{Deserialize, Deserializer};

/// What the paths of files begin with.
pub(super) const PATHS: &str = "files";

/// A text is no path of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read `{0}` as the path of a file: expected `files/`, an organisation and a file's id, as its upload answered"
)]
pub struct NoFilePath(String);

/// The path of a file: `files/{org}/{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePath {
    /// Whose it is.
    pub org: OrgId,
    /// Which it is.
    pub id: FileId,
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PATHS}/{}/{}", self.org, self.id)
    }
}

impl FromStr for FilePath {
    type Err = NoFilePath;

    fn from_str(text: &str) -> Result<Self, NoFilePath> {
        let parts = || {
            let (org, id) = text.strip_prefix(PATHS)?.strip_prefix('/')?.split_once('/')?;
            Some(Self { org: OrgId::new(org).ok()?, id: id.parse().ok()? })
        };
        parts().ok_or_else(|| NoFilePath(text.chars().take(64).collect()))
    }
}

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_is_written_and_others_are_none() {
        let text = "files/acme/file_01ARZ3NDEKTSV4RRFFQ69G5FAV";
        let path: FilePath = text.parse().unwrap();
        assert_eq!((path.org.as_str(), path.to_string().as_str()), ("acme", text));
        let others = ["", "files/acme", "files//x", "/files/acme/x", "files/acme/../x", "file/acme/x"];
        for other in others.into_iter().map(str::to_owned).chain([format!("{text}/"), format!("x{text}")]) {
            assert!(other.parse::<FilePath>().is_err(), "{other}");
        }
    }
}
