//! Actions: steps that do something (contract §4.7). Each is one file here and one line in the list
//! below; parsing and runs find it by its name. An action changes nothing itself: it says what is to be
//! written, and the runner commits that together with the step's result, so each takes effect once.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::Map;
use super::definition::{Flow, Step};
use super::run::Run;
use crate::bus::change::Change;
use crate::clock::Timestamp;
use crate::form::problem::Problems;
use crate::house::House;
use crate::record::service::{Records, WriteError};
use crate::rights::Rights;
use crate::session::stream::Streams;
use crate::webhook::transport::Transport;

macro_rules! actions {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// Every action.
        pub const ALL: &[&dyn Action] = &[$(&$name::Handler),*];
    };
}

actions! {
    add_tag,
    ai_agent,
    create_data,
    delay,
    delete_data,
    remove_tag,
    send_email,
    send_webhook,
    update_data,
}

mod tags;
mod target;

/// Something that a step can do.
pub trait Action: Send + Sync {
    /// Its name: what `config.actionType` says.
    fn kind(&self) -> &'static str;

    /// Notes everything that could not work, at paths within `config`. Values with placeholders are
    /// known only when a run reads them.
    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems);

    /// The key of its config that holds an address, whose placeholders are filled in as parts of a URL.
    fn address(&self) -> Option<&'static str> {
        None
    }

    /// Works out what is to be done, from a config with all placeholders filled in.
    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>>;
}

/// What a config is checked against.
#[derive(Clone, Copy)]
pub struct Check<'a> {
    /// Which addresses may be spoken to.
    pub transport: &'a dyn Transport,
    /// What whoever saves the flow may do.
    pub rights: Rights<'a>,
}

/// The action with this name.
#[must_use]
pub fn find(kind: &str) -> Option<&'static dyn Action> {
    ALL.iter().find(|action| action.kind() == kind).copied()
}

/// What an action may look at.
pub struct StepContext<'a> {
    /// The shared parts.
    pub house: &'a House,
    /// The records.
    pub records: &'a Records,
    /// Answers of language models.
    pub streams: &'a Streams,
    /// The flow, in the version that the run follows.
    pub flow: &'a Flow,
    /// The run.
    pub run: &'a Run,
    /// The step.
    pub step: &'a Step,
    /// In whose right it acts: that of whoever saved this version of the flow.
    pub rights: Rights<'a>,
    /// What placeholders see.
    pub variables: &'a Map,
    /// When the step began.
    pub now: Timestamp,
}

impl StepContext<'_> {
    /// In whose name records are written.
    #[must_use]
    pub fn author(&self) -> String {
        format!("automation:{}", self.run.automation_id)
    }
}

/// What a step does, once it is committed.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What is to be written with the step's result.
    pub change: Change,
    /// What the step returns; an object's keys become variables.
    pub output: Value,
    /// How long the run pauses after it.
    pub pause: Option<Duration>,
    /// When it is taken again, where it has not come to its end: then nothing of it is written.
    pub again: Option<Duration>,
}

/// Why a step did not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// In words, for the flow's owner.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl StepError {
    /// One that trying again does not help.
    pub fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: false }
    }

    /// One that whoever saved the flow last may not do.
    fn forbidden(why: impl std::fmt::Display) -> Self {
        Self::lasting(format!("{why} (a flow acts with the rights of whoever saved it last)"))
    }
}

impl From<WriteError> for StepError {
    fn from(error: WriteError) -> Self {
        let retryable = matches!(&error, WriteError::Change(change) if change.is_retryable());
        Self { message: format!("failed to {error}"), retryable }
    }
}

/// The problems that a check finds in a config whose placeholders are filled in: the same check as at
/// create, so that nothing passes there that fails here.
fn recheck(action: &dyn Action, config: &Map, ctx: &StepContext<'_>) -> Result<(), StepError> {
    let mut problems = Problems::default();
    let on = Check { transport: ctx.house.transport.as_ref(), rights: ctx.rights };
    action.check(config, on, &mut problems);
    problems.or(()).map_err(|found| {
        let list: Vec<String> = found.iter().map(ToString::to_string).collect();
        StepError::lasting(list.join("; "))
    })
}
