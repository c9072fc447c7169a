//! Reads what somebody wants an endpoint to be: every problem at its path.

use serde_json::Value;

use super::{Endpoint, EndpointStatus, Fifo};
use crate::event::pattern::key_of;
use crate::form::Map;
use crate::form::fields::{present, shown};
use crate::form::problem::{Problem, Problems};
use crate::form::template::{is_path, is_shallow};
use crate::record::{Limits, Query};
use crate::webhook::headers;
use crate::webhook::send_options::Compression;
use crate::webhook::signature::keys::{KeyKind, SigningKey};
use crate::webhook::transport::Transport;

/// What stands for a value that is not shown, and in a body for one that stays as it is.
pub const DOTS: &str = "••••••";
/// Requests at once that an endpoint may ask for.
pub const MOST_CONCURRENT: u64 = 256;

const MOST_PATTERNS: usize = 100;
const MOST_PAUSES: usize = 100;
const LONGEST_PAUSE: f64 = 30.0 * 86_400.0;
const FASTEST: f64 = 10_000.0;
const SLOWEST: f64 = 0.001;
const LONGEST_TEXT: usize = 1_000;
/// Bytes of a template and of the owner's own data, as JSON.
const LARGEST_PART: usize = 32 * 1024;
const DEEPEST: usize = 32;

const KEYS: [&str; 17] = [
    "url",
    "description",
    "events",
    "filter",
    "headers",
    "template",
    "rateLimit",
    "concurrency",
    "fifo",
    "fifoKey",
    "retrySchedule",
    "signatures",
    "compression",
    "tls",
    "metadata",
    "status",
    "secret",
];
/// What answers carry and a body may repeat: it is not for the client to say, and changes nothing.
const TOLD: [&str; 9] = [
    "id",
    "orgId",
    "health",
    "publicKeys",
    "secretExpiresAt",
    "disabledReason",
    "stoppedAt",
    "createdAt",
    "updatedAt",
];

/// What an endpoint shall be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Where requests go.
    pub url: String,
    /// What it is for.
    pub description: Option<String>,
    /// Patterns of events.
    pub events: Vec<String>,
    /// Only events that match.
    pub filter: Option<Value>,
    /// Headers; none for a value that stays as it is.
    pub headers: Vec<(String, Option<String>)>,
    /// The body's template.
    pub template: Option<Value>,
    /// Requests a second.
    pub rate_limit: Option<f64>,
    /// Requests at once.
    pub concurrency: Option<usize>,
    /// Which deliveries keep their order.
    pub fifo: Fifo,
    /// Where the key is.
    pub fifo_key: Option<String>,
    /// Seconds between attempts.
    pub retry_schedule: Option<Vec<f64>>,
    /// How it is signed.
    pub signatures: Vec<KeyKind>,
    /// What is done to bodies on their way.
    pub compression: Compression,
    /// Whom to trust, as PEM.
    pub ca: Option<String>,
    /// What to show, as PEM.
    pub client_certificate: Option<String>,
    /// Its key: none for one that stays as it is.
    pub client_key: Option<Option<String>>,
    /// The owner's own data.
    pub metadata: Option<Map>,
    /// Whether it is sent to, where the body says so.
    pub status: Option<EndpointStatus>,
    /// A secret of the owner's choice.
    pub secret: Option<String>,
}

impl Draft {
    /// Reads a body. `before` is the endpoint that it changes; then what the body does not name stays.
    ///
    /// # Errors
    /// Every problem it has.
    pub fn read(
        body: &Value,
        before: Option<&Endpoint>,
        transport: &dyn Transport,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let Value::Object(given) = body else {
            problems.add("", format_args!("is {}; expected an object", shown(body)));
            return problems.or(Self::default());
        };
        let mut fields = before.map(written).unwrap_or_default();
        fields.extend(given.iter().map(|(name, value)| (name.clone(), value.clone())));
        let told: Vec<&str> = KEYS.iter().chain(&TOLD).copied().collect();
        problems.only(&fields, &told);
        let draft = read(&fields, transport, &mut problems);
        problems.or(draft)
    }
}

/// An endpoint as a body that would make it.
fn written(endpoint: &Endpoint) -> Map {
    let mut fields = match serde_json::to_value(endpoint) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let headers: Map = endpoint.header_names.iter().map(|name| (name.clone(), DOTS.into())).collect();
    fields.insert("headers".to_owned(), headers.into());
    fields.remove("headerNames");
    let mut tls = Map::new();
    for (from, to) in [("ca", "ca"), ("clientCertificate", "clientCertificate")] {
        tls.extend(fields.remove(from).map(|pem| (to.to_owned(), pem)));
    }
    if tls.contains_key("clientCertificate") {
        tls.insert("clientKey".to_owned(), DOTS.into());
    }
    if !tls.is_empty() {
        fields.insert("tls".to_owned(), tls.into());
    }
    // Only a body that names it changes it.
    fields.remove("status");
    fields
}

fn read(fields: &Map, transport: &dyn Transport, problems: &mut Problems) -> Draft {
    let mut draft = Draft::default();
    if let Some(url) = problems.required_text(fields, "url") {
        url.clone_into(&mut draft.url);
        if let Err(refused) = transport.vet(url) {
            problems.add("url", format_args!("cannot be used: failed to {refused}"));
        }
    }
    draft.description = problems.short_text(fields, "description", LONGEST_TEXT).map(str::to_owned);
    draft.events = events(fields, problems);
    draft.filter = present(fields, "filter").cloned();
    if let Some(filter) = &draft.filter
        && let Err(found) = Query::parse(filter, &Limits::default())
    {
        for problem in found {
            let path = problem.path.strip_prefix("query").unwrap_or(&problem.path);
            problems.add(&format!("filter{path}"), problem.message);
        }
    }
    draft.headers = given_headers(fields, problems);
    draft.template = present(fields, "template").cloned();
    draft.metadata = problems.object(fields, "metadata").cloned();
    for (name, part) in
        [("template", draft.template.clone()), ("metadata", draft.metadata.clone().map(Value::from))]
    {
        if part.as_ref().is_some_and(|part| part.to_string().len() > LARGEST_PART) {
            problems.add(name, format_args!("is larger than the {LARGEST_PART} bytes that are allowed"));
        } else if part.is_some_and(|part| !is_shallow(&part, DEEPEST)) {
            problems.add(name, format_args!("is nested deeper than the {DEEPEST} levels that are allowed"));
        }
    }
    draft.rate_limit = number(fields, "rateLimit", SLOWEST..=FASTEST, problems);
    let concurrency = problems.whole(fields, "concurrency", 1..=MOST_CONCURRENT);
    draft.concurrency = concurrency.and_then(|number| usize::try_from(number).ok());
    let orders = [("none", Fifo::None), ("endpoint", Fifo::Endpoint), ("key", Fifo::Key)];
    draft.fifo = problems.choice(fields, "fifo", &orders).unwrap_or_default();
    draft.fifo_key = problems.short_text(fields, "fifoKey", 256).map(str::to_owned);
    if let Some(path) = &draft.fifo_key {
        if !path.starts_with("data.") || !is_path(path) {
            problems.add(
                "fifoKey",
                "is no path into the event; expected one such as `data.sk` or `data.order.id`",
            );
        } else if draft.fifo != Fifo::Key {
            problems.add("fifoKey", "says what `fifo: \"key\"` orders by; set that too, or leave this out");
        }
    }
    draft.retry_schedule = pauses(fields, problems);
    draft.signatures = signatures(fields, problems);
    let choices = [("none", Compression::None), ("gzip", Compression::Gzip)];
    draft.compression = problems.choice(fields, "compression", &choices).unwrap_or_default();
    if let Some(tls) = problems.object(fields, "tls") {
        problems.within("tls", |problems| read_tls(tls, &mut draft, problems));
    }
    let statuses = [
        ("enabled", EndpointStatus::Enabled),
        ("paused", EndpointStatus::Paused),
        ("disabled", EndpointStatus::Disabled),
    ];
    draft.status = problems.choice(fields, "status", &statuses);
    draft.secret = problems.text(fields, "secret").map(str::to_owned);
    if let Some(secret) = &draft.secret
        && let Err(error) = SigningKey::parse(secret)
    {
        problems.add("secret", format_args!("cannot be used: failed to {error}"));
    }
    draft
}

fn signatures(fields: &Map, problems: &mut Problems) -> Vec<KeyKind> {
    let Some(given) = problems.array(fields, "signatures") else { return vec![KeyKind::V1] };
    let mut kinds = Vec::new();
    for (at, kind) in given.iter().enumerate() {
        match kind.as_str() {
            Some("v1") => kinds.push(KeyKind::V1),
            Some("v1a") => kinds.push(KeyKind::V1a),
            _ => {
                problems.add(&format!("signatures[{at}]"), "is no kind of signature; expected `v1` or `v1a`");
            }
        }
    }
    if given.is_empty() {
        problems.add("signatures", "is empty; name `v1`, `v1a` or both");
    }
    kinds.sort_by_key(|kind| *kind == KeyKind::V1a);
    kinds.dedup();
    kinds
}

fn read_tls(fields: &Map, draft: &mut Draft, problems: &mut Problems) {
    problems.only(fields, &["ca", "clientCertificate", "clientKey"]);
    draft.ca = problems.text(fields, "ca").map(str::to_owned);
    draft.client_certificate = problems.text(fields, "clientCertificate").map(str::to_owned);
    let key = problems.text(fields, "clientKey");
    draft.client_key = key.map(|key| (key != DOTS).then(|| key.to_owned()));
    if draft.client_certificate.is_some() != draft.client_key.is_some() {
        problems.add("clientKey", "belongs to `clientCertificate`: give both or none");
    }
}

fn events(fields: &Map, problems: &mut Problems) -> Vec<String> {
    let Some(patterns) = problems.array(fields, "events") else { return vec!["*".to_owned()] };
    if patterns.is_empty() || patterns.len() > MOST_PATTERNS {
        let found = patterns.len();
        problems.add("events", format_args!("has {found} patterns; expected 1 to {MOST_PATTERNS}"));
    }
    let mut taken = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        match pattern.as_str() {
            Some(pattern) if key_of(pattern).is_some() => {
                if !taken.iter().any(|taken| taken == pattern) {
                    taken.push(pattern.to_owned());
                }
            }
            _ => problems.add(
                &format!("events[{at}]"),
                "is no pattern of events; expected a name such as `order.paid`, `order.*` or `*`",
            ),
        }
    }
    taken
}

fn given_headers(fields: &Map, problems: &mut Problems) -> Vec<(String, Option<String>)> {
    let Some(given) = problems.object(fields, "headers") else { return Vec::new() };
    let mut taken = Vec::new();
    problems.within("headers", |problems| {
        for (name, value) in given {
            let Value::String(text) = value else {
                problems.add(name, "must be a string");
                continue;
            };
            let kept = text == DOTS;
            let text = if kept { "" } else { text.as_str() };
            match headers::check_given([(name.as_str(), text)]) {
                Err(error) => problems.add(name, format_args!("failed to {error}")),
                Ok(()) => taken.push((name.clone(), (!kept).then(|| text.to_owned()))),
            }
        }
    });
    let all = taken.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default()));
    if let Err(error) = headers::check_given(all.collect::<Vec<_>>()) {
        problems.add("headers", format_args!("failed to {error}"));
    }
    taken
}

fn number(
    fields: &Map,
    key: &str,
    allowed: std::ops::RangeInclusive<f64>,
    problems: &mut Problems,
) -> Option<f64> {
    let value = present(fields, key)?;
    let found = value.as_f64().filter(|number| allowed.contains(number));
    if found.is_none() {
        let (low, high) = (allowed.start(), allowed.end());
        problems.add(key, format_args!("is {}; expected a number from {low} to {high}", shown(value)));
    }
    found
}

fn pauses(fields: &Map, problems: &mut Problems) -> Option<Vec<f64>> {
    let given = problems.array(fields, "retrySchedule")?;
    if given.len() > MOST_PAUSES {
        problems
            .add("retrySchedule", format_args!("has more than the {MOST_PAUSES} pauses that are allowed"));
    }
    let mut taken = Vec::new();
    for (at, pause) in given.iter().enumerate().take(MOST_PAUSES) {
        match pause.as_f64().filter(|seconds| (0.0..=LONGEST_PAUSE).contains(seconds)) {
            Some(seconds) => taken.push(seconds),
            None => problems.add(
                &format!("retrySchedule[{at}]"),
                format_args!("is {}; expected seconds, from 0 to {LONGEST_PAUSE}", shown(pause)),
            ),
        }
    }
    Some(taken)
}

#[cfg(test)]
mod tests;
