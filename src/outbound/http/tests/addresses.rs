//! Whom a request may reach.

use super::*;
use crate::outbound::resolver::Lookup;

#[tokio::test]
async fn a_name_that_changes_its_answer_is_not_dialled_again() {
    let script = Script::new([&["127.0.0.1"][..], &["127.0.0.2"], &["127.0.0.1", "127.0.0.2"]]);
    let one = vec!["127.0.0.1/32".parse().unwrap()];
    let options = HttpOptions { open_subnets: one, ..options() };
    let transport = HttpTransport::with_lookup(&options, script.clone()).unwrap();
    let server = saying("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(reply(&transport, server.url_by_name()).await.status, 200);
    for _ in 0..2 {
        let refused = failure(&transport, server.url_by_name()).await;
        assert_eq!(refused, SendError::Refused(Refused::ResolvedAddress));
    }
    assert_eq!((server.accepted(), script.asked()), (1, 3));
}

#[tokio::test]
async fn a_name_that_changes_its_answer_between_the_check_and_the_send_is_refused() {
    let server = Server::answering(OK).await;
    let options = HttpOptions { open_subnets: Vec::new(), ..options() };
    for closed in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "64:ff9b::7f00:1"] {
        let script = Script::new([&["8.8.8.8"], &[closed]]);
        let transport = HttpTransport::with_lookup(&options, script.clone()).unwrap();
        // Whoever checks may look the name up too, and is told something harmless.
        assert_eq!(transport.vet(&server.url_by_name()), Ok(()));
        assert_eq!(script.lookup("hooks.example.com").await.unwrap()[0].ip().to_string(), "8.8.8.8");
        let refused = failure(&transport, server.url_by_name()).await;
        assert_eq!(refused, SendError::Refused(Refused::ResolvedAddress), "{closed}");
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_pooled_connection_stays_with_the_address_that_was_vetted() {
    // The same port on another loopback address stands for the closed network next door.
    let server = Server::answering(OK).await;
    let next_door = TcpListener::bind(("127.0.0.2", server.address.port())).await.unwrap();
    let one = vec!["127.0.0.1/32".parse().unwrap()];
    let script = Script::new([&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.2"]]);
    let transport =
        HttpTransport::with_lookup(&HttpOptions { open_subnets: one, ..options() }, script.clone()).unwrap();
    assert_eq!(reply(&transport, server.url_by_name()).await.status, 200);
    // By now the name leads next door; the open connection does not.
    for _ in 0..3 {
        assert_eq!(reply(&transport, server.url_by_name()).await.status, 200);
    }
    assert_eq!((server.accepted(), script.asked()), (1, 1));
    // Two requests at once: the second needs a connection of its own, and a new answer of the resolver.
    let url = server.url_by_name();
    let (first, second) =
        futures_util::join!(transport.send(request(url.clone(), LONG)), transport.send(request(url, LONG)));
    let refused = SendError::Refused(Refused::ResolvedAddress);
    for result in [first.result, second.result] {
        assert!(result.as_ref().is_ok_and(|reply| reply.status == 200) || result == Err(refused.clone()));
    }
    assert_eq!(server.accepted(), 1);
    assert!(futures_util::FutureExt::now_or_never(next_door.accept()).is_none());
}

#[tokio::test]
async fn closed_literals_are_refused_before_anything_is_dialled() {
    let server = Server::answering(OK).await;
    let port = server.address.port();
    let strict = HttpTransport::new(&HttpOptions { plain_http: true, ..HttpOptions::default() }).unwrap();
    for host in ["127.0.0.1", "2130706433", "127.1", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/");
        let refused = Refused::Address { range: "loopback" };
        assert_eq!(strict.vet(&url), Err(refused.clone()));
        assert_eq!(failure(&strict, url).await, SendError::Refused(refused));
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn vetting_and_sending_agree() {
    let transport = transport();
    for url in
        ["ftp://example.com/", "http://u:p@example.com/", "http://example.com:25/", "http://10.0.0.1/", "x"]
    {
        assert_eq!(SendError::Refused(transport.vet(url).unwrap_err()), failure(&transport, url).await);
    }
}

#[tokio::test]
async fn a_mapped_literal_dials_the_address_inside_it() {
    let server = Server::answering(OK).await;
    let url = format!("http://[::ffff:127.0.0.1]:{}/", server.address.port());
    assert_eq!(reply(&transport(), url).await.status, 200);
}

#[tokio::test]
async fn headers_that_frame_the_request_are_refused() {
    let server = Server::answering(OK).await;
    let mut request = request(server.url(), LONG);
    request.headers.push(("Transfer-Encoding".to_owned(), "chunked".to_owned()));
    let error = transport().send(request).await.result.unwrap_err();
    assert_eq!(error, SendError::Refused(HeaderError::Reserved("Transfer-Encoding".to_owned()).into()));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_resolvers_own_words_stay_inside() {
    let error = failure(&scripted(&Script::new::<[&str; 0], &str>([])), "http://nowhere.example.com/").await;
    assert_eq!(error, SendError::Dns);
    assert!(!error.to_string().contains("secret"));
}
