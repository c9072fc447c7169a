//! Whom a request may reach.

use super::*;

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
