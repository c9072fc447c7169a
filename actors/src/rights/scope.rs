//! What an API key may be used for: a short list of scopes, and the rule by which they cover what a
//! route asks for. Pure; roles are somebody else's matter.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Most scopes of one key.
pub const MAX_SCOPES: usize = 32;

/// The rule for one scope, in words.
pub const SCOPE: &str = "`*`, or 1 to 6 parts of letters, digits, `-` and `_` with `:` between them, at most 64 characters, \
     such as read, write:data or ai:agent:stream";

/// The scopes of a key, each checked, in the order given.
///
/// A scope covers what is asked for when its parts are the first parts of it: `write` covers `write:data`,
/// `write:data` does not cover `write`, and neither covers `read`. `*` covers everything, and as a last part
/// (`write:*`) says no more than leaving it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Scopes(Vec<String>);

/// Why a list is no list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// None was given.
    #[error("read the scopes: give at least one, such as read")]
    None,
    /// More than [`MAX_SCOPES`].
    #[error("read the scopes: there are {0}, and at most {MAX_SCOPES} are kept")]
    TooMany(usize),
    /// One is not written as scopes are.
    #[error("read scope {index}: `{text}` is not {SCOPE}")]
    Malformed {
        /// Which one, from 0.
        index: usize,
        /// What was given, cut to 64 characters.
        text: String,
    },
}

impl Scopes {
    /// A list of scopes, if each of them is one.
    ///
    /// # Errors
    /// Says which is not, and how scopes are written.
    pub fn new<S: AsRef<str>>(texts: &[S]) -> Result<Self, ScopeError> {
        if texts.is_empty() {
            return Err(ScopeError::None);
        }
        if texts.len() > MAX_SCOPES {
            return Err(ScopeError::TooMany(texts.len()));
        }
        let check = |(index, text): (usize, &S)| {
            let text = text.as_ref();
            let malformed = || ScopeError::Malformed { index, text: text.chars().take(64).collect() };
            if is_scope(text) { Ok(text.to_owned()) } else { Err(malformed()) }
        };
        texts.iter().enumerate().map(check).collect::<Result<_, _>>().map(Self)
    }

    /// The scope that a key has when its maker names none: it may look, and change nothing.
    #[must_use]
    pub fn read_only() -> Self {
        Self(vec!["read".to_owned()])
    }

    /// Whether one of them covers `needed`, such as `write:data`.
    #[must_use]
    pub fn cover(&self, needed: &str) -> bool {
        self.0.iter().any(|scope| covers(scope, needed))
    }

    /// Whether one of them covers at least a part of a verb, `read` or `write`.
    #[must_use]
    pub fn touch(&self, verb: &str) -> bool {
        self.0
            .iter()
            .any(|scope| matches!(scope.split(':').next(), Some(first) if first == verb || first == "*"))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&Vec::<String>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

fn covers(scope: &str, needed: &str) -> bool {
    let mut needed = needed.split(':');
    scope.split(':').all(|part| part == "*" || needed.next() == Some(part))
}

fn is_scope(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let fixed = text.strip_suffix(":*").unwrap_or(text);
    text.len() <= 64 && (text == "*" || (fixed.split(':').count() <= 6 && fixed.split(':').all(is_part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(texts: &[&str]) -> Scopes {
        Scopes::new(texts).unwrap()
    }

    #[test]
    fn a_scope_covers_what_begins_with_it() {
        let table: [(&[&str], &str, bool); 12] = [
            (&["read"], "read", true),
            (&["read"], "read:data", true),
            (&["read"], "reading", false),
            (&["read"], "write", false),
            (&["write:data"], "write:data", true),
            (&["write:data"], "write:data:contact", true),
            (&["write:data"], "write:profile", false),
            (&["write:data"], "write", false),
            (&["read", "write:profile"], "write:profile", true),
            (&["ai:agent:stream"], "ai:agent:stream", true),
            (&["write:*"], "write:data", true),
            (&["*"], "ai:agent:stream", true),
        ];
        for (granted, needed, expected) in table {
            assert_eq!(scopes(granted).cover(needed), expected, "{granted:?} {needed}");
        }
    }

    #[test]
    fn a_verb_is_touched_by_any_scope_under_it() {
        assert!(scopes(&["write:data"]).touch("write"));
        assert!(scopes(&["*"]).touch("write"));
        assert!(!scopes(&["ai:agent:stream", "read"]).touch("write"));
    }

    #[test]
    fn what_is_no_scope_is_refused_with_its_place() {
        for bad in ["", ":", "a:", "*:a", "a:*:b", "a b", "a:b:c:d:e:f:g", &"x".repeat(65)] {
            let problem = Scopes::new(&["read", bad]).unwrap_err();
            assert!(matches!(problem, ScopeError::Malformed { index: 1, .. }), "{bad}");
        }
        assert_eq!(Scopes::new::<&str>(&[]), Err(ScopeError::None));
        assert_eq!(Scopes::new(&["a"; 33]), Err(ScopeError::TooMany(33)));
        assert!(serde_json::from_str::<Scopes>("[\"a b\"]").is_err());
    }
}
