use std::sync::Mutex;
use std::time::Duration;

use appengine_actors::testkit::ManualClock;

use appengine_actors::clock::Timestamp;
use appengine_actors::ids::RecordId;

use super::*;
use crate::auth::api_key::{self, ApiKeyRecord, MintedKey, RateLimits};
use crate::auth::role::Role;
use crate::auth::scope::Scopes;
use crate::auth::sealing::SigningKey;
use crate::auth::token::{Identity, Use};

const HOUR: Duration = Duration::from_secs(3_600);

/// People and keys of one organisation, `my-org`, that count what they are asked.
#[derive(Default)]
struct World {
    asked: Mutex<Vec<String>>,
    refuses: Mutex<bool>,
    key: Mutex<Option<(String, ApiKeyRecord)>>,
}

impl People for World {
    fn ensure<'a>(&'a self, principal: &'a Principal) -> BoxFuture<'a, Result<Known, Refusal>> {
        self.asked.lock().unwrap().push(principal.id.to_string());
        let id = RecordId::new(&format!("found-{}", principal.id)).unwrap();
        let found = Known { id, roles: principal.roles.clone() };
        let refuses = *self.refuses.lock().unwrap();
        Box::pin(async move { if refuses { Err(Refusal::TokenRevoked) } else { Ok(found) } })
    }
}

impl Keys for World {
    fn find<'a>(
        &'a self,
        org: &'a OrgId,
        hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<ApiKeyRecord>, Refusal>> {
        let key = self.key.lock().unwrap().clone();
        let found = key.filter(|(kept, _)| kept == hash && org.as_str() == "my-org");
        Box::pin(async move { Ok(found.map(|(_, record)| record)) })
    }

    fn count_use(&self, _: &OrgId, id: &RecordId) {
        self.asked.lock().unwrap().push(format!("used {id}"));
    }
}

struct House {
    gate: Gate,
    world: Arc<World>,
    clock: ManualClock,
    tokens: Arc<Tokens>,
    seen: Arc<Seen>,
}

fn house() -> House {
    let (clock, world) = (ManualClock::default(), Arc::new(World::default()));
    let tokens = Arc::new(Tokens::new(&SigningKey::configured(&"k".repeat(32)).unwrap(), "appengine"));
    let seen = Arc::new(Seen::new(100));
    let gate = Gate::new(tokens.clone(), world.clone(), world.clone(), seen.clone(), Arc::new(clock.clone()));
    House { gate, world, clock, tokens, seen }
}

impl House {
    fn token(&self, org: &str, kind: Kind, id: &str) -> String {
        let who = Identity {
            org: OrgId::new(org).unwrap(),
            id: RecordId::new(id).unwrap(),
            email: None,
            name: id.to_owned(),
            kind,
            roles: vec![Role::User],
            session: None,
        };
        self.tokens.sign(&who, HOUR, self.clock.now()).unwrap()
    }

    fn key(&self, expires_at: Option<Timestamp>) -> MintedKey {
        let minted = api_key::mint();
        let record = ApiKeyRecord {
            id: RecordId::new("apikey-1").unwrap(),
            name: "CI".into(),
            roles: vec![Role::User],
            scopes: Scopes::read_only(),
            rate_limits: RateLimits::default(),
            expires_at,
        };
        *self.world.key.lock().unwrap() = Some((minted.hash.clone(), record));
        minted
    }

    async fn admit(&self, sent: &[(&str, &str)]) -> Result<Principal, Refusal> {
        self.gate.admit(credentials(sent)).await
    }
}

fn credentials<'a>(sent: &[(&str, &'a str)]) -> Credentials<'a> {
    let get = |name| sent.iter().find(|(sent, _)| *sent == name).map(|(_, value)| *value);
    Credentials {
        authorization: get("authorization"),
        x_client_authorization: get("client"),
        x_api_key: get("key"),
        orgid: get("orgid"),
        query_token: get("query"),
    }
}

#[tokio::test]
async fn a_token_is_admitted_with_the_record_that_it_stands_for() {
    let house = house();
    let token = house.token("my-org", Kind::User, "ada");
    for scheme in ["Bearer", "bearer", "BEARER "] {
        let admitted = house.admit(&[("authorization", &format!("{scheme} {token}"))]).await.unwrap();
        assert_eq!((admitted.org.as_str(), admitted.id.as_str()), ("my-org", "found-ada"));
    }
    assert!(house.admit(&[("query", &token)]).await.is_ok());
}

#[tokio::test]
async fn what_is_sent_wrongly_is_refused_by_name() {
    let house = house();
    let (ada, foreign) = (house.token("my-org", Kind::User, "ada"), house.token("b", Kind::User, "bob"));
    let (app, foreign_app) = (house.token("my-org", Kind::App, "app"), house.token("b", Kind::App, "app"));
    let bob = house.token("my-org", Kind::Customer, "bob");
    let key = house.key(None).key;
    let bearer = |token: &str| format!("Bearer {token}");
    let (ada_header, app_header, foreign_app_header) = (bearer(&ada), bearer(&app), bearer(&foreign_app));
    let table: [(&[(&str, &str)], Refusal); 18] = [
        (&[], Refusal::MissingAuthorization),
        (&[("orgid", "my-org")], Refusal::MissingAuthorization),
        (&[("authorization", "  "), ("key", "")], Refusal::MissingAuthorization),
        (&[("authorization", &ada)], Refusal::InvalidToken),
        (&[("authorization", "Basic YTpi")], Refusal::InvalidToken),
        (&[("authorization", "Bearer x")], Refusal::InvalidToken),
        (&[("authorization", &bearer(&key)), ("orgid", "my-org")], Refusal::InvalidToken),
        (&[("authorization", &ada_header), ("orgid", "b")], Refusal::TokenOrgMismatch),
        (&[("authorization", &ada_header), ("orgid", "a b")], Refusal::InvalidOrgId),
        (&[("key", &key)], Refusal::MissingOrgId),
        (&[("key", &key), ("orgid", "b")], Refusal::InvalidApiKey),
        (&[("key", "ak_live_x"), ("orgid", "my-org")], Refusal::InvalidApiKey),
        (&[("key", &key), ("orgid", "my-org"), ("client", &ada)], Refusal::ClientWithoutApp),
        (&[("client", &ada)], Refusal::MissingAuthorization),
        (&[("authorization", &ada_header), ("client", &bob)], Refusal::ClientWithoutApp),
        (&[("authorization", &app_header), ("client", &app)], Refusal::ClientWithoutApp),
        (&[("authorization", &app_header), ("client", &foreign)], Refusal::TokenOrgMismatch),
        (&[("authorization", &foreign_app_header), ("client", &ada)], Refusal::TokenOrgMismatch),
    ];
    for (sent, refusal) in table {
        assert_eq!(house.admit(sent).await.unwrap_err(), refusal, "{sent:?}");
    }
}

#[tokio::test]
async fn behind_an_app_stands_the_person_whose_token_is_sent_along() {
    let house = house();
    let app = format!("Bearer {}", house.token("my-org", Kind::App, "app"));
    let ada = house.token("my-org", Kind::User, "ada");
    for client in [ada.clone(), format!("Bearer {ada}")] {
        let sent = [("authorization", app.as_str()), ("client", client.as_str()), ("orgid", "my-org")];
        assert_eq!(house.admit(&sent).await.unwrap().id.as_str(), "found-ada");
    }
    assert_eq!(house.admit(&[("authorization", &app)]).await.unwrap().kind, Kind::App);
    let twice = format!("Bearer {ada}");
    let sent = [("authorization", twice.as_str()), ("client", ada.as_str())];
    assert_eq!(house.admit(&sent).await.unwrap().id.as_str(), "found-ada");
    let broken = [("authorization", app.as_str()), ("client", "x")];
    assert_eq!(house.admit(&broken).await, Err(Refusal::InvalidToken));
}

#[tokio::test]
async fn the_header_goes_before_the_key_and_the_key_before_the_query() {
    let house = house();
    let (ada, bob) = (house.token("my-org", Kind::User, "ada"), house.token("my-org", Kind::User, "bob"));
    let (header, key) = (format!("Bearer {ada}"), house.key(None).key);
    let all = [("authorization", header.as_str()), ("key", &key), ("query", &bob), ("orgid", "my-org")];
    assert_eq!(house.admit(&all).await.unwrap().id.as_str(), "found-ada");
    assert_eq!(house.admit(&all[1..]).await.unwrap().id.as_str(), "apikey-1");
    assert_eq!(house.admit(&all[2..]).await.unwrap().id.as_str(), "found-bob");
    let broken = [("authorization", "Bearer x"), ("key", key.as_str()), ("orgid", "my-org")];
    assert_eq!(house.admit(&broken).await, Err(Refusal::InvalidToken), "nothing makes up for a bad header");
}

#[tokio::test]
async fn an_api_key_has_its_scopes_and_ends_when_it_says() {
    let house = house();
    let key = house.key(Some(house.clock.now().plus(HOUR))).key;
    let sent = [("key", key.as_str()), ("orgid", "my-org")];
    let admitted = house.admit(&sent).await.unwrap();
    assert_eq!((admitted.kind, admitted.org.as_str()), (Kind::App, "my-org"));
    assert!(admitted.may_scope("read:data") && !admitted.may_scope("write:data"));
    assert_eq!(admitted.rate_limits, Some(RateLimits::default()));
    house.clock.advance(HOUR);
    assert_eq!(house.admit(&sent).await, Err(Refusal::InvalidApiKey));
}

#[tokio::test]
async fn the_first_use_is_looked_up_and_later_ones_cost_nothing_until_forgotten() {
    let house = house();
    let header = format!("Bearer {}", house.token("my-org", Kind::User, "ada"));
    let sent = [("authorization", header.as_str())];
    for _ in 0..3 {
        house.admit(&sent).await.unwrap();
    }
    assert_eq!(house.world.asked.lock().unwrap().as_slice(), ["ada"]);
    let admitted = house.admit(&sent).await.unwrap();
    *house.world.refuses.lock().unwrap() = true;
    assert!(house.admit(&sent).await.is_ok());
    house.seen.forget(&admitted.org, admitted.kind, &admitted.id);
    assert_eq!(house.admit(&sent).await, Err(Refusal::TokenRevoked));
    assert_eq!(house.world.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_token_remembered_still_expires() {
    let house = house();
    let header = format!("Bearer {}", house.token("my-org", Kind::User, "ada"));
    let sent = [("authorization", header.as_str())];
    house.admit(&sent).await.unwrap();
    house.clock.advance(HOUR);
    assert_eq!(house.admit(&sent).await, Err(Refusal::TokenExpired));
}

#[tokio::test]
async fn a_refused_request_brings_nobody_into_being() {
    let house = house();
    let ada = format!("Bearer {}", house.token("my-org", Kind::User, "ada"));
    let link = house.token("my-org", Kind::User, "ada");
    drop(house.admit(&[("authorization", &ada), ("orgid", "b")]).await);
    drop(house.admit(&[("authorization", &format!("{ada}x"))]).await);
    drop(house.admit(&[("authorization", &link)]).await);
    assert!(house.world.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_token_for_a_link_opens_nothing_here() {
    let house = house();
    let who = Identity {
        org: OrgId::new("my-org").unwrap(),
        id: RecordId::new("ada").unwrap(),
        email: None,
        name: "Ada".into(),
        kind: Kind::User,
        roles: vec![Role::Owner],
        session: None,
    };
    let token = house.tokens.sign_for(Use::SignInLink, &who, HOUR, house.clock.now()).unwrap();
    assert_eq!(house.admit(&[("query", &token)]).await, Err(Refusal::InvalidToken));
}

#[test]
fn a_public_route_needs_an_organisation_that_is_one() {
    let house = house();
    let org = |sent: &[(&str, &str)]| house.gate.public_org(credentials(sent));
    assert_eq!(org(&[("orgid", "my-org")]).unwrap().as_str(), "my-org");
    assert_eq!(org(&[]), Err(Refusal::MissingOrgId));
    assert_eq!(org(&[("orgid", " ")]), Err(Refusal::MissingOrgId));
    assert_eq!(org(&[("orgid", "a/b")]), Err(Refusal::InvalidOrgId));
}

#[test]
fn every_refusal_has_the_contracts_code_and_a_status() {
    let table = [
        (Refusal::MissingAuthorization, "missing_authorization_header", 401),
        (Refusal::InvalidToken, "invalid_token", 401),
        (Refusal::TokenExpired, "token_expired", 401),
        (Refusal::TokenRevoked, "token_revoked", 401),
        (Refusal::TokenOrgMismatch, "token_org_mismatch", 403),
        (Refusal::MissingOrgId, "missing_orgid", 400),
        (Refusal::InvalidApiKey, "invalid_api_key", 401),
        (Refusal::InsufficientScope("read".into()), "insufficient_scope", 403),
    ];
    for (refusal, code, status) in table {
        assert_eq!((refusal.code(), refusal.status()), (code, status));
    }
}
