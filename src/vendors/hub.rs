//! Signatures as WebSub has them: the name of the digest, `=`, and the HMAC over the body in hexadecimal digits.

use super::call::Call;
use super::keys::Keys;
use super::mac;
use super::verdict::{Part, Refusal};

/// `X-Hub-Signature-256: sha256=…`, by the app's secret.
pub fn check_sha256(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    let scheme =
        Scheme { header: "X-Hub-Signature-256", prefix: "sha256=", what: "HMAC-SHA256 over the body" };
    scheme.check(call, keys, mac::SHA256, mac::from_hex::<32>)
}

/// `X-Hub-Signature: sha1=…`, by the app's secret.
pub fn check_sha1(call: &Call, keys: &Keys) -> Result<(), Refusal> {
    let scheme = Scheme { header: "X-Hub-Signature", prefix: "sha1=", what: "HMAC-SHA1 over the body" };
    scheme.check(call, keys, mac::SHA1, mac::from_hex::<20>)
}

struct Scheme {
    header: &'static str,
    prefix: &'static str,
    what: &'static str,
}

impl Scheme {
    fn check(
        &self,
        call: &Call,
        keys: &Keys,
        algorithm: aws_lc_rs::hmac::Algorithm,
        read: fn(&str) -> Option<Vec<u8>>,
    ) -> Result<(), Refusal> {
        if keys.secrets.is_empty() {
            return Err(Refusal::no_keys("the app's secret"));
        }
        let header = call.headers.one(self.header).ok_or_else(|| Refusal::no_header(self.header))?;
        let code = header.strip_prefix(self.prefix).and_then(read).ok_or_else(|| {
            let expected = format!("`{}<hexadecimal digits>` in `{}`", self.prefix, self.header);
            Refusal::new(Part::Format, expected, "something else", "the call is not from the vendor")
        })?;
        if !mac::is_any(algorithm, &keys.secrets, &[&call.body], &[code]) {
            return Err(Refusal::no_match(self.what, keys.secrets.len()));
        }
        Ok(())
    }
}
