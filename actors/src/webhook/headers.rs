//! Which request headers may be sent. Pure; asked when an endpoint is created and again by the transport, so that a
//! header cannot reframe a request or split it. Names and values are never normalised, only accepted or refused.

use super::signature::{ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};

/// Most headers on one request.
pub const MAX_COUNT: usize = 64;
/// Most bytes of all names and values together.
pub const MAX_BYTES: usize = 16 * 1024;

/// They frame the message, belong to the hop or name the host: the transport alone sets them (RFC 9110 §7.6.1).
const RESERVED: [&str; 14] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// What receivers believe a request by: set for each attempt, after the body is known.
const SIGNED: [&str; 3] = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];

/// Why a header may not be sent. Values are never repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Empty, or with a character that RFC 9110 does not allow in a name.
    #[error("send the header {0:?}: a name is made of letters, digits and !#$%&'*+-.^_`|~")]
    Name(String),
    /// One that only the transport may set.
    #[error("send the header {0:?}: the server sets it itself")]
    Reserved(String),
    /// A control character, a line break or a letter outside ASCII.
    #[error(
        "send the header {0:?}: its value must be visible ASCII, spaces and tabs, without a space at either end"
    )]
    Value(String),
    /// More than [`MAX_COUNT`].
    #[error("send {0} headers: at most {MAX_COUNT} are allowed")]
    Count(usize),
    /// More than [`MAX_BYTES`].
    #[error("send {0} bytes of headers: at most {MAX_BYTES} are allowed")]
    Bytes(usize),
}

/// Whether a header is one that a request is believed by.
#[must_use]
pub fn is_signed(name: &str) -> bool {
    SIGNED.iter().any(|signed| name.eq_ignore_ascii_case(signed))
}

/// Checks headers that somebody gives a webhook: as [`check`], and none that it is believed by.
pub fn check_given<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
) -> Result<(), HeaderError> {
    match headers.clone().into_iter().find(|(name, _)| is_signed(name)) {
        Some((name, _)) => Err(HeaderError::Reserved(name.to_owned())),
        None => check(headers),
    }
}

/// Checks all headers of a request: each by itself, then their number and size.
pub fn check<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), HeaderError> {
    let (mut count, mut bytes) = (0usize, 0usize);
    for (name, value) in headers {
        check_one(name, value)?;
        count = count.saturating_add(1);
        bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
    }
    if count > MAX_COUNT {
        return Err(HeaderError::Count(count));
    }
    if bytes > MAX_BYTES {
        return Err(HeaderError::Bytes(bytes));
    }
    Ok(())
}

fn check_one(name: &str, value: &str) -> Result<(), HeaderError> {
    let shown = || name.chars().take(64).collect::<String>();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(HeaderError::Name(shown()));
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(HeaderError::Reserved(shown()));
    }
    let visible = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t');
    if !visible || value.trim_ascii() != value {
        return Err(HeaderError::Value(shown()));
    }
    Ok(())
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_headers_pass() {
        let headers = [
            ("X-Bridge-Secret", "s3cret value\twith tab"),
            ("content-type", "application/json"),
            ("x-empty", ""),
        ];
        assert_eq!(check(headers), Ok(()));
    }

    #[test]
    fn framing_headers_are_refused_in_any_case() {
        for name in ["Host", "CONTENT-LENGTH", "transfer-Encoding", "connection", "Upgrade", "TE", "expect"] {
            assert_eq!(check([(name, "1")]), Err(HeaderError::Reserved(name.to_owned())));
        }
    }

    #[test]
    fn nobody_gives_a_webhook_what_it_is_believed_by() {
        for name in ["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE"] {
            assert_eq!(check_given([("x-a", "1"), (name, "1")]), Err(HeaderError::Reserved(name.to_owned())));
            assert_eq!(check([(name, "1")]), Ok(()), "the server sends it");
        }
        assert_eq!(check_given([("x-a", "1")]), Ok(()));
        assert_eq!(check_given([("host", "1")]), Err(HeaderError::Reserved("host".to_owned())));
    }

    #[test]
    fn names_and_values_cannot_split_a_request() {
        for name in ["", "a b", "a:", "a\r\nHost", "é", "(x)"] {
            assert_eq!(check([(name, "1")]), Err(HeaderError::Name(name.to_owned())), "{name:?}");
        }
        for value in ["a\r\nHost: b", "a\nb", "\0", "é", " a", "a ", "\u{7f}"] {
            assert_eq!(check([("x-a", value)]), Err(HeaderError::Value("x-a".to_owned())), "{value:?}");
        }
    }

    #[test]
    fn number_and_size_are_bounded() {
        assert_eq!(check([("x-a", "1"); 64]), Ok(()));
        assert_eq!(check([("x-a", "1"); 65]), Err(HeaderError::Count(65)));
        let long = "v".repeat(MAX_BYTES - 1);
        assert_eq!(check([("x", long.as_str())]), Ok(()));
        assert_eq!(check([("xy", long.as_str())]), Err(HeaderError::Bytes(MAX_BYTES + 1)));
    }

    proptest! {
        #[test]
        fn a_refusal_never_repeats_a_value(value in "[0-9]{8,40}\n") {
            let error = check([("x-a", value.as_str())]).unwrap_err();
            prop_assert!(!error.to_string().contains(value.trim()));
        }
    }
}
