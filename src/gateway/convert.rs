//! The only place where the two versions of the `http` types meet: 0.2 of actix, 1 of socketioxide.
//! It decides nothing. The upgrade service and the polling route call it.

use std::net::SocketAddr;

use actix_http::RequestHead;
use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The peer's address, in the extensions of every request that reaches socketioxide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(pub SocketAddr);

/// The headers that are kept for the life of a socket. A browser sends a kilobyte of others.
const KEPT: [HeaderName; 12] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-client-authorization"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("orgid"),
    HeaderName::from_static("x-client-info"),
    HeaderName::from_static("x-forwarded-for"),
    header::FORWARDED,
    header::ORIGIN,
    header::HOST,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
    // Read by the engine: it tells text from binary polling bodies.
    header::CONTENT_TYPE,
];

/// Converts the head of a request: method, path and query, version, the kept headers, the peer.
///
/// # Errors
/// When a part is not valid under the stricter rules of the newer version.
pub(super) fn request(head: &RequestHead) -> Result<http::Request<()>, http::Error> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut request = http::Request::builder().method(head.method.as_str()).uri(target).body(())?;
    *request.headers_mut() = headers(head)?;
    if let Some(peer) = head.peer_addr {
        request.extensions_mut().insert(Peer(peer));
    }
    Ok(request)
}

fn headers(head: &RequestHead) -> Result<HeaderMap, http::Error> {
    let mut kept = HeaderMap::new();
    for name in KEPT {
        for value in head.headers.get_all(name.as_str()) {
            // Copied, not shared: a slice would keep the parser's whole buffer alive.
            kept.append(&name, HeaderValue::from_bytes(value.as_bytes())?);
        }
    }
    Ok(kept)
}

/// Converts an answer whose body was collected.
pub(super) fn response(parts: &http::response::Parts, body: Bytes) -> HttpResponse {
    let status = StatusCode::from_u16(parts.status.as_u16());
    let mut response = HttpResponseBuilder::new(status.unwrap_or(StatusCode::BAD_GATEWAY));
    for (name, value) in &parts.headers {
        // The length is written by actix-http.
        if name != header::CONTENT_LENGTH {
            response.append_header((name.as_str(), value.as_bytes()));
        }
    }
    response.body(body)
}

/// Writes a request head as HTTP/1 text, as if it had just arrived.
pub(super) fn head_text(head: &RequestHead) -> BytesMut {
    let mut text = BytesMut::with_capacity(1024);
    let target = head.uri.to_string();
    for part in [head.method.as_str(), " ", &target, " "] {
        text.put_slice(part.as_bytes());
    }
    text.put_slice(format!("{:?}\r\n", head.version).as_bytes());
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.put_slice(part);
        }
    }
    text.put_slice(b"\r\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_codec::Decoder;
    use actix_http::{Request, h1};
    use actix_web::{http, test::TestRequest};
    use proptest::prelude::*;

    /// Decodes with the parser that the plain service uses. It wants actix's runtime, for the date.
    fn decode(text: &mut BytesMut) -> Request {
        let system = actix_web::rt::System::new();
        match system.block_on(async { h1::Codec::default().decode(text) }) {
            Ok(Some(h1::Message::Item(request))) => request,
            other => panic!("not a head: {other:?}"),
        }
    }

    fn upgrade_head() -> TestRequest {
        TestRequest::get()
            .uri("/socket.io/?EIO=4&transport=websocket")
            .insert_header(("host", "example.com"))
            .insert_header(("upgrade", "websocket"))
            .insert_header(("connection", "keep-alive, Upgrade"))
    }

    proptest! {
        // Each case starts a runtime.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_head_that_is_written_and_read_again_is_the_same(
            path in "/[a-z0-9/_.~-]{0,40}(\\?[a-zA-Z0-9=&%_-]{0,40})?",
            name in "x-[a-z0-9-]{1,20}",
            values in prop::collection::vec("[!-~]([ -~]{0,30}[!-~])?", 0..4),
        ) {
            let mut before = upgrade_head().uri(&path);
            for value in &values {
                before = before.append_header((name.as_str(), value.as_str()));
            }
            let before = before.to_request();
            let mut text = head_text(before.head());
            text.extend_from_slice(b"early");
            let after = decode(&mut text);
            prop_assert_eq!(after.head().method.as_str(), "GET");
            prop_assert_eq!(&after.head().uri, &before.head().uri);
            prop_assert_eq!(after.head().version, before.head().version);
            let all = |r: &Request| r.head().headers.get_all(name.as_str()).cloned().collect::<Vec<_>>();
            prop_assert_eq!(all(&after), all(&before));
            prop_assert_eq!(&text[..], b"early");
        }
    }

    #[test]
    fn only_the_kept_headers_and_the_peer_go_along() {
        let peer: SocketAddr = "192.0.2.7:99".parse().expect("an address");
        let request = upgrade_head()
            .insert_header(("cookie", "secret=1"))
            .insert_header(("orgid", "acme"))
            .peer_addr(peer)
            .to_request();
        let converted = super::request(request.head()).expect("a request");
        assert_eq!(converted.uri(), "/socket.io/?EIO=4&transport=websocket");
        assert_eq!(converted.headers().get("orgid").map(HeaderValue::as_bytes), Some(&b"acme"[..]));
        assert!(!converted.headers().contains_key("cookie"));
        assert_eq!(converted.extensions().get::<Peer>(), Some(&Peer(peer)));
    }

    #[test]
    fn an_answer_keeps_status_and_headers() {
        let answer = ::http::Response::builder()
            .status(413)
            .header("content-type", "text/plain")
            .header("content-length", "2")
            .body(())
            .expect("an answer");
        let converted = response(&answer.into_parts().0, Bytes::from_static(b"no"));
        assert_eq!(converted.status(), http::StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(converted.headers().get("content-type").expect("a type"), "text/plain");
        assert!(!converted.headers().contains_key("content-length"));
    }
}
