//! What an event of Responses holds, as far as it is read.

use serde::Deserialize;

use crate::ai::wire::loose::Loose;

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Told<'a> {
    #[serde(rename = "type")]
    pub kind: Loose<'a>,
    pub output_index: Loose<'a>,
    pub delta: Loose<'a>,
    pub arguments: Loose<'a>,
    pub item: Option<Item<'a>>,
    pub response: Option<Response<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Item<'a> {
    #[serde(rename = "type")]
    pub kind: Loose<'a>,
    pub id: Loose<'a>,
    pub call_id: Loose<'a>,
    pub name: Loose<'a>,
    pub arguments: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Response<'a> {
    pub id: Loose<'a>,
    pub model: Loose<'a>,
    pub output: Option<Vec<Item<'a>>>,
    pub usage: Option<Usage<'a>>,
    pub incomplete_details: Option<Details<'a>>,
    pub error: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Usage<'a> {
    pub input_tokens: Loose<'a>,
    pub output_tokens: Loose<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Details<'a> {
    pub reason: Loose<'a>,
}
