//! What a call means, and how it is read out of a payload.

use appengine_actors::clock::Timestamp;
pub use appengine_actors::inbound::told::{Contact, Delivery, Told};
use serde_json::Value;

/// A text at a JSON pointer, if there is one that says something.
#[must_use]
pub fn text(of: &Value, pointer: &str) -> Option<String> {
    let found = of.pointer(pointer)?.as_str()?;
    (!found.is_empty()).then(|| found.to_owned())
}

/// A value at a JSON pointer, or null.
#[must_use]
pub fn value(of: &Value, pointer: &str) -> Value {
    of.pointer(pointer).cloned().unwrap_or_default()
}

/// A moment in seconds since 1970 at a JSON pointer, as a number or as digits.
#[must_use]
pub fn seconds(of: &Value, pointer: &str) -> Option<Timestamp> {
    let found = of.pointer(pointer)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a moment after 1970, in milliseconds"
    )]
    let millis = |seconds: f64| (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0) as u64);
    let seconds = found.as_f64().or_else(|| found.as_str()?.parse().ok())?;
    millis(seconds).map(Timestamp::from_millis)
}

/// A moment as RFC 3339 at a JSON pointer.
#[must_use]
pub fn moment(of: &Value, pointer: &str) -> Option<Timestamp> {
    of.pointer(pointer)?.as_str()?.parse().ok()
}

/// A moment in milliseconds since 1970 at a JSON pointer, as a number or as digits.
#[must_use]
pub fn millis(of: &Value, pointer: &str) -> Option<Timestamp> {
    let found = of.pointer(pointer)?;
    found.as_u64().or_else(|| found.as_str()?.parse().ok()).map(Timestamp::from_millis)
}

/// An id at a JSON pointer: some vendors write theirs as numbers.
#[must_use]
pub fn id(of: &Value, pointer: &str) -> Option<String> {
    match of.pointer(pointer)? {
        Value::Number(number) => Some(number.to_string()),
        _ => text(of, pointer),
    }
}

/// The items of the list at a JSON pointer; none where there is no list.
pub fn items<'a>(of: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    of.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}
