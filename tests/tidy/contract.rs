//! docs/contract.md and the code say the same: every section that a comment cites, every route, every
//! error code, and every word of the closed lists.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use appengine::auth::role::{Permission, Role};
use appengine::http::route::Access;
use appengine_actors::flow::trigger::BUILT_IN;
use appengine_actors::flow::{action, condition};
use appengine_actors::queue::job::names;
use appengine_actors::record::model::STATES;

use crate::hold;
use crate::tree::{File, file, product, quoted, rows, section};

fn contract() -> &'static str {
    &file("docs/contract.md").text
}

/// The numbers of sections, and of rows that begin with one.
fn sections() -> BTreeSet<String> {
    let numbered = contract().lines().filter_map(|line| {
        let text = line
            .strip_prefix('#')
            .map(|line| line.trim_start_matches('#'))
            .or_else(|| line.strip_prefix('|'))?;
        let number = text.split_whitespace().next()?.trim_end_matches('.');
        number.starts_with(|c: char| c.is_ascii_digit()).then(|| number.to_owned())
    });
    numbered.collect()
}

/// Sections that comments of a file cite, RFCs' aside.
fn cited(file: &File) -> Vec<String> {
    let bare = file.text.lines().map(|line| line.trim_start().trim_start_matches(['/', '!']).trim());
    let text = bare.collect::<Vec<_>>().join(" ");
    let places = text.match_indices('§').filter(|(at, _)| {
        let mut before = text[..*at].split_whitespace().rev();
        let number = before.next().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        !(number && before.next().is_some_and(|word| word.ends_with("RFC")))
    });
    let number = |at: usize| {
        let rest = text[at..].trim_start_matches('§');
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').to_owned()
    };
    places.map(|(at, _)| number(at)).filter(|number| !number.is_empty()).collect()
}

#[test]
fn every_section_that_a_comment_cites_is_there() {
    let sections = sections();
    let mut broken = Vec::new();
    for file in product("") {
        let gone = cited(file).into_iter().filter(|number| !sections.contains(number));
        broken.extend(gone.map(|number| format!("{} cites §{number}", file.path)));
    }
    hold("docs/contract.md lacks sections that comments cite.", &broken);
}

/// Who may call a route, as the table says it.
fn who(access: Access) -> String {
    match access {
        Access::Open => "anybody".to_owned(),
        Access::Entrance => "anybody, with `orgid`".to_owned(),
        Access::Link => "whoever has the link".to_owned(),
        Access::Signed => "signed in".to_owned(),
        Access::Staff(permission, scope) => format!("staff: {permission}, `{scope}`"),
        Access::Content(permission, scope) => format!("{permission}, `{scope}`"),
        Access::Record(permission, scope) => format!("{permission}, or as the record says, `{scope}`"),
        Access::Admin(scope) => format!("owners and administrators, `{scope}`"),
    }
}

#[test]
fn every_route_is_told() {
    let is_method =
        |word: &str| word.parse::<Method>().is_ok() && word.chars().all(|c| c.is_ascii_uppercase());
    let mut told = BTreeMap::new();
    for row in rows(contract()) {
        for route in quoted(&row[0]).into_iter().filter(|text| text.split(' ').next().is_some_and(is_method))
        {
            told.insert(route.to_owned(), row[1].clone());
        }
    }
    let mut broken = Vec::new();
    for route in appengine::http::routes() {
        let (name, who) = (format!("{} {}", route.method, route.path), who(route.access));
        if told.remove(&name).as_deref() != Some(who.as_str()) {
            broken.push(format!("| `{name}` | {who} | {} |", route.doc.summary));
        }
    }
    broken.extend(told.keys().map(|name| format!("there is no route {name}")));
    hold("docs/contract.md and the route table differ.", &broken);
}

/// The first text in quotes after a place.
fn text_after(code: &str) -> Option<&str> {
    let rest = code.trim_start().strip_prefix('"')?;
    rest.split('"').next()
}

/// Every machine code of an error that the code can answer with.
fn codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for file in product("src/") {
        let code = file.code().into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        let mut add = |text: Option<&str>| {
            let is_code =
                |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            codes.extend(text.filter(is_code).map(|text| (text.to_owned(), file.path.clone())));
        };
        for call in ["bad_request(", "conflict(", "Failure::new(", "end(socket, CloseCode"] {
            for (at, _) in code.match_indices(call) {
                let rest = &code[at + call.len()..];
                let rest = if call.starts_with("end") {
                    rest.split_once(", ").map_or(rest, |(_, rest)| rest)
                } else {
                    rest
                };
                add(text_after(rest));
            }
        }
        // `Problem::new(StatusCode::X, "code", …)`, also where the status is a name.
        for (at, _) in code.match_indices("::new(") {
            let rest = &code[at + 6..];
            let first = rest
                .split_once(',')
                .filter(|(first, _)| first.contains("StatusCode") || first.trim() == "status");
            add(first.and_then(|(_, rest)| text_after(rest)));
        }
        // `fn code(&self)` of closed lists of errors.
        for (at, _) in code.match_indices("fn code(&self)") {
            let body = &code[at..];
            let body = &body[..body.find("\n    }\n").unwrap_or(body.len())];
            body.split('"').skip(1).step_by(2).for_each(|text| add(Some(text)));
        }
    }
    codes
}

#[test]
fn every_error_code_is_told() {
    let told: BTreeSet<String> =
        rows(section(contract(), "### 1.2")).iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let codes = codes();
    assert!(codes.len() > 30, "the search for codes found only {codes:?}");
    let mut broken: Vec<String> = codes
        .iter()
        .filter(|(code, _)| !told.contains(*code))
        .map(|(code, path)| format!("`{code}` of {path} is not told"))
        .collect();
    let whole = product("src/").map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let unknown = told.iter().filter(|code| !whole.contains(&format!("\"{code}\"")));
    broken.extend(unknown.map(|code| format!("`{code}` is no code of an error")));
    hold("docs/contract.md, 1.2: one row for each error code.", &broken);
}

/// Compares a closed list with the first cells of the rows of a section.
#[track_caller]
fn same(heading: &str, code: impl IntoIterator<Item = String>) {
    let told: BTreeSet<String> =
        rows(section(contract(), heading)).iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let code: BTreeSet<String> = code.into_iter().collect();
    let differ: Vec<String> = code.symmetric_difference(&told).cloned().collect();
    hold(
        &format!("docs/contract.md, {heading}: these stand in the code or in the table, not in both."),
        &differ,
    );
}

#[test]
fn closed_lists_are_told() {
    same("### 2.4", Role::ALL.map(|role| role.name().to_owned()));
    same("### 4.5", BUILT_IN.map(|trigger| trigger.kind.to_owned()));
    same("### 4.6", condition::ALL.iter().map(|condition| condition.kind().to_owned()));
    same("### 4.7", action::ALL.iter().map(|action| action.kind().to_owned()));
    let queues = section(contract(), "## 12");
    for name in names::ALL {
        assert!(quoted(queues).contains(&name), "docs/contract.md, 12, does not name the queue {name}");
    }
    let states = section(contract(), "### 3.1");
    for state in STATES {
        assert!(quoted(states).contains(&state), "docs/contract.md, 3.1, does not name the state {state}");
    }
}

#[test]
fn roles_are_told_with_what_they_allow() {
    let mut broken = Vec::new();
    for row in rows(section(contract(), "### 2.4")) {
        let Ok(role) = row[0].trim_matches('`').parse::<Role>() else { continue };
        let told: BTreeSet<&str> = row[1].split(", ").collect();
        let allows: BTreeSet<&str> = role.permissions().iter().copied().map(Permission::name).collect();
        if told != allows {
            broken.push(format!("{role} allows {allows:?}"));
        }
    }
    hold("docs/contract.md, 2.4: what roles allow.", &broken);
}

#[test]
fn triggers_are_told_with_what_they_listen_to() {
    let mut broken = Vec::new();
    for row in rows(section(contract(), "### 4.5")) {
        let Some(trigger) = BUILT_IN.iter().find(|trigger| trigger.kind == row[0].trim_matches('`')) else {
            continue;
        };
        if quoted(&row[1]) != trigger.listens {
            broken.push(format!("{} listens to {:?}", trigger.kind, trigger.listens));
        }
    }
    hold("docs/contract.md, 4.5: what triggers listen to.", &broken);
}

#[test]
fn events_that_are_told_are_published() {
    let whole = product("").map(|file| file.text.as_str()).collect::<Vec<_>>().join("\n");
    let built_in: BTreeSet<&str> = BUILT_IN.iter().flat_map(|trigger| trigger.listens).copied().collect();
    let table = rows(section(contract(), "### 4.11"));
    let named = table.iter().flat_map(|row| quoted(&row[0])).filter(|name| !name.contains('{'));
    let literal = |text: &str| whole.contains(&format!("\"{text}\""));
    let composed = |name: &str| name.strip_prefix("contact.").is_some_and(literal);
    let gone = named.filter(|name| !built_in.contains(name) && !literal(name) && !composed(name));
    let broken: Vec<String> = gone.map(str::to_owned).collect();
    hold("docs/contract.md, 4.11 tells of events that nothing publishes.", &broken);
}

#[test]
fn citations_are_read_across_lines_and_without_rfcs() {
    let text = "//! See (contract\n//! §2.5, in both) and RFC 9110 §11.1; RFC 9700\n//! §4.14.2 and §13.\n";
    let file = File { path: "src/x.rs".into(), text: text.into() };
    assert_eq!(cited(&file), ["2.5", "13"]);
}
