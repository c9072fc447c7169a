//! Reads the fields of an object and notes each that is of the wrong type. Parsers of flows, triggers, conditions
//! and actions share these words, so that every refusal reads the same. `null` counts as absent: editors send it.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::problem::Problems;
use super::{Map, quoted};

/// The longest id of a step or trigger, in characters.
const LONGEST_ID: usize = 128;

impl Problems {
    /// The text at `key`, if there is one.
    pub fn text<'v>(&mut self, fields: &'v Map, key: &str) -> Option<&'v str> {
        self.read(fields, key, "a string", Value::as_str)
    }

    /// The text at `key`; one that is missing or blank is noted.
    pub fn required_text<'v>(&mut self, fields: &'v Map, key: &str) -> Option<&'v str> {
        match present(fields, key) {
            None => self.missing(key, "a string"),
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.missing(key, "a string that is not blank")
            }
            Some(_) => self.text(fields, key),
        }
    }

    /// The text at `key` with at most `longest` characters.
    pub fn short_text<'v>(&mut self, fields: &'v Map, key: &str, longest: usize) -> Option<&'v str> {
        let text = self.text(fields, key)?;
        let length = text.chars().count();
        if length > longest {
            self.add(key, format_args!("has {length} characters; at most {longest} are allowed"));
            return None;
        }
        Some(text)
    }

    /// The id of a step or trigger at `key`: 1 to 128 characters, none of them a control character.
    pub fn id<'v>(&mut self, fields: &'v Map, key: &str) -> Option<&'v str> {
        let text = self.text(fields, key)?;
        let fits = !text.trim().is_empty()
            && text.chars().count() <= LONGEST_ID
            && !text.chars().any(char::is_control);
        if !fits {
            self.add(key, format_args!("is no id: expected 1 to {LONGEST_ID} characters, not all blank"));
            return None;
        }
        Some(text)
    }

    /// The boolean at `key`, or `default`.
    pub fn flag(&mut self, fields: &Map, key: &str, default: bool) -> bool {
        self.read(fields, key, "true or false", Value::as_bool).unwrap_or(default)
    }

    /// The whole number at `key`, if there is one within `allowed`.
    pub fn whole(&mut self, fields: &Map, key: &str, allowed: RangeInclusive<u64>) -> Option<u64> {
        let (low, high) = (*allowed.start(), *allowed.end());
        let wanted = format!("a whole number from {low} to {high}");
        self.read(fields, key, &wanted, |value| value.as_u64().filter(|number| allowed.contains(number)))
    }

    /// The object at `key`, if there is one.
    pub fn object<'v>(&mut self, fields: &'v Map, key: &str) -> Option<&'v Map> {
        self.read(fields, key, "an object", Value::as_object)
    }

    /// The array at `key`, if there is one.
    pub fn array<'v>(&mut self, fields: &'v Map, key: &str) -> Option<&'v [Value]> {
        self.read(fields, key, "an array", |value| value.as_array().map(Vec::as_slice))
    }

    /// The words at `key`: an array of strings, or one string with commas between them (contract §4.6).
    pub fn words(&mut self, fields: &Map, key: &str) -> Vec<String> {
        let wanted = "an array of strings, or a string with commas between them";
        self.read(fields, key, wanted, words).unwrap_or_default()
    }

    /// One of `choices` by its name at `key`, if there is one.
    pub fn choice<T: Copy>(&mut self, fields: &Map, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(fields, key)?;
        let chosen = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if chosen.is_none() {
            let names = quoted(choices.iter().map(|(name, _)| *name));
            self.add(key, format_args!("is `{text}`; expected one of {names}"));
        }
        chosen
    }

    /// Notes every key that is not one of `allowed`.
    pub fn only(&mut self, fields: &Map, allowed: &[&str]) {
        for key in fields.keys().filter(|key| !allowed.contains(&key.as_str())) {
            if allowed.is_empty() {
                self.add(key, "is unknown; no key is allowed here");
            } else {
                self.add(
                    key,
                    format_args!("is unknown; allowed here are {}", quoted(allowed.iter().copied())),
                );
            }
        }
    }

    fn missing<T>(&mut self, key: &str, wanted: &str) -> Option<T> {
        self.add(key, format_args!("is missing; expected {wanted}"));
        None
    }

    fn read<'v, T>(
        &mut self,
        fields: &'v Map,
        key: &str,
        wanted: impl Display,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = present(fields, key)?;
        let found = read(value);
        if found.is_none() {
            self.add(key, format_args!("is {}; expected {wanted}", shown(value)));
        }
        found
    }
}

/// The value at `key`, unless it is `null`.
pub(crate) fn present<'v>(fields: &'v Map, key: &str) -> Option<&'v Value> {
    fields.get(key).filter(|value| !value.is_null())
}

/// The keys of `fields` but those of `known`.
pub(crate) fn rest(fields: &Map, known: &[&str]) -> Map {
    let unknown = fields.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    unknown.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Words out of an array of strings or of a string with commas, without blanks.
pub(crate) fn words(value: &Value) -> Option<Vec<String>> {
    let split = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>();
    let words = match value {
        Value::String(text) => split(text),
        Value::Array(items) => {
            items.iter().map(|item| Some(item.as_str()?.trim().to_owned())).collect::<Option<_>>()?
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    Some(words.into_iter().filter(|word| !word.is_empty()).collect())
}

/// A value as a message names it: short ones as they are, others by their type.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(read: impl FnOnce(&Map, &mut Problems)) -> Vec<String> {
        let body = json!({
            "text": "x", "number": 7, "list": [1], "blank": " ", "none": null, "words": "a, b,,", "flag": "yes"
        });
        let mut problems = Problems::default();
        read(body.as_object().unwrap(), &mut problems);
        let found = problems.or(()).err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_no_problem() {
        let problems = found(|fields, problems| {
            assert_eq!(problems.text(fields, "text"), Some("x"));
            assert_eq!(problems.text(fields, "none"), None);
            assert_eq!(problems.whole(fields, "number", 0..=10), Some(7));
            assert_eq!(problems.words(fields, "words"), ["a", "b"]);
            assert!(problems.flag(fields, "absent", true));
        });
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn each_wrong_field_is_named_with_what_is_allowed() {
        let problems = found(|fields, problems| {
            problems.text(fields, "number");
            problems.required_text(fields, "none");
            problems.required_text(fields, "blank");
            problems.short_text(fields, "text", 0);
            problems.id(fields, "blank");
            problems.flag(fields, "flag", true);
            problems.whole(fields, "number", 0..=6);
            problems.words(fields, "list");
            problems.choice(fields, "text", &[("a", 1), ("b", 2)]);
            problems.only(fields, &["text", "number", "list", "blank", "none", "words"]);
        });
        let expected = [
            "number: is 7; expected a string",
            "none: is missing; expected a string",
            "blank: is missing; expected a string that is not blank",
            "text: has 1 characters; at most 0 are allowed",
            "blank: is no id: expected 1 to 128 characters, not all blank",
            "flag: is a string; expected true or false",
            "number: is 7; expected a whole number from 0 to 6",
            "list: is an array; expected an array of strings, or a string with commas between them",
            "text: is `x`; expected one of `a`, `b`",
            "flag: is unknown; allowed here are `text`, `number`, `list`, `blank`, `none`, `words`",
        ];
        assert_eq!(problems, expected);
    }
}
