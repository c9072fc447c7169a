//! Jobs of work: added by an organisation's programs, and done by workers that ask for them over HTTP. A worker
//! has a job as long as it says from time to time that it lives (contract §12).

mod add;
mod backoff;
mod worker;

use actix_web::http::StatusCode;
use appengine_actors::ids::JobId;
use appengine_actors::keys;
use appengine_actors::machine::Machine;
use appengine_actors::queue::job::Job;
use appengine_actors::store::decode;
use serde_json::Value;

use super::admit::Caller;
use super::route::{Access, Route, id};
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Jobs";
const SCOPE: &str = "write:queues";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let create = Access::Staff(Permission::Create, SCOPE);
    let update = Access::Staff(Permission::Update, SCOPE);
    let about = |route: Route, about| {
        route.about(TAG, about).part("id", id(JobId::PREFIX)).gives_object(StatusCode::OK)
    };
    vec![
        Route::post("/queues/{name}/jobs", create, add::one)
            .about(TAG, "Add a job of work; 200 instead of 201 where its unique key was taken")
            .takes::<add::JobBody>()
            .gives_object(StatusCode::CREATED)
            .leads(&[("id", "/id")], &["GET /monitoring/jobs/{id}", "POST /monitoring/jobs/{id}/cancel"]),
        Route::post("/queues/{name}/jobs/bulk", create, add::many)
            .about(TAG, "Add up to 1,000 jobs of work as one commit: all of them or none")
            .takes::<add::BulkBody>()
            .gives_object(StatusCode::CREATED),
        Route::post("/queues/{name}/claim", update, worker::claim)
            .about(TAG, "Take jobs to do, and wait for the first one if there is none")
            .takes::<worker::ClaimBody>()
            .gives_object(StatusCode::OK),
        about(
            Route::post("/jobs/{id}/heartbeat", update, worker::heartbeat).takes::<worker::BeatBody>(),
            "Say that a job's worker lives; told whether the job was called off",
        ),
        about(
            Route::post("/jobs/{id}/progress", update, worker::progress).takes::<worker::ProgressBody>(),
            "Say how far a job is, for people to see",
        ),
        about(
            Route::post("/jobs/{id}/log", update, worker::log).takes::<worker::LogBody>(),
            "Add lines to a job's log; the newest are kept",
        ),
        about(
            Route::post("/jobs/{id}/checkpoint", update, worker::checkpoint).takes::<worker::CursorBody>(),
            "Save how far a job came: the next attempt is given it",
        ),
        about(
            Route::post("/jobs/{id}/complete", update, worker::complete).takes::<worker::CompleteBody>(),
            "Say that a job is done",
        ),
        about(
            Route::post("/jobs/{id}/fail", update, worker::fail).takes::<worker::FailBody>(),
            "Say that an attempt at a job failed",
        ),
        about(
            Route::post("/jobs/{id}/release", update, worker::release).takes::<worker::LeaseBody>(),
            "Hand a job back as if it had not been taken",
        ),
    ]
}

/// A job of the caller's organisation.
///
/// # Errors
/// When there is none by that id.
pub(super) async fn own(caller: &Caller, machine: &Machine, id: JobId) -> Result<Job, Problem> {
    let found = machine.house.store.get(keys::job(id)).await?;
    let job = found.map(|found| decode::<Job>(&found.value)).transpose()?;
    let job = job.filter(|job| job.org_id == caller.org);
    job.ok_or_else(|| Problem::not_found(format!("there is no job {id}")))
}

/// What is wrong with a body, gathered.
#[derive(Default)]
struct Wrong(Vec<Detail>);

impl Wrong {
    fn unless(&mut self, fits: bool, path: &str, message: impl Into<String>) {
        if !fits {
            self.0.push(Detail { path: path.to_owned(), message: message.into() });
        }
    }

    /// A text of so many characters.
    fn text(&mut self, path: &str, text: &str, most: usize) {
        let fits = (1..=most).contains(&text.chars().count());
        self.unless(fits, path, format!("must have 1 to {most} characters"));
    }

    /// A value of so many bytes as JSON.
    fn size(&mut self, path: &str, value: &Value, most: usize) {
        let bytes = serde_json::to_vec(value).map_or(usize::MAX, |text| text.len());
        self.unless(bytes <= most, path, format!("has {bytes} bytes as JSON; at most {most} are taken"));
    }

    /// A whole number within bounds.
    fn within(&mut self, path: &str, found: Option<u64>, least: u64, most: u64) {
        let fits = found.is_none_or(|found| (least..=most).contains(&found));
        self.unless(fits, path, format!("must be {least} to {most}"));
    }

    fn end(self, what: &str) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(what, self.0)) }
    }
}
