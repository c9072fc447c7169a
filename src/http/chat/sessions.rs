//! Which chats there are, and having them erased (contract §5.8).

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use appengine_actors::machine::Machine;
use appengine_actors::session::chat::{Chat, ChatId, ChatStatus, Erasure};
use serde::Deserialize;

use super::schema::{ChatErasureBody, ChatErasureReply, ChatKept, ChatKeptReason, MOST_ERASED};
use super::{READ, TAG, WRITE, person};
use crate::auth::role::Permission;
use crate::http::admit::Caller;
use crate::http::paging::{self, LAST_PAGE};
use crate::http::route::{Access, Route, one_of, whole};
use crate::http::take::{Json, Object, Params};
use crate::problem::{Detail, Problem};

/// The routes of this part.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/chat/sessions", Access::Staff(Permission::Read, READ), list)
            .about(TAG, "Chats, by their ids: who the customer is, who answers, since when")
            .query("status", one_of(&["open", "ended"]), "chats in one status only")
            .query("page", whole(1, LAST_PAGE), "from 1")
            .query("pageSize", whole(1, 500), "chats on a page, 50 if not given")
            .gives_object(StatusCode::OK),
        Route::post("/chat/sessions/delete", Access::Staff(Permission::Delete, WRITE), delete)
            .about(TAG, "Erase chats for good, with all that was said in them")
            .takes::<ChatErasureBody>()
            .gives::<ChatErasureReply>(StatusCode::OK),
    ]
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SessionParams {
    status: Option<ChatStatus>,
    page: Option<usize>,
    page_size: Option<usize>,
}

async fn list(
    caller: Caller,
    machine: web::Data<Machine>,
    Params(params): Params<SessionParams>,
) -> Result<HttpResponse, Problem> {
    let page = paging::read(params.page, params.page_size)?;
    let by = person(&caller);
    let listed = machine.sessions.chats.list(&caller.org, &by, params.status, page.slice()).await?;
    Ok(HttpResponse::Ok().json(page.envelope(&listed, Chat::told)))
}

async fn delete(
    caller: Caller,
    machine: web::Data<Machine>,
    Json(Object(body)): Json<Object<ChatErasureBody>>,
) -> Result<HttpResponse, Problem> {
    let (by, mut reply) = (person(&caller), ChatErasureReply::default());
    // One after the other: each may have much to remove, and others are at work meanwhile.
    for chat in chats(&body.session_ids)? {
        let erasure = machine.sessions.chats.erase(&caller.org, &by, &chat).await?;
        let chat_id = chat.to_string();
        let reason = match erasure {
            Erasure::Done => {
                reply.deleted.push(chat_id);
                continue;
            }
            Erasure::Missing => ChatKeptReason::NotFound,
            Erasure::NotYours => ChatKeptReason::Forbidden,
            Erasure::Waits => ChatKeptReason::Waiting,
            Erasure::Answered => ChatKeptReason::Answered,
        };
        reply.not_deleted.push(ChatKept { chat_id, reason });
    }
    Ok(HttpResponse::Ok().json(reply))
}

/// The chats that these name, each once, whatever it is called.
fn chats(ids: &[String]) -> Result<Vec<ChatId>, Problem> {
    let refused = |details| Err(Problem::invalid("the chats cannot be erased", details));
    if !(1..=MOST_ERASED).contains(&ids.len()) {
        let message = format!("must have 1 to {MOST_ERASED} chats' ids");
        return refused(vec![Detail { path: "sessionIds".to_owned(), message }]);
    }
    let (mut named, mut chats, mut wrong) = (HashSet::new(), Vec::new(), Vec::new());
    for (at, id) in ids.iter().enumerate() {
        match ChatId::new(id) {
            Ok(chat) if named.insert(chat.clone()) => chats.push(chat),
            Ok(_) => {}
            Err(error) => {
                wrong.push(Detail { path: format!("sessionIds[{at}]"), message: error.to_string() });
            }
        }
    }
    if wrong.is_empty() { Ok(chats) } else { refused(wrong) }
}
