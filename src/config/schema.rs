//! The compiled-in file as a schema: its keys are the known ones, its values give defaults and types.
//! It compares and suggests; it never reads a file, the environment or a typed table.

use toml::{Table, Value};

use super::problem::{Fault, Problem, Source};
use super::values::clip;

/// How alike two keys must be for one to be offered in place of the other, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Most bytes of a key that is compared with the known ones.
const LONGEST: usize = 100;

/// Every known key with its default.
pub(super) struct Schema(Table);

impl Schema {
    /// Reads the text of a file whose keys and values are the known ones.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        text.parse().map(Self).map_err(|error: toml::de::Error| Problem {
            source: Source::BuiltIn,
            key: String::new(),
            fault: Fault::Syntax(clip(error.message(), 200)),
        })
    }

    /// The defaults as a document.
    pub(super) fn defaults(&self) -> &Table {
        &self.0
    }

    /// The keys with their tables, such as `server.listen`, each with its default.
    pub(super) fn keys(&self) -> Vec<(String, &Value)> {
        keys_of(&self.0)
    }

    /// Says what may be meant by a key that is not known.
    pub(super) fn unknown(&self, key: &str) -> Fault {
        let tables = self.tables();
        let keys = self.keys().into_iter().map(|(key, _)| key);
        match nearest(key, keys.chain(tables)) {
            Some(known) => Fault::Misspelt(known),
            None => Fault::Unknown(self.known_beside(key)),
        }
    }

    /// The known key, tables left out, that is spelt nearly like this one.
    pub(super) fn nearest_key(&self, key: &str) -> Option<String> {
        nearest(key, self.keys().into_iter().map(|(key, _)| key))
    }

    /// The names known in the deepest table that a key's path leads to.
    pub(super) fn known_beside(&self, key: &str) -> String {
        let mut table = &self.0;
        for name in key.split('.') {
            match table.get(name) {
                Some(Value::Table(inner)) => table = inner,
                _ => break,
            }
        }
        table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    fn tables(&self) -> Vec<String> {
        self.keys().into_iter().filter_map(|(key, _)| Some(key.rsplit_once('.')?.0.to_owned())).collect()
    }
}

/// Writes a known key into a document, which gets the table of a queue of one's own with its first key.
pub(super) fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((name, rest)) => {
            let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// The value if it has the default's type; a whole number also stands for a decimal one.
pub(super) fn of_type(default: &Value, value: Value) -> Result<Value, Fault> {
    let fits = match (default, &value) {
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        (Value::Float(_), Value::Integer(_)) => true,
        _ => default.same_type(&value),
    };
    if fits {
        Ok(value)
    } else {
        Err(Fault::WrongType { expected: type_name(default), found: type_name(&value) })
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(items) if items.iter().all(Value::is_str) => "a list of texts",
        Value::Array(_) => "a list of something else",
        Value::Table(_) => "a table",
    }
}

fn keys_of(table: &Table) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        if let Value::Table(inner) = value {
            found.extend(keys_of(inner).into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
        } else {
            found.push((name.clone(), value));
        }
    }
    found
}

fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    // No key is nearly as long, and comparing takes time by the product of both lengths.
    if name.len() > LONGEST {
        return None;
    }
    known
        .map(|known| (strsim::normalized_damerau_levenshtein(name, &known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}
