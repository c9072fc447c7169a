//! Four networks are read from a server here that lists as they document it: what a webhook has told is not told again, the
//! second run asks for what came after the first, and a network that refuses is left alone for as long as it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use appengine_actors::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::networks::{NETWORKS, NOW, Network, SECRET, TOKEN};
use crate::received::Stopped;
use crate::support::PATIENCE;
use crate::support::in_process::{Server, owner};

/// The networks' side, on a free port.
#[derive(Clone)]
struct Site(SocketAddr, Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    network: Option<Network>,
    things: Vec<u64>,
    refuses: bool,
    /// What was asked of the listing, by the query.
    asked: Vec<String>,
    wrong: Vec<String>,
}

impl Site {
    fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let site = Self(listener.local_addr().unwrap(), Arc::default());
        let state = site.1.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up has what they want.
                let _ = serve(stream, &state);
            }
        });
        site
    }

    fn asked(&self) -> Vec<String> {
        self.1.lock().unwrap().asked.clone()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(&stream);
    let (mut target, mut bearer, mut length) = (String::new(), false, 0);
    reader.read_line(&mut target)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_lowercase();
        if line.is_empty() {
            break;
        }
        bearer |= line == format!("authorization: bearer {TOKEN}");
        length = line.strip_prefix("content-length: ").and_then(|bytes| bytes.parse().ok()).unwrap_or(length);
    }
    reader.take(length).read_to_end(&mut Vec::new())?;
    let target = target.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (status, headers, body) = answer(&mut state.lock().unwrap(), path, query, bearer);
    let body = body.to_string();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} Here\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    (&stream).write_all(format!("{head}{body}").as_bytes())
}

type Answered = (u16, &'static [(&'static str, &'static str)], Value);

fn answer(state: &mut State, path: &str, query: &str, bearer: bool) -> Answered {
    let network = state.network.unwrap();
    if !bearer {
        state.wrong.push(format!("{path} without the token"));
        return (401, &[], json!({}));
    }
    if path != network.listing {
        return (200, &[], (network.beside)());
    }
    state.asked.push(query.to_owned());
    if state.refuses {
        return (429, network.refusal.0, json!({}));
    }
    (200, &[], (network.list)(&state.things, query))
}

/// A server that reads the networks from the site, and an organisation of it.
struct Bench {
    server: Server,
    token: String,
    network: Network,
    id: String,
}

impl Bench {
    fn connect(site: &Site, network: Network) -> Self {
        *site.1.lock().unwrap() = State { network: Some(network), things: vec![1, 2], ..State::default() };
        let bases = format!("{}=http://{}", network.interface, site.0);
        let settings = [
            ("APPENGINE__VENDORS__BASE_URLS", bases.as_str()),
            ("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8"),
        ];
        let server = Server::within(&settings, Arc::new(Stopped::at(NOW * 1000)), None);
        let token = server.token(&owner("acme"));
        let mut bench = Self { server, token, network, id: String::new() };
        let credentials = json!({"secret": SECRET, "access_token": TOKEN});
        let saved = bench.save(&json!({"type": network.name, "credentials": credentials}));
        bench.id = saved["id"].as_str().unwrap().to_owned();
        bench
    }

    fn save(&self, body: &Value) -> Value {
        let saved = self.server.call_as(&self.token, "POST", "/upstream/save-integration").json(body).send();
        assert_eq!(saved.status, 200, "{}", saved.text());
        saved.json()
    }

    /// What was told, by the ids that the network has for it.
    fn told(&self) -> Vec<String> {
        let target = format!("/events?kind={}&limit=100", self.network.kind);
        let events = self.server.call_as(&self.token, "GET", &target).send().json();
        let events = events["data"].as_array().unwrap().clone();
        let mut ids: Vec<_> =
            events.iter().map(|event| event["data"]["vendorEventId"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    fn sync(&self) -> Value {
        let sync = self.server.call_as(&self.token, "GET", "/upstream/sync").send();
        assert_eq!(sync.status, 200, "{}", sync.text());
        sync.json()["data"][0].clone()
    }

    fn start(&self) -> Value {
        let started = self.server.call_as(&self.token, "POST", &format!("/upstream/sync/{}", self.id)).send();
        assert_eq!(started.status, 202, "{}", started.text());
        started.json()
    }

    fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let clock = SystemClock::new();
        while !so(self) {
            assert!(clock.elapsed() < PATIENCE, "waited in vain until {what}: {}", self.sync());
            std::thread::yield_now();
        }
    }

    /// Has the listing read, to the end of the run: it has asked, and asks no more.
    fn read(&self, site: &Site) {
        let before = site.asked().len();
        self.start();
        self.until("the run has ended", |bench| {
            site.asked().len() > before && bench.sync()["running"] == false
        });
    }
}

#[test]
fn four_networks_are_read_as_they_document_it() {
    let site = Site::open();
    for network in NETWORKS {
        let name = network.name;
        let bench = Bench::connect(&site, network);
        // A webhook has told of the first thing.
        let (headers, body) = (network.hook)(1);
        let mut call = bench.server.call("POST", &format!("/connect/webhook/{name}/{}", bench.id));
        for (header, value) in headers {
            call = call.header(header, &value);
        }
        let called = call.body(body).send();
        assert_eq!(called.status / 100, 2, "{name}: {}", called.text());
        bench.until("the call was read", |bench| bench.told().len() == 1);
        let first = bench.told();
        // The first run finds it again, and another.
        let sync = json!({"enabled": true, "follow": [network.follow]});
        let saved = bench.save(&json!({"type": name, "id": bench.id, "sync": sync}));
        assert_eq!(saved["sync"], json!({"enabled": true, "every": "5m", "follow": [network.follow]}));
        bench.until("the second thing is told", |bench| bench.told().len() == 2);
        bench.until("the run has ended", |bench| bench.sync()["running"] == false);
        assert_eq!(bench.told()[0], first[0], "{name}");
        let state = bench.sync();
        assert_eq!(state["nextRun"], "2026-09-21T14:18:20.000Z", "{name}: {state}");
        // The second asks for what came after, and tells of nothing else.
        site.1.lock().unwrap().things.push(3);
        bench.read(&site);
        assert_eq!(bench.told().len(), 3, "{name}: {}", bench.sync());
        let asked = site.asked();
        assert_eq!(asked.len(), 2, "{name}: {asked:?}");
        assert!(asked[1].contains(network.after), "{name}: {asked:?}");
        // A network that refuses is left alone for as long as it says, whoever asks.
        site.1.lock().unwrap().refuses = true;
        bench.read(&site);
        let until = appengine_actors::clock::Timestamp::from_millis((NOW + network.refusal.1) * 1000);
        let state = bench.sync();
        assert_eq!(
            (&state["pausedUntil"], &state["nextRun"]),
            (&json!(until), &json!(until)),
            "{name}: {state}"
        );
        assert_eq!(bench.start()["nextRun"], json!(until), "{name}");
        assert_eq!(site.asked().len(), 3, "{name}");
        assert!(site.1.lock().unwrap().wrong.is_empty(), "{name}");
        println!(
            "{name:<8} 1 told by a webhook and found again, 2 found, refused for {} s",
            network.refusal.1
        );
    }
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let server = Server::start();
    let token = server.token(&owner("acme"));
    for (vendor, sync, path) in [
        ("stripe", json!({"enabled": true}), "sync"),
        ("reddit", json!({"enabled": true}), "sync.follow"),
        ("reddit", json!({"follow": ["r/acme", "no such thing"]}), "sync.follow[1]"),
        ("reddit", json!({"enabled": true, "every": "59s", "follow": ["r/acme"]}), "sync.every"),
        ("slack", json!({"enabled": true, "follow": ["general"]}), "sync.follow[0]"),
    ] {
        let body = json!({"type": vendor, "credentials": {"secret": "a"}, "sync": sync});
        let refused = server.call_as(&token, "POST", "/upstream/save-integration").json(&body).send();
        assert_eq!(refused.status, 400, "{sync}: {}", refused.text());
        assert_eq!(refused.json()["problems"][0]["path"], path, "{}", refused.text());
    }
    let body = json!({"type": "reddit", "credentials": {"secret": "a"}});
    let saved = server.call_as(&token, "POST", "/upstream/save-integration").json(&body).send().json();
    let target = format!("/upstream/sync/{}", saved["id"].as_str().unwrap());
    server.call_as(&token, "POST", &target).send().assert_problem(409, "sync_off");
}
