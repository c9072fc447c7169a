//! Words that may not stand in some places.

use std::collections::BTreeSet;

use crate::hold;
use crate::tree::{FILES, File, names, product, toml};

/// What the machine knows nothing of: everything that touches a network, a disk or a client.
const EDGES: [&str; 14] = [
    "actix_web",
    "actix_web_actors",
    "actix_http",
    "socketioxide",
    "sled",
    "reqwest",
    "jsonwebtoken",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
];

/// Where actors meet actix: the shell of each room, what it hears, supervision, and where all are started.
fn is_shell(path: &str) -> bool {
    let shells = ["/actor.rs", "/messages.rs"];
    shells.iter().any(|shell| path.ends_with(shell))
        || path.starts_with("actors/src/supervision/")
        || path == "actors/src/machine.rs"
}

fn found(file: &File, words: &[&str]) -> Vec<String> {
    let code = file.code();
    let line = |(number, line): &(usize, &str)| {
        let word = words.iter().find(|word| names(line, word))?;
        Some(format!("{} names {word}", file.at(*number)))
    };
    let lines = code.iter().filter_map(line);
    let groups = grouped(&code).into_iter().filter(|(_, path)| words.contains(&path.as_str()));
    lines.chain(groups.map(|(number, path)| format!("{} names {path}", file.at(number)))).collect()
}

/// `a::b` and `a::c` of every `use a::{b, c::d};`, with the line on which the group opens.
fn grouped(code: &[(usize, &str)]) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for (index, (number, line)) in code.iter().enumerate() {
        let Some((_, import)) = line.split_once("use ") else { continue };
        let Some((root, first)) = import.split_once("::{") else { continue };
        let rest = code[index + 1..].iter().map(|(_, line)| *line);
        let (mut depth, mut word) = (0, String::new());
        for c in std::iter::once(first).chain(rest).flat_map(str::chars) {
            match c {
                ',' | '}' if depth == 0 => {
                    let part = word.split("::").next().and_then(|part| part.split_whitespace().next());
                    paths.extend(part.map(|part| (*number, format!("{root}::{part}"))));
                    word.clear();
                    if c == '}' {
                        break;
                    }
                }
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth == 0 => word.push(c),
                _ => {}
            }
        }
    }
    paths
}

#[test]
fn grouped_imports_are_seen() {
    let text = "use std::{\n    collections::{BTreeMap, BTreeSet},\n    fs, net as wire,\n};\nuse tokio::{net::TcpStream, sync};\n";
    let file = File { path: "actors/src/x.rs".into(), text: text.into() };
    let told = found(&file, &EDGES);
    assert_eq!(
        told,
        [
            "actors/src/x.rs:1 names std::fs",
            "actors/src/x.rs:1 names std::net",
            "actors/src/x.rs:5 names tokio::net"
        ]
    );
}

#[test]
fn the_machine_has_no_edges() {
    let broken: Vec<String> = product("actors/src/").flat_map(|file| found(file, &EDGES)).collect();
    hold(
        "actors/ touches no network, disk or client: declare a port there and implement it in src/.",
        &broken,
    );
}

#[test]
fn actix_stays_a_shell() {
    let inner = product("actors/src/").filter(|file| !is_shell(&file.path));
    let broken: Vec<String> = inner.flat_map(|file| found(file, &["actix"])).collect();
    hold(
        "In actors/ only actor.rs, messages.rs, supervision/ and machine.rs name actix: \
         decide in state.rs, and let actor.rs carry it out.",
        &broken,
    );
}

#[test]
fn states_are_pure() {
    let states = product("actors/src/").filter(|file| file.path.ends_with("/state.rs"));
    let impure = ["actix", "async", "await", "tokio", "Clock", "House", "Store", "now()"];
    let broken: Vec<String> = states.flat_map(|file| found(file, &impure)).collect();
    hold(
        "A state.rs takes an input and a `now` and gives effects: waiting and asking are its actor's.",
        &broken,
    );
}

#[test]
fn the_deprecated_websocket_crate_has_one_room() {
    let others = product("").filter(|file| file.path != "src/http/feed.rs");
    let broken: Vec<String> = others.flat_map(|file| found(file, &["actix_web_actors"])).collect();
    hold("actix-web-actors is deprecated and lives in src/http/feed.rs only.", &broken);
}

#[test]
fn nothing_is_left_for_later() {
    // In two halves, so that this list does not find itself.
    let words =
        [("TO", "DO"), ("FIX", "ME"), ("todo", "!"), ("unimplemented", "!"), ("#[ig", "nore"), ("X", "XX")];
    let words = words.map(|(one, two)| format!("{one}{two}"));
    let mut broken = Vec::new();
    for file in
        FILES.iter().filter(|file| !file.path.ends_with(".lock") && !file.path.ends_with("package-lock.json"))
    {
        for (index, line) in file.text.lines().enumerate() {
            let word = words.iter().find(|word| line.contains(word.as_str()));
            broken.extend(word.map(|word| format!("{} says {word}", file.at(index + 1))));
        }
    }
    hold("Nothing is left for later in the code: do it, or write an issue.", &broken);
}

#[test]
fn no_test_sleeps() {
    let is_test = |file: &&File| {
        file.path.starts_with("tests/") || file.path.starts_with("actors/tests/") || !file.is_product()
    };
    let words = [
        ["thread", "::sleep"].concat(),
        ["time", "::sleep"].concat(),
        ["time", ".sleep"].concat(),
        ["waitFor", "Timeout"].concat(),
        ["timers", "/promises"].concat(),
    ];
    let mut broken = Vec::new();
    for file in FILES
        .iter()
        .filter(is_test)
        .filter(|file| !file.path.ends_with(".md") && !file.path.starts_with("tests/tidy/"))
        // What is measured happens in real time; the Socket.IO client is somebody else's.
        .filter(|file| !file.path.starts_with("bench/") && file.path != "static/socket.io.js")
    {
        for (index, line) in file.text.lines().enumerate() {
            let pauses = line.contains("Promise") && line.contains("setTimeout");
            let shell = file.path.ends_with(".sh") && line.trim_start().starts_with("sleep ");
            // clippy.toml bans the same words, and has to name them.
            let found = file.path != "clippy.toml" && words.iter().any(|word| line.contains(word.as_str()));
            if pauses || shell || found {
                broken.push(file.at(index + 1));
            }
        }
    }
    hold("A test waits for what it wants to see, or turns a manual clock; it never sleeps.", &broken);
}

#[test]
fn a_panic_ends_one_actor_and_not_the_process() {
    let aborts = FILES.iter().filter(|file| file.path.ends_with(".toml"));
    let aborts = aborts.filter(|file| file.text.lines().any(|line| line.starts_with("panic")));
    let broken: Vec<String> = aborts.map(|file| file.path.clone()).collect();
    hold("No profile sets `panic`: supervision lives on unwinding.", &broken);
}

#[test]
fn the_bans_of_clippy_stand() {
    let banned = [
        "actix::Addr::do_send",
        "actix::Recipient::do_send",
        "tokio::sync::mpsc::unbounded_channel",
        "std::sync::mpsc::channel",
        "futures_util::stream::FuturesUnordered::new",
        "tokio::time::sleep",
        "tokio::time::sleep_until",
        "std::thread::sleep",
        "std::time::SystemTime::now",
        "std::time::Instant::now",
        "std::time::SystemTime::elapsed",
        "tokio::time::Instant::now",
        "jiff::Timestamp::now",
        "jiff::Zoned::now",
        "std::env::set_var",
        "std::process::exit",
    ];
    let clippy = toml("clippy.toml");
    let stands = clippy["disallowed-methods"].as_array().expect("a list").iter();
    let stands: BTreeSet<&str> = stands.filter_map(|ban| ban["path"].as_str()).collect();
    assert_eq!(stands, BTreeSet::from(banned), "clippy.toml bans what this list says, no less and no more");
    let lints = toml("Cargo.toml")["workspace"]["lints"].clone();
    for lint in ["unwrap_used", "expect_used", "print_stdout"] {
        assert_eq!(lints["clippy"][lint].as_str(), Some("warn"), "Cargo.toml: {lint}");
    }
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for member in ["Cargo.toml", "actors/Cargo.toml", "bench/Cargo.toml"] {
        let inherits = toml(member)["lints"]["workspace"].as_bool();
        assert_eq!(inherits, Some(true), "{member} must inherit the workspace's lints");
    }
}
