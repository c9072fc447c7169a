//! JSON whose kind differs between servers: text here is a number, a list or nothing there. What is text is borrowed
//! where it can be.

use std::borrow::Cow;
use std::fmt;

use appengine_actors::session::stream::model::ModelError;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fault;

/// A value of any kind.
#[derive(Debug, Default, PartialEq)]
pub enum Loose<'a> {
    /// Nothing, or `null`.
    #[default]
    None,
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number that is not negative.
    Number(u64),
    /// Anything else.
    Other(Value),
}

impl Loose<'_> {
    /// The text; empty where it is none.
    #[must_use]
    pub fn text(&self) -> &str {
        if let Self::Text(text) = self { text } else { "" }
    }

    /// The number, which some write as text.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::None | Self::Other(_) => None,
        }
    }

    /// The text, which some write as a list of parts: `[{"type": "text", "text": …}, …]`. What is no text in it, such as
    /// thoughts, is left out.
    #[must_use]
    pub fn into_words(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Other(Value::Array(parts)) => {
                parts.iter().filter_map(|part| part.as_str().or_else(|| part["text"].as_str())).collect()
            }
            Self::None | Self::Number(_) | Self::Other(_) => String::new(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(u64::try_from(number).map_or_else(|_| Loose::Other(number.into()), Loose::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        // Whole numbers up to 2^53 are exact.
        let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number);
        Ok(if is_whole { Loose::Number(number as u64) } else { Loose::Other(number.into()) })
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Other(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Loose::Other)
    }
}

/// What an event says, where its `type` is one of those that are read. One of another type may look as it likes.
pub fn known<'a, T: Deserialize<'a>>(data: &'a str, types: &[&str]) -> Result<Option<T>, ModelError> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(rename = "type", borrow, default)]
        kind: Loose<'a>,
    }
    if data.trim().is_empty() || data.trim() == "[DONE]" {
        return Ok(None);
    }
    match serde_json::from_str(data) {
        Ok(told) => Ok(Some(told)),
        Err(_) => match serde_json::from_str::<Typed<'_>>(data) {
            Ok(typed) if !types.contains(&typed.kind.text()) => Ok(None),
            Ok(_) | Err(_) => Err(fault::unreadable()),
        },
    }
}

/// Whether a text is a whole JSON object.
#[must_use]
pub fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_kind_is_read() {
        let table = [
            ("null", Loose::None),
            (r#""a""#, Loose::Text("a".into())),
            (r#""a\n""#, Loose::Text("a\n".into())),
            ("7", Loose::Number(7)),
            ("7.0", Loose::Number(7)),
            ("-7", Loose::Other(json!(-7))),
            ("7.5", Loose::Other(json!(7.5))),
            ("1e300", Loose::Other(json!(1e300))),
            ("true", Loose::Other(json!(true))),
            (r#"{"a":[1]}"#, Loose::Other(json!({"a": [1]}))),
            (r#"["a"]"#, Loose::Other(json!(["a"]))),
        ];
        for (text, loose) in table {
            assert_eq!(serde_json::from_str::<Loose<'_>>(text).unwrap(), loose, "{text}");
        }
        assert!(matches!(serde_json::from_str(r#""a""#).unwrap(), Loose::Text(Cow::Borrowed("a"))));
    }

    #[test]
    fn text_and_numbers_are_found() {
        let parts = json!([{"type": "text", "text": "a"}, {"type": "thinking", "thinking": []}, "b", 3]);
        assert_eq!(Loose::Other(parts).into_words(), "ab");
        assert_eq!(Loose::Number(3).into_words(), "");
        assert_eq!(Loose::Text("12".into()).number(), Some(12));
        assert_eq!(Loose::Text("x".into()).number(), None);
    }

    #[test]
    fn an_event_of_an_unknown_type_may_look_as_it_likes() {
        #[derive(Debug, Deserialize)]
        struct Known {
            #[serde(rename = "n")]
            _n: u8,
        }
        assert!(known::<Known>(r#"{"type":"known","n":1}"#, &["known"]).unwrap().is_some());
        assert!(known::<Known>(r#"{"type":"other","n":"x"}"#, &["known"]).unwrap().is_none());
        assert!(known::<Known>(" [DONE]", &["known"]).unwrap().is_none());
        for bad in [r#"{"type":"known","n":"x"}"#, "{", "hello"] {
            assert_eq!(known::<Known>(bad, &["known"]).unwrap_err().code, "stream_unreadable", "{bad}");
        }
    }
}
