//! What the documents say is so: keys, commands, files and links that they name are there.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use appengine::cli::Cli;
use clap::Parser;

use crate::hold;
use crate::tree::{FILES, File, file, quoted, rows, section};

/// A key of `config.toml`: its default as it is written there, and the comment above it.
struct Key {
    default: String,
    comment: String,
}

fn keys() -> BTreeMap<String, Key> {
    let (mut keys, mut table, mut comment) = (BTreeMap::new(), String::new(), String::new());
    for line in file("config.toml").text.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            text.clone_into(&mut comment);
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name.clone_into(&mut table);
        } else if let Some((name, default)) = line.split_once(" = ") {
            let key = Key { default: default.to_owned(), comment: std::mem::take(&mut comment) };
            keys.insert(format!("{table}.{name}"), key);
        }
    }
    keys
}

fn documents() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.path.ends_with(".md"))
}

#[test]
fn every_key_is_documented_as_config_toml_has_it() {
    let table = rows(section(&file("docs/operations.md").text, "## Configuration"));
    let told: BTreeMap<&str, &Vec<String>> =
        table.iter().map(|row| (row[0].trim_matches('`'), row)).collect();
    let keys = keys();
    let mut broken = Vec::new();
    for (name, key) in &keys {
        let row = vec![format!("`{name}`"), format!("`{}`", key.default), key.comment.clone()];
        if told.get(name.as_str()) != Some(&&row) {
            broken.push(format!("| {} |", row.join(" | ")));
        }
    }
    broken.extend(
        told.keys().filter(|name| !keys.contains_key(**name)).map(|name| format!("there is no key {name}")),
    );
    hold("docs/operations.md, Configuration: these rows are missing, or not as in config.toml.", &broken);
}

/// `store.durability` and the like, as far as it names a table of the configuration.
fn key_named<'t>(text: &'t str, tables: &BTreeSet<&str>) -> Option<&'t str> {
    let key = text.split([' ', '=']).next().unwrap_or_default();
    // The server's tools, and events of answers.
    let others = ["server.memory.", "server.repository.", "server.notification.", "ai.run."];
    if others.iter().any(|other| key.starts_with(other)) {
        return None;
    }
    let (table, rest) = key.split_once('.')?;
    let is_file = [".rs", ".md", ".toml", ".mjs", ".js"].iter().any(|kind| key.ends_with(kind));
    let plain = rest.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-' | '.'));
    (tables.contains(table) && plain && !is_file && !rest.is_empty()).then_some(key)
}

#[test]
fn keys_that_documents_name_are_there() {
    let keys = keys();
    let tables = keys.keys().filter_map(|key| Some(key.split_once('.')?.0)).collect();
    let env = |key: &str| format!("APPENGINE__{}", key.replace('.', "__").replace('-', "_").to_uppercase());
    let variables: BTreeSet<String> = keys.keys().map(|key| env(key)).collect();
    let mut broken = Vec::new();
    for file in documents() {
        for (index, line) in file.text.lines().enumerate() {
            let named = quoted(line).into_iter().filter_map(|text| key_named(text, &tables));
            let unknown = named.filter(|key| {
                !keys.keys().any(|known| known == key || known.starts_with(&format!("{key}.")))
            });
            broken.extend(unknown.map(|key| format!("{} names {key}", file.at(index + 1))));
            let words = line.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            let words = words.filter(|word| word.starts_with("APPENGINE__") && !variables.contains(*word));
            // The rule itself is written with names that stand for others.
            let unknown = words.filter(|word| *word != "APPENGINE__SECTION__KEY");
            broken.extend(unknown.map(|word| format!("{} names {word}", file.at(index + 1))));
        }
    }
    hold("Documents name keys that config.toml does not have.", &broken);
}

/// What a shell line asks of this program: its arguments.
fn arguments(line: &str) -> Option<Vec<String>> {
    let starts = [" --release -- ", "target/release/appengine ", "appengine "];
    let line = line.trim_start_matches("$ ").trim();
    let line = line.split_once("=$(").map_or(line, |(_, inner)| inner);
    let start = starts.iter().find_map(|start| {
        let at = line.find(start)?;
        let runs = if *start == "appengine " {
            line[..at].chars().all(|c| !c.is_whitespace()) || line[..at].ends_with("exec ")
        } else {
            true
        };
        runs.then_some(at + start.len())
    })?;
    let end = |word: &str| ["|", ">", "<", "&&", "&", "#", "\\"].iter().any(|end| word.starts_with(end));
    let words = line[start..].split_whitespace().take_while(|word| !end(word));
    Some(words.map(|word| word.trim_matches(['"', '\'', ')']).to_owned()).collect())
}

/// Lines of fenced shell blocks.
fn shell(file: &File) -> Vec<(usize, &str)> {
    let (mut lines, mut within) = (Vec::new(), false);
    for (index, line) in file.text.lines().enumerate() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            within = !within && matches!(kind, "sh" | "bash");
        } else if within {
            lines.push((index + 1, line));
        }
    }
    lines
}

#[test]
fn commands_that_documents_show_are_there() {
    let mut broken = Vec::new();
    for file in documents() {
        for (number, line) in shell(file) {
            let Some(arguments) = arguments(line) else { continue };
            let parsed = Cli::try_parse_from(["appengine".to_owned()].into_iter().chain(arguments));
            broken.extend(parsed.err().map(|error| format!("{}: {line}: {error}", file.at(number))));
        }
    }
    hold("Documents show commands that the program does not take.", &broken);
}

#[test]
fn the_readme_opens_with_things_to_run() {
    let readme = file("README.md");
    let commands: Vec<&str> = shell(readme).into_iter().map(|(_, line)| line).collect();
    assert_eq!(commands.first(), Some(&"cargo run --release -- demo"), "README.md opens with the demo");
    assert!(commands.contains(&"cargo run --release"), "README.md says how to serve");
    assert!(commands.contains(&"./test"), "README.md names the command that runs every test");
    let opening = readme.text.lines().take_while(|line| !line.starts_with("```")).count();
    assert!(opening < 20, "README.md has {opening} lines before the first thing to run");
    let calls = file(".ci/run").text.lines().filter(|line| line.ends_with("./test")).count();
    assert_eq!(calls, 1, ".ci/run calls the command that README.md names");
    for script in ["test", ".ci/run"] {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
        let mode = at.metadata().expect("it is there").permissions().mode();
        assert!(mode & 0o111 == 0o111, "{script} must be executable");
    }
}

#[test]
fn recipes_have_at_most_five_steps() {
    let recipes = section(&file("CONTRIBUTING.md").text, "## Recipes");
    let mut broken = Vec::new();
    for what in ["event", "action", "vendor", "socket event"] {
        let title = recipes.lines().find(|line| line.starts_with("### ") && line.ends_with(what));
        let Some(title) = title else {
            broken.push(format!("there is no recipe to add {what}"));
            continue;
        };
        let steps = section(recipes, title)
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
            .count();
        if !(1..=5).contains(&steps) {
            broken.push(format!("`{title}` has {steps} steps"));
        }
    }
    hold(
        "CONTRIBUTING.md, Recipes: one to five steps each; if one needs a sixth, the design is wrong.",
        &broken,
    );
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for file in documents() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file.path);
        let folder = folder.parent().expect("a folder");
        for (index, line) in file.text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let path = target.split('#').next().unwrap_or_default();
                let outside = target.contains("://") || path.is_empty();
                if !outside && !folder.join(path).exists() {
                    broken.push(format!("{} links to {target}", file.at(index + 1)));
                }
            }
        }
    }
    hold("Links in documents lead nowhere.", &broken);
}

#[test]
fn files_that_documents_name_are_there() {
    let mut broken = Vec::new();
    for file in documents().filter(|file| file.path != "CHANGELOG.md") {
        for (index, line) in file.text.lines().enumerate() {
            let is_path = |text: &&str| {
                let ours = ["src/", "actors/", "tests/", "docs/", "static/", "bench/"]
                    .iter()
                    .any(|place| text.starts_with(place));
                ours && !text.contains(['<', '*', '{', ' ', ':'])
            };
            let named = quoted(line).into_iter().filter(is_path);
            let gone = named.filter(|path| !Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists());
            broken.extend(gone.map(|path| format!("{} names {path}", file.at(index + 1))));
        }
    }
    hold("Documents name files that are not there.", &broken);
}

#[test]
fn decisions_say_why_and_what_follows() {
    let mut broken = Vec::new();
    for file in documents().filter(|file| file.path.starts_with("docs/adr/")) {
        for part in ["## Context", "## Decision", "## Consequences"] {
            if !file.text.contains(part) {
                broken.push(format!("{} has no `{part}`", file.path));
            }
        }
    }
    hold("A decision has its context, what was decided, and what follows.", &broken);
}
