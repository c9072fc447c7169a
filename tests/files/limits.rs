//! Limits of files: each is a clear answer, and what was refused has left nothing.

use serde_json::json;

use crate::house::{ACME, BOUNDARY, House, PNG, file};
use crate::support::exchange::Line;
use crate::support::in_process::{customer, owner};

const ANN: &str = "ann@x.example";
const AT: &str = "/chat/upload/widget/ann@x.example";

#[test]
fn what_is_too_large_or_too_much_or_of_the_wrong_kind_is_refused() {
    let house = House::with(&[
        ("FILES__MAX_BYTES", "2KiB"),
        ("FILES__MAX_PER_REQUEST", "3"),
        ("FILES__TYPES", "png, txt"),
        ("FILES__QUOTA", "1MiB"),
    ]);
    let ann = customer(ACME, ANN);
    let text = |size: usize| file("files", "a.txt", "x".repeat(size));
    let before = {
        // Ann is known from here on.
        house.server.call_as(&house.server.token(&ann), "GET", "/profile/whoami").send().expect(200);
        house.server.dump()
    };
    let refused = [
        (vec![text(2_049)], 413, "file_too_large", "at most 2048 bytes".replace("at most", "more than")),
        (vec![text(1), text(1), text(1), text(1)], 400, "too_many_files", "has 3 at most".into()),
        (vec![file("files", "a.svg", "<svg/>")], 415, "file_type_refused", "png, txt".into()),
        (vec![file("files", "a", "x")], 415, "file_type_refused", "png, txt".into()),
        (vec![file("files", "a.png", "<html>")], 415, "file_type_refused", "`a.png`".into()),
        // What came before the one that is refused is not kept either.
        (vec![text(1), file("files", "a.png", "x")], 415, "file_type_refused", "`a.png`".into()),
    ];
    for (parts, status, code, words) in refused {
        let told = house.send(&ann, AT, &parts).assert_problem(status, code);
        assert!(told.contains(&words), "`{words}` is not in {told}");
        assert!(house.on_disk().is_empty(), "{code}: {:?}", house.on_disk());
    }
    assert!(house.server.dump() == before, "a refused upload left something in the store");
    let large = house.server.call_as(&house.server.token(&ann), "POST", AT);
    let large = large.header("content-type", "multipart/form-data; boundary=x").body(vec![b'x'; 1_100_000]);
    large.send().assert_problem(413, "payload_too_large");
    house.send(&ann, AT, &[text(2_048), text(0), file("files", "a.png", PNG)]).expect(201);
}

/// Whoever sends much reads why it was refused, although nobody reads on.
#[test]
fn a_large_upload_that_is_refused_at_its_beginning_gets_its_answer() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let parts = [file("files", "a.svg", vec![b'x'; 8 << 20]), file("files", "b.txt", vec![b'x'; 8 << 20])];
    for _ in 0..5 {
        house.send(&ann, AT, &parts).assert_problem(415, "file_type_refused");
    }
    let parts = [file("files", "a.txt", vec![b'x'; 16 << 20])];
    house.send(&ann, AT, &parts).assert_problem(413, "file_too_large");
    assert!(house.on_disk().is_empty(), "{:?}", house.on_disk());
}

/// A body of chunks does not say how long it is, and what stands before the first part is nobody's.
#[test]
fn a_body_without_an_end_is_given_up() {
    let house = House::with(&[("FILES__MAX_BYTES", "1KiB"), ("FILES__MAX_PER_REQUEST", "1")]);
    let token = house.server.token(&customer(ACME, ANN));
    let head = format!(
        "POST {AT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut line = Line::open(house.server.address);
    line.write(head.as_bytes());
    let chunk = format!("8000\r\n{}\r\n", "x\n".repeat(0x4000));
    for _ in 0..40 {
        line.write(chunk.as_bytes());
    }
    line.answer().assert_problem(400, "bad_form");
}

#[test]
fn an_organisation_has_so_many_bytes_and_what_it_deletes_is_free_again() {
    let house = House::with(&[("FILES__MAX_BYTES", "1MiB"), ("FILES__QUOTA", "1MiB")]);
    let ann = customer(ACME, ANN);
    let part = |size: usize| [file("files", "a.txt", "x".repeat(size))];
    let path = house.send(&ann, AT, &part(900_000)).expect(201)[0]["path"].clone();
    for parts in [part(200_000), part(1_000_000)] {
        house.send(&ann, AT, &parts).assert_problem(507, "quota_exceeded");
    }
    assert_eq!(house.on_disk().len(), 1);
    house.send(&ann, AT, &part(148_576)).expect(201);
    house.send(&ann, AT, &part(0)).assert_problem(507, "quota_exceeded");
    // Another organisation's are not counted.
    house.send(&customer("other", ANN), AT, &part(900_000)).expect(201);
    let token = house.server.token(&owner(ACME));
    let delete = house.server.call_as(&token, "POST", "/repository/file/delete");
    delete.json(&json!({"path": path})).send().expect(200);
    house.send(&ann, AT, &part(900_000)).expect(201);
}

#[test]
fn those_who_upload_at_once_do_not_get_more_than_there_is() {
    let house = House::with(&[("FILES__MAX_BYTES", "300KiB"), ("FILES__QUOTA", "1MiB")]);
    let ann = customer(ACME, ANN);
    let part = [file("files", "a.txt", "x".repeat(300 * 1024))];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| house.send(&ann, AT, &part).status)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let of = |status: u16| statuses.iter().filter(|got| **got == status).count();
    assert_eq!((of(201), of(507)), (3, 5), "{statuses:?}");
    assert_eq!(house.on_disk().len(), 3);
}
