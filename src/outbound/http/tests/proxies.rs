//! The operator's proxy, and nobody else's.

use super::*;

fn proxied(proxy: &str, script: &Arc<Script>) -> Result<HttpTransport, SetupError> {
    let proxy = Some(Url::parse(proxy).unwrap());
    let options = HttpOptions { proxy, plain_http: true, ..HttpOptions::default() };
    HttpTransport::with_lookup(&options, script.clone())
}

#[tokio::test]
async fn the_operators_proxy_gets_everything_and_resolves_it() {
    let (proxy, told) = telling(OK).await;
    let script = Script::new([&["127.0.0.1"]]);
    let transport = proxied(&format!("http://proxy.internal:{}", proxy.address.port()), &script).unwrap();
    assert_eq!(reply(&transport, "http://hooks.example.com/hook".to_owned()).await.status, 200);
    assert_eq!(told.await.unwrap().line, "POST http://hooks.example.com/hook HTTP/1.1");
    assert_eq!(script.asked(), 1);
    assert!(transport.vet("http://10.0.0.1/").is_err());
}

#[tokio::test]
async fn a_proxy_that_fails_is_the_operators_fault() {
    let refusing = saying("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let script = Script::new::<[&str; 0], &str>([]);
    let transport = proxied(&format!("http://{}", refusing.address), &script).unwrap();
    let error = failure(&transport, "https://hooks.example.com/").await;
    assert_eq!((error.clone(), error.fault()), (SendError::Proxy, Fault::Operator));
    assert_eq!(refusing.accepted(), 1);
}

#[tokio::test]
async fn a_proxy_must_be_http_and_its_password_is_not_shown() {
    let script = Script::new::<[&str; 0], &str>([]);
    assert!(matches!(proxied("socks5://127.0.0.1:1", &script), Err(SetupError::Proxy)));
    let proxy = Some(Url::parse("http://me:hunter2@proxy.internal:3128").unwrap());
    let text = format!("{:?}", HttpOptions { proxy, ..HttpOptions::default() });
    assert!(text.contains("proxy.internal") && !text.contains("hunter2"), "{text}");
}

const CHILD: &str = "APPENGINE_TEST_TARGET";

/// The environment can only be set for another process, so the test runs itself in one.
#[tokio::test]
async fn the_environments_proxy_is_not_used() {
    if let Ok(target) = std::env::var(CHILD) {
        assert_eq!(reply(&transport(), target).await.status, 200);
        return;
    }
    let (target, proxy) = (Server::answering(OK).await, Server::answering(OK).await);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "outbound::http::tests::proxies::the_environments_proxy_is_not_used"]);
    child.env(CHILD, target.url());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, format!("http://{}", proxy.address));
    }
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((target.accepted(), proxy.accepted()), (1, 0));
}
