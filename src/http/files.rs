//! Files over REST: uploads as forms of parts, and reading by links (contract §5.8, §3.5).

mod form;
mod serve;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::clock::Timestamp;
use appengine_actors::ids::FileId;
use appengine_actors::machine::Machine;
use appengine_actors::session::chat::{Between, ChatId};
use appengine_actors::session::person::{Person, Side};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::form::{Form, Texts};
use super::admit::Caller;
use super::route::{Access, Route, id, schema_of, text, whole};
use super::take::{Json, Object, Params};
use crate::auth::principal::{Kind, Principal};
use crate::auth::role::Permission;
use crate::files::{FilePath, FileRecord, Files, FilesError, Links, Purpose};
use crate::problem::{Detail, Problem};

const TAG: &str = "Files";
/// What a path of a file looks like.
const PATH: &str = "^files/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/file_[0-7][0-9A-HJKMNP-TV-Z]{25}$";
/// Texts in a path: no slash, no control character.
const PART: &str = r"^[^/\x00-\x1f\x7f-\x9f]{1,256}$";

/// The routes of this chapter.
#[must_use]
pub fn routes() -> Vec<Route> {
    let refused = |route: Route| {
        let stalled = (StatusCode::REQUEST_TIMEOUT, "Nothing came of the body for a minute");
        let full = (StatusCode::INSUFFICIENT_STORAGE, "The organisation's quota or the disk is full");
        route.also(stalled.0, stalled.1).also(full.0, full.1)
    };
    vec![
        refused(Route::post("/chat/upload/{chat}/{email}", Access::Signed, upload_to_chat))
            .about(TAG, "Upload files for a conversation, up to 20 at once: customers for their own")
            .part("chat", text(PART))
            .part("email", text(PART))
            .takes_parts::<ChatForm>()
            .gives::<Vec<FileShown>>(StatusCode::CREATED),
        refused(Route::post(
            "/repository/file/upload",
            Access::Staff(Permission::Create, "write:data"),
            upload,
        ))
        .about(TAG, "Upload a file")
        .takes_parts::<FileForm>()
        .gives::<FileShown>(StatusCode::CREATED),
        Route::get("/repository/file/link", Access::Staff(Permission::Read, "read:data"), link)
            .about(TAG, "What is known of a file, with a fresh link to read it by")
            .needs("path", text(PATH), "where the file is kept, as the upload answered")
            .gives::<FileShown>(StatusCode::OK),
        Route::post("/repository/file/delete", Access::Staff(Permission::Delete, "write:data"), delete)
            .about(TAG, "Delete a file for good")
            .takes::<PathBody>()
            .gives::<FileDeleted>(StatusCode::OK),
        Route::get("/file/{org}/{id}", Access::Link, serve::serve)
            .about(TAG, "A file, by a link that an upload or a message has; ranges of it are given")
            .part("org", text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))
            .part("id", id(FileId::PREFIX))
            .needs("expires", whole(0, u32::MAX), "when the link ends, in seconds since 1970")
            .needs("signature", schema_of::<String>(), "what the server signed it with")
            .gives_media("application/octet-stream")
            .also(StatusCode::PARTIAL_CONTENT, "The part that `Range` asks for")
            .also(StatusCode::RANGE_NOT_SATISFIABLE, "The file ends before that part"),
    ]
}

/// Files for a conversation.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, and read part by part")]
struct ChatForm {
    /// The files, each with its name; at most 20.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1, max_items = 20)]
    files: Vec<String>,
}

/// A file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, and read part by part")]
struct FileForm {
    /// Where its uploader sorts it, such as `invoices/2026`.
    #[schema(max_length = 255)]
    location: Option<String>,
    /// The file, with its name.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// Which file is meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PathBody {
    /// Where it is kept, as the upload answered.
    #[schema(pattern = "^files/[A-Za-z0-9][A-Za-z0-9._-]{0,63}/file_[0-7][0-9A-HJKMNP-TV-Z]{25}$", value_type = String)]
    path: FilePath,
}

/// A file, as its uploader is told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FileShown {
    /// Its name.
    name: String,
    /// Where it is read, until `expiresAt`.
    url: String,
    /// Where it is kept: what messages and records name it by.
    path: String,
    /// What it is.
    mime_type: String,
    /// Its bytes.
    size: u64,
    /// When the link ends.
    #[schema(value_type = String)]
    expires_at: Timestamp,
    /// Where its uploader sorts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// What became of a file.
#[derive(Debug, Serialize, ToSchema)]
struct FileDeleted {
    /// Always true: where there was none, that is answered as 404.
    deleted: bool,
}

/// Which file is asked about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathQuery {
    path: FilePath,
}

fn shown(caller: &Principal, links: &Links, file: FileRecord) -> FileShown {
    let (url, expires_at) = links.to(&caller.org, file.id);
    FileShown {
        url,
        expires_at,
        path: FilePath { org: caller.org.clone(), id: file.id }.to_string(),
        name: file.name,
        mime_type: file.mime_type,
        size: file.bytes,
        location: file.location,
    }
}

async fn upload_to_chat(
    caller: Caller,
    machine: web::Data<Machine>,
    files: web::Data<Files>,
    links: web::Data<Links>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let (said, email) = path.into_inner();
    let chat = chat_of(&caller, &said, &email)?;
    let form = Form::of(&request, payload, &machine.house.clock, files.limits())?;
    let (tray, _) = form.read(files.tray(&caller.org).await?, "files", &[]).await?;
    let purpose = Purpose { chat: Some(chat.to_string()), location: None };
    let kept = tray.keep(caller.label(), &purpose).await?;
    let told: Vec<FileShown> = kept.into_iter().map(|file| shown(&caller, &links, file)).collect();
    Ok(HttpResponse::Created().json(told))
}

/// The conversation that files are for. What a customer says in place of one is the configuration of their widget.
fn chat_of(caller: &Principal, said: &str, email: &str) -> Result<ChatId, Problem> {
    const REFUSED: &str = "the files are not taken";
    let refuse = |path: &str, why: &str| {
        Problem::forbidden(REFUSED, vec![Detail { path: path.to_owned(), message: why.to_owned() }])
    };
    let side = match caller.kind {
        Kind::User => Side::Agent,
        Kind::Customer | Kind::Guest => Side::Customer,
        Kind::App => {
            return Err(refuse("authorization", "a person's token is needed; send the person's own"));
        }
    };
    let own_email = caller.email.clone().unwrap_or_default().to_lowercase();
    let person = Person {
        side,
        id: caller.id.clone(),
        email: own_email.clone(),
        name: caller.name.clone(),
        guest: caller.kind == Kind::Guest,
    };
    let chat = ChatId::new(said).map_err(|error| {
        let detail = Detail { path: "chat".to_owned(), message: format!("failed to {error}") };
        Problem::invalid_as("invalid_path", "the path cannot be taken", vec![detail])
    })?;
    match side {
        Side::Agent if chat.admits(&person) => Ok(chat),
        Side::Agent => Err(refuse("chat", "it is between two others")),
        Side::Customer if email.to_lowercase() != own_email => {
            Err(refuse("email", "it is somebody else's; a customer uploads in their own name"))
        }
        Side::Customer => {
            let own = ChatId::of_customer(&person);
            // A guest names their own as whoever owns their address would.
            let is_own = chat == own || chat.as_str() == format!("customer::{own_email}");
            match chat.between() {
                Between::Staff => Ok(own),
                Between::Customer { .. } if is_own => Ok(own),
                Between::Customer { .. } | Between::Pair(..) => {
                    Err(refuse("chat", "it is somebody else's; a customer uploads to their own"))
                }
            }
        }
    }
}

async fn upload(
    caller: Caller,
    machine: web::Data<Machine>,
    files: web::Data<Files>,
    links: web::Data<Links>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let form = Form::of(&request, payload, &machine.house.clock, files.limits())?;
    let tray = files.tray(&caller.org).await?.holding(1);
    let (tray, texts) = form.read(tray, "file", &["location"]).await?;
    let location = Texts::take(texts, "location").filter(|text| !text.is_empty());
    let kept = tray.keep(caller.label(), &Purpose { chat: None, location }).await?;
    let file = kept.into_iter().next();
    let file = file.ok_or_else(|| Problem::internal(&"a form without a file was taken"))?;
    Ok(HttpResponse::Created().json(shown(&caller, &links, file)))
}

/// The file that a path names, if the caller's organisation has it.
async fn find(caller: &Principal, files: &Files, path: &FilePath) -> Result<FileRecord, Problem> {
    let own = if path.org == caller.org { files.find(&caller.org, path.id).await? } else { None };
    own.ok_or_else(|| Problem::not_found("there is no such file; give the `path` that its upload answered"))
}

async fn link(
    caller: Caller,
    files: web::Data<Files>,
    links: web::Data<Links>,
    Params(query): Params<PathQuery>,
) -> Result<HttpResponse, Problem> {
    let file = find(&caller, &files, &query.path).await?;
    Ok(HttpResponse::Ok().json(shown(&caller, &links, file)))
}

async fn delete(
    caller: Caller,
    files: web::Data<Files>,
    Json(Object(body)): Json<Object<PathBody>>,
) -> Result<HttpResponse, Problem> {
    let file = find(&caller, &files, &body.path).await?;
    // Somebody may have been faster: it is gone either way.
    files.remove(&caller.org, file.id).await?;
    Ok(HttpResponse::Ok().json(FileDeleted { deleted: true }))
}

impl From<FilesError> for Problem {
    fn from(error: FilesError) -> Self {
        let status = match error {
            FilesError::TooMany(_) => StatusCode::BAD_REQUEST,
            FilesError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            FilesError::Ending { .. } | FilesError::Content { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            FilesError::Quota(_) | FilesError::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            FilesError::Store(error) => return error.into(),
            FilesError::Io { .. } => {
                tracing::error!(%error, "the disk failed under files");
                return Self::unavailable(
                    "the files could not be written or read just now; try again shortly",
                );
            }
        };
        Self::new(status, error.code(), format!("failed to {error}"))
    }
}
