//! Who receives a customer that comes by a widget, as its record (`chat_config`) says: an assistant where it names one
//! (`ai`), else the staff. Pure.

use serde_json::{Map, Value};

use super::place::Place;
use crate::ids::RecordId;
use crate::session::stream::assistant::Assistant;

/// Words by which a customer asks for a person, where a widget says nothing of it. An assistant that is a language model
/// hears it in any words and language; these are for those that are none, and for those that do not listen.
const WORDS: [&str; 12] = [
    "human",
    "real person",
    "live agent",
    "live chat",
    "talk to a person",
    "talk to an agent",
    "talk to someone",
    "speak to a person",
    "speak to an agent",
    "speak to someone",
    "customer service",
    "representative",
];
/// Words of one widget.
const MOST_WORDS: usize = 100;

/// Who receives a customer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reception {
    /// Where they wait for the staff.
    pub place: Place,
    /// The assistant that answers first.
    pub assistance: Option<Assistance>,
}

/// An assistant that answers customers.
#[derive(Debug, Clone, PartialEq)]
pub struct Assistance {
    /// Its record.
    pub id: RecordId,
    /// What it is.
    pub assistant: Assistant,
    /// What it says first; nothing where it waits for the customer.
    pub greeting: Option<String>,
    /// The words by which a customer asks for a person, in lower case.
    pub words: Vec<String>,
    /// After how many of its answers the staff goes on.
    pub most_answers: Option<u32>,
}

impl Assistance {
    /// As the widget's record and the assistant's say.
    #[must_use]
    pub fn of(widget: &Map<String, Value>, id: RecordId, data: &Map<String, Value>) -> Self {
        let handover = widget.get("aiHandover").unwrap_or(&Value::Null);
        let words = handover["words"].as_array().map(|words| {
            let words = words.iter().filter_map(Value::as_str).filter(|word| !word.trim().is_empty());
            words.take(MOST_WORDS).map(plain).collect()
        });
        let text = |of: Option<&Value>| {
            of.and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
        };
        Self {
            id,
            assistant: Assistant::of(data),
            greeting: text(widget.get("aiGreeting")).or_else(|| text(data.get("onboardingPrompt"))),
            words: words.unwrap_or_else(|| WORDS.map(str::to_owned).to_vec()),
            most_answers: handover["afterAnswers"].as_u64().and_then(|most| u32::try_from(most).ok()),
        }
    }

    /// Why the staff is to go on, once a customer says this behind so many answers; none where they need not.
    #[must_use]
    pub fn hands_over(&self, said: &str, answers: u32) -> Option<String> {
        let said = format!(" {} ", plain(said));
        if let Some(word) = self.words.iter().find(|word| said.contains(&format!(" {word} "))) {
            return Some(format!("the customer said \u{201c}{word}\u{201d}"));
        }
        let most = self.most_answers.filter(|most| answers >= *most)?;
        Some(format!("the assistant has answered {most} times"))
    }
}

/// Words in lower case, one space between them.
fn plain(text: &str) -> String {
    let letters = |letter: char| letter.is_alphanumeric() || letter == '\'';
    let words = text.split(|letter| !letters(letter)).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::session::chat) fn assistance(widget: &Value) -> Assistance {
        let data = json!({"name": "helper", "onboardingPrompt": "Hello!"});
        let id = RecordId::new("a-1").unwrap();
        Assistance::of(widget.as_object().unwrap(), id, data.as_object().unwrap())
    }

    #[test]
    fn a_customer_asks_for_a_person_in_words() {
        let usual = assistance(&json!({"ai": "helper"}));
        assert_eq!(usual.greeting.as_deref(), Some("Hello!"));
        for asks in ["I want a HUMAN!", "can I talk  to a person, please", "representative"] {
            assert!(usual.hands_over(asks, 0).is_some(), "{asks}");
        }
        for not in ["humanity is lost", "my agent number is 7", ""] {
            assert_eq!(usual.hands_over(not, 100), None, "{not}");
        }
        let own =
            json!({"aiGreeting": "Hi", "aiHandover": {"words": ["Mitarbeiter", " "], "afterAnswers": 2}});
        let own = assistance(&own);
        assert_eq!(own.greeting.as_deref(), Some("Hi"));
        assert!(own.hands_over("bitte einen Mitarbeiter", 0).is_some());
        assert_eq!(own.hands_over("a human", 1), None);
        assert!(own.hands_over("and now?", 2).unwrap().contains("answered 2 times"));
    }
}
