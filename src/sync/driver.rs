//! Sends the requests for pages and reads the answers: what the machine asks of the platforms.

use std::sync::{Arc, OnceLock};

use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::{Credentials, Integration};
use appengine_actors::inbound::integrations::Integrations;
use appengine_actors::inbound::sync::{Ask, Page, SyncError, Syncer};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::adapter::{Adapter, Fault, Place};
use super::cursor::Cursor;
use crate::connect::api::{Api, ApiReply};

/// What a token is kept under, by the names that people and OAuth give it.
const TOKENS: [&str; 4] = ["access_token", "accessToken", "bot_token", "botToken"];
/// What the application's own name is kept under.
const CLIENT_IDS: [&str; 2] = ["client_id", "clientId"];
/// Characters of a cursor that is kept.
const LONGEST_CURSOR: usize = 32 * 1024;

/// Gives tokens that vendors take now.
pub trait Tokens: Send + Sync + 'static {
    /// The token of an integration, refreshed where it is about to end.
    fn fresh<'a>(
        &'a self,
        org: &'a OrgId,
        integration: IntegrationId,
    ) -> BoxFuture<'a, Result<String, String>>;
}

/// [`Tokens`] as they were saved.
pub struct SavedTokens(pub Integrations);

impl Tokens for SavedTokens {
    fn fresh<'a>(
        &'a self,
        org: &'a OrgId,
        integration: IntegrationId,
    ) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async move {
            let credentials =
                self.0.credentials(org, integration).await.map_err(|error| error.to_string())?;
            let token = first(&credentials, &TOKENS).map(str::to_owned);
            token.ok_or_else(|| "find a token; save one as the credential `access_token`".to_owned())
        })
    }
}

fn first<'a>(credentials: &'a Credentials, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| credentials.api.get(*name)?.as_str())
}

/// Reads the listings of all platforms.
#[derive(Clone)]
pub struct Driver {
    api: Api,
    /// Tokens are kept by the machine, which is started with the driver: they come afterwards.
    tokens: Arc<OnceLock<Arc<dyn Tokens>>>,
}

impl Driver {
    /// A driver that calls platforms so.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api, tokens: Arc::default() }
    }

    /// By which tokens; said once.
    pub fn take_tokens(&self, tokens: Arc<dyn Tokens>) {
        // Whoever is first has said it.
        let _ = self.tokens.set(tokens);
    }

    async fn read(&self, ask: Ask) -> Result<Page, SyncError> {
        let Ask { integration, credentials, stream, cursor, since, now } = ask;
        let (org, id) = (&integration.org_id, integration.id);
        let adapter = adapter(&integration).map_err(SyncError::Integration)?;
        let tokens = self.tokens.get();
        let tokens = tokens
            .ok_or_else(|| SyncError::Integration("find a token: the server is starting".to_owned()))?;
        let token = tokens.fresh(org, id).await.map_err(SyncError::Integration)?;
        let base = self.api.base(adapter.interface());
        let client_id = first(&credentials, &CLIENT_IDS).unwrap_or_default();
        let at = Place { base: &base, stream: &stream, token: &token, client_id, since, now };
        // One that an older version wrote, or nobody: what was told is not told again.
        let cursor: Cursor = serde_json::from_value(cursor).unwrap_or_default();
        let reply = self.api.send(adapter.request(&at, &cursor)).await;
        let reply = reply.map_err(|error| SyncError::Integration(error.to_string()))?;
        let is_walking = !cursor.pages.is_empty();
        let failed = |fault| fail(adapter, &at, &reply, fault);
        let read = match judge(adapter, &reply) {
            None => adapter.read(&at, cursor, &reply).map_err(failed)?,
            // A place in the middle of a listing that is no longer known: it is read from its newest end again.
            Some(Fault::Stream | Fault::Odd) if is_walking && reply.status / 100 == 4 => {
                let cursor = value(&cursor.restarted())?;
                return Ok(Page { told: Vec::new(), cursor, more: false, pause: None });
            }
            Some(fault) => return Err(failed(fault)),
        };
        let pause = adapter.limits().pause(&reply, now);
        Ok(Page { told: read.told, cursor: value(&read.cursor)?, more: read.more, pause })
    }
}

impl Syncer for Driver {
    fn streams(&self, integration: &Integration) -> Result<Vec<String>, String> {
        let follow = integration.sync.as_ref().map(|sync| sync.follow.as_slice()).unwrap_or_default();
        streams(adapter(integration)?, follow).map_err(|(_, why)| why)
    }

    fn page(&self, ask: Ask) -> BoxFuture<'static, Result<Page, SyncError>> {
        let driver = self.clone();
        Box::pin(async move { driver.read(ask).await })
    }
}

/// The listings of what is followed; what is wrong with it, and where.
///
/// # Errors
/// The place of what cannot be followed, and what can.
pub fn streams(adapter: &dyn Adapter, follow: &[String]) -> Result<Vec<String>, (Option<usize>, String)> {
    let known = || format!("of {} can be followed: {}", adapter.vendor(), adapter.follows());
    if follow.is_empty() && adapter.has_own() {
        return adapter.streams("").ok_or_else(|| (None, known()));
    }
    let mut all = Vec::new();
    for (place, one) in follow.iter().enumerate() {
        let streams = adapter.streams(one).filter(|_| !one.is_empty());
        for stream in streams.ok_or_else(|| (Some(place), known()))? {
            if !all.contains(&stream) {
                all.push(stream);
            }
        }
    }
    if all.is_empty() {
        return Err((None, known()));
    }
    Ok(if adapter.is_joined() { vec![all.join(",")] } else { all })
}

fn adapter(integration: &Integration) -> Result<&'static dyn Adapter, String> {
    let vendor = &integration.vendor;
    super::of(vendor).ok_or_else(|| format!("read {vendor}: no listings of it are documented"))
}

/// What an answer's status says is wrong, unless the platform says so in its own way.
fn judge(adapter: &dyn Adapter, reply: &ApiReply) -> Option<Fault> {
    if reply.is_ok() {
        return None;
    }
    // A refusal is one whatever its body says.
    if matches!(reply.status, 429 | 503) {
        return Some(Fault::Limit(None));
    }
    adapter.fault(reply).or(match reply.status {
        401 => Some(Fault::Token),
        403 | 404 | 410 => Some(Fault::Stream),
        _ => Some(Fault::Odd),
    })
}

fn fail(adapter: &dyn Adapter, at: &Place<'_>, reply: &ApiReply, fault: Fault) -> SyncError {
    let why = format!("read {} of {}: {}", at.stream, adapter.vendor(), reply.complaint());
    match fault {
        Fault::Limit(pause) => {
            let pause = pause.unwrap_or_else(|| adapter.limits().refused(reply, at.now));
            SyncError::Wait { why, pause }
        }
        Fault::Token => SyncError::Integration(format!("{why}; connect the vendor again")),
        // A platform that is out of order is so for all of its listings.
        Fault::Odd if reply.status / 100 == 5 => SyncError::Integration(why),
        Fault::Stream | Fault::Odd => SyncError::Stream(why),
    }
}

fn value(cursor: &Cursor) -> Result<Value, SyncError> {
    let value = serde_json::to_value(cursor).map_err(|error| SyncError::Stream(error.to_string()))?;
    if value.to_string().len() > LONGEST_CURSOR {
        let why = "keep how far the listing was read: the platform's names of its pages are too long";
        return Err(SyncError::Stream(why.to_owned()));
    }
    Ok(value)
}
