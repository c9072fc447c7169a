//! Who waits, who answers, who is where (contract §5.6, §5.7).

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::ids::{Datatype, OrgId};
use appengine_actors::list::Listed;
use appengine_actors::machine::Machine;
use appengine_actors::mail::is_address;
use appengine_actors::record::options::Options;
use appengine_actors::record::service::Records;
use appengine_actors::record::{Limits, Query};
use appengine_actors::session::chat::decision::{Contact, Standing};
use appengine_actors::session::chat::place::{DEFAULT_QUEUE, Place};
use appengine_actors::session::desk::agent::Agent;
use appengine_actors::session::desk::messages::{DeskError, Enqueue};
use appengine_actors::session::desk::state::Position;
use appengine_actors::session::desk::words;
use appengine_actors::session::person::{Address, Person, Side};
use appengine_actors::session::presence::Online;
use serde::Deserialize;
use serde_json::{Value, json};

use super::rules::{ADDRESS, NAME, address, is_name, is_within};
use super::schema::{AgentStatusBody, ChatQueueBody, chat_id, name};
use super::{READ, TAG, WRITE, named, person, reader, silent, writer};
use crate::auth::role::Permission;
use crate::config::Config;
use crate::http::admit::Caller;
use crate::http::keep::keep;
use crate::http::paging::{self, LAST_PAGE};
use crate::http::profile::schema::email;
use crate::http::repository::list;
use crate::http::route::{Access, Route, one_of, whole};
use crate::http::take::{Json, Object, Params};
use crate::problem::Problem;

const STATUSES: [&str; 4] = ["available", "online", "busy", "away"];
/// Visits of a journey at most.
const MOST_VISITS: usize = 200;

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    let read = Access::Staff(Permission::Read, READ);
    let own = Access::Content(Permission::Read, READ);
    let paged = |route: Route| {
        route
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "entries on a page, 50 if not given")
            .gives_object(StatusCode::OK)
    };
    let about_agent = |route: Route, about| route.about(TAG, about).part("email", email());
    vec![
        paged(
            Route::get("/chat/queue", read, waiting)
                .about(TAG, "Chats that wait, in the order in which they are answered")
                .query("name", name(), "of one queue only"),
        ),
        Route::post("/chat/queue", Access::Content(Permission::Create, WRITE), enqueue)
            .about(TAG, "Have a chat wait for somebody; a customer waits once")
            .takes::<ChatQueueBody>()
            .gives_object(StatusCode::CREATED),
        Route::get("/chat/queue/stats", read, stats)
            .about(TAG, "How many wait in each queue, who is there, how long it takes")
            .gives_object(StatusCode::OK),
        Route::get("/chat/queue/position/{chatId}", own, position)
            .about(TAG, "Where a chat stands in its queue")
            .part("chatId", chat_id())
            .gives_object(StatusCode::OK),
        Route::get("/chat/decisions/{chatId}", read, decisions)
            .about(TAG, "Who was chosen for a chat, who was not, and why")
            .part("chatId", chat_id())
            .gives_object(StatusCode::OK),
        about_agent(
            Route::post("/chat/agents/{email}/status", Access::Staff(Permission::Update, WRITE), set_status),
            "Say what somebody of the staff is, in their place",
        )
        .takes::<AgentStatusBody>()
        .gives_object(StatusCode::OK),
        paged(
            Route::get("/chat/agents/online", read, agents)
                .about(TAG, "Those of the staff who are here")
                .query("status", one_of(&STATUSES), "in one status only")
                .query("skill", name(), "with one skill only"),
        ),
        about_agent(Route::get("/chat/agents/{email}/presence", read, agent), "How somebody of the staff is")
            .gives_object(StatusCode::OK),
        paged(Route::get("/chat/customers/online", read, customers).about(TAG, "Customers who are here")),
        about_agent(
            Route::get("/chat/customers/{email}/journey", read, journey),
            "Whether a customer is here, and the pages that they came by, latest first",
        )
        .query("limit", whole(1, 200), "how many pages, 50 if not given")
        .gives_object(StatusCode::OK),
        Route::get("/chat/presence/stats", read, presence)
            .about(TAG, "How many are here, by side and status")
            .gives_object(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WaitingParams {
    name: Option<String>,
    page: Option<usize>,
    page_size: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AgentParams {
    status: Option<String>,
    skill: Option<String>,
    page: Option<usize>,
    page_size: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JourneyParams {
    limit: Option<usize>,
}

async fn waiting(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<WaitingParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    keep("the list cannot be made", [("name", params.name.as_deref().is_none_or(is_name), NAME)])?;
    let mut listed = Listed::new(page.slice());
    for entry in machine.sessions.desks.waiting(&caller.org, params.name).await.map_err(silent)? {
        listed.meet(entry);
    }
    Ok(HttpResponse::Ok().json(page.envelope(&listed, |(standing, at)| words::entry(standing, at))))
}

async fn enqueue(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<ChatQueueBody>>,
) -> Result<HttpResponse, Problem> {
    let by = writer(&caller)?;
    let chat = named(&body.chat_id, &by)?;
    let is_name = |name: &Option<String>| name.as_deref().is_none_or(is_name);
    let priority = body.priority.unwrap_or_default();
    let rules = [
        ("customerEmail", is_address(&body.customer_email), ADDRESS),
        ("queue", is_name(&body.queue), NAME),
        ("skill", is_name(&body.skill), NAME),
        ("customerName", is_within(body.customer_name.as_ref(), 200), "must have at most 200 characters"),
        ("priority", (-1_000_000..=1_000_000).contains(&priority), "must be -1000000 to 1000000"),
    ];
    keep("the chat cannot wait", rules)?;
    let email = match by.side {
        // Whoever they are, by their token.
        Side::Customer => by.email.clone(),
        Side::Agent => body.customer_email.to_lowercase(),
    };
    let name = body.customer_name.filter(|name| !name.is_empty()).unwrap_or_else(|| email.clone());
    let queue = body.queue.unwrap_or_else(|| DEFAULT_QUEUE.to_owned());
    let place = Place { queue, skill: body.skill, priority };
    let (customer, context) = (Contact { email, name }, body.context.map(Value::Object));
    let asked = Enqueue { by: Some(by), chat, place, customer, context };
    let (chat, at) = machine.sessions.desks.enqueue(&caller.org, asked).await?;
    let standing = chat.standing();
    let entry = standing.as_ref().zip(at.as_ref()).map(|(standing, at)| words::entry(standing, at));
    Ok(HttpResponse::Created().json(entry.unwrap_or_else(|| json!({"chatId": chat.id}))))
}

async fn stats(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let figures = machine.sessions.desks.figures(&caller.org).await.map_err(silent)?;
    let waiting = machine.sessions.desks.waiting(&caller.org, None).await.map_err(silent)?;
    let mut queues: Vec<Value> = Vec::new();
    for of in waiting.chunk_by(|(_, one), (_, other)| one.queue == other.queue) {
        let Some((_, last)) = of.last() else { continue };
        queues.push(json!({
            "name": last.queue, "size": of.len(),
            "estimatedWaitSeconds": last.estimate.map(|estimate| estimate.as_secs()),
        }));
    }
    Ok(HttpResponse::Ok().json(json!({
        "queues": queues, "waiting": figures.waiting, "active": figures.active,
        "availableAgents": figures.available, "averageHandleTimeSeconds": figures.handle_time.as_secs(),
    })))
}

async fn position(
    caller: Caller,
    machine: web::Data<Machine>,
    chat: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let chat = named(&chat, &reader(&caller)?)?;
    let standing = machine.sessions.desks.standing(&caller.org, chat.clone()).await.map_err(silent)?;
    let at: Option<(Standing, Position)> = standing.and_then(|(standing, at)| Some((standing, at?)));
    let (standing, at) = at.ok_or_else(|| Problem::not_found(format!("the chat {chat} does not wait")))?;
    Ok(HttpResponse::Ok().json(words::told_position(&standing, &at)))
}

async fn decisions(
    caller: Caller,
    machine: web::Data<Machine>,
    chat: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let by = person(&caller);
    let chat = named(&chat, &by)?;
    let decisions = machine.sessions.chats.decisions(&caller.org, &by, &chat).await?;
    Ok(HttpResponse::Ok().json(json!({"chatId": chat, "data": decisions})))
}

async fn set_status(
    caller: Caller,
    machine: web::Data<Machine>,
    email: web::Path<String>,
    Json(Object(body)): Json<Object<AgentStatusBody>>,
) -> Result<HttpResponse, Problem> {
    let who = staff(&machine, &caller.org, &email).await?;
    let agent = machine.sessions.desks.set_status(&caller.org, who, body.status).await?;
    Ok(HttpResponse::Ok().json(shown(&machine, &caller.org, &agent)))
}

/// Somebody of the staff, by their address.
async fn staff(machine: &Machine, org: &OrgId, email: &str) -> Result<Person, Problem> {
    let email = address(email)?;
    if let Some(online) = machine.sessions.desks.presence().find(org, &Address::of(org, Side::Agent, &email))
    {
        return Ok(online.person);
    }
    let found = machine.sessions.people.by_email(org, Side::Agent, &email).await?;
    found.ok_or_else(|| Problem::not_found(format!("there is nobody of the staff with the address {email}")))
}

fn shown(machine: &Machine, org: &OrgId, agent: &Agent) -> Value {
    let online = machine.sessions.desks.presence().find(org, &agent.person.address(org));
    json!({
        "email": agent.person.email, "name": agent.person.name, "status": agent.shown(),
        "chosenStatus": agent.kept.status, "online": agent.online, "skills": agent.abilities.skills,
        "activeChats": agent.load, "maxChats": agent.abilities.capacity,
        "devices": online.as_ref().map_or(0, |online| online.devices),
        "since": online.as_ref().map(|online| online.since),
        "location": online.and_then(|online| online.location),
    })
}

async fn agents(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<AgentParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let is_status = params.status.as_deref().is_none_or(|status| STATUSES.contains(&status));
    let one_of = format!("must be one of {}", STATUSES.join(", "));
    let rules = [
        ("status", is_status, one_of.as_str()),
        ("skill", params.skill.as_deref().is_none_or(is_name), NAME),
    ];
    keep("the list cannot be made", rules)?;
    let status = params.status.map(|status| if status == "online" { "available".to_owned() } else { status });
    let mut listed = Listed::new(page.slice());
    for agent in machine.sessions.desks.agents(&caller.org).await.map_err(silent)? {
        let fits = agent.online
            && status.as_deref().is_none_or(|status| agent.shown() == status)
            && agent.can(params.skill.as_deref());
        if fits {
            listed.meet(agent);
        }
    }
    Ok(HttpResponse::Ok().json(page.envelope(&listed, |agent| shown(&machine, &caller.org, agent))))
}

async fn agent(
    caller: Caller,
    machine: web::Data<Machine>,
    email: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let who = staff(&machine, &caller.org, &email).await?;
    let found = machine.sessions.desks.agent(&caller.org, who).await?;
    Ok(HttpResponse::Ok().json(shown(&machine, &caller.org, &found)))
}

async fn customers(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<paging::PageParams>,
) -> Result<HttpResponse, Problem> {
    let page = params.read()?;
    let mut listed = Listed::new(page.slice());
    for online in machine.sessions.desks.presence().online(&caller.org, Side::Customer) {
        listed.meet(online);
    }
    Ok(HttpResponse::Ok().json(page.envelope(&listed, shown_customer)))
}

fn shown_customer(online: &Online) -> Value {
    json!({
        "email": online.person.email, "name": online.person.name, "id": online.person.id,
        "guest": online.person.guest, "devices": online.devices, "deviceIds": online.device_ids,
        "since": online.since, "location": online.location,
    })
}

async fn journey(
    caller: Caller,
    machine: web::Data<Machine>,
    records: web::Data<Records>,
    config: web::Data<Config>,
    email: web::Path<String>,
    Params(params): Params<JourneyParams>,
) -> Result<HttpResponse, Problem> {
    let limit = params.limit.unwrap_or(50);
    let rule = format!("must be 1 to {MOST_VISITS}");
    keep("the journey cannot be told", [("limit", (1..=MOST_VISITS).contains(&limit), &rule)])?;
    let email = address(&email)?;
    let datatype = Datatype::new("web_visit").map_err(|error| Problem::internal(&error))?;
    let asked = json!({"data.email": email});
    let query =
        Query::parse(&asked, &Limits::default()).map_err(|_| Problem::internal(&"a query of our own"))?;
    let options = Options::parse(&json!({"pageSize": limit, "sort": {"createdate": -1}}))
        .map_err(|_| Problem::internal(&"options of our own"))?;
    let place = list::Place {
        caller: &caller,
        records: &records,
        datatype: &datatype,
        budget: config.limits.query_documents,
    };
    let found = list::find(place, &query, &options, None).await?;
    let visits: Vec<&Value> = found.data.iter().filter_map(|record| record.get("data")).collect();
    let online = machine
        .sessions
        .desks
        .presence()
        .find(&caller.org, &Address::of(&caller.org, Side::Customer, &email));
    Ok(HttpResponse::Ok().json(json!({
        "email": email, "online": online.is_some(), "presence": online.as_ref().map(shown_customer),
        "visits": visits,
    })))
}

async fn presence(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let agents = machine.sessions.desks.agents(&caller.org).await.map_err(silent)?;
    let count = |status: &str| agents.iter().filter(|agent| agent.shown() == status).count();
    let presence = machine.sessions.desks.presence();
    let customers = presence.online(&caller.org, Side::Customer);
    let figures = machine.sessions.desks.figures(&caller.org).await.map_err(silent)?;
    Ok(HttpResponse::Ok().json(json!({
        "agents": {
            "online": agents.iter().filter(|agent| agent.online).count(), "available": count("available"),
            "busy": count("busy"), "away": count("away"),
        },
        "customers": {
            "online": customers.len(), "guests": customers.iter().filter(|online| online.person.guest).count(),
        },
        "viewers": presence.viewers(&caller.org),
        "chats": {"waiting": figures.waiting, "active": figures.active},
    })))
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let words = format!("failed to {error}");
        match error {
            DeskError::NotHere(_) => Self::conflict("not_here", words),
            DeskError::NoCustomer(_) | DeskError::Unfit(_) => Self::conflict("not_routed", words),
            DeskError::Chat(error) => error.into(),
            DeskError::Store(error) => error.into(),
            DeskError::Name(error) => Self::internal(&error),
            DeskError::Unreachable(error) => silent(error),
        }
    }
}
