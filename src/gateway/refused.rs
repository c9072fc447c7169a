//! A request that the gateway answers itself, with an error. Both ways in, upgrade and polling, refuse alike.

use std::fmt::Display;

use actix_web::{HttpResponse, http::StatusCode};

use super::{connections::Full, seams::problem};

/// What the client is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    why: String,
}

impl Refused {
    /// 400: the request is no handshake of the protocol.
    pub fn handshake(why: &dyn Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_handshake", why)
    }

    /// 403: the page that asks is not this site's and not listed.
    pub fn origin() -> Self {
        let why = "pages of this origin may not connect; add it to the allowed origins";
        Self::new(StatusCode::FORBIDDEN, "origin_refused", &why)
    }

    /// 400: the body ended early or was not readable.
    pub fn body(why: &dyn Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_body", why)
    }

    /// 413: more than `most` bytes.
    pub fn too_large(most: usize) -> Self {
        let why = format!("a polling body has at most {most} bytes; send fewer messages at a time");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", &why)
    }

    fn new(status: StatusCode, code: &'static str, why: &dyn Display) -> Self {
        let why = why.to_string();
        Self { status, code, why }
    }

    /// The answer to a request for `path`.
    pub fn answer(&self, path: &str) -> HttpResponse {
        problem(self.status, self.code, &self.why, path)
    }
}

/// 503.
impl From<Full> for Refused {
    fn from(full: Full) -> Self {
        let code = match full {
            Full::Limit(_) => "too_many_connections",
            Full::Closing => "closing",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, &full)
    }
}
