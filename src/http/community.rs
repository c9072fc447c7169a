//! Communities over REST (contract §6): what sockets do, for those who have none, and the groups themselves. Every
//! route is there twice: under `/client/community` as customers' clients spell it, and under `/community`.

mod groups;
mod messages;
mod people;
mod problem;
mod schema;

use actix_web::HttpResponse;
use appengine_actors::ids::{GroupId, MessageId};
use appengine_actors::session::community::rules::MOST_HISTORY;
use appengine_actors::session::community::{Asker, History};
use appengine_actors::session::person::{Person, Side};
use serde::Deserialize;
use serde_json::json;

use super::admit::Caller;
use super::route::{Access, Route, id};
use crate::auth::principal::Kind;
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Communities";
/// Messages of a history, where nobody says how many.
const USUAL: usize = 50;

/// The highest number that a history goes back from.
const MOST_NUMBER: u64 = 4_294_967_295;

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    [messages::routes(), groups::routes(), people::routes()].into_iter().flatten().collect()
}

/// Both spellings of a path.
macro_rules! both {
    ($path:literal) => {
        [concat!("/client/community", $path), concat!("/community", $path)]
    };
}
use both;

/// A route under both spellings; the API document has the first.
fn mirrored(
    paths: [&'static str; 2],
    summary: &'static str,
    make: impl Fn(&'static str) -> Route,
) -> Vec<Route> {
    let [clients, staffs] = paths.map(|path| {
        let route = make(path).about(TAG, summary);
        let route =
            if path.contains("{groupId}") { route.part("groupId", id(GroupId::PREFIX)) } else { route };
        if path.contains("{id}") { route.part("id", id(MessageId::PREFIX)) } else { route }
    });
    vec![clients, staffs.hidden()]
}

/// Whoever has an account, for what is their own.
const SIGNED: Access = Access::Signed;

/// Who asks: a person, since programs take part in nothing.
fn asker(caller: &Caller) -> Result<Asker, Problem> {
    let side = match caller.kind {
        Kind::User => Side::Agent,
        Kind::Customer | Kind::Guest => Side::Customer,
        Kind::App => return Err(programs()),
    };
    if caller.scopes.is_some() {
        return Err(programs());
    }
    let person = Person {
        side,
        id: caller.id.clone(),
        email: caller.email.clone().unwrap_or_default(),
        name: if caller.name.is_empty() { caller.label().to_owned() } else { caller.name.clone() },
        guest: caller.kind == Kind::Guest,
    };
    let moderates = side == Side::Agent && caller.may(Permission::Delete);
    Ok(Asker { org: caller.org.clone(), person, moderates })
}

fn programs() -> Problem {
    let message =
        "take part as a person: come with the token of one, not with an app's or an API key".to_owned();
    Problem::forbidden(
        "a program has no part in a community",
        vec![Detail { path: "authorization".into(), message }],
    )
}

/// Which part of a history is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HistoryParams {
    before: Option<u64>,
    after: Option<u64>,
    limit: Option<usize>,
    reply_to: Option<MessageId>,
}

impl HistoryParams {
    fn part(&self) -> Result<appengine_actors::session::community::Part, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        let of_limit = format!("must be 1 to {MOST_HISTORY}");
        let of_before = format!("must be 1 to {MOST_NUMBER}");
        let bounds = [
            ("limit", (1..=MOST_HISTORY).contains(&limit), of_limit.as_str()),
            (
                "before",
                self.before.is_none_or(|before| (1..=MOST_NUMBER).contains(&before)),
                of_before.as_str(),
            ),
        ];
        let wrong = bounds.into_iter().filter(|(_, fits, _)| !fits);
        let wrong: Vec<Detail> = wrong
            .map(|(path, _, message)| Detail { path: path.to_owned(), message: message.to_owned() })
            .collect();
        if !wrong.is_empty() {
            return Err(Problem::invalid("the history cannot be read", wrong));
        }
        let Self { before, after, reply_to, .. } = *self;
        Ok(appengine_actors::session::community::Part { before, after, limit, reply_to })
    }
}

fn with_history_params(route: Route) -> Route {
    use super::route::{text, whole};
    route
        .query("before", whole(1, u32::MAX), "messages before this number, the latest of them")
        .query("after", text("^[0-9]{1,16}$"), "messages behind this number, 0 for all, the first of them")
        .query("limit", whole(1, 200), "messages on a page, 50 if not given")
        .query("replyTo", id(MessageId::PREFIX), "replies to this message only")
        .gives::<schema::MessagePage>(actix_web::http::StatusCode::OK)
}

/// Part of a history, as an answer.
fn shown(found: &History, limit: Option<usize>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "data": found.messages, "pageSize": limit.unwrap_or(USUAL), "hasNext": found.has_more, "next": found.next,
        "reads": found.reads, "seq": found.seq, "gap": found.gap,
    }))
}
