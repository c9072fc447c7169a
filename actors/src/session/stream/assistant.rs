//! An assistant, as an organisation describes it in a record: what the model is told before everything else, what it may
//! tell of, and what it may use.

use serde_json::{Map, Value};

use crate::ids::{Datatype, IdError, OrgId, RecordId};
use crate::keys;
use crate::record::model::Record;
use crate::store::{Pages, Scan, Store, StoreError, decode};

/// The collection of assistants.
pub const DATATYPE: &str = "ai_assistant";
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
        let named = |of: &Value| {
            ["name", "collection", "source"].iter().find_map(|at| of[*at].as_str().map(str::to_owned))
        };
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
    }
}
