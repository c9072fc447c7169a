//! `add_tag`: gives a contact tags.

use futures_util::future::BoxFuture;

use super::{Action, Check, Plan, StepContext, StepError, recheck, tags};
use crate::flow::Map;
use crate::form::problem::Problems;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "add_tag"
    }

    fn check(&self, config: &Map, on: Check<'_>, problems: &mut Problems) {
        tags::check(config, on, problems);
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx)?;
            tags::plan(ctx, &config, |has, tags| {
                has.extend(tags.iter().filter(|tag| !has.contains(tag)).cloned().collect::<Vec<_>>());
            })
            .await
        })
    }
}
