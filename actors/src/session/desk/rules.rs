//! How a queue gives conversations to the staff, as its record (`chat_queue`) says; pure. A queue without a record is
//! picked from by hand.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Map, Value};

use super::hours::Hours;
use crate::mail::is_address;

/// Queues of one organisation whose records are read.
pub const MOST_QUEUES: usize = 500;

/// Who gets the next conversation of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Whoever picks it.
    #[default]
    Manual,
    /// Whoever has the fewest.
    LeastBusy,
    /// One after the other.
    RoundRobin,
    /// Whoever was given the fewest in a day.
    FairShare,
}

impl Mode {
    /// All of them, as records say them.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("manual", Self::Manual),
        ("least_busy", Self::LeastBusy),
        ("round_robin", Self::RoundRobin),
        ("fair_share", Self::FairShare),
    ];

    /// In words, for a decision.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Manual => "by hand",
            Self::LeastBusy => "least busy",
            Self::RoundRobin => "next in turn",
            Self::FairShare => "given the fewest in a day",
        }
    }
}

/// How one queue works.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct QueueRules {
    /// Who gets the next one.
    pub mode: Mode,
    /// Those who answer in it; everybody where none are named.
    pub agents: BTreeSet<String>,
    /// How long a conversation waits before it goes on to `overflow`.
    pub longest_wait: Option<Duration>,
    /// Where it goes on to.
    pub overflow: Option<String>,
    /// How long whoever was given one has for their first answer, before it waits again.
    pub answer_within: Option<Duration>,
    /// When it is open; always where nothing is said.
    pub hours: Option<Hours>,
    /// What customers are told while it is closed, or nobody is there.
    pub offline_message: Option<String>,
}

/// The queues of an organisation, by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    named: HashMap<String, QueueRules>,
    usual: QueueRules,
    widgets: HashMap<String, Missed>,
}

/// When a conversation of a widget counts as missed, and who is told, as the widget's record (`chat_config`) says under
/// `missedChat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// After so long without an answer.
    pub after: Duration,
    /// Who is sent a mail.
    pub notify: Option<String>,
}

impl Missed {
    /// As a record's data says; none where it does not, or says it off.
    #[must_use]
    pub fn read(data: &Map<String, Value>) -> Option<Self> {
        let said = data.get("missedChat")?.as_object()?;
        said.get("enabled").and_then(Value::as_bool).filter(|enabled| *enabled)?;
        let minutes = said.get("timeoutMinutes").and_then(Value::as_u64).unwrap_or(5).clamp(1, 1_440);
        let notify = said.get("notifyEmail").and_then(Value::as_str).map(str::trim);
        let notify = notify.filter(|to| is_address(to)).map(str::to_owned);
        Some(Self { after: Duration::from_secs(minutes * 60), notify })
    }
}

impl Rules {
    /// As these records say. One that says something wrong is left out; a later one of the same name wins.
    #[must_use]
    pub fn of_records<'a>(records: impl Iterator<Item = &'a Map<String, Value>>) -> Self {
        let named = records.filter_map(|data| QueueRules::read(data).ok()).collect();
        Self { named, ..Self::default() }
    }

    /// The same, with what these widgets say.
    #[must_use]
    pub fn with_widgets(self, widgets: HashMap<String, Missed>) -> Self {
        Self { widgets, ..self }
    }

    /// When a conversation of a widget counts as missed.
    #[must_use]
    pub fn missed(&self, config_id: Option<&str>) -> Option<&Missed> {
        self.widgets.get(config_id?)
    }

    /// Those of a queue.
    #[must_use]
    pub fn of(&self, queue: &str) -> &QueueRules {
        self.named.get(queue).unwrap_or(&self.usual)
    }
}

impl QueueRules {
    /// The name and the rules that a record's data has.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(data: &Map<String, Value>) -> Result<(String, Self), Vec<String>> {
        let mut wrong = Vec::new();
        let mut problem = |path: &str, message: &str| wrong.push(format!("`{path}` {message}"));
        let name = match data.get("name").and_then(Value::as_str) {
            Some(name) if !name.is_empty() && name.len() <= 100 => name.to_owned(),
            _ => {
                problem("name", "must be a text of 1 to 100 characters");
                String::new()
            }
        };
        let mode = match data.get("mode") {
            None | Some(Value::Null) => Mode::default(),
            Some(said) => {
                let known = Mode::NAMES.iter().find(|(name, _)| said.as_str() == Some(name));
                known.map(|(_, mode)| *mode).unwrap_or_else(|| {
                    problem("mode", "must be `manual`, `least_busy`, `round_robin` or `fair_share`");
                    Mode::default()
                })
            }
        };
        let mut seconds = |path: &str| match data.get(path) {
            None | Some(Value::Null) => None,
            Some(said) => match said.as_u64().filter(|seconds| (1..=604_800).contains(seconds)) {
                Some(seconds) => Some(Duration::from_secs(seconds)),
                None => {
                    problem(path, "must be a whole number of seconds, 1 to 604800");
                    None
                }
            },
        };
        let (longest_wait, answer_within) = (seconds("maxWaitSeconds"), seconds("answerWithinSeconds"));
        let text = |path: &str| data.get(path).and_then(Value::as_str).map(str::to_owned);
        let agents = match data.get("agents") {
            None | Some(Value::Null) => BTreeSet::new(),
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
                all.iter().filter_map(Value::as_str).map(str::to_lowercase).collect()
            }
            Some(_) => {
                problem("agents", "must be a list of e-mail addresses");
                BTreeSet::new()
            }
        };
        let hours = match data.get("hours") {
            None | Some(Value::Null) => None,
            Some(said) => match Hours::read(said) {
                Ok(hours) => Some(hours),
                Err(why) => {
                    problem("hours", &why);
                    None
                }
            },
        };
        let overflow = text("overflow").filter(|overflow| *overflow != name);
        let offline_message = text("offlineMessage");
        let rules = Self { mode, agents, longest_wait, overflow, answer_within, hours, offline_message };
        if wrong.is_empty() { Ok((name, rules)) } else { Err(wrong) }
    }
}

/// What is known of somebody's skills and how many conversations they take, from the record of a person of the staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// Their skills, in lower case.
    pub skills: BTreeSet<String>,
    /// How many conversations they are given at once.
    pub capacity: usize,
}

impl Abilities {
    /// As the data of the record says (`skills`, `maxChats`), else as is usual.
    #[must_use]
    pub fn of_record(data: Option<&Map<String, Value>>, usual: usize) -> Self {
        let skills = data.and_then(|data| data.get("skills")).and_then(Value::as_array);
        let skills = skills.into_iter().flatten().filter_map(Value::as_str).take(100);
        let capacity = data.and_then(|data| data.get("maxChats")).and_then(Value::as_u64);
        let capacity = capacity.and_then(|most| usize::try_from(most).ok()).unwrap_or(usual);
        Self { skills: skills.map(str::to_lowercase).collect(), capacity }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<(String, QueueRules), Vec<String>> {
        let Value::Object(data) = value else { panic!() };
        QueueRules::read(&data)
    }

    #[test]
    fn a_record_says_how_a_queue_works() {
        let said = json!({
            "name": "sales", "mode": "least_busy", "agents": ["Bob@x.io"], "maxWaitSeconds": 120,
            "overflow": "all", "answerWithinSeconds": 30, "offlineMessage": "We are back at nine.",
            "hours": {"timeZone": "Europe/Berlin", "days": {"mon": ["09:00-17:00"]}},
        });
        let (name, rules) = read(said).unwrap();
        assert_eq!((name.as_str(), rules.mode), ("sales", Mode::LeastBusy));
        assert!(rules.agents.contains("bob@x.io"));
        assert_eq!(rules.longest_wait, Some(Duration::from_secs(120)));
        let wrong = read(json!({"mode": "luck", "maxWaitSeconds": 0, "agents": "bob", "hours": 9}));
        assert_eq!(wrong.unwrap_err().len(), 5);
        assert_eq!(Rules::default().of("any").mode, Mode::Manual);
    }
}
