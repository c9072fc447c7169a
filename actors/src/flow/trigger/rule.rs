//! When a trigger fires: its config, read once and asked of every event. Reading is also what checks a flow that
//! is saved, so that what was accepted can be armed.

use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::contact::{contact_of, datatype_of, fields_of, same_datatype, source_of};
use super::scheduled::{self, Scheduled};
use super::{BuiltIn, Filter, Shape, built_in};
use crate::clock::Timestamp;
use crate::event::Event;
use crate::event::pattern::key_of;
use crate::flow::Map;
use crate::flow::definition::Trigger;
use crate::flow::operator::{self, equal};
use crate::form::fields::{present, shown, words};
use crate::form::problem::Problems;

/// A contact that is older than this when its event is accepted is not new (contract §4.5).
const NEW: Duration = Duration::from_mins(5);

const SOURCES: [(&str, &str); 5] =
    [("website", "website"), ("import", "import"), ("api", "api"), ("manual", "manual"), ("form", "form")];

const OPERATIONS: [(&str, &str); 3] =
    [("create", "collection-create"), ("update", "collection-update"), ("delete", "collection-delete")];

/// A trigger that is ready to be asked.
pub(in crate::flow) struct Compiled<F> {
    /// The keys under which it is found.
    pub(super) keys: Vec<String>,
    pub(super) rule: Rule,
    /// Over the variables of the run to be.
    pub(super) filter: Option<F>,
    /// Over the record of a [`Rule::Change`].
    pub(super) record_filter: Option<F>,
}

/// What an event must be like, beside its kind.
pub(super) enum Rule {
    Any,
    /// A new contact with any of `tags`, none of `exclude_tags` and all of `custom_fields`.
    Contact {
        source: Option<&'static str>,
        tags: Vec<String>,
        exclude_tags: Vec<String>,
        custom_fields: Map,
    },
    Email {
        campaign: Option<Value>,
        url: Option<String>,
    },
    Appointment {
        definition: Option<Value>,
    },
    Page {
        url: Option<String>,
        pattern: Option<Regex>,
    },
    Tagged {
        tags: Vec<String>,
    },
    Change {
        datatype: String,
    },
}

impl<F: Filter> Compiled<F> {
    /// Reads a trigger of a canonical type; notes what is wrong with its config and filters.
    pub(in crate::flow) fn read(trigger: &Trigger, problems: &mut Problems) -> Option<Self> {
        let built_in = built_in(&trigger.kind)?;
        let before = problems.count();
        let beside = trigger.filter.as_ref().filter(|filter| !filter.is_null());
        let within = present(&trigger.config, "filter");
        let of_record = built_in.shape == Shape::Change;
        if !of_record && beside.is_some() && within.is_some() {
            problems.add("config.filter", "stands beside `filter`; keep one of the two");
        }
        let beside = beside.and_then(|query| compile(query, "filter", problems));
        let within = within.and_then(|query| compile(query, "config.filter", problems));
        let (filter, record_filter) = if of_record { (beside, within) } else { (beside.or(within), None) };
        let (keys, rule) =
            problems.within("config", |problems| Rule::read(built_in, &trigger.config, problems))?;
        (problems.count() == before).then_some(Self { keys, rule, filter, record_filter })
    }
}

fn compile<F: Filter>(query: &Value, place: &str, problems: &mut Problems) -> Option<F> {
    F::compile(query).map_err(|found| problems.extend(place, found)).ok()
}

impl Rule {
    fn read(built_in: &BuiltIn, config: &Map, problems: &mut Problems) -> Option<(Vec<String>, Self)> {
        let before = problems.count();
        problems.only(config, &keys_of(built_in.shape));
        let mut keys: Vec<String> = built_in.listens.iter().map(|kind| (*kind).to_owned()).collect();
        let rule = match built_in.shape {
            Shape::Plain => Self::Any,
            Shape::Scheduled => {
                Scheduled::read(config, problems)?;
                Self::Any
            }
            Shape::Event => {
                keys = problems
                    .required_text(config, "event")
                    .and_then(|pattern| {
                        let key = key_of(pattern);
                        if key.is_none() {
                            problems.add(
                                "event",
                                "is no event; expected a name such as `order.paid`, `order.*` or `*`",
                            );
                        }
                        Some(vec![key?.to_owned()])
                    })
                    .unwrap_or_default();
                Self::Any
            }
            Shape::Contact => Self::Contact {
                source: problems.choice(config, "source", &SOURCES),
                tags: problems.words(config, "tags"),
                exclude_tags: problems.words(config, "excludeTags"),
                custom_fields: problems.object(config, "customFields").cloned().unwrap_or_default(),
            },
            Shape::Email => Self::Email {
                campaign: identifier(config, "campaignId", problems),
                url: problems.text(config, "urlContains").map(str::to_owned),
            },
            Shape::Appointment => {
                Self::Appointment { definition: identifier(config, "definitionId", problems) }
            }
            Shape::Page => Self::Page {
                url: problems.text(config, "urlContains").map(str::to_owned),
                pattern: problems.text(config, "urlRegex").and_then(|pattern| {
                    operator::regex(pattern).map_err(|error| problems.add("urlRegex", error)).ok()
                }),
            },
            Shape::Tagged => Self::Tagged { tags: problems.words(config, "tags") },
            Shape::Change => {
                keys = operations(config, problems);
                Self::Change { datatype: datatype(config, problems)? }
            }
        };
        (problems.count() == before).then_some((keys, rule))
    }

    /// Whether the event could be meant at all: what is cheap to ask.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        let Self::Change { datatype } = self else { return true };
        datatype_of(&event.data).is_some_and(|found| same_datatype(found, datatype))
    }

    /// Whether an event of the right kind is meant.
    pub(super) fn admits(&self, event: &Event) -> bool {
        let fields = fields_of(&event.data);
        let field = |names: &[&str]| names.iter().find_map(|name| fields?.get(*name));
        let same = |wanted: &Option<Value>, names: &[&str]| {
            wanted.as_ref().is_none_or(|wanted| field(names).is_some_and(|found| equal(found, wanted)))
        };
        let url = || field(&["url", "link", "clickedUrl"]).and_then(Value::as_str).unwrap_or_default();
        let url_holds =
            |part: &Option<String>| part.as_ref().is_none_or(|part| url().contains(part.as_str()));
        match self {
            Self::Any => true,
            Self::Contact { source, tags, exclude_tags, custom_fields } => {
                let contact = contact_of(event).unwrap_or_default();
                let has = tags_of(contact.get("tags"));
                let custom = |(name, wanted): (&String, &Value)| {
                    let nested = || contact.get("customFields").and_then(|custom| custom.get(name));
                    contact.get(name).or_else(nested).is_some_and(|found| equal(found, wanted))
                };
                is_new(&contact, event)
                    && source.is_none_or(|source| source_of(&contact, event) == source)
                    && (tags.is_empty() || tags.iter().any(|tag| has.contains(tag)))
                    && !exclude_tags.iter().any(|tag| has.contains(tag))
                    && custom_fields.iter().all(custom)
            }
            Self::Email { campaign, url } => same(campaign, &["campaignId"]) && url_holds(url),
            Self::Appointment { definition } => same(definition, &["definitionId"]),
            Self::Page { url: part, pattern } => {
                url_holds(part) && pattern.as_ref().is_none_or(|pattern| pattern.is_match(url()))
            }
            Self::Tagged { tags } => {
                let added = [tags_of(event.data.get("tag")), tags_of(event.data.get("tags"))].concat();
                tags.is_empty() || tags.iter().any(|tag| added.contains(tag))
            }
            Self::Change { .. } => self.concerns(event),
        }
    }
}

/// What the config of a trigger may say.
fn keys_of(shape: Shape) -> Vec<&'static str> {
    let keys: &[&str] = match shape {
        Shape::Contact => &["source", "tags", "excludeTags", "customFields"],
        Shape::Email => &["campaignId", "urlContains"],
        Shape::Appointment => &["definitionId"],
        Shape::Page => &["urlContains", "urlRegex"],
        Shape::Tagged => &["tags"],
        Shape::Change => &["datatype", "collection", "operations", "operation"],
        Shape::Event => &["event"],
        Shape::Scheduled => &["schedule"],
        Shape::Plain => &[],
    };
    let beside: &[&str] = if shape == Shape::Scheduled { &scheduled::KEYS } else { &[] };
    keys.iter().chain(beside).copied().chain(["filter"]).collect()
}

fn identifier(config: &Map, key: &str, problems: &mut Problems) -> Option<Value> {
    let value = present(config, key)?;
    if !value.is_string() && !value.is_number() {
        problems.add(key, format_args!("is {}; expected a string or a number", shown(value)));
        return None;
    }
    Some(value.clone())
}

fn datatype(config: &Map, problems: &mut Problems) -> Option<String> {
    let key = if present(config, "datatype").is_none() && present(config, "collection").is_some() {
        "collection"
    } else {
        "datatype"
    };
    problems.required_text(config, key).map(str::to_owned)
}

/// The events of the operations that a config names; of all of them when it names none.
fn operations(config: &Map, problems: &mut Problems) -> Vec<String> {
    let mut keys = Vec::new();
    for key in ["operations", "operation"] {
        for word in problems.words(config, key) {
            match OPERATIONS.iter().find(|(name, _)| *name == word) {
                Some((_, event)) => keys.push((*event).to_owned()),
                None => {
                    problems
                        .add(key, format_args!("names `{word}`; expected `create`, `update` or `delete`"));
                }
            }
        }
    }
    if keys.is_empty() {
        keys.extend(OPERATIONS.iter().map(|(_, event)| (*event).to_owned()));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn tags_of(value: Option<&Value>) -> Vec<String> {
    value.and_then(words).unwrap_or_default()
}

/// Whether the contact was made shortly before its event was accepted. The event's own time is what counts, not the
/// time of looking at it: a restart or a full queue must not make a new contact old.
fn is_new(contact: &Map, event: &Event) -> bool {
    let created =
        contact.get("createdAt").and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok());
    created.or(event.occurred_at).is_none_or(|created| event.timestamp.since(created) <= NEW)
}
