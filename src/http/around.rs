//! Around every request: its limits, its answer's last touches, and one line in the log. Knows no route.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use super::rate::{RateLimits, Room};
use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Everything that happens around a request.
///
/// # Errors
/// The answer to a panic.
pub async fn around(
    limits: Arc<RateLimits>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (path, method) = (request.path().to_owned(), request.method().clone());
    let room = limits.ask(&request);
    let response = match &room {
        Some(Room::None(wait)) => {
            let message = "too many requests from here; wait, or raise limits.requests_per_minute";
            let problem =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).retry_after(*wait);
            request.into_response(problem.respond(&path))
        }
        // What fails outside of a handler is a panic, and has its answer already.
        _ => next.call(request).await?,
    };
    let mut response = told(response, &path);
    if let Some(room) = room {
        limits.describe(&room, response.headers_mut(), (LIMIT, REMAINING, RESET));
    }
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    tracing::debug!(%method, path, status = response.status().as_u16(), "request");
    Ok(response)
}

/// Gives every error the one shape, with the path that was asked for.
fn told(response: ServiceResponse<BoxBody>, path: &str) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let known = response.response().extensions().get::<Problem>().cloned();
    let json = response
        .headers()
        .get("content-type")
        .is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    let problem = match known {
        Some(problem) => problem,
        // Somebody else's answer in the right shape, such as the gateway's.
        None if json => return response,
        None => foreign(status),
    };
    let allow = response.headers().get("allow").cloned();
    response.into_response({
        let mut answer: HttpResponse<BoxBody> = problem.respond(path);
        if let Some(allow) = allow {
            answer.headers_mut().insert(HeaderName::from_static("allow"), allow);
        }
        answer
    })
}

/// What the framework refuses by itself.
fn foreign(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("there is nothing at this path; see /openapi.json"),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "this path does not take this method; see `Allow`")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "payload_too_large", "the request is too large")
        }
        status if status.is_server_error() => {
            Problem::new(status, "internal", "the server failed; the request may be tried again")
        }
        status => Problem::new(status, "refused", status.canonical_reason().unwrap_or("refused").to_owned()),
    }
}
