//! What an assistant is asked in a conversation, and what it leaves to whoever of the staff goes on. Pure.

use serde_json::{Map, Value, json};

use super::message::{Message, MessageKind};
use super::reception::Assistance;
use super::transcript::said;
use crate::ids::OrgId;
use crate::rights::role::Role;
use crate::rights::{Author, Kind};
use crate::session::person::{Person, Side};
use crate::session::stream::head::{Ask, Asker};
use crate::session::stream::model::{self, Prompt, Tool};
use crate::session::stream::tools::connected;

/// The tool by which an assistant hands a conversation to the staff (contract §5.3).
pub const TRANSFER: &str = "transfer_chat_to_agent";
/// Messages of a conversation that an assistant is told.
pub const TOLD: usize = 20;
/// Bytes of them, so that what is asked can be kept as one value.
const MOST_BYTES: usize = 48 * 1024;
/// Tokens of an answer: it is a chat.
const MOST_TOKENS: u32 = 2_000;
/// Bytes of what an assistant leaves to the staff, and of each line of it.
const MOST_SUMMARY: usize = 4 * 1024;
const MOST_LINE: usize = 300;

/// What an assistant is asked: to answer the last of these messages, in the customer's name and with their rights.
#[must_use]
pub fn ask(org: OrgId, customer: &Person, with: &Assistance, tools: Vec<Tool>, told: &[Message]) -> Ask {
    let assistant = &with.assistant;
    let prompt = Prompt {
        org,
        by: asker(customer),
        sources: assistant.sources.clone(),
        provider: assistant.provider.clone(),
        model: assistant.model.clone(),
        system: [assistant.system.as_str(), &manners(customer)].join("\n\n").trim().to_owned(),
        messages: history(told),
        tools: tools.into_iter().chain(std::iter::once(transfer())).collect(),
        connected: connected(&assistant.tools),
        temperature: assistant.temperature,
        max_tokens: Some(MOST_TOKENS),
    };
    Ask { prompt, client_tools: vec![TRANSFER.to_owned()], given: Map::new() }
}

fn asker(customer: &Person) -> Asker {
    let (kind, role) =
        if customer.guest { (Kind::Guest, Role::Guest) } else { (Kind::Customer, Role::Customer) };
    Asker {
        id: customer.id.to_string(),
        label: customer.id.to_string(),
        email: Some(customer.email.clone()),
        name: customer.name.clone(),
        rights: Author { kind, roles: vec![role], scopes: None },
    }
}

fn manners(customer: &Person) -> String {
    format!(
        "You answer a customer, {}, in a chat: briefly, in their language. Whoever asks for a person, or cannot be helped by \
         you, is handed over with the tool `{TRANSFER}`; say so before you use it.",
        customer.name.replace(char::is_control, " ")
    )
}

fn transfer() -> Tool {
    Tool {
        name: TRANSFER.to_owned(),
        description: "Hands the chat over to one of the staff, who goes on with it.".to_owned(),
        schema: json!({
            "type": "object",
            "properties": {
                "reason": {"type": "string", "description": "Why it is handed over."},
                "summary": {"type": "string", "description": "What the customer wants and what was said so far."},
                "skill": {"type": "string", "description": "What whoever goes on must know, if anything."},
            },
            "required": ["reason", "summary"],
        }),
    }
}

/// The messages as a model is told them: the latest, as many as fit.
pub fn history(told: &[Message]) -> Vec<model::Message> {
    let (mut messages, mut bytes) = (Vec::new(), 0);
    for message in told.iter().rev() {
        let files: String = message.files.iter().map(|file| format!("\n[attached: {}]", file.name)).collect();
        let text = format!("{}{files}", said(&message.content));
        bytes += text.len();
        if bytes > MOST_BYTES && !messages.is_empty() {
            break;
        }
        let text = text[..text.floor_char_boundary(MOST_BYTES)].to_owned();
        match (message.side, message.kind) {
            (Some(Side::Customer), _) => messages.push(model::Message::User { text, images: Vec::new() }),
            (_, MessageKind::AiAssistant) | (Some(Side::Agent), _) => {
                messages.push(model::Message::Assistant { text, calls: Vec::new() });
            }
            // What the server says of the conversation is nothing that was said in it.
            (None, _) => {}
        }
    }
    messages.reverse();
    messages
}

/// What was said, in short, for whoever goes on: where the assistant has not said it itself.
#[must_use]
pub fn summary(told: &[Message]) -> String {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    for message in told.iter().rev() {
        let who = match (message.side, message.kind) {
            (Some(Side::Customer), _) => "Customer",
            (_, MessageKind::AiAssistant) => "Assistant",
            _ => continue,
        };
        let text = said(&message.content).split_whitespace().collect::<Vec<_>>().join(" ");
        let end = text.floor_char_boundary(MOST_LINE);
        let more = if end < text.len() { " …" } else { "" };
        let line = format!("{who}: {}{more}", &text[..end]);
        bytes += line.len() + 1;
        if bytes > MOST_SUMMARY {
            break;
        }
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

/// What an assistant says as it hands over: why, what whoever goes on is to know, and what they must.
#[must_use]
pub fn transferred(input: &Value) -> (String, Option<String>, Option<String>) {
    let text = |name: &str, most: usize| {
        let text = input[name].as_str().map(str::trim).filter(|text| !text.is_empty())?;
        Some(text[..text.floor_char_boundary(most)].to_owned())
    };
    let reason = text("reason", MOST_LINE).unwrap_or_else(|| "it did not say why".to_owned());
    (format!("the assistant handed it over: {reason}"), text("summary", MOST_SUMMARY), text("skill", 100))
}

#[cfg(test)]
mod tests {
    use super::super::id::ChatId;
    use super::super::message::MessageDraft;
    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::{MessageId, RecordId};

    fn ann() -> Person {
        let id = RecordId::new("customer-1").unwrap();
        Person { side: Side::Customer, id, email: "ann@x.io".into(), name: "Ann\n".into(), guest: true }
    }

    fn message(kind: MessageKind, content: Value) -> Message {
        let now = Timestamp::from_millis(1);
        let from = (kind == MessageKind::User).then(ann);
        let draft = MessageDraft { from, kind, ..MessageDraft::of_server(MessageId::new(now), content) };
        draft.into_message(ChatId::of_customer(&ann()), 1, now)
    }

    #[test]
    fn an_assistant_is_told_what_was_said_and_by_whose_rights_it_answers() {
        let told = [
            message(MessageKind::AiAssistant, json!("Hello!")),
            message(MessageKind::System, json!("bob has left.")),
            message(MessageKind::User, json!({"ops": [{"insert": "Where is my order?"}]})),
        ];
        let with = super::super::reception::tests::assistance(&json!({}));
        let Ask { prompt, client_tools, .. } =
            ask(OrgId::new("o").unwrap(), &ann(), &with, Vec::new(), &told);
        assert_eq!(client_tools, [TRANSFER]);
        let expected = [
            model::Message::Assistant { text: "Hello!".into(), calls: Vec::new() },
            model::Message::User { text: "Where is my order?".into(), images: Vec::new() },
        ];
        assert_eq!(prompt.messages, expected);
        assert_eq!(
            (prompt.by.rights.kind, prompt.by.rights.roles.as_slice()),
            (Kind::Guest, &[Role::Guest][..])
        );
        assert!(prompt.system.contains("a customer, Ann ,"), "{}", prompt.system);
        assert_eq!(summary(&told), "Assistant: Hello!\nCustomer: Where is my order?");
    }

    #[test]
    fn what_is_told_fits() {
        let long = message(MessageKind::User, json!("ä".repeat(15 * 1024)));
        let told = [long.clone(), long.clone(), long.clone()];
        assert_eq!(history(&told).len(), 1, "two of them are too many bytes");
        assert!(summary(&told).len() < MOST_SUMMARY);
        let input = json!({"reason": "ä".repeat(500), "summary": " ", "skill": "refunds"});
        let (why, summary, skill) = transferred(&input);
        assert!(why.len() < 400 && summary.is_none() && skill.as_deref() == Some("refunds"));
        assert!(transferred(&Value::Null).0.contains("did not say why"));
    }
}
