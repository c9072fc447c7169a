//! Reads a form of parts as it comes: files into a tray, short texts beside them. Everything about it has a bound.

use std::sync::Arc;
use std::time::Duration;

use actix_multipart::{Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web;
use appengine_actors::clock::{Clock, timeout};
use futures_util::StreamExt;

use crate::files::{FileLimits, Tray};
use crate::http::take::check_encoding;
use crate::problem::{Detail, Problem};

/// Bytes of a text.
const TEXT: usize = 1_024;
/// Characters of a text.
const LONGEST: usize = 255;
/// Bytes of a body beside those of its files.
const AROUND: u64 = 1 << 20;
/// How long nothing may come of a body.
const STALL: Duration = Duration::from_secs(60);

/// A body that is a form of parts.
pub(super) struct Form {
    parts: Multipart,
    clock: Arc<dyn Clock>,
}

/// The texts of a form, by the names of their parts.
pub(super) struct Texts(Vec<(&'static str, String)>);

impl Texts {
    /// One of them.
    pub(super) fn take(self, name: &str) -> Option<String> {
        self.0.into_iter().find(|(known, _)| *known == name).map(|(_, text)| text)
    }
}

impl Form {
    /// Begins to read a body.
    ///
    /// # Errors
    /// When it is no such form, or says beforehand that it is too large.
    pub(super) fn of(
        request: &HttpRequest,
        payload: web::Payload,
        clock: &Arc<dyn Clock>,
        limits: &FileLimits,
    ) -> Result<Self, Problem> {
        check_encoding(request)?;
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let media = header(CONTENT_TYPE).unwrap_or_default();
        let essence = media.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("multipart/form-data") {
            let shown: String = essence.chars().take(64).collect();
            let message = format!("`{shown}` is not taken here; send `Content-Type: multipart/form-data`");
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "unsupported_media_type", message));
        }
        let per_request = u64::try_from(limits.per_request).unwrap_or(u64::MAX);
        let most = limits.bytes.saturating_mul(per_request).saturating_add(AROUND);
        let told = header(CONTENT_LENGTH).and_then(|told| told.parse::<u64>().ok());
        if told.is_some_and(|told| told > most) {
            let message = format!("the body is larger than {most} bytes; send fewer files at a time");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", message));
        }
        // What says nothing beforehand, or comes before the first part, is counted as it comes.
        let mut left = most;
        let counted = payload.map(move |chunk| {
            let chunk = chunk?;
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or(PayloadError::Overflow)?;
            Ok(chunk)
        });
        Ok(Self { parts: Multipart::new(request.headers(), counted), clock: clock.clone() })
    }

    /// Reads it to its end: parts called `field` into the tray, those of `texts` as texts.
    ///
    /// # Errors
    /// When it is malformed or has parts that are not taken; the tray is gone then, with all that was in it.
    pub(super) async fn read(
        mut self,
        mut tray: Tray,
        field: &'static str,
        texts: &[&'static str],
    ) -> Result<(Tray, Texts), Problem> {
        let mut read = Texts(Vec::new());
        while let Some(part) = next(&self.clock, &mut self.parts).await? {
            let mut part = part.map_err(malformed)?;
            let name = part.name().unwrap_or_default().to_owned();
            if name == field {
                let said = part.content_disposition().and_then(|said| {
                    let wide =
                        said.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into());
                    wide.or_else(|| said.get_filename().map(str::to_owned))
                });
                let said =
                    said.ok_or_else(|| refused(field, "must be a file: give the part a `filename`"))?;
                let declared = part.content_type().map(ToString::to_string);
                tray.begin(&said, declared.as_deref()).await?;
                while let Some(chunk) = next(&self.clock, &mut part).await? {
                    tray.write(&chunk.map_err(malformed)?).await?;
                }
                tray.end().await?;
            } else if let Some(known) = texts.iter().find(|known| **known == name) {
                if read.0.iter().any(|(name, _)| name == known) {
                    return Err(refused(known, "came twice"));
                }
                let mut bytes = Vec::new();
                while let Some(chunk) = next(&self.clock, &mut part).await? {
                    bytes.extend_from_slice(&chunk.map_err(malformed)?);
                    if bytes.len() > TEXT {
                        return Err(refused(known, &format!("has {LONGEST} characters at most")));
                    }
                }
                read.0.push((known, plain(known, bytes)?));
            } else {
                let shown: String = name.chars().take(64).collect();
                let allowed: Vec<&str> = [field].into_iter().chain(texts.iter().copied()).collect();
                return Err(refused(&shown, &format!("is unknown; known here are {}", allowed.join(", "))));
            }
        }
        if tray.count() == 0 {
            return Err(refused(field, "is missing; send a file in a part of this name"));
        }
        Ok((tray, read))
    }
}

/// A text that people can read.
fn plain(name: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|_| refused(name, "must be text in UTF-8"))?;
    if text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(refused(name, &format!("has {LONGEST} characters at most, and no control characters")));
    }
    Ok(text.trim().to_owned())
}

/// What comes next, unless nothing comes for too long.
async fn next<S: futures_util::Stream + Unpin>(
    clock: &Arc<dyn Clock>,
    stream: &mut S,
) -> Result<Option<S::Item>, Problem> {
    timeout(clock.as_ref(), STALL, stream.next()).await.ok_or_else(|| {
        let message = format!("nothing came of the body for {} s; send it again", STALL.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "upload_stalled", message)
    })
}

fn refused(path: &str, message: &str) -> Problem {
    Problem::invalid(
        "the form cannot be taken",
        vec![Detail { path: path.to_owned(), message: message.to_owned() }],
    )
}

fn malformed(error: MultipartError) -> Problem {
    let why = match error {
        MultipartError::Payload(error) => error.to_string(),
        error => error.to_string(),
    };
    Problem::bad_request("bad_form", format!("the form ended early or is malformed: {why}"))
}
