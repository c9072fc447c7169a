//! What the gateway takes from the rest of the program, as small as it can be: the time, and the body of an error.
//! The server's start-up passes them in.

use std::time::Duration;

use actix_web::{HttpResponse, http::StatusCode};
use futures_util::future::BoxFuture;
use serde_json::json;

/// The time. Tests turn it by hand.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Resolves after `time`.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// The superset error body of contract §1.2: `{statusCode, error, message, reason, code, path}`.
pub(super) fn problem(status: StatusCode, code: &str, message: &str, path: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({
        "statusCode": status.as_u16(),
        "error": status.canonical_reason().unwrap_or("Error"),
        "message": message,
        "reason": code,
        "code": code,
        "path": path,
    }))
}
