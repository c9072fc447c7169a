//! `{{path}}` placeholders over the variables of a run (contract §4.4). What a placeholder stands for is never
//! read as a template again. Everything rendered is bounded in bytes and in depth.

use std::borrow::Cow;

use serde_json::Value;

use super::Map;

/// The most bytes that one template may become, counted as JSON.
pub const MAX_BYTES: usize = 256 * 1024;

/// The deepest that a template or what it becomes may be nested: well below what JSON readers refuse.
pub const MAX_DEPTH: usize = 64;

/// Why a template cannot be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// What it becomes is too large.
    #[error(
        "render a template of more than {MAX_BYTES} bytes; name a smaller part of the data in the placeholder"
    )]
    TooLarge,
    /// What it becomes is too deep.
    #[error(
        "render a template nested more than {MAX_DEPTH} deep; name a smaller part of the data in the placeholder"
    )]
    TooDeep,
}

/// Fills in every placeholder of `template`, in texts at any depth; keys of objects stay as they are.
/// A text that is one placeholder and nothing else becomes the value itself, of any type; a placeholder within
/// other text becomes text, objects and arrays as compact JSON. What is missing becomes an empty string.
///
/// # Errors
/// The result would be too large or too deep.
pub fn render(template: &Value, variables: &Map) -> Result<Value, TemplateError> {
    Renderer { variables, left: MAX_BYTES }.value(template, 0)
}

/// Fills in the placeholders of a URL. What stands in its path, query or fragment is one value there and is
/// percent-encoded, so that it adds no part of its own; scheme, host and port are taken as they are, and so
/// is a URL that is one placeholder.
///
/// # Errors
/// The result would be too large.
pub fn render_url(template: &str, variables: &Map) -> Result<String, TemplateError> {
    Renderer { variables, left: MAX_BYTES }.url(template)
}

/// The value at a dotted path with array indexes: `contact.tags.0`, `order.lines[2].price`.
#[must_use]
pub fn lookup<'v>(path: &str, variables: &'v Map) -> Option<&'v Value> {
    let mut parts = path.split('.').flat_map(|part| part.split('[').map(|part| part.trim_end_matches(']')));
    let first = variables.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The paths that the placeholders of `text` name, in their order.
pub fn paths(text: &str) -> impl Iterator<Item = &str> {
    Pieces { rest: text }.filter_map(|piece| match piece {
        Piece::Path(path) => Some(path),
        Piece::Text(_) => None,
    })
}

/// Whether `text` is a path as placeholders spell it: names out of letters, digits, `_`, `-`, `$` and `@`, joined
/// by single dots, each with indexes in brackets after it where wanted.
#[must_use]
pub fn is_path(text: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '@');
    let index = |text: &str| {
        text.strip_suffix(']')
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    text.split('.').all(|part| {
        let mut pieces = part.split('[');
        let name = pieces.next().unwrap_or_default();
        !name.is_empty() && name.chars().all(letter) && pieces.all(index)
    })
}

/// Whether any text within `value` holds a placeholder, so that its type is known only when a run reads it.
#[must_use]
pub fn has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => paths(text).next().is_some(),
        Value::Array(items) => items.iter().any(has_placeholder),
        Value::Object(fields) => fields.values().any(has_placeholder),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a `{{` within `text` is not closed before the next one or the end: a slip of its author's.
pub(crate) fn is_unclosed(text: &str) -> bool {
    text.split("{{").skip(1).any(|inner| !inner.contains("}}"))
}

/// The one path of a text that is a placeholder and nothing else.
pub(crate) fn whole(text: &str) -> Option<&str> {
    let mut pieces = Pieces { rest: text };
    match (pieces.next(), pieces.next()) {
        (Some(Piece::Path(path)), None) => Some(path),
        _ => None,
    }
}

/// Whether `value` is nested at most `depth` levels deep.
pub(crate) fn is_shallow(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_shallow(item, below)),
        Value::Object(fields) => fields.values().all(|field| is_shallow(field, below)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

struct Renderer<'v> {
    variables: &'v Map,
    left: usize,
}

impl<'v> Renderer<'v> {
    fn value(&mut self, template: &Value, depth: usize) -> Result<Value, TemplateError> {
        deepen(depth)?;
        match template {
            Value::String(text) => match whole(text) {
                Some(path) => self.whole(path, depth),
                None => self.text(text).map(Value::String),
            },
            Value::Array(items) => {
                self.spend(2 + items.len())?;
                items.iter().map(|item| self.value(item, depth + 1)).collect()
            }
            Value::Object(fields) => {
                self.spend(2)?;
                let field = |(key, value): (&String, &Value)| {
                    self.spend(key.len() + 4)?;
                    Ok((key.clone(), self.value(value, depth + 1)?))
                };
                fields.iter().map(field).collect::<Result<Map, _>>().map(Value::Object)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.spend(size_of_scalar(template))?;
                Ok(template.clone())
            }
        }
    }

    fn whole(&mut self, path: &str, depth: usize) -> Result<Value, TemplateError> {
        match lookup(path, self.variables) {
            Some(value) => {
                self.spend_all(value, depth)?;
                Ok(value.clone())
            }
            None => Ok(Value::String(String::new())),
        }
    }

    fn text(&mut self, template: &str) -> Result<String, TemplateError> {
        let mut text = String::new();
        for piece in (Pieces { rest: template }) {
            let piece = match piece {
                Piece::Text(piece) => Cow::Borrowed(piece),
                Piece::Path(path) => self.embedded(path)?,
            };
            self.spend(piece.len())?;
            text.push_str(&piece);
        }
        Ok(text)
    }

    fn url(&mut self, template: &str) -> Result<String, TemplateError> {
        let mut url = String::new();
        for piece in (Pieces { rest: template }) {
            let before = url.len();
            match piece {
                Piece::Text(piece) => url.push_str(piece),
                Piece::Path(path) => {
                    let value = self.embedded(path)?;
                    if is_past_authority(&url) { encode_into(&mut url, &value) } else { url.push_str(&value) }
                }
            }
            self.spend(url.len() - before)?;
        }
        Ok(url)
    }

    fn embedded(&mut self, path: &str) -> Result<Cow<'v, str>, TemplateError> {
        Ok(match lookup(path, self.variables) {
            None | Some(Value::Null) => Cow::Borrowed(""),
            Some(Value::String(text)) => Cow::Borrowed(text),
            Some(value) => {
                // Measured before it is written out, on an account of its own: the text is paid for by its length.
                Renderer { variables: self.variables, left: self.left }.spend_all(value, 0)?;
                Cow::Owned(value.to_string())
            }
        })
    }

    fn spend(&mut self, bytes: usize) -> Result<(), TemplateError> {
        self.left = self.left.checked_sub(bytes).ok_or(TemplateError::TooLarge)?;
        Ok(())
    }

    fn spend_all(&mut self, value: &Value, depth: usize) -> Result<(), TemplateError> {
        deepen(depth)?;
        match value {
            Value::Array(items) => {
                self.spend(2 + items.len())?;
                items.iter().try_for_each(|item| self.spend_all(item, depth + 1))
            }
            Value::Object(fields) => {
                self.spend(2)?;
                fields.iter().try_for_each(|(key, field)| {
                    self.spend(key.len() + 4)?;
                    self.spend_all(field, depth + 1)
                })
            }
            Value::String(text) => self.spend(text.len() + 2),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.spend(size_of_scalar(value)),
        }
    }
}

/// Whether a URL that goes on after `url` is at its path, query or fragment.
fn is_past_authority(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?', '#']))
}

/// RFC 3986 §2.3: all but the unreserved characters.
fn encode_into(url: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

fn deepen(depth: usize) -> Result<(), TemplateError> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(TemplateError::TooDeep) }
}

/// About the bytes of a value that is no text, array or object.
fn size_of_scalar(value: &Value) -> usize {
    if value.is_number() { 8 } else { 5 }
}

/// A part of a text: what stays as it is, or the path of a placeholder.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Text(&'t str),
    Path(&'t str),
}

/// Takes a text apart in one pass. Braces that enclose no path are text.
struct Pieces<'t> {
    rest: &'t str,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        if let Some((path, rest)) = placeholder(self.rest) {
            self.rest = rest;
            return Some(Piece::Path(path));
        }
        let begins =
            |(at, _): &(usize, &str)| self.rest.get(*at..).is_some_and(|tail| placeholder(tail).is_some());
        let end = self.rest.match_indices('{').find(begins).map_or(self.rest.len(), |(at, _)| at);
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!text.is_empty()).then_some(Piece::Text(text))
    }
}

/// The path of the placeholder that `text` begins with, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("{{")?;
    // The first brace after the opening ones must close: looking no further keeps the whole pass linear.
    let (path, closing) = inner.split_at_checked(inner.find(['{', '}'])?)?;
    let path = path.trim();
    is_path(path).then_some((path, closing.strip_prefix("}}")?))
}

#[cfg(test)]
mod tests;
