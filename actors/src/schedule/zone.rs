//! A pattern in a time zone: which moments it stands for, also where the clock is changed.
//!
//! | pattern | clocks go forward | clocks go back |
//! |---|---|---|
//! | times of day (`30 2 * * *`) | a time that is left out comes once, at the moment after the gap | a time that comes twice counts once, the first time |
//! | with a `*` or `*/n` as second, minute or hour (`*/15 * * * *`, `0 */2 * * *`) | follows the clock: what it leaves out does not come | follows the clock: what it shows twice comes twice |
//!
//! So a nightly job is neither lost nor doubled, and every 15 minutes stay 15 minutes; this is what Vixie's cron
//! does. Several times of one pattern that a gap leaves out come once, together with a time just after the gap.

use std::fmt;

use jiff::Unit;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::cron::Cron;
use crate::clock::Timestamp;

/// A time zone by its IANA name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// Why a text is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is `{0}`, which is no IANA time zone; expected a name such as `Europe/Berlin` or `UTC`")]
pub struct ZoneError(String);

impl Zone {
    /// The zone of this name, in whichever case.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let refuse = || ZoneError(name.chars().take(64).collect());
        let rules = TimeZone::get(name).map_err(|_| refuse())?;
        let name = rules.iana_name().filter(|_| !rules.is_unknown()).ok_or_else(refuse)?.to_owned();
        Ok(Self { name, rules })
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), rules: TimeZone::UTC }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The first moment after `after` that a pattern stands for; none where there is none in the next 50 years.
    #[must_use]
    pub fn next(&self, cron: &Cron, after: Timestamp) -> Option<Timestamp> {
        let found = match cron.follows_clock() {
            true => self.next_by_clock(cron, after.to_jiff()),
            false => self.next_by_day(cron, after.to_jiff()),
        }?;
        u64::try_from(found.as_millisecond()).ok().map(Timestamp::from_millis)
    }

    /// Goes through the times of day in their order. A later one never stands for an earlier moment, so the
    /// first that is after `after` is the one.
    fn next_by_day(&self, cron: &Cron, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut from = second_of(self.rules.to_datetime(after))?;
        loop {
            let wanted = cron.next(from)?;
            let found = self.moment(wanted)?;
            if found > after {
                return Some(found);
            }
            from = wanted.checked_add(jiff::Span::new().seconds(1)).ok()?;
        }
    }

    /// The moment of a time of day.
    fn moment(&self, wanted: DateTime) -> Option<jiff::Timestamp> {
        match self.rules.to_ambiguous_timestamp(wanted).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wanted).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wanted).ok(),
            AmbiguousOffset::Gap { before, .. } => {
                // By the old offset it would be after the change, which is the last one before that.
                let beyond =
                    before.to_timestamp(wanted).ok()?.checked_add(jiff::SignedDuration::from_secs(1));
                self.rules.preceding(beyond.ok()?).next().map(|change| change.timestamp())
            }
        }
    }

    /// Goes through the spans in which the clock runs evenly.
    fn next_by_clock(&self, cron: &Cron, after: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut from = after.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
        loop {
            let offset = self.rules.to_offset(from);
            let found =
                cron.next(second_of(offset.to_datetime(from))?).and_then(|at| offset.to_timestamp(at).ok());
            let change = self.rules.following(from).next().map(|change| change.timestamp());
            match (found, change) {
                (Some(found), Some(change)) if found >= change => from = change,
                (Some(found), _) => return Some(found),
                (None, _) => return None,
            }
        }
    }
}

/// The second that a time is within.
fn second_of(at: DateTime) -> Option<DateTime> {
    let mut round = jiff::civil::DateTimeRound::new();
    round = round.smallest(Unit::Second).mode(jiff::RoundMode::Trunc);
    at.round(round).ok()
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
