//! What the API document says of both flows and the configs of their steps.

use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::http::repository::schema::{Any, closed, of, one_of, or_null, schemas};
use crate::http::route::whole;

/// Text that is not blank.
pub(super) const SAID: &str = r"\S";

schemas! {
    /// What the failure of a step means: of the flow's steps, or in a config's `retry` of that step alone.
    ErrorHandling uses [] is closed([
        ("onError", or_null(one_of(["stop", "continue", "goto"]))),
        ("gotoStepId", step_id()),
        ("maxRetries", or_null(whole(0, 10))),
        ("retryDelaySeconds", or_null(whole(0, 86_400))),
        ("backoff", or_null(one_of(["fixed", "exponential"]))),
    ]).into();
}

/// True, false or null.
pub(super) fn flag() -> Any {
    or_null(of(Type::Boolean))
}

/// The id of a step, or null.
pub(super) fn step_id() -> Any {
    or_null(text_up_to(128))
}

/// A text of so many characters that is not blank.
pub(super) fn text_up_to(most: usize) -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(most));
    text.pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$")).into()
}
