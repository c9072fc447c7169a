//! What flows did and were: their runs, newest first, and their versions.

use super::{FlowError, Flows};
use crate::clock::Timestamp;
use crate::flow::definition::Flow;
use crate::flow::run::{Run, RunStatus, StepRecord};
use crate::ids::{OrgId, RecordId, RunId};
use crate::keys;
use crate::list::{COUNTED, Listed, Slice, Span};
use crate::store::{Pages, Scan, decode};

/// Entries read at once.
const PAGE: usize = 200;
/// Versions of a flow that are listed.
const MOST_VERSIONS: usize = 1_000;

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub struct RunsWanted {
    /// Of one flow only.
    pub flow: Option<RecordId>,
    /// In one status only.
    pub status: Option<RunStatus>,
    /// Made within this time.
    pub made: Span,
    /// Older than this one.
    pub before: Option<RunId>,
}

impl RunsWanted {
    fn wants(&self, run: &Run) -> bool {
        self.status.is_none_or(|status| status == run.status) && self.made.holds(run.created_at)
    }

    /// The run that the list begins after: the one given, or one that is younger than all within the time.
    fn begin(&self) -> Option<RunId> {
        // A run is made at or after the moment that its id tells.
        let after = |to: Timestamp| {
            let millis = to.as_millis().saturating_add(1).to_be_bytes();
            let mut bytes = [0; 16];
            bytes.iter_mut().zip(millis.iter().skip(2)).for_each(|(byte, of)| *byte = *of);
            RunId::from_bytes(bytes)
        };
        self.before.into_iter().chain(self.made.to.map(after)).min()
    }
}

impl Flows {
    /// A run and the steps it took.
    ///
    /// # Errors
    /// When there is none.
    pub async fn run(&self, org: &OrgId, id: RunId) -> Result<(Run, Vec<StepRecord>), FlowError> {
        let found = self.house.store.get(keys::run(org, id)).await?.ok_or(FlowError::NoRun(id))?;
        let most = usize::try_from(self.house.settings.flows.max_steps).unwrap_or(usize::MAX);
        let steps = self.house.store.scan(Scan::prefix(keys::steps(org, id), most)).await?;
        let steps = steps.iter().map(|(_, step)| decode(&step.value)).collect::<Result<_, _>>()?;
        Ok((decode(&found.value)?, steps))
    }

    /// Runs, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(
        &self,
        org: &OrgId,
        wanted: &RunsWanted,
        slice: Slice,
    ) -> Result<Listed<Run>, FlowError> {
        let flow = wanted.flow.as_ref();
        let prefix = flow.map_or_else(|| keys::runs(org), |flow| keys::runs_of(org, flow));
        let mut scan = Scan::prefix(prefix, PAGE).descending().keys_only();
        if let Some(begin) = wanted.begin() {
            scan = scan.after(&flow.map_or_else(|| keys::run(org, begin), |f| keys::run_of(org, f, begin)));
        }
        let all = wanted.status.is_none() && wanted.made.is_open();
        let (mut listed, mut looked, mut pages) =
            (Listed::new(slice), 0, Pages::of(&*self.house.store, scan));
        while let Some(page) = pages.next().await? {
            if all && listed.passes(page.len()) {
                listed.pass(page.len());
            } else {
                let ids =
                    page.iter().filter_map(|(key, _)| keys::parse_run(key)).map(|id| keys::run(org, id));
                for found in self.house.store.get_many(ids.collect()).await?.into_iter().flatten() {
                    let run: Run = decode(&found.value)?;
                    if wanted.wants(&run) {
                        listed.meet(run);
                    }
                }
            }
            looked += page.len();
            let budget = if listed.is_full() { COUNTED } else { self.house.settings.query_documents };
            if looked >= budget && !pages.is_over() {
                listed.total_is_lower_bound = true;
                break;
            }
        }
        Ok(listed)
    }

    /// The definitions that a flow had, the newest first, each with its number.
    ///
    /// # Errors
    /// When there is no such flow.
    pub async fn versions(
        &self,
        org: &OrgId,
        id: &RecordId,
        slice: Slice,
    ) -> Result<Listed<(u64, Flow)>, FlowError> {
        self.read(org, id).await?;
        let scan = Scan::prefix(keys::flow_versions(org, id), MOST_VERSIONS).descending();
        let found = self.house.store.scan(scan).await?;
        let mut listed = Listed::new(slice);
        for (key, version) in &found {
            let number = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes)).unwrap_or_default();
            listed.meet((number, decode(&version.value)?));
        }
        listed.total_is_lower_bound = found.len() == MOST_VERSIONS;
        Ok(listed)
    }
}
