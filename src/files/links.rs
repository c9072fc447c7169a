//! Links that files are read by: whoever has one may read the file until it ends, and nobody can make one without the
//! installation's secret.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::clock::{Clock, Timestamp};
use appengine_actors::ids::{FileId, OrgId};
use appengine_actors::ports::FileLinks;

use super::path::{FilePath, PATHS};
use crate::auth::link_key::LinkKey;

/// Why a link opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// This server did not make it, or somebody changed it.
    #[error("accept the link: this server did not make it so; ask for a new one")]
    Forged,
    /// Its time is over.
    #[error("accept the link: its time is over; ask for a new one")]
    Over,
}

impl LinkError {
    /// The machine code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Forged => "invalid_link",
            Self::Over => "link_expired",
        }
    }
}

/// Makes links and reads them.
pub struct Links {
    key: LinkKey,
    base: String,
    life: Duration,
    clock: Arc<dyn Clock>,
}

impl Links {
    /// Links that lead to a server's own address, without a slash at its end, and live so long.
    #[must_use]
    pub const fn new(key: LinkKey, base: String, life: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { key, base, life, clock }
    }

    /// A link to a file, and when it ends.
    #[must_use]
    pub fn to(&self, org: &OrgId, id: FileId) -> (String, Timestamp) {
        let ends = Timestamp::from_millis(self.clock.now().plus(self.life).as_secs() * 1_000);
        let signature = self.key.sign(&signed(org, id, ends.as_secs()));
        let url = format!("{}/file/{org}/{id}?expires={}&signature={signature}", self.base, ends.as_secs());
        (url, ends)
    }

    /// Whether a link may be used now, and until when.
    ///
    /// # Errors
    /// When it may not.
    pub fn open(
        &self,
        org: &OrgId,
        id: FileId,
        expires: u64,
        signature: &str,
    ) -> Result<Duration, LinkError> {
        if !self.key.verify(&signed(org, id, expires), signature) {
            return Err(LinkError::Forged);
        }
        let left = expires.saturating_sub(self.clock.now().as_secs());
        if left == 0 { Err(LinkError::Over) } else { Ok(Duration::from_secs(left)) }
    }
}

impl FileLinks for Links {
    fn sign(&self, org: &OrgId, path: &str) -> Option<String> {
        let path: FilePath = path.parse().ok()?;
        (path.org == *org).then(|| self.to(org, path.id).0)
    }
}

/// What a signature is of.
fn signed(org: &OrgId, id: FileId, expires: u64) -> String {
    format!("{PATHS}/{org}/{id}?{expires}")
}

#[cfg(test)]
mod tests {
    use appengine_actors::testkit::ManualClock;

    use super::*;
    use crate::auth::sealing::RootSecret;

    fn links(secret: u8, clock: &ManualClock) -> Links {
        let key = RootSecret::new(&[secret; 32]).unwrap().link_key().unwrap();
        Links::new(key, "https://x.example".into(), Duration::from_secs(60), Arc::new(clock.clone()))
    }

    fn path_of(org: &OrgId, id: FileId) -> String {
        FilePath { org: org.clone(), id }.to_string()
    }

    fn parts(url: &str) -> (u64, String) {
        let (_, query) = url.split_once("?expires=").unwrap();
        let (expires, signature) = query.split_once("&signature=").unwrap();
        (expires.parse().unwrap(), signature.to_owned())
    }

    #[test]
    fn a_link_opens_its_file_until_it_ends_and_nothing_else() {
        let clock = ManualClock::default();
        let (own, other) = (links(1, &clock), links(2, &clock));
        let (org, foreign) = (OrgId::new("acme").unwrap(), OrgId::new("acme.x").unwrap());
        let (id, another) = (FileId::new(clock.now()), FileId::new(clock.now()));
        let url = own.sign(&org, &path_of(&org, id)).unwrap();
        assert!(url.starts_with(&format!("https://x.example/file/acme/{id}?expires=")), "{url}");
        let (expires, signature) = parts(&url);
        assert_eq!(own.open(&org, id, expires, &signature), Ok(Duration::from_secs(60)));
        let forged = [
            own.open(&org, another, expires, &signature),
            own.open(&foreign, id, expires, &signature),
            own.open(&org, id, expires + 1, &signature),
            own.open(&org, id, expires, ""),
            other.open(&org, id, expires, &signature),
        ];
        assert_eq!(forged, [Err(LinkError::Forged); 5]);
        clock.advance(Duration::from_secs(60));
        assert_eq!(own.open(&org, id, expires, &signature), Err(LinkError::Over));
    }

    #[test]
    fn only_paths_of_the_own_organisation_are_signed() {
        let clock = ManualClock::default();
        let links = links(1, &clock);
        let (org, foreign) = (OrgId::new("acme").unwrap(), OrgId::new("acme.x").unwrap());
        let path = path_of(&foreign, FileId::new(clock.now()));
        assert!(links.sign(&foreign, &path).is_some());
        for path in [path.as_str(), "files/acme/", "files/acme/../x", "https://x.example/a.png", ""] {
            assert_eq!(links.sign(&org, path), None, "{path}");
        }
    }
}
