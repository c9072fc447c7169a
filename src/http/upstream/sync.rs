//! How vendors are read that do not call: what was set, how it goes, and how to have one read now.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::IntegrationId;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::inbound::sync::state::{EVERY, SyncSettings, SyncState};
use appengine_actors::inbound::sync::syncs::{StartError, Synced};
use appengine_actors::inbound::sync::tasks::MOST_STREAMS;
use appengine_actors::machine::Machine;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::ToSchema;

use super::{READ, TAG, WRITE};
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::route::{Access, Route, id};
use crate::problem::{Detail, Problem};
use crate::sync::{ALL, adapter::Adapter, driver, of};

/// How often a vendor is read at most, and at least.
const EVERY_WITHIN: [Duration; 2] = [Duration::from_secs(60), Duration::from_hours(24)];

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/upstream/sync", Access::Staff(Permission::Read, READ), list)
            .about(TAG, "How the vendors are read whose listings are followed")
            .gives_object(StatusCode::OK),
        Route::post("/upstream/sync/{id}", Access::Staff(Permission::Update, WRITE), start)
            .about(TAG, "Read an integration's listings now, or as soon as the vendor takes it")
            .part("id", id(IntegrationId::PREFIX))
            .gives_object(StatusCode::ACCEPTED),
    ]
}

/// How a vendor's listings are read. What is left out stays as it was.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncBody {
    /// Whether they are.
    #[serde(default)]
    enabled: Option<bool>,
    /// How often, from `1m` to `1d`; `5m` if nothing was ever said.
    #[serde(default, with = "appengine_actors::duration::option")]
    #[schema(value_type = Option<String>, examples("5m"))]
    every: Option<Duration>,
    /// What of the vendor, such as `r/rust`, `page/1234` or the id of a channel.
    #[serde(default)]
    #[schema(max_items = 50)]
    follow: Option<Vec<String>>,
}

/// What is asked for, put together with what was set before.
///
/// # Errors
/// What of it cannot be done, at its path.
pub(super) fn settings(
    vendor: &str,
    body: Option<SyncBody>,
    before: Option<&Integration>,
) -> Result<Option<SyncSettings>, Problem> {
    let kept = before.and_then(|before| before.sync.clone());
    let Some(body) = body else { return Ok(kept) };
    let adapter = of(vendor).ok_or_else(|| {
        wrong("sync", format!("must be left out of {vendor}; listings are read of {}", names()))
    })?;
    let kept = kept.unwrap_or(SyncSettings { enabled: false, every: EVERY, follow: Vec::new() });
    let settings = SyncSettings {
        enabled: body.enabled.unwrap_or(kept.enabled),
        every: body.every.unwrap_or(kept.every),
        follow: body.follow.unwrap_or(kept.follow),
    };
    let [least, most] = EVERY_WITHIN;
    if !(least..=most).contains(&settings.every) {
        return Err(wrong("sync.every", "must be from 1m to 1d".to_owned()));
    }
    match driver::streams(adapter, &settings.follow) {
        Ok(streams) if streams.len() > MOST_STREAMS => {
            Err(wrong("sync.follow", format!("must come to at most {MOST_STREAMS} listings")))
        }
        // What is not read may wait to be told what of it.
        Err((None, _)) if !settings.enabled => Ok(Some(settings)),
        Ok(_) => Ok(Some(settings)),
        Err((place, why)) => {
            let place = place.map_or_else(String::new, |place| format!("[{place}]"));
            Err(wrong(&format!("sync.follow{place}"), why))
        }
    }
}

fn names() -> String {
    ALL.into_iter().map(Adapter::vendor).collect::<Vec<_>>().join(", ")
}

fn wrong(path: &str, message: String) -> Problem {
    Problem::invalid("the integration cannot be saved", vec![Detail { path: path.to_owned(), message }])
}

async fn list(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let data: Vec<Value> = machine.inbound.syncs.of(&caller.org).await?.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({"total": data.len(), "data": data})))
}

async fn start(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<IntegrationId>,
) -> Result<HttpResponse, Problem> {
    let synced = machine.inbound.syncs.start(&caller.org, *id).await?;
    Ok(HttpResponse::Accepted().json(shown(&synced)))
}

fn shown(of: &Synced) -> Value {
    let head = of.head.as_ref();
    json!({
        "id": of.integration.id, "type": of.integration.vendor, "name": of.integration.name,
        "enabled": of.integration.synced().is_some(), "sync": of.integration.sync,
        "running": head.is_some_and(|head| head.running_until.is_some()),
        "jobId": head.and_then(|head| head.job),
        "lastRun": head.and_then(|head| head.last_run),
        "nextRun": head.filter(|head| head.job.is_some()).map(|head| head.next_run),
        "pausedUntil": head.and_then(|head| head.paused_until),
        "failures": head.map_or(0, |head| head.failures),
        "error": head.and_then(|head| head.error.as_deref()),
        "streams": of.streams.iter().map(stream).collect::<Vec<_>>(),
    })
}

/// A listing: how far it was read is the platform's own matter, and shown for whoever looks for what went wrong.
fn stream(of: &SyncState) -> Value {
    json!({
        "stream": of.stream, "cursor": of.cursor, "since": of.since, "lastRun": of.last_run, "nextRun": of.next_run,
        "events": of.events, "failures": of.failures, "error": of.error,
    })
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Integration(error) => error.into(),
            StartError::Off(_) => Self::conflict("sync_off", format!("failed to {error}")),
        }
    }
}
