//! The two layers over the defaults: the user's file and the environment, each turned into single settings,
//! every one a known key with a value of the right type. It does not judge values beyond their type.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::Deserialize;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::problem::{Fault, Problem, Source};
use super::queues::{CUSTOM, MOST, OWN};
use super::schema::{Schema, of_type};
use super::values::clip;

/// What every variable of this program starts with.
pub(super) const ENV_PREFIX: &str = "APPENGINE__";

/// Most characters kept of a key or of a parser's message.
const MESSAGE: usize = 200;

/// One key that a layer sets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) source: Source,
}

impl Setting {
    /// This setting as a problem.
    pub(super) fn refused(&self, fault: Fault) -> Problem {
        Problem { source: self.source.clone(), key: self.key.clone(), fault }
    }
}

/// The settings of a file's text; a text that is not TOML sets nothing.
pub(super) fn from_text(
    schema: &Schema,
    name: &str,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Setting> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let mut walk = Walk { schema, name, text, problems, settings: Vec::new() };
        walk.table(schema.defaults(), "", document.get_ref());
        return walk.settings;
    }
    problems.extend(errors.iter().map(|error| Problem {
        source: Source::File(name.to_owned(), error.span().map(|span| line(text, span.start))),
        key: String::new(),
        fault: Fault::Syntax(clip(error.message(), MESSAGE)),
    }));
    Vec::new()
}

/// The settings of the environment; variables of other programs are passed over.
pub(super) fn from_env<I>(schema: &Schema, variables: I, problems: &mut Vec<Problem>) -> Vec<Setting>
where
    I: IntoIterator<Item = (OsString, OsString)>,
{
    let keys = schema.keys();
    let known: BTreeMap<String, &(String, &Value)> =
        keys.iter().map(|known| (env_name(&known.0), known)).collect();
    let mut found: Vec<(String, OsString)> =
        variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    found.sort();

    let mut settings: Vec<Setting> = Vec::new();
    for (name, text) in found {
        let spelt = name.to_ascii_uppercase().replace('-', "_");
        let Some((key, default)) = known.get(&spelt) else {
            let fault = unknown_variable(schema, &known, &spelt);
            problems.extend(fault.map(|fault| Problem {
                source: Source::Env(clip(&name, MESSAGE)),
                key: String::new(),
                fault,
            }));
            continue;
        };
        let earlier = settings.iter().find(|setting| setting.key == *key);
        let value = match earlier {
            Some(earlier) => Err(Fault::SetTwice(earlier.source.to_string())),
            None => env_value(default, text),
        };
        let (key, source) = (key.clone(), Source::Env(name));
        match value {
            Ok(value) => settings.push(Setting { key, value, source }),
            Err(fault) => problems.push(Problem { source, key, fault }),
        }
    }
    settings
}

/// The variable that sets a key; a dash becomes an underscore, because shells take no dash in a name.
pub(super) fn env_name(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', "__").replace('-', "_").to_ascii_uppercase())
}

/// A walk through a parsed file beside the schema.
struct Walk<'a> {
    schema: &'a Schema,
    name: &'a str,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
    settings: Vec<Setting>,
}

impl Walk<'_> {
    fn table(&mut self, defaults: &Table, prefix: &str, found: &DeTable<'_>) {
        for (name, value) in found {
            let key = format!("{prefix}{}", name.get_ref());
            let source = Source::File(self.name.to_owned(), Some(line(self.text, name.span().start)));
            let value = match (defaults.get(name.get_ref().as_ref()), value.get_ref()) {
                (_, DeValue::Table(found)) if self.is_queue(prefix, &key) => {
                    self.queue(&key, source, found);
                    continue;
                }
                (None, DeValue::Table(found)) if key == CUSTOM => {
                    self.custom(source, found);
                    continue;
                }
                (Some(Value::Table(defaults)), DeValue::Table(found)) => {
                    self.table(defaults, &format!("{key}."), found);
                    continue;
                }
                (Some(default), _) => file_value(default, value),
                (None, _) => Err(self.schema.unknown(&key)),
            };
            match value {
                Ok(value) => self.settings.push(Setting { key, value, source }),
                Err(fault) => self.problems.push(Problem { source, key: clip(&key, MESSAGE), fault }),
            }
        }
    }
}

impl Walk<'_> {
    /// Whether this is the table of one of the seven queues.
    fn is_queue(&self, prefix: &str, key: &str) -> bool {
        let known = self.schema.defaults().get("queues").and_then(Value::as_table);
        let name = key.strip_prefix("queues.").filter(|_| prefix == "queues.");
        name.is_some_and(|name| known.and_then(|known| known.get(name)).is_some_and(Value::is_table))
    }

    /// One queue's own table.
    fn queue(&mut self, key: &str, source: Source, found: &DeTable<'_>) {
        let own: Result<Table, _> = OWN.parse();
        match own {
            Ok(own) => self.table(&own, &format!("{key}."), found),
            Err(error) => self.problems.push(Problem {
                source,
                key: key.to_owned(),
                fault: Fault::Syntax(clip(error.message(), MESSAGE)),
            }),
        }
    }

    /// The queues that the file adds: a table is enough, even an empty one.
    fn custom(&mut self, source: Source, found: &DeTable<'_>) {
        if found.len() > MOST {
            let fault = Fault::TooMany(MOST);
            return self.problems.push(Problem { source, key: CUSTOM.to_owned(), fault });
        }
        for (name, value) in found {
            let key = format!("{CUSTOM}.{}", name.get_ref());
            let source = Source::File(self.name.to_owned(), Some(line(self.text, name.span().start)));
            let fits = name.get_ref().len() <= 64
                && name.get_ref().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            let is_new = !self.is_queue("queues.", &format!("queues.{}", name.get_ref()));
            let fault = match value.get_ref() {
                DeValue::Table(found) if fits && is_new && !name.get_ref().is_empty() => {
                    let concurrency = format!("{key}.concurrency");
                    if !found.contains_key("concurrency") {
                        let value = Value::Integer(0);
                        self.settings.push(Setting { key: concurrency, value, source: source.clone() });
                    }
                    self.queue(&key, source, found);
                    continue;
                }
                DeValue::Table(_) if !is_new => {
                    "is one of the seven queues: give it the table [queues.<name>]"
                }
                DeValue::Table(_) => "is no name of a queue: it has 1 to 64 letters, digits, `_` and `-`",
                _ => "must be a table, such as [queues.custom.reports]",
            };
            let fault = Fault::BadValue(fault.to_owned());
            self.problems.push(Problem { source, key: clip(&key, MESSAGE), fault });
        }
    }
}

fn file_value(default: &Value, found: &Spanned<DeValue<'_>>) -> Result<Value, Fault> {
    let value = Value::deserialize(ValueDeserializer::from(found.clone()))
        .map_err(|error| Fault::BadValue(clip(error.message(), MESSAGE)))?;
    of_type(default, value)
}

/// A variable's text, read by the type of the default; what does not fit stays text and is refused as such.
fn env_value(default: &Value, text: OsString) -> Result<Value, Fault> {
    let text = text.into_string().map_err(|_| Fault::NotText)?;
    let word = text.trim();
    let value = match default {
        Value::Integer(_) => word.parse().ok().map(Value::Integer),
        Value::Float(_) => word.parse().ok().map(Value::Float),
        Value::Boolean(_) => word.to_ascii_lowercase().parse().ok().map(Value::Boolean),
        Value::Array(_) => Some(list(word)?),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => None,
    };
    of_type(default, value.unwrap_or(Value::String(text)))
}

/// A list in brackets as TOML, which JSON lists are too; else its items between commas.
fn list(text: &str) -> Result<Value, Fault> {
    if text.starts_with('[') {
        return ValueDeserializer::parse(text)
            .and_then(Value::deserialize)
            .map_err(|_| Fault::BadValue("is not a list; write it as [\"a\", \"b\"] or as a,b".to_owned()));
    }
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
}

/// Says what is meant by a variable that is not known; `None` if it is another program's.
fn unknown_variable(
    schema: &Schema,
    known: &BTreeMap<String, &(String, &Value)>,
    name: &str,
) -> Option<Fault> {
    let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
        // Only an exact key counts: container platforms set APPENGINE_PORT and the like on their own.
        let meant = known.keys().find(|known| known.replace("__", "_") == name);
        return meant.map(|known| Fault::SingleUnderscore(known.clone()));
    };
    let inside = format!("{name}__");
    if let Some(known) = known.keys().find(|known| known.starts_with(&inside)) {
        return Some(Fault::IsTable(known.clone()));
    }
    let key = rest.to_ascii_lowercase().replace("__", ".");
    Some(match schema.nearest_key(&key) {
        Some(known) => Fault::Misspelt(env_name(&known)),
        None => Fault::Unknown(schema.known_beside(&key)),
    })
}

/// The line of a byte offset, counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
