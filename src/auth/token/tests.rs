use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::encode;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);
const SECRET: &str = "a secret of more than thirty-two bytes";

fn tokens() -> Tokens {
    Tokens::new(&SigningKey::configured(SECRET).unwrap(), "appengine")
}

fn ada() -> Identity {
    Identity {
        org: OrgId::new("my-org").unwrap(),
        id: RecordId::new("user-1").unwrap(),
        email: Some("ada@example.com".into()),
        name: "Ada".into(),
        kind: Kind::User,
        roles: vec![Role::Owner],
        session: Some("s1".into()),
    }
}

fn claims() -> Value {
    json!({"sub": "user-1", "orgId": "my-org", "email": "Ada@Example.com", "datatype": "user",
        "roles": ["Owner"], "iat": NOW.as_secs(), "exp": NOW.as_secs() + 60, "jti": "1", "iss": "appengine"})
}

/// A token as an integrator with the configured secret, or a forger with another one, would make it.
fn made(algorithm: Algorithm, claims: &Value, secret: &[u8]) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn with(changes: &Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value == "-" {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    made(Algorithm::HS256, &claims, SECRET.as_bytes())
}

fn verified(token: &str) -> Result<Principal, Refusal> {
    tokens().verify(token, NOW)
}

#[test]
fn a_token_says_who_its_bearer_is_until_it_expires() {
    let token = tokens().sign(&ada(), HOUR, NOW).unwrap();
    let principal = verified(&token).unwrap();
    assert_eq!((principal.org.as_str(), principal.id.as_str()), ("my-org", "user-1"));
    assert_eq!((principal.email.as_deref(), principal.name.as_str()), (Some("ada@example.com"), "Ada"));
    assert_eq!((principal.kind, principal.roles.as_slice()), (Kind::User, [Role::Owner].as_slice()));
    assert_eq!((principal.session.as_deref(), principal.scopes), (Some("s1"), None));
    assert_eq!(principal.expires_at, NOW.plus(HOUR));
    assert!(tokens().verify(&token, NOW.plus(HOUR - Duration::from_secs(1))).is_ok());
    assert_eq!(tokens().verify(&token, NOW.plus(HOUR)), Err(Refusal::TokenExpired));
}

#[test]
fn the_claims_are_those_of_the_contract() {
    let token = tokens().sign(&Identity { session: None, ..ada() }, HOUR, NOW).unwrap();
    let body = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&body).unwrap();
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22);
    let expected = json!({"sub": "user-1", "orgId": "my-org", "email": "ada@example.com", "name": "Ada",
        "datatype": "user", "roles": ["Owner"], "iat": 1_750_000_000, "exp": 1_750_003_600, "iss": "appengine"});
    assert_eq!(claims, expected);
}

#[test]
fn somebody_else_with_the_configured_secret_makes_tokens_by_the_contracts_claims() {
    let principal = verified(&with(&json!({}))).unwrap();
    assert_eq!(
        (principal.email.as_deref(), principal.name.as_str()),
        (Some("ada@example.com"), "ada@example.com")
    );
}

#[test]
fn what_this_installation_did_not_sign_is_refused() {
    let unsigned = |alg: &str| {
        let head = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{alg}\",\"typ\":\"JWT\"}}"));
        format!("{head}.{}.", URL_SAFE_NO_PAD.encode(claims().to_string()))
    };
    let good = with(&json!({}));
    let (rest, signature) = good.rsplit_once('.').unwrap();
    let (_, body) = rest.split_once('.').unwrap();
    let table = [
        ("none", unsigned("none")),
        ("None", unsigned("None")),
        ("no algorithm", unsigned("")),
        ("another key", made(Algorithm::HS256, &claims(), &[9; 40])),
        ("an empty key", made(Algorithm::HS256, &claims(), &[])),
        ("another hash", made(Algorithm::HS512, &claims(), SECRET.as_bytes())),
        ("another hash", made(Algorithm::HS384, &claims(), SECRET.as_bytes())),
        (
            "RS256 in the head",
            format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode("{\"alg\":\"RS256\"}")),
        ),
        ("no signature", format!("{rest}.")),
        ("two parts", rest.to_owned()),
        ("four parts", format!("{good}.x")),
        ("nothing", String::new()),
        ("too long", format!("{good}{}", "x".repeat(MAX_TOKEN))),
    ];
    for (what, token) in table {
        assert_eq!(verified(&token), Err(Refusal::InvalidToken), "{what}");
    }
}

#[test]
fn claims_that_are_missing_or_wrong_are_refused_although_the_signature_is_right() {
    let later = NOW.plus(LEEWAY).as_secs() + 1;
    let table = [
        json!({"exp": "-"}),
        json!({"exp": "soon"}),
        json!({"exp": -1}),
        json!({"iss": "-"}),
        json!({"iss": "other"}),
        json!({"sub": "-"}),
        json!({"sub": "a/b"}),
        json!({"orgId": "-"}),
        json!({"orgId": "a b"}),
        json!({"datatype": "robot"}),
        json!({"roles": ["Boss"]}),
        json!({"roles": "Owner"}),
        json!({"jti": "-"}),
        json!({"iat": later}),
        json!({"nbf": later}),
        json!({"aud": "someone-else"}),
        json!({"use": "sign-in-link"}),
        json!({"use": "password-reset"}),
    ];
    for changes in table {
        assert_eq!(verified(&with(&changes)), Err(Refusal::InvalidToken), "{changes}");
    }
    assert!(verified(&with(&json!({"iat": later - 1, "nbf": later - 1}))).is_ok());
    assert_eq!(verified(&with(&json!({"exp": NOW.as_secs()}))), Err(Refusal::TokenExpired));
    assert_eq!(verified(&with(&json!({"exp": 0}))), Err(Refusal::TokenExpired));
}

#[test]
fn a_token_is_good_for_its_own_use_only() {
    let uses = [Use::Access, Use::SignInLink];
    for made_for in uses {
        let token = tokens().sign_for(made_for, &ada(), HOUR, NOW).unwrap();
        for asked in uses {
            let expected = made_for == asked;
            assert_eq!(tokens().verify_for(asked, &token, NOW).is_ok(), expected, "{made_for:?} {asked:?}");
        }
    }
}

#[test]
fn another_issuer_or_key_is_another_installation() {
    let token = tokens().sign(&ada(), HOUR, NOW).unwrap();
    let other_issuer = Tokens::new(&SigningKey::configured(SECRET).unwrap(), "elsewhere");
    assert_eq!(other_issuer.verify(&token, NOW), Err(Refusal::InvalidToken));
    let other_key = Tokens::new(&SigningKey::configured(&"x".repeat(32)).unwrap(), "appengine");
    assert_eq!(other_key.verify(&token, NOW), Err(Refusal::InvalidToken));
}

proptest! {
    #[test]
    fn a_token_with_any_character_changed_is_refused(
        place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_.-]",
    ) {
        let token = tokens().sign(&ada(), HOUR, NOW).unwrap();
        let at = place.index(token.len());
        let mut forged = token.clone();
        forged.replace_range(at..=at, &letter);
        prop_assume!(forged != token);
        // The last character of a part has bits that stand for nothing; decoders refuse those set.
        prop_assert_eq!(verified(&forged), Err(Refusal::InvalidToken));
    }

    #[test]
    fn no_text_is_taken_for_a_token(text in any::<String>()) {
        prop_assert_eq!(verified(&text), Err(Refusal::InvalidToken));
    }
}
