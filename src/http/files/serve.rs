//! Gives a file to whoever has a link to it, whole or a part of it, from the disk as it is read.

use std::io::{self, SeekFrom};

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue, HeaderMap,
};
use actix_web::{HttpRequest, HttpResponse, web};
use appengine_actors::ids::{FileId, OrgId};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::files::{FileRecord, Files, LinkError, Links, is_inline};
use crate::http::take::Params;
use crate::problem::Problem;

/// Bytes that are read at once.
const CHUNK: u64 = 64 * 1024;

/// What a link says beside its path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkQuery {
    expires: u64,
    signature: String,
}

/// Which part of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    /// From a byte, so many.
    Some(u64, u64),
    /// One that begins where the file has ended.
    Beyond,
}

pub(super) async fn serve(
    request: HttpRequest,
    files: web::Data<Files>,
    links: web::Data<Links>,
    path: web::Path<(OrgId, FileId)>,
    Params(LinkQuery { expires, signature }): Params<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (org, id) = path.into_inner();
    let left = links.open(&org, id, expires, &signature)?;
    let missing = || Problem::not_found("the file is gone");
    let known = files.find(&org, id).await?.ok_or_else(missing)?;
    let Some(mut file) = files.read(&org, id).await? else {
        tracing::error!(%org, file = %id, "a file that the store knows is not on the disk");
        return Err(missing());
    };
    let tag = format!("\"{id}\"");
    let (status, from, length) = match part(request.headers(), &tag, known.bytes) {
        Part::Whole => (StatusCode::OK, 0, known.bytes),
        Part::Some(from, length) => (StatusCode::PARTIAL_CONTENT, from, length),
        Part::Beyond => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let message = format!("the file has {} bytes; ask for a part of these", known.bytes);
            return Err(Problem::new(status, "range_beyond", message));
        }
    };
    if from > 0 {
        file.seek(SeekFrom::Start(from)).await.map_err(|error| Problem::internal(&error))?;
    }
    let mut answer = HttpResponse::build(status);
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {from}-{}/{}", from + length - 1, known.bytes);
        answer.insert_header((header::CONTENT_RANGE, range));
    }
    if known.mime_type != "application/pdf" {
        // Browsers show no PDF in a sandbox.
        answer.insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"));
    }
    let media = match known.mime_type.as_str() {
        "text/plain" => "text/plain; charset=utf-8",
        other => other,
    };
    answer
        .insert_header((header::CONTENT_TYPE, media))
        .insert_header(disposition(&known))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, format!("private, max-age={}, immutable", left.as_secs())))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(answer.body(SizedStream::new(length, chunks(file, length))))
}

/// The part that a request asks for. Several parts at once are not given, and a copy of another file is not completed:
/// both are answered with the whole, as RFC 9110 §14.2 allows.
fn part(headers: &HeaderMap, tag: &str, bytes: u64) -> Part {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(range) = text(header::RANGE) else { return Part::Whole };
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Part::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            None => Part::Whole,
            Some(0) => Part::Beyond,
            Some(_) if bytes == 0 => Part::Beyond,
            Some(wanted) => Part::Some(bytes.saturating_sub(wanted), wanted.min(bytes)),
        },
        (first, last) => {
            let end = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match (number(first), end) {
                (Some(first), Some(last)) if first <= last => {
                    let end = last.saturating_add(1).min(bytes);
                    if first < bytes { Part::Some(first, end - first) } else { Part::Beyond }
                }
                _ => Part::Whole,
            }
        }
    }
}

/// Shown in place where that is safe, else saved under its name.
fn disposition(file: &FileRecord) -> ContentDisposition {
    let kind = if is_inline(&file.mime_type) { DispositionType::Inline } else { DispositionType::Attachment };
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '%') { c } else { '_' };
    let mut parameters = vec![DispositionParam::Filename(file.name.chars().map(plain).collect())];
    if file.name.chars().any(|c| plain(c) != c) {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: file.name.clone().into_bytes(),
        }));
    }
    ContentDisposition { disposition: kind, parameters }
}

/// So many bytes of a file, from where it stands.
fn chunks(file: File, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut chunk = vec![0; usize::try_from(left.min(CHUNK)).unwrap_or_default()];
        match file.read(&mut chunk).await {
            Ok(0) => Some((Err(io::ErrorKind::UnexpectedEof.into()), (file, 0))),
            Ok(read) => {
                chunk.truncate(read);
                let left = left.saturating_sub(u64::try_from(read).unwrap_or(left));
                Some((Ok(chunk.into()), (file, left)))
            }
            Err(error) => Some((Err(error), (file, 0))),
        }
    })
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        Self::new(StatusCode::FORBIDDEN, error.code(), format!("failed to {error}"))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn asked(range: &str, known: Option<&str>, bytes: u64) -> Part {
        let mut headers = HeaderMap::new();
        let mut add =
            |name: HeaderName, value: &str| headers.insert(name, HeaderValue::from_str(value).unwrap());
        add(header::RANGE, range);
        known.map(|known| add(header::IF_RANGE, known));
        part(&headers, "\"x\"", bytes)
    }

    #[test]
    fn parts_are_read_as_they_are_written() {
        let table = [
            ("bytes=0-9", Part::Some(0, 10)),
            ("bytes=90-", Part::Some(90, 10)),
            ("bytes=90-1000", Part::Some(90, 10)),
            ("bytes=-10", Part::Some(90, 10)),
            ("bytes=-1000", Part::Some(0, 100)),
            ("bytes=100-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=9-0", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=x-", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("bytes=0-18446744073709551615", Part::Some(0, 100)),
        ];
        for (range, expected) in table {
            assert_eq!(asked(range, None, 100), expected, "{range}");
        }
        assert_eq!(asked("bytes=0-9", Some("\"x\""), 100), Part::Some(0, 10));
        assert_eq!(asked("bytes=0-9", Some("\"y\""), 100), Part::Whole);
        assert_eq!(asked("bytes=-5", None, 0), Part::Beyond);
    }
}
