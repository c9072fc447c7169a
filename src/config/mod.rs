//! The configuration: `config.toml` as compiled in, then the user's file, then the environment, read once into typed tables.
//! It reports everything that is wrong at once and never starts on a guess. Everything that is started takes its table from here.

mod checks;
mod duration;
mod file;
mod overlay;
mod problem;
mod queues;
mod schema;
mod secret;
mod size;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod values;
mod warnings;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;
use toml::Table;

pub use duration::{HumanDuration, NotADuration};
pub use problem::{Fault, Problem, Problems, Source};
pub use queues::{Growth, Queue, Queues};
pub use secret::{Secret, Secrets};
pub use size::{ByteSize, NotASize};
pub use tables::{
    Actors, AfterRestart, Ai, Auth, Desk, Durability, Files, Flows, Limits, Log, LogFormat, Mail,
    MailSecurity, Retention, Schedules, Server, Signup, Sockets, Store, Vendors, Webhooks,
};
pub use warnings::Warning;

use overlay::Setting;
use schema::Schema;

/// The compiled-in file: every key, its default and a line about it.
pub const DEFAULTS: &str = include_str!("../../config.toml");

/// Keys whose values are never shown.
const SECRETS: [&str; 5] =
    ["store.encryption_key", "auth.signing_secret", "webhooks.proxy", "mail.password", "vendors.keys"];

/// The whole configuration; one field for each table of `config.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where and how the one port answers.
    pub server: Server,
    /// Where data lies and what a write survives.
    pub store: Store,
    /// What callers may ask for.
    pub limits: Limits,
    /// Sign-up and tokens.
    pub auth: Auth,
    /// How jobs are run.
    pub queues: Queues,
    /// What one run may do.
    pub flows: Flows,
    /// How deliveries are made.
    pub webhooks: Webhooks,
    /// The server that mail leaves by.
    pub mail: Mail,
    /// What may be uploaded.
    pub files: Files,
    /// What happens at times.
    pub schedules: Schedules,
    /// How long history is kept.
    pub retention: Retention,
    /// The realtime connections.
    pub sockets: Sockets,
    /// How conversations are given to the staff.
    pub desk: Desk,
    /// What answers of language models may do.
    pub ai: Ai,
    /// What vendors' calls are held against.
    pub vendors: Vendors,
    /// How the machine inside is spread.
    pub actors: Actors,
    /// What is logged and how it looks.
    pub log: Log,
}

/// Most characters that are repeated of what is wrong with one value, which may be a long list.
const SAID: usize = 10_000;

impl Config {
    /// Reads the layers: the compiled-in file, then `file`, then those of `variables` that start with `APPENGINE__`.
    /// A program passes `std::env::vars_os()`; a test passes pairs.
    ///
    /// # Errors
    /// Everything wrong in any layer, also in a value that a later layer replaces.
    pub fn load<N, V>(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Problems>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        let schema = Schema::parse(DEFAULTS).map_err(|problem| Problems(vec![problem]))?;
        let mut problems = Vec::new();
        let mut settings = file.map(|path| read_file(&schema, path, &mut problems)).unwrap_or_default();
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        settings.extend(overlay::from_env(&schema, variables, &mut problems));
        combine(&schema, settings, problems)
    }
}

fn read_file(schema: &Schema, path: &Path, problems: &mut Vec<Problem>) -> Vec<Setting> {
    let name = path.display().to_string();
    match file::read(path) {
        Ok(file) => {
            let settings = overlay::from_text(schema, &name, &file.text, problems);
            if file.open_to_all {
                let secrets = settings
                    .iter()
                    .filter(|setting| SECRETS.contains(&setting.key.as_str()))
                    .filter(|setting| !is_empty(&setting.value));
                problems.extend(secrets.map(|secret| secret.refused(Fault::Exposed)));
            }
            settings
        }
        Err(fault) => {
            problems.push(Problem { source: Source::File(name, None), key: String::new(), fault });
            Vec::new()
        }
    }
}

/// Whether a secret's value is the one for none.
fn is_empty(value: &toml::Value) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

/// Judges every setting alone, then all good ones together.
fn combine(schema: &Schema, settings: Vec<Setting>, mut problems: Vec<Problem>) -> Result<Config, Problems> {
    let mut document = schema.defaults().clone();
    let mut sources = BTreeMap::new();
    for setting in settings {
        if let Err(fault) = judge(schema.defaults(), &setting) {
            problems.push(setting.refused(fault));
            continue;
        }
        schema::set(&mut document, &setting.key, setting.value);
        sources.insert(setting.key, setting.source);
    }
    match typed(document) {
        Ok(config) => {
            let conflicts = checks::conflicts(&config).into_iter();
            let conflicts =
                conflicts.filter_map(|conflict| blame(&conflict, &sources, &problems)).collect::<Vec<_>>();
            problems.extend(conflicts);
            if problems.is_empty() { Ok(config) } else { Err(Problems(problems)) }
        }
        Err(fault) => {
            problems.push(Problem { source: Source::BuiltIn, key: String::new(), fault });
            Err(Problems(problems))
        }
    }
}

/// Judges a setting as if it were the only one, so that one bad value does not hide another.
fn judge(defaults: &Table, setting: &Setting) -> Result<(), Fault> {
    checks::range(&setting.key, &setting.value)?;
    let mut document = defaults.clone();
    if let Some(always) = queues::always(&setting.key) {
        schema::set(&mut document, &always, toml::Value::Integer(0));
    }
    schema::set(&mut document, &setting.key, setting.value.clone());
    typed(document).map(drop)
}

fn typed(document: Table) -> Result<Config, Fault> {
    document.try_into().map_err(|error: toml::de::Error| Fault::BadValue(values::clip(error.message(), SAID)))
}

/// The problem that a conflict is, at the setting that brought it about; `None` if one of its keys is refused already,
/// because then the comparison was made with a default in its place.
fn blame(
    conflict: &checks::Conflict,
    sources: &BTreeMap<String, Source>,
    problems: &[Problem],
) -> Option<Problem> {
    if problems.iter().any(|problem| conflict.keys.contains(&problem.key.as_str())) {
        return None;
    }
    let set = conflict.keys.iter().find_map(|key| Some((*key, sources.get(*key)?)));
    let (key, source) = set.unwrap_or((conflict.keys[0], &Source::BuiltIn));
    Some(Problem { source: source.clone(), key: key.to_owned(), fault: Fault::Conflict(conflict.why) })
}
