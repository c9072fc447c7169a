//! Forms with files, as RFC 7578 has them: of those that vendors send, only the texts are read.

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use actix_multipart::Multipart;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};

use super::call::Call;

/// Parts of a form at most.
const MOST_PARTS: usize = 1_000;
/// How often the form is asked for more: the whole body is there, so each answer takes it further.
const MOST_POLLS: usize = 1_000_000;

/// The fields of a form that are no files, in their order; none if it cannot be read to its end.
pub fn texts(call: &Call) -> Option<Vec<(String, String)>> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(call.headers.one("content-type")?).ok()?);
    let body = Bytes::copy_from_slice(&call.body);
    let form = Multipart::new(&headers, stream::once(ready(Ok::<_, PayloadError>(body))));
    let mut reading = pin!(read(form));
    let mut context = Context::from_waker(Waker::noop());
    (0..MOST_POLLS).find_map(|_| match reading.as_mut().poll(&mut context) {
        Poll::Ready(read) => Some(read),
        Poll::Pending => None,
    })?
}

async fn read(mut form: Multipart) -> Option<Vec<(String, String)>> {
    let mut texts = Vec::new();
    let mut parts = 0;
    while let Some(mut part) = form.try_next().await.ok()? {
        parts += 1;
        if parts > MOST_PARTS {
            return None;
        }
        let is_file = part.content_disposition().is_some_and(|said| said.get_filename().is_some());
        let name = part.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part.try_next().await.ok()? {
            if !is_file {
                bytes.extend_from_slice(&chunk);
            }
        }
        if !is_file {
            texts.push((name, String::from_utf8(bytes).ok()?));
        }
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::call;

    fn read(boundary: &str, body: &str) -> Option<Vec<(String, String)>> {
        let kind = format!("multipart/form-data; boundary={boundary}");
        texts(&call("POST", "/", &[("content-type", &kind)], body))
    }

    #[test]
    fn texts_are_read_and_files_passed_over() {
        let body = "--b\r\nContent-Disposition: form-data; name=\"one\"\r\n\r\n1\r\n2\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n3\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"two\"\r\n\r\n\r\n--b--\r\n";
        let expected =
            [("one", "1\r\n2"), ("two", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read("b", body), Some(expected.to_vec()));
        let long = format!(
            "--b\r\nContent-Disposition: form-data; name=\"one\"\r\n\r\n{}\r\n--b--\r\n",
            "x".repeat(1 << 20)
        );
        assert_eq!(read("b", &long).unwrap()[0].1.len(), 1 << 20);
    }

    #[test]
    fn what_does_not_come_to_its_end_is_no_form() {
        for body in ["", "no form", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"one\"\r\n\r\n1"]
        {
            assert_eq!(read("b", body), None, "{body}");
        }
        assert_eq!(read("", "--b--\r\n"), None);
    }
}
