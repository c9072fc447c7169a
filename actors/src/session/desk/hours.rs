//! When a queue is open: hours of the days of the week in a time zone. Pure.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::clock::Timestamp;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];
/// Spans of one day at most.
const MOST_SPANS: usize = 10;

/// Opening hours.
#[derive(Debug, Clone, PartialEq)]
pub struct Hours {
    zone: TimeZone,
    /// The minute of the day from which it is open, and the one from which it is not.
    spans: Vec<(Weekday, u16, u16)>,
}

impl Hours {
    /// Reads `{timeZone?, days: {mon: ["09:00-17:00"], …}}`. A span that ends before it begins goes on into the next
    /// day.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn read(said: &Value) -> Result<Self, String> {
        let fields =
            said.as_object().ok_or("must be an object such as {\"days\": {\"mon\": [\"09:00-17:00\"]}}")?;
        let zone = match fields.get("timeZone") {
            None | Some(Value::Null) => TimeZone::UTC,
            Some(name) => {
                let name = name.as_str().ok_or("`timeZone` must be a text such as `Europe/Berlin`")?;
                TimeZone::get(name).map_err(|_| format!("`timeZone` has no zone `{name}`"))?
            }
        };
        let days = fields.get("days").and_then(Value::as_object).ok_or("`days` must be an object")?;
        let mut spans = Vec::new();
        for (name, given) in days {
            let known = DAYS.iter().find(|(day, _)| day == name);
            let (_, day) = known.ok_or_else(|| format!("`days` has no day `{name}`: expected mon to sun"))?;
            let given = given.as_array().filter(|given| given.len() <= MOST_SPANS);
            let given =
                given.ok_or_else(|| format!("`days.{name}` must be a list of up to {MOST_SPANS} spans"))?;
            for span in given {
                let read = span.as_str().and_then(read_span);
                let (from, to) =
                    read.ok_or_else(|| format!("`days.{name}` must have spans such as `09:00-17:00`"))?;
                if from < to {
                    spans.push((*day, from, to));
                } else {
                    spans.push((*day, from, MINUTES));
                    spans.push((day.next(), 0, to));
                }
            }
        }
        Ok(Self { zone, spans })
    }

    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let Ok(moment) = jiff::Timestamp::from_millisecond(millis) else { return true };
        let local = self.zone.to_datetime(moment);
        let minute = minute_of(local.time());
        self.spans.iter().any(|(day, from, to)| *day == local.weekday() && (*from..*to).contains(&minute))
    }
}

const MINUTES: u16 = 24 * 60;

fn minute_of(time: Time) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

fn read_span(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((read_time(from)?, read_time(to)?)).filter(|(from, to)| from != to && *from < MINUTES)
}

fn read_time(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let whole = hour.checked_mul(60)?.checked_add(minute)?;
    (minute < 60 && whole <= MINUTES).then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(moment.as_millisecond().unsigned_abs())
    }

    #[test]
    fn it_is_open_in_its_own_time_zone_and_over_midnight() {
        let said =
            json!({"timeZone": "America/New_York", "days": {"mon": ["09:00-17:00"], "sun": ["22:00-02:00"]}});
        let hours = Hours::read(&said).unwrap();
        let table = [
            ("2026-11-30T13:59:00Z", false),
            ("2026-11-30T14:00:00Z", true),
            ("2026-11-30T22:00:00Z", false),
            // Sunday 22:30 and Monday 01:30 there.
            ("2026-11-30T03:30:00Z", true),
            ("2026-11-30T06:30:00Z", true),
            ("2026-11-30T07:00:00Z", false),
        ];
        for (moment, open) in table {
            assert_eq!(hours.is_open(at(moment)), open, "{moment}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let table = [
            (json!(9), "must be an object"),
            (json!({"days": {"monday": []}}), "no day `monday`"),
            (json!({"days": {"mon": ["9-5"]}}), "spans such as"),
            (json!({"days": {}, "timeZone": "Mars/Base"}), "no zone"),
        ];
        for (said, why) in table {
            let error = Hours::read(&said).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
