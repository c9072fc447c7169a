//! What came of a check.

use serde::Serialize;
use serde_json::Value;

/// A call that is the vendor's.
#[derive(Debug, Clone, PartialEq)]
pub enum Verified {
    /// It tells something. The id is the vendor's own for it: the same call has the same one when it comes again.
    Call {
        /// The vendor's id of the call; where it has none, one made of what the call says.
        id: String,
        /// What it says in clear, where the vendor encrypts its calls: this is kept and translated in place of the body.
        opened: Option<Vec<u8>>,
    },
    /// It wants to know whether we are here and hold the secret; nothing is stored of it.
    Handshake {
        /// The exact answer.
        reply: Reply,
        /// An address of the vendor that is to be read, for the handshake to be done.
        visit: Option<String>,
    },
}

impl Verified {
    /// A call with this id.
    #[must_use]
    pub fn call(id: impl Into<String>) -> Self {
        Self::Call { id: id.into(), opened: None }
    }

    /// A call with this id that was encrypted and says this.
    #[must_use]
    pub fn opened(id: impl Into<String>, body: Vec<u8>) -> Self {
        Self::Call { id: id.into(), opened: Some(body) }
    }

    /// A handshake that this answers.
    #[must_use]
    pub const fn handshake(reply: Reply) -> Self {
        Self::Handshake { reply, visit: None }
    }
}

/// Why a call is not taken, or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It is not the vendor's, or nobody can tell.
    Refused(Refusal),
    /// The certificate at this address is needed first: it may be fetched, for the address keeps the vendor's rules.
    Needs(String),
    /// It cannot be checked just now, for a reason that is not in the call: the vendor is to try again.
    Later(String),
}

impl Stop {
    /// The same, a refusal answered with another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.status(status)),
            Self::Needs(_) | Self::Later(_) => self,
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Which part of a scheme a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Nothing is set to check it with.
    Configuration,
    /// A header is missing, or came twice.
    Header,
    /// A header or a field cannot be read.
    Format,
    /// The body is not what the vendor sends.
    Body,
    /// The signature is of other bytes, or by another key.
    Signature,
    /// It is too old, or of the future.
    Time,
    /// The certificate is nobody's to trust.
    Certificate,
    /// An address in it is not the vendor's.
    Address,
    /// It is for somebody else: another topic, another app.
    Recipient,
    /// A handshake that is not ours to answer.
    Handshake,
}

/// Why a call is refused, in words for whoever has to mend it. Never a secret, nor what would have been right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which part of the scheme.
    pub part: Part,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What is usually the cause.
    pub cause: &'static str,
    /// The status that the vendor is answered.
    pub status: u16,
}

impl Refusal {
    /// A refusal with the usual status, 401.
    #[must_use]
    pub fn new(
        part: Part,
        expected: impl Into<String>,
        found: impl Into<String>,
        cause: &'static str,
    ) -> Self {
        Self { part, expected: expected.into(), found: found.into(), cause, status: 401 }
    }

    /// The same, answered with another status.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same, by what is the usual cause with this vendor.
    #[must_use]
    pub fn cause(self, cause: &'static str) -> Self {
        Self { cause, ..self }
    }

    /// Nothing is set to check calls with.
    #[must_use]
    pub fn no_keys(what: &str) -> Self {
        let cause = "the vendor was not connected for this organisation, or it was shut down";
        Self::new(Part::Configuration, what, "none", cause)
    }

    /// A header is missing.
    #[must_use]
    pub fn no_header(name: &str) -> Self {
        let cause = "the call is not from the vendor, or a proxy takes headers away";
        Self::new(Part::Header, format!("one header `{name}`"), "none, or more than one", cause)
    }

    /// No key has signed these bytes.
    #[must_use]
    pub fn no_match(scheme: &str, keys: usize) -> Self {
        let cause = "the secret is of another endpoint or environment, or something changed the body or the address \
                     on its way";
        let expected = format!(
            "{scheme}, by {}",
            if keys == 1 { "the key".to_owned() } else { format!("one of {keys} keys") }
        );
        Self::new(Part::Signature, expected, "another signature", cause)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}; found {}; usual cause: {}", self.expected, self.found, self.cause)
    }
}

/// An answer to a vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type; none for an answer without a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A status alone.
    #[must_use]
    pub const fn empty(status: u16) -> Self {
        Self { status, content_type: None, body: String::new() }
    }

    /// 200 with plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self { status: 200, content_type: Some("text/plain"), body: body.into() }
    }

    /// 200 with JSON.
    #[must_use]
    pub fn json(body: &Value) -> Self {
        Self { status: 200, content_type: Some("application/json"), body: body.to_string() }
    }

    /// 200 with XML.
    #[must_use]
    pub fn xml(body: impl Into<String>) -> Self {
        Self { status: 200, content_type: Some("text/xml"), body: body.into() }
    }
}
