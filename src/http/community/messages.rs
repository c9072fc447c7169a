//! What people say to each other directly, and what becomes of any message.

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::{GroupId, MessageId};
use appengine_actors::machine::Machine;
use appengine_actors::session::community::message::{Attachment, ContentType, Message};
use appengine_actors::session::community::wish::{Act, Mark, Refusal, Word};
use appengine_actors::session::community::{ConversationId, TalksError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::schema::{DirectBody as DirectSchema, EditBody as EditSchema, ReactBody as ReactSchema};
use super::schema::{ReadBody as ReadSchema, Threads, WordBody as WordSchema};
use super::{HistoryParams, SIGNED, asker, both, mirrored, shown, with_history_params};
use crate::http::admit::Caller;
use crate::http::route::Route;
use crate::http::take::{Json, Object, Params};
use crate::problem::{Detail, Problem};

pub(super) fn routes() -> Vec<Route> {
    let created = StatusCode::CREATED;
    let all = [
        mirrored(both!("/messages"), "Say something to somebody", |path| {
            Route::post(path, SIGNED, send).takes::<DirectSchema>().gives_object(created)
        }),
        mirrored(both!("/messages/threads"), "The people with whom one speaks, the latest first", |path| {
            Route::get(path, SIGNED, threads).gives::<Threads>(StatusCode::OK)
        }),
        mirrored(both!("/messages/unread-count"), "How much one has not read", |path| {
            Route::get(path, SIGNED, unread).gives_object(StatusCode::OK)
        }),
        mirrored(both!("/messages/thread/{userId}"), "What was said with somebody, page by page", |path| {
            with_history_params(Route::get(path, SIGNED, thread))
        }),
        mirrored(both!("/messages/thread/{userId}/read"), "Say that all of it is read", |path| {
            Route::post(path, SIGNED, thread_read).gives_object(StatusCode::OK)
        }),
        mirrored(both!("/messages/read"), "Say that these messages are read, and all before them", |path| {
            Route::post(path, SIGNED, read).takes::<ReadSchema>().gives_object(StatusCode::OK)
        }),
        mirrored(both!("/messages/{id}"), "Have a message of one's own say something else", |path| {
            Route::new(Method::PATCH, path, SIGNED, edit).takes::<EditSchema>().gives_object(StatusCode::OK)
        }),
        mirrored(
            both!("/messages/{id}"),
            "Take a message away: one's own, or as an admin of its group",
            |path| Route::new(Method::DELETE, path, SIGNED, delete).gives_object(StatusCode::OK),
        ),
        mirrored(both!("/react"), "Feel something about a message, or no longer", |path| {
            Route::post(path, SIGNED, react).takes::<ReactSchema>().gives_object(StatusCode::OK)
        }),
        mirrored(both!("/groups/{groupId}/messages"), "Say something in a group", |path| {
            Route::post(path, SIGNED, say).takes::<WordSchema>().gives_object(created)
        }),
        mirrored(both!("/groups/{groupId}/messages"), "What was said in a group, page by page", |path| {
            with_history_params(Route::get(path, SIGNED, history))
        }),
        mirrored(both!("/groups/{groupId}/read"), "Say that all that was said in a group is read", |path| {
            Route::post(path, SIGNED, group_read).gives_object(StatusCode::OK)
        }),
    ];
    all.into_iter().flatten().collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DirectBody {
    to: String,
    #[serde(default)]
    content: String,
    #[serde(default)]
    content_type: ContentType,
    #[serde(default)]
    attachments: Vec<Attachment>,
    reply_to: Option<MessageId>,
    #[serde(default)]
    mentions: Vec<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WordBody {
    #[serde(default)]
    content: String,
    #[serde(default)]
    content_type: ContentType,
    #[serde(default)]
    attachments: Vec<Attachment>,
    reply_to: Option<MessageId>,
    #[serde(default)]
    mentions: Vec<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditBody {
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadBody {
    message_ids: Vec<MessageId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReactBody {
    target: MessageId,
    target_type: Option<String>,
    #[serde(rename = "type")]
    kind: String,
}

async fn send(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<DirectBody>>,
) -> Result<HttpResponse, Problem> {
    let DirectBody { to, content, content_type, attachments, reply_to, mentions, client_id } = body;
    let (asker, talks) = (asker(&caller)?, &machine.sessions.talks);
    let to = talks.person(&asker.org, &to).await?;
    let word = Word { content, content_type, attachments, reply_to, mentions, client_id };
    let said = talks.say_to(&asker, &to, word).await?;
    Ok(HttpResponse::Created().json(said.message.as_ref().map(Message::told)))
}

async fn say(
    caller: Caller,
    machine: web::Data<Machine>,
    group: web::Path<GroupId>,
    Json(Object(body)): Json<Object<WordBody>>,
) -> Result<HttpResponse, Problem> {
    let WordBody { content, content_type, attachments, reply_to, mentions, client_id } = body;
    let word = Word { content, content_type, attachments, reply_to, mentions, client_id };
    let act = Act::Say(word, None);
    let said = machine.sessions.talks.want(&asker(&caller)?, &ConversationId::group(*group), act).await?;
    Ok(HttpResponse::Created().json(said.message.as_ref().map(Message::told)))
}

async fn threads(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(machine.sessions.talks.threads(&asker(&caller)?).await?))
}

async fn unread(caller: Caller, machine: web::Data<Machine>) -> Result<HttpResponse, Problem> {
    let (direct, groups) = machine.sessions.talks.unread(&asker(&caller)?).await?;
    let told = json!({"count": direct, "unreadCount": direct, "direct": direct, "groups": groups});
    Ok(HttpResponse::Ok().json(told))
}

async fn thread(
    caller: Caller,
    machine: web::Data<Machine>,
    with: web::Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    let (asker, part) = (asker(&caller)?, params.part()?);
    let (id, _) = machine.sessions.talks.with(&asker, &with).await?;
    Ok(shown(&machine.sessions.talks.history(&asker, &id, &part).await?, params.limit))
}

async fn history(
    caller: Caller,
    machine: web::Data<Machine>,
    group: web::Path<GroupId>,
    Params(params): Params<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    let (asker, part) = (asker(&caller)?, params.part()?);
    let found = machine.sessions.talks.history(&asker, &ConversationId::group(*group), &part).await?;
    Ok(shown(&found, params.limit))
}

async fn thread_read(
    caller: Caller,
    machine: web::Data<Machine>,
    with: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let asker = asker(&caller)?;
    let (id, _) = machine.sessions.talks.with(&asker, &with).await?;
    let read = machine.sessions.talks.want(&asker, &id, Act::Read(None)).await?;
    Ok(HttpResponse::Ok().json(read_told(read.mark.as_ref())))
}

async fn group_read(
    caller: Caller,
    machine: web::Data<Machine>,
    group: web::Path<GroupId>,
) -> Result<HttpResponse, Problem> {
    let id = ConversationId::group(*group);
    let read = machine.sessions.talks.want(&asker(&caller)?, &id, Act::Read(None)).await?;
    Ok(HttpResponse::Ok().json(read_told(read.mark.as_ref())))
}

fn read_told(mark: Option<&Mark>) -> Value {
    let mut told = mark.map_or_else(|| json!({}), Mark::told);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("success".to_owned(), true.into());
    }
    told
}

async fn read(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<ReadBody>>,
) -> Result<HttpResponse, Problem> {
    let (asker, talks) = (asker(&caller)?, &machine.sessions.talks);
    let most = appengine_actors::session::community::rules::MOST_READ;
    if !(1..=most).contains(&body.message_ids.len()) {
        let message = format!("must be 1 to {most} ids");
        let detail = Detail { path: "messageIds".into(), message };
        return Err(Problem::invalid("nothing can be marked", vec![detail]));
    }
    let mut by_place: BTreeMap<ConversationId, Vec<MessageId>> = BTreeMap::new();
    for id in body.message_ids {
        let place = talks.place(&asker.org, id).await.map_err(TalksError::from)?;
        by_place.entry(place.ok_or(TalksError::from(Refusal::NoMessage))?).or_default().push(id);
    }
    let mut reads = Vec::new();
    for (place, ids) in by_place {
        let done = talks.about(&asker, ids[0], Act::Read(Some(ids.clone()))).await?;
        let mut told = read_told(done.mark.as_ref());
        told["conversationId"] = json!(place);
        reads.push(told);
    }
    Ok(HttpResponse::Ok().json(json!({"success": true, "reads": reads})))
}

async fn edit(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<MessageId>,
    Json(Object(EditBody { content })): Json<Object<EditBody>>,
) -> Result<HttpResponse, Problem> {
    let edited = machine.sessions.talks.about(&asker(&caller)?, *id, Act::Edit(*id, content)).await?;
    Ok(HttpResponse::Ok().json(edited.message.as_ref().map(Message::told)))
}

async fn delete(
    caller: Caller,
    machine: web::Data<Machine>,
    id: web::Path<MessageId>,
) -> Result<HttpResponse, Problem> {
    machine.sessions.talks.about(&asker(&caller)?, *id, Act::Delete(*id)).await?;
    Ok(HttpResponse::Ok().json(json!({"id": *id, "deleted": true})))
}

async fn react(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<ReactBody>>,
) -> Result<HttpResponse, Problem> {
    let ReactBody { target, target_type, kind } = body;
    if target_type.is_some_and(|target| target != "message") {
        let detail = Detail { path: "targetType".into(), message: "must be `message`".into() };
        return Err(Problem::invalid("nothing can be felt about that", vec![detail]));
    }
    let done =
        machine.sessions.talks.about(&asker(&caller)?, target, Act::React(target, kind.clone())).await?;
    let action = if done.added == Some(true) { "added" } else { "removed" };
    let all = done.message.as_ref().map(Message::feelings);
    Ok(HttpResponse::Ok().json(json!({"action": action, "type": kind, "target": target, "reactions": all})))
}
