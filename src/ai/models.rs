//! Whom a prompt goes to: the provider that is named, or else the one that the organisation has connected, or else the
//! small agent that is built in.

use std::sync::{Arc, OnceLock, Weak};

use appengine_actors::machine::Machine;
use appengine_actors::session::stream::model::{Model, ModelError, Piece, Prompt};
use futures_util::StreamExt;
use futures_util::future::ready;
use futures_util::stream::{self, BoxStream};

use super::asked::{self, Limits};
use super::built_in;
use super::connected::Connected;
use super::provider::Provider;
use crate::connect::api::Api;
use crate::outbound::http::HttpTransport;

/// The name by which the agent that is built in is asked.
pub const BUILT_IN: &str = "built-in";

/// Answers prompts.
#[derive(Clone)]
pub struct Models {
    transport: HttpTransport,
    api: Api,
    limits: Limits,
    connected: Connected,
    /// The machine is started with this, and holds it: it comes afterwards, and is not held.
    machine: Arc<OnceLock<Weak<Machine>>>,
}

impl Models {
    /// Reaches providers so.
    #[must_use]
    pub fn new(transport: HttpTransport, api: Api, limits: Limits, connected: Connected) -> Self {
        Self { transport, api, limits, connected, machine: Arc::default() }
    }

    /// Whose integrations and records they are; said once.
    pub fn take_machine(&self, machine: &Arc<Machine>) {
        // Whoever is first has said it.
        let _ = self.machine.set(Arc::downgrade(machine));
    }

    async fn begin(self, mut prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let Some(machine) = self.machine.get().and_then(Weak::upgrade) else {
            let message = "answer: the server starts or stops just now".to_owned();
            return fails(ModelError { code: "unavailable", message, retryable: true });
        };
        if prompt.provider.as_deref() == Some(BUILT_IN) {
            return built_in::answer(machine, prompt);
        }
        let integrations = &machine.inbound.integrations;
        match Provider::find(integrations, &self.api, &prompt.org, prompt.provider.as_deref()).await {
            Ok(Some(provider)) => {
                let connected = self.connected.named(&machine, &prompt.org, &prompt.connected).await;
                prompt.tools.extend(connected);
                let clock = machine.house.clock.clone();
                asked::answer(self.transport, clock, self.limits, provider, prompt)
            }
            Ok(None) => built_in::answer(machine, prompt),
            Err(error) => fails(error),
        }
    }
}

impl Model for Models {
    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        Box::pin(stream::once(self.clone().begin(prompt)).flatten())
    }
}

/// An answer that fails at once.
pub(super) fn fails(error: ModelError) -> BoxStream<'static, Result<Piece, ModelError>> {
    Box::pin(stream::once(ready(Err(error))))
}
