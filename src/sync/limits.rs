//! What an answer says of how much may still be asked, and how long to wait.

use std::time::Duration;

use appengine_actors::clock::Timestamp;
use appengine_actors::webhook::retry_after::RetryAfter;
use serde_json::Value;

use crate::connect::api::ApiReply;

/// Waited where a platform refuses to answer and does not say for how long.
pub const USUAL: Duration = Duration::from_secs(300);
/// Of what Meta counts in per cent.
const NEARLY_ALL: f64 = 95.0;
/// Meta counts over an hour, and frees a part of it all the time.
const META_PAUSE: Duration = Duration::from_secs(600);

/// Where a platform says how much may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limits {
    /// Only when it was too much, by `Retry-After`.
    RetryAfter,
    /// A header with what remains, and one with the seconds until it is more.
    Seconds(&'static str, &'static str),
    /// A header with what remains, and one with the moment at which it is more, in seconds since 1970.
    Moment(&'static str, &'static str),
    /// In per cent, as Meta does.
    Usage,
}

impl Limits {
    /// How long to wait before the next request; nothing where there is no need.
    pub fn pause(self, reply: &ApiReply, now: Timestamp) -> Option<Duration> {
        match self {
            Self::RetryAfter => None,
            Self::Seconds(remaining, reset) => {
                is_used_up(reply, remaining).then(|| number(reply, reset).map(seconds)).flatten()
            }
            Self::Moment(remaining, reset) => {
                let until = is_used_up(reply, remaining).then(|| number(reply, reset)).flatten()?;
                Some(seconds(until - seconds_of(now)))
            }
            Self::Usage => usage(reply),
        }
    }

    /// How long to wait after an answer that says that it was too much.
    pub fn refused(self, reply: &ApiReply, now: Timestamp) -> Duration {
        retry_after(reply, now).or_else(|| self.pause(reply, now)).unwrap_or(USUAL)
    }
}

/// `Retry-After`: seconds, or a date.
fn retry_after(reply: &ApiReply, now: Timestamp) -> Option<Duration> {
    // Discord writes decimals, which are none of HTTP's.
    number(reply, "retry-after").map(seconds).or_else(|| {
        let wish = RetryAfter::parse(reply.header("retry-after")?)?;
        Some(wish.wait(now.to_jiff()).saturating_add(Duration::from_secs(1)))
    })
}

fn is_used_up(reply: &ApiReply, remaining: &str) -> bool {
    // Reddit writes decimals.
    number(reply, remaining).is_some_and(|remaining| remaining < 1.0)
}

fn number(reply: &ApiReply, header: &str) -> Option<f64> {
    reply.header(header)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn seconds(seconds: f64) -> Duration {
    // A clock that goes a little wrong makes no wait too short.
    Duration::try_from_secs_f64(seconds.max(0.0).ceil()).unwrap_or(USUAL) + Duration::from_secs(1)
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for long")]
fn seconds_of(now: Timestamp) -> f64 {
    now.as_millis() as f64 / 1000.0
}

/// `X-App-Usage`, `X-Page-Usage`: what was used up in per cent; `X-Business-Use-Case-Usage` also the minutes until there
/// is more.
fn usage(reply: &ApiReply) -> Option<Duration> {
    let read = |name: &str| reply.header(name).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let is_nearly_all = |usage: &Value| {
        let parts = ["call_count", "total_time", "total_cputime"];
        parts.iter().any(|part| usage[part].as_f64().is_some_and(|percent| percent >= NEARLY_ALL))
    };
    let business = read("x-business-use-case-usage").unwrap_or_default();
    let business = business.as_object().into_iter().flat_map(|all| all.values());
    let mut pause = None;
    for usage in business.filter_map(Value::as_array).flatten() {
        let minutes = usage["estimated_time_to_regain_access"].as_u64().filter(|minutes| *minutes > 0);
        let wait = minutes.map(|minutes| Duration::from_secs(minutes.min(1_440) * 60));
        pause = pause.max(wait.or_else(|| is_nearly_all(usage).then_some(META_PAUSE)));
    }
    let is_used =
        ["x-app-usage", "x-page-usage"].iter().filter_map(|name| read(name)).any(|u| is_nearly_all(&u));
    pause.max(is_used.then_some(META_PAUSE))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn pause(limits: Limits, headers: &[(&str, &str)]) -> Option<u64> {
        limits.pause(&reply(headers), NOW).map(|pause| pause.as_secs())
    }

    fn reply(headers: &[(&str, &str)]) -> ApiReply {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ApiReply { status: 200, headers, body: Bytes::new() }
    }

    #[test]
    fn nothing_is_asked_before_more_may_be() {
        let reddit = Limits::Seconds("x-ratelimit-remaining", "x-ratelimit-reset");
        let x = Limits::Moment("x-rate-limit-remaining", "x-rate-limit-reset");
        for (limits, headers, expected) in [
            (reddit, vec![("x-ratelimit-remaining", "0.0"), ("x-ratelimit-reset", "123")], Some(124)),
            (reddit, vec![("x-ratelimit-remaining", "599.0"), ("x-ratelimit-reset", "123")], None),
            (reddit, vec![], None),
            (reddit, vec![("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")], None),
            (x, vec![("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1790000900")], Some(901)),
            (x, vec![("x-rate-limit-remaining", "1"), ("x-rate-limit-reset", "1790000900")], None),
            (x, vec![("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", "1789000000")], Some(1)),
            (Limits::Usage, vec![("x-app-usage", r#"{"call_count":28,"total_time":25}"#)], None),
            (Limits::Usage, vec![("x-app-usage", r#"{"call_count":100,"total_time":25}"#)], Some(600)),
            (
                Limits::Usage,
                vec![(
                    "x-business-use-case-usage",
                    r#"{"17":[{"type":"pages","call_count":100,"estimated_time_to_regain_access":19}]}"#,
                )],
                Some(19 * 60),
            ),
        ] {
            assert_eq!(pause(limits, &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let wait = |headers: &[(&str, &str)]| Limits::RetryAfter.refused(&reply(headers), NOW).as_secs();
        assert_eq!(wait(&[("retry-after", "30")]), 31);
        assert_eq!(wait(&[("retry-after", "Mon, 21 Sep 2026 14:14:20 GMT")]), 61);
        assert_eq!(wait(&[]), USUAL.as_secs());
        assert_eq!(wait(&[("retry-after", "1e300")]), USUAL.as_secs() + 1);
    }
}
