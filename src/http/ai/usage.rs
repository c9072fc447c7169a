//! What an organisation has had models say, by day and model.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::machine::Machine;
use appengine_actors::session::stream::usage::{Day, Used};
use serde::Deserialize;
use serde_json::{Value, json};

use super::TAG;
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::keep::keep;
use crate::http::route::{Access, Route, text};
use crate::http::take::Params;
use crate::problem::Problem;

/// Days that are told at once, and those that are where nobody says.
const MOST: u32 = 366;
const USUAL: u32 = 30;
/// A day, as parameters take it.
const DAY: &str = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$";

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/ai/usage", Access::Staff(Permission::Read, "read:ai"), usage)
            .about(TAG, "Answers and tokens by day and model, the latest day first")
            .query("from", text(DAY), "the first day, in UTC; 30 days back if not given")
            .query("to", text(DAY), "the last day; today if not given")
            .gives_object(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageParams {
    from: Option<String>,
    to: Option<String>,
}

async fn usage(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<UsageParams>,
) -> Result<HttpResponse, Problem> {
    let today = Day::of(machine.house.clock.now());
    let day = |text: &Option<String>| text.as_deref().map(read).transpose();
    let (from, to) = (day(&params.from), day(&params.to));
    let rule = "must be a day, such as 2026-04-25";
    keep("the usage cannot be told", [("from", from.is_ok(), rule), ("to", to.is_ok(), rule)])?;
    let to = to.ok().flatten().unwrap_or(today);
    let from = from.ok().flatten().unwrap_or(Day(to.0.saturating_sub(USUAL - 1)));
    // The latest of them; the answer says which.
    let from = from.max(Day(to.0.saturating_sub(MOST - 1)));
    let usage = machine.sessions.streams.usage(&caller.org, from, to).await?;
    let mut sum = Used::default();
    usage.values().for_each(|used| sum.add(*used));
    let rows = usage.into_iter().rev().map(|((day, model), used)| {
        let mut row = json!(used);
        row["date"] = date(day).into();
        row["model"] = Some(model).filter(|model| !model.is_empty()).into();
        row
    });
    let rows: Vec<Value> = rows.collect();
    Ok(HttpResponse::Ok().json(json!({
        "from": date(from), "to": date(to), "total": rows.len(), "data": rows, "sum": sum,
    })))
}

fn read(text: &str) -> Result<Day, ()> {
    let midnight = format!("{text}T00:00:00Z").parse::<Timestamp>();
    midnight.map(Day::of).ok().filter(|_| text.len() == 10).ok_or(())
}

fn date(day: Day) -> String {
    day.begins().to_string().chars().take(10).collect()
}
