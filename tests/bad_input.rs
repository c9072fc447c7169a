//! explore
mod support;
use support::in_process::*;
#[test]
fn explore() {
    let s = Server::start();
    let t = s.token(&owner("a"));
    let head = |extra: &str| {
        format!(
            "POST /events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {t}\r\ncontent-type: application/json\r\n{extra}\r\n"
        )
    };
    let big = 100 << 20;
    let chunk = vec![b'x'; 1 << 20];
    for (what, extra, chunked, auth) in [
        ("cl", format!("content-length: {big}\r\n"), false, true),
        ("cl close", format!("connection: close\r\ncontent-length: {big}\r\n"), false, true),
        ("chunked", "transfer-encoding: chunked\r\n".to_owned(), true, true),
        ("expect", format!("expect: 100-continue\r\ncontent-length: {big}\r\n"), false, true),
        ("expect-chunked", "expect: 100-continue\r\ntransfer-encoding: chunked\r\n".to_owned(), true, true),
        ("noauth", format!("content-length: {big}\r\n"), false, false),
        ("noauth chunked", "transfer-encoding: chunked\r\n".to_owned(), true, false),
    ] {
        let begun = std::time::Instant::now();
        let mut line = Line::open(s.address);
        let h = head(&extra);
        let h = if auth { h } else { h.replace("authorization", "x-nothing") };
        line.write(h.as_bytes());
        let mut wrote = 0;
        for _ in 0..100 {
            let ok = if chunked {
                line.write(b"100000\r\n") && line.write(&chunk) && line.write(b"\r\n")
            } else {
                line.write(&chunk)
            };
            if !ok {
                break;
            }
            wrote += 1;
        }
        if chunked {
            line.write(b"0\r\n\r\n");
        }
        let a = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| line.any_answer()));
        match a {
            Ok(a) => {
                eprintln!("{what}: wrote {wrote} {:?} {a:?}", begun.elapsed());
                if a.status == 100 {
                    eprintln!(
                        "{:?}",
                        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| line.any_answer()))
                            .map_err(|_| ())
                    );
                }
            }
            Err(_) => eprintln!("{what}: wrote {wrote} NO ANSWER"),
        }
    }
    s.assert_well();
}
