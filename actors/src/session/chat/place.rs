//! For whom a conversation waits. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The queue of conversations that name none.
pub const DEFAULT_QUEUE: &str = "default";

/// For whom a conversation waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The queue.
    pub queue: String,
    /// What whoever answers must know, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill: Option<String>,
    /// Higher goes first.
    #[serde(default)]
    pub priority: i64,
}

impl Default for Place {
    fn default() -> Self {
        Self { queue: DEFAULT_QUEUE.to_owned(), skill: None, priority: 0 }
    }
}

impl Place {
    /// As the record of a widget says.
    #[must_use]
    pub fn of_widget(data: &Map<String, Value>) -> Self {
        let text = |name: &str| data.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            queue: text("queue").unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
            skill: text("skill"),
            priority: data.get("priority").and_then(Value::as_i64).unwrap_or_default(),
        }
    }
}
