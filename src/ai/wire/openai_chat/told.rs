//! What a chunk of Chat Completions holds, as far as it is read.

use serde::Deserialize;

use crate::ai::wire::loose::Loose;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Chunk<'a> {
    pub id: Loose<'a>,
    pub object: Loose<'a>,
    pub model: Loose<'a>,
    pub choices: Option<Vec<Choice<'a>>>,
    pub usage: Option<Usage<'a>>,
    pub error: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Choice<'a> {
    pub index: Loose<'a>,
    pub delta: Option<Delta<'a>>,
    pub finish_reason: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Delta<'a> {
    pub content: Loose<'a>,
    pub refusal: Loose<'a>,
    pub tool_calls: Option<Vec<CallDelta<'a>>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct CallDelta<'a> {
    pub index: Loose<'a>,
    pub id: Loose<'a>,
    pub function: Option<Function<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Function<'a> {
    pub name: Loose<'a>,
    pub arguments: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Usage<'a> {
    pub prompt_tokens: Loose<'a>,
    pub completion_tokens: Loose<'a>,
}
