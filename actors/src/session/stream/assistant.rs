//! An assistant, as an organisation describes it in a record: what the model is told before everything else, what it may
//! tell of, and what it may use.

use serde_json::{Map, Value};

use crate::ids::{Datatype, IdError, OrgId, RecordId};
use crate::keys;
use crate::record::model::Record;
use crate::store::{Pages, Scan, Store, StoreError, decode};

/// The collection of assistants.
pub const DATATYPE: &str = "ai_assistant";
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 200;
/// What a record may say of an assistant.
const TEXTS: [&str; 4] = ["title", "description", "personality", "onboardingPrompt"];
const STATUSES: [&str; 3] = ["active", "inactive", "archived"];
const VISIBILITIES: [&str; 4] = ["owner", "team", "organization", "global"];
const SOURCES: [&str; 4] = ["collection", "document", "url", "custom"];
/// Where a source names its collection.
const SOURCE_NAMES: [&str; 3] = ["name", "collection", "source"];
/// Assistants that are read at once.
const PAGE: usize = 100;

/// An assistant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assistant {
    /// What it is called before people: its title, else its name.
    pub title: String,
    /// What it is like, in words for the model; may be empty.
    pub system: String,
    /// Collections that it may tell of to whoever asks.
    pub sources: Vec<String>,
    /// The server's tools that it may use, by name.
    pub tools: Vec<String>,
    /// Who answers; none for the organisation's own choice.
    pub provider: Option<String>,
    /// The provider's name of the model.
    pub model: Option<String>,
    /// How much chance there is in its answers.
    pub temperature: Option<f64>,
}

impl Assistant {
    /// The assistant of a record's fields.
    #[must_use]
    pub fn of(data: &Map<String, Value>) -> Self {
        let text = |field: &str| data.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let list = |field: &str| data.get(field).and_then(Value::as_array).into_iter().flatten();
        let rules = list("behaviorRules")
            .filter_map(|rule| rule.as_str().or_else(|| rule["rule"].as_str()))
            .map(|rule| format!("- {rule}"));
        let said = |of: &Value, name: &str| of[name].as_str().unwrap_or_default().to_owned();
        let abilities = list("capabilities")
            .map(|of| format!("- {}: {}", said(of, "name"), said(of, "description")))
            .collect::<Vec<_>>();
        let reactions = list("interactionRules")
            .filter_map(|of| Some(format!("- When {}: {}", of["when"].as_str()?, of["then"].as_str()?)))
            .collect::<Vec<_>>();
        let taboos = data.get("safety").and_then(|safety| safety["restrictedTopics"].as_array());
        let taboos = taboos.into_iter().flatten().filter_map(Value::as_str).map(|of| format!("- {of}"));
        let under = |title: &str, lines: Vec<String>| {
            if lines.is_empty() { String::new() } else { format!("{title}\n{}", lines.join("\n")) }
        };
        let parts = [
            text("description"),
            text("personality"),
            rules.collect::<Vec<_>>().join("\n"),
            under("What you can do:", abilities),
            under("How you react:", reactions),
            under("What you do not talk about:", taboos.collect()),
        ];
        let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
        let named = |of: &Value| SOURCE_NAMES.iter().find_map(|at| of[*at].as_str().map(str::to_owned));
        let config = data.get("config").unwrap_or(&Value::Null);
        let chosen = |field: &str| config[field].as_str().map(str::to_owned);
        let title = [text("title"), text("name")].into_iter().find(|name| !name.trim().is_empty());
        Self {
            title: title.unwrap_or_default(),
            system: parts.collect::<Vec<_>>().join("\n\n"),
            sources: list("knowledgeSources")
                .filter(|source| source["sourceType"] == "collection")
                .filter_map(named)
                .collect(),
            tools: list("tools")
                .filter(|tool| tool["enabled"] != false)
                .filter_map(|tool| tool.as_str().or_else(|| tool["key"].as_str()))
                .map(str::to_owned)
                .collect(),
            provider: chosen("provider"),
            model: chosen("model"),
            temperature: config["temperature"].as_f64(),
        }
    }
}

/// Who may ask an assistant by themselves, as its record says under `visibility`. A widget has whoever comes by it ask any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever is signed in: `global`, and where nothing is said.
    Everybody,
    /// The staff: `team`, `organization`.
    Staff,
    /// Whoever made it, and its `collaborators`: `owner`.
    Owner,
}

/// Who may ask the assistant of a record's fields.
#[must_use]
pub fn audience(data: &Map<String, Value>) -> Audience {
    match data.get("visibility").and_then(Value::as_str) {
        Some("owner") => Audience::Owner,
        Some("team" | "organization") => Audience::Staff,
        _ => Audience::Everybody,
    }
}

/// What of a record's fields the server cannot act on, in words that say what it must be (contract §8).
#[must_use]
pub fn unfit(data: &Map<String, Value>) -> Vec<String> {
    let said = |field: &str| data.get(field).filter(|value| !value.is_null());
    let is_list = |field: &str, of: fn(&Value) -> bool| {
        said(field).is_none_or(|value| value.as_array().is_some_and(|all| all.iter().all(of)))
    };
    let one_of = |field: &str, names: &[&str]| {
        said(field).is_none_or(|value| value.as_str().is_some_and(|text| names.contains(&text)))
    };
    let temperature = data.get("config").map_or(&Value::Null, |config| &config["temperature"]);
    let is_named = said("name")
        .and_then(Value::as_str)
        .is_some_and(|name| !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME);
    let is_text = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || value.is_string());
    let are_texts = TEXTS.iter().all(|field| is_text(data.get(*field)));
    let is_config = said("config").is_none_or(|config| {
        config.is_object() && is_text(config.get("provider")) && is_text(config.get("model"))
    });
    let is_tool = |tool: &Value| tool.is_string() || tool["key"].is_string();
    let is_source = |of: &Value| {
        of["sourceType"].as_str().is_some_and(|kind| SOURCES.contains(&kind))
            && (of["sourceType"] != "collection" || SOURCE_NAMES.iter().any(|name| has_text(of, name)))
    };
    let rules = [
        (is_named, "`name` must be a text of 1 to 200 characters"),
        (are_texts, "`title`, `description`, `personality` and `onboardingPrompt` must be texts"),
        (is_config, "`config` must be an object; its `provider` and `model` are texts"),
        (one_of("status", &STATUSES), "`status` must be `active`, `inactive` or `archived`"),
        (
            one_of("visibility", &VISIBILITIES),
            "`visibility` must be `owner`, `team`, `organization` or `global`",
        ),
        (is_list("tools", is_tool), "`tools` must be a list of names, or of objects with a `key`"),
        (
            is_list("knowledgeSources", is_source),
            "`knowledgeSources` must be a list of objects with a `sourceType` (`collection`, `document`, `url` or `custom`); a \
             collection has its `name`",
        ),
        (
            temperature.is_null() || temperature.as_f64().is_some_and(|of| (0.0..=2.0).contains(&of)),
            "`config.temperature` must be a number from 0 to 2",
        ),
    ];
    rules.iter().filter(|(holds, _)| !holds).map(|(_, rule)| (*rule).to_owned()).collect()
}

fn has_text(of: &Value, field: &str) -> bool {
    of[field].as_str().is_some_and(|text| !text.is_empty())
}

/// The active assistant of this id or, where there is none, of this name.
///
/// # Errors
/// When the store fails.
pub async fn find(store: &dyn Store, org: &OrgId, wanted: &str) -> Result<Option<Record>, StoreError> {
    let name = |error: IdError| StoreError::Corrupt(error.to_string());
    let datatype = Datatype::new(DATATYPE).map_err(name)?;
    if let Ok(sk) = RecordId::new(wanted)
        && let Some(found) = store.get(keys::record(org, &datatype, &sk)).await?
    {
        return Ok(Some(decode::<Record>(&found.value)?).filter(is_active));
    }
    // An organisation has a few.
    let mut pages = Pages::of(store, Scan::prefix(keys::records(org, &datatype), PAGE));
    while let Some(page) = pages.next().await? {
        for (_, found) in page {
            let record: Record = decode(&found.value)?;
            if is_active(&record) && record.data.get("name").and_then(Value::as_str) == Some(wanted) {
                return Ok(Some(record));
            }
        }
    }
    Ok(None)
}

/// Whether a record is one of an assistant that answers.
#[must_use]
pub fn is_active(record: &Record) -> bool {
    let status = record.data.get("status").and_then(Value::as_str);
    !record.is_deleted() && status.is_none_or(|status| status == "active")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_says_what_the_assistant_is_like() {
        let data = json!({
            "name": "helper", "description": "You help.", "personality": " ", "behaviorRules": ["Be brief.", {"rule": "Be kind."}, 1],
            "knowledgeSources": [{"sourceType": "collection", "name": "faq"}, {"sourceType": "url", "name": "x"}],
            "tools": [{"key": "server.memory.*"}, "server.notification.send", {}, {"key": "no", "enabled": false}],
            "capabilities": [{"name": "returns", "description": "tell how"}], "safety": {"restrictedTopics": ["law"]},
            "interactionRules": [{"when": "asked for prices", "then": "name the page"}, {"when": "x"}],
            "config": {"provider": "openai", "temperature": 0.5},
        });
        let assistant = Assistant::of(data.as_object().unwrap());
        let expected = Assistant {
            title: "helper".to_owned(),
            system: "You help.\n\n- Be brief.\n- Be kind.\n\nWhat you can do:\n- returns: tell how\n\nHow you react:\n- When \
                     asked for prices: name the page\n\nWhat you do not talk about:\n- law"
                .to_owned(),
            sources: vec!["faq".to_owned()],
            tools: vec!["server.memory.*".to_owned(), "server.notification.send".to_owned()],
            provider: Some("openai".to_owned()),
            model: None,
            temperature: Some(0.5),
        };
        assert_eq!(assistant, expected);
        assert_eq!(Assistant::of(&Map::new()), Assistant::default());
        assert_eq!(
            unfit(data.as_object().unwrap()),
            ["`tools` must be a list of names, or of objects with a `key`"]
        );
    }

    #[test]
    fn what_the_server_cannot_act_on_is_named() {
        let of = |data: Value| unfit(data.as_object().unwrap());
        let fit = json!({
            "name": "helper", "status": "active", "visibility": "global", "tools": ["a", {"key": "b"}], "config": {},
            "knowledgeSources": [{"sourceType": "collection", "name": "faq"}, {"sourceType": "url"}], "voice": "x",
        });
        assert!(of(fit).is_empty());
        let unfit = json!({
            "name": " ", "status": "on", "visibility": "all", "tools": "x", "config": {"temperature": 3, "model": 1}, "title": 1,
            "knowledgeSources": [{"sourceType": "collection"}],
        });
        assert_eq!(of(unfit).len(), 8);
        for (said, audience) in [
            (json!(null), Audience::Everybody),
            (json!("global"), Audience::Everybody),
            (json!("team"), Audience::Staff),
            (json!("owner"), Audience::Owner),
        ] {
            assert_eq!(super::audience(json!({"visibility": said}).as_object().unwrap()), audience);
        }
    }
}
