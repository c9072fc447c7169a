//! One of the staff, as the desk knows them; and who of them is to answer. Pure.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::{Abilities, Mode, QueueRules};
use crate::clock::Timestamp;
use crate::session::chat::place::Place;
use crate::session::person::Person;

/// For so long it counts what somebody was given.
pub const SHARE: Duration = Duration::from_secs(24 * 60 * 60);
/// So many of them at most.
const MOST_GIVEN: usize = 1_000;
/// Names of one decision.
const MOST_NAMED: usize = 10;

/// What somebody of the staff says of themselves. `online` is what the demo agent says for the first (contract §13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Takes conversations.
    #[default]
    #[serde(alias = "online")]
    Available,
    /// Present, takes no more.
    Busy,
    /// Not at the desk.
    Away,
}

impl Status {
    /// As the wire says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Busy => "busy",
            Self::Away => "away",
        }
    }
}

/// What is kept of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// What they said last.
    pub status: Status,
    /// When they were given a conversation, within a day.
    #[serde(default)]
    pub given: VecDeque<Timestamp>,
}

/// One of the staff.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Who.
    pub person: Person,
    /// What is kept of them.
    pub kept: Kept,
    /// Whether a client of theirs is here.
    pub online: bool,
    /// Since when none is.
    pub gone: Option<Timestamp>,
    /// What they can do.
    pub abilities: Abilities,
    /// Conversations that they answer in, or are about to.
    pub load: usize,
}

impl Agent {
    /// They were given one more.
    pub fn give(&mut self, now: Timestamp) {
        let since = now.minus(SHARE);
        self.kept.given.retain(|at| *at >= since);
        self.kept.given.push_back(now);
        if self.kept.given.len() > MOST_GIVEN {
            self.kept.given.pop_front();
        }
    }

    /// How they are, as others see it.
    #[must_use]
    pub const fn shown(&self) -> &'static str {
        if self.online { self.kept.status.name() } else { "offline" }
    }

    /// Whether they can do what is asked for.
    #[must_use]
    pub fn can(&self, skill: Option<&str>) -> bool {
        skill.is_none_or(|skill| self.abilities.skills.contains(&skill.to_lowercase()))
    }

    fn given_since(&self, since: Timestamp) -> usize {
        self.kept.given.iter().filter(|at| **at >= since).count()
    }

    /// Why they are not to answer, if so.
    fn unfit(&self, place: &Place, declined: &BTreeSet<String>) -> Option<String> {
        if !self.online {
            return Some("offline".to_owned());
        }
        if self.kept.status != Status::Available {
            return Some(self.kept.status.name().to_owned());
        }
        if !self.can(place.skill.as_deref()) {
            return Some(format!("lacks the skill {}", place.skill.as_deref().unwrap_or_default()));
        }
        if declined.contains(&self.person.email) {
            return Some("did not answer it before".to_owned());
        }
        let capacity = self.abilities.capacity;
        (self.load >= capacity).then(|| format!("has {} of {capacity} chats", self.load))
    }
}

/// Who is to answer, and why in words; nobody where nobody can.
#[must_use]
pub fn choose<'a>(
    agents: impl Iterator<Item = &'a Agent>,
    place: &Place,
    rules: &QueueRules,
    declined: &BTreeSet<String>,
    now: Timestamp,
) -> Option<(&'a Agent, String)> {
    let mut skipped = Vec::new();
    let mut fit: Vec<&Agent> = Vec::new();
    for agent in agents {
        if !rules.agents.is_empty() && !rules.agents.contains(&agent.person.email) {
            continue;
        }
        match agent.unfit(place, declined) {
            None => fit.push(agent),
            Some(why) => skipped.push(format!("{} ({why})", agent.person.email)),
        }
    }
    let last = |agent: &Agent| agent.kept.given.back().copied().unwrap_or_default();
    let since = now.minus(SHARE);
    let chosen = match rules.mode {
        Mode::Manual => None,
        Mode::LeastBusy => fit.iter().min_by_key(|agent| (agent.load, last(agent), &agent.person.email)),
        Mode::RoundRobin => fit.iter().min_by_key(|agent| (last(agent), &agent.person.email)),
        Mode::FairShare => fit
            .iter()
            .min_by_key(|agent| (agent.given_since(since), agent.load, last(agent), &agent.person.email)),
    }?;
    let figure = match rules.mode {
        Mode::Manual | Mode::LeastBusy => format!("{} of {} chats", chosen.load, chosen.abilities.capacity),
        Mode::RoundRobin => "waited the longest for one".to_owned(),
        Mode::FairShare => format!("{} in a day", chosen.given_since(since)),
    };
    let others = fit.iter().filter(|agent| agent.person.email != chosen.person.email);
    let others = others.map(|agent| format!("{} (has {})", agent.person.email, agent.load)).collect();
    let mut words = format!("{} is {}: {figure}", chosen.person.email, rules.mode.words());
    for (label, names) in [("after them", named(others)), ("skipped", named(skipped))] {
        if let Some(names) = names {
            words.push_str(&format!("; {label}: {names}"));
        }
    }
    Some((chosen, words))
}

fn named(mut names: Vec<String>) -> Option<String> {
    let more = names.len().saturating_sub(MOST_NAMED);
    names.truncate(MOST_NAMED);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!names.is_empty()).then(|| names.join(", ") + &tail)
}

#[cfg(test)]
#[allow(missing_docs)]
pub mod tests {
    use super::*;
    use crate::ids::RecordId;
    use crate::session::person::Side;

    /// Somebody who is here.
    pub fn agent(email: &str, load: usize, given: &[u64]) -> Agent {
        let person = Person {
            side: Side::Agent,
            id: RecordId::new("user-1").unwrap(),
            email: email.into(),
            name: email.into(),
            guest: false,
        };
        let given = given.iter().map(|at| Timestamp::from_millis(*at)).collect();
        let abilities = Abilities { skills: BTreeSet::from(["billing".to_owned()]), capacity: 5 };
        let kept = Kept { status: Status::Available, given };
        Agent { person, kept, online: true, gone: None, abilities, load }
    }

    #[test]
    fn each_mode_chooses_and_says_why() {
        let mut away = agent("eve@x.io", 0, &[]);
        away.kept.status = Status::Away;
        let staff = [
            agent("ada@x.io", 1, &[10, 20, 90]),
            agent("bob@x.io", 2, &[80]),
            away,
            agent("zed@x.io", 5, &[]),
        ];
        let now = Timestamp::from_millis(100);
        let table =
            [(Mode::LeastBusy, "ada@x.io"), (Mode::RoundRobin, "bob@x.io"), (Mode::FairShare, "bob@x.io")];
        for (mode, expected) in table {
            let rules = QueueRules { mode, ..QueueRules::default() };
            let place = Place { skill: Some("Billing".into()), ..Place::default() };
            let (chosen, words) = choose(staff.iter(), &place, &rules, &BTreeSet::new(), now).unwrap();
            assert_eq!(chosen.person.email, expected, "{mode:?}");
            for part in ["eve@x.io (away)", "zed@x.io (has 5 of 5 chats)", expected] {
                assert!(words.contains(part), "{words}");
            }
        }
    }

    #[test]
    fn nobody_is_chosen_who_cannot_or_did_not_answer() {
        let staff = [agent("ada@x.io", 0, &[])];
        let rules = QueueRules { mode: Mode::LeastBusy, ..QueueRules::default() };
        let choose = |place: &Place, rules: &QueueRules, declined: &[&str]| {
            let declined = declined.iter().map(|email| (*email).to_owned()).collect();
            choose(staff.iter(), place, rules, &declined, Timestamp::default()).is_some()
        };
        let french = Place { skill: Some("french".into()), ..Place::default() };
        assert!(choose(&Place::default(), &rules, &[]));
        assert!(!choose(&french, &rules, &[]));
        assert!(!choose(&Place::default(), &rules, &["ada@x.io"]));
        let others = QueueRules { agents: BTreeSet::from(["bob@x.io".to_owned()]), ..rules };
        assert!(!choose(&Place::default(), &others, &[]));
    }
}
