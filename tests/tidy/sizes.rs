//! Files are short, and each says at its top what it is for.

use crate::hold;
use crate::tree::{FILES, File, file, product};

/// No file of code is longer.
const HARD: usize = 400;
/// Most files are shorter.
const SOFT: usize = 200;
/// Of a hundred files this many may be longer than [`SOFT`].
const LONG_IN_A_HUNDRED: usize = 30;

fn code() -> impl Iterator<Item = &'static File> {
    let is_code = |file: &&File| {
        [".rs", ".mjs", ".js", ".css", ".sh", ".py"].iter().any(|kind| file.path.ends_with(kind))
    };
    FILES.iter().filter(is_code)
}

#[test]
fn no_file_is_long() {
    let lines = |file: &File| file.text.lines().count();
    let broken: Vec<String> =
        code().filter(|file| lines(file) > HARD).map(|file| file.at(lines(file))).collect();
    hold(
        "A file of code has at most 400 lines: move its tests to a sibling, or split what it does.",
        &broken,
    );
}

#[test]
fn most_files_are_short() {
    let (all, long) = (code().count(), code().filter(|file| file.text.lines().count() > SOFT).count());
    println!("{long} of {all} files have more than {SOFT} lines");
    assert!(
        long * 100 <= all * LONG_IN_A_HUNDRED,
        "{long} of {all} files have more than {SOFT} lines: split some of them before the next grows"
    );
}

#[test]
fn main_only_hands_over() {
    let lines = file("src/main.rs").text.lines().count();
    assert!(lines < 60, "src/main.rs has {lines} lines: what it does belongs into src/commands");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = product("").filter(|file| !file.text.starts_with("//! ")).map(|file| file.at(1));
    let stub = |file: &&File| file.text.lines().next().is_some_and(|line| line.len() < "//! A word.".len());
    let stubs = product("").filter(stub).map(|file| file.at(1));
    let mut broken: Vec<String> = silent.chain(stubs).collect();
    broken.sort();
    broken.dedup();
    hold("A module opens with `//!` and what it owns, what it never does, who talks to it.", &broken);
}
