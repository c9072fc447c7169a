//! Conversations of customers and staff, for callers without a socket (contract §5.8): what is said in them; in
//! `sessions` which there are, in `widget` what anybody may know, in `desk` who answers and who is where (§5.6, §5.7).

mod desk;
mod problem;
mod rules;
mod schema;
mod sessions;
mod widget;

use actix_web::http::{Method, StatusCode};
use actix_web::{HttpResponse, web};
use appengine_actors::ids::MessageId;
use appengine_actors::machine::Machine;
use appengine_actors::mail::is_address;
use appengine_actors::session::chat::message::{Message, MessageStatus};
use appengine_actors::session::chat::messages::Said;
use appengine_actors::session::chat::{ChatId, MOST_HISTORY, Word};
use appengine_actors::session::person::{Person, Side};
use appengine_actors::supervision::AskError;
use serde::Deserialize;
use serde_json::{Value, json};

use self::rules::{ADDRESS, LATEST, address, is_within};
use self::schema::{
    ChatHistoryReply, LiveMessage, LiveMessageBody, MessageChange, MessageChangeBody, MessageSent,
    SavedMessage, SavedMessageBody, chat_id,
};
use super::admit::Caller;
use super::keep::{keep, keep_path};
use super::paging::TIME;
use super::route::{Access, Route, text, whole};
use super::take::{Json, Object, Params};
use crate::auth::principal::{Kind, Principal};
use crate::auth::role::Permission;
use crate::problem::{Detail, Problem};

const TAG: &str = "Chat";
const READ: &str = "read:chat";
const WRITE: &str = "write:chat";
/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let read = Access::Content(Permission::Read, READ);
    let create = Access::Content(Permission::Create, WRITE);
    let limit = || whole(1, u32::try_from(MOST_HISTORY).unwrap_or(u32::MAX));
    let mut routes = vec![
        Route::get("/chat/history/{chatId}", read, history)
            .about(TAG, "What was said in a chat, oldest first: the latest, or what was before a number")
            .part("chatId", chat_id())
            .query("before", whole(1, u32::MAX), "messages before this number")
            .query("limit", limit(), "how many, 100 if not given")
            .gives::<ChatHistoryReply>(StatusCode::OK),
        Route::get("/chat/messages/{email}", read, messages)
            .about(TAG, "The latest messages of the chats that somebody takes part in, oldest first")
            .part("email", super::profile::schema::email())
            .query("limit", limit(), "how many, 500 if not given")
            .gives::<ChatHistoryReply>(StatusCode::OK),
        Route::get("/chat/messages/{email}/{createdAfter}", read, messages_since)
            .about(TAG, "The same, of what was said since a moment")
            .part("email", super::profile::schema::email())
            .part("createdAfter", text(TIME))
            .query("limit", limit(), "how many, 500 if not given")
            .gives::<ChatHistoryReply>(StatusCode::OK),
        Route::post("/chat/live/{chatId}/{userId}", create, live)
            .about(TAG, "Say something in a chat, to somebody in it")
            .part("chatId", chat_id())
            .part("userId", text(r"^\S{1,254}$"))
            .takes::<LiveMessageBody>()
            .gives::<MessageSent>(StatusCode::CREATED),
        Route::post("/chat/save/{chatId}", Access::Staff(Permission::Create, WRITE), save)
            .about(TAG, "Keep a message that was said elsewhere; nobody is asked to answer it")
            .part("chatId", chat_id())
            .takes::<SavedMessageBody>()
            .gives::<MessageSent>(StatusCode::CREATED),
        Route::new(Method::PUT, "/chat/update/{chatId}", create, update)
            .about(TAG, "Change what a message says, or how far it has come")
            .part("chatId", chat_id())
            .takes::<MessageChangeBody>()
            .gives_object(StatusCode::OK),
    ];
    routes.extend(sessions::routes());
    routes.extend(widget::routes());
    routes.extend(desk::routes());
    routes
}

/// The caller, as those who take part in chats know them.
fn person(caller: &Principal) -> Person {
    let side = match caller.kind {
        Kind::Customer | Kind::Guest => Side::Customer,
        Kind::User | Kind::App => Side::Agent,
    };
    Person {
        side,
        id: caller.id.clone(),
        email: caller.label().to_owned(),
        name: if caller.name.is_empty() { caller.label().to_owned() } else { caller.name.clone() },
        guest: caller.kind == Kind::Guest,
    }
}

/// The same, if they may read what is said.
pub(super) fn reader(caller: &Principal) -> Result<Person, Problem> {
    caller.require(Permission::Read, READ)?;
    Ok(person(caller))
}

/// The same, if they may say something.
fn writer(caller: &Principal) -> Result<Person, Problem> {
    caller.require(Permission::Create, WRITE)?;
    Ok(person(caller))
}

/// The chat that a path names. A guest names their own as whoever owns their address would.
pub(super) fn named(text: &str, by: &Person) -> Result<ChatId, Problem> {
    let chat = ChatId::new(text).map_err(|error| {
        let detail = Detail { path: "chatId".to_owned(), message: error.to_string() };
        Problem::invalid("the chat cannot be found", vec![detail])
    })?;
    let is_own = by.side == Side::Customer && chat.as_str() == format!("customer::{}", by.email);
    let chat = if is_own { ChatId::of_customer(by) } else { chat };
    if chat.admits(by) { Ok(chat) } else { Err(others("take part in a chat that is between others")) }
}

/// It is not theirs to do.
fn others(what: &str) -> Problem {
    Problem::forbidden(&format!("failed to {what}"), Vec::new())
}

/// A chat or a desk does not answer.
fn silent(error: AskError) -> Problem {
    tracing::warn!(%error, "a chat or a desk did not answer");
    Problem::unavailable("the chat does not answer just now; try again shortly")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryParams {
    before: Option<u64>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitParams {
    limit: Option<usize>,
}

fn checked(limit: Option<usize>, usual: usize) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(usual);
    let rule = format!("must be 1 to {MOST_HISTORY}");
    keep("the list cannot be made", [("limit", (1..=MOST_HISTORY).contains(&limit), &rule)])?;
    Ok(limit)
}

async fn history(
    caller: Caller,
    machine: web::Data<Machine>,
    chat: web::Path<String>,
    Params(params): Params<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    let by = reader(&caller)?;
    let (chat, limit) = (named(&chat, &by)?, checked(params.limit, 100)?);
    let is_number = params.before.is_none_or(|before| (1..=u64::from(u32::MAX)).contains(&before));
    keep("the list cannot be made", [("before", is_number, "must be 1 to 4294967295")])?;
    let found = machine.sessions.chats.history(&caller.org, &by, &chat, params.before, limit).await?;
    let has_more = found.first().is_some_and(|message| message.seq > 1);
    Ok(HttpResponse::Ok().json(shown(&found, has_more)))
}

fn shown(messages: &[Message], has_more: bool) -> Value {
    json!({"data": messages.iter().map(Message::in_event).collect::<Vec<_>>(), "hasMore": has_more})
}

async fn messages(
    caller: Caller,
    machine: web::Data<Machine>,
    email: web::Path<String>,
    Params(params): Params<LimitParams>,
) -> Result<HttpResponse, Problem> {
    list_messages(&caller, &machine, &email, None, params.limit).await
}

async fn messages_since(
    caller: Caller,
    machine: web::Data<Machine>,
    path: web::Path<(String, String)>,
    Params(params): Params<LimitParams>,
) -> Result<HttpResponse, Problem> {
    let (email, since) = path.into_inner();
    list_messages(&caller, &machine, &email, Some(&since), params.limit).await
}

async fn list_messages(
    caller: &Principal,
    machine: &Machine,
    email: &str,
    since: Option<&str>,
    limit: Option<usize>,
) -> Result<HttpResponse, Problem> {
    let (by, email, limit) = (reader(caller)?, address(email)?, checked(limit, MOST_HISTORY)?);
    let since = since.map(|text| {
        text.parse().map_err(|_| {
            let message = "must be a moment such as 2026-01-31T12:00:00Z".to_owned();
            let detail = Detail { path: "createdAfter".to_owned(), message };
            Problem::invalid_as("invalid_path", "the path cannot be taken", vec![detail])
        })
    });
    // Somebody's own, or whoever it is for staff. A guest's address may be somebody else's.
    if by.side == Side::Customer && (by.guest || email != by.email) {
        return Err(others("read messages of somebody else"));
    }
    let found = machine.sessions.chats.messages_of(&caller.org, &email, since.transpose()?, limit).await?;
    let has_more = found.len() == limit;
    Ok(HttpResponse::Ok().json(shown(&found, has_more)))
}

async fn live(
    caller: Caller,
    machine: web::Data<Machine>,
    path: web::Path<(String, String)>,
    Json(Object(body)): Json<Object<LiveMessage>>,
) -> Result<HttpResponse, Problem> {
    let (chat, to) = path.into_inner();
    let by = writer(&caller)?;
    let chat = named(&chat, &by)?;
    let is_id = (1..=254).contains(&to.chars().count()) && !to.contains(char::is_whitespace);
    keep_path("userId", is_id, "must have 1 to 254 characters without spaces: an e-mail address, or `chat`")?;
    let LiveMessage { content, message, files, client_id } = body;
    let content = content.or(message).unwrap_or_else(nothing);
    let word = Word { content, to: Some(to), files, client_id, ..Word::default() };
    let said = machine.sessions.chats.say(&caller.org, &by, &chat, word).await?;
    Ok(HttpResponse::Created().json(sent(said)))
}

async fn save(
    caller: Caller,
    machine: web::Data<Machine>,
    chat: web::Path<String>,
    Json(Object(body)): Json<Object<SavedMessage>>,
) -> Result<HttpResponse, Problem> {
    let chat = named(&chat, &person(&caller))?;
    let SavedMessage { from, from_name, to, content, sender_role, sent_time, files, client_id, kind } = body;
    let rules = [
        ("from", is_address(&from), ADDRESS),
        ("fromName", is_within(from_name.as_ref(), 200), "must have at most 200 characters"),
        ("to", is_within(to.as_ref(), 254), "must have at most 254 characters"),
        ("sentTime", sent_time.is_none_or(|at| at <= LATEST), "must be milliseconds since 1970, before 2100"),
    ];
    keep("the message cannot be kept", rules)?;
    let content = content.unwrap_or_else(nothing);
    let side = sender_role.unwrap_or_else(|| {
        // Whoever the chat is named after is its customer.
        if chat.as_str().ends_with(&format!(":{}", from.to_lowercase())) {
            Side::Customer
        } else {
            Side::Agent
        }
    });
    let known = machine.sessions.people.by_email(&caller.org, side, &from).await?;
    let id = known.map_or_else(|| caller.id.clone(), |person| person.id);
    let (name, email) = (from_name.unwrap_or_else(|| from.clone()), from.to_lowercase());
    let by = Person { side, id, email, name, guest: false };
    let said = sent_time.map(appengine_actors::clock::Timestamp::from_millis);
    let word = Word { content, to, files, client_id, said, kind, ..Word::default() };
    let said = machine.sessions.chats.save(&caller.org, &by, &chat, word).await?;
    Ok(HttpResponse::Created().json(sent(said)))
}

/// What a message of files alone says.
fn nothing() -> Value {
    Value::String(String::new())
}

fn sent(Said { message, chat }: Said) -> MessageSent {
    MessageSent {
        success: true,
        message_id: message.id.to_string(),
        chat_id: message.chat_id.to_string(),
        seq: message.seq,
        routed_to: chat.routed_to(),
    }
}

async fn update(
    caller: Caller,
    machine: web::Data<Machine>,
    chat: web::Path<String>,
    Json(Object(body)): Json<Object<MessageChange>>,
) -> Result<HttpResponse, Problem> {
    let by = writer(&caller)?;
    named(&chat, &by)?;
    let id: MessageId = body.message_id.parse().map_err(|error: appengine_actors::ids::IdError| {
        let detail = Detail { path: "messageId".to_owned(), message: error.to_string() };
        Problem::invalid("the message cannot be changed", vec![detail])
    })?;
    let chats = &machine.sessions.chats;
    let mut message = match body.content {
        Some(content) => Some(chats.reword(&caller.org, &by, id, content).await?),
        None => None,
    };
    if let Some(status) = body.status.filter(|status| *status != MessageStatus::Sent) {
        message = Some(chats.mark(&caller.org, &by, id, status).await?);
    }
    match message {
        Some(message) => Ok(HttpResponse::Ok().json(message.in_event())),
        None => {
            let message = "give `content`, or `status` as `delivered` or `read`".to_owned();
            Err(Problem::invalid(
                "the message cannot be changed",
                vec![Detail { path: "content".to_owned(), message }],
            ))
        }
    }
}
