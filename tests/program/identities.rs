//! Identities from the command line: tokens beside a running server, and people who may sign in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::assert_refused;
use crate::support::binary::House;
use crate::support::client::Client;
use crate::support::{ADA, ORG};

/// What a JWT claims, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_token_is_alone_on_the_last_line_and_works_beside_a_running_server() {
    let house = House::new();
    let server = house.start();
    let ended = house.run(&["token", "--org", ORG, "--email", "Ada@Example.com"]);
    assert!(ended.status.success(), "{}", ended.err);
    let last = ended.out.lines().last().unwrap();
    assert_eq!(last.split('.').count(), 3, "{last}");
    assert!(last.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{last}");
    let claims = claims(last);
    assert_eq!((&claims["orgId"], &claims["email"]), (&json!(ORG), &json!(ADA)));
    assert_eq!((&claims["datatype"], &claims["roles"]), (&json!("user"), &json!(["Owner"])));
    let me = Client::signed(&server.base, ORG, last).get("/profile/whoami", 200).json();
    assert_eq!(me["email"], ADA);
    server.stop();
}

#[test]
fn organisation_and_person_come_to_be_at_first_use() {
    let house = House::new();
    // Before there is a server at all.
    let token = house.token(&["--org", "new-org", "--email", "grace@example.com", "--name", "Grace"]);
    let server = house.start();
    let grace = Client::signed(&server.base, "new-org", &token);
    let me = grace.get("/profile/whoami", 200).json();
    let id = me["sk"].as_str().unwrap().to_owned();
    assert_eq!(me["user"]["data"]["email"], "grace@example.com");
    assert_eq!(me["user"]["data"]["name"], "Grace");
    // Another token of hers is the same person, though the command could not ask who she is.
    let again = house.token(&["--org", "new-org", "--email", "GRACE@example.com"]);
    let again = Client::signed(&server.base, "new-org", &again);
    assert_eq!(again.get("/profile/whoami", 200).json()["sk"], *id);
    // Another organisation's address book knows nobody of that name.
    Client::signed(&server.base, ORG, &token).get("/profile/whoami", 403);
    server.stop();
}

#[test]
fn a_role_is_what_the_token_says() {
    let house = House::new();
    let server = house.start();
    let as_role = |role: &str| {
        let email = format!("{}@example.com", role.to_lowercase());
        let token = house.token(&["--org", ORG, "--email", &email, "--role", role]);
        Client::signed(&server.base, ORG, &token)
    };
    let event = json!({"event": "a.b"});
    let guest = as_role("Guest");
    assert_eq!(guest.get("/profile/whoami", 200).json()["roles"], json!(["Guest"]));
    guest.post("/events", &event, 403);
    as_role("User").post("/events", &event, 202);
    as_role("User").get("/webhooks/secret", 403);
    as_role("Owner").get("/webhooks/secret", 200);

    let refused = house.run(&["token", "--org", ORG, "--email", ADA, "--role", "King"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.err.contains("Guest") && refused.err.contains("Owner"), "{}", refused.err);
    server.stop();
}

#[test]
fn a_customer_is_no_member_of_staff() {
    let house = House::new();
    let server = house.start();
    let token = house.token(&["--org", ORG, "--email", "carol@example.com", "--customer"]);
    assert_eq!(claims(&token)["datatype"], "customer");
    let carol = Client::signed(&server.base, ORG, &token);
    let me = carol.get("/profile/whoami", 200).json();
    assert_eq!((&me["datatype"], &me["roles"]), (&json!("customer"), &json!(["Customer"])));
    assert_eq!(me["customer"]["data"]["email"], "carol@example.com");
    carol.post("/events", &json!({"event": "a.b"}), 403);
    carol.get("/monitoring/queues", 403);
    let both = house.run(&["token", "--org", ORG, "--email", ADA, "--customer", "--role", "Owner"]);
    assert_eq!(both.status.code(), Some(2));
    server.stop();
}

#[test]
fn a_token_ends_when_it_says() {
    let house = House::new();
    let life = |token: &str| {
        let claims = claims(token);
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
    };
    let token = |expires: &[&str]| house.token(&[&["--org", ORG, "--email", ADA], expires].concat());
    assert_eq!(life(&token(&["--expires", "2h"])), 7200);
    assert_eq!(life(&token(&[])), 3600, "auth.access_token_life");

    let server = house.start();
    let short = Client::signed(&server.base, ORG, &token(&["--expires", "1s"]));
    let refused = short.until_refused("/profile/whoami");
    assert_eq!((refused["statusCode"].as_u64(), &refused["code"]), (Some(401), &json!("token_expired")));
    for bad in ["0s", "tomorrow", "-1h"] {
        let refused = house.run(&["token", "--org", ORG, "--email", ADA, &format!("--expires={bad}")]);
        assert_eq!(refused.status.code(), Some(2), "{bad}: {}", refused.out);
    }
    server.stop();
}

#[test]
fn a_token_of_another_installation_is_refused() {
    let (house, other) = (House::new(), House::new());
    let server = house.start();
    let token = other.token(&["--org", ORG, "--email", ADA]);
    let refused = Client::signed(&server.base, ORG, &token).get("/profile/whoami", 401).json();
    assert_eq!(refused["code"], "invalid_token");
    server.stop();
}

#[test]
fn staff_who_are_added_first_leave_the_first_start_as_it_is() {
    let house = House::new();
    assert!(house.run(&["user", "add", "--org", ORG, "--email", ADA]).status.success());
    let server = house.start();
    server.printed(|text| text.contains("password").then_some(()));
    server.stop();
}

#[test]
fn somebody_who_is_added_may_sign_in() {
    let house = House::new();
    // Before the first start, which then finds an owner and makes none.
    let added = house.run(&["user", "add", "--org", "acme", "--email", "Bob@example.com", "--role", "Owner"]);
    assert!(added.status.success(), "{}", added.err);
    assert!(added.out.contains("added bob@example.com to acme"), "{}", added.out);
    let password = added.out.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    let arguments = ["user", "add", "--org", "acme", "--email", "eve@example.com", "--password-stdin"];
    let given = house.run_with(&arguments, b"correct horse battery\n");
    assert!(given.status.success() && !given.out.contains("password"), "{given:?}");

    let server = house.start();
    assert!(!server.out().contains("password"), "{}", server.out());
    let visitor = Client::visitor(&server.base, "acme");
    let sign_in = |email: &str, password: &str, status| {
        visitor.post("/profile/user/signin", &json!({"email": email, "password": password}), status).json()
    };
    let bob = sign_in("bob@example.com", password, 200);
    assert_eq!(bob["user"]["data"]["email"], "bob@example.com");
    let eve = sign_in("eve@example.com", "correct horse battery", 200);
    let eve = Client::signed(&server.base, "acme", eve["token"].as_str().unwrap());
    assert_eq!(eve.get("/profile/whoami", 200).json()["roles"], json!(["User"]));
    sign_in("eve@example.com", password, 401);

    // A server's store is its own: people are added before it starts, or over REST.
    assert_refused(&house.run(&arguments), &["use the data folder", "stop that process first"]);
    server.stop();
    let again = house.run_with(&arguments, b"correct horse battery");
    assert_refused(&again, &["e-mail"]);
    let weak = house.run_with(
        &["user", "add", "--org", "acme", "--email", "z@example.com", "--password-stdin"],
        b"short",
    );
    assert_refused(&weak, &["password"]);
}
