//! What an attempt means for its delivery, by the rules of Standard Webhooks 1.0. Pure: takes a result and `now`,
//! gives a verdict; when to try again is the back-off's to say, and the two together are the delivery's.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::SendError;
use super::transport::OutboundReply;

/// A receiver cannot put a delivery off for longer than this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

const MAX_EXPLAINED_LOCATION: usize = 200;

/// What follows from one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx: the receiver has it.
    Delivered,
    /// Try again by the back-off's schedule.
    Retry {
        /// The least that the receiver wants to wait, at most [`MAX_RETRY_AFTER`]: wait the longer of this and the
        /// schedule's delay.
        after: Option<Duration>,
        /// The receiver says that it is overloaded: send it less.
        throttle: bool,
    },
    /// 410: the receiver wants no more of this delivery.
    Disable,
    /// It cannot be sent as configured; trying again cannot help.
    Refused,
}

/// Judges one attempt.
///
/// | answer | verdict |
/// |---|---|
/// | 2xx | delivered |
/// | 410 | disable |
/// | 429, 502, 503, 504 | retry, throttle, `Retry-After` honoured |
/// | anything else, redirects included | retry |
/// | none, and the address or a header is not allowed | refused |
/// | none | retry |
pub fn judge(result: &Result<OutboundReply, SendError>, now: Timestamp) -> Verdict {
    match result {
        Ok(reply) => match reply.status {
            200..=299 => Verdict::Delivered,
            410 => Verdict::Disable,
            429 | 502..=504 => {
                let after = reply.retry_after.map(|wish| wish.wait(now).min(MAX_RETRY_AFTER));
                Verdict::Retry { after, throttle: true }
            }
            _ => Verdict::Retry { after: None, throttle: false },
        },
        Err(error) if error.is_retryable() => Verdict::Retry { after: None, throttle: false },
        Err(_) => Verdict::Refused,
    }
}

/// Why an attempt was not a delivery, in words for the tenant; `None` when it was one.
pub fn explain(result: &Result<OutboundReply, SendError>, to_endpoint: bool) -> Option<String> {
    match result {
        Ok(reply) => match reply.status {
            200..=299 => None,
            300..=399 => Some(explain_redirect(reply)),
            410 if to_endpoint => Some("the receiver answered 410 (gone): its endpoint is disabled".to_owned()),
            410 => Some("the receiver answered 410 (gone): this delivery ends here, and the flow goes on sending others".to_owned()),
            status => Some(format!("the receiver answered {status}")),
        },
        Err(error) => Some(format!("failed to {error}")),
    }
}

fn explain_redirect(reply: &OutboundReply) -> String {
    let status = reply.status;
    let location = reply.headers.iter().find(|(name, _)| name == "location");
    match location {
        Some((_, location)) => {
            let location: String = location.chars().take(MAX_EXPLAINED_LOCATION).collect();
            format!("the receiver answered {status}: redirects are not followed; it points to {location:?}")
        }
        None => format!("the receiver answered {status}: redirects are not followed"),
    }
}

#[cfg(test)]
mod tests;
