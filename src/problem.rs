//! The one shape of every error that a client sees (contract §1.2): both spellings that AppEngine's
//! clients read, and the list of what is wrong where there is more than one thing.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

/// Something that went wrong, for the client. What only the operator may know goes to the log instead.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    retry_after: Option<Duration>,
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// Where it is: `query.data.age.$foo`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// The body of every answer from 400 up.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// The HTTP status.
    pub status_code: u16,
    /// The HTTP status in words.
    pub error: Cow<'static, str>,
    /// What went wrong and what to change.
    pub message: String,
    /// The machine code again, where AppEngine's clients look for it.
    pub reason: &'static str,
    /// A word that does not change, for programs.
    pub code: &'static str,
    /// The path that was asked for.
    pub path: String,
    /// Everything that is wrong, where that is more than one thing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Detail>,
}

impl Problem {
    /// A problem with a machine code and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after: None }
    }

    /// 400: what was sent cannot be taken.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409: it contradicts what is there.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 503: it may work in a moment.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        problem.retry_after(Duration::from_secs(1))
    }

    /// 500: a fault of ours; the cause goes to the log.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed by our own fault");
        let message = "the server failed; the request may be tried again";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// 400 with everything that is wrong.
    pub fn invalid(what: &str, details: Vec<Detail>) -> Self {
        Self::invalid_as("invalid", what, details)
    }

    /// The same, with a machine code of its own.
    pub fn invalid_as(code: &'static str, what: &str, details: Vec<Detail>) -> Self {
        Self::detailed(StatusCode::BAD_REQUEST, code, what, details)
    }

    /// 403 with everything that is not theirs to do.
    pub fn forbidden(what: &str, details: Vec<Detail>) -> Self {
        Self::detailed(StatusCode::FORBIDDEN, "forbidden", what, details)
    }

    fn detailed(status: StatusCode, code: &'static str, what: &str, details: Vec<Detail>) -> Self {
        let first = details.first().map(|d| format!(": {}: {}", d.path, d.message)).unwrap_or_default();
        let more = match details.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more, see `problems`)", n - 1),
        };
        let mut problem = Self::new(status, code, format!("{what}{first}{more}"));
        problem.details = details;
        problem
    }

    /// With something more to know, at its place.
    #[must_use]
    pub fn detail(mut self, path: &str, message: &str) -> Self {
        self.details.push(Detail { path: path.to_owned(), message: message.to_owned() });
        self
    }

    /// Says when to come back.
    #[must_use]
    pub const fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer to a request for `path`.
    #[must_use]
    pub fn respond(&self, path: &str) -> HttpResponse {
        let body = ProblemBody {
            status_code: self.status.as_u16(),
            error: Cow::Borrowed(self.status.canonical_reason().unwrap_or("Error")),
            message: self.message.clone(),
            reason: self.code,
            code: self.code,
            path: path.chars().take(512).collect(),
            problems: self.details.clone(),
        };
        let mut response = HttpResponse::build(self.status).json(body);
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        // The path is not known here: the outermost middleware asks the problem again, with the path.
        let mut response = self.respond("");
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<appengine_actors::bus::change::ChangeError> for Problem {
    fn from(error: appengine_actors::bus::change::ChangeError) -> Self {
        use appengine_actors::bus::change::ChangeError;
        use appengine_actors::store::StoreError;
        let message = format!("failed to {error}");
        match &error {
            ChangeError::Changed(_) | ChangeError::Condition | ChangeError::EventKeyUsed => {
                Self::conflict("conflict", message)
            }
            ChangeError::Exists(_) => Self::conflict("already_exists", message),
            ChangeError::Taken { .. } => Self::conflict("already_taken", message),
            ChangeError::SameCreate | ChangeError::Published(_) => Self::conflict("repeated", message),
            ChangeError::KeyReused => Self::conflict("idempotency_key_reused", message),
            ChangeError::Kept { code, .. } => Self::conflict(code, message),
            ChangeError::Unfit { datatype, wrong } => {
                let detail = |why: &String| Detail { path: "data".to_owned(), message: why.clone() };
                Self::invalid(&format!("the {datatype} cannot be taken"), wrong.iter().map(detail).collect())
            }
            ChangeError::TooLarge { .. } | ChangeError::Store(StoreError::TooLarge { .. }) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "value_too_large", message)
            }
            ChangeError::Store(StoreError::Corrupt(cause)) => Self::internal(cause),
            ChangeError::Store(_) | ChangeError::Unreachable(_) => {
                tracing::warn!(%error, "a change was not committed");
                Self::unavailable("the change could not be written just now; try again shortly")
            }
        }
    }
}

impl From<appengine_actors::store::StoreError> for Problem {
    fn from(error: appengine_actors::store::StoreError) -> Self {
        appengine_actors::bus::change::ChangeError::from(error).into()
    }
}
