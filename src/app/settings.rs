//! From the configuration to the machine's limits and defaults.

use std::time::Duration;

use anyhow::Context;
use appengine_actors::house::{FlowSettings, Settings, WebhookSettings};
use appengine_actors::ids::QueueName;
use appengine_actors::queue::job::{QueueSettings, WorkSettings};
use appengine_actors::queue::lines::Shares;
use appengine_actors::queue::rate::Rate;
use appengine_actors::queue::retention::{Bound, Keep};
use appengine_actors::retention::Ages;
use appengine_actors::retry::{Backoff, Curve, MAX_ATTEMPTS};
use appengine_actors::session::desk::DeskSettings;
use appengine_actors::session::stream::StreamSettings;
use appengine_actors::webhook::breaker::BreakerSettings;

use super::PATIENCE;
use crate::config::{AfterRestart, Config, Growth, HumanDuration, Queue, Queues};

/// How a queue treats its jobs: as its own table says, else as all do.
fn queue_settings(all: &Queues, own: &Queue) -> anyhow::Result<QueueSettings> {
    let time = |own: Option<HumanDuration>, all: HumanDuration| own.unwrap_or(all).get();
    let first = time(own.backoff_first, all.backoff_first);
    let curve = match own.backoff.unwrap_or(Growth::Exponential) {
        Growth::Exponential => Curve::Exponential {
            first,
            factor: own.backoff_factor.unwrap_or(all.backoff_factor),
            max: time(own.backoff_max, all.backoff_max),
        },
        Growth::Fixed => Curve::Fixed { every: first },
        Growth::Schedule => {
            let waits = own.backoff_schedule.as_deref().unwrap_or_default();
            Curve::Schedule { delays: waits.iter().map(|wait| wait.get()).collect() }
        }
    };
    let bound = |age: HumanDuration, count| Bound { age: age.get(), count };
    let per = own.rate_per.map_or(Duration::from_secs(1), HumanDuration::get);
    Ok(QueueSettings {
        concurrency: all.concurrency,
        attempts: own.attempts.unwrap_or(all.attempts),
        backoff: Backoff::new(curve, MAX_ATTEMPTS, own.jitter.unwrap_or(all.jitter))?,
        timeout: time(own.timeout, all.timeout),
        stuck_after: time(own.stuck_after, all.stuck_after),
        leases: own.leases.unwrap_or(all.leases),
        rate: own.rate.map(|jobs| Rate { jobs, per }),
        keep: Keep {
            completed: bound(all.keep_completed, all.keep_completed_count),
            failed: bound(all.keep_failed, all.keep_failed_count),
        },
        shares: Shares { org: all.org_concurrency, key: all.key_concurrency },
    })
}

/// Limits and defaults of the machine, as configured.
pub(super) fn settings(config: &Config) -> anyhow::Result<Settings> {
    let (queues, webhooks) = (&config.queues, &config.webhooks);
    let queue_settings = queues.each().into_iter().map(|(name, own)| {
        let settings =
            queue_settings(queues, own).with_context(|| format!("failed to set up queue {name}"))?;
        Ok((QueueName::new(name)?, QueueSettings { concurrency: queues.concurrency_of(name), ..settings }))
    });
    let queue_settings = queue_settings.collect::<anyhow::Result<_>>()?;
    let delays = webhooks.retry_schedule.iter().map(|delay| delay.get()).collect();
    Ok(Settings {
        mailbox: config.actors.mailbox,
        patience: PATIENCE,
        value_limit: config.limits.value.as_usize(),
        query_documents: config.limits.query_documents,
        queues: queue_settings,
        work: WorkSettings { payload: queues.payload.as_usize(), sealed: queues.encrypt_payloads },
        flows: FlowSettings {
            max_depth: config.flows.max_depth,
            max_breadth: config.flows.max_breadth,
            max_steps: config.flows.max_steps,
            run_timeout: config.flows.run_timeout.get(),
        },
        desk: DeskSettings {
            agent_grace: config.desk.agent_grace.get(),
            agent_capacity: config.desk.agent_capacity,
            handle_time: config.desk.handle_time.get(),
        },
        streams: StreamSettings {
            keep: config.ai.keep.get(),
            max_bytes: config.ai.answer.as_usize(),
            max_steps: config.ai.max_steps,
            tool_wait: config.ai.tool_wait.get(),
            max_running: config.ai.max_running,
            resume: config.ai.after_restart == AfterRestart::Resume,
        },
        schedules: config.schedules.enabled,
        retention: Ages {
            events: config.retention.events.get(),
            runs: config.retention.runs.get(),
            deliveries: config.retention.deliveries.get(),
            idempotency: config.retention.idempotency.get(),
            messages: config.retention.messages.get(),
            community_messages: config.retention.community_messages.get(),
            vendor_calls: config.retention.vendor_calls.get(),
            streams: config.ai.keep.get(),
        },
        webhooks: WebhookSettings {
            timeout: webhooks.timeout.get(),
            backoff: Backoff::schedule(delays, webhooks.jitter)?,
            concurrency: webhooks.concurrency,
            breaker: BreakerSettings {
                failures: webhooks.breaker_failures,
                after: webhooks.breaker_after.get(),
                pause: webhooks.breaker_pause.get(),
                longest_pause: webhooks.breaker_max_pause.get(),
                disable_after: webhooks.disable_after.get(),
            },
        },
    })
}
