//! Rules that a request must keep beyond its shape: whoever breaks some is told all of them, each at its place.

use crate::problem::{Detail, Problem};

/// All is well, or what is wrong: each rule with its place, whether it is kept, and itself in words.
pub fn keep<const N: usize>(what: &str, rules: [(&str, bool, &str); N]) -> Result<(), Problem> {
    let wrong = broken(rules);
    if wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(what, wrong)) }
}

/// The same of a part of the path.
pub fn keep_path(path: &str, is_kept: bool, rule: &str) -> Result<(), Problem> {
    let wrong = broken([(path, is_kept, rule)]);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid_as("invalid_path", "the path cannot be taken", wrong))
    }
}

fn broken<const N: usize>(rules: [(&str, bool, &str); N]) -> Vec<Detail> {
    let broken = rules.into_iter().filter(|(_, is_kept, _)| !is_kept);
    broken.map(|(path, _, rule)| Detail { path: path.to_owned(), message: rule.to_owned() }).collect()
}
