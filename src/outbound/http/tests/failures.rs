//! Receivers that break off, and what they are blamed for.

use super::*;
use crate::outbound::testing::self_signed;

#[tokio::test]
async fn a_shut_port_is_a_connection_that_was_not_made() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(failure(&transport(), url).await, SendError::Connect);
}

#[tokio::test]
async fn hanging_up_before_the_head_is_whole_is_a_closed_connection() {
    for said in ["", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let server = saying(said).await;
        assert_eq!(failure(&transport(), server.url()).await, SendError::ConnectionClosed, "{said:?}");
    }
}

#[tokio::test]
async fn a_reset_before_the_answer_is_a_closed_connection() {
    let server = Server::start(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    assert_eq!(failure(&transport(), server.url()).await, SendError::ConnectionClosed);
}

#[tokio::test]
async fn hanging_up_in_the_body_leaves_the_status_standing() {
    let server = saying("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let reply = reply(&transport(), server.url()).await;
    assert_eq!((reply.status, &reply.body[..], reply.body_end), (200, &b"half"[..], BodyEnd::Broken));
}

#[tokio::test]
async fn what_is_not_http_is_not_an_answer() {
    for said in
        ["SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 twohundred\r\n\r\n", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n"]
    {
        let server = saying(said).await;
        assert_eq!(failure(&transport(), server.url()).await, SendError::InvalidResponse, "{said:?}");
    }
}

fn over_tls(server: &Server) -> String {
    server.url().replace("http:", "https:")
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let plain = Server::start(|mut peer| async move {
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.hung_up().await;
    })
    .await;
    let silent = Server::start(|mut peer| async move {
        peer.end().await;
        peer.hung_up().await;
    })
    .await;
    for server in [plain, silent] {
        let error = failure(&transport(), over_tls(&server)).await;
        assert_eq!(error, SendError::Tls(TlsError::Handshake));
        assert_eq!(error.fault(), Fault::Receiver);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_not_trusted() {
    let address = self_signed();
    let error = failure(&transport(), format!("https://{address}/")).await;
    assert_eq!(error, SendError::Tls(TlsError::CertificateUntrusted));
}
