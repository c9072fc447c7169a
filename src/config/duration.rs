//! Times as people write them: a whole number and a unit, such as `500ms`, `30s` or `1d`.
//! It never rounds and never accepts a bare number, whose unit would be a guess.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use thiserror::Error;

use super::values::shown;

/// Units by falling size, each with its milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A time of whole milliseconds that reads and prints as `500ms`, `30s`, `10m`, `1h` or `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(Duration);

/// A text that is not a time; the message says how times are written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a time; write a whole number and a unit, such as 500ms, 30s, 10m, 1h or 1d")]
pub struct NotADuration(String);

impl HumanDuration {
    /// The time as the standard library's type.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    /// A time of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl From<HumanDuration> for Duration {
    fn from(time: HumanDuration) -> Self {
        time.0
    }
}

impl FromStr for HumanDuration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        let refused = || NotADuration(shown(text));
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text.strip_prefix(digits).ok_or_else(refused)?;
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        whole(digits)
            .and_then(|number| number.checked_mul(*millis))
            .map(Self::from_millis)
            .ok_or_else(refused)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        let fits = |size: u64| millis.is_multiple_of(u128::from(size));
        let (unit, size) = UNITS.iter().find(|(_, size)| fits(*size)).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", millis / u128::from(*size))
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A number of plain ASCII digits: no sign, no spaces, no overflow.
pub(super) fn whole(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_read() {
        let cases = [
            ("100ms", 100),
            ("30s", 30_000),
            ("2m", 120_000),
            ("10h", 36_000_000),
            ("1d", 86_400_000),
            ("0s", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(text.parse(), Ok(HumanDuration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused_with_the_way_to_write_it() {
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "+1s",
            "1.5h",
            "1 s",
            "5 parsecs",
            "1S",
            "1h30m",
            "99999999999999999999d",
            "213503982335d",
        ] {
            let refused = text.parse::<HumanDuration>().expect_err(text).to_string();
            assert!(refused.starts_with(&format!("`{text}` is not a time; write")), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_time_reads_back_as_itself(millis in 0..=u64::MAX / 2) {
            let time = HumanDuration::from_millis(millis);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<HumanDuration>();
        }
    }
}
