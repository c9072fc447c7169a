//! What an event of Messages holds, as far as it is read.

use serde::Deserialize;

use crate::ai::wire::loose::Loose;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Told<'a> {
    #[serde(rename = "type")]
    pub kind: Loose<'a>,
    pub index: Loose<'a>,
    pub message: Option<Begun<'a>>,
    pub content_block: Option<Block<'a>>,
    pub delta: Option<Delta<'a>>,
    pub usage: Option<Usage<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Begun<'a> {
    pub id: Loose<'a>,
    pub model: Loose<'a>,
    pub usage: Option<Usage<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Block<'a> {
    #[serde(rename = "type")]
    pub kind: Loose<'a>,
    pub text: Loose<'a>,
    pub id: Loose<'a>,
    pub name: Loose<'a>,
    pub input: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Delta<'a> {
    #[serde(rename = "type")]
    pub kind: Loose<'a>,
    pub text: Loose<'a>,
    pub partial_json: Loose<'a>,
    pub stop_reason: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Usage<'a> {
    pub input_tokens: Loose<'a>,
    pub cache_creation_input_tokens: Loose<'a>,
    pub cache_read_input_tokens: Loose<'a>,
    pub output_tokens: Loose<'a>,
}
