//! What crosses the socket about who answers, who is where, and calls (contract §5.3, §14 "Sockets").

use appengine_actors::session::chat::{Chat, ChatId};
use appengine_actors::session::desk::agent::Status;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::told::AgentStatusShape;

/// `set-status`, from an agent.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::gateway) struct SetStatus {
    #[schema(value_type = AgentStatusShape)]
    pub status: Status,
}

/// The acknowledgement of `set-status`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct StatusSet {
    pub success: bool,
    #[schema(value_type = AgentStatusShape)]
    pub status: Status,
}

/// `pick-next`, from an agent: the next conversation that waits, of a queue or for a skill.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::gateway) struct PickNext {
    pub queue: Option<String>,
    pub skill: Option<String>,
}

/// `takeover-chat`, `observe-chat` and `unobserve-chat`, from an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct OneChat {
    pub chat_id: String,
}

/// `transfer-chat`, from an agent: to somebody, or to a queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct TransferChat {
    pub chat_id: String,
    pub to: Option<String>,
    pub queue: Option<String>,
    pub skill: Option<String>,
    pub note: Option<String>,
}

/// The acknowledgement of `pick-next`, `takeover-chat` and `transfer-chat`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct ChatTaken {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatShown>,
}

/// A conversation as an agent sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct ChatShown {
    #[schema(value_type = String)]
    pub chat_id: ChatId,
    pub customer_email: String,
    pub customer_name: String,
    pub config_id: Option<String>,
    pub agent: Option<AgentShown>,
    pub started_at: u64,
    /// What was said with an assistant before, where one answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Who answers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct AgentShown {
    pub email: String,
    pub name: String,
}

impl From<&Chat> for ChatShown {
    fn from(chat: &Chat) -> Self {
        let (customer_email, customer_name) = chat.customer_is();
        let agent = chat.handling.agent();
        Self {
            chat_id: chat.id.clone(),
            customer_email,
            customer_name,
            config_id: chat.config_id.clone(),
            agent: agent.map(|agent| AgentShown { email: agent.email.clone(), name: agent.name.clone() }),
            started_at: chat.started.as_millis(),
            summary: chat.summary.clone(),
        }
    }
}

/// `engage`, from an agent to whoever is on a device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct Engage {
    pub device_id: String,
    pub message: String,
}

/// `engage`, as the device gets it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct Engaged<'a> {
    pub message: &'a str,
    pub agent: AgentShown,
}

/// `visitor-location`: the page that the visitor is on.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::gateway) struct VisitorLocation {
    pub url: String,
    pub title: Option<String>,
    pub referrer: Option<String>,
}

/// `webrtc-offer`, `webrtc-answer` and `webrtc-ice`: to one peer, by their address or their device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct Signal {
    pub to: Option<String>,
    pub chat_id: Option<String>,
    pub payload: Value,
}

/// The same, as the peer gets it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::gateway) struct Signalled<'a> {
    pub from: &'a str,
    pub to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub chat_id: Option<&'a ChatId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<&'a str>,
    #[schema(value_type = Value)]
    pub payload: &'a Value,
}

/// The acknowledgement of what reached so many clients.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct Reached {
    pub success: bool,
    pub reached: usize,
}

/// The acknowledgement of what needs no more said.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::gateway) struct Noted {
    pub success: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::from_str;

    #[test]
    fn online_means_available_and_others_are_refused_by_name() {
        let online: SetStatus = from_str(r#"{"status":"online"}"#).expect("a status");
        assert_eq!(online.status, Status::Available);
        let error = from_str::<SetStatus>(r#"{"status":"asleep"}"#).expect_err("refused");
        assert!(error.to_string().contains("asleep"), "{error}");
        assert!(error.to_string().contains("busy"), "{error}");
    }
}
