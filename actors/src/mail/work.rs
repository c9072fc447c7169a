//! The work of sending a mail, as a queue has it done.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::json;

use super::{Mail, MailError, Mailer};
use crate::queue::job::{Job, Outcome};
use crate::queue::worker::{Handler, JobContext};

/// Sends mails. Without a mailer every job fails and says what to configure.
pub struct MailWork(pub Option<Arc<dyn Mailer>>);

/// What is said where no mail can leave.
const OFF: &str = "failed to send the mail: this server has no mail server; set mail.host and mail.from";

impl Handler for MailWork {
    fn work(&self, job: Job, context: JobContext) -> BoxFuture<'static, Outcome> {
        let mailer = self.0.clone();
        Box::pin(async move {
            let mail = match Mail::of(&job, context.payload()) {
                Ok(mail) => mail,
                Err(problems) => {
                    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
                    return Outcome::Fail(format!("failed to read the mail: {}", list.join("; ")));
                }
            };
            let Some(mailer) = mailer else { return Outcome::Fail(OFF.to_owned()) };
            match mailer.send(mail).await {
                Ok(sent) => {
                    let result = json!({"messageId": sent.message_id, "reply": sent.reply});
                    if let Err(error) = context.result(result).await {
                        // The mail is on its way: to send it again for this would be worse.
                        tracing::warn!(job = %job.id, %error, "what a mail server said could not be kept");
                    }
                    Outcome::Done
                }
                Err(MailError::Refused(why)) => Outcome::Fail(format!("failed to {why}")),
                Err(MailError::NotNow(why)) => Outcome::Retry(format!("failed to {why}")),
            }
        })
    }
}
