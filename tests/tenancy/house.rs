//! A server with organisation A in it, and everybody who comes to it from outside of A.

use appengine::auth::role::{Permission, Role};
use appengine::http::route::{Access, Route};
use appengine::http::routes;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::cases::{Call, Case, Proof, cases};
use crate::planted::Planted;
use crate::support::exchange::Request;
use crate::support::in_process::{Server, Who, customer, owner, staff};
use crate::support::receiver::Receiver;

pub struct House {
    pub server: Server,
    pub a: Planted,
    _receiver: Receiver,
}

/// The other organisation: its owner, a customer, and what its programs come with.
pub struct Outsider {
    pub org: String,
    /// An API key that is good for everything.
    pub key: String,
    /// An app's token.
    pub app: String,
}

impl House {
    pub fn open() -> Self {
        let server = Server::with(&[("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8")]);
        let receiver = Receiver::open();
        let a = Planted::plant(&server, &receiver);
        Self { server, a, _receiver: receiver }
    }

    /// Another organisation, with nothing in it that anybody said.
    pub fn outsider(&self, org: &str) -> Outsider {
        let server = &self.server;
        let token = server.token(&owner(org));
        let app = json!({"name": "an app"});
        let app = server.call_as(&token, "POST", "/app/register").json(&app).send().expect(201);
        let app = server.call("POST", "/profile/app/key").header("orgid", org).json(&app).send().expect(200);
        let app = app["token"].as_str().expect("a token").to_owned();
        Outsider { org: org.to_owned(), key: key(server, org, &["*"]), app }
    }

    /// The case of every route; fails where one is missing on either side.
    pub fn classified(&self) -> Vec<(Route, Case)> {
        let cases = cases(&self.a).into_iter();
        let mut cases: BTreeMap<_, _> =
            cases.map(|case| ((case.path, case.method.to_owned()), case)).collect();
        let mut take = |route: Route| {
            let case = cases.remove(&(route.path, route.method.to_string())).unwrap_or_else(|| {
                panic!(
                    "nobody has said what {} {} must prove: add it to tests/tenancy/cases.rs with the proof \
                     that fits and with calls that reach for A's things",
                    route.method, route.path
                )
            });
            assert!(!case.calls.is_empty(), "{} {} is never called", route.method, route.path);
            (route, case)
        };
        let pairs: Vec<_> = routes().into_iter().map(&mut take).collect();
        assert!(cases.is_empty(), "there are no such routes, take them out: {:?}", cases.keys());
        pairs
    }

    /// The routes that turn strangers away, with what they ask for, and their calls.
    pub fn guarded(&self) -> Vec<(Access, Case)> {
        let access = |(route, case): (Route, Case)| match case.proof {
            // Answers are told to whoever has asked for them.
            Proof::Stream if case.path.starts_with("/ai/") => Some((Access::Signed, case)),
            Proof::Stream => Some((Access::Staff(Permission::Read, "read:monitoring"), case)),
            _ => route.access.is_signed().then_some((route.access, case)),
        };
        self.classified().into_iter().filter_map(access).collect()
    }

    pub fn request(&self, case: &Case, call: &Call) -> Request {
        let request = self.server.call(case.method, &call.target);
        call.body.iter().fold(request, Request::json)
    }

    /// By somebody with a token of this moment: some calls end it.
    pub fn request_by(&self, who: &Who, case: &Case, call: &Call) -> Request {
        bearer(self.request(case, call), &self.server.token(who))
    }

    /// A call as B's people, apps and keys make it: as it stands, and naming A wherever that may be tried.
    pub fn by_outsider(&self, b: &Outsider, case: &Case, call: &Call) -> Vec<(&'static str, Request)> {
        let plain = self.request(case, call);
        let tried = [("plainly", plain.clone()), ("naming A in headers", self.naming_headers(plain))];
        let body = call.body.as_ref().map(|body| Call { body: Some(self.naming(body)), ..call.clone() });
        let query = Call { target: self.naming_query(&call.target), ..call.clone() };
        let inside = body.map(|call| ("naming A in the body", self.request(case, &call)));
        let asked = ("naming A in the query", self.request(case, &query));
        let tried: Vec<_> = tried.into_iter().chain([asked]).chain(inside).collect();
        let by = |request: &Request, who: &Who| bearer(request.clone(), &self.server.token(who));
        match case.proof {
            Proof::Entrance => {
                tried.into_iter().map(|(what, request)| (what, request.header("orgid", &b.org))).collect()
            }
            Proof::Open => tried,
            _ => {
                let plain = self.request(case, call);
                let others = [
                    ("as a customer", by(&plain, &customer(&b.org, "buyer@b.example"))),
                    ("as an app", bearer(plain.clone(), &b.app)),
                    ("by an API key", plain.header("orgid", &b.org).header("x-api-key", &b.key)),
                ];
                let tried = tried.into_iter().map(|(what, request)| (what, by(&request, &owner(&b.org))));
                tried.chain(others).collect()
            }
        }
    }

    /// The body with A's name in every field that may be thought to choose the organisation.
    fn naming(&self, body: &Value) -> Value {
        let mut body = body.clone();
        if let Some(fields) = body.as_object_mut() {
            for name in ["orgId", "orgid", "org", "pk", "tenant"] {
                fields.entry(name).or_insert_with(|| json!(self.a.org));
            }
        }
        body
    }

    fn naming_query(&self, target: &str) -> String {
        let with = if target.contains('?') { '&' } else { '?' };
        let org = &self.a.org;
        format!("{target}{with}orgid={org}&orgId={org}&org={org}&pk={org}")
    }

    fn naming_headers(&self, request: Request) -> Request {
        let info = json!({"host": self.a.org, "orgid": self.a.org}).to_string();
        let headers =
            [("shared-org-id", self.a.org.as_str()), ("x-org-id", &self.a.org), ("domainasorg", "true")];
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.header("x-client-info", &info).header("x-client-host", &self.a.org)
    }

    /// Staff of A in every role.
    pub fn staff_of_a(&self) -> impl Iterator<Item = (Role, Who)> {
        Role::ALL.into_iter().map(|role| (role, staff(&self.a.org, &format!("{role}@a.example"), role)))
    }
}

pub fn bearer(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

/// An API key that is good for these scopes, as often as a test may want.
pub fn key(server: &Server, org: &str, scopes: &[&str]) -> String {
    let often = json!({"perMinute": 1_000_000, "perHour": 1_000_000, "perDay": 1_000_000});
    let body = json!({"name": "a key", "scopes": scopes, "rateLimits": often});
    let token = server.token(&owner(org));
    let made = server.call_as(&token, "POST", "/api-key/create").json(&body).send().expect(201);
    made["data"]["key"].as_str().expect("a key").to_owned()
}
