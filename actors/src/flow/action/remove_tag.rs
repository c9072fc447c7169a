//! `remove_tag`: takes tags from a contact.

use futures_util::future::BoxFuture;

use super::{Action, Plan, StepContext, StepError, recheck, tags};
use crate::flow::Map;
use crate::flow::problem::Problems;
use crate::webhook::transport::Transport;

/// The action.
pub struct Handler;

impl Action for Handler {
    fn kind(&self) -> &'static str {
        "remove_tag"
    }

    fn check(&self, config: &Map, _: &dyn Transport, problems: &mut Problems) {
        tags::check(config, problems);
    }

    fn plan<'a>(&'a self, ctx: &'a StepContext<'a>, config: Map) -> BoxFuture<'a, Result<Plan, StepError>> {
        Box::pin(async move {
            recheck(self, &config, ctx.house.transport.as_ref())?;
            tags::plan(ctx, &config, |has, tags| {
                has.retain(|tag| !tags.contains(tag));
            })
            .await
        })
    }
}
