//! Tokens and keys that this server did not make, or made for something else.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::exchange::Answer;
use crate::support::in_process::{Server, owner};
use crate::{ORG, ready};

/// What tokens are signed with here: known to the forger where the table says so.
const SECRET: &str = "a configured secret of more than thirty-two bytes";

fn server() -> Server {
    Server::with(&[("APPENGINE__AUTH__SIGNING_SECRET", SECRET)])
}

/// What a good token says.
fn claims(server: &Server) -> Value {
    let now = server.clock.now().as_secs();
    json!({"sub": "user-1", "orgId": ORG, "email": "ada@acme.example", "name": "Ada", "datatype": "user",
        "roles": ["Owner"], "iat": now, "exp": now + 600, "jti": "1", "iss": "appengine"})
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("a token")
}

/// A token with this head, signed by HS256 with the right secret whatever the head says.
fn headed(head: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("a signature");
    format!("{message}.{signature}")
}

fn whoami(server: &Server, token: &str) -> Answer {
    server.call_as(token, "GET", "/profile/whoami").send()
}

/// A claim changed, or taken out where the value is null.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match (value, claims.as_object_mut().expect("an object")) {
        (Value::Null, fields) => drop(fields.remove(name)),
        (value, fields) => drop(fields.insert(name.to_owned(), value)),
    }
    claims
}

#[test]
fn forged_tokens_are_refused_and_leave_nothing() {
    let server = server();
    let good = claims(&server);
    let hs256 = Header::new(Algorithm::HS256);
    let token = signed(&hs256, &good, SECRET);
    let (message, signature) = token.rsplit_once('.').expect("a signature");
    let (head, body) = message.split_once('.').expect("a body");
    let none = |name: &str| BASE64.encode(json!({"alg": name, "typ": "JWT"}).to_string());
    let grand = BASE64.encode(with(&good, "orgId", json!("other")).to_string());
    let before = server.dump();
    let forged = [
        ("no signature, alg none", format!("{}.{body}.", none("none"))),
        ("no signature, alg None", format!("{}.{body}.", none("None"))),
        ("alg none with the signature", format!("{}.{body}.{signature}", none("none"))),
        ("no signature", format!("{head}.{body}.")),
        ("another key", signed(&hs256, &good, "another secret of more than thirty-two bytes")),
        ("an empty key", signed(&hs256, &good, "")),
        ("HS384", signed(&Header::new(Algorithm::HS384), &good, SECRET)),
        ("HS512", signed(&Header::new(Algorithm::HS512), &good, SECRET)),
        ("RS256 in the head, HMAC beneath", headed(&json!({"alg": "RS256", "typ": "JWT"}), &good)),
        ("ES256 in the head", headed(&json!({"alg": "ES256"}), &good)),
        ("EdDSA in the head", headed(&json!({"alg": "EdDSA"}), &good)),
        ("an unknown algorithm", headed(&json!({"alg": "HS999"}), &good)),
        ("no algorithm", headed(&json!({"typ": "JWT"}), &good)),
        ("another organisation under the same signature", format!("{head}.{grand}.{signature}")),
        ("cut in the signature", token[..token.len() - 5].to_owned()),
        ("cut in the body", format!("{head}.{}.{signature}", &body[..body.len() - 4])),
        ("two parts", message.to_owned()),
        ("four parts", format!("{token}.{signature}")),
        ("an encrypted token's five", format!("{token}.{signature}.{signature}")),
        ("padding", format!("{message}.{signature}=")),
        ("no base64", "a.b.c".to_owned()),
        ("nothing but dots", "..".to_owned()),
        ("a word", "undefined".to_owned()),
        ("9 KiB", format!("{token}{}", "A".repeat(9 * 1024))),
    ];
    for (what, token) in forged {
        let answer = whoami(&server, &token);
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        answer.assert_problem(401, "invalid_token");
    }
    assert!(server.dump() == before, "a forged token left something behind");
    whoami(&server, &token).expect(200);
}

#[test]
fn keys_that_a_token_brings_along_are_not_used() {
    let server = server();
    let good = claims(&server);
    let own = "a key that the forger made, of more than 32 bytes";
    let jwk = json!({"kty": "oct", "k": BASE64.encode(own), "alg": "HS256"});
    for field in
        [("jwk", jwk), ("jku", json!("http://127.0.0.1/keys")), ("kid", json!("../../../../dev/null"))]
    {
        let head = json!({"alg": "HS256", "typ": "JWT", field.0: field.1});
        let message = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(good.to_string()));
        let key = EncodingKey::from_secret(own.as_bytes());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("one");
        whoami(&server, &format!("{message}.{signature}")).assert_problem(401, "invalid_token");
    }
}

#[test]
fn claims_that_are_missing_or_strange_are_refused() {
    let server = server();
    let good = claims(&server);
    let now = server.clock.now().as_secs();
    let before = server.dump();
    let invalid = [
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("iat", json!(now + 3_600)),
        ("nbf", json!(now + 3_600)),
        ("iss", Value::Null),
        ("iss", json!("somebody-else")),
        ("iss", json!(["appengine", "x"])),
        ("sub", Value::Null),
        ("sub", json!("../owner")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("orgId", Value::Null),
        ("orgId", json!("../other")),
        ("orgId", json!("")),
        ("orgId", json!(["acme"])),
        ("roles", json!(["Emperor"])),
        ("roles", json!("Owner")),
        ("roles", Value::Null),
        ("datatype", json!("superuser")),
        ("datatype", Value::Null),
        ("use", json!("sign-in-link")),
        ("use", json!("anything")),
    ];
    for (name, value) in invalid {
        let token = signed(&Header::new(Algorithm::HS256), &with(&good, name, value.clone()), SECRET);
        let answer = whoami(&server, &token);
        assert_eq!(answer.status, 401, "{name}: {value}: {answer:?}");
        answer.assert_problem(401, "invalid_token");
    }
    for exp in [json!(0), json!(now - 1), json!(1)] {
        let token = signed(&Header::new(Algorithm::HS256), &with(&good, "exp", exp), SECRET);
        whoami(&server, &token).assert_problem(401, "token_expired");
    }
    assert!(server.dump() == before, "a refused token left something behind");
}

#[test]
fn headers_that_carry_no_token_are_refused() {
    let server = ready();
    let token = server.token(&owner(ORG));
    let ask = |name: &str, value: &str| server.call("GET", "/profile/whoami").header(name, value);
    for value in ["Basic YTpi", "Bearer", "Bearer x", "Token x", &token, "Bearer  ", "Bearer a b"] {
        ask("authorization", value).send().assert_problem(401, "invalid_token");
    }
    ask("authorization", "\u{1f511}").send().assert_problem(401, "missing_authorization_header");
    ask("authorization", "").send().assert_problem(401, "missing_authorization_header");
    // Two of them: one may be what a proxy checked and the other what is believed here.
    let two = ask("authorization", "Bearer x").header("authorization", &format!("Bearer {token}"));
    two.send().assert_problem(401, "invalid_token");
    let other = ask("authorization", &format!("Bearer {token}")).header("orgid", "other");
    other.send().assert_problem(403, "token_org_mismatch");
    for org in ["a b", "../acme", "acme/../x", "%00", "-", &"a".repeat(65), "acme, acme"] {
        let answer = ask("authorization", &format!("Bearer {token}")).header("orgid", org).send();
        assert!([400, 403].contains(&answer.status), "{org:?}: {answer:?}");
        answer.problem();
    }
    let expired = server.expired_token(&owner(ORG));
    ask("authorization", &format!("Bearer {expired}")).send().assert_problem(401, "token_expired");
}

#[test]
fn keys_that_are_not_known_are_refused() {
    let server = ready();
    let known = server.call_as(&server.token(&owner(ORG)), "POST", "/api-key/create");
    let known = known.json(&json!({"name": "k", "scopes": ["read"]})).send().expect(201);
    let known = known["data"]["key"].as_str().expect("a key").to_owned();
    let ask = |key: &str| server.call("GET", "/events").header("x-api-key", key).header("orgid", ORG);
    ask(&known).send().expect(200);
    let cut = &known[..known.len() - 1];
    let made_up = format!("ak_live_{}", "A".repeat(43));
    for key in
        ["x", "ak_live_", cut, &format!("{known}A"), &made_up, &known.to_uppercase(), "ak_live_'; drop"]
    {
        ask(key).send().assert_problem(401, "invalid_api_key");
    }
    let without = server.call("GET", "/events").header("x-api-key", &known);
    without.send().assert_problem(400, "missing_orgid");
}
