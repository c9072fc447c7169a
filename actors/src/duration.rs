//! Durations as people write them (`"30s"`, `"2m"`), for configuration and for the wire. Never reads a clock.
//! A bare number is whole seconds, since that is what the wire contract's `retrySchedule: [seconds]` sends.
//!
//! Use as `#[serde(with = "appengine_actors::duration")]`, with [`option`] for `Option<Duration>` and [`list`] for
//! `Vec<Duration>`.

use std::fmt;
use std::time::Duration;

use serde::{Deserializer, Serializer, de};

/// The longest duration that is understood: 100 years of 365 days. Anything longer is a slip of the pen.
pub const MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

const EXPECTED: &str =
    r#"a duration such as "100ms", "30s", "2m", "10h", "1d", or a whole number of seconds"#;

/// Units from the largest to the smallest, each in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No digits at the start, or a sign, a space or a fraction.
    #[error("read the duration {0:?}: write a whole number and a unit, such as \"30s\"")]
    Number(String),
    /// Digits and then something that is not one of the five units.
    #[error("read the duration {0:?}: the unit must be ms, s, m, h or d")]
    Unit(String),
    /// More than [`MAX`].
    #[error("read the duration {0:?}: it is longer than 100 years")]
    TooLong(String),
}

/// Reads one whole number and one unit: `100ms`, `30s`, `2m`, `10h`, `1d`. No spaces, signs, fractions or sums.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let quoted = || text.chars().take(40).collect::<String>();
    if number.is_empty() {
        return Err(DurationError::Number(quoted()));
    }
    let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(DurationError::Unit(quoted()));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(*scale))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= MAX)
        .ok_or_else(|| DurationError::TooLong(quoted()))
}

/// Writes a duration in the largest unit that divides it: 90 s is `90s`, 120 s is `2m`. What is below a millisecond
/// is dropped, so `parse(&format(d)) == d` for every duration of whole milliseconds up to [`MAX`].
pub fn format(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    UNITS.iter().find(|(_, scale)| millis.is_multiple_of(u128::from(*scale))).map_or_else(
        || format!("{millis}ms"),
        |(unit, scale)| format!("{}{unit}", millis / u128::from(*scale)),
    )
}

/// For serde's `with`: writes [`format()`].
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For serde's `with`: reads a text as [`parse`] does, or a whole number of seconds.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Human)
}

/// The same for an `Option<Duration>`; pair it with `#[serde(default)]` where the key may be missing.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the duration, or null.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_some(&super::format(*duration)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<super::Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
    }
}

/// The same for a `Vec<Duration>`.
pub mod list {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a list of texts.
    pub fn serialize<S: Serializer>(durations: &[Duration], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(durations.iter().map(|duration| super::format(*duration)))
    }

    /// Reads a list of texts and numbers.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
        let wrapped = Vec::<super::Wrapped>::deserialize(deserializer)?;
        Ok(wrapped.into_iter().map(|wrapped| wrapped.0).collect())
    }
}

#[derive(serde::Deserialize)]
struct Wrapped(#[serde(with = "self")] Duration);

struct Human;

impl de::Visitor<'_> for Human {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Duration, E> {
        let duration = Duration::from_secs(seconds);
        if duration <= MAX {
            Ok(duration)
        } else {
            Err(E::custom(DurationError::TooLong(seconds.to_string())))
        }
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        match u64::try_from(seconds) {
            Ok(seconds) => self.visit_u64(seconds),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(seconds), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        one: Duration,
        #[serde(default, with = "super::option")]
        maybe: Option<Duration>,
        #[serde(default, with = "super::list")]
        many: Vec<Duration>,
    }

    #[test]
    fn reads_every_unit() {
        for (text, millis) in [
            ("100ms", 100),
            ("30s", 30_000),
            ("2m", 120_000),
            ("10h", 36_000_000),
            ("1d", 86_400_000),
            ("0s", 0),
            ("007s", 7_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else_by_name() {
        for text in ["", "s", "-5s", "+5s", " 5s", ".5s", "٣s"] {
            assert_eq!(parse(text), Err(DurationError::Number(text.to_owned())));
        }
        for text in ["5", "5 s", "5s ", "1.5s", "5sec", "5S", "1h30m", "5µs", "5w"] {
            assert_eq!(parse(text), Err(DurationError::Unit(text.to_owned())));
        }
        for text in ["36501d", "18446744073709551615d", "99999999999999999999999ms"] {
            assert_eq!(parse(text), Err(DurationError::TooLong(text.to_owned())));
        }
    }

    #[test]
    fn writes_the_largest_unit_that_divides() {
        for (millis, text) in
            [(0, "0s"), (1, "1ms"), (1500, "1500ms"), (90_000, "90s"), (120_000, "2m"), (172_800_000, "2d")]
        {
            assert_eq!(format(Duration::from_millis(millis)), text);
        }
        assert_eq!(format(Duration::from_nanos(999)), "0s");
    }

    #[test]
    fn serde_reads_texts_and_seconds_and_writes_texts() {
        let holder: Holder =
            serde_json::from_value(json!({"one": "2m", "maybe": 5, "many": [5, "100ms"]})).unwrap();
        assert_eq!(holder.one, Duration::from_secs(120));
        assert_eq!(holder.maybe, Some(Duration::from_secs(5)));
        assert_eq!(holder.many, [Duration::from_secs(5), Duration::from_millis(100)]);
        assert_eq!(
            serde_json::to_value(&holder).unwrap(),
            json!({"one": "2m", "maybe": "5s", "many": ["5s", "100ms"]})
        );
        let absent: Holder = serde_json::from_value(json!({"one": 1, "maybe": null})).unwrap();
        assert_eq!((absent.maybe, absent.many), (None, vec![]));
    }

    #[test]
    fn serde_refuses_what_is_not_a_duration() {
        for bad in
            [json!(-1), json!(1.5), json!(true), json!(null), json!([1]), json!("soon"), json!(u64::MAX)]
        {
            let error = serde_json::from_value::<Holder>(json!({"one": bad})).unwrap_err().to_string();
            assert!(error.contains("duration"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millis in 0..=MAX.as_millis() as u64) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn no_duration_panics(seconds: u64, nanos in 0..1_000_000_000u32) {
            let _ = format(Duration::new(seconds, nanos));
        }
    }
}
