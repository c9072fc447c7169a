//! Dependencies: few, each with a reason and a place, and one provider for everything cryptographic.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::hold;
use crate::tree::{FILES, File, file, product, quoted, rows, section, toml};

/// Providers of cryptography and TLS that stand where aws-lc-rs does.
const OTHER_PROVIDERS: [&str; 8] =
    ["ring", "rsa", "openssl", "openssl-sys", "native-tls", "boring", "graviola", "rustls-rustcrypto"];

/// Direct dependencies of all crates, ours aside, and whether only tests and benchmarks have them.
fn direct() -> BTreeMap<String, bool> {
    let mut all = BTreeMap::new();
    for manifest in ["Cargo.toml", "actors/Cargo.toml", "bench/Cargo.toml"] {
        let manifest = toml(manifest);
        let outside = manifest["package"]["name"].as_str() == Some("appengine-bench");
        for (table, is_dev) in [("dev-dependencies", true), ("dependencies", outside)] {
            let Some(table) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
            for name in table.keys().filter(|name| !name.starts_with("appengine")) {
                let only_tests = all.entry(name.clone()).or_insert(is_dev);
                *only_tests &= is_dev;
            }
        }
    }
    all
}

/// The dependency table of ARCHITECTURE.md: crate, places, reason.
fn told() -> Vec<Vec<String>> {
    rows(section(&file("ARCHITECTURE.md").text, "## Dependencies"))
}

/// Whether a line of code begins a path at a crate.
fn begins_at(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + name.len()..]);
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let rooted = before.strip_suffix("::").unwrap_or(before);
        let is_first = !rooted.chars().next_back().is_some_and(|c| word(c) || matches!(c, '>' | ':' | '.'));
        let imported =
            line.trim_start().starts_with("use ") && (after.starts_with(';') || after.starts_with(" as "));
        is_first && (after.starts_with("::") || imported)
    })
}

fn used_in<'f>(files: impl Iterator<Item = &'f File>, name: &str) -> BTreeSet<&'f str> {
    let ident = name.replace('-', "_");
    let uses = |file: &&File| file.code().iter().any(|(_, line)| begins_at(line, &ident));
    files.filter(uses).map(|file| file.path.as_str()).collect()
}

/// Whether any file at all names a crate, tests included.
fn is_used(name: &str) -> bool {
    let ident = name.replace('-', "_");
    let mut rust = FILES.iter().filter(|file| file.path.ends_with(".rs"));
    rust.any(|file| file.text.lines().any(|line| begins_at(line, &ident)))
}

#[test]
fn every_dependency_has_a_reason_and_every_reason_a_dependency() {
    let direct = direct();
    let told: BTreeMap<String, String> =
        told().into_iter().map(|row| (row[0].trim_matches('`').to_owned(), row[2].clone())).collect();
    let mut broken = Vec::new();
    for name in direct.keys().filter(|name| told.get(*name).is_none_or(|reason| reason.len() < 10)) {
        broken.push(format!("{name} has no row with its place and its reason"));
    }
    broken.extend(
        told.keys().filter(|name| !direct.contains_key(*name)).map(|name| format!("{name} is no dependency")),
    );
    hold("ARCHITECTURE.md, Dependencies: one row for each direct dependency.", &broken);
}

#[test]
fn every_dependency_stays_in_its_place() {
    let direct = direct();
    let mut broken = Vec::new();
    for row in told() {
        let name = row[0].trim_matches('`');
        let places = quoted(&row[1]);
        if !is_used(name) {
            broken.push(format!("{name} is used nowhere: take it out of Cargo.toml"));
        }
        if places.is_empty() || direct.get(name).copied().unwrap_or_default() {
            continue;
        }
        let found = used_in(product(""), name);
        let elsewhere = found.iter().filter(|path| !places.iter().any(|place| path.starts_with(place)));
        broken.extend(elsewhere.map(|path| format!("{path} uses {name}, which belongs into {}", row[1])));
        let empty = places.iter().filter(|place| !found.iter().any(|path| path.starts_with(**place)));
        broken.extend(empty.map(|place| format!("{name} is not used in {place}")));
    }
    hold("A dependency is used where ARCHITECTURE.md says, and nowhere else.", &broken);
}

#[test]
fn shared_versions_are_shared() {
    let shared = toml("Cargo.toml")["workspace"]["dependencies"].as_table().cloned().unwrap_or_default();
    let direct = direct();
    let broken: Vec<String> = shared.keys().filter(|name| !direct.contains_key(*name)).cloned().collect();
    hold("[workspace.dependencies] names what no member uses.", &broken);
}

#[test]
fn sled_is_the_one_that_was_measured() {
    let lock = toml("Cargo.lock");
    let packages = lock["package"].as_array().cloned().unwrap_or_default();
    let versions = |name: &str| -> Vec<String> {
        let named = packages.iter().filter(|package| package["name"].as_str() == Some(name));
        named.filter_map(|package| Some(package["version"].as_str()?.to_owned())).collect()
    };
    assert_eq!(
        versions("sled"),
        ["0.34.7"],
        "the durability of the store was measured with sled 0.34.7 (docs/adr/0002)"
    );
    for one in ["aws-lc-rs", "rustls", "actix", "actix-web", "socketioxide", "hmac", "sha2", "jsonwebtoken"] {
        assert_eq!(versions(one).len(), 1, "Cargo.lock has several versions of {one}");
    }
}

/// The lock file also names what no feature switches on, so cargo is asked what is built.
#[test]
fn one_provider_does_all_cryptography() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let asked = Command::new(cargo)
        .args([
            "tree",
            "--workspace",
            "--edges",
            "normal,build,dev",
            "--prefix",
            "none",
            "--locked",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(asked.status.success(), "cargo tree: {}", String::from_utf8_lossy(&asked.stderr));
    let tree = String::from_utf8(asked.stdout).expect("text");
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("aws-lc-rs"), "aws-lc-rs is the one provider");
    let broken: Vec<String> =
        OTHER_PROVIDERS.iter().filter(|name| built.contains(*name)).map(|name| (*name).to_owned()).collect();
    hold("A second provider of cryptography is built: find who asks for it with `cargo tree -i`.", &broken);
    let tokens = toml("Cargo.toml")["dependencies"]["jsonwebtoken"].clone();
    assert_eq!(tokens["default-features"].as_bool(), Some(false), "jsonwebtoken panics with two providers");
    assert_eq!(
        tokens["features"].as_array().map(Vec::len),
        Some(1),
        "jsonwebtoken panics without exactly one provider"
    );
}

#[test]
fn a_path_begins_at_a_crate() {
    assert!(begins_at("use http::HeaderMap;", "http"));
    assert!(begins_at("    let x: ::sled::Db;", "sled"));
    assert!(begins_at("use rand;", "rand"));
    for line in ["use self::sled::Engine;", "use crate::http::x;", "use actix_web::http::X;", "let http = 1;"]
    {
        assert!(!begins_at(line, "http") && !begins_at(line, "sled"), "{line}");
    }
}
