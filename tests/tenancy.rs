//! scratch
mod support;
#[path = "tenancy/planted.rs"]
mod planted;
use support::in_process::*;
use planted::*;
#[test]
fn up() {
    let s = Server::with(&[("APPENGINE__WEBHOOKS__ALLOW_NETWORKS", "127.0.0.0/8")]);
    let a = Planted::plant(&s, receiver());
    eprintln!("{:#?}\n{:#?}", a.known, a.private);
    let d = s.dump();
    eprintln!("{} {}", d.len(), a.data(&d).len());
    for p in ["/monitoring/tree", "/monitoring/queues", "/monitoring/overview", "/metrics", "/monitoring/alerts", "/monitoring/system-metrics"] {
        eprintln!("{}", s.call_as(&a.token, "GET", p).send().text());
    }
}
