//! What PayPal and Amazon SNS have in common: they sign by a certificate that is served at an address which the call
//! names. Whether that address is one to read, and whether what is served there is theirs: a chain to those who may
//! issue certificates, valid at the present time, for a name of the vendor's.

use std::time::Duration;

use aws_lc_rs::signature::{RsaParameters, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use url::Url;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::parse_x509_certificate;

use super::Around;
use super::verdict::{Part, Refusal, Stop};

/// An address of nothing but `https`, a host, a path and a query, if it is read just as it is written: no user, no port,
/// no dots that lead elsewhere.
pub fn plain_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = url.scheme() == "https"
        && url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.fragment().is_none();
    (is_plain && url.as_str() == text).then_some(url)
}

/// An address that is not the vendor's.
pub fn foreign_address(expected: &str, found: &str) -> Refusal {
    let cause = "the call is not from the vendor; nothing was read there";
    // Enough to recognise it by: whoever sends the call chooses how long it is.
    let found: String = found.chars().take(100).collect();
    Refusal::new(Part::Address, expected, format!("`{found}`"), cause)
}

/// The key of a certificate that may be trusted.
#[derive(Debug)]
pub struct TrustedKey(Vec<u8>);

impl TrustedKey {
    /// The key of the certificate that is served at an address, if its chain is right and its name is the vendor's.
    /// The address must have been checked: this asks for it to be read.
    pub fn at(url: &str, around: &Around<'_>, is_theirs: fn(&str) -> bool) -> Result<Self, Stop> {
        let served = around.certificates.served(url).ok_or_else(|| Stop::Needs(url.to_owned()))?;
        // PayPal has served a page in HTML there: that is a fault which passes, and says nothing about the call.
        let not_pem = || Stop::Later(format!("expected a certificate as PEM at {url}; found something else"));
        let served = read(&served).ok_or_else(not_pem)?;
        let (leaf, others) = served.split_first().ok_or_else(not_pem)?;
        check_chain(leaf, others, around)?;
        let (_, certificate) = parse_x509_certificate(leaf)
            .map_err(|_| refusal("a certificate".to_owned(), "something that cannot be read".to_owned()))?;
        let names: Vec<_> =
            certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok()).collect();
        if !matches!(names.as_slice(), [name] if is_theirs(name)) {
            let found = format!("`{}`", names.join("`, `"));
            return Err(refusal("a certificate with the vendor's common name".to_owned(), found).into());
        }
        Ok(Self(certificate.public_key().subject_public_key.data.to_vec()))
    }

    /// Whether this key has signed these bytes.
    pub fn has_signed(&self, by: &'static RsaParameters, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(by, &self.0).verify(bytes, signature).is_ok()
    }
}

/// Whom to trust, read once: those who may issue certificates, and those in between that a vendor may leave out.
#[derive(Debug, Default)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    intermediates: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Trusts whoever has one of these certificates, over these in between.
    #[must_use]
    pub fn new(anchors: &[CertificateDer<'_>], intermediates: Vec<CertificateDer<'static>>) -> Self {
        let anchors = anchors.iter().filter_map(|anchor| anchor_from_trusted_cert(anchor).ok());
        Self { anchors: anchors.map(|anchor| anchor.to_owned()).collect(), intermediates }
    }
}

/// Whether the leaf leads to somebody who may issue certificates, over those served with it and those that we have.
fn check_chain(
    leaf: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    around: &Around<'_>,
) -> Result<(), Stop> {
    let Trust { anchors, intermediates } = around.certificates.trust();
    if anchors.is_empty() {
        return Err(Stop::Later("expected issuers to trust; found none configured".to_owned()));
    }
    let between: Vec<_> = others.iter().chain(intermediates).cloned().collect();
    let now = UnixTime::since_unix_epoch(Duration::from_millis(around.now.as_millis()));
    let checked = EndEntityCert::try_from(leaf).and_then(|leaf| {
        let usage = KeyUsage::server_auth();
        leaf.verify_for_usage(ALL_VERIFICATION_ALGS, anchors, &between, now, usage, None, None).map(drop)
    });
    let expected = "a certificate of a trusted issuer that is valid now".to_owned();
    Ok(checked.map_err(|error| refusal(expected, format!("one that is not ({error})")))?)
}

/// The certificates of a PEM text, unless one of them cannot be read.
#[must_use]
pub fn read(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().ok()
}

fn refusal(expected: String, found: String) -> Refusal {
    let cause = "the call is not from the vendor, an intermediate certificate is missing in the configuration, or \
                 this server's clock is wrong";
    Refusal::new(Part::Certificate, expected, found, cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::Certificates;
    use crate::vendors::testing::now;

    #[test]
    fn an_address_is_taken_only_as_it_is_read() {
        for plain in ["https://api.paypal.com/a/b-1.pem", "https://a.b/?Action=c&TopicArn=arn:aws:sns"] {
            assert!(plain_address(plain).is_some(), "{plain}");
        }
        for wrong in [
            "",
            "api.paypal.com",
            "http://a.b/c",
            "https://a.b",
            "https://a.b:443/c",
            "https://a.b:8443/c",
            "https://u@a.b/c",
            "https://@a.b/c",
            "https://u:p@a.b/c",
            "https://a.b/c#d",
            "https://a.b/x/../c",
            "https://a.b/x/%2e%2e/c",
            "https://a.b\\c",
            "https://A.b/c",
            " https://a.b/c",
            "https://a.b/c\n",
            "https:///a.b/c",
        ] {
            assert!(plain_address(wrong).is_none(), "{wrong}");
        }
    }

    struct Fixed(Option<&'static str>);

    impl Certificates for Fixed {
        fn served(&self, _: &str) -> Option<String> {
            self.0.map(str::to_owned)
        }

        fn trust(&self) -> &Trust {
            static NOBODY: Trust = Trust { anchors: Vec::new(), intermediates: Vec::new() };
            &NOBODY
        }
    }

    #[test]
    fn what_is_not_there_or_not_pem_says_nothing_about_the_call() {
        let at = |certificates: &Fixed| {
            TrustedKey::at("https://a.b/c", &Around { now: now(), certificates }, |_| true).unwrap_err()
        };
        let bytes = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(at(&Fixed(None)), Stop::Needs("https://a.b/c".to_owned()));
        let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        for page in ["", "<html>error</html>", broken, "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
            assert!(matches!(at(&Fixed(Some(page))), Stop::Later(_)), "{page}");
        }
        assert!(matches!(at(&Fixed(Some(bytes))), Stop::Later(_)), "nobody to trust");
    }
}
