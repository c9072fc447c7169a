//! Keys of runs, their steps, and what flows were.

use super::{Builder, private};
use crate::ids::{OrgId, RecordId, RunId};
use crate::store::Key;

/// A run.
#[must_use]
pub fn run(org: &OrgId, id: RunId) -> Key {
    Builder::of(org, b'n').bytes(&id.to_bytes()).0
}

/// All runs of an organisation, oldest first.
#[must_use]
pub fn runs(org: &OrgId) -> Key {
    Builder::of(org, b'n').0
}

/// All runs of a flow, oldest first.
#[must_use]
pub fn runs_of(org: &OrgId, flow: &RecordId) -> Key {
    Builder::of(org, b'o').text(flow.as_str()).0
}

/// One run's place among those of its flow.
#[must_use]
pub fn run_of(org: &OrgId, flow: &RecordId, id: RunId) -> Key {
    Builder(runs_of(org, flow)).bytes(&id.to_bytes()).0
}

/// The run that a key of the tables `n` and `o` names.
#[must_use]
pub fn parse_run(key: &[u8]) -> Option<RunId> {
    key.last_chunk::<16>().map(|bytes| RunId::from_bytes(*bytes))
}

/// All steps of a run, in order.
#[must_use]
pub fn steps(org: &OrgId, run: RunId) -> Key {
    Builder::of(org, b's').bytes(&run.to_bytes()).0
}

/// The `n`-th step that a run took.
#[must_use]
pub fn step(org: &OrgId, run: RunId, n: u32) -> Key {
    Builder(steps(org, run)).bytes(&n.to_be_bytes()).0
}

/// All versions of a flow.
#[must_use]
pub fn flow_versions(org: &OrgId, flow: &RecordId) -> Key {
    Builder::of(org, b'v').text(flow.as_str()).0
}

/// One version of a flow.
#[must_use]
pub fn flow_version(org: &OrgId, flow: &RecordId, version: u64) -> Key {
    Builder(flow_versions(org, flow)).number(version).0
}

/// The rights that a version of a flow acts with.
#[must_use]
pub fn flow_rights(org: &OrgId, flow: &RecordId, version: u64) -> Key {
    Builder(private(org, "flow-rights", flow.as_str())).number(version).0
}
