//! What a chat widget may know, and with it anybody: its configuration, those of the staff whom it shows, and the
//! servers for calls (contract §5.8).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::ids::{Datatype, OrgId, RecordId};
use appengine_actors::machine::Machine;
use appengine_actors::record::find::Find;
use appengine_actors::record::options::Options;
use appengine_actors::record::service::Records;
use appengine_actors::record::{Query, model::Record};
use appengine_actors::session::person::{Address, Side};
use serde_json::{Map, Value, json};

use super::TAG;
use super::rules::address_at;
use super::schema::{ChatProfile, ChatProfileStatus};
use crate::auth::gate::Gate;
use crate::config::Config;
use crate::http::profile;
use crate::http::route::{Access, Route, text};
use crate::problem::Problem;

/// What a widget need not know of its own configuration.
const PRIVATE: [&str; 2] = ["missedChat", "automation"];
/// Widgets of an organisation among which somebody is looked for: those that were made first.
const MOST_WIDGETS: usize = 500;

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chat/config/{configId}", Access::Entrance, config)
            .about(TAG, "The configuration of a chat widget, as the widget may know it")
            .part("configId", text(r"^[A-Za-z0-9_.:-]{1,100}$"))
            .gives_object(StatusCode::OK),
        Route::get("/chat/get-profile/{userId}", Access::Entrance, get_profile)
            .about(TAG, "Somebody of the staff, by their address, as a chat widget shows them")
            .part("userId", profile::schema::email())
            .gives::<ChatProfile>(StatusCode::OK),
        Route::get("/chat/ice-servers", Access::Signed, ice_servers)
            .about(TAG, "STUN and TURN servers for calls in chats")
            .gives_object(StatusCode::OK),
    ]
}

async fn config(
    request: HttpRequest,
    gate: web::Data<Gate>,
    records: web::Data<Records>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let org = profile::org(&gate, &request, &Value::Null)?;
    let missing = || Problem::not_found(format!("there is no chat_config {id}"));
    let (Ok(datatype), Ok(sk)) = (Datatype::new("chat_config"), RecordId::new(&id)) else {
        return Err(missing());
    };
    let found = records.read(&org, &datatype, &sk).await?.filter(|read| !read.record.is_deleted());
    let record = found.ok_or_else(missing)?.record;
    let data: Map<String, Value> =
        record.data.into_iter().filter(|(name, _)| !PRIVATE.contains(&name.as_str())).collect();
    Ok(HttpResponse::Ok().json(json!({"sk": record.sk, "datatype": record.datatype, "data": data})))
}

async fn get_profile(
    request: HttpRequest,
    gate: web::Data<Gate>,
    machine: web::Data<Machine>,
    records: web::Data<Records>,
    config: web::Data<Config>,
    who: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let org = profile::org(&gate, &request, &Value::Null)?;
    let email = address_at("userId", &who)?;
    let widgets = widgets(&org, &records, config.limits.query_documents).await?;
    let shown = widgets.iter().find_map(|widget| shown_by(widget, &email));
    let shown = shown.ok_or_else(|| Problem::not_found(format!("no chat widget shows {email}")))?;
    let text = |field: &str| {
        let text = shown.get(field).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let address = Address::of(&org, Side::Agent, &email);
    let is_here = machine.sessions.desks.presence().is_here(&org, &address);
    let screen_name = text("screenName");
    // What their own record says stays private: a widget that gives somebody another name has its reasons.
    let name = screen_name.clone().or_else(|| text("name")).unwrap_or_else(|| email.clone());
    let status = if is_here { ChatProfileStatus::Online } else { ChatProfileStatus::Offline };
    let (avatar, tag_line) = (text("avatar"), text("tagLine"));
    Ok(HttpResponse::Ok().json(ChatProfile { email, name, avatar, screen_name, tag_line, status }))
}

/// The data of the widgets, those that were made first coming first.
async fn widgets(org: &OrgId, records: &Records, budget: usize) -> Result<Vec<Value>, Problem> {
    let datatype = Datatype::new("chat_config").map_err(|error| Problem::internal(&error))?;
    let options = Options::parse(&json!({"pageSize": MOST_WIDGETS, "sort": {"createdate": 1}}))
        .map_err(|_| Problem::internal(&"options of our own"))?;
    let (query, anybody) = (Query::default(), |_: &Record| true);
    let (options, may_read) = (&options, &anybody);
    let find = Find { org, datatype: &datatype, query: &query, options, visible: None, may_read, budget };
    Ok(records.find(&find).await?.data)
}

/// Somebody as a widget shows them, if it does.
fn shown_by<'a>(widget: &'a Value, email: &str) -> Option<&'a Map<String, Value>> {
    let agents = widget.pointer("/data/agents").and_then(Value::as_array).into_iter().flatten();
    let mut agents = agents.filter_map(Value::as_object);
    agents.find(|agent| {
        let user = agent.get("user").and_then(Value::as_str);
        user.is_some_and(|user| user.trim().to_lowercase() == email)
    })
}

async fn ice_servers(config: web::Data<Config>) -> HttpResponse {
    let servers: Vec<Value> = config.sockets.ice_servers.iter().map(|url| json!({"urls": url})).collect();
    HttpResponse::Ok().json(json!({"iceServers": servers}))
}
