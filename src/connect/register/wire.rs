//! Sends the calls that a vendor's file asks for: so many and so long, and no secret in what is told of them.

use std::sync::Arc;
use std::time::Duration;

use appengine_actors::clock::Clock;
use serde_json::Value;

use super::plan::{Answer, Ask, Found, Registrar, Step, text};
use super::site::Site;
use crate::connect::api::{Api, ApiCall};

/// Calls for one errand.
const MOST_CALLS: usize = 250;
/// Pages of what is registered.
const MOST_PAGES: usize = 20;
/// For one errand: somebody waits for its answer.
const MOST_TIME: Duration = Duration::from_secs(90);

/// One errand to a vendor.
pub struct Wire {
    api: Api,
    of: &'static dyn Registrar,
    clock: Arc<dyn Clock>,
    started: Duration,
    calls: usize,
}

impl Wire {
    /// An errand that begins now.
    pub fn new(api: Api, of: &'static dyn Registrar, clock: Arc<dyn Clock>) -> Self {
        let started = clock.elapsed();
        Self { api, of, clock, started, calls: 0 }
    }

    /// Makes a call: the JSON of its answer.
    ///
    /// # Errors
    /// Why there is none, in the vendor's words where it has some.
    pub async fn ask(&mut self, site: &Site, ask: Ask) -> Result<Value, String> {
        let Ask { what, base, call, .. } = ask;
        self.calls += 1;
        if self.calls > MOST_CALLS || self.clock.elapsed().saturating_sub(self.started) > MOST_TIME {
            let seconds = MOST_TIME.as_secs();
            return Err(format!(
                "{what}: this takes more than {MOST_CALLS} calls or {seconds} s; do it again, and it goes on"
            ));
        }
        let call = ApiCall { url: format!("{}{}", self.api.base(base), call.url), ..call };
        let reply = match self.api.send(call.header("accept", "application/json")).await {
            Ok(reply) => reply,
            Err(error) => return Err(site.redacted(&format!("{what}: {error}"))),
        };
        let Some(complaint) = self.of.complaint(&reply) else { return Ok(reply.json()) };
        let hint = match reply.status {
            401 | 403 => "; the credentials are wrong, or they may not do this",
            _ => "",
        };
        Err(site.redacted(&format!("{what}: {complaint}{hint}")))
    }

    /// Gets the token for what follows, where the vendor wants one.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn sign_in(&mut self, site: &mut Site) -> Result<(), String> {
        let Some(ask) = self.of.token(site) else { return Ok(()) };
        let what = ask.what.clone();
        let token = text(&self.ask(site, ask).await?, "/access_token");
        if token.is_empty() {
            return Err(format!("{what}: there is no `access_token` in the answer"));
        }
        site.token = token;
        Ok(())
    }

    /// What is registered now.
    ///
    /// # Errors
    /// Why that is not known.
    pub async fn found(&mut self, site: &Site) -> Result<Vec<Found>, String> {
        let mut pages: Vec<Value> = Vec::new();
        while let Some(ask) = self.of.list(site, pages.last()) {
            if pages.len() >= MOST_PAGES {
                return Err(format!("{}: there are more than {MOST_PAGES} pages", ask.what));
            }
            let page = self.ask(site, ask).await?;
            pages.push(page);
        }
        Ok(self.of.found(site, &pages))
    }

    /// Makes all changes that are due.
    ///
    /// # Errors
    /// Why one was not made on which the others depend.
    pub async fn change(&mut self, site: &Site, found: &[Found]) -> Result<Vec<Answer>, String> {
        let mut done = Vec::new();
        while let Some(step) = self.of.change(site, found, &done)? {
            let answer = match step {
                Step::Left { part, why } => {
                    Answer { part: Some(part), failure: Some(why), body: Value::Null }
                }
                Step::Ask(ask) => {
                    let part = ask.part.clone();
                    match self.ask(site, ask).await {
                        Ok(body) => Answer { part, body, failure: None },
                        Err(why) if part.is_some() => Answer { part, body: Value::Null, failure: Some(why) },
                        Err(why) => return Err(why),
                    }
                }
            };
            done.push(answer);
        }
        Ok(done)
    }

    /// Takes our address away: how often it was there.
    ///
    /// # Errors
    /// Why it still is.
    pub async fn remove(&mut self, site: &Site, found: &[Found]) -> Result<usize, String> {
        let asks = self.of.removal(site, found);
        let count = asks.len();
        let mut failure = None;
        for ask in asks {
            let part = ask.part.clone().unwrap_or_default();
            if let Err(why) = self.ask(site, ask).await {
                failure = failure.or(Some(format!("{why} ({part})")));
            }
        }
        failure.map_or(Ok(count), Err)
    }
}
