//! What is sent, and what a well-behaved receiver gives back.

use super::*;

#[tokio::test]
async fn the_request_arrives_as_it_was_given_and_the_answer_comes_back() {
    let (server, told) = telling(
        "HTTP/1.1 202 Accepted
X-Trace: 7
Retry-After: 9
content-length: 2

ok",
    )
    .await;
    let attempt = transport().send(request(server.url(), LONG)).await;
    let received = told.await.unwrap();
    assert_eq!(received.line, "POST /hook HTTP/1.1");
    assert_eq!(received.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(received.header("user-agent"), Some(USER_AGENT));
    assert_eq!(received.header("webhook-id"), Some("msg_1"));
    assert_eq!(received.header("accept-encoding"), None);
    assert_eq!(received.body, b"{\"type\":\"contact.created\"}");
    let reply = attempt.result.unwrap();
    assert_eq!((reply.status, &reply.body[..], reply.body_truncated()), (202, &b"ok"[..], false));
    assert_eq!(reply.headers[0], ("x-trace".to_owned(), "7".to_owned()));
    assert_eq!(reply.retry_after, Some(RetryAfter::In(Duration::from_secs(9))));
    let timings = attempt.timings;
    assert!(
        timings.connect.unwrap() <= timings.first_byte.unwrap()
            && timings.first_byte.unwrap() <= timings.total
    );
    assert_eq!(timings.dns, None);
}

#[tokio::test]
async fn an_empty_body_is_announced_only_where_a_body_is_expected() {
    for (method, name, length) in [
        (Method::Get, "GET", None),
        (Method::Post, "POST", Some("0")),
        (Method::Put, "PUT", Some("0")),
        (Method::Patch, "PATCH", Some("0")),
        (Method::Delete, "DELETE", None),
    ] {
        let (server, told) = telling(OK).await;
        let request = OutboundRequest { method, body: Bytes::new(), ..request(server.url(), LONG) };
        assert_eq!(transport().send(request).await.result.unwrap().status, 200);
        let received = told.await.unwrap();
        assert_eq!(received.line, format!("{name} /hook HTTP/1.1"));
        assert_eq!(received.header("content-length"), length, "{name}");
    }
}

#[tokio::test]
async fn two_sends_use_one_connection() {
    let server = Server::answering(OK).await;
    let script = Script::new([&["127.0.0.1"], &["127.0.0.2"]]);
    let transport = scripted(&script);
    let first = transport.send(request(server.url_by_name(), LONG)).await;
    let second = transport.send(request(server.url_by_name(), LONG)).await;
    assert_eq!((first.result.unwrap().status, second.result.unwrap().status), (200, 200));
    assert_eq!((server.accepted(), script.asked()), (1, 1));
    assert!(first.timings.dns.is_some() && first.timings.connect.is_some());
    assert!(second.timings.dns.is_none() && second.timings.connect.is_none());
}

#[tokio::test]
async fn a_redirect_to_loopback_is_an_answer_and_nothing_more() {
    let inner = Server::answering(OK).await;
    let outer =
        saying(format!("HTTP/1.1 307 x\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", inner.url())).await;
    assert_eq!(reply(&transport(), outer.url()).await.status, 307);
    assert_eq!((outer.accepted(), inner.accepted()), (1, 0));
}

#[tokio::test]
async fn interim_responses_are_passed_over() {
    let server = saying(format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{OK}")).await;
    assert_eq!(reply(&transport(), server.url()).await.status, 200);
}

#[tokio::test]
async fn a_compressed_body_is_kept_as_it_came() {
    let server =
        saying("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x0b\x08").await;
    assert_eq!(&reply(&transport(), server.url()).await.body[..], b"\x1f\x0b\x08");
}
