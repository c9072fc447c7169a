//! Reading by links: what they open, how it is served, and what opens nothing.

use std::sync::Arc;
use std::time::Duration;

use appengine::auth::sealing::RootSecret;
use appengine::files::Links;
use appengine_actors::ids::OrgId;
use appengine_actors::ports::FileLinks;

use crate::house::{ACME, House, PNG};
use crate::support::in_process::{SECRET, customer};

const ANN: &str = "ann@x.example";

#[test]
fn a_link_opens_nothing_but_its_file_and_not_for_ever() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let (one, other) = (house.upload(&ann, "a.txt", b"one"), house.upload(&ann, "b.txt", b"other"));
    let target = |told: &serde_json::Value| house.target(told["url"].as_str().unwrap());
    let (one, other) = (target(&one), target(&other));
    let ((path, query), (other_path, _)) = (one.split_once('?').unwrap(), other.split_once('?').unwrap());
    let forged = [
        format!("{other_path}?{query}"),
        format!("{}?{query}", path.replace("/acme/", "/evil/")),
        one.replace("expires=1", "expires=2"),
        format!("{one}x"),
        format!("{path}?expires=9999999&signature="),
    ];
    for target in forged {
        house.server.call("GET", &target).send().assert_problem(403, "invalid_link");
    }
    let malformed = [
        (format!("{path}?{query}&x=1"), "invalid_parameter"),
        (path.to_owned(), "invalid_parameter"),
        (format!("{path}?expires=x&signature=y"), "invalid_parameter"),
        (format!("/file/acme/x?{query}"), "invalid_path"),
        (format!("/file/ac%2Fme/{}?{query}", path.rsplit('/').next().unwrap()), "invalid_path"),
    ];
    for (target, code) in malformed {
        house.server.call("GET", &target).send().assert_problem(400, code);
    }
    // One that the same server made, and whose time was over at once.
    let key = RootSecret::new(SECRET).unwrap().link_key().unwrap();
    let base = format!("http://{}", house.server.address);
    let links = |life| Links::new(key, base, life, house.server.clock.clone() as Arc<_>);
    let id = path.strip_prefix("/file/acme/").unwrap();
    let org = OrgId::new(ACME).unwrap();
    let over = links(Duration::ZERO).sign(&org, &format!("files/acme/{id}")).unwrap();
    house.read(&over).assert_problem(403, "link_expired");
    assert_eq!(house.server.call("GET", &one).send().body, b"one");
}

#[test]
fn what_could_act_in_a_browser_is_saved_and_the_rest_is_shown() {
    let house = House::with(&[("FILES__TYPES", "png, txt, html, svg, zip")]);
    let ann = customer(ACME, ANN);
    let table = [
        ("a.png", PNG, "image/png", "inline; filename=\"a.png\""),
        ("a.txt", b"<script>", "text/plain; charset=utf-8", "inline; filename=\"a.txt\""),
        ("a.html", b"<script>", "application/octet-stream", "attachment; filename=\"a.html\""),
        ("a.svg", b"<svg/>", "application/octet-stream", "attachment; filename=\"a.svg\""),
        (
            "größe \"1\".zip",
            b"PK\x03\x04",
            "application/zip",
            "attachment; filename=\"gr__e _1_.zip\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22.zip",
        ),
    ];
    for (name, bytes, media, disposition) in table {
        let told = house.upload(&ann, name, bytes);
        let read = house.read(told["url"].as_str().unwrap());
        assert_eq!((read.status, read.body.as_slice()), (200, bytes), "{name}");
        assert_eq!(read.header("content-type"), Some(media), "{name}");
        assert_eq!(read.header("content-disposition"), Some(disposition), "{name}");
        assert_eq!(read.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(read.header("content-security-policy"), Some("default-src 'none'; sandbox"));
        assert_eq!(read.header("referrer-policy"), Some("no-referrer"));
        assert!(read.header("cache-control").unwrap().starts_with("private, max-age="), "{read:?}");
    }
}

#[test]
fn parts_of_a_file_are_given() {
    let house = House::open();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let told = house.upload(&customer(ACME, ANN), "a.txt", &bytes);
    let target = house.target(told["url"].as_str().unwrap());
    let ask = |method: &str, range: &str| house.server.call(method, &target).header("range", range).send();
    let table =
        [("bytes=0-0", 0..1), ("bytes=70000-150000", 70_000..150_001), ("bytes=-5", 199_995..200_000)];
    for (range, expected) in table {
        let read = ask("GET", range);
        let told = format!("bytes {}-{}/200000", expected.start, expected.end - 1);
        assert_eq!((read.status, read.header("content-range")), (206, Some(told.as_str())), "{range}");
        assert!(read.body == bytes[expected], "{range}");
    }
    ask("GET", "bytes=200000-").assert_problem(416, "range_beyond");
    for range in ["bytes=0-1,5-6", "lines=1-2"] {
        let read = ask("GET", range);
        assert!(read.status == 200 && read.body == bytes, "{range}: {}", read.status);
    }
    let head = house.server.call("HEAD", &target).send();
    assert_eq!((head.status, head.header("content-length")), (200, Some("200000")));
    assert!(head.body.is_empty());
}
