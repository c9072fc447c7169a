//! What every route is, as far as organisations go, and how it is called with what is organisation A's.
//! A route that is missing here fails the test: add it with the proof that fits and with calls that reach
//! for A's things by every name and id that the route takes.

use serde_json::{Value, json};

use crate::planted::Planted;
use crate::records;
use crate::{ai, chat, community, vendors};

/// What is to be shown about a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It shows what an organisation has: A's to A's own, nothing of A's to B's.
    Reads,
    /// It changes what an organisation has: A's own can, and B's change nothing of A's.
    Writes,
    /// It is about the caller: nothing of A's is seen or changed by B's.
    Own,
    /// It is about the whole instance: nothing that belongs to one organisation is in it.
    Shared,
    /// A way into the organisation that the header names: what is A's opens no door to B.
    Entrance,
    /// For anybody: nothing of any organisation is in it.
    Open,
    /// A stream that asks for a token by itself; what it shows is followed in `streams`.
    Stream,
}

/// A route and the calls that are made of it.
#[derive(Clone)]
pub struct Case {
    pub method: &'static str,
    pub path: &'static str,
    pub proof: Proof,
    pub calls: Vec<Call>,
}

/// One call, with A's ids and names in it.
#[derive(Debug, Clone)]
pub struct Call {
    pub target: String,
    pub body: Option<Value>,
}

impl Case {
    pub fn new(proof: Proof, method: &'static str, path: &'static str) -> Self {
        Self { method, path, proof, calls: Vec::new() }
    }

    /// Calls the path as it stands, or with these in place of `{names}`, in their order.
    pub fn at(self, names: &[&str]) -> Self {
        let target = self.target(names);
        self.call(target, None)
    }

    /// The same with a query.
    pub fn asking(self, names: &[&str], query: &str) -> Self {
        let target = format!("{}?{query}", self.target(names));
        self.call(target, None)
    }

    /// The same with a body.
    pub fn with(self, names: &[&str], body: Value) -> Self {
        let target = self.target(names);
        self.call(target, Some(body))
    }

    fn call(mut self, target: String, body: Option<Value>) -> Self {
        self.calls.push(Call { target, body });
        self
    }

    fn target(&self, names: &[&str]) -> String {
        let mut names = names.iter();
        let parts = self.path.split('/').map(|part| match part.starts_with('{') {
            true => *names.next().unwrap_or_else(|| panic!("{} needs another name", self.path)),
            false => part,
        });
        parts.collect::<Vec<_>>().join("/")
    }
}

pub fn reads(path: &'static str) -> Case {
    Case::new(Proof::Reads, "GET", path)
}

pub fn finds(path: &'static str) -> Case {
    Case::new(Proof::Reads, "POST", path)
}

pub fn writes(path: &'static str) -> Case {
    Case::new(Proof::Writes, "POST", path)
}

fn own(method: &'static str, path: &'static str) -> Case {
    Case::new(Proof::Own, method, path)
}

fn shared(path: &'static str) -> Case {
    Case::new(Proof::Shared, "GET", path)
}

fn entrance(path: &'static str) -> Case {
    Case::new(Proof::Entrance, "POST", path)
}

fn open(path: &'static str) -> Case {
    Case::new(Proof::Open, "GET", path)
}

/// The table. A's own calls are made in this order, so what ends a thing stands last.
pub fn cases(a: &Planted) -> Vec<Case> {
    let mut cases = about_the_instance(a);
    cases.extend(people(a));
    cases.extend(events(a));
    cases.extend(endpoints(a));
    cases.extend(automation(a));
    cases.extend(schedules(a));
    cases.extend(queues(a));
    cases.extend(work(a));
    cases.extend(chat::cases(a));
    cases.extend(community::cases(a));
    cases.extend(records::cases(a));
    cases.extend(files());
    cases.extend(vendors::cases(a));
    cases.extend(ai::cases(a));
    cases
}

/// Files: the bodies here are none, since forms are sent, and other organisations' paths tried, in the tests of files.
fn files() -> Vec<Case> {
    const FILE: &str = "file_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let path = format!("files/my-org/{FILE}");
    vec![
        own("POST", "/chat/upload/{chat}/{email}").at(&["widget", "ann@x.example"]),
        own("POST", "/repository/file/upload").at(&[]),
        own("GET", "/repository/file/link").asking(&[], &format!("path={path}")),
        own("POST", "/repository/file/delete").with(&[], json!({"path": path})),
        Case::new(Proof::Entrance, "GET", "/file/{org}/{id}")
            .asking(&["my-org", FILE], "expires=4000000000&signature=forged"),
    ]
}

fn about_the_instance(a: &Planted) -> Vec<Case> {
    vec![
        open("/").at(&[]),
        open("/static/{file}").at(&["app.js"]).at(&[a.get("flow")]),
        open("/openapi.json").at(&[]),
        open("/asyncapi.json").at(&[]),
        open("/health").at(&[]),
        open("/monitoring/health").at(&[]),
        open("/metrics").at(&[]),
        Case::new(Proof::Stream, "GET", "/monitoring/live").at(&[]),
        shared("/monitoring/overview").at(&[]),
        shared("/monitoring/system-metrics").at(&[]),
        shared("/monitoring/queues").at(&[]),
        shared("/monitoring/alerts").at(&[]),
        reads("/monitoring/tree").at(&[]),
        reads("/monitoring/user-activity").at(&[]),
        reads("/monitoring/usage").at(&[]),
        reads("/monitoring/queues/{name}/jobs")
            .at(&["automation"])
            .asking(&["schedule"], "state=delayed")
            .asking(&["automation"], "state=completed")
            .asking(&["automation"], "state=failed&page=1"),
        reads("/monitoring/jobs/{id}").at(&[a.get("job")]),
    ]
}

fn queues(a: &Planted) -> Vec<Case> {
    vec![
        writes("/monitoring/queues/{name}/pause").at(&["automation"]),
        writes("/monitoring/queues/{name}/resume").at(&["automation"]),
        writes("/monitoring/jobs/{id}/promote").at(&[a.get("job")]),
        writes("/monitoring/jobs/{id}/cancel").at(&[a.get("job_two")]),
        writes("/monitoring/jobs/{id}/retry").at(&[a.get("failed_job")]),
        writes("/monitoring/queues/{name}/retry-failed").at(&["automation"]),
        writes("/monitoring/queues/{name}/clean")
            .with(&["automation"], json!({"state": "failed"}))
            .with(&["schedule"], json!({"state": "delayed"})),
    ]
}

fn schedules(a: &Planted) -> Vec<Case> {
    let schedule = a.get("schedule");
    let body =
        |id: &str| json!({"name": "a schedule", "every": "1d", "action": {"type": "flow", "flowId": id}});
    let event =
        json!({"name": "a schedule", "every": "1d", "action": {"type": "event", "event": "order.due"}});
    vec![
        reads("/schedules").at(&[]).asking(&[], "status=active&pageSize=500"),
        reads("/schedules/{id}").at(&[schedule]),
        reads("/schedules/{id}/next").at(&[schedule]).asking(&[schedule], "count=3"),
        Case::new(Proof::Own, "POST", "/schedules/preview").with(&[], json!({"every": "1h"})),
        writes("/schedules").with(&[], event.clone()).with(&[], body(a.get("flow"))),
        writes("/schedules/{id}/pause").at(&[schedule]),
        writes("/schedules/{id}/resume").at(&[schedule]),
        writes("/schedules/{id}/run").at(&[schedule]),
        Case::new(Proof::Writes, "PATCH", "/schedules/{id}").with(&[schedule], json!({"name": "new"})),
        Case::new(Proof::Writes, "PUT", "/schedules/{id}").with(&[schedule], event),
        Case::new(Proof::Writes, "DELETE", "/schedules/{id}").at(&[schedule]),
    ]
}

/// Work: whoever does not belong to the organisation neither adds to it nor takes of it, whatever they know.
fn work(a: &Planted) -> Vec<Case> {
    let job = |key: &str| json!({"name": "n", "unique": {"key": key}, "dependsOn": [a.get("waiting_work")]});
    let said = |lease: &str| json!({"lease": a.get(lease)});
    let with = |lease: &str, name: &str, value: Value| {
        let mut body = said(lease);
        body[name] = value;
        body
    };
    let live = a.get("live_work");
    vec![
        writes("/queues/{name}/jobs").with(&["notification"], job("one")),
        writes("/queues/{name}/jobs/bulk")
            .with(&["notification"], json!({"jobs": [job("two"), job("three")]})),
        finds("/jobs/{id}/heartbeat").with(&[live], said("live_lease")),
        writes("/jobs/{id}/progress").with(&[live], with("live_lease", "progress", json!(1))),
        writes("/jobs/{id}/log").with(&[live], with("live_lease", "lines", json!(["a line"]))),
        writes("/jobs/{id}/checkpoint").with(&[live], with("live_lease", "cursor", json!(1))),
        writes("/jobs/{id}/complete").with(&[a.get("done_work")], said("done_lease")),
        writes("/jobs/{id}/fail")
            .with(&[a.get("failed_work")], with("failed_lease", "error", json!("an error"))),
        writes("/jobs/{id}/release").with(&[a.get("released_work")], said("released_lease")),
        writes("/monitoring/jobs/{id}/move").with(&[a.get("moved_work")], json!({"queue": "billing"})),
        writes("/monitoring/queues/{name}/move")
            .with(&["escalation"], json!({"queue": "billing", "state": "waiting"})),
        writes("/queues/{name}/claim").with(&["notification"], json!({"worker": "w", "max": 100})),
    ]
}

fn people(a: &Planted) -> Vec<Case> {
    let credentials = json!({"email": a.get("email"), "password": a.get("password")});
    let refresh = json!({"refresh_token": a.get("refresh")});
    let app = json!({"appId": a.get("app"), "key": a.get("app_key"), "secret": a.get("app_secret")});
    let guest = json!({"email": a.get("guest"), "name": "somebody"});
    let roles = json!({"email": format!("owner@{}.example", a.org), "roles": ["Publisher"]});
    let passwords = json!({"currentPassword": a.get("password"), "newPassword": "another password"});
    vec![
        entrance("/profile/user/signup").with(&[], credentials.clone()),
        entrance("/profile/signup").with(&[], credentials.clone()),
        entrance("/profile/user/signin").with(&[], credentials.clone()),
        entrance("/profile/signin").with(&[], credentials.clone()),
        entrance("/user/signin").with(&[], credentials.clone()),
        entrance("/profile/customer/signin").with(&[], credentials.clone()),
        entrance("/customer/signin").with(&[], credentials.clone()),
        entrance("/profile/customer/signup").with(&[], credentials),
        entrance("/profile/user/refresh").with(&[], refresh.clone()),
        entrance("/user/refresh").with(&[], refresh.clone()),
        entrance("/profile/customer/refresh").with(&[], refresh.clone()),
        entrance("/customer/refresh").with(&[], refresh),
        entrance("/profile/customer/register-guest").with(&[], guest),
        entrance("/profile/app/key").with(&[], app),
        entrance("/profile/link/signin").with(&[], json!({"token": a.get("refresh")})),
        own("POST", "/profile/user/password/change").with(&[], passwords.clone()),
        own("POST", "/profile/customer/password/change").with(&[], passwords),
        own("GET", "/profile/customer/profile").at(&[]),
        own("GET", "/profile/whoami").at(&[]),
        own("POST", "/profile/customer/update").with(&[], json!({"name": "somebody else"})),
        Case::new(Proof::Entrance, "GET", "/profile/customer/password/forgot/{email}").at(&[a.get("email")]),
        entrance("/profile/customer/password/validate-token").with(&[], json!({"token": a.get("refresh")})),
        entrance("/profile/customer/password/reset")
            .with(&[], json!({"token": a.get("refresh"), "password": "another password"})),
        writes("/profile/customer/password/token").with(&[], json!({"email": a.get("email")})),
        writes("/user/role/add").with(&[], roles.clone()),
        writes("/user/role/remove").with(&[], roles),
        writes("/app/register").with(&[], json!({"name": "an app"})),
        writes("/api-key/create").with(&[], json!({"name": "a key", "scopes": ["*"]})),
        own("GET", "/profile/logout").at(&[]),
    ]
}

fn events(a: &Planted) -> Vec<Case> {
    let event = json!({"event": "order.noted", "data": {"sk": a.get("person"), "pk": a.org}});
    let text = json!({"text": a.get("text")});
    let repeated = json!({"event": "order.paid", "data": text, "idempotencyKey": a.get("idempotency")});
    vec![
        reads("/events")
            .at(&[])
            .asking(&[], "order=desc&limit=500")
            .asking(&[], "kind=order.paid")
            .asking(&[], "after=00000000000000000000"),
        reads("/events/{id}").at(&[a.get("event")]),
        reads("/events/{id}/trace").at(&[a.get("event")]),
        reads("/webhooks/secret").at(&[]),
        reads("/webhooks/deliveries")
            .at(&[])
            .asking(&[], "status=delivered&pageSize=500")
            .asking(&[], "event=order.paid")
            .asking(&[], &format!("before={}", a.get("delivery"))),
        reads("/webhooks/deliveries/{id}").at(&[a.get("delivery")]),
        reads("/events/{id}/explain")
            .at(&[a.get("event")])
            .asking(&[a.get("event")], &format!("endpointId={}", a.get("endpoint"))),
        writes("/webhooks/deliveries/{id}/resend").at(&[a.get("delivery")]),
        reads("/webhooks/event-types").at(&[]).asking(&[], "page=1&pageSize=500"),
        reads("/webhooks/event-types/{name}").at(&[a.get("event_type")]),
        Case::new(Proof::Writes, "PUT", "/webhooks/event-types/{name}")
            .with(&[a.get("event_type")], json!({"description": "new", "schema": true})),
        Case::new(Proof::Writes, "DELETE", "/webhooks/event-types/{name}").at(&[a.get("event_type")]),
        writes("/events").with(&[], event.clone()).with(&[], repeated),
        writes("/events/batch").with(&[], json!({"events": [event]})),
    ]
}

fn endpoints(a: &Planted) -> Vec<Case> {
    let (endpoint, url) = (a.get("endpoint"), "https://receiver.example/hook");
    let one = |path: &'static str| writes(path).at(&[endpoint]);
    let about = |method, path: &'static str| Case::new(Proof::Writes, method, path);
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    vec![
        reads("/webhooks/endpoints").at(&[]),
        writes("/webhooks/endpoints").with(&[], json!({"url": url, "events": ["never.happens"]})),
        reads("/webhooks/endpoints/{id}").at(&[endpoint]),
        about("PATCH", "/webhooks/endpoints/{id}").with(&[endpoint], json!({"rateLimit": 5})),
        about("PUT", "/webhooks/endpoints/{id}")
            .with(&[endpoint], json!({"url": url, "events": ["never.happens"]})),
        about("DELETE", "/webhooks/endpoints/{id}").at(&[a.get("endpoint_victim")]),
        one("/webhooks/endpoints/{id}/pause"),
        one("/webhooks/endpoints/{id}/resume"),
        one("/webhooks/endpoints/{id}/disable"),
        one("/webhooks/endpoints/{id}/enable"),
        one("/webhooks/endpoints/{id}/secret/rotate"),
        one("/webhooks/endpoints/{id}/test"),
        writes("/webhooks/endpoints/{id}/recover").with(&[endpoint], since),
        writes("/webhooks/endpoints/{id}/replay").with(&[endpoint], json!({"outcome": ["dead"]})),
        writes("/webhooks/replays").with(&[], json!({"endpointId": endpoint, "outcome": ["dead"]})),
        reads("/webhooks/replays").at(&[]),
        reads("/webhooks/replays/{id}").at(&[a.get("replay")]),
        writes("/webhooks/replays/{id}/pause").at(&[a.get("replay")]),
        writes("/webhooks/replays/{id}/resume").at(&[a.get("replay_paused")]),
        writes("/webhooks/replays/{id}/cancel").at(&[a.get("replay_victim")]),
    ]
}

fn automation(a: &Planted) -> Vec<Case> {
    let (flow, broken) = (a.get("flow"), a.get("broken"));
    let body = |id: &str| {
        json!({
            "id": id, "name": "a flow", "trigger": {"type": "order.paid"},
            "actions": [{"type": "delete_data", "config": {"datatype": "customer", "recordId": a.get("person")}}],
        })
    };
    let canonical = json!({"datatype": "automation", "pk": a.org, "sk": flow, "data": body(flow)});
    let execute = json!({"variables": {"contact": {"sk": a.get("person"), "pk": a.org}}});
    vec![
        reads("/automation").at(&[]),
        reads("/automation/executions")
            .at(&[])
            .asking(&[], &format!("automationId={flow}"))
            .asking(&[], "status=waiting&pageSize=500")
            .asking(&[], &format!("before={}", a.get("run"))),
        reads("/automation/executions/{id}").at(&[a.get("run")]),
        reads("/automation/{id}").at(&[flow]),
        reads("/automation/flows/{id}").at(&[flow]),
        writes("/automation/{id}/execute").at(&[broken]).with(&[flow], execute.clone()),
        writes("/automation/flows/{id}/execute").at(&[broken]).with(&[flow], execute),
        writes("/automation/{id}/deactivate").at(&[flow]),
        writes("/automation/{id}/activate").at(&[flow]),
        Case::new(Proof::Writes, "PUT", "/automation/{id}")
            .with(&[flow], body(flow))
            .with(&[flow], canonical.clone()),
        Case::new(Proof::Writes, "PUT", "/automation/flows/{id}").with(&[flow], body(flow)),
        Case::new(Proof::Writes, "PATCH", "/automation/{id}").with(&[flow], json!({"description": "new"})),
        Case::new(Proof::Writes, "PATCH", "/automation/flows/{id}")
            .with(&[flow], json!({"description": "new"})),
        writes("/automation/flows/{id}/deactivate").at(&[flow]),
        writes("/automation/flows/{id}/activate").at(&[flow]),
        writes("/automation/{id}/duplicate").at(&[flow]),
        writes("/automation/flows/{id}/duplicate").at(&[flow]),
        reads("/automation/{id}/versions").at(&[flow]),
        reads("/automation/flows/{id}/versions").at(&[flow]),
        writes("/automation").with(&[], body("new")).with(&[], canonical.clone()),
        writes("/automation/flows/create").with(&[], body("new")).with(&[], canonical),
        Case::new(Proof::Writes, "DELETE", "/automation/flows/{id}").at(&[broken]),
        Case::new(Proof::Writes, "DELETE", "/automation/{id}").at(&[flow]),
    ]
}
