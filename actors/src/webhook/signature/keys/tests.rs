use super::super::{Signed, TOLERANCE, asymmetric, sign, verify};
use super::*;

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SHARED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PAIR: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

fn at() -> Timestamp {
    Timestamp::from_second(1_614_265_330).unwrap()
}

fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}

fn fresh(kind: KeyKind) -> SigningKey {
    SigningKey::generate(kind, &mut rand::rng()).unwrap()
}

#[test]
fn a_rotation_of_both_kinds_is_one_list_that_every_live_key_verifies() {
    let keys = [key(SHARED), fresh(KeyKind::V1), key(PAIR), fresh(KeyKind::V1a)];
    let list = sign_all(&keys, ID, at(), BODY).unwrap();
    let versions: Vec<&str> = list.split(' ').filter_map(|entry| entry.split(',').next()).collect();
    assert_eq!(versions, ["v1", "v1", "v1a", "v1a"]);
    assert!(list.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "));
    assert!(list.contains(
        " v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg== "
    ));
    let signed = Signed { id: ID, timestamp: "1614265330", signature: &list };
    for key in &keys {
        let verdict = match key {
            SigningKey::Symmetric(secret) => {
                verify(std::slice::from_ref(secret), signed, BODY, at(), TOLERANCE)
            }
            SigningKey::Asymmetric(key) => asymmetric::verify(&[key.public()], signed, BODY, at(), TOLERANCE),
        };
        assert_eq!(verdict, Ok(()), "{key:?}");
    }
}

#[test]
fn shared_secrets_alone_sign_as_they_always_did() {
    let (one, two) = (Secret::generate(&mut rand::rng()), Secret::generate(&mut rand::rng()));
    let keys = [SigningKey::Symmetric(one.clone()), SigningKey::Symmetric(two.clone())];
    assert_eq!(sign_all(&keys, ID, at(), BODY), sign(&[one, two], ID, at(), BODY));
}

#[test]
fn a_key_is_read_by_its_prefix_and_comes_back_as_given() {
    for (text, kind) in [(SHARED, KeyKind::V1), (PAIR, KeyKind::V1a)] {
        assert_eq!((key(text).reveal().as_str(), key(text).kind()), (text, kind));
        assert!(!format!("{:?}", key(text)).contains(&text[8..16]));
    }
    assert_eq!(key(&SHARED[6..]).kind(), KeyKind::V1);
    assert_eq!(key(SHARED).public(), None);
    assert!(key(PAIR).public().is_some());
    for kind in [KeyKind::V1, KeyKind::V1a] {
        assert_eq!(key(&fresh(kind).reveal()).kind(), kind);
    }
    let public = SigningKey::parse("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=").unwrap_err();
    assert!(public.to_string().contains("must begin with whsk_"), "{public}");
    assert!(matches!(
        SigningKey::parse("whsec_AAAA"),
        Err(SigningKeyError::Symmetric(SecretError::Length(3)))
    ));
}

#[test]
fn kinds_are_named_by_their_version() {
    assert_eq!(serde_json::to_string(&[KeyKind::V1, KeyKind::V1a]).unwrap(), r#"["v1","v1a"]"#);
}

#[test]
fn no_key_too_many_and_a_doubtful_id_are_refused() {
    assert_eq!(sign_all(&[], ID, at(), BODY), Err(SignError::Secrets(0)));
    assert_eq!(sign_all(&vec![key(PAIR); 9], ID, at(), BODY), Err(SignError::Secrets(9)));
    assert_eq!(sign_all(&[key(PAIR)], "a.b", at(), BODY), Err(SignError::Id));
}
