//! The fields of a pattern, each as the set of its numbers.

use super::{CronError, shorten};

/// What a field may hold.
pub(super) struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of its numbers, from the least on.
    names: &'static [&'static str],
    /// Whether a range may go beyond its end: from Friday to Monday.
    round: bool,
}

const fn plain(name: &'static str, least: u32, most: u32) -> Field {
    Field { name, least, most, names: &[], round: false }
}

pub(super) const SECOND: Field = plain("second", 0, 59);
pub(super) const MINUTE: Field = plain("minute", 0, 59);
pub(super) const HOUR: Field = plain("hour", 0, 23);
const DAY: Field = plain("day of month", 1, 31);
pub(super) const MONTH: Field = Field {
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    ..plain("month", 1, 12)
};
/// Sunday is 0 and 7.
const WEEKDAY: Field = Field {
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    round: true,
    ..plain("day of week", 0, 7)
};

/// Days of the week.
#[derive(Default)]
pub(super) struct Weekdays {
    /// Those that count whenever they come.
    pub(super) any: u64,
    /// Those that count as the first, second, … of a month.
    pub(super) nth: [u64; 5],
    /// Those that count as the last of a month.
    pub(super) last: u64,
}

impl Field {
    /// Whether a field is left open, also where only every so many count: what cron calls a star.
    pub(super) fn is_open(text: &str) -> bool {
        text.starts_with('*') || text == "?"
    }

    /// The numbers of a field.
    pub(super) fn numbers(&self, text: &str) -> Result<u64, CronError> {
        text.split(',').try_fold(0, |set, item| Ok(set | self.item(item)?))
    }

    /// The numbers of one part of a list.
    fn item(&self, item: &str) -> Result<u64, CronError> {
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (span, Some(self.step(item, step)?)),
            None => (item, None),
        };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => (self.least, self.last()),
            Some((from, to)) => (self.number(item, from)?, self.number(item, to)?),
            None => {
                let number = self.number(item, span)?;
                // As others read it: `5/15` goes on to the end.
                (number, if step.is_some() { self.last() } else { number })
            }
        };
        let step = step.unwrap_or(1);
        if from <= to {
            return Ok(self.set((from..=to).step_by(step)));
        }
        if !self.round {
            let Self { least, most, .. } = self;
            return Err(self.refuse(item, format!("runs backwards; write `{from}-{most},{least}-{to}`")));
        }
        Ok(self.set((from..=to + 7).step_by(step)))
    }

    /// The last number that `*` stands for: 7 is another word for Sunday, not an eighth day.
    const fn last(&self) -> u32 {
        if self.round { self.most - 1 } else { self.most }
    }

    fn set(&self, numbers: impl Iterator<Item = u32>) -> u64 {
        numbers.fold(0, |set, number| set | 1 << if self.round { number % 7 } else { number })
    }

    fn step(&self, item: &str, step: &str) -> Result<usize, CronError> {
        let most = self.most.max(1);
        let number = digits(step).filter(|step| (1..=most).contains(step));
        let number = number.and_then(|step| usize::try_from(step).ok());
        number.ok_or_else(|| self.refuse(item, format!("has no step from 1 to {most} after its `/`")))
    }

    fn number(&self, item: &str, text: &str) -> Result<u32, CronError> {
        let (least, most) = (self.least, self.most);
        let name = self.names.iter().zip(least..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let number = name.map(|(_, number)| number).or_else(|| digits(text));
        number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            let names = match (self.names.first(), self.names.last()) {
                (Some(first), Some(last)) => format!(" or `{first}` to `{last}`"),
                _ => String::new(),
            };
            self.refuse(
                item,
                format!(
                    "is not understood; expected {least} to {most}{names}, `*`, a range, a step or a list"
                ),
            )
        })
    }

    fn refuse(&self, item: &str, why: String) -> CronError {
        CronError::Field { field: self.name, item: shorten(item), why }
    }
}

fn digits(text: &str) -> Option<u32> {
    let all = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// The days of a month, and whether the last one is among them.
pub(super) fn days(text: &str) -> Result<(u64, bool), CronError> {
    if text == "?" {
        return Ok((DAY.numbers("*")?, false));
    }
    text.split(',').try_fold((0, false), |(set, last), item| match item.eq_ignore_ascii_case("L") {
        true => Ok((set, true)),
        false => Ok((set | DAY.item(item)?, last)),
    })
}

/// The days of a week.
pub(super) fn weekdays(text: &str) -> Result<Weekdays, CronError> {
    let mut found = Weekdays::default();
    let text = if text == "?" { "*" } else { text };
    for item in text.split(',') {
        if let Some((day, nth)) = item.split_once('#') {
            let day = WEEKDAY.number(item, day)?;
            let nth = digits(nth).and_then(|nth| usize::try_from(nth).ok()?.checked_sub(1));
            let nth = nth.and_then(|nth| found.nth.get_mut(nth));
            let nth = nth
                .ok_or_else(|| WEEKDAY.refuse(item, "has no number from 1 to 5 after its `#`".to_owned()))?;
            *nth |= WEEKDAY.set([day].into_iter());
        } else if let Some(day) = item.strip_suffix(['L', 'l']) {
            found.last |= WEEKDAY.set([WEEKDAY.number(item, day)?].into_iter());
        } else {
            found.any |= WEEKDAY.item(item)?;
        }
    }
    Ok(found)
}
