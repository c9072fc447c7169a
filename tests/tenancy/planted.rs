//! An organisation with something of every sort in it, each with a text in it that occurs nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use appengine_actors::{
    bus::change::Change,
    ids::{JobId, OrgId, QueueName, RecordId, ReplayId, RunId},
    keys,
    queue::job::{Job, JobDraft, Task},
    store::{Batch, Key, Store, decode, encode},
    webhook::replay::{Outcome, Replay, ReplayStatus, Scope},
};
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::in_process::{Server, owner};
use crate::support::receiver::Receiver;

/// What organisation A has, by the names under which the table of cases uses it.
pub struct Planted {
    pub org: String,
    pub token: String,
    /// `contact`, `event`, `run`, `job` and so on: an id or a secret of A's.
    pub known: BTreeMap<&'static str, String>,
    /// The bytes of its jobs' ids.
    jobs: BTreeSet<Vec<u8>>,
    /// Ids of notes to be deleted.
    pub victims: Vec<String>,
    /// Texts that only A may see: markers, ids, secrets, addresses, the name.
    pub private: BTreeSet<String>,
}

impl Planted {
    /// Makes all of it through the public routes, and waits until nothing of it moves any more.
    pub fn plant(server: &Server, receiver: &Receiver) -> Self {
        let org = mark("org");
        let who = owner(&org);
        let mut a = Self {
            token: server.token(&who),
            known: BTreeMap::new(),
            jobs: BTreeSet::new(),
            victims: Vec::new(),
            private: BTreeSet::from([org.clone(), who.email]),
            org,
        };
        a.people(server);
        a.records(server);
        a.flows(server, receiver);
        a.endpoints(server, receiver);
        a.work(server);
        a.keep("owner", &json!(owner(&a.org).email));
        a.chats(server);
        a.community(server);
        a.vendors(server);
        a.ai(server);
        a.wait(server);
        a
    }

    /// A value by its name.
    pub fn get(&self, name: &str) -> &str {
        self.known.get(name).unwrap_or_else(|| panic!("nothing of A's is called {name}: {:?}", self.known))
    }

    pub fn keep(&mut self, name: &'static str, text: &Value) -> String {
        let text = text.as_str().unwrap_or_else(|| panic!("{name}: {text}")).to_owned();
        self.private.insert(text.clone());
        self.known.insert(name, text.clone());
        text
    }

    pub fn mark(&mut self, name: &str) -> String {
        let mark = mark(name);
        self.private.insert(mark.clone());
        mark
    }

    pub fn post(&self, server: &Server, path: &str, body: &Value) -> Value {
        let answer = server.call_as(&self.token, "POST", path).json(body).send();
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        answer.json()
    }

    pub fn read(&self, server: &Server, path: &str) -> Value {
        server.call_as(&self.token, "GET", path).send().expect(200)
    }

    fn people(&mut self, server: &Server) {
        let password = self.mark("password");
        for (kind, path) in
            [("email", "/profile/customer/signup"), ("guest", "/profile/customer/register-guest")]
        {
            let email = format!("{}@x.example", self.mark(kind));
            let body = json!({"email": email, "password": password, "name": self.mark("name")});
            let answer = server.call("POST", path).header("orgid", &self.org).json(&body).send().expect(201);
            self.keep(kind, &json!(email));
            if kind == "email" {
                self.keep("password", &json!(password));
                self.keep("refresh", &answer["refresh_token"]);
                self.keep("person", &answer["user"]["sk"]);
            }
        }
        let name = self.mark("app");
        let app = self.post(server, "/app/register", &json!({"name": name}));
        for (name, field) in [("app", "appId"), ("app_key", "key"), ("app_secret", "secret")] {
            self.keep(name, &app[field]);
        }
        let name = self.mark("key");
        let key = self.post(server, "/api-key/create", &json!({"name": name, "scopes": ["read", "write"]}));
        self.keep("api_key", &key["data"]["key"]);
    }

    fn chats(&mut self, server: &Server) {
        let email = self.get("email").to_owned();
        let chat = self.keep("chat", &json!(format!("customer::{email}")));
        let word = json!({"content": self.mark("word")});
        let said = self.post(server, &format!("/chat/live/{chat}/{email}"), &word);
        self.keep("word", &said["messageId"]);
        // Nobody need answer in it.
        let (room, word) = (self.mark("room"), json!({"content": self.mark("word")}));
        self.post(server, &format!("/chat/live/{room}/chat"), &word);
        self.keep("room", &json!(room));
        let shown = format!("{}@x.example", self.mark("shown"));
        let agents =
            json!([{"user": shown, "screenName": self.mark("screen"), "avatar": self.mark("avatar")}]);
        self.post(server, "/repository/create/chat_config", &json!({"data": {"agents": agents}}));
        self.keep("shown", &json!(shown));
        let waiting = format!("{}@x.example", self.mark("waiting"));
        let queue = self.mark("queue");
        let chat =
            json!({"chatId": format!("customer::{waiting}"), "customerEmail": waiting, "queue": queue});
        let queued = self.post(server, "/chat/queue", &chat);
        self.keep("waiting", &queued["chatId"]);
    }

    fn community(&mut self, server: &Server) {
        let member = json!({"email": self.get("email")});
        let group = json!({"name": self.mark("group"), "type": "public", "members": [member]});
        let group = self.post(server, "/client/community/groups", &group);
        let group = self.keep("group", &group["id"]);
        for name in ["said", "said_again", "said_too"] {
            let word = json!({"content": self.mark(name)});
            let said = self.post(server, &format!("/client/community/groups/{group}/messages"), &word);
            self.keep(name, &said["id"]);
        }
        let word = json!({"to": self.get("email"), "content": self.mark("direct")});
        let said = self.post(server, "/client/community/messages", &word);
        self.keep("direct", &said["id"]);
    }

    fn records(&mut self, server: &Server) {
        let text = self.mark("contact");
        // `told` is what no request names: whoever sees it was shown the record.
        let data = json!({"text": text, "told": self.mark("told"), "email": format!("{}@x.example", self.mark("e"))});
        let contact = self.post(
            server,
            "/repository/create",
            &json!({"datatype": "contact", "isNew": true, "data": data}),
        );
        self.keep("contact", &contact["sk"]);
        self.keep("contact_text", &json!(text));
        let told = json!({"told": self.mark("activity")});
        self.post(server, "/repository/create/activity", &json!({"data": told}));
        for _ in 0..12 {
            let note = json!({"datatype": "note", "isNew": true, "data": {"told": self.mark("victim")}});
            let note = self.post(server, "/repository/create", &note);
            let id = note["sk"].as_str().expect("an id").to_owned();
            self.private.insert(id.clone());
            self.victims.push(id);
        }
    }

    fn flows(&mut self, server: &Server, receiver: &Receiver) {
        let url = receiver.url(&format!("/{}", self.mark("path")));
        let hook = json!({
            "name": self.mark("flow"), "trigger": {"type": "order.paid"},
            "actions": [
                {"type": "create_data", "config": {"datatype": "note", "data": {"text": self.mark("note")}}},
                {"type": "send_webhook", "config": {"url": url, "headers": {"x-bridge": self.mark("header")}}},
                {"type": "delay", "config": {"duration": 1, "unit": "days"}},
                {"type": "create_data", "config": {"datatype": "note", "data": {"text": "after the pause"}}},
            ],
        });
        let hook = self.post(server, "/automation/flows/create", &hook);
        self.keep("flow", &hook["id"]);
        self.keep("whsec", &hook["webhookSecret"]);
        let broken = json!({
            "name": self.mark("flow"), "trigger": {"type": "order.broken"},
            "actions": [{"type": "update_data", "config": {
                "datatype": "note", "recordId": self.mark("missing"), "updates": {"text": "x"},
            }}],
        });
        let broken = self.post(server, "/automation", &broken);
        self.keep("broken", &broken["id"]);
        let idempotency = self.mark("idempotency");
        let text = self.mark("event");
        let event = json!({"event": "order.paid", "data": {"text": text}, "idempotencyKey": idempotency});
        let event = self.post(server, "/events", &event);
        self.keep("event", &event["id"]);
        self.keep("idempotency", &json!(idempotency));
        self.keep("text", &json!(text));
        let about = json!({"description": self.mark("about"), "schema": {"type": ["object", "null"]}});
        let path = format!("/webhooks/event-types/order.{}", self.mark("type"));
        let made = server.call_as(&self.token, "PUT", &path).json(&about).send().expect(200);
        self.keep("event_type", &made["name"]);
        let kind = format!("order.{}", self.mark("kind"));
        self.post(server, "/events/batch", &json!({"events": [{"event": kind}, {"event": "order.broken"}]}));
        let tick = json!({"type": "event", "event": "order.due", "data": {"told": self.mark("scheduled")}});
        let schedule = json!({"name": self.mark("schedule"), "every": "1d", "action": tick});
        let schedule = self.post(server, "/schedules", &schedule);
        self.keep("schedule", &schedule["id"]);
        let variables = json!({"variables": {"text": self.mark("variable")}});
        let path = format!("/automation/{}/execute", self.get("flow"));
        let run = self.post(server, &path, &variables);
        self.keep("run", &run["executionId"]);
    }

    /// Endpoints that listen to what never happens, and replays that rest.
    fn endpoints(&mut self, server: &Server, receiver: &Receiver) {
        for name in ["endpoint", "endpoint_victim"] {
            let url = receiver.url(&format!("/{}", self.mark("path")));
            let headers = json!({"x-bridge": self.mark("header")});
            let body = json!({"url": url, "events": ["never.happens"], "headers": headers, "description": self.mark("about")});
            let made = self.post(server, "/webhooks/endpoints", &body);
            self.keep(name, &made["id"]);
            self.private.insert(made["secret"].as_str().expect("a secret").to_owned());
        }
        let statuses = [
            ("replay", ReplayStatus::Running),
            ("replay_paused", ReplayStatus::Paused),
            ("replay_victim", ReplayStatus::Running),
        ];
        for (name, status) in statuses {
            let org = OrgId::new(&self.org).expect("an org id");
            let now = server.clock.now();
            let scope = Scope {
                endpoint_id: None,
                events: vec!["never.happens".to_owned()],
                key: Some(self.mark("key")),
                from: now,
                to: now,
                outcome: vec![Outcome::Dead],
            };
            let replay = Replay {
                id: ReplayId::new(now),
                org_id: org.clone(),
                scope,
                rate: 1.0,
                status,
                looked: 0,
                sent: BTreeMap::new(),
                at: None,
                reached: None,
                by: self.mark("by"),
                created_at: now,
                finished_at: None,
            };
            let mut batch = Batch::default();
            batch.put(keys::replay(&org, replay.id), encode(&replay).expect("it has a JSON form"));
            let committed = server.store.commit(batch).now_or_never().expect("memory answers at once");
            committed.expect("the store takes it");
            self.keep(name, &json!(replay.id));
        }
    }

    /// Work that a worker has, and work that waits.
    fn work(&mut self, server: &Server) {
        let leased = ["done", "failed", "released", "alive"];
        let payload = self.mark("payload");
        let job = json!({"name": "n", "payload": payload});
        let jobs = json!({"jobs": leased.map(|_| &job)});
        self.post(server, "/queues/notification/jobs/bulk", &jobs);
        let claim = json!({"worker": self.mark("worker"), "max": 1, "leaseMs": 3_600_000});
        for (id, lease) in [
            ("done_work", "done_lease"),
            ("failed_work", "failed_lease"),
            ("released_work", "released_lease"),
            ("live_work", "live_lease"),
        ] {
            let claimed = self.post(server, "/queues/notification/claim", &claim);
            self.keep(id, &claimed["jobs"][0]["id"]);
            self.keep(lease, &claimed["jobs"][0]["lease"]);
        }
        for id in ["waiting_work", "moved_work"] {
            let added = self.post(server, "/queues/notification/jobs", &job);
            self.keep(id, &added["id"]);
        }
        self.post(server, "/queues/escalation/jobs", &job);
    }

    /// A job that fails, so that the queue has an error to tell of.
    fn failing_job(&self, server: &Server) {
        let (org, flow) = (OrgId::new(&self.org).expect("an org id"), RecordId::new(self.get("flow")));
        let task = Task::RunFlow { flow: flow.expect("a flow's id"), run: RunId::new(server.clock.now()) };
        let id = JobId::new(server.clock.now());
        let queue = QueueName::new("automation").expect("a queue");
        let job = JobDraft { max_attempts: Some(1), ..JobDraft::new(id, queue, task) };
        let change = Change { jobs: vec![job], ..Change::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(server.machine.publisher.commit(org, change)).expect("a job");
    }

    /// Waits for the last effects: two deliveries made, two runs paused, one failed.
    fn wait(&mut self, server: &Server) {
        let deliveries = self.until(server, "/webhooks/deliveries?status=delivered", 2);
        self.keep("delivery", &deliveries[0]["id"]);
        self.until(server, "/automation/executions?status=waiting", 2);
        self.until(server, "/automation/executions?status=failed", 1);
        self.failing_job(server);
        let failed = self.until(server, "/monitoring/queues/automation/jobs?state=failed", 1);
        self.keep("error", &failed[0]["lastError"]);
        let jobs = self.until(server, "/monitoring/queues/schedule/jobs?state=delayed", 2);
        self.keep("job", &jobs[0]["id"]);
        self.keep("job_two", &jobs[1]["id"]);
        self.keep("failed_job", &failed[0]["id"]);
        self.private.extend(jobs.iter().filter_map(|job| Some(job["id"].as_str()?.to_owned())));
        let jobs = server.dump_of(system());
        let jobs = jobs.values().filter_map(|value| decode::<Job>(value).ok());
        self.jobs = jobs
            .filter(|job| job.org_id.as_str() == self.org)
            .map(|job| job.id.to_bytes().to_vec())
            .collect();
        assert!(self.jobs.len() >= 5, "A has jobs");
    }

    /// Asks until a list has this many rows.
    fn until(&self, server: &Server, path: &str, rows: usize) -> Vec<Value> {
        let begun = server.clock.elapsed();
        loop {
            let list = self.read(server, path);
            let data = list["data"].as_array().expect("a list");
            if data.len() >= rows {
                return data.clone();
            }
            assert!(server.clock.elapsed() - begun < PATIENCE, "{path} never had {rows} rows: {list}");
        }
    }

    /// Everything in the store that is A's: under its own prefix, and what the machine keeps for its jobs.
    pub fn data(&self, server: &Server) -> BTreeMap<Key, Bytes> {
        let org = OrgId::new(&self.org).expect("an org id");
        let mut own = server.dump_of(prefix_of(keys::all_records(&org)));
        let of_a = |key: &Key| key.windows(16).any(|part| self.jobs.contains(part));
        own.extend(server.dump_of(system()).into_iter().filter(|(key, _)| of_a(key)));
        // Of what is due at times, A's.
        let due = server.dump_of(keys::schedules_due()).into_iter();
        own.extend(due.filter(|(key, _)| keys::parse_schedule_due(key).is_some_and(|(_, of, _)| of == org)));
        // Of those who are paused, A.
        let paused = keys::queue_paused(&QueueName::new("automation").expect("a queue"));
        let names_a = |value: &Bytes| String::from_utf8_lossy(value).contains(&format!("\"{org}\""));
        own.extend(server.dump_of(paused).into_iter().filter(|(_, value)| names_a(value)));
        own
    }

    /// The texts of A's that these bytes hold.
    pub fn within(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let text = String::from_utf8_lossy(bytes);
        self.private.iter().map(String::as_str).filter(|private| text.contains(private)).collect()
    }
}

/// A key without the letter of its table: what all keys of its organisation, or of the system, begin with.
fn prefix_of(mut table: Key) -> Key {
    table.pop();
    table
}

fn system() -> Key {
    prefix_of(keys::destinations())
}

/// A text that occurs nowhere else.
fn mark(name: &str) -> String {
    format!("{name}{:016x}", rand::random::<u64>())
}
