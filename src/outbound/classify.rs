//! Reads reqwest's errors as the port's. Pure: walks the chain of causes and looks at types, never at
//! words.

use std::error::Error;
use std::io;

use appengine_actors::webhook::failure::{Refused, SendError, TlsError, Waiting};
use rustls::{AlertDescription, CertificateError};

use super::resolver::ResolveError;

/// What a failed request means. `proxied`: the connector dials the operator's proxy and nothing else.
pub(super) fn classify(error: &reqwest::Error, proxied: bool) -> SendError {
    if error.is_builder() {
        return SendError::Refused(Refused::Url("not a request target".to_owned()));
    }
    if let Some(found) = causes(error).find_map(by_cause) {
        return found;
    }
    // What TLS says once HTTP/2 is spoken over it, a layer that keeps no more of an error than its kind.
    if has_kind(error, io::ErrorKind::InvalidData) {
        return SendError::Tls(TlsError::Handshake);
    }
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => SendError::TimedOut(Waiting::Connection),
        (true, false) => SendError::TimedOut(Waiting::Response),
        // A TCP connect cannot end early, so it was the handshake that did.
        (false, true) if has_kind(error, io::ErrorKind::UnexpectedEof) => SendError::Tls(TlsError::Handshake),
        (false, true) if proxied => SendError::Proxy,
        (false, true) => SendError::Connect,
        (false, false) => SendError::ConnectionClosed,
    }
}

/// The causes as one line for the operator's log; the URL is left out, since its path and query may be
/// secrets.
pub(super) fn detail(error: reqwest::Error) -> String {
    let error = error.without_url();
    let words: Vec<String> = causes(&error).map(ToString::to_string).collect();
    words.join(": ")
}

type Cause<'a> = &'a (dyn Error + 'static);

fn causes<'a>(error: Cause<'a>) -> impl Iterator<Item = Cause<'a>> {
    std::iter::successors(Some(error), |error| next_cause(*error))
}

/// An `io::Error`'s own `source` skips the error that it wraps.
fn next_cause<'a>(error: Cause<'a>) -> Option<Cause<'a>> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn by_cause(cause: &(dyn Error + 'static)) -> Option<SendError> {
    if let Some(error) = cause.downcast_ref::<ResolveError>() {
        return Some(match error {
            ResolveError::Closed(_) => SendError::Refused(Refused::ResolvedAddress),
            ResolveError::Busy => SendError::Local,
            ResolveError::Lookup(_) | ResolveError::Empty => SendError::Dns,
        });
    }
    if let Some(error) = cause.downcast_ref::<rustls::Error>() {
        return Some(SendError::Tls(by_tls(error)));
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return by_http(error);
    }
    cause.downcast_ref::<io::Error>().and_then(by_io)
}

fn by_http(error: &hyper::Error) -> Option<SendError> {
    if error.is_parse_too_large() {
        Some(SendError::ResponseHeadTooLarge)
    } else if error.is_parse() {
        Some(SendError::InvalidResponse)
    } else {
        None
    }
}

fn by_tls(error: &rustls::Error) -> TlsError {
    match error {
        rustls::Error::InvalidCertificate(certificate) => by_certificate(certificate),
        rustls::Error::AlertReceived(alert) => by_alert(*alert),
        _ => TlsError::Handshake,
    }
}

/// What a receiver says of the certificate that it was shown, or was not.
fn by_alert(alert: AlertDescription) -> TlsError {
    match alert {
        AlertDescription::NoCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::CertificateRequired => TlsError::ClientCertificate,
        _ => TlsError::Handshake,
    }
}

fn by_certificate(certificate: &CertificateError) -> TlsError {
    match certificate {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsError::CertificateTime,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsError::CertificateName
        }
        CertificateError::UnknownIssuer => TlsError::CertificateUntrusted,
        _ => TlsError::Certificate,
    }
}

fn has_kind(error: &reqwest::Error, kind: io::ErrorKind) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|error| error.kind() == kind)
}

/// Only what says that this machine is at fault. No file descriptor left has no kind of its own.
fn by_io(error: &io::Error) -> Option<SendError> {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    let short = matches!(
        error.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory | io::ErrorKind::PermissionDenied
    );
    (short || matches!(error.raw_os_error(), Some(ENFILE | EMFILE))).then_some(SendError::Local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_told_apart_behind_an_io_error() {
        for (certificate, expected) in [
            (CertificateError::Expired, TlsError::CertificateTime),
            (CertificateError::NotValidYet, TlsError::CertificateTime),
            (CertificateError::NotValidForName, TlsError::CertificateName),
            (CertificateError::UnknownIssuer, TlsError::CertificateUntrusted),
            (CertificateError::Revoked, TlsError::Certificate),
        ] {
            let error =
                io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(certificate));
            assert_eq!(causes(&error).find_map(by_cause), Some(SendError::Tls(expected)));
        }
        assert_eq!(by_tls(&rustls::Error::DecryptError), TlsError::Handshake);
    }

    #[test]
    fn resolving_has_three_outcomes() {
        for (error, expected) in [
            (ResolveError::Busy, SendError::Local),
            (ResolveError::Empty, SendError::Dns),
            (ResolveError::Closed(crate::outbound::guard::Range::Loopback), Refused::ResolvedAddress.into()),
        ] {
            assert_eq!(by_cause(&error), Some(expected));
        }
    }

    #[test]
    fn what_this_machine_lacks_is_not_the_receivers_fault() {
        for error in [
            io::Error::from_raw_os_error(24),
            io::Error::from_raw_os_error(23),
            io::ErrorKind::AddrNotAvailable.into(),
            io::ErrorKind::PermissionDenied.into(),
        ] {
            assert_eq!(by_cause(&error), Some(SendError::Local));
        }
        for kind in
            [io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof]
        {
            assert_eq!(by_cause(&io::Error::from(kind)), None);
        }
    }
}
