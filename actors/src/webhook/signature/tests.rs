use proptest::prelude::*;

use super::*;

// The example that the public specification's own libraries test themselves with.
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn secret() -> Secret {
    Secret::parse(SECRET).unwrap()
}

fn other() -> Secret {
    Secret(vec![7; 32])
}

fn check(secrets: &[Secret], signature: &str) -> Result<(), VerifyError> {
    let signed = Signed { id: ID, timestamp: "1614265330", signature };
    verify(secrets, signed, BODY, at(AT), TOLERANCE)
}

#[test]
fn signs_and_verifies_the_published_example() {
    assert_eq!(sign(&[secret()], ID, at(AT), BODY).unwrap(), SIGNATURE);
    assert_eq!(check(&[secret()], SIGNATURE), Ok(()));
}

#[test]
fn a_rotation_signs_with_both_and_either_verifies() {
    let list = sign(&[other(), secret()], ID, at(AT), BODY).unwrap();
    assert_eq!(list.split(' ').count(), 2);
    assert!(list.ends_with(SIGNATURE));
    assert_eq!(check(&[secret()], &list), Ok(()));
    assert_eq!(check(&[other()], &list), Ok(()));
    assert_eq!(check(&[Secret(vec![1; 24])], &list), Err(VerifyError::NoMatch));
}

#[test]
fn other_versions_and_rubbish_are_passed_over() {
    let bare = SIGNATURE.strip_prefix("v1,").unwrap();
    for list in
        ["", " ", "v1", "v1,", "v1,AAAA", "v1,***", bare, &format!("v1a,{bare}"), &format!("v2,{bare}")]
    {
        assert_eq!(check(&[secret()], list), Err(VerifyError::NoMatch), "{list}");
    }
    assert_eq!(check(&[secret()], &format!("v1a,xyz  nonsense v1,AAAA {SIGNATURE}")), Ok(()));
    assert_eq!(
        check(&[secret()], &format!("{}{SIGNATURE}", "v1,AAAA ".repeat(MAX_ENTRIES))),
        Err(VerifyError::NoMatch)
    );
}

#[test]
fn a_changed_id_time_or_body_does_not_match() {
    let verify = |id, timestamp, body: &[u8]| {
        verify(&[secret()], Signed { id, timestamp, signature: SIGNATURE }, body, at(AT), TOLERANCE)
    };
    assert_eq!(verify(ID, "1614265330", BODY), Ok(()));
    assert_eq!(verify("msg_other", "1614265330", BODY), Err(VerifyError::NoMatch));
    assert_eq!(verify(ID, "1614265331", BODY), Err(VerifyError::NoMatch));
    assert_eq!(verify(ID, "01614265330", BODY), Err(VerifyError::NoMatch));
    assert_eq!(verify(ID, "1614265330", br#"{"test":2432232314}"#), Err(VerifyError::NoMatch));
}

#[test]
fn time_is_checked_on_both_sides_to_the_second() {
    let verify = |now| {
        let signed = Signed { id: ID, timestamp: "1614265330", signature: SIGNATURE };
        verify(&[secret()], signed, BODY, at(now), TOLERANCE)
    };
    assert_eq!(verify(AT + 300), Ok(()));
    assert_eq!(verify(AT + 301), Err(VerifyError::TooOld));
    assert_eq!(verify(AT - 300), Ok(()));
    assert_eq!(verify(AT - 301), Err(VerifyError::TooNew));
}

#[test]
fn bad_headers_are_refused_by_name() {
    let verify = |id, timestamp| {
        verify(&[secret()], Signed { id, timestamp, signature: SIGNATURE }, BODY, at(AT), TOLERANCE)
    };
    let long = "a".repeat(257);
    for id in ["", "a.b", "a b", "a\n", "é", &long] {
        assert_eq!(verify(id, "1614265330"), Err(VerifyError::Id), "{id:?}");
        assert_eq!(sign(&[secret()], id, at(AT), BODY), Err(SignError::Id));
    }
    for timestamp in ["", "-1", "+1614265330", "1614265330.0", " 1614265330", "1e9", "99999999999999999999"] {
        assert_eq!(verify(ID, timestamp), Err(VerifyError::Timestamp), "{timestamp:?}");
    }
    assert_eq!(verify(ID, "9223372036854775807"), Err(VerifyError::TooNew));
}

#[test]
fn no_secret_means_no() {
    assert_eq!(check(&[], SIGNATURE), Err(VerifyError::NoSecret));
    assert_eq!(sign(&[], ID, at(AT), BODY), Err(SignError::Secrets(0)));
    assert_eq!(sign(&vec![secret(); 9], ID, at(AT), BODY), Err(SignError::Secrets(9)));
}

#[test]
fn secrets_have_24_to_64_bytes_and_come_back_as_given() {
    assert_eq!(secret().reveal(), format!("whsec_{SECRET}"));
    assert_eq!(Secret::parse(&secret().reveal()).unwrap().0, secret().0);
    for length in [0, 23, 65] {
        let text = STANDARD.encode(vec![0; length]);
        assert_eq!(Secret::parse(&text).unwrap_err(), SecretError::Length(length));
    }
    for length in [24, 64] {
        assert!(Secret::parse(&STANDARD.encode(vec![0; length])).is_ok());
    }
    for text in ["whsec_***", "whsec_ MfKQ", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert_eq!(Secret::parse(text).unwrap_err(), SecretError::Base64);
    }
}

#[test]
fn secrets_print_as_dots() {
    let secret = secret();
    for text in [format!("{secret}"), format!("{secret:?}"), format!("{:?}", Some(&secret))] {
        assert!(text.contains('•') && !text.contains("MfKQ"), "{text}");
    }
}

#[test]
fn generated_secrets_differ() {
    let (one, two) = (Secret::generate(&mut rand::rng()), Secret::generate(&mut rand::rng()));
    assert_eq!(one.0.len(), 32);
    assert_ne!(one.0, two.0);
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_flipped_bit_does_not(
        key in prop::collection::vec(any::<u8>(), 24..=64),
        id in "[!-\\-/-~]{1,40}",
        seconds in 0i64..4_000_000_000,
        body in prop::collection::vec(any::<u8>(), 1..200),
        bit: prop::sample::Index,
    ) {
        let secrets = [Secret(key)];
        let signature = sign(&secrets, &id, at(seconds), &body).unwrap();
        let timestamp = seconds.to_string();
        let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
        prop_assert_eq!(verify(&secrets, signed, &body, at(seconds), TOLERANCE), Ok(()));
        let mut changed = body.clone();
        let bit = bit.index(body.len() * 8);
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(verify(&secrets, signed, &changed, at(seconds), TOLERANCE), Err(VerifyError::NoMatch));
    }

    #[test]
    fn nothing_received_panics(id in ".*", timestamp in ".*", signature in ".*", body: Vec<u8>) {
        let signed = Signed { id: &id, timestamp: &timestamp, signature: &signature };
        prop_assert!(verify(&[secret()], signed, &body, at(AT), TOLERANCE).is_err());
    }
}
