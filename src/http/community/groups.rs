//! Groups, and who is in them.

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::ids::GroupId;
use appengine_actors::machine::Machine;
use appengine_actors::session::community::group::{GroupStatus, Member, Muted, Openness, Role, Settings};
use appengine_actors::session::community::who::Handle;
use appengine_actors::session::community::wish::{Act, Done};
use appengine_actors::session::community::{Asker, ConversationId, Which};
use appengine_actors::session::person::Person;
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{GroupBody as GroupSchema, GroupPage, GroupPatch as PatchSchema};
use super::schema::{MemberPatch as MemberSchema, MembersBody as MembersSchema};
use super::{SIGNED, asker, both, mirrored};
use crate::http::admit::Caller;
use crate::http::paging::{self, LAST_PAGE};
use crate::http::route::{Route, one_of, text, whole};
use crate::http::take::{Json, Object, Params};
use crate::problem::{Detail, Problem};

const WHICH: [&str; 3] = ["own", "open", "all"];

pub(super) fn routes() -> Vec<Route> {
    let ok = StatusCode::OK;
    let all = [
        mirrored(both!("/groups"), "Make a group", |path| {
            Route::post(path, SIGNED, make).takes::<GroupSchema>().gives_object(StatusCode::CREATED)
        }),
        mirrored(both!("/groups"), "Groups, those where something was said last first", |path| {
            Route::get(path, SIGNED, list)
                .query(
                    "which",
                    one_of(&WHICH),
                    "one's own, those that everybody may join, or, as a moderator, all",
                )
                .query(
                    "page",
                    text(".*"),
                    "groups of this page only; a number is that of the page of the list",
                )
                .query("pageNum", whole(1, LAST_PAGE), "from 1")
                .query("limit", whole(1, 500), "groups on a page, 50 if not given")
                .gives::<GroupPage>(ok)
        }),
        mirrored(both!("/groups/{groupId}"), "A group and who is in it", |path| {
            Route::get(path, SIGNED, get).gives_object(ok)
        }),
        mirrored(
            both!("/groups/{groupId}"),
            "Change what the body names of a group, as one of its admins",
            |path| Route::new(Method::PATCH, path, SIGNED, patch).takes::<PatchSchema>().gives_object(ok),
        ),
        mirrored(both!("/groups/{groupId}/join"), "Come into a group that everybody may join", |path| {
            Route::post(path, SIGNED, join).gives_object(ok)
        }),
        mirrored(both!("/groups/{groupId}/leave"), "Leave a group", |path| {
            Route::post(path, SIGNED, leave).gives_object(ok)
        }),
        mirrored(
            both!("/groups/{groupId}/members"),
            "Let others into a group, as one of its admins",
            |path| Route::post(path, SIGNED, add).takes::<MembersSchema>().gives_object(StatusCode::CREATED),
        ),
        mirrored(
            both!("/groups/{groupId}/members/{email}"),
            "Give somebody in a group another role, or mute them, as one of its admins",
            |path| Route::new(Method::PATCH, path, SIGNED, member).takes::<MemberSchema>().gives_object(ok),
        ),
        mirrored(
            both!("/groups/{groupId}/members/{email}"),
            "Put somebody out of a group, as one of its admins; oneself as anybody",
            |path| Route::new(Method::DELETE, path, SIGNED, remove).gives_object(ok),
        ),
    ];
    all.into_iter().flatten().collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemberDraft {
    email: String,
    #[serde(default)]
    role: Role,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupBody {
    #[serde(alias = "title")]
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    openness: Option<Openness>,
    page: Option<String>,
    only_admins_post: Option<bool>,
    max_members: Option<u32>,
    #[serde(default)]
    members: Vec<MemberDraft>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupPatch {
    #[serde(alias = "title")]
    name: Option<String>,
    description: Option<String>,
    #[serde(rename = "type")]
    openness: Option<Openness>,
    page: Option<String>,
    only_admins_post: Option<bool>,
    max_members: Option<u32>,
    status: Option<GroupStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MembersBody {
    email: Option<String>,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    members: Vec<MemberDraft>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MemberPatch {
    role: Option<Role>,
    muted: Option<bool>,
    muted_until: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListParams {
    which: Option<String>,
    page: Option<String>,
    page_num: Option<usize>,
    limit: Option<usize>,
}

/// People by what they are called.
async fn people(
    machine: &Machine,
    asker: &Asker,
    drafts: Vec<MemberDraft>,
) -> Result<Vec<(Person, Role)>, Problem> {
    let most = appengine_actors::session::community::rules::MOST_ADDED;
    if drafts.len() > most {
        let detail = Detail { path: "members".into(), message: format!("at most {most} at once") };
        return Err(Problem::invalid("they cannot be let in", vec![detail]));
    }
    let mut people = Vec::new();
    for MemberDraft { email, role } in drafts {
        people.push((machine.sessions.talks.person(&asker.org, &email).await?, role));
    }
    Ok(people)
}

async fn make(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<GroupBody>>,
) -> Result<HttpResponse, Problem> {
    let asker = asker(&caller)?;
    let GroupBody { name, description, openness, page, only_admins_post, max_members, members } = body;
    let (name, status) = (Some(name), None);
    let people = people(&machine, &asker, members).await?;
    let settings = Settings { name, description, openness, page, only_admins_post, max_members, status };
    let done = machine.sessions.talks.found(&asker, settings, people).await?;
    let id = done.group.as_ref().and_then(|group| group["id"].as_str()).and_then(|id| id.parse().ok());
    match id {
        Some(id) => Ok(HttpResponse::Created().json(machine.sessions.talks.group(&asker, id).await?)),
        None => Err(Problem::internal(&"a group was made without an id")),
    }
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<ListParams>,
) -> Result<HttpResponse, Problem> {
    let asker = asker(&caller)?;
    let refused = |path: &str, message: &str| {
        let detail = Detail { path: path.to_owned(), message: message.to_owned() };
        Problem::invalid("the list cannot be made", vec![detail])
    };
    let which = match params.which.as_deref() {
        None | Some("own") => Which::Own,
        Some("open") => Which::Open,
        Some("all") if asker.moderates => Which::All,
        Some("all") => return Err(refused("which", "only those who look after all groups see all of them")),
        Some(_) => return Err(refused("which", "must be `own`, `open` or `all`")),
    };
    // Older clients say `page` for the number of the page of the list.
    let number = params.page.as_deref().and_then(|page| page.parse().ok());
    let of_page = params.page.as_deref().filter(|_| number.is_none());
    let number = params.page_num.or(number);
    if number.is_some_and(|page| page == 0 || page > LAST_PAGE as usize) {
        return Err(refused("pageNum", &format!("must be 1 to {LAST_PAGE}")));
    }
    if params.limit.is_some_and(|limit| !(1..=500).contains(&limit)) {
        return Err(refused("limit", "must be 1 to 500"));
    }
    let page = paging::read(number, params.limit)?;
    let listed = machine.sessions.talks.groups(&asker, which, of_page, page.slice()).await?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, Value::clone)))
}

async fn get(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<GroupId>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(machine.sessions.talks.group(&asker(&caller)?, *id).await?))
}

async fn patch(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<GroupId>,
    Json(Object(body)): Json<Object<GroupPatch>>,
) -> Result<HttpResponse, Problem> {
    let GroupPatch { name, description, openness, page, only_admins_post, max_members, status } = body;
    let settings = Settings { name, description, openness, page, only_admins_post, max_members, status };
    group(&caller, &machine, *id, Act::Update(settings)).await
}

async fn join(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<GroupId>,
) -> Result<HttpResponse, Problem> {
    group(&caller, &machine, *id, Act::Join).await
}

async fn leave(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<GroupId>,
) -> Result<HttpResponse, Problem> {
    machine.sessions.talks.want(&asker(&caller)?, &ConversationId::group(*id), Act::Leave).await?;
    Ok(HttpResponse::Ok().json(json!({"groupId": *id, "success": true})))
}

/// Has something done in a group, and answers with the group.
async fn group(caller: &Caller, machine: &Machine, id: GroupId, act: Act) -> Result<HttpResponse, Problem> {
    let done = machine.sessions.talks.want(&asker(caller)?, &ConversationId::group(id), act).await?;
    Ok(HttpResponse::Ok().json(done.group))
}

async fn add(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<GroupId>,
    Json(Object(body)): Json<Object<MembersBody>>,
) -> Result<HttpResponse, Problem> {
    let asker = asker(&caller)?;
    let MembersBody { email, role, mut members } = body;
    members.extend(email.map(|email| MemberDraft { email, role }));
    if members.is_empty() {
        let detail = Detail { path: "members".into(), message: "is empty; give `email` or `members`".into() };
        return Err(Problem::invalid("nobody can be let in", vec![detail]));
    }
    let people = people(&machine, &asker, members).await?;
    let done = machine.sessions.talks.want(&asker, &ConversationId::group(*id), Act::Add(people)).await?;
    let now = machine.house.clock.now();
    let came: Vec<Value> = done.members.iter().map(|member| member.told(now)).collect();
    Ok(HttpResponse::Created().json(json!({"groupId": *id, "members": came, "group": done.group})))
}

async fn member(
    caller: Caller,
    machine: web::Data<Machine>,
    path: web::Path<(GroupId, String)>,
    Json(Object(body)): Json<Object<MemberPatch>>,
) -> Result<HttpResponse, Problem> {
    let (id, email) = path.into_inner();
    let asker = asker(&caller)?;
    let who = Handle::of(&machine.sessions.talks.person(&asker.org, &email).await?);
    let MemberPatch { role, muted, muted_until } = body;
    let group = ConversationId::group(id);
    let mut done = Done::default();
    if let Some(role) = role {
        done = machine.sessions.talks.want(&asker, &group, Act::Promote(who.clone(), role)).await?;
    }
    if muted.is_some() || muted_until.is_some() {
        let muted = muted.unwrap_or(true).then_some(Muted { until: muted_until });
        done = machine.sessions.talks.mute(&asker, id, who, muted).await?;
    }
    match done.members.first() {
        Some(member) => Ok(HttpResponse::Ok().json(Member::told(member, machine.house.clock.now()))),
        None => {
            let detail =
                Detail { path: "role".into(), message: "give `role`, `muted` or `mutedUntil`".into() };
            Err(Problem::invalid("nothing is to be changed", vec![detail]))
        }
    }
}

async fn remove(
    caller: Caller,
    machine: web::Data<Machine>,
    path: web::Path<(GroupId, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, email) = path.into_inner();
    let asker = asker(&caller)?;
    let who = Handle::of(&machine.sessions.talks.person(&asker.org, &email).await?);
    machine.sessions.talks.want(&asker, &ConversationId::group(id), Act::Remove(who)).await?;
    Ok(HttpResponse::Ok().json(json!({"groupId": id, "email": email, "removed": true})))
}
