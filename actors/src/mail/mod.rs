//! Mail: work of the queue `notification` that sends one mail. It knows what a mail is and what becomes of a job
//! that sends one; how it leaves is the [`Mailer`]'s, and when it is tried again the queue's.

mod model;
mod order;
mod work;

use futures_util::future::BoxFuture;

pub use model::{LONGEST_SUBJECT, Mail, is_address};
pub use order::{Letter, OrderError, order};
pub use work::MailWork;

/// The kind of work that sends a mail: the name of its jobs.
pub const KIND: &str = "send_mail";

/// How mail leaves: declared here, implemented at the edges.
pub trait Mailer: Send + Sync + 'static {
    /// Hands one mail to whoever brings it to its receiver. Handed over twice, it has the same id both times.
    fn send(&self, mail: Mail) -> BoxFuture<'static, Result<Sent, MailError>>;
}

/// A mail that somebody has taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The `Message-ID` that it has.
    pub message_id: String,
    /// What whoever took it said.
    pub reply: String,
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It will never be taken as it is.
    #[error("{0}")]
    Refused(String),
    /// It may be taken later.
    #[error("{0}")]
    NotNow(String),
}
