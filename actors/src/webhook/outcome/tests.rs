use bytes::Bytes;
use proptest::prelude::*;

use super::super::failure::{Fault, Refused, TlsError, Waiting};
use super::super::retry_after::RetryAfter;
use super::super::transport::BodyEnd;
use super::*;

const RETRY: Verdict = Verdict::Retry { after: None, throttle: false };

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn reply(status: u16, retry_after: Option<RetryAfter>) -> Result<OutboundReply, SendError> {
    Ok(OutboundReply {
        status,
        headers: vec![("location".to_owned(), "http://127.0.0.1/".to_owned())],
        headers_truncated: false,
        body: Bytes::new(),
        body_end: BodyEnd::Complete,
        retry_after,
    })
}

fn every_error() -> [SendError; 10] {
    [
        SendError::Refused(Refused::ResolvedAddress),
        SendError::Dns,
        SendError::Connect,
        SendError::Tls(TlsError::Handshake),
        SendError::TimedOut(Waiting::Response),
        SendError::ConnectionClosed,
        SendError::ResponseHeadTooLarge,
        SendError::InvalidResponse,
        SendError::Proxy,
        SendError::Local,
    ]
}

#[test]
fn the_rules_of_standard_webhooks() {
    let throttle = Verdict::Retry { after: None, throttle: true };
    for (statuses, verdict) in [
        (&[200, 201, 202, 204, 299][..], Verdict::Delivered),
        (&[410], Verdict::Disable),
        (&[429, 502, 503, 504], throttle),
        (&[100, 199, 301, 302, 303, 307, 308, 400, 401, 404, 409, 411, 500, 501, 505, 599, 999, 0], RETRY),
    ] {
        for status in statuses {
            assert_eq!(judge(&reply(*status, None), now()), verdict, "{status}");
        }
    }
}

#[test]
fn retry_after_is_honoured_within_bounds() {
    let after = |wish| match judge(&reply(503, Some(wish)), now()) {
        Verdict::Retry { after, throttle: true } => after,
        verdict => panic!("{verdict:?}"),
    };
    let minute = Duration::from_secs(60);
    assert_eq!(after(RetryAfter::In(minute)), Some(minute));
    assert_eq!(after(RetryAfter::At(now() + minute)), Some(minute));
    assert_eq!(after(RetryAfter::At(now() - minute)), Some(Duration::ZERO));
    assert_eq!(after(RetryAfter::In(Duration::MAX)), Some(MAX_RETRY_AFTER));
    assert_eq!(after(RetryAfter::At(Timestamp::MAX)), Some(MAX_RETRY_AFTER));
}

#[test]
fn retry_after_means_nothing_elsewhere() {
    let wish = Some(RetryAfter::In(Duration::from_secs(60)));
    assert_eq!(judge(&reply(200, wish), now()), Verdict::Delivered);
    assert_eq!(judge(&reply(410, wish), now()), Verdict::Disable);
    assert_eq!(judge(&reply(500, wish), now()), RETRY);
    assert_eq!(judge(&reply(301, wish), now()), RETRY);
}

#[test]
fn only_what_can_never_work_is_not_retried() {
    for error in every_error() {
        let expected = if error.fault() == Fault::Tenant { Verdict::Refused } else { RETRY };
        assert_eq!(judge(&Err(error), now()), expected);
    }
}

#[test]
fn every_error_has_its_own_code_and_reads_as_a_sentence() {
    let codes: std::collections::BTreeSet<_> = every_error().iter().map(SendError::code).collect();
    assert_eq!(codes.len(), every_error().len());
    assert_eq!(
        explain(&Err(SendError::TimedOut(Waiting::Response)), false).unwrap(),
        "failed to finish in time: no answer came"
    );
    assert_eq!(
        explain(&Err(SendError::Refused(Refused::ResolvedAddress)), false).unwrap(),
        "failed to use the url: its host name leads to an address that is not allowed; the operator opens its \
         network by webhooks.allow_networks"
    );
}

#[test]
fn a_redirect_is_explained_and_a_delivery_is_not() {
    assert_eq!(explain(&reply(204, None), false), None);
    let text = explain(&reply(307, None), false).unwrap();
    assert!(text.contains("redirects are not followed") && text.contains("127.0.0.1"), "{text}");
    assert_eq!(explain(&reply(500, None), true).unwrap(), "the receiver answered 500");
}

proptest! {
    #[test]
    fn only_2xx_is_a_delivery_and_only_that_needs_no_words(status: u16, seconds: Option<u64>) {
        let result = reply(status, seconds.map(|seconds| RetryAfter::In(Duration::from_secs(seconds))));
        let delivered = judge(&result, now()) == Verdict::Delivered;
        prop_assert_eq!(delivered, (200..300).contains(&status));
        prop_assert_eq!(explain(&result, false).is_none(), delivered);
    }
}

#[test]
fn a_410_says_what_ends_and_what_does_not() {
    let told = explain(&reply(410, None), false).unwrap();
    assert!(told.contains("this delivery ends") && !told.contains("disabled"), "{told}");
}
