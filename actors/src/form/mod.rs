//! What people write as JSON: reads its fields, notes every problem at its path, and fills in the
//! placeholders of templates. Flows and webhook endpoints share these words. Pure.

pub mod fields;
pub mod problem;
pub mod template;

/// A JSON object: a step's config, the variables of a run.
pub type Map = serde_json::Map<String, serde_json::Value>;

/// Words as a message lists them: `a`, `b`, `c`.
pub(crate) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
