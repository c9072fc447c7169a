//! What is wrong with a flow's definition, and where in the body that a client sent.
//! A parser notes every problem it meets and goes on; the edge turns them into one 400 answer.

use std::fmt::Display;

use serde::Serialize;

/// Nothing more is collected here: a longer list would not help its reader.
const MOST: usize = 100;
const LONGEST_PATH: usize = 200;
const LONGEST_MESSAGE: usize = 500;

/// One thing that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct Problem {
    /// Where it is in the client's body: `actions[0].config.url`.
    pub path: String,
    /// What is wrong and what to change, as a lower-case fragment.
    pub message: String,
    /// Whether it would work, and is not theirs to do.
    #[serde(skip)]
    pub forbidden: bool,
}

/// Collects problems; knows where in the body the parser is.
#[derive(Debug, Default)]
pub struct Problems {
    found: Vec<Problem>,
    noted: usize,
    place: String,
}

impl Problems {
    /// Runs `read` one level further down: `part` is a key, a path of keys, or an index such as `[3]`.
    pub fn within<R>(&mut self, part: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.place.len();
        self.place = self.path(part);
        let result = read(self);
        self.place.truncate(outer);
        result
    }

    /// Notes a problem at `part` of the current place; an empty `part` is the place itself.
    pub fn add(&mut self, part: &str, message: impl Display) {
        self.note(part, message, false);
    }

    /// Notes at `part` something that whoever asks may not do.
    pub fn forbid(&mut self, part: &str, message: impl Display) {
        self.note(part, message, true);
    }

    fn note(&mut self, part: &str, message: impl Display, forbidden: bool) {
        self.noted = self.noted.saturating_add(1);
        if self.found.len() < MOST {
            let path = self.path(part);
            let path = if path.is_empty() { "body".to_owned() } else { clip(path, LONGEST_PATH) };
            self.found.push(Problem { path, message: clip(message.to_string(), LONGEST_MESSAGE), forbidden });
        }
    }

    /// Notes what another parser found at `part`; its paths begin there.
    pub fn extend(&mut self, part: &str, others: Vec<Problem>) {
        self.within(part, |problems| {
            for other in others {
                problems.note(&other.path, other.message, other.forbidden);
            }
        });
    }

    /// How many were noted so far, those that the list has no room for included.
    pub(crate) fn count(&self) -> usize {
        self.noted
    }

    /// `value`, unless anything was noted.
    ///
    /// # Errors
    /// All that was noted, in the order of reading.
    pub fn or<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.found.is_empty() { Ok(value) } else { Err(self.found) }
    }

    fn path(&self, part: &str) -> String {
        let dot = if self.place.is_empty() || part.is_empty() || part.starts_with('[') { "" } else { "." };
        format!("{}{dot}{part}", self.place)
    }
}

fn clip(mut text: String, longest: usize) -> String {
    if let Some((at, _)) = text.char_indices().nth(longest) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_body() {
        let mut problems = Problems::default();
        problems.add("", "is no object");
        problems.within("actions", |problems| {
            problems.within("[2]", |problems| {
                problems.add("", "whole");
                problems.within("config", |problems| problems.add("url", "bad"));
                let odd = Problem { path: "$and[0]".to_owned(), message: "odd".to_owned(), forbidden: false };
                problems.extend("filter", vec![odd]);
            });
            problems.add("[3]", "next");
        });
        let found = problems.or(()).unwrap_err();
        let paths: Vec<_> = found.iter().map(|problem| problem.path.as_str()).collect();
        let expected =
            ["body", "actions[2]", "actions[2].config.url", "actions[2].filter.$and[0]", "actions[3]"];
        assert_eq!(paths, expected);
        assert_eq!(found[2].to_string(), "actions[2].config.url: bad");
    }

    #[test]
    fn hostile_bodies_make_bounded_lists() {
        let mut problems = Problems::default();
        for _ in 0..1_000 {
            problems.add(&"ä".repeat(1_000), "ö".repeat(1_000));
        }
        let found = problems.or(()).unwrap_err();
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|problem| problem.path.chars().count() <= LONGEST_PATH + 1));
        assert!(found.iter().all(|problem| problem.message.chars().count() <= LONGEST_MESSAGE + 1));
    }
}
