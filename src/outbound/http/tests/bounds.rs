//! Receivers that send too much, too slowly or nothing.

use super::*;

#[tokio::test]
async fn a_dribbling_body_ends_with_the_attempts_time() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while peer.write("x").await {
            tick.tick().await;
        }
    })
    .await;
    let attempt = transport().send(request(server.url(), SHORT)).await;
    let reply = attempt.result.unwrap();
    assert_eq!((reply.status, reply.body_end), (200, BodyEnd::TimedOut));
    assert!(!reply.body.is_empty());
    assert!(attempt.timings.total >= SHORT && attempt.timings.total < SHORT * 25);
}

#[tokio::test]
async fn a_dribbling_head_ends_with_the_attempts_time() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.write("HTTP/1.1 200 OK\r\nx: ").await;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        while peer.write("x").await {
            tick.tick().await;
        }
    })
    .await;
    let attempt = transport().send(request(server.url(), SHORT)).await;
    assert_eq!(attempt.result.unwrap_err(), SendError::TimedOut(Waiting::Response));
    assert_eq!(attempt.timings.first_byte, None);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_and_hung_up_on() {
    let (tell, told) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let server = Server::start(move |mut peer| {
        let tell = tell.lock().unwrap().take();
        async move {
            peer.request().await;
            peer.hung_up().await;
            let _ = tell.unwrap().send(());
        }
    })
    .await;
    let error = transport().send(request(server.url(), SHORT)).await.result.unwrap_err();
    assert_eq!(error, SendError::TimedOut(Waiting::Response));
    told.await.unwrap();
}

#[tokio::test]
async fn an_endless_body_is_cut_and_hung_up_on() {
    for head in ["content-length: 10000000000", "x-length: unknown"] {
        let (tell, told) = oneshot::channel();
        let tell = Mutex::new(Some(tell));
        let server = Server::start(move |mut peer| {
            let tell = tell.lock().unwrap().take();
            async move {
                peer.request().await;
                peer.write(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n")).await;
                while peer.write([b'x'; 4096]).await {}
                let _ = tell.unwrap().send(());
            }
        })
        .await;
        let reply = reply(&transport(), server.url()).await;
        assert_eq!((reply.status, reply.body_end, reply.body.len()), (200, BodyEnd::TooLong, KEPT_BODY));
        told.await.unwrap();
    }
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_complete() {
    for (length, end) in [(KEPT_BODY, BodyEnd::Complete), (KEPT_BODY + 1, BodyEnd::TooLong)] {
        let body = "x".repeat(length);
        let server = saying(format!("HTTP/1.1 500 x\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let reply = reply(&transport(), server.url()).await;
        assert_eq!((reply.body_end, reply.body.len()), (end, KEPT_BODY));
    }
}

#[tokio::test]
async fn a_body_within_what_is_read_leaves_the_connection_and_a_longer_one_does_not() {
    for (length, connections) in [(1000, 1), (1_000_000, 2)] {
        let body = "x".repeat(length);
        let server =
            Server::answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let options = HttpOptions { keep: 10, read: 1000, ..options() };
        let transport = HttpTransport::new(&options).unwrap();
        for _ in 0..2 {
            let reply = reply(&transport, server.url()).await;
            assert_eq!((reply.body_end, reply.body.len()), (BodyEnd::TooLong, 10));
        }
        assert_eq!(server.accepted(), connections, "{length}");
    }
}

#[tokio::test]
async fn a_head_of_too_many_lines_or_bytes_is_no_answer() {
    let lines: String = (0..=MAX_HEADER_LINES).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(1_000_000));
    for head in [lines, long] {
        let server = saying(format!("HTTP/1.1 200 OK\r\n{head}\r\n")).await;
        assert_eq!(failure(&transport(), server.url()).await, SendError::ResponseHeadTooLarge);
    }
}

#[tokio::test]
async fn only_so_many_headers_are_kept() {
    let many: String = (0..90).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("a: 1\r\nx: {}\r\nb: 2\r\n", "y".repeat(MAX_KEPT_HEADER_BYTES));
    for (head, kept) in [(many, MAX_KEPT_HEADERS), (large, 1)] {
        let server = saying(format!("HTTP/1.1 200 OK\r\n{head}content-length: 0\r\n\r\n")).await;
        let reply = reply(&transport(), server.url()).await;
        assert_eq!((reply.status, reply.headers.len(), reply.headers_truncated), (200, kept, true));
    }
}

#[tokio::test]
async fn a_resolver_that_never_answers_is_a_connection_that_was_not_made() {
    let options = HttpOptions { connect_timeout: SHORT, ..options() };
    for limit in [SHORT / 2, LONG] {
        let transport = HttpTransport::with_lookup(&options, Arc::new(Silent)).unwrap();
        let error = transport.send(request("http://example.com/", limit)).await.result.unwrap_err();
        assert_eq!(error, SendError::TimedOut(Waiting::Connection));
    }
}
