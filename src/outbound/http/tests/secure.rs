//! Receivers over TLS: HTTP/2, authorities of their own, client certificates, compressed bodies.

use std::io::Read;

use appengine_actors::webhook::send_options::{ClientIdentity, Part};
use futures_util::future::join_all;

use super::*;
use crate::outbound::testing::secure::{Authority, NAME, SecureServer};

const BOTH: [&str; 2] = ["h2", "http/1.1"];

/// A transport for which every name is this machine, a thousand times over.
fn at_home() -> HttpTransport {
    scripted(&Script::new(vec![&["127.0.0.1"]; 1000]))
}

fn asking(server: &SecureServer, tls: TlsOptions) -> OutboundRequest {
    let options = SendOptions { tls, compression: Compression::None };
    OutboundRequest { options, ..request(server.url(), LONG) }
}

fn showing(server: &Authority, client: ClientIdentity) -> TlsOptions {
    TlsOptions { client: Some(client), ..server.trusted() }
}

async fn status(transport: &HttpTransport, request: OutboundRequest) -> Result<u16, SendError> {
    transport.send(request).await.result.map(|reply| reply.status)
}

#[tokio::test]
async fn http_2_is_spoken_with_who_speaks_it_over_one_connection() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let transport = at_home();
    let first = transport.send(asking(&server, authority.trusted())).await;
    let many = (0..20).map(|_| status(&transport, asking(&server, authority.trusted())));
    assert!(join_all(many).await.into_iter().all(|status| status == Ok(200)));
    let last = transport.send(asking(&server, authority.trusted())).await;
    assert_eq!(&last.result.unwrap().body[..], b"ok");
    let heard = server.heard();
    assert_eq!((heard.len(), server.accepted()), (22, 1));
    assert!(heard.iter().all(|request| request.version == http::Version::HTTP_2));
    assert_eq!(heard[0].headers["webhook-id"], "msg_1");
    assert_eq!(&heard[0].body[..], b"{\"type\":\"contact.created\"}");
    let timings = first.timings;
    let (dns, connect, tls) = (timings.dns.unwrap(), timings.connect.unwrap(), timings.tls.unwrap());
    assert!(!tls.is_zero() && dns + connect + tls <= timings.first_byte.unwrap());
    assert_eq!((last.timings.dns, last.timings.connect, last.timings.tls), (None, None, None));
}

#[tokio::test]
async fn http_1_is_spoken_with_who_speaks_nothing_else_and_its_connection_is_used_again() {
    let authority = Authority::new();
    for protocols in [&["http/1.1"][..], &[]] {
        let server = SecureServer::start(&authority, None, protocols).await;
        let transport = at_home();
        for _ in 0..3 {
            assert_eq!(status(&transport, asking(&server, authority.trusted())).await, Ok(200));
        }
        assert!(server.heard().iter().all(|request| request.version == http::Version::HTTP_11));
        assert_eq!(server.accepted(), 1);
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_no_answer_and_the_next_request_goes_on() {
    let authority = Authority::new();
    // HTTP/2 ends the connection over it, and its layer tells no more than that.
    let protocols: [(&[&str], _); 2] =
        [(&BOTH, SendError::ConnectionClosed), (&["http/1.1"], SendError::ResponseHeadTooLarge)];
    for (protocols, expected) in protocols {
        let server = SecureServer::start(&authority, None, protocols).await;
        let transport = at_home();
        let large = asking(&server, authority.trusted());
        let large = OutboundRequest { url: format!("{}/large", server.url()), ..large };
        assert_eq!(status(&transport, large).await, Err(expected), "{protocols:?}");
        assert_eq!(status(&transport, asking(&server, authority.trusted())).await, Ok(200));
    }
}

#[tokio::test]
async fn plain_http_has_no_time_of_tls() {
    let server = Server::answering(OK).await;
    let timings = transport().send(request(server.url(), LONG)).await.timings;
    assert!(timings.connect.is_some() && timings.tls.is_none());
}

#[tokio::test]
async fn only_the_named_authority_is_trusted_and_only_where_it_is_named() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let transport = at_home();
    let untrusted = Err(SendError::Tls(TlsError::CertificateUntrusted));
    assert_eq!(status(&transport, asking(&server, authority.trusted())).await, Ok(200));
    // The connection that is open by now is not theirs to use.
    assert_eq!(status(&transport, asking(&server, TlsOptions::default())).await, untrusted);
    assert_eq!(status(&transport, asking(&server, other.trusted())).await, untrusted);
    let both = TlsOptions { ca: Some(format!("{}{}", other.pem(), authority.pem()).into()), client: None };
    assert_eq!(status(&transport, asking(&server, both)).await, Ok(200));
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_asks_and_a_refusal_says_so() {
    let (authority, callers) = (Authority::new(), Authority::new());
    for protocols in [&BOTH[..], &["http/1.1"]] {
        let server = SecureServer::start(&authority, Some(&callers), protocols).await;
        let transport = at_home();
        let known = showing(&authority, callers.issue());
        assert_eq!(status(&transport, asking(&server, known.clone())).await, Ok(200));
        assert_eq!(status(&transport, asking(&server, known)).await, Ok(200));
        assert_eq!(server.accepted(), 1);
        let refused = Err(SendError::Tls(TlsError::ClientCertificate));
        assert_eq!(status(&transport, asking(&server, authority.trusted())).await, refused);
        let stranger = showing(&authority, authority.issue());
        assert_eq!(status(&transport, asking(&server, stranger)).await, refused);
        assert_eq!(server.heard().len(), 2);
    }
}

#[tokio::test]
async fn a_client_certificate_is_no_burden_where_nobody_asks() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let shown = showing(&authority, Authority::new().issue());
    assert_eq!(status(&at_home(), asking(&server, shown)).await, Ok(200));
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused_at_check_and_at_send_alike() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let transport = at_home();
    let bad = TlsOptions { ca: Some("nothing".into()), client: None };
    let expected = OptionsError::NoCertificate(Part::Ca);
    assert_eq!(transport.check_tls(&bad), Err(expected.clone()));
    let refused = SendError::Refused(Refused::Options(expected));
    assert_eq!(status(&transport, asking(&server, bad)).await, Err(refused));
    assert_eq!(transport.check_tls(&authority.trusted()), Ok(()));
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn a_compressed_body_is_the_same_body() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let body = Bytes::from(format!("{{\"data\":\"{}\"}}", "so much of it ".repeat(5000)));
    let options = SendOptions { tls: authority.trusted(), compression: Compression::Gzip };
    let compressed = OutboundRequest { body: body.clone(), options, ..request(server.url(), LONG) };
    let transport = at_home();
    assert_eq!(status(&transport, compressed.clone()).await, Ok(200));
    let heard = server.heard().remove(0);
    assert_eq!(heard.headers["content-encoding"], "gzip");
    assert_eq!(heard.headers["content-length"], heard.body.len().to_string().as_str());
    assert!(heard.body.len() < body.len() / 20);
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(&heard.body[..]).read_to_end(&mut decoded).unwrap();
    assert_eq!(decoded, body);

    let mut own = compressed.clone();
    own.headers.push(("Content-Encoding".to_owned(), "br".to_owned()));
    let empty = OutboundRequest { body: Bytes::new(), ..compressed };
    assert_eq!((status(&transport, own).await, status(&transport, empty).await), (Ok(200), Ok(200)));
    let heard = server.heard();
    assert_eq!((&heard[0].headers["content-encoding"], &heard[0].body), (&"br".parse().unwrap(), &body));
    assert!(!heard[1].headers.contains_key("content-encoding") && heard[1].body.is_empty());
}

#[tokio::test]
async fn clients_are_bounded_and_the_one_that_is_used_stays() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let few = HttpOptions { tls_clients: 3, ..options() };
    let transport = HttpTransport::with_lookup(&few, Script::new(vec![&["127.0.0.1"]; 100])).unwrap();
    let used = authority.trusted();
    // As many options as are needed, none alike: more or less of an empty line.
    let other = |n: usize| TlsOptions {
        ca: Some(format!("{}{}", "\n".repeat(n + 1), authority.pem()).into()),
        client: None,
    };
    let mut connections = 0;
    for n in 0..10 {
        assert_eq!(status(&transport, asking(&server, other(n))).await, Ok(200));
        assert_eq!(status(&transport, asking(&server, used.clone())).await, Ok(200));
        connections += 1;
    }
    assert_eq!(transport.clients.kept(), 3);
    // One for each, and one for the one that was used throughout.
    assert_eq!(server.accepted(), connections + 1);
    assert_eq!(status(&transport, asking(&server, other(9))).await, Ok(200));
    assert_eq!(server.accepted(), connections + 1);
    assert_eq!(status(&transport, asking(&server, other(0))).await, Ok(200));
    assert_eq!(server.accepted(), connections + 2);
}

#[tokio::test]
async fn every_client_has_the_same_guard() {
    let authority = Authority::new();
    let server = SecureServer::start(&authority, None, &BOTH).await;
    let shut = HttpOptions { open_subnets: Vec::new(), ..options() };
    let transport = HttpTransport::with_lookup(&shut, Script::new([&["127.0.0.1"], &["127.0.0.1"]])).unwrap();
    for tls in [authority.trusted(), TlsOptions::default()] {
        let refused = SendError::Refused(Refused::ResolvedAddress);
        assert_eq!(status(&transport, asking(&server, tls)).await, Err(refused));
    }
    let literal = OutboundRequest {
        url: server.url().replace(NAME, "127.0.0.1"),
        ..asking(&server, authority.trusted())
    };
    assert_eq!(
        status(&transport, literal).await,
        Err(SendError::Refused(Refused::Address { range: "loopback" }))
    );
    assert_eq!(server.accepted(), 0);
}
