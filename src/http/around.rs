//! Around every request: its limits, its answer's last touches, and one line in the log. Knows no route.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};

use super::cors;
use super::rate::{RateLimits, Room, Told};
use crate::gateway::Origins;
use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Bytes of a path with its query.
const MOST_TARGET: usize = 16 * 1024;
/// Bytes of all headers of a request: a token and what proxies add, with room to spare.
const MOST_HEADERS: usize = 64 * 1024;

/// What the outermost layer knows.
pub struct Outermost {
    /// How much a client may ask.
    pub rates: RateLimits,
    /// The sites whose pages may call.
    pub origins: Arc<Origins>,
}

/// Everything that happens around a request.
///
/// # Errors
/// The answer to a panic.
pub async fn around(
    outermost: Arc<Outermost>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (path, method) = (request.path().to_owned(), request.method().clone());
    let origin = cors::listed(&request, &outermost.origins);
    let preflight = origin.as_ref().and_then(|_| cors::preflight(&request));
    let room = outermost.rates.ask(&request);
    let response = match (&room, oversized(&request), preflight) {
        (Some(Room { left: Err(wait), limit }), ..) => {
            let message = format!("too many requests from here; wait, or raise {}", limit.setting);
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
            request.into_response(problem.retry_after(*wait).respond(&path))
        }
        (_, Some(problem), _) => request.into_response(problem.respond(&path)),
        (_, None, Some(answer)) => request.into_response(answer),
        // What fails outside of a handler is a panic, and has its answer already.
        (_, None, None) => next.call(request).await?,
    };
    let mut response = told(response, &path);
    // An API key has limits of its own, which may be the tighter ones.
    let of_key = response.request().extensions().get::<Told>().copied();
    let limits = [room.map(|room| room.told()), of_key].into_iter().flatten();
    let headers = response.headers_mut();
    if let Some(limit) = limits.reduce(Told::tighter) {
        limit.write(headers, (LIMIT, REMAINING, RESET));
    }
    // The gateway answers for its own path.
    if let Some(origin) = origin.filter(|_| !path.starts_with("/socket.io")) {
        cors::allow(headers, origin);
    }
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    tracing::debug!(%method, path, status = response.status().as_u16(), "request");
    Ok(response)
}

/// What is too large about a request's head. The framework refuses heads that it cannot read at all before
/// they come here.
fn oversized(request: &ServiceRequest) -> Option<Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MOST_TARGET {
        let message = format!("the path and the query have at most {MOST_TARGET} bytes");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", message));
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    (headers > MOST_HEADERS).then(|| {
        let message = format!("the headers have at most {MOST_HEADERS} bytes together");
        Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)
    })
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
