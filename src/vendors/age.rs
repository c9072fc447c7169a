//! Whether a call is of the present.

use std::time::Duration;

use appengine_actors::clock::Timestamp;

use super::verdict::{Part, Refusal};

const CAUSE: &str =
    "the call was kept and sent again, or a clock is wrong: compare this server's with the vendor's";

/// A moment written as seconds since 1970, in digits alone.
pub fn seconds(text: &str) -> Option<Timestamp> {
    whole(text)?.checked_mul(1000).map(Timestamp::from_millis)
}

/// A moment written as milliseconds since 1970, in digits alone.
pub fn millis(text: &str) -> Option<Timestamp> {
    whole(text).map(Timestamp::from_millis)
}

fn whole(text: &str) -> Option<u64> {
    // `parse` takes a sign too, which no vendor sends.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// It was sent no longer ago than this; a clock that goes before ours does not matter.
pub fn not_older(sent: Timestamp, now: Timestamp, than: Duration) -> Result<(), Refusal> {
    if now.since(sent) <= than { Ok(()) } else { Err(refusal(sent, now, than)) }
}

/// It was sent no longer ago than this, and is no further in the future.
pub fn within(sent: Timestamp, now: Timestamp, of: Duration) -> Result<(), Refusal> {
    if sent.since(now) > of {
        return Err(refusal(sent, now, of));
    }
    not_older(sent, now, of)
}

fn refusal(sent: Timestamp, now: Timestamp, than: Duration) -> Refusal {
    let found = if now >= sent {
        format!("one of {} s ago", now.since(sent).as_secs())
    } else {
        format!("one {} s in the future", sent.since(now).as_secs())
    };
    Refusal::new(Part::Time, format!("a time within {} s", than.as_secs()), found, CAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        assert_eq!(seconds("1790000000"), Some(Timestamp::from_millis(1_790_000_000_000)));
        for wrong in ["", "+1", "-1", " 1", "1.5", "0x1", "99999999999999999999", "99999999999999999"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_old_or_of_the_future_is_refused() {
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let of = Duration::from_secs(300);
        assert!(within(at(1000), at(1300), of).is_ok() && within(at(1300), at(1000), of).is_ok());
        assert!(within(at(1000), at(1301), of).is_err() && within(at(1301), at(1000), of).is_err());
        assert!(not_older(at(9999), at(1000), of).is_ok());
        let refusal = not_older(at(1000), at(1301), of).unwrap_err();
        assert!(refusal.to_string().contains("within 300 s; found one of 301 s ago"), "{refusal}");
    }
}
