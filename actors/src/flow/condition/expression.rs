//! The text form of a condition, `{{menuSelection}} === '1'`: two operands with one comparison between them.
//! Everything else that the form suggests, such as `&&`, is refused when the flow is saved.

use serde_json::Value;

use super::comparison::{Comparison, Left};
use crate::flow::operator::{Operator, OperatorError};
use crate::form::template::{has_placeholder, whole};

/// Longest first, so that `==` is not read as the beginning of `===`.
const OPERATORS: [&str; 8] = ["===", "!==", "==", "!=", ">=", "<=", ">", "<"];

/// Why a text is no comparison.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ExpressionError {
    /// There is nothing to compare where an operand should begin.
    #[error(
        "has no operand at `{0}`; expected a placeholder such as {{{{contact.age}}}}, a quoted text, a number, \
         true, false or null"
    )]
    Operand(String),
    /// The first operand is not followed by an operator.
    #[error("has no comparison at `{0}`; expected one of `===`, `!==`, `==`, `!=`, `>=`, `<=`, `>`, `<`")]
    Operator(String),
    /// Something follows the second operand.
    #[error(
        "goes on with `{0}`; one comparison of two operands is allowed, such as {{{{menuSelection}}}} === '1': \
         use more than one condition"
    )]
    Rest(String),
    /// Both operands are constants.
    #[error("compares two constants; at least one side must be a placeholder such as {{{{contact.age}}}}")]
    Constants,
    /// The second operand is of the wrong type.
    #[error("compares with a value that {0}")]
    Value(#[from] OperatorError),
}

/// Reads one comparison. Missing placeholders are empty strings, as in every template.
pub(super) fn parse(text: &str) -> Result<Comparison, ExpressionError> {
    let (left, rest) = operand(text)?;
    let (operator, rest) = comparison(rest)?;
    let (right, rest) = operand(rest)?;
    if !rest.trim().is_empty() {
        return Err(ExpressionError::Rest(shorten(rest)));
    }
    if !has_placeholder(&left) && !has_placeholder(&right) {
        return Err(ExpressionError::Constants);
    }
    operator.check(&right)?;
    Ok(Comparison { left: Left::Template(left), operator, right })
}

fn operand(text: &str) -> Result<(Value, &str), ExpressionError> {
    let text = text.trim_start();
    let refuse = || ExpressionError::Operand(shorten(text));
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let inner = text.strip_prefix(quote).ok_or_else(refuse)?;
        let (inner, rest) = inner.split_once(quote).ok_or_else(refuse)?;
        return Ok((Value::String(inner.to_owned()), rest));
    }
    if text.starts_with("{{") {
        let end = text.find("}}").ok_or_else(refuse)? + 2;
        let (placeholder, rest) = text.split_at_checked(end).ok_or_else(refuse)?;
        whole(placeholder).ok_or_else(refuse)?;
        return Ok((Value::String(placeholder.to_owned()), rest));
    }
    let end =
        text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '!' | '<' | '>')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).ok_or_else(refuse)?;
    let constant = serde_json::from_str::<Value>(word).ok();
    let constant = constant.filter(|value| value.is_number() || value.is_boolean() || value.is_null());
    Ok((constant.ok_or_else(refuse)?, rest))
}

fn comparison(text: &str) -> Result<(Operator, &str), ExpressionError> {
    let text = text.trim_start();
    let found = OPERATORS.iter().find_map(|name| Some((*name, text.strip_prefix(name)?)));
    let (name, rest) = found.ok_or_else(|| ExpressionError::Operator(shorten(text)))?;
    Ok((Operator::read(name)?, rest))
}

fn shorten(text: &str) -> String {
    text.trim().chars().take(40).collect()
}
