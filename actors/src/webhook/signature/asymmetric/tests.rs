use proptest::prelude::*;

use super::super::TOLERANCE;
use super::*;

// A published example of the specification's authors: the key pair and the signature that their own server tests with.
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SECRET: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const SEED: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
const PUBLIC: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
const SIGNATURE: &str =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn key() -> SecretKey {
    SecretKey::parse(SECRET).unwrap()
}

fn check(keys: &[PublicKey], signature: &str) -> Result<(), VerifyError> {
    verify(keys, Signed { id: ID, timestamp: "1614265330", signature }, BODY, at(AT), TOLERANCE)
}

#[test]
fn signs_and_verifies_the_published_example() {
    assert_eq!(key().entry(ID, "1614265330", BODY).as_deref(), Some(SIGNATURE));
    assert_eq!(key().public().to_string(), PUBLIC);
    assert_eq!(check(&[PublicKey::parse(PUBLIC).unwrap()], SIGNATURE), Ok(()));
}

#[test]
fn a_key_comes_back_as_given_with_or_without_its_public_half() {
    assert_eq!(key().reveal(), SECRET);
    assert_eq!(SecretKey::parse(SEED).unwrap().reveal(), SECRET);
    let fresh = SecretKey::generate(&mut rand::rng()).unwrap();
    assert_eq!(SecretKey::parse(&fresh.reveal()).unwrap().public(), fresh.public());
    assert_ne!(fresh.public(), key().public());
}

#[test]
fn what_is_no_key_is_refused_by_name() {
    let halves = SECRET.replace("X0dRqSKJp4AJ", "aaaaaaaaaaAJ");
    for (text, expected) in [
        (PUBLIC, KeyError::Prefix("whsk_")),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", KeyError::Prefix("whsk_")),
        (SEED.trim_start_matches("whsk_"), KeyError::Prefix("whsk_")),
        ("", KeyError::Prefix("whsk_")),
        ("whsk_***", KeyError::Base64),
        (SECRET.trim_end_matches('='), KeyError::Base64),
        ("whsk_", KeyError::Length { found: 0, allowed: "64, seed and public key, or 32, the seed" }),
        ("whsk_AAAA", KeyError::Length { found: 3, allowed: "64, seed and public key, or 32, the seed" }),
        (&halves, KeyError::Halves),
    ] {
        assert_eq!(SecretKey::parse(text).unwrap_err(), expected, "{text}");
    }
    assert_eq!(PublicKey::parse(SECRET), Err(KeyError::Prefix("whpk_")));
    assert_eq!(PublicKey::parse("whpk_AAAA"), Err(KeyError::Length { found: 3, allowed: "32" }));
}

#[test]
fn secret_keys_print_as_dots_and_public_ones_as_they_are() {
    let key = key();
    for text in [format!("{key}"), format!("{key:?}"), format!("{:?}", Some(&key))] {
        assert!(text.contains('•') && !text.contains("6Xb"), "{text}");
    }
    assert_eq!(format!("{:?}", key.public()), PUBLIC);
}

#[test]
fn other_versions_keys_and_times_are_not_believed() {
    let own = [key().public()];
    let bare = SIGNATURE.strip_prefix("v1a,").unwrap();
    for list in ["", "v1a", "v1a,", "v1a,AAAA", "v1a,***", bare, &format!("v1,{bare}"), &format!("v2,{bare}")]
    {
        assert_eq!(check(&own, list), Err(VerifyError::NoMatch), "{list}");
    }
    assert_eq!(check(&own, &format!("v1,AAAA v1a,AAAA {SIGNATURE}")), Ok(()));
    let other = SecretKey::generate(&mut rand::rng()).unwrap().public();
    assert_eq!(check(&[other], SIGNATURE), Err(VerifyError::NoMatch));
    assert_eq!(check(&[other, own[0]], SIGNATURE), Ok(()));
    assert_eq!(check(&[], SIGNATURE), Err(VerifyError::NoSecret));
    let verify = |id, timestamp, now| {
        verify(&own, Signed { id, timestamp, signature: SIGNATURE }, BODY, at(now), TOLERANCE)
    };
    assert_eq!(verify(ID, "1614265330", AT + 301), Err(VerifyError::TooOld));
    assert_eq!(verify(ID, "1614265330", AT - 301), Err(VerifyError::TooNew));
    assert_eq!(verify(ID, "1614265331", AT), Err(VerifyError::NoMatch));
    assert_eq!(verify("msg_other", "1614265330", AT), Err(VerifyError::NoMatch));
    assert_eq!(verify("a.b", "1614265330", AT), Err(VerifyError::Id));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_flipped_bit_does_not(
        seed: [u8; 32],
        id in "[!-\\-/-~]{1,40}",
        seconds in 0i64..4_000_000_000,
        body in prop::collection::vec(any::<u8>(), 1..200),
        bit: prop::sample::Index,
    ) {
        let key = SecretKey::from_seed(seed).unwrap();
        let timestamp = seconds.to_string();
        let signature = key.entry(&id, &timestamp, &body).unwrap();
        let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
        prop_assert_eq!(verify(&[key.public()], signed, &body, at(seconds), TOLERANCE), Ok(()));
        let mut changed = body.clone();
        let bit = bit.index(body.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify(&[key.public()], signed, &changed, at(seconds), TOLERANCE), Err(VerifyError::NoMatch));
    }

    #[test]
    fn nothing_received_panics(key in ".*", id in ".*", timestamp in ".*", signature in ".*", body: Vec<u8>) {
        let _ = (SecretKey::parse(&format!("whsk_{key}")), PublicKey::parse(&format!("whpk_{key}")));
        let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
        prop_assert!(verify(&[super::tests::key().public()], signed, &body, at(AT), TOLERANCE).is_err());
    }
}
