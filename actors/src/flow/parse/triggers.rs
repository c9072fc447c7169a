//! Reads `trigger` of the short form or `triggers` of the canonical one.

use super::{LONGEST_NAME, MOST_TRIGGERS, Placed, config_of, objects};
use crate::flow::Map;
use crate::flow::definition::Trigger;
use crate::flow::trigger::{Compiled, EVENT, Filter, resolve};
use crate::form::fields::{present, rest};
use crate::form::problem::Problems;

const KEYS: [&str; 7] = ["id", "type", "name", "config", "enabled", "nextStepId", "filter"];

/// The triggers of a body. A canonical flow may have none and is then started by hand; the short form names one.
pub(super) fn read<F: Filter>(body: &Map, problems: &mut Problems) -> Vec<Placed<Trigger>> {
    match (present(body, "trigger"), present(body, "triggers")) {
        (Some(_), Some(_)) => {
            problems.add("trigger", "stands beside `triggers`; keep one of the two");
            Vec::new()
        }
        (Some(_), None) => {
            let fields = problems.object(body, "trigger");
            fields
                .into_iter()
                .map(|fields| one::<F>("trigger".to_owned(), fields, 0, true, problems))
                .collect()
        }
        (None, None) if present(body, "actions").is_some() => {
            problems.add("trigger", "is missing; expected an object such as {\"type\": \"contact.created\"}");
            Vec::new()
        }
        (None, _) => {
            let items = problems.array(body, "triggers").unwrap_or_default();
            if items.len() > MOST_TRIGGERS {
                problems.add(
                    "triggers",
                    format_args!("has {} triggers; at most {MOST_TRIGGERS} are allowed", items.len()),
                );
                return Vec::new();
            }
            let found = objects(items, "triggers", problems).into_iter().enumerate();
            found.map(|(at, (path, fields))| one::<F>(path, fields, at, false, problems)).collect()
        }
    }
}

fn one<F: Filter>(
    path: String,
    fields: &Map,
    at: usize,
    short: bool,
    problems: &mut Problems,
) -> Placed<Trigger> {
    let (id, item) = problems.within(&path, |problems| {
        if short {
            problems.only(fields, &KEYS);
        }
        let id = match present(fields, "id") {
            Some(_) => problems.id(fields, "id").map(str::to_owned),
            None => Some(format!("trigger-{}", at + 1)),
        };
        let item = trigger(fields, id.clone(), problems);
        if let Some(trigger) = &item {
            Compiled::<F>::read(trigger, problems);
        }
        (id, item)
    });
    Placed { path, id, item }
}

fn trigger(fields: &Map, id: Option<String>, problems: &mut Problems) -> Option<Trigger> {
    let name = problems.short_text(fields, "name", LONGEST_NAME);
    let enabled = problems.flag(fields, "enabled", true);
    let next_step_id = problems.id(fields, "nextStepId").map(str::to_owned);
    let config = config_of(fields, problems);
    let spelled = problems.required_text(fields, "type");
    let resolved = spelled.and_then(|text| resolve(text).map_err(|error| problems.add("type", error)).ok());
    let (kind, event) = resolved?;
    let mut config = config?;
    if let Some(event) = event {
        let given = config.insert("event".to_owned(), event.into());
        if given.is_some_and(|given| given != event && !given.is_null()) {
            problems.add(
                "config.event",
                format_args!(
                    "is another event than `type`, `{event}`; set `type` to `{EVENT}` or remove this"
                ),
            );
        }
    }
    Some(Trigger {
        id: id?,
        kind: kind.to_owned(),
        name: name.or(spelled).unwrap_or(kind).to_owned(),
        config,
        enabled,
        next_step_id,
        filter: present(fields, "filter").cloned(),
        extra: rest(fields, &KEYS),
    })
}
