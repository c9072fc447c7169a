//! The body of a request for an answer, and the rules that it keeps.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::ai::NAME;
use crate::http::keep::keep;
use crate::problem::Problem;

/// Messages, tools, files and pictures of one request.
const MOST: usize = 100;
/// Characters of what is said to a model in one place.
const TEXT: usize = 65_536;

/// What is asked.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(examples(json!({"message": "Who wrote to us today?"}), json!({
    "task": "Summarise the last conversation", "agentRole": "chat", "conversationId": "c-1",
    "context": {"aiMode": "auto"}, "settings": {"temperature": 0.2, "maxTokens": 500},
})))]
pub struct AskBody {
    /// The words; `message` is the same.
    #[schema(max_length = 65536)]
    pub(super) task: Option<String>,
    /// The words; `task` is the same.
    #[schema(max_length = 65536)]
    pub(super) message: Option<String>,
    /// The assistant, by its id or its name; the organisation's own choice if not given.
    #[schema(max_length = 255)]
    pub(super) agent_id: Option<String>,
    /// `chat`, `ai-agent`, or an assistant.
    #[schema(max_length = 255)]
    pub(super) agent_role: Option<String>,
    /// What the model is told besides.
    #[schema(max_length = 65536)]
    pub(super) agent_instructions: Option<String>,
    /// What was said before; that of the conversation if not given.
    #[schema(max_items = 100)]
    pub(super) conversation_history: Vec<Turn>,
    /// The conversation that this is part of: it has one answer at a time.
    #[schema(max_length = 255)]
    pub(super) conversation_id: Option<String>,
    /// What it is about.
    pub(super) context: Context,
    /// How it is to be answered.
    pub(super) settings: ModelChoices,
    /// Seconds for which the model has something remembered, where it does not say for how long; for good where this is 0.
    pub(super) memory_ttl: Option<u64>,
    /// Tools that you use: their results are posted to the stream.
    #[schema(max_items = 100)]
    pub(super) client_mcp_tools: Vec<ClientTool>,
    /// The server's tools that may be used, by name.
    #[schema(max_items = 100)]
    pub(super) available_tools: Vec<String>,
    /// Files that it is about.
    #[schema(max_items = 100)]
    pub(super) files: Vec<Attached>,
    /// Pictures, by their addresses: `https:` or `data:`.
    #[schema(max_items = 100)]
    pub(super) images: Vec<Value>,
}

/// Something that was said before.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Turn {
    /// `user` or `assistant`; what others said is told as the user's.
    pub(super) role: String,
    /// The words.
    pub(super) content: String,
}

/// What it is about.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Context {
    /// `developer`, `data-analyst`, `graphic-artist`, `content-writer` or `auto`.
    pub(super) ai_mode: Option<String>,
    /// What the model is told before everything else.
    #[schema(max_length = 65536)]
    pub(super) system_prompt: Option<String>,
}

/// How it is to be answered.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ModelChoices {
    /// How much chance there is in it, from 0 to 2.
    #[schema(minimum = 0, maximum = 2)]
    pub(super) temperature: Option<f64>,
    /// Tokens of the answer.
    #[schema(minimum = 1)]
    pub(super) max_tokens: Option<u32>,
    /// The provider's name of the model.
    #[schema(max_length = 255)]
    pub(super) model: Option<String>,
    /// The provider: the name of its integration, its type, or `built-in`.
    #[schema(max_length = 255)]
    pub(super) provider: Option<String>,
}

/// A tool that whoever asks uses.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientTool {
    /// Its name.
    #[schema(min_length = 1, max_length = 255)]
    pub(super) name: String,
    /// What it does.
    #[serde(default)]
    pub(super) description: String,
    /// The JSON schema of its arguments.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(super) input_schema: Value,
}

/// A file that it is about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Attached {
    /// What it is called.
    #[serde(default)]
    pub(super) name: String,
    /// Where it is kept.
    #[serde(default)]
    pub(super) path: String,
    /// Where it can be read.
    #[serde(default)]
    pub(super) url: Option<String>,
}

impl AskBody {
    /// The words.
    pub(super) fn words(&self) -> &str {
        self.task.as_deref().or(self.message.as_deref()).unwrap_or_default()
    }

    /// Whether it keeps the rules that its document states.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let Self { context, settings, .. } = self;
        let has = |text: &Option<String>, most: usize| {
            text.as_ref().is_none_or(|text| text.chars().count() <= most)
        };
        let named = |tool: &ClientTool| (1..=NAME).contains(&tool.name.chars().count());
        let temperature = settings.temperature.is_none_or(|of| (0.0..=2.0).contains(&of));
        let counts = [
            self.conversation_history.len(),
            self.client_mcp_tools.len(),
            self.available_tools.len(),
            self.files.len(),
            self.images.len(),
        ];
        let long = "must have at most 65536 characters";
        let short = "must have at most 255 characters";
        keep(
            "the answer cannot be asked for",
            [
                ("message", !self.words().trim().is_empty(), "must say something; `task` is taken, too"),
                ("task", has(&self.task, TEXT), long),
                ("message", has(&self.message, TEXT), long),
                ("agentInstructions", has(&self.agent_instructions, TEXT), long),
                ("context.systemPrompt", has(&context.system_prompt, TEXT), long),
                ("agentId", has(&self.agent_id, NAME), short),
                ("agentRole", has(&self.agent_role, NAME), short),
                ("settings.model", has(&settings.model, NAME), short),
                ("settings.provider", has(&settings.provider, NAME), short),
                ("settings.temperature", temperature, "must be a number from 0 to 2"),
                ("settings.maxTokens", settings.max_tokens != Some(0), "must be at least 1"),
                (
                    "clientMcpTools",
                    self.client_mcp_tools.iter().all(named),
                    "must have names of 1 to 255 characters",
                ),
                ("", counts.iter().all(|count| *count <= MOST), "must have lists of at most 100 entries"),
            ],
        )
    }
}
