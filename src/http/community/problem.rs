//! What a community refuses, as REST says it.

use actix_web::http::StatusCode;
use appengine_actors::session::community::TalksError;
use appengine_actors::session::community::messages::TalkError;
use appengine_actors::session::community::wish::Refusal;

use crate::problem::Problem;

impl From<TalksError> for Problem {
    fn from(error: TalksError) -> Self {
        let message = format!("failed to {error}");
        match error {
            TalksError::Talk(TalkError::Refused(refusal)) => refused(&refusal, message),
            TalksError::Talk(TalkError::Change(error)) => error.into(),
            TalksError::Talk(TalkError::Store(error)) | TalksError::Store(error) => error.into(),
            TalksError::Talk(TalkError::Busy(_)) | TalksError::Unreachable(_) => Self::unavailable(message),
        }
    }
}

fn refused(refusal: &Refusal, message: String) -> Problem {
    let code = refusal.code();
    let status = match code {
        "not_member" | "forbidden" | "muted" | "only_admins_post" | "blocked" => StatusCode::FORBIDDEN,
        "unknown_group" | "unknown_message" | "unknown_person" => StatusCode::NOT_FOUND,
        "group_archived" | "limit_reached" => StatusCode::CONFLICT,
        _ => StatusCode::BAD_REQUEST,
    };
    Problem::new(status, code, message)
}
