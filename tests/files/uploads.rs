//! Uploads: what is answered, what is kept, and who may.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use serde_json::{Value, json};

use crate::house::{ACME, House, PNG, Part, file, form, sending, text};
use crate::support::in_process::{Who, customer, owner, staff};

const ANN: &str = "ann@x.example";

#[test]
fn what_was_uploaded_is_on_the_disk_and_read_by_its_link() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let parts = [file("files", "photo.png", PNG), file("files", "größe.txt", "grün".as_bytes())];
    let target = format!("/chat/upload/customer::{ANN}/{ANN}");
    let told = house.send(&ann, &target, &parts).expect(201);
    let told = told.as_array().unwrap();
    let names: Vec<&Value> = told.iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["photo.png", "größe.txt"]);
    assert_eq!(
        (&told[0]["mimeType"], &told[0]["size"]),
        (&json!("image/png"), &json!(PNG.len())),
        "{told:?}"
    );
    let mut paths: Vec<String> = told.iter().map(|file| file["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    let on_disk: Vec<String> = house.on_disk().iter().map(|path| format!("files/{path}")).collect();
    assert_eq!(on_disk, paths, "a path is where it lies, and nothing else is left");
    for (told, part) in told.iter().zip(&parts) {
        let read = house.read(told["url"].as_str().unwrap());
        assert_eq!((read.status, &read.body), (200, &part.bytes));
    }
}

#[test]
fn folders_and_files_are_for_the_servers_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::open();
    house.upload(&customer(ACME, ANN), "a.txt", b"x");
    for path in ["files", "files/acme", "files/.new"] {
        let mode = house.data().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{path}");
    }
    let file = house.data().join("files").join(&house.on_disk()[0]);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_customer_uploads_to_their_own_conversation_and_in_their_own_name() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let guest = Who { kind: Kind::Guest, roles: vec![Role::Guest], ..ann.clone() };
    let parts = [file("files", "a.txt", "x")];
    let at = |chat: &str, email: &str| format!("/chat/upload/{chat}/{email}");
    // Every spelling of their own, and the configuration of their widget.
    for chat in
        ["customer::ann@x.example", "customer:ANN@x.example", "customer%3A%3Aann%40x.example", "widget-1"]
    {
        house.send(&ann, &at(chat, "Ann@X.example"), &parts).expect(201);
        house.send(&guest, &at(chat, ANN), &parts).expect(201);
    }
    let theirs =
        ["customer::bob@x.example", "customer:customer-7:ann@x.example", "a@x.example%7Cb@x.example"];
    for chat in theirs {
        house.send(&ann, &at(chat, ANN), &parts).assert_problem(403, "forbidden");
    }
    house.send(&ann, &at("widget-1", "bob@x.example"), &parts).assert_problem(403, "forbidden");
    house.send(&ann, &at("%0A", ANN), &parts).assert_problem(400, "invalid_path");
    assert_eq!(house.on_disk().len(), 8, "what was refused left nothing");
}

#[test]
fn agents_upload_to_every_conversation_but_those_of_two_others_and_programs_to_none() {
    let house = House::open();
    let bob = staff(ACME, "bob@x.example", Role::User);
    let parts = [file("files", "a.txt", "x")];
    let at = |chat: &str| format!("/chat/upload/{chat}/{ANN}");
    for chat in ["customer::ann@x.example", "team", "bob@x.example%7Czoe@x.example"] {
        house.send(&bob, &at(chat), &parts).expect(201);
    }
    house.send(&bob, &at("ann@x.example%7Czoe@x.example"), &parts).assert_problem(403, "forbidden");
    let token = house.server.token(&owner(ACME));
    let body = json!({"name": "all", "scopes": ["*"]});
    let key = house.server.call_as(&token, "POST", "/api-key/create").json(&body).send();
    let key = key.json()["data"]["key"].as_str().unwrap().to_owned();
    let request = house.server.call("POST", &at("team")).header("x-api-key", &key).header("orgid", ACME);
    sending(request, &parts).send().assert_problem(403, "forbidden");
    sending(house.server.call("POST", &at("team")), &parts)
        .send()
        .assert_problem(401, "missing_authorization_header");
}

#[test]
fn names_are_cleaned_and_pictures_are_called_pictures() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let names = [
        ("../../etc/passwd.txt", "passwd.txt"),
        (r"C:\Users\Ann\bill.txt", "bill.txt"),
        ("a\u{202e}gnp.txt", "agnp.txt"),
        ("a\"b.txt", "a\"b.txt"),
    ];
    for (said, kept) in names {
        assert_eq!(house.upload(&ann, said, b"x")["name"], kept, "{said}");
    }
    let long = house.upload(&ann, &format!("{}.txt", "x".repeat(400)), b"x");
    assert_eq!(long["name"].as_str().unwrap().len(), 255);
    let called = |media: &str| Part { media: Some(media.into()), ..file("files", "a.png", PNG) };
    let target = format!("/chat/upload/widget/{ANN}");
    house.send(&ann, &target, &[called("image/png")]).expect(201);
    house.send(&ann, &target, &[called("video/mp4")]).assert_problem(415, "file_type_refused");
    assert_eq!(house.on_disk().len(), 6);
}

#[test]
fn staff_upload_find_and_delete_files_of_the_organisation() {
    let house = House::open();
    let (grace, ann) = (owner(ACME), customer(ACME, ANN));
    let token = house.server.token(&grace);
    let parts = [text("location", "invoices/2026"), file("file", "bill.pdf", "%PDF-1.7 x")];
    let told = house.send(&grace, "/repository/file/upload", &parts).expect(201);
    assert_eq!((&told["location"], &told["name"]), (&json!("invoices/2026"), &json!("bill.pdf")));
    let path = told["path"].as_str().unwrap();
    let ask = |token: &str, path: &str| {
        house.server.call_as(token, "GET", &format!("/repository/file/link?path={path}")).send()
    };
    let found = ask(&token, path).expect(200);
    assert_eq!((&found["name"], &found["location"]), (&told["name"], &told["location"]));
    let url = found["url"].as_str().unwrap();
    assert_eq!(house.read(url).body, b"%PDF-1.7 x");
    house.send(&ann, "/repository/file/upload", &parts).assert_problem(403, "forbidden");
    ask(&house.server.token(&ann), path).assert_problem(403, "forbidden");
    let two = [file("file", "a.txt", "x"), file("file", "b.txt", "x")];
    house.send(&grace, "/repository/file/upload", &two).assert_problem(400, "too_many_files");
    let delete = |path: &str| {
        let request = house.server.call_as(&token, "POST", "/repository/file/delete");
        request.json(&json!({"path": path})).send()
    };
    assert_eq!(delete(path).expect(200), json!({"deleted": true}));
    for answer in [delete(path), ask(&token, path), house.read(url)] {
        answer.assert_problem(404, "not_found");
    }
    assert!(house.on_disk().is_empty(), "{:?}", house.on_disk());
}

/// Another organisation neither reads nor deletes what it has the path of.
#[test]
fn files_are_of_one_organisation() {
    let house = House::open();
    let path = house.upload(&customer(ACME, ANN), "a.txt", b"x")["path"].clone();
    let path = path.as_str().unwrap();
    let eve = house.server.token(&owner("evil"));
    let own = path.replace("/acme/", "/evil/");
    for path in [path, own.as_str()] {
        let target = format!("/repository/file/link?path={path}");
        house.server.call_as(&eve, "GET", &target).send().assert_problem(404, "not_found");
        let delete = house.server.call_as(&eve, "POST", "/repository/file/delete");
        delete.json(&json!({"path": path})).send().assert_problem(404, "not_found");
    }
    let malformed = house.server.call_as(&eve, "GET", "/repository/file/link?path=files/acme/../x").send();
    malformed.assert_problem(400, "invalid_parameter");
    assert_eq!(house.on_disk().len(), 1);
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    let house = House::open();
    let ann = customer(ACME, ANN);
    let target = format!("/chat/upload/widget/{ANN}");
    let send = |media: &str, body: Vec<u8>| {
        let token = house.server.token(&ann);
        house.server.call_as(&token, "POST", &target).header("content-type", media).body(body).send()
    };
    let good = format!("multipart/form-data; boundary={}", crate::house::BOUNDARY);
    let whole = form(&[file("files", "a.txt", "x".repeat(1_000))]);
    for media in ["application/json", "multipart/mixed; boundary=x", "text/plain", "multipart"] {
        send(media, whole.clone()).assert_problem(415, "unsupported_media_type");
    }
    for cut in [10, 60, 200, whole.len() - 30] {
        send(&good, whole[..cut].to_vec()).assert_problem(400, "bad_form");
    }
    send("multipart/form-data", whole.clone()).assert_problem(400, "bad_form");
    send(&good, b"not a form at all\r\n".to_vec()).assert_problem(400, "bad_form");
    send(&good, vec![b'x'; 300_000]).assert_problem(400, "bad_form");
    let endless = format!("--{}\r\nx: {}", crate::house::BOUNDARY, "y".repeat(300_000));
    send(&good, endless.into_bytes()).assert_problem(400, "bad_form");
    for parts in [
        vec![],
        vec![text("files", "a text")],
        vec![file("other", "a.txt", "x")],
        vec![file("files", "a.txt", "x"), text("location", "x")],
    ] {
        send(&good, form(&parts)).assert_problem(400, "invalid");
    }
    let grace = owner(ACME);
    for location in ["x".repeat(256), "x".repeat(5_000), "a\nb".to_owned()] {
        let parts = [text("location", &location), file("file", "a.txt", "x")];
        house.send(&grace, "/repository/file/upload", &parts).assert_problem(400, "invalid");
    }
    let twice = [text("location", "x"), text("location", "y"), file("file", "a.txt", "x")];
    house.send(&grace, "/repository/file/upload", &twice).assert_problem(400, "invalid");
    assert!(house.on_disk().is_empty(), "{:?}", house.on_disk());
}
