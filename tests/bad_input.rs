//! Whatever comes in, a clear refusal goes out: a 4xx in the one shape of errors, nothing in the store that was not
//! there before, and a server that still answers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

#[path = "bad_input/bodies.rs"]
mod bodies;
#[path = "bad_input/large.rs"]
mod large;
#[path = "bad_input/paths.rs"]
mod paths;
#[path = "bad_input/rates.rs"]
mod rates;
mod support;
#[path = "bad_input/tokens.rs"]
mod tokens;
#[path = "bad_input/wire.rs"]
mod wire;

use appengine::http::route::{Access, Route};
use support::exchange::Request;
use support::in_process::{Server, owner};

/// The organisation that is asked.
const ORG: &str = "acme";

/// The path of a route with these words in place of its `{names}`.
fn filled(path: &str, word: &str) -> String {
    // The ids of jobs are read before anything else.
    let of_jobs = path.contains("jobs/{id}") && word == "some-id";
    let word = if of_jobs { "job_01ARZ3NDEKTSV4RRFFQ69G5FAV" } else { word };
    let parts = path.split('/').map(|part| if part.starts_with('{') { word } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// A request to a route by somebody who may do everything.
fn request(server: &Server, route: &Route, target: &str) -> Request {
    let request = server.call(route.method.as_str(), target).header("orgid", ORG);
    match route.access {
        Access::Open | Access::Entrance => request,
        _ => request.header("authorization", &format!("Bearer {}", server.token(&owner(ORG)))),
    }
}

/// A server that knows the owner already, so that whatever else appears in its store was not refused.
fn ready() -> Server {
    let server = Server::start();
    server.call_as(&server.token(&owner(ORG)), "GET", "/profile/whoami").send().expect(200);
    server
}
