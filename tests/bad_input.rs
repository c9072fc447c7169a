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
    // Where ids have a shape, some id is one of that shape: what else is wrong is to be seen.
    let shaped = [
        ("/schedules/{id}", "sch_"),
        ("jobs/{id}", "job_"),
        ("/webhooks/endpoints/{id}", "ep_"),
        ("/webhooks/deliveries/{id}", "dlv_"),
        ("/webhooks/replays/{id}", "rpl_"),
        ("/community/messages/{id}", "msg_"),
        ("/community/groups/{groupId}", "grp_"),
        ("/ai/stream/{streamId}", "str_"),
        ("/upstream/calls/{id}", "call_"),
        ("/upstream/call/{integration}", "int_"),
        ("/upstream/test/{integration}", "int_"),
        ("/upstream/register/{id}", "int_"),
        ("/upstream/shutdown/{id}", "int_"),
        ("/upstream/disconnect/{id}", "int_"),
        ("/upstream/integrations/{id}", "int_"),
        ("/upstream/sync/{id}", "int_"),
    ];
    let shaped = shaped.into_iter().find(|(part, _)| path.contains(part) && word == "some-id");
    let shaped = shaped.map(|(_, prefix)| format!("{prefix}01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    let word = shaped.as_deref().unwrap_or(word);
    let parts = path.split('/').map(|part| if part.starts_with('{') { word } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether a route takes a JSON body. Forms have limits of their own, and are tried in the tests of files.
fn takes_json(route: &Route) -> bool {
    route.doc.body.is_some() && route.doc.body_media == "application/json"
}

/// A request to a route by somebody who may do everything.
fn request(server: &Server, route: &Route, target: &str) -> Request {
    let request = server.call(route.method.as_str(), target).header("orgid", ORG);
    match route.access {
        Access::Open | Access::Entrance | Access::Link => request,
        _ => request.header("authorization", &format!("Bearer {}", server.token(&owner(ORG)))),
    }
}

/// A server that knows the owner already, so that whatever else appears in its store was not refused.
fn ready() -> Server {
    let server = Server::start();
    server.call_as(&server.token(&owner(ORG)), "GET", "/profile/whoami").send().expect(200);
    server
}
