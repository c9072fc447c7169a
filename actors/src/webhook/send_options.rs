//! How one request is sent where its receiver wants more than the ordinary: authorities of its own, a client
//! certificate, a compressed body. Owns the words for what is wrong with them; the transport reads the PEM. None of it
//! has a serde form: a key is sealed by whoever keeps it.

use std::fmt;
use std::sync::Arc;

/// Most bytes of one PEM text.
pub const MAX_PEM: usize = 64 * 1024;
/// Most certificates in one PEM text.
pub const MAX_CERTIFICATES: usize = 32;

/// Everything that differs from an ordinary request. Its `Debug` shows no certificate and no key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Whom to trust and what to show; requests with equal ones share connections.
    pub tls: TlsOptions,
    /// What is done to the body on its way.
    pub compression: Compression,
}

/// Whom to trust and what to show when the connection is made.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM certificates of authorities that are trusted **instead of** the machine's: whoever names its own does not
    /// want a public one to vouch for its receiver.
    pub ca: Option<Arc<str>>,
    /// What is shown to a receiver that asks who is calling (mTLS).
    pub client: Option<ClientIdentity>,
}

/// A client certificate and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM: the certificate first, then those between it and its authority.
    pub certificate: Arc<str>,
    /// PEM: PKCS#8, PKCS#1 or SEC 1, not encrypted.
    pub key: Arc<str>,
}

/// What is done to a body on its way. Signatures are over the body as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// `content-encoding: gzip`. A body that already has a `content-encoding` is left alone.
    Gzip,
}

/// Which of the texts is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Part {
    /// [`TlsOptions::ca`]
    #[error("the authority's certificate")]
    Ca,
    /// [`ClientIdentity::certificate`]
    #[error("the client certificate")]
    Certificate,
    /// [`ClientIdentity::key`]
    #[error("the client key")]
    Key,
}

/// Why these options cannot be used. A text is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Longer than [`MAX_PEM`].
    #[error("use {part}: it has {found} bytes, at most {MAX_PEM} are allowed")]
    Length {
        /// Which text.
        part: Part,
        /// Its length.
        found: usize,
    },
    /// Not PEM, or cut off.
    #[error("use {0}: it is not PEM; give whole blocks from -----BEGIN … to -----END …")]
    Pem(Part),
    /// PEM without a certificate.
    #[error("use {0}: it holds no block that begins with -----BEGIN CERTIFICATE-----")]
    NoCertificate(Part),
    /// More than [`MAX_CERTIFICATES`].
    #[error(
        "use {0}: it holds more than {MAX_CERTIFICATES} certificates; leave out those that are not needed"
    )]
    Certificates(Part),
    /// A certificate that cannot be read.
    #[error("use {part}: certificate {number} in it cannot be read; export it again as X.509")]
    Certificate {
        /// Which text.
        part: Part,
        /// Which of its certificates, from 1.
        number: usize,
    },
    /// The key needs a passphrase.
    #[error(
        "use the client key: it is encrypted; give it without a passphrase, it is sealed where it is kept"
    )]
    Encrypted,
    /// PEM without a key.
    #[error("use the client key: it holds no block that begins with -----BEGIN PRIVATE KEY-----")]
    NoKey,
    /// A kind of key that TLS has no use for here.
    #[error(
        "use the client key: give an RSA key of 2048 bits or more, an ECDSA key on P-256, P-384 or P-521, or an Ed25519 key"
    )]
    Key,
    /// They do not belong together.
    #[error(
        "use the client key: it is not the key of the client certificate, which must come first in its text"
    )]
    Mismatch,
}

impl TlsOptions {
    /// Whether these are the ordinary ones.
    pub fn is_plain(&self) -> bool {
        self.ca.is_none() && self.client.is_none()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("ca", &self.ca.as_ref().map(|ca| ca.len()))
            .field("client", &self.client)
            .finish()
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(••••••••)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_and_no_certificate_is_shown() {
        let client = ClientIdentity { certificate: "CERTIFICATE".into(), key: "KEY".into() };
        let tls = TlsOptions { ca: Some("AUTHORITY".into()), client: Some(client) };
        let shown = format!("{:?}", SendOptions { tls, compression: Compression::Gzip });
        assert!(!shown.contains("KEY") && !shown.contains("CERT") && !shown.contains("AUTH"), "{shown}");
        assert!(shown.contains("Some(9)") && shown.contains("Gzip"), "{shown}");
    }

    #[test]
    fn what_is_not_said_is_ordinary() {
        let plain = SendOptions::default();
        assert!(plain.tls.is_plain());
        assert_eq!(plain.compression, Compression::None);
        assert_eq!(serde_json::to_string(&Compression::Gzip).unwrap(), "\"gzip\"");
    }

    #[test]
    fn errors_say_what_to_change() {
        let error = OptionsError::Certificate { part: Part::Ca, number: 2 };
        assert_eq!(
            error.to_string(),
            "use the authority's certificate: certificate 2 in it cannot be read; export it again as X.509"
        );
    }
}
