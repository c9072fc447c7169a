//! What can be wrong with a configuration, where it was found, and the one list that says all of it at once.
//! It never holds a secret's value: those are refused without being quoted.

use std::fmt;

use thiserror::Error;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file that is compiled in.
    BuiltIn,
    /// The user's file and, where known, the line, counted from 1.
    File(String, Option<usize>),
    /// An environment variable, spelt as it was found.
    Env(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in config.toml"),
            Self::File(name, None) => f.write_str(name),
            Self::File(name, Some(line)) => write!(f, "{name}:{line}"),
            Self::Env(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the wrong setting was made.
    pub source: Source,
    /// The key with its table, such as `server.listen`; empty when the whole source is meant.
    pub key: String,
    /// What is wrong and what is allowed.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// What is wrong with one setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file cannot be read; holds the system's reason.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file is larger than a configuration can be; holds the limit in bytes.
    #[error("is larger than the {0} bytes a configuration may have")]
    TooLarge(u64),
    /// The file is not TOML; holds the parser's reason.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// The file sets a secret and every user of the machine may read it.
    #[error(
        "a secret stands in a file that every user may read; run chmod 600 on it, or set the secret by environment"
    )]
    Exposed,
    /// The value of a variable is not text.
    #[error("not valid UTF-8")]
    NotText,
    /// No such key, but one that is spelt nearly the same.
    #[error("unknown key; did you mean {0}?")]
    Misspelt(String),
    /// No such key; holds those that are known in its place.
    #[error("unknown key; known here: {0}")]
    Unknown(String),
    /// The variable separates its levels by one underscore; holds the right name.
    #[error("levels are separated by two underscores: {0}")]
    SingleUnderscore(String),
    /// A whole table is set where only its keys can be; holds one of them.
    #[error("is a table; set its keys one by one, such as {0}")]
    IsTable(String),
    /// Two variables set the same key; holds the other one's name.
    #[error("set twice, also by {0}; keep one of them")]
    SetTwice(String),
    /// A value of another type than the default.
    #[error("must be {expected}, found {found}")]
    WrongType {
        /// The type of the default.
        expected: &'static str,
        /// The type that was found.
        found: &'static str,
    },
    /// A value outside what is allowed.
    #[error("must be from {least} to {most}")]
    OutOfRange {
        /// The least allowed value, as it is written in the file.
        least: String,
        /// The most allowed value, as it is written in the file.
        most: String,
    },
    /// A list with more items than allowed; holds how many are.
    #[error("has too many items; at most {0} are allowed")]
    TooMany(usize),
    /// A value that its key does not take; holds what it takes.
    #[error("{0}")]
    BadValue(String),
    /// A value that is fine alone, but not beside another key's; says which and why.
    #[error("{0}")]
    Conflict(&'static str),
}

/// Everything wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "read the configuration, {count} {noun}:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
