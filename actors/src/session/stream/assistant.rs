//! An assistant, as an organisation describes it in a record: what the model is told before everything else, what it may
//! tell of, and what it may use.

use serde_json::{Map, Value};

use crate::record::model::Record;

/// The collection of assistants.
pub const DATATYPE: &str = "ai_assistant";

/// An assistant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assistant {
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
        let parts = [text("description"), text("personality"), rules.collect::<Vec<_>>().join("\n")];
        let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
        let named = |of: &Value| {
            ["name", "collection", "source"].iter().find_map(|at| of[*at].as_str().map(str::to_owned))
        };
        let config = data.get("config").unwrap_or(&Value::Null);
        let chosen = |field: &str| config[field].as_str().map(str::to_owned);
        Self {
            system: parts.collect::<Vec<_>>().join("\n\n"),
            sources: list("knowledgeSources")
                .filter(|source| source["sourceType"] == "collection")
                .filter_map(named)
                .collect(),
            tools: list("tools")
                .filter_map(|tool| tool.as_str().or_else(|| tool["key"].as_str()))
                .map(str::to_owned)
                .collect(),
            provider: chosen("provider"),
            model: chosen("model"),
            temperature: config["temperature"].as_f64(),
        }
    }
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
            "tools": [{"key": "server.memory.*"}, "server.notification.send", {}],
            "config": {"provider": "openai", "temperature": 0.5},
        });
        let assistant = Assistant::of(data.as_object().unwrap());
        let expected = Assistant {
            system: "You help.\n\n- Be brief.\n- Be kind.".to_owned(),
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
