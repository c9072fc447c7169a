//! `send_email`: orders mails, one to each receiver. The step is done once the orders are durable; sending them,
//! and trying again where the mail server is not there, is the queue's work.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::{Action, Check, Plan, StepContext, StepError, recheck};
use crate::flow::Map;
use crate::form::fields::{present, words};
use crate::form::problem::Problems;
use crate::form::template::{has_placeholder, lookup};
use crate::mail::{LONGEST_SUBJECT, Letter, is_address, order};

/// Receivers of one step.
const MOST: usize = 50;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "send_email"
    }

    fn check(&self, config: &Map, _: Check<'_>, problems: &mut Problems) {
        problems.only(config, &["actionType", "retry", "to", "subject", "body", "html"]);
        let before = problems.count();
        let named = problems.words(config, "to");
        if named.is_empty() && present(config, "to").is_some() && problems.count() == before {
            problems.add("to", "names nobody; leave it out to send to the run's contact");
        }
        if !config.get("to").is_some_and(has_placeholder) {
            for (number, to) in receivers(config).iter().enumerate() {
                if number == MOST {
                    problems.add("to", format_args!("names more than {MOST} receivers"));
                }
                if !is_address(to) {
                    let to: String = to.chars().take(64).collect();
                    problems.add("to", format_args!("names `{to}`, which is no e-mail address"));
                }
            }
        }
        if let Some(subject) = problems.required_text(config, "subject")
            && subject.chars().any(char::is_control)
        {
            problems.add("subject", "has control characters or line breaks; write it as one line");
        }
        problems.required_text(config, "body");
        problems.text(config, "html");
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            let text = |key: &str| config.get(key).and_then(Value::as_str);
            // What a record says may be longer than a subject can be: its beginning is the subject.
            let subject: String = text("subject").unwrap_or_default().chars().take(LONGEST_SUBJECT).collect();
            let mut to = receivers(&config);
            if present(&config, "to").is_none() {
                to.extend(lookup("contact.email", ctx.variables).and_then(Value::as_str).map(str::to_owned));
            }
            if to.is_empty() {
                let why = "config.to is left out, and the run has no contact with an e-mail address";
                return Err(StepError::lasting(why));
            }
            let mut plan = Plan::default();
            let mut ids = Vec::new();
            for to in to {
                let (text, html) = (text("body").unwrap_or_default(), text("html"));
                let letter = Letter { to: &to, subject: &subject, text, html };
                let draft = order(ctx.house, letter, &mut plan.change.extra, ctx.now);
                let draft = draft.map_err(|error| StepError::lasting(format!("failed to {error}")))?;
                ids.push(draft.id);
                plan.change.jobs.push(draft);
            }
            plan.output = json!({"jobIds": ids});
            Ok(plan)
        })
    }
}

/// The addresses that a config names, each once.
fn receivers(config: &Map) -> Vec<String> {
    let mut named: Vec<String> = config.get("to").and_then(words).unwrap_or_default();
    let mut seen = std::collections::BTreeSet::new();
    named.retain(|to| seen.insert(to.clone()));
    named
}
