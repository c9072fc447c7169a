//! Calls that vendors never sent: captured ones with something changed, by bytes that say what. No verifier and no
//! translator may panic on one, say a secret, or take a body of which something changed that the vendor signs.
//! `tests/vendors.rs` and `fuzz/fuzz_targets/vendors.rs` bring the bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

use std::collections::BTreeSet;

use appengine::vendors::call::{Call, Headers};
use appengine::vendors::captured::{Captured, Ready};
use appengine::vendors::keys::{Keys, Secret};
use appengine::vendors::verdict::Stop;
use appengine::vendors::{ALL, Around, Vendor};
use appengine_actors::clock::Timestamp;
use serde_json::{Value, json};

/// Captured calls of all vendors that there are.
pub struct Corpus(Vec<Case>);

struct Case {
    id: String,
    /// What the captured call calls its vendor.
    vendor: String,
    ready: Ready,
    is_right: bool,
}

impl Corpus {
    /// The captured calls of the tests.
    pub fn read() -> Self {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors/vendors.json")).unwrap();
        let cases = vectors.into_iter().filter_map(|vector| {
            let text = |name: &str| vector[name].as_str().unwrap().to_owned();
            let (id, vendor) = (text("id"), text("vendor"));
            appengine::vendors::named(&vendor)?;
            let captured: Captured = serde_json::from_value(vector.clone()).unwrap();
            let ready = captured.ready(Timestamp::from_millis(0)).unwrap();
            let is_right = ready.verify().is_ok();
            Some(Case { id, vendor, ready, is_right })
        });
        Self(cases.collect())
    }

    /// Vendors of which there is a right call.
    pub fn vendors(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|case| case.is_right).map(|case| case.ready.vendor.name())
    }

    /// Tries one call; the bytes say which, and what of it is changed.
    pub fn try_one(&self, input: &[u8]) {
        let mut dice = Dice(input);
        let case = dice.pick(&self.0);
        let Ready { vendor, call, keys, now, .. } = &case.ready;
        let (mut call, mut keys, mut now) = (call.clone(), keys.clone(), *now);
        match dice.below(8) {
            0..=3 => {
                call.body = dice.body(&call.body);
                return case.try_body(&call);
            }
            4 => call.headers = dice.headers(&call.headers),
            5 => call.url = dice.changed_text(&call.url),
            6 => {
                keys = dice.keys(keys);
                now = Timestamp::from_millis(now.as_millis().saturating_add(dice.below(1_000_000) as u64));
            }
            _ => {
                let method = *dice.pick(&["GET", "POST", "PUT", "", "é"]);
                let (url, headers) = (dice.changed_text(&call.url), dice.headers(&call.headers));
                call = Call { method: method.to_owned(), url, headers, body: dice.body(&call.body) };
                keys = dice.keys(keys);
            }
        }
        // Now and then a call comes to another vendor's door.
        let vendor = if dice.below(4) == 0 { *dice.pick(&ALL) } else { *vendor };
        tried(vendor, &call, &keys, &Around { now, certificates: &case.ready.certificates });
    }

    /// Changes, adds and leaves out bytes at many places of every right body, and tells how many bodies that made.
    pub fn try_every_byte(&self) -> usize {
        let mut count = 0;
        for case in self.0.iter().filter(|case| case.is_right) {
            let body = &case.ready.call.body;
            let step = body.len() / 256 + 1;
            for at in (0..=body.len()).step_by(step) {
                let (before, rest) = body.split_at(at);
                let bit = 1 << (at % 8);
                let mut bodies = vec![[before, b" ", rest].concat(), before.to_vec()];
                if let Some((first, after)) = rest.split_first() {
                    bodies.extend([[before, &[first ^ bit], after].concat(), [before, after].concat()]);
                }
                count += bodies.len();
                for body in bodies {
                    case.try_body(&Call { body, ..case.ready.call.clone() });
                }
            }
        }
        count
    }
}

impl Case {
    /// Tries the call with another body: it may be taken only if all that the vendor signs of it is as it was.
    fn try_body(&self, call: &Call) {
        let Ready { vendor, keys, now, certificates, .. } = &self.ready;
        let is_taken = tried(*vendor, call, keys, &Around { now: *now, certificates });
        let is_changed = self.is_right && self.signed(call) != self.signed(&self.ready.call);
        let shown = || String::from_utf8_lossy(&call.body).into_owned();
        assert!(!(is_taken && is_changed), "{}: a changed body was taken: {}", self.id, shown());
    }

    /// What the vendor signs of a body: all of its bytes, with few exceptions.
    fn signed(&self, call: &Call) -> Option<Vec<u8>> {
        let is_handshake =
            call.method == "GET" && ["linkedin", "meta", "x", "twilio"].contains(&&*self.vendor);
        match self.vendor.as_str() {
            // The query is what counts.
            _ if is_handshake => None,
            // Time and token are signed, the event is not: its token is taken once.
            "mailgun" => None,
            // A token comes beside the body.
            "telegram" => None,
            // What counts is encrypted and proves itself; the envelope around it does not.
            "pinterest" => None,
            // Values are signed, however the JSON around them is written.
            "ses-sns" => {
                let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
                let names = [
                    "Message",
                    "MessageId",
                    "Subject",
                    "SubscribeURL",
                    "Timestamp",
                    "Token",
                    "TopicArn",
                    "Type",
                ];
                Some(names.map(|name| body[name].to_string()).join("\n").into_bytes())
            }
            // Names and values are signed as they are read, sorted, each once. JSON is bound by its digest.
            "twilio" if !call.url.contains("bodySHA256") => {
                let fields: BTreeSet<(String, String)> = call.form().into_iter().collect();
                Some(fields.into_iter().flat_map(|(name, value)| (name + &value).into_bytes()).collect())
            }
            _ => Some(call.body.clone()),
        }
    }
}

/// Has a vendor check, translate and answer a call; whether it was taken.
fn tried(vendor: &dyn Vendor, call: &Call, keys: &Keys, around: &Around<'_>) -> bool {
    let judged = vendor.verify(call, keys, around);
    for told in vendor.translate(call) {
        // A moment that no calendar has would show here.
        drop(told.at.map(|at| at.to_string()));
    }
    drop(vendor.reply(call));
    let words = match &judged {
        Ok(_) => String::new(),
        Err(Stop::Refused(refusal)) => refusal.to_string(),
        Err(Stop::Needs(text) | Stop::Later(text)) => text.clone(),
    };
    let mut secrets = keys.secrets.iter().map(Secret::expose);
    let is_said = secrets.any(|secret| secret.len() >= 12 && words.contains(secret));
    assert!(!is_said, "{} says a secret: {words}", vendor.name());
    judged.is_ok()
}

/// Choices, made of bytes; when they are used up, the first of each.
struct Dice<'a>(&'a [u8]);

impl<'a> Dice<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, end: usize) -> usize {
        let drawn = [0, 0, 0, 0].map(|_: u8| self.byte());
        u32::from_le_bytes(drawn) as usize % end
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte() % 32).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// A part of something replaced by other bytes, once or several times.
    fn changed(&mut self, of: &[u8]) -> Vec<u8> {
        let mut changed = of.to_vec();
        for _ in 0..=self.below(3) {
            let from = self.below(changed.len() + 1);
            let to = (from + self.below(8)).min(changed.len());
            changed.splice(from..to, self.bytes().iter().copied());
        }
        changed
    }

    fn changed_text(&mut self, of: &str) -> String {
        String::from_utf8_lossy(&self.changed(of.as_bytes())).into_owned()
    }

    /// Another body: bytes changed, all of it replaced, or JSON with other values in it.
    fn body(&mut self, of: &[u8]) -> Vec<u8> {
        match (self.below(8), serde_json::from_slice::<Value>(of)) {
            (0, _) => self.bytes().to_vec(),
            (1..=4, Ok(mut json)) => {
                for _ in 0..=self.below(3) {
                    let mut nth = self.below(64);
                    *place(&mut json, &mut nth) = self.value();
                }
                json.to_string().into_bytes()
            }
            _ => self.changed(of),
        }
    }

    /// A value that is not what is expected in most places.
    fn value(&mut self) -> Value {
        match self.below(12) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(u64::MAX),
            4 => json!(1e300),
            5 => json!(1_790_000_000.5),
            6 => json!([]),
            7 => json!({}),
            8 => json!([[null], {"id": 1}, "é"]),
            9 => json!(""),
            10 => json!("9999-12-31T23:59:60Z"),
            _ => json!(self.text()),
        }
    }

    /// Headers of which one is changed, left out, there twice or new.
    fn headers(&mut self, of: &Headers) -> Headers {
        let mut all: Vec<(String, String)> =
            of.all().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for _ in 0..=self.below(3) {
            if all.is_empty() {
                break;
            }
            let at = self.below(all.len());
            match self.below(5) {
                0 => drop(all.remove(at)),
                1 => all.push(all[at].clone()),
                2 => all[at].1 = self.text(),
                3 => all[at].0 = self.text(),
                _ => all[at].1 = self.changed_text(&all[at].1),
            }
        }
        Headers::new(all)
    }

    /// Keys that somebody copied badly, or not at all.
    fn keys(&mut self, mut keys: Keys) -> Keys {
        match self.below(6) {
            0 => keys.secrets.clear(),
            1 => keys.secrets = vec![Secret::new(self.text())],
            2 => keys.public_keys = vec![self.text()],
            3 => keys.public_keys = keys.public_keys.iter().map(|key| self.changed_text(key)).collect(),
            4 => keys.settings.tolerance = Some(u64::MAX),
            _ => keys.settings = serde_json::from_value(json!({})).unwrap(),
        }
        keys
    }
}

/// The nth value within a value, or that itself where there are not so many.
fn place<'v>(value: &'v mut Value, nth: &mut usize) -> &'v mut Value {
    let count = size(value);
    if *nth == 0 || *nth >= count {
        return value;
    }
    *nth -= 1;
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => unreachable!("it has as many values as were counted"),
    };
    for item in inner {
        let within = size(item);
        if *nth < within {
            return place(item, nth);
        }
        *nth -= within;
    }
    unreachable!("it has as many values as were counted")
}

/// How many values a value is made of, itself included.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        _ => 1,
    }
}
