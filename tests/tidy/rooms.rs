//! Who may use whom. The tables say it all: what is not in them may not be, and what nothing uses any
//! more is to be taken out of them.

use std::collections::BTreeSet;

use crate::hold;
use crate::tree::{File, product};

/// A room and the rooms, or the modules of rooms, that it may use.
type Rule = (&'static str, &'static [&'static str]);

/// Words that every room of the machine speaks; they use only each other.
const WORDS: [&str; 13] = [
    "clock",
    "duration",
    "event",
    "failpoint",
    "form",
    "ids",
    "keys",
    "leases",
    "list",
    "retry",
    "rights",
    "store",
    "window",
];

/// The machine. Data flows bus -> queue -> flow -> webhook, and a room holds addresses of later ones only:
/// what goes up goes as a `bus::change` through the port, or as the answer to a question.
const MACHINE: [Rule; 17] = [
    ("supervision", &[]),
    ("ports", &["bus::change"]),
    ("feed", &["webhook::delivery"]),
    (
        "house",
        &[
            "feed",
            "inbound",
            "ports",
            "queue::job",
            "queue::worker",
            "retention",
            "session::board",
            "session::desk",
            "session::hall",
            "session::presence",
            "session::stream",
            "supervision",
            "webhook::breaker",
            "webhook::counts",
            "webhook::transport",
        ],
    ),
    ("webhook", &["bus::change", "feed", "house", "ports", "record", "supervision"]),
    ("session", &["bus::change", "house", "mail", "ports", "record", "supervision"]),
    (
        "retention",
        &[
            "bus::change",
            "flow::run",
            "house",
            "inbound::call",
            "ports",
            "record::model",
            "session::chat",
            "session::community",
            "session::stream",
            "supervision",
            "webhook::delivery",
        ],
    ),
    ("inbound", &["bus::change", "house", "ports", "queue::job", "record"]),
    ("queue", &["house", "supervision"]),
    ("mail", &["house", "queue::job", "queue::parts", "queue::worker"]),
    ("record", &["bus::change", "ports"]),
    (
        "flow",
        &[
            "bus::change",
            "feed",
            "house",
            "mail",
            "ports",
            "queue::job",
            "record",
            "schedule::missed",
            "schedule::model",
            "schedule::timing",
            "session::stream",
            "supervision",
            "webhook::body",
            "webhook::delivery",
            "webhook::headers",
            "webhook::transport",
        ],
    ),
    (
        "schedule",
        &[
            "bus::change",
            "flow::book",
            "flow::definition",
            "flow::run",
            "flow::trigger",
            "queue::job",
            "queue::parts",
            "queue::task",
            "house",
            "ports",
            "record",
            "supervision",
        ],
    ),
    (
        "bus",
        &[
            "feed",
            "flow::book",
            "flow::definition",
            "flow::run",
            "flow::trigger",
            "house",
            "ports",
            "queue",
            "record",
            "schedule",
            "session::desk",
            "session::stream",
            "supervision",
            "webhook",
        ],
    ),
    ("log", &["bus::change"]),
    ("trace", &["flow::run", "queue::job", "webhook::delivery"]),
    ("tree", &["supervision"]),
];

/// Rooms that put the others together and may use them all.
const COMPOSE_MACHINE: [&str; 1] = ["machine"];

/// The edges. Only `app` and the commands know every part.
const EDGES: [Rule; 18] = [
    ("ai", &["auth", "connect", "outbound"]),
    ("auth", &["config", "gateway"]),
    ("cli", &["auth", "config"]),
    ("config", &["connect::api", "connect::declared"]),
    ("connect", &["auth", "vendors"]),
    ("demo", &["app", "auth", "commands", "config", "telemetry"]),
    ("event_types", &[]),
    ("files", &["auth"]),
    ("gateway", &["problem"]),
    (
        "http",
        &[
            "ai",
            "auth",
            "config",
            "connect",
            "event_types",
            "files",
            "gateway",
            "monitor",
            "problem",
            "sync",
            "vendors",
        ],
    ),
    ("monitor", &[]),
    ("outbound", &[]),
    ("problem", &[]),
    ("store", &["config"]),
    ("sync", &["connect", "vendors"]),
    ("telemetry", &["config"]),
    ("vendors", &[]),
    ("lib", &[]),
];

/// Rooms that put the others together and may use them all.
const COMPOSE_EDGES: [&str; 2] = ["app", "commands"];

/// What of the machine these edges may know: their ports, and little else.
const PORTS: [Rule; 7] = [
    ("config", &[]),
    ("gateway", &["clock", "ids", "session"]),
    ("outbound", &["clock", "mail", "webhook"]),
    ("problem", &["bus", "store"]),
    // Of queues what became of them: migrations.
    ("store", &["clock", "failpoint", "leases", "queue::format", "store"]),
    ("telemetry", &[]),
    ("vendors", &["clock", "inbound::told"]),
];

/// The room that a file is in.
fn room<'p>(path: &'p str, root: &str) -> &'p str {
    let rest = path.strip_prefix(root).unwrap_or(path);
    rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs")
}

/// What a file uses of a crate: `room` or `room::module`, with the line.
fn uses(file: &File, of: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in file.code() {
        for (at, _) in line.match_indices(of) {
            let before = line[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
                continue;
            }
            let path =
                line[at + of.len()..].split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')));
            let mut parts = path.take(1).flat_map(|path| path.split("::"));
            let name = parts.next().unwrap_or_default();
            let module = parts.next().filter(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
            found
                .push((number, module.map_or_else(|| name.to_owned(), |module| format!("{name}::{module}"))));
        }
    }
    found
}

/// Every use that no rule allows, and every allowance that nothing uses.
fn judge(root: &str, of: &str, rules: &[Rule], free: &[&str], compose: &[&str], closed: bool) -> Vec<String> {
    let (mut broken, mut used) = (Vec::new(), BTreeSet::new());
    for file in product(root) {
        let own = room(&file.path, root);
        if compose.contains(&own) || (own == "lib" && root == "actors/src/") || own == "main" {
            continue;
        }
        let rule = rules.iter().find(|(name, _)| *name == own).map(|(_, allowed)| *allowed);
        let Some(allowed) = rule.or_else(|| free.contains(&own).then_some(&[])) else {
            if closed {
                broken.push(format!("{} is in no room of the table", file.path));
            }
            continue;
        };
        for (line, path) in uses(file, of) {
            let target = path.split("::").next().unwrap_or_default();
            let is_own = of == "crate::" && target == own;
            if is_own || free.contains(&target) {
                continue;
            }
            match allowed.iter().find(|known| **known == target || **known == path) {
                Some(known) => drop(used.insert((own, *known))),
                None => broken.push(format!("{} uses {path}", file.at(line))),
            }
        }
    }
    let given = rules.iter().flat_map(|(name, allowed)| allowed.iter().map(move |known| (*name, *known)));
    let unused = given.filter(|pair| !used.contains(pair));
    broken.extend(
        unused.map(|(name, known)| format!("{name} no longer uses {known}: take it out of the table")),
    );
    broken
}

#[test]
fn rooms_of_the_machine_keep_their_direction() {
    let broken = judge("actors/src/", "crate::", &MACHINE, &WORDS, &COMPOSE_MACHINE, true);
    hold(
        "Rooms of actors/ use each other as tests/tidy/rooms.rs says: pass what is needed in, or send a message.",
        &broken,
    );
}

#[test]
fn edges_know_what_they_must() {
    let broken = judge("src/", "crate::", &EDGES, &[], &COMPOSE_EDGES, true);
    hold(
        "Rooms of src/ use each other as tests/tidy/rooms.rs says: only app.rs and commands/ know every part.",
        &broken,
    );
}

#[test]
fn ports_are_all_that_an_implementation_knows() {
    let broken = judge("src/", "appengine_actors::", &PORTS, &[], &COMPOSE_EDGES, false);
    hold(
        "These edges implement ports of the machine and know no more of it than tests/tidy/rooms.rs says.",
        &broken,
    );
}
