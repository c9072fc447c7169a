//! What the gateway takes from the rest of the program, as small as it can be: the body of an error.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::problem::Problem;

/// The superset error body of contract §1.2.
pub(super) fn problem(status: StatusCode, code: &'static str, message: &str, path: &str) -> HttpResponse {
    Problem::new(status, code, message).respond(path)
}
