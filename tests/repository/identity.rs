//! What records show of people and keys, and where that is changed instead.

use appengine::auth::principal::Kind;
use appengine::auth::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{House, ORG};

const HERE: [(&str, &str); 1] = [("orgid", ORG)];

async fn enter(house: &House, path: &str, email: &str, password: &str) -> (u16, Value) {
    house.visit(Method::POST, path, &HERE, json!({"email": email, "password": password})).await
}

#[actix_web::test]
async fn of_a_keys_record_only_words_and_status_are_written() {
    let house = House::open().await;
    let ada = house.owner();
    let key = ada.done("/api-key/create", json!({"name": "k", "scopes": ["read"]})).await;
    let (sk, secret) = (key["sk"].as_str().unwrap(), key["data"]["key"].as_str().unwrap());
    let (whole, partly) =
        (format!("/repository/update/apikey/{sk}"), format!("/repository/update-partial/apikey/{sk}"));
    let with_key = [HERE[0], ("x-api-key", secret)];
    let whoami = || house.visit(Method::GET, "/profile/whoami", &with_key, Value::Null);
    let (status, me) = whoami().await;
    assert_eq!((status, &me["datatype"]), (200, &json!("apikey")));
    for (path, body) in [
        (&whole, json!({"data": {"name": "k", "scopes": ["*"]}})),
        (&partly, json!({"data.rateLimits": {"perMinute": 1_000_000}})),
        (&partly, json!({"data.expiresAt": "2030-01-01T00:00:00Z"})),
    ] {
        let (status, problem) = ada.post(path, body).await;
        assert_eq!(status, 400, "{problem}");
        assert!(problem["message"].as_str().unwrap().contains("name, description, status"), "{problem}");
    }
    let renamed = ada.done(&whole, json!({"data": {"name": "renamed"}})).await;
    assert_eq!((&renamed["data"]["name"], &renamed["data"]["status"]), (&json!("renamed"), &json!("active")));
    assert_eq!(whoami().await.0, 200, "a name does not switch it off");
    ada.done(&partly, json!({"data.status": "revoked"})).await;
    assert_eq!(whoami().await.0, 401);
}

#[actix_web::test]
async fn roles_are_given_by_their_own_routes_and_count_at_once() {
    let house = House::open().await;
    let ada = house.owner();
    ada.get("/profile/whoami").await;
    let (status, bob) = enter(&house, "/profile/user/signup", "bob@example.com", "correct horse").await;
    assert_eq!(status, 201, "{bob}");
    let sk = bob["user"]["sk"].as_str().unwrap();
    let path = format!("/repository/update-partial/user/{sk}");
    let (roles, him) = (json!(["PowerUser"]), json!({"sk": sk}));
    for (path, body) in [
        (path.as_str(), json!({"data.roles": roles})),
        (path.as_str(), json!({"data.roles.0": "PowerUser"})),
        (&format!("/repository/update/user/{sk}"), json!({"data": {"roles": roles}})),
        (
            "/dynamic-query/updateOne",
            json!({"collection": "user", "filter": him, "update": {"$push": {"data.roles": "PowerUser"}}}),
        ),
        (
            "/dynamic-query/replaceOne",
            json!({"collection": "user", "filter": him, "replacement": {"data": {"roles": roles}}}),
        ),
    ] {
        let (status, problem) = ada.post(path, body.clone()).await;
        assert_eq!(status, 400, "{path} {body}: {problem}");
        assert!(problem["message"].as_str().unwrap().contains("POST /user/role/add"), "{problem}");
    }
    assert_eq!(ada.done(&path, json!({"data.phone": "1"})).await["data"]["roles"], json!(["User"]));
    ada.create("ticket", "t-1", json!({})).await;
    let (bob, set) = (house.with(&bob["token"]), json!({"data.n": 1}));
    let write = || bob.post("/repository/update-partial/ticket/t-1", set.clone());
    assert_eq!(write().await.0, 403);
    let asked = json!({"email": "bob@example.com", "roles": ["PowerUser"]});
    assert_eq!(bob.post("/user/role/add", asked.clone()).await.0, 403);
    let shown = ada.done("/user/role/add", asked.clone()).await;
    assert_eq!(shown["data"]["roles"], json!(["User", "PowerUser"]));
    assert_eq!(write().await.0, 200, "the token that was refused before");
    ada.done("/user/role/remove", asked).await;
    assert_eq!(write().await.0, 403);
    let last = json!({"email": "ada@example.com", "roles": ["Owner"]});
    let (status, problem) = ada.post("/user/role/remove", last).await;
    assert_eq!((status, &problem["code"]), (409, &json!("last_owner")));
}

#[actix_web::test]
async fn the_last_owner_stays_however_they_would_go() {
    let house = House::open().await;
    let ada = house.owner();
    assert_eq!(ada.get("/profile/whoami").await.0, 200);
    let one = |hard: bool| format!("/repository/delete/user/ada?hard={hard}");
    for path in [one(false), one(true)] {
        let (status, problem) = ada.call(Method::DELETE, &path, None).await;
        assert_eq!((status, &problem["code"]), (409, &json!("last_owner")), "{path}: {problem}");
    }
    let (gone, her) = (json!({"$set": {"state": "deleted"}}), json!({"sk": "ada"}));
    let about = |mut body: Value| {
        body["collection"] = json!("user");
        body["filter"] = her.clone();
        body
    };
    for (path, body) in [
        ("/repository/update-partial/user/ada", json!({"state": "deleted"})),
        ("/repository/update/user/ada", json!({"state": "deleted", "data": {"email": "ada@example.com"}})),
        ("/dynamic-query/updateOne", about(json!({"update": gone}))),
        ("/dynamic-query/replaceOne", about(json!({"replacement": {"state": "deleted", "data": {}}}))),
        ("/dynamic-query/deleteOne", about(json!({}))),
    ] {
        let (status, problem) = ada.post(path, body).await;
        assert_eq!((status, &problem["code"]), (409, &json!("last_owner")), "{path}: {problem}");
    }
    let bulk = json!({"collection": "user", "operations": [{"deleteOne": {"filter": her}}]});
    for (path, body, at) in [
        ("/repository/delete/user", json!(["ada"]), "/results/0/status"),
        ("/repository/delete/user?hard=true", json!(["ada"]), "/results/0/status"),
        ("/dynamic-query/deleteMany", about(json!({})), "/failed/0/status"),
        ("/dynamic-query/updateMany", about(json!({"update": gone})), "/failed/0/status"),
        ("/dynamic-query/bulkWrite", bulk, "/writeErrors/0/status"),
    ] {
        let answer = ada.done(path, body).await;
        assert_eq!(answer.pointer(at), Some(&json!(409)), "{path}: {answer}");
    }
    let now = ada.get("/repository/get/user/ada").await.1;
    assert_eq!((&now["version"], &now["state"]), (&json!(0), &json!("active")));
    // Others go as they like, and an owner does where another one stays.
    house.somebody(ORG, Kind::User, "bob", Role::PowerUser).get("/profile/whoami").await;
    assert_eq!(ada.call(Method::DELETE, "/repository/delete/user/bob?hard=true", None).await.0, 200);
    let eve = house.somebody(ORG, Kind::User, "eve", Role::Owner);
    assert_eq!(eve.get("/profile/whoami").await.0, 200);
    assert_eq!(eve.call(Method::DELETE, &one(false), None).await.0, 200);
    let (status, problem) = eve.call(Method::DELETE, "/repository/delete/user/eve", None).await;
    assert_eq!((status, &problem["code"]), (409, &json!("last_owner")), "one who is gone is none");
    // For good goes who went softly, whoever they were.
    assert_eq!(eve.call(Method::DELETE, &one(true), None).await.0, 200);
}

#[actix_web::test]
async fn two_owners_who_go_at_once_do_not_both_go() {
    for by_role in [false, true] {
        let house = House::open().await;
        let (ada, eve) = (house.owner(), house.somebody(ORG, Kind::User, "eve", Role::Owner));
        for owner in [&ada, &eve] {
            assert_eq!(owner.get("/profile/whoami").await.0, 200);
        }
        let leave = json!({"email": "eve@example.com", "roles": ["Owner"]});
        let hers = async {
            match by_role {
                true => eve.post("/user/role/remove", leave).await,
                false => eve.call(Method::DELETE, "/repository/delete/user/eve", None).await,
            }
        };
        let his = ada.call(Method::DELETE, "/repository/delete/user/ada", None);
        let ((his, _), (hers, _)) = futures_util::join!(his, hers);
        let mut both = [his, hers];
        both.sort_unstable();
        assert_eq!(both, [200, 409]);
    }
}

#[actix_web::test]
async fn an_address_is_free_again_when_its_person_is_deleted() {
    let house = House::open().await;
    let ada = house.owner();
    let sign_up = || enter(&house, "/profile/customer/signup", "eve@example.com", "correct horse");
    let (_, first) = sign_up().await;
    assert_eq!(sign_up().await.0, 409);
    let sk = first["user"]["sk"].as_str().unwrap();
    let path = format!("/repository/delete/customer/{sk}");
    assert_eq!(ada.call(Method::DELETE, &path, None).await.0, 200);
    let (status, second) = sign_up().await;
    assert_eq!(status, 201, "{second}");
    assert_ne!(second["user"]["sk"], first["user"]["sk"], "the one who was deleted stays so");
    assert_eq!(house.with(&first["token"]).get("/profile/whoami").await.0, 401);
    // What is deleted for good later takes nothing from who has the address now.
    assert_eq!(ada.call(Method::DELETE, &format!("{path}?hardDelete=true"), None).await.0, 200);
    assert_eq!(sign_up().await.0, 409);
    // The same of a record that staff make.
    for _ in 0..2 {
        let made = ada.done("/repository/create/customer", json!({"email": "sam@example.com"})).await;
        let path = format!("/repository/delete/customer/{}", made["sk"].as_str().unwrap());
        assert_eq!(ada.call(Method::DELETE, &path, None).await.0, 200);
    }
}

#[actix_web::test]
async fn a_customer_whom_staff_made_comes_in_by_a_token_that_was_sent_to_them() {
    let house = House::open().await;
    let ada = house.owner();
    let made =
        ada.done("/repository/create/customer", json!({"email": "sam@example.com", "vip": true})).await;
    let (status, problem) =
        enter(&house, "/profile/customer/signup", "sam@example.com", "correct horse").await;
    assert_eq!(status, 409);
    assert!(problem["message"].as_str().unwrap().contains("password reset"), "{problem}");
    // Asking looks the same for everybody, and tells those who send the mail.
    let forget = async |email: &str| {
        let path = format!("/profile/customer/password/forgot/{email}");
        house.visit(Method::GET, &path, &HERE, Value::Null).await
    };
    let answer = forget("sam@example.com").await;
    assert_eq!(answer.0, 200);
    assert_eq!(forget("nobody@example.com").await, answer);
    assert_eq!(forget("sam@example.com").await, answer, "too soon, which does not show");
    let (_, log) = ada.get("/events?kind=customer.password_reset_requested").await;
    let events = log["data"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["data"]["customer"]["sk"]), (1, &made["sk"]), "{log}");
    let asked = json!({"email": "sam@example.com"});
    let staff = house.somebody(ORG, Kind::User, "bob", Role::PowerUser);
    assert_eq!(staff.post("/profile/customer/password/token", asked.clone()).await.0, 403);
    let token = ada.done("/profile/customer/password/token", asked).await["token"].clone();
    assert!(!ada.get("/events?limit=500").await.1.to_string().contains(token.as_str().unwrap()));
    let check = json!({"token": token});
    let post = |path: &'static str, body: Value| house.visit(Method::POST, path, &HERE, body);
    let validate = || post("/profile/customer/password/validate-token", check.clone());
    assert_eq!(validate().await, (200, json!({"valid": true})));
    let reset = json!({"token": token, "password": "correct horse"});
    assert_eq!(post("/profile/customer/password/reset", reset.clone()).await.0, 200);
    assert_eq!(post("/profile/customer/password/reset", reset).await.0, 401);
    assert_eq!(validate().await, (200, json!({"valid": false})));
    let (status, sam) = enter(&house, "/profile/customer/signin", "sam@example.com", "correct horse").await;
    assert_eq!((status, &sam["user"]["sk"], &sam["user"]["data"]["vip"]), (200, &made["sk"], &json!(true)));
    let sam = house.with(&sam["token"]);
    assert_eq!(sam.done("/profile/customer/update", json!({"name": "Sam"})).await["data"]["name"], "Sam");
    assert_eq!(sam.post("/profile/customer/update", json!({"email": "ada@example.com"})).await.0, 400);
    assert_eq!(sam.get("/profile/customer/profile").await.1["customer"]["data"]["name"], "Sam");
}

#[actix_web::test]
async fn forms_without_headers_name_their_organisation_in_the_body() {
    let house = House::open().await;
    house.owner().get("/profile/whoami").await;
    let body = |org: &str| json!({"email": "eve@example.com", "password": "correct horse", "orgid": org});
    let sign_up = |headers: &'static [(&'static str, &'static str)], org: &str| {
        house.visit(Method::POST, "/profile/customer/signup", headers, body(org))
    };
    let (status, problem) = sign_up(&HERE, "another").await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_orgid")));
    assert_eq!(sign_up(&[], "no org").await.0, 400);
    let (status, eve) = sign_up(&[], ORG).await;
    assert_eq!((status, &eve["user"]["pk"]), (201, &json!(ORG)));
    assert_eq!(sign_up(&HERE, ORG).await.0, 409);
}
