use super::*;
use crate::outbound::testing::secure::Authority;

fn check(options: &TlsOptions) -> Result<(), OptionsError> {
    Authorities::load().unwrap().config(options).map(drop)
}

fn with_ca(pem: impl Into<Arc<str>>) -> Result<(), OptionsError> {
    check(&TlsOptions { ca: Some(pem.into()), client: None })
}

fn with_client(certificate: &str, key: &str) -> Result<(), OptionsError> {
    let client = ClientIdentity { certificate: certificate.into(), key: key.into() };
    check(&TlsOptions { ca: None, client: Some(client) })
}

#[test]
fn what_can_be_read_and_fits_is_taken() {
    let authority = Authority::new();
    let client = authority.issue();
    assert_eq!(check(&TlsOptions::default()), Ok(()));
    assert_eq!(with_ca(authority.pem()), Ok(()));
    assert_eq!(with_ca(format!("a remark\r\n{}\r\n", authority.pem())), Ok(()));
    assert_eq!(with_client(&client.certificate, &client.key), Ok(()));
    assert_eq!(with_client(&format!("{}{}", client.certificate, authority.pem()), &client.key), Ok(()));
}

#[test]
fn an_authority_that_cannot_be_read_is_refused_by_what_is_wrong() {
    let authority = Authority::new();
    let pem = authority.pem();
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, expected) in [
        ("", OptionsError::NoCertificate(Part::Ca)),
        ("not pem at all", OptionsError::NoCertificate(Part::Ca)),
        (&authority.issue().key, OptionsError::NoCertificate(Part::Ca)),
        (&pem[..pem.len() / 2], OptionsError::Pem(Part::Ca)),
        ("-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----\n", OptionsError::Pem(Part::Ca)),
        (garbled, OptionsError::Certificate { part: Part::Ca, number: 1 }),
        (&format!("{pem}{garbled}"), OptionsError::Certificate { part: Part::Ca, number: 2 }),
        (&pem.repeat(MAX_CERTIFICATES + 1), OptionsError::Certificates(Part::Ca)),
        (&"x".repeat(MAX_PEM + 1), OptionsError::Length { part: Part::Ca, found: MAX_PEM + 1 }),
    ] {
        assert_eq!(with_ca(text), Err(expected), "{text:.60}");
    }
}

#[test]
fn a_client_certificate_and_its_key_must_belong_together() {
    let authority = Authority::new();
    let (one, two) = (authority.issue(), authority.issue());
    let encrypted = one.key.replace("PRIVATE", "ENCRYPTED PRIVATE");
    let legacy = one.key.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n");
    for (certificate, key, expected) in [
        (&*one.certificate, &*two.key, OptionsError::Mismatch),
        (&format!("{}{}", authority.pem(), one.certificate), &one.key, OptionsError::Mismatch),
        (&one.certificate, &one.certificate, OptionsError::NoKey),
        (&one.certificate, "", OptionsError::NoKey),
        (&one.certificate, &encrypted, OptionsError::Encrypted),
        (&one.certificate, &legacy, OptionsError::Encrypted),
        (
            &one.certificate,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            OptionsError::Key,
        ),
        (&one.certificate, "-----BEGIN PRIVATE KEY-----\nAA", OptionsError::Pem(Part::Key)),
        (&one.key, &one.key, OptionsError::NoCertificate(Part::Certificate)),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one.key,
            OptionsError::Certificate { part: Part::Certificate, number: 1 },
        ),
    ] {
        assert_eq!(with_client(certificate, key), Err(expected));
    }
}
