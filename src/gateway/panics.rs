//! A panic in a handler becomes a 500 for its caller; without this the connection closes without a word.
//! The server wraps every App in it.

use std::{fmt, panic::AssertUnwindSafe};

use actix_web::{
    Error, HttpResponse, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
};
use futures_util::FutureExt;

use super::seams::problem;

/// Passes a request on and turns a panic on the way into a 500. For `actix_web::middleware::from_fn`.
///
/// # Errors
/// What the inner service returns, and the 500.
pub async fn catch_panics<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    // The request itself cannot be kept: the router needs it unshared.
    let path = request.path().to_owned();
    let handling = AssertUnwindSafe(async { next.call(request).await });
    handling.catch_unwind().await.unwrap_or_else(|panic| {
        let what = message(panic.as_ref());
        tracing::error!(path, panic = what, "a request handler panicked");
        Err(Panicked { path }.into())
    })
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

/// What the panic said stays in the log: it may quote another tenant's data.
#[derive(Debug)]
struct Panicked {
    path: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server failed to handle this request")
    }
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        problem(self.status_code(), "internal_error", &self.to_string(), &self.path)
    }
}
