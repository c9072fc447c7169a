//! The `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date in any of HTTP's three formats. Pure: a date
//! becomes a wait only when `now` is given.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// IMF-fixdate, which everybody sends, and the two that RFC 9110 §5.6.7 still wants to be read.
const DATE_FORMATS: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// What the receiver asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after the answer.
    In(Duration),
    /// Not before this time.
    At(Timestamp),
}

impl RetryAfter {
    /// Reads the header's value; `None` for anything that is neither form.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim_ascii();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
            // A number too large for u64 is still a wish to wait, and the reader of it sets the bound.
            return Some(Self::In(Duration::from_secs(value.parse().unwrap_or(u64::MAX))));
        }
        let date = DATE_FORMATS.iter().find_map(|format| DateTime::strptime(format, value).ok())?;
        Offset::UTC.to_timestamp(date).ok().map(Self::At)
    }

    /// How long that is from `now`; a date that has passed is no wait at all.
    pub fn wait(self, now: Timestamp) -> Duration {
        match self {
            Self::In(wait) => wait,
            Self::At(then) => Duration::try_from(then.duration_since(now)).unwrap_or(Duration::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 1994-11-06 08:49:37 UTC, the date of RFC 9110's own examples.
    const EXAMPLE: i64 = 784_111_777;

    #[test]
    fn reads_seconds() {
        assert_eq!(RetryAfter::parse("120"), Some(RetryAfter::In(Duration::from_secs(120))));
        assert_eq!(RetryAfter::parse(" 0 "), Some(RetryAfter::In(Duration::ZERO)));
        assert_eq!(RetryAfter::parse(&"9".repeat(40)), Some(RetryAfter::In(Duration::from_secs(u64::MAX))));
    }

    #[test]
    fn reads_the_three_date_formats() {
        for date in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            let found = RetryAfter::parse(date);
            assert_eq!(found, Some(RetryAfter::At(Timestamp::from_second(EXAMPLE).unwrap())), "{date}");
        }
    }

    #[test]
    fn a_date_is_counted_from_now() {
        let now = |seconds| Timestamp::from_second(seconds).unwrap();
        let date = RetryAfter::At(now(EXAMPLE));
        assert_eq!(date.wait(now(EXAMPLE - 90)), Duration::from_secs(90));
        assert_eq!(date.wait(now(EXAMPLE + 90)), Duration::ZERO);
    }

    #[test]
    fn anything_else_is_not_there() {
        for value in
            ["", "-5", "1.5", "soon", "5s", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 2027 00:00:00 GMT"]
        {
            assert_eq!(RetryAfter::parse(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_value_panics(value in ".*", now in -377_705_023_201i64..253_402_207_200) {
            if let Some(found) = RetryAfter::parse(&value) {
                let _ = found.wait(Timestamp::from_second(now).unwrap());
            }
        }
    }
}
