//! `send_webhook`: orders a signed request. The step is done once the order is durable; delivering it,
//! and trying again for hours if need be, is the destination's work, and its story is in the trace.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck};
use crate::clock::Timestamp;
use crate::flow::Map;
use crate::flow::definition::Trigger;
use crate::flow::trigger::{BUILT_IN, scheduled};
use crate::form::problem::Problems;
use crate::form::template::{has_placeholder, lookup};
use crate::ids::DeliveryId;
use crate::retry::Curve;
use crate::webhook::body;
use crate::webhook::delivery::{DeliveryDraft, DestinationId};
use crate::webhook::headers;

const METHODS: [(&str, &str); 5] =
    [("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH"), ("DELETE", "DELETE"), ("GET", "GET")];
const MOST_RETRIES: u64 = 100;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "send_webhook"
    }

    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "url", "method", "headers", "body", "retries"]);
        if let Some(url) = problems.required_text(config, "url")
            && !has_placeholder(&Value::String(url.to_owned()))
            && let Err(refused) = on.transport.vet(url)
        {
            problems.add("url", format_args!("cannot be used: failed to {refused}"));
        }
        problems.choice(config, "method", &METHODS);
        problems.whole(config, "retries", 0..=MOST_RETRIES);
        let Some(given) = problems.object(config, "headers") else { return };
        problems.within("headers", |problems| {
            for (name, value) in given {
                let Value::String(text) = value else {
                    problems.add(name, "must be a string");
                    continue;
                };
                // What a placeholder stands for is known when a run reads it; the name is known now.
                let text = if has_placeholder(value) { "" } else { text.as_str() };
                if let Err(error) = headers::check_given([(name.as_str(), text)]) {
                    problems.add(name, format_args!("failed to {error}"));
                }
            }
        });
    }

    fn address(&self) -> Option<&'static str> {
        Some("url")
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let url = config.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
            let method = config.get("method").and_then(Value::as_str).unwrap_or("POST").to_owned();
            let given = config.get("headers").and_then(Value::as_object).into_iter().flatten();
            let headers: Vec<(String, String)> =
                given.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
            headers::check_given(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())))
                .map_err(|error| StepError::lasting(format!("failed to {error}")))?;
            let told = Told::of(ctx);
            let body = match config.get("body") {
                None | Some(Value::Null) => {
                    body::standard(&ctx.run.org_id, &told.event, told.timestamp, &told.data)
                }
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            let id = DeliveryId::new(ctx.now);
            let retries = config.get("retries").and_then(Value::as_u64);
            let draft = DeliveryDraft {
                id,
                destination: DestinationId::of_origin(&ctx.run.org_id, origin(&url)),
                event: told.event,
                event_id: ctx.run.event,
                run: Some((ctx.run.id, ctx.step.id.clone())),
                url,
                method,
                headers,
                body,
                schedule: schedule(ctx, retries),
                line: None,
            };
            let mut plan = Plan { output: json!({"deliveryId": id}), ..Plan::default() };
            plan.change.deliveries.push(draft);
            Ok(plan)
        })
    }
}

/// Scheme, host and port: what shares a destination.
fn origin(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(authority..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or(url)
}

fn schedule(ctx: &StepContext<'_>, retries: Option<u64>) -> Vec<std::time::Duration> {
    let backoff = &ctx.house.settings.webhooks.backoff;
    let Curve::Schedule { delays } = backoff.curve() else { return Vec::new() };
    let wanted = retries.map_or(delays.len(), |n| usize::try_from(n).unwrap_or(usize::MAX));
    // More retries than the schedule has pauses go on at its last pause.
    let last = delays.last().copied().unwrap_or_default();
    delays.iter().copied().chain(std::iter::repeat(last)).take(wanted).collect()
}

/// What the receiver is told happened.
struct Told {
    event: String,
    timestamp: Timestamp,
    data: Value,
}

impl Told {
    fn of(ctx: &StepContext<'_>) -> Self {
        let text = |path| lookup(path, ctx.variables).and_then(Value::as_str);
        if ctx.run.event.is_some()
            && let Some(event) = text("event.event")
        {
            let timestamp = text("event.timestamp").and_then(|time| time.parse().ok()).unwrap_or(ctx.now);
            let data = lookup("event.data", ctx.variables).cloned().unwrap_or(Value::Null);
            return Self { event: event.to_owned(), timestamp, data };
        }
        // Started by time or by hand: what the flow listens to, about what was given.
        let own = ctx.flow.triggers.iter().find(|trigger| Some(&trigger.id) == ctx.run.trigger.as_ref());
        let event = own.or_else(|| ctx.flow.triggers.first()).and_then(listened_to);
        let event = event.unwrap_or_else(|| "automation.executed".to_owned());
        let data = match lookup("contact", ctx.variables) {
            Some(Value::Object(contact)) if event.starts_with("contact.") => {
                let id = contact.get("id").or_else(|| contact.get("sk")).cloned();
                let mut record = json!({"datatype": "contact", "data": contact});
                if let (Some(id), Some(record)) = (id, record.as_object_mut()) {
                    record.insert("sk".to_owned(), id);
                }
                record
            }
            _ => Value::Object(ctx.run.variables.clone()),
        };
        Self { event, timestamp: ctx.now, data }
    }
}

/// The event that a trigger names, where it names one.
fn listened_to(trigger: &Trigger) -> Option<String> {
    if trigger.kind == scheduled::KIND {
        return Some(scheduled::KIND.to_owned());
    }
    let built_in = BUILT_IN.iter().find(|known| known.kind == trigger.kind);
    let usual = built_in.and_then(|known| known.listens.first()).map(|event| (*event).to_owned());
    let named = || trigger.config.get("event").and_then(Value::as_str).filter(|event| !event.contains('*'));
    usual.or_else(|| named().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (url, expected) in [
            ("https://a.example/x?y", "https://a.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://h:1?q", "http://h:1"),
        ] {
            assert_eq!(origin(url), expected);
        }
    }
}
