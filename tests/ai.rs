//! Answers of language models over HTTP: read by anybody who may, from anywhere, through drops and restarts. The models
//! are local servers that speak as OpenAI and Anthropic do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

#[path = "ai/assistants.rs"]
mod assistants;
#[path = "ai/built_in.rs"]
mod built_in;
#[path = "ai/desk.rs"]
mod desk;
#[path = "ai/provider.rs"]
mod provider;
#[path = "ai/providers.rs"]
mod providers;
#[path = "ai/reader.rs"]
mod reader;
#[path = "ai/restart.rs"]
mod restart;
#[path = "ai/streams.rs"]
mod streams;
mod support;
#[path = "ai/tools.rs"]
mod tools;
