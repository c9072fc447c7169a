//! A JSON Schema, ready to check data with, and the words for what does not fit. Reads nothing from elsewhere: a schema
//! refers to its own parts only. Bounds the work that a schema can ask for before it is taken: without that, a few lines
//! of references that refer to references would keep a processor busy for hours.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// Objects and lists of a schema, each counted as often as it is referred to.
const MOST_WORK: u64 = 2_000;
/// Things that are told to be wrong at once.
const MOST_WRONG: usize = 20;
/// How deep a schema may lead, its references followed.
const DEEPEST: usize = 100;
/// The drafts that are taken; those before have other words for what must be found out about a schema.
const DRAFTS: [&str; 4] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
];
/// Bytes of a value that are repeated to whoever sent it.
const SHOWN: usize = 120;
/// Bytes that one pattern may take up when it is compiled.
const PATTERN_BYTES: usize = 256 * 1024;
/// Steps up to which data is checked at once rather than beside the requests of others.
const AT_ONCE: u64 = 200_000;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where: `items[2].price`, and nothing for the whole.
    pub path: String,
    /// What was expected and what was found.
    pub message: String,
}

impl Wrong {
    /// The same, in what lies at `path`.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        let inner = match self.path.as_str() {
            inner if inner.is_empty() || inner.starts_with('[') => inner.to_owned(),
            inner => format!(".{inner}"),
        };
        Self { path: format!("{path}{inner}"), ..self }
    }
}

/// A schema.
pub(super) struct Schema {
    validator: Validator,
    work: u64,
}

impl Schema {
    /// Reads a schema and says where it is none.
    pub(super) fn read(schema: &Value) -> Result<Self, Wrong> {
        if !schema.is_object() && !schema.is_boolean() {
            let message = format!("must be a JSON Schema: an object, true or false, not {}", shown(schema));
            return Err(Wrong { path: String::new(), message });
        }
        check_draft(schema)?;
        let work = Work::of(schema)?;
        // Of the two engines for patterns the one whose time does not explode.
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES);
        let built = jsonschema::options().with_pattern_options(patterns).build(schema);
        let validator = built.map_err(|error| told(&error, schema))?;
        Ok(Self { validator, work })
    }

    /// What is wrong with data.
    pub(super) fn check(&self, data: &Value) -> Vec<Wrong> {
        if self.validator.is_valid(data) {
            return Vec::new();
        }
        self.validator.iter_errors(data).take(MOST_WRONG).map(|error| told(&error, data)).collect()
    }

    /// The same; where that may take long, beside the requests of others.
    pub(super) async fn check_aside(self: Arc<Self>, data: &Value) -> Vec<Wrong> {
        if self.work.saturating_mul(nodes(data)) <= AT_ONCE {
            return self.check(data);
        }
        let data = data.clone();
        let checking = tokio::task::spawn_blocking(move || self.check(&data));
        checking.await.unwrap_or_else(|_| {
            let message = "cannot be checked against the schema of its event type".to_owned();
            vec![Wrong { path: String::new(), message }]
        })
    }
}

fn check_draft(schema: &Value) -> Result<(), Wrong> {
    let Some(given) = schema.get("$schema") else { return Ok(()) };
    let known = given.as_str().is_some_and(|given| DRAFTS.contains(&given.trim_end_matches('#')));
    let message = || format!("is {}, must be one of {}", shown(given), DRAFTS.join(", "));
    if known { Ok(()) } else { Err(Wrong { path: "$schema".to_owned(), message: message() }) }
}

fn told(error: &ValidationError<'_>, whole: &Value) -> Wrong {
    let path = dotted(error.instance_path().as_str(), whole);
    let found = error.instance();
    let message = match found.to_string().len() {
        0..=SHOWN => error.to_string(),
        _ => error.masked_with(shown(found)).to_string(),
    };
    let message = message.chars().take(4 * SHOWN).collect();
    Wrong { path, message }
}

/// A value as it is repeated: as it is, or by its kind and size.
fn shown(value: &Value) -> Cow<'static, str> {
    match value {
        Value::String(text) if text.len() > SHOWN => format!("a text of {} bytes", text.len()).into(),
        Value::Array(list) => format!("a list of {}", list.len()).into(),
        Value::Object(fields) => format!("an object with {} fields", fields.len()).into(),
        short => short.to_string().into(),
    }
}

/// A JSON pointer into `whole` as paths are written elsewhere: `items[2].price`.
fn dotted(pointer: &str, whole: &Value) -> String {
    let (mut path, mut at) = (String::new(), Some(whole));
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match at {
            Some(Value::Array(list)) => {
                path.push_str(&format!("[{part}]"));
                at = part.parse::<usize>().ok().and_then(|index| list.get(index));
            }
            found => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&part);
                at = found.and_then(|found| found.get(&part));
            }
        }
    }
    path
}

/// Values within a value, itself included.
fn nodes(value: &Value) -> u64 {
    match value {
        Value::Array(list) => 1 + list.iter().map(nodes).sum::<u64>(),
        Value::Object(fields) => 1 + fields.values().map(nodes).sum::<u64>(),
        _ => 1,
    }
}

/// How much there is to do for a schema, references followed.
struct Work<'s> {
    root: &'s Value,
    /// What is known of the targets of references; none while one is being looked at.
    known: HashMap<&'s str, Option<u64>>,
}

impl<'s> Work<'s> {
    fn of(root: &'s Value) -> Result<u64, Wrong> {
        let work = Work { root, known: HashMap::new() }.count(root, "", 0)?;
        if work > MOST_WORK {
            let message = format!(
                "asks for too much work: {work} objects and lists, those that are referred to counted each time, \
                 at most {MOST_WORK} are allowed"
            );
            return Err(Wrong { path: String::new(), message });
        }
        Ok(work)
    }

    fn count(&mut self, schema: &'s Value, path: &str, depth: usize) -> Result<u64, Wrong> {
        let mut sum = 1_u64;
        if depth > DEEPEST {
            let message = format!("leads deeper than {DEEPEST} levels, references followed");
            return Err(Wrong { path: path.to_owned(), message });
        }
        match schema {
            Value::Array(list) => {
                for (at, part) in list.iter().enumerate() {
                    sum = sum.saturating_add(self.count(part, &format!("{path}[{at}]"), depth + 1)?);
                }
                Ok(sum)
            }
            Value::Object(fields) => {
                for (name, part) in fields {
                    let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    let more = match (name.as_str(), part) {
                        ("$ref", Value::String(target)) => self.target(target, &inner, depth + 1)?,
                        // They mean another place, or another place for every reference below them.
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => {
                            let message = format!("`{name}` is not taken; write `$ref` with `#/…`");
                            return Err(Wrong { path: inner, message });
                        }
                        ("$id", Value::String(_)) if !path.is_empty() => {
                            let message = "is taken at the top of a schema only".to_owned();
                            return Err(Wrong { path: inner, message });
                        }
                        _ => self.count(part, &inner, depth + 1)?,
                    };
                    sum = sum.saturating_add(more);
                }
                Ok(sum)
            }
            _ => Ok(0),
        }
    }

    fn target(&mut self, target: &'s str, path: &str, depth: usize) -> Result<u64, Wrong> {
        let wrong = |message: String| Wrong { path: path.to_owned(), message };
        match self.known.get(target) {
            Some(Some(work)) => return Ok(*work),
            Some(None) => {
                return Err(wrong(format!(
                    "`{target}` leads back to itself; data of events has a depth that its schema says"
                )));
            }
            None => {}
        }
        let pointer = target.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let found =
            pointer.and_then(|pointer| Some((dotted(pointer, self.root), self.root.pointer(pointer)?)));
        let Some((place, found)) = found else {
            return Err(wrong(format!(
                "`{target}` is no part of this schema; write `#/$defs/…`, nothing is read from elsewhere"
            )));
        };
        self.known.insert(target, None);
        let work = self.count(found, &place, depth)?;
        self.known.insert(target, Some(work));
        Ok(work)
    }
}

#[cfg(test)]
mod tests;
