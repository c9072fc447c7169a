//! Reading request bodies field by field, so that what is wrong is refused with its path and with what
//! would be right. It knows nothing of accounts.

use serde_json::{Map, Value};

/// Most characters of a name.
pub const NAME_CHARS: usize = 200;
/// Most characters of a telephone number.
pub const PHONE_CHARS: usize = 64;
/// Most characters of an address.
pub const EMAIL_CHARS: usize = 254;

/// A body that cannot be used: where, and what is allowed there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{path}`: {problem}")]
pub struct Invalid {
    /// The path of the field, such as `rateLimits.perMinute`; empty for the body itself.
    pub path: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl Invalid {
    /// A problem at a path.
    #[must_use]
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

/// A JSON object and where it stands in the body.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// A whole body.
    pub(super) fn of(body: &'a Value) -> Result<Self, Invalid> {
        let map = body.as_object().ok_or_else(|| Invalid::new("", "send a JSON object"))?;
        Ok(Self { map, path: "" })
    }

    /// An object within the body.
    pub(super) fn inner(self, name: &'a str) -> Result<Option<Self>, Invalid> {
        match self.map.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { map, path: name })),
            Some(_) => Err(self.invalid(name, "must be an object")),
        }
    }

    /// Refuses every field that is not among `known`.
    pub(super) fn only(self, known: &[&str]) -> Result<(), Invalid> {
        let unknown = self.map.keys().find(|name| !known.contains(&name.as_str()));
        unknown.map_or(Ok(()), |name| {
            let name: String = name.chars().take(64).collect();
            Err(self.invalid(&name, &format!("is not known here; known are {}", known.join(", "))))
        })
    }

    /// What a field holds; null counts as not given.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// A text of at most `most` characters, trimmed; an empty one counts as not given. It is judged as it was
    /// sent, spaces included, so that the API document can say the same.
    pub(super) fn text(self, name: &str, most: usize) -> Result<Option<&'a str>, Invalid> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.invalid(name, "must be a text"))?;
        if text.chars().count() > most {
            return Err(self.invalid(name, &format!("must have at most {most} characters")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.invalid(name, "must have no control characters"));
        }
        Ok(Some(text.trim()).filter(|text| !text.is_empty()))
    }

    /// A text that must be there.
    pub(super) fn needed(self, name: &str, most: usize) -> Result<&'a str, Invalid> {
        self.text(name, most)?.ok_or_else(|| self.invalid(name, "must be given"))
    }

    /// A text as it is: nothing is trimmed, nothing but its length is bounded.
    pub(super) fn secret(self, name: &str, most: usize) -> Result<&'a str, Invalid> {
        let value = self.get(name).ok_or_else(|| self.invalid(name, "must be given"))?;
        let text = value.as_str().ok_or_else(|| self.invalid(name, "must be a text"))?;
        if text.len() > most {
            return Err(self.invalid(name, &format!("must have at most {most} bytes")));
        }
        Ok(text)
    }

    /// An e-mail address in lower case that must be there.
    pub(super) fn email(self, name: &str) -> Result<String, Invalid> {
        email(self.needed(name, EMAIL_CHARS)?).ok_or_else(|| self.invalid(name, "must be an e-mail address"))
    }

    /// A problem with one field.
    pub(super) fn invalid(self, name: &str, problem: &str) -> Invalid {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Invalid::new(path, problem)
    }
}

/// An e-mail address as records are found by it: trimmed, in lower case.
pub(super) fn email(text: &str) -> Option<String> {
    crate::config::values::email(&text.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_refused_with_their_path_and_what_is_allowed() {
        let body = json!({"name": 7, "inner": {"x": 1}, "long": "abcdef", "email": "nobody", "line": "ab\n"});
        let fields = Fields::of(&body).unwrap();
        let inner = fields.inner("inner").unwrap().unwrap();
        let table = [
            (fields.text("name", 9).unwrap_err(), "name", "must be a text"),
            (fields.text("long", 5).unwrap_err(), "long", "must have at most 5 characters"),
            (fields.text("line", 9).unwrap_err(), "line", "must have no control characters"),
            (fields.needed("none", 9).unwrap_err(), "none", "must be given"),
            (fields.email("email").unwrap_err(), "email", "must be an e-mail address"),
            (fields.inner("name").err().unwrap(), "name", "must be an object"),
            (inner.only(&["y"]).unwrap_err(), "inner.x", "is not known here; known are y"),
            (Fields::of(&json!([])).err().unwrap(), "", "send a JSON object"),
        ];
        for (invalid, path, problem) in table {
            assert_eq!(invalid, Invalid::new(path, problem));
        }
    }

    #[test]
    fn addresses_are_compared_in_one_case() {
        assert_eq!(email(" Ada@Example.COM ").as_deref(), Some("ada@example.com"));
        assert_eq!(email("a@b@c"), None);
    }
}
