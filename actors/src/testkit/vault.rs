//! Secrets in the open, so that a test can look at them.

use crate::ports::Vault;

/// A [`Vault`] that hides nothing.
pub struct PlainVault;

impl Vault for PlainVault {
    fn seal(&self, plain: &str) -> String {
        format!("plain:{plain}")
    }

    fn open(&self, sealed: &str) -> Option<String> {
        sealed.strip_prefix("plain:").map(str::to_owned)
    }
}
