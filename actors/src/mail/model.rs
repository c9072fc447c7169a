//! A mail, as a job's payload says it.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::form::problem::{Problem, Problems};
use crate::form::{Map, fields::shown};
use crate::queue::job::Job;

/// The longest subject, in characters.
pub const LONGEST_SUBJECT: usize = 255;
/// The longest address, in bytes (RFC 5321 §4.5.3.1).
const LONGEST_ADDRESS: usize = 254;

/// What a payload may say.
const OWN: [&str; 4] = ["to", "subject", "text", "html"];
/// What schedules add to the payload of every job.
const OF_SCHEDULES: [&str; 5] = ["scheduleId", "scheduledAt", "lateMs", "missed", "manual"];

/// One mail to one receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// What it is known by: the id of its job, so that a second sending is recognised as the same mail.
    pub id: String,
    /// When it was written.
    pub written: Timestamp,
    /// Who gets it.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same for those who see it with its looks.
    pub html: Option<String>,
}

impl Mail {
    /// The mail that a job is to send.
    ///
    /// # Errors
    /// Everything that is wrong with its payload.
    pub fn of(job: &Job, payload: &Value) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::default();
        let nothing = Map::new();
        let said = payload.as_object().unwrap_or_else(|| {
            problems.add("payload", format_args!("is {}; expected an object", shown(payload)));
            &nothing
        });
        let allowed: Vec<&str> = OWN.into_iter().chain(OF_SCHEDULES).collect();
        problems.only(said, &allowed);
        let to = problems.required_text(said, "to").unwrap_or_default().trim();
        if !to.is_empty() && !is_address(to) {
            problems.add("to", "is no e-mail address; expected one such as ada@example.com");
        }
        let subject = problems.required_text(said, "subject").unwrap_or_default();
        check_subject(subject, &mut problems);
        let text = problems.required_text(said, "text").unwrap_or_default();
        let html = problems.text(said, "html");
        let mail = Self {
            id: job.id.to_string(),
            written: job.created,
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: html.map(str::to_owned),
        };
        problems.or(mail)
    }

    /// The payload that says this mail.
    #[must_use]
    pub fn payload(to: &str, subject: &str, text: &str, html: Option<&str>) -> Value {
        let mut payload = serde_json::json!({"to": to, "subject": subject, "text": text});
        if let (Some(html), Some(fields)) = (html, payload.as_object_mut()) {
            fields.insert("html".to_owned(), html.into());
        }
        payload
    }
}

/// Notes a subject that no mail can have: a line of its own would be read as another header.
pub(crate) fn check_subject(subject: &str, problems: &mut Problems) {
    let length = subject.chars().count();
    if length > LONGEST_SUBJECT {
        let why = format_args!("has {length} characters; at most {LONGEST_SUBJECT} are allowed");
        problems.add("subject", why);
    }
    if subject.chars().any(char::is_control) {
        problems.add("subject", "has control characters or line breaks; write it as one line");
    }
}

/// Whether a text has the shape of an e-mail address: one `@` with something on both sides, no spaces or control
/// characters, at most 254 bytes, no brackets or signs that end an address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
    let whole = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    whole && text.len() <= LONGEST_ADDRESS && !text.chars().any(ends)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::{JobId, OrgId, QueueName};
    use crate::queue::job::{JobDraft, Task};

    fn read(payload: &Value) -> Result<Mail, Vec<String>> {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let task = Task::Work { kind: super::super::KIND.to_owned() };
        let draft = JobDraft::new(JobId::new(now), QueueName::new("notification").unwrap(), task);
        let job = draft.into_job(OrgId::new("my-org").unwrap(), now, 5);
        Mail::of(&job, payload).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_payload_is_a_mail_and_its_id_is_the_jobs() {
        let payload = Mail::payload("ada@example.com", "Hello", "Hello, Ada.", Some("<p>Hello</p>"));
        let mail = read(&payload).unwrap();
        assert!(mail.id.starts_with(JobId::PREFIX), "{}", mail.id);
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ada@example.com", "Hello"));
        assert_eq!((mail.text.as_str(), mail.html.as_deref()), ("Hello, Ada.", Some("<p>Hello</p>")));
        let scheduled = json!({"to": "a@b.c", "subject": "s", "text": "t", "scheduleId": "x", "missed": 0});
        assert_eq!(read(&scheduled).unwrap().html, None, "what schedules add is no mistake");
    }

    #[test]
    fn everything_wrong_with_a_payload_is_named() {
        let wrong = json!({"to": "ada", "subject": "a\r\nBcc: eve@example.com", "htlm": 1});
        let told = read(&wrong).unwrap_err().join("\n");
        for part in
            ["htlm: is unknown", "to: is no e-mail address", "subject: has control", "text: is missing"]
        {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        let long = json!({"to": "a@b.c", "subject": "x".repeat(256), "text": "t"});
        let told = read(&long).unwrap_err();
        assert_eq!(told, ["subject: has 256 characters; at most 255 are allowed"]);
        assert!(read(&json!([])).unwrap_err()[0].contains("payload: is an array; expected an object"));
    }

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["a@b", "ada.l+x@example.com", "größe@exämple.com"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nc", "<a@b>", "a@b,c@d", &"x".repeat(260)] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
