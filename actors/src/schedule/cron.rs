//! Cron patterns: which moments of a calendar they match. Knows no time zone; [`super::zone`] does.
//!
//! Five fields (minute, hour, day of month, month, day of week) or six, with the second first, as cron has
//! them since Vixie: `*`, numbers, ranges, steps and lists, names such as `MON` and `JAN`, 0 and 7 for Sunday,
//! and `@daily` and its like. Where both days are restricted, either will do; where one begins with `*`, both
//! must hold. Beside that `?` is `*`, `L` is the last day of a month, `MON#2` the second Monday of one, and
//! `FRIL` its last Friday; `5/15` is every 15th from 5 on.

mod field;

use jiff::civil::{Date, DateTime, Time};

use field::Field;

/// Years that are looked through for a date: the 29th of February may be 8 years away, and 40 if it is to be a
/// certain day of the week.
const YEARS: i16 = 50;
/// The longest pattern, in characters.
const LONGEST: usize = 256;

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// It has another number of fields.
    #[error(
        "has {0} fields; expected five (minute, hour, day of month, month, day of week), or six with the second first, such as `0 9 * * MON`"
    )]
    Fields(usize),
    /// It begins with `@` and is none of the known ones.
    #[error(
        "is `{0}`; expected five or six fields, or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`"
    )]
    Nickname(String),
    /// One of its fields cannot be read.
    #[error("{field}: `{item}` {why}")]
    Field {
        /// Which one.
        field: &'static str,
        /// The part of it.
        item: String,
        /// What to change.
        why: String,
    },
    /// It is longer than any pattern needs to be.
    #[error("has more than {LONGEST} characters")]
    Long,
    /// There is no such date.
    #[error("matches no date: no such month has such a day")]
    Never,
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    seconds: u64,
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
    /// Whether it goes on with real time where the clock is changed: see [`super::zone`].
    follows_clock: bool,
}

/// On which days.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Days {
    of_month: u64,
    last_of_month: bool,
    of_week: u64,
    /// Weekdays that count as the first, second, … of a month only.
    nth: [u64; 5],
    /// Weekdays that count as the last of a month only.
    last: u64,
    /// Whether both must hold, and not one of them.
    both: bool,
}

impl Cron {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Says which part of which field cannot be read, and what would be.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        if text.chars().count() > LONGEST {
            return Err(CronError::Long);
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lower = text.to_ascii_lowercase();
        let spelled = match lower.starts_with('@') {
            true => {
                let known = NICKNAMES.iter().find(|(name, _)| *name == lower);
                known.map(|(_, pattern)| *pattern).ok_or_else(|| CronError::Nickname(shorten(&text)))?
            }
            false => text.as_str(),
        };
        let fields: Vec<&str> = spelled.split(' ').filter(|field| !field.is_empty()).collect();
        let (second, rest) = match fields.as_slice() {
            [second, rest @ ..] if rest.len() == 5 => (Some(*second), rest),
            rest => (None, rest),
        };
        let [minute, hour, day, month, weekday] = rest else {
            return Err(CronError::Fields(fields.len()));
        };
        let seconds = second.map_or(Ok(1), |second| field::SECOND.numbers(second))?;
        let (of_month, last_of_month) = field::days(day)?;
        let weekdays = field::weekdays(weekday)?;
        let cron = Self {
            seconds,
            minutes: field::MINUTE.numbers(minute)?,
            hours: field::HOUR.numbers(hour)?,
            months: field::MONTH.numbers(month)?,
            days: Days {
                of_month,
                last_of_month,
                of_week: weekdays.any,
                nth: weekdays.nth,
                last: weekdays.last,
                both: Field::is_open(day) || Field::is_open(weekday),
            },
            follows_clock: second.is_some_and(Field::is_open)
                || Field::is_open(minute)
                || Field::is_open(hour),
            text: text.clone(),
        };
        cron.next(Date::constant(2000, 1, 1).at(0, 0, 0, 0)).ok_or(CronError::Never)?;
        Ok(cron)
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether its second, minute or hour begins with `*`, so that it is about time that passes rather than
    /// about times of day.
    #[must_use]
    pub const fn follows_clock(&self) -> bool {
        self.follows_clock
    }

    /// Whether it matches a second.
    #[must_use]
    pub fn matches(&self, at: DateTime) -> bool {
        self.has_date(at.date())
            && has(self.hours, at.hour())
            && has(self.minutes, at.minute())
            && has(self.seconds, at.second())
    }

    /// The first second that it matches, this one included. None where there is none in the next 50 years.
    #[must_use]
    pub fn next(&self, from: DateTime) -> Option<DateTime> {
        let until = from.year().saturating_add(YEARS);
        let (mut date, mut time) = (from.date(), from.time());
        while date.year() <= until {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
                time = Time::midnight();
                continue;
            }
            if self.has_date(date)
                && let Some(found) = self.next_time(time)
            {
                return Some(date.to_datetime(found));
            }
            date = date.tomorrow().ok()?;
            time = Time::midnight();
        }
        None
    }

    fn has_date(&self, date: Date) -> bool {
        let days = &self.days;
        let (day, weekday) = (date.day(), date.weekday().to_sunday_zero_offset());
        let left = date.days_in_month() - day;
        let of_month = has(days.of_month, day) || (days.last_of_month && left == 0);
        let nth = usize::try_from((day - 1) / 7).ok().and_then(|nth| days.nth.get(nth));
        let of_week = has(days.of_week, weekday)
            || nth.is_some_and(|nth| has(*nth, weekday))
            || (left < 7 && has(days.last, weekday));
        let fits = if days.both { of_month && of_week } else { of_month || of_week };
        fits && has(self.months, date.month())
    }

    /// The first matching time of a day, this one included.
    fn next_time(&self, from: Time) -> Option<Time> {
        let made = |hour: i8, minute: i8, second: i8| Time::new(hour, minute, second, 0).ok();
        let (hour, minute) = (from.hour(), from.minute());
        let (first_minute, first_second) = (least(self.minutes, 0)?, least(self.seconds, 0)?);
        if has(self.hours, hour) {
            if has(self.minutes, minute)
                && let Some(second) = least(self.seconds, from.second())
            {
                return made(hour, minute, second);
            }
            if let Some(minute) = least(self.minutes, minute + 1) {
                return made(hour, minute, first_second);
            }
        }
        made(least(self.hours, hour + 1)?, first_minute, first_second)
    }
}

/// Whether a set has a number.
fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| number < u64::BITS && set >> number & 1 == 1)
}

/// The least number of a set that is not less than this.
fn least(set: u64, from: i8) -> Option<i8> {
    let from = u32::try_from(from).ok().filter(|from| *from < u64::BITS)?;
    let rest = set >> from << from;
    (rest != 0).then(|| i8::try_from(rest.trailing_zeros()).ok()).flatten()
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
