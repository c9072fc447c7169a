//! One comparison of a condition: what is compared, how, and with what. Fields are paths into the variables of
//! the run; values may hold placeholders.

use serde_json::Value;

use super::ConditionError;
use super::expression;
use crate::flow::Map;
use crate::flow::operator::Operator;
use crate::form::fields::present;
use crate::form::problem::Problems;
use crate::form::template::{is_path, lookup, render, whole};

/// The keys of a comparison.
pub(super) const KEYS: [&str; 3] = ["field", "operator", "value"];

/// A comparison that could be read.
#[derive(Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) left: Left,
    pub(super) operator: Operator,
    /// A template.
    pub(super) right: Value,
}

/// What is compared.
#[derive(Debug, PartialEq)]
pub(super) enum Left {
    /// The variable at a path, which may be missing.
    Path(String),
    /// A template.
    Template(Value),
}

impl Comparison {
    /// Reads `field`, `operator` and `value`.
    pub(super) fn read(fields: &Map, problems: &mut Problems) -> Option<Self> {
        let left = problems.required_text(fields, "field").map(|field| read_field(field, problems));
        let operator = problems
            .required_text(fields, "operator")
            .and_then(|text| Operator::read(text).map_err(|error| problems.add("operator", error)).ok());
        let operator = operator?;
        let right = match present(fields, "value") {
            Some(value) => {
                operator.check(value).map_err(|error| problems.add("value", error)).ok()?;
                value.clone()
            }
            None if operator.takes_value() && !fields.contains_key("value") => {
                problems.add("value", format_args!("is missing; `{}` compares with one", operator.name()));
                return None;
            }
            None => {
                operator.check(&Value::Null).map_err(|error| problems.add("value", error)).ok()?;
                Value::Null
            }
        };
        Some(Self { left: left??, operator, right })
    }

    /// Reads the text form: `{{menuSelection}} === '1'`.
    pub(super) fn read_expression(text: &str, problems: &mut Problems) -> Option<Self> {
        expression::parse(text).map_err(|error| problems.add("condition", error)).ok()
    }

    /// Whether it holds for a run that has these variables.
    pub(super) fn holds(&self, variables: &Map) -> Result<bool, ConditionError> {
        let right = render(&self.right, variables)?;
        let held = match &self.left {
            Left::Path(path) => self.operator.holds(lookup(path, variables), &right)?,
            Left::Template(template) => self.operator.holds(Some(&render(template, variables)?), &right)?,
        };
        Ok(held)
    }
}

fn read_field(field: &str, problems: &mut Problems) -> Option<Left> {
    // Editors also write the path as a placeholder; a field that is missing must stay missing, not become "".
    let path = whole(field).unwrap_or(field.trim());
    if is_path(path) {
        return Some(Left::Path(path.to_owned()));
    }
    if field.contains("{{") {
        return Some(Left::Template(Value::String(field.to_owned())));
    }
    problems.add("field", "is no path; expected names joined by dots, such as `contact.email`");
    None
}
