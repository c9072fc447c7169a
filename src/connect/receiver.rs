//! Takes a vendor's call, step by step: whose it is, whether it is the vendor's, on the disk, answered.

use std::sync::Arc;

use appengine_actors::ids::{CallId, IntegrationId, OrgId};
use appengine_actors::inbound::call::{CallStatus, StoredCall, kept};
use appengine_actors::inbound::calls::Kept;
use appengine_actors::inbound::integration::Integration;
use appengine_actors::machine::Machine;
use appengine_actors::store::StoreError;
use serde_json::Value;
use tracing::{info, warn};

use super::certificates::FetchedCertificates;
use super::tally::{Came, Tally};
use crate::vendors::call::Call;
use crate::vendors::captured::accepted;
use crate::vendors::keys::{Keys, Secret, Settings};
use crate::vendors::verdict::{Refusal, Reply, Stop, Verified};
use crate::vendors::{Around, Vendor, email, named};

/// Integrations of one vendor in one organisation that a call is held against, where it does not say which.
const MOST_TRIED: usize = 10;
/// Certificates that one call may have fetched.
const MOST_FETCHED: usize = 2;

/// To whom a call was made, as far as its address says.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// The vendor: a name, or `email` where several share an address.
    pub vendor: String,
    /// The integration, or the organisation.
    pub service: Option<String>,
    /// The organisation.
    pub org: Option<String>,
}

/// Why a call has no answer of the vendor's.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is nobody at the address.
    #[error("{0}")]
    Nobody(String),
    /// It cannot be taken just now.
    #[error("{0}")]
    Later(String),
    /// It was refused.
    #[error("{}", .0.refusal)]
    Refused(Refused),
}

/// A call that was refused.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// What calls of this vendor are.
    pub vendor: &'static str,
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        Self::Later(format!("failed to {error}"))
    }
}

/// Takes the calls of all vendors.
pub struct Receiver {
    machine: Arc<Machine>,
    certificates: FetchedCertificates,
    /// Whose a call is that names no organisation.
    default_org: OrgId,
    /// What came of them.
    pub tally: Tally,
}

impl Receiver {
    /// A receiver of a machine.
    #[must_use]
    pub fn new(machine: Arc<Machine>, certificates: FetchedCertificates, default_org: OrgId) -> Self {
        Self { machine, certificates, default_org, tally: Tally::default() }
    }

    /// Takes a call: what the vendor is answered.
    ///
    /// # Errors
    /// Why it is not taken.
    pub async fn receive(&self, to: &Address, call: Call) -> Result<Reply, ReceiveError> {
        let vendor = vendor(to, &call);
        // Only at the address of the mail vendors it cannot be said whose a call is.
        let name = vendor.as_ref().map_or("email", |vendor| vendor.name());
        let received = match vendor {
            Ok(vendor) => self.take(vendor, to, &call).await,
            Err(error) => Err(error),
        };
        match &received {
            Ok((_, came)) => self.tally.count(name, *came),
            Err(ReceiveError::Refused(Refused { refusal, .. })) => {
                self.tally.count(name, Came::Refused);
                let org = to.service.as_deref().or(to.org.as_deref()).unwrap_or(self.default_org.as_str());
                warn!(vendor = name, to = org, part = ?refusal.part, %refusal, "a vendor's call was refused");
            }
            Err(ReceiveError::Later(why)) => {
                self.tally.count(name, Came::Later);
                warn!(vendor = name, %why, "a vendor's call cannot be taken just now");
            }
            Err(ReceiveError::Nobody(_)) => {}
        }
        received.map(|(reply, _)| reply)
    }

    async fn take(
        &self,
        vendor: &'static dyn Vendor,
        to: &Address,
        call: &Call,
    ) -> Result<(Reply, Came), ReceiveError> {
        let candidates = self.candidates(vendor, to).await?;
        let mut refusal = Refusal::no_keys("an active integration of the vendor");
        for integration in candidates.iter().take(MOST_TRIED) {
            match self.verify(vendor, integration, call).await? {
                Ok(Verified::Call { id, opened }) => {
                    // What was encrypted is kept as it was read: nobody has the key later.
                    let opened = opened.map(|body| Call { body, ..call.clone() });
                    return self.keep(vendor, integration, opened.as_ref().unwrap_or(call), id).await;
                }
                Ok(Verified::Handshake { reply, visit }) => {
                    if let Some(url) = visit {
                        self.certificates.get(&url).await.map_err(ReceiveError::Later)?;
                    }
                    info!(org = %integration.org_id, vendor = vendor.name(), "a vendor's handshake was answered");
                    return Ok((reply, Came::Handshake));
                }
                Err(refused) => refusal = refused,
            }
        }
        Err(ReceiveError::Refused(Refused { refusal, vendor: vendor.name() }))
    }

    /// The integrations that the call may be for.
    async fn candidates(&self, vendor: &dyn Vendor, to: &Address) -> Result<Vec<Integration>, ReceiveError> {
        let fits = |integration: &Integration| integration.active && integration.vendor == vendor.name();
        if let Some(Ok(id)) = to.service.as_deref().map(str::parse::<IntegrationId>) {
            let found = self.machine.inbound.integrations.find(id).await?;
            let found = found.filter(|found| found.vendor == vendor.name());
            let missing =
                || ReceiveError::Nobody(format!("there is no integration {id} of {}", vendor.name()));
            return Ok(vec![found.ok_or_else(missing)?].into_iter().filter(fits).collect());
        }
        let org = match to.service.as_deref().or(to.org.as_deref()) {
            Some(text) => {
                OrgId::new(text).map_err(|error| ReceiveError::Nobody(format!("failed to {error}")))?
            }
            None => self.default_org.clone(),
        };
        let mut of = self.machine.inbound.integrations.of(&org).await?;
        of.retain(fits);
        Ok(of)
    }

    /// Whether the call is the vendor's, by one integration. Certificates are fetched where they are needed.
    async fn verify(
        &self,
        vendor: &'static dyn Vendor,
        integration: &Integration,
        call: &Call,
    ) -> Result<Result<Verified, Refusal>, ReceiveError> {
        let keys = self.keys(integration).await?;
        let called = keys.settings.url.as_ref().map(|url| call.at(url));
        let call = called.as_ref().unwrap_or(call);
        let mut fetched = 0;
        loop {
            let around = Around { now: self.machine.house.clock.now(), certificates: &self.certificates };
            match vendor.verify(call, &keys, &around) {
                Ok(verified) => return Ok(Ok(verified)),
                Err(Stop::Refused(refusal)) => return Ok(Err(refusal)),
                Err(Stop::Later(why)) => return Err(ReceiveError::Later(why)),
                Err(Stop::Needs(url)) if fetched < MOST_FETCHED => {
                    self.certificates.fetch(&url).await.map_err(ReceiveError::Later)?;
                    fetched += 1;
                }
                Err(Stop::Needs(url)) => {
                    return Err(ReceiveError::Later(format!("read the certificate at {url} in time")));
                }
            }
        }
    }

    /// What came of holding a call against an integration, without keeping it: the verdict, and why.
    ///
    /// # Errors
    /// When it cannot be told just now.
    pub async fn judge(
        &self,
        integration: &Integration,
        call: &Call,
    ) -> Result<(&'static str, String), ReceiveError> {
        let vendor = named(&integration.vendor);
        let vendor = vendor
            .ok_or_else(|| ReceiveError::Nobody(format!("there is no vendor `{}`", integration.vendor)))?;
        Ok(match self.verify(vendor, integration, call).await? {
            Ok(Verified::Call { id, .. }) => ("accept", accepted(&id)),
            Ok(Verified::Handshake { .. }) => ("handshake", "the handshake would be answered".to_owned()),
            Err(refusal) => ("reject", refusal.to_string()),
        })
    }

    async fn keys(&self, integration: &Integration) -> Result<Keys, StoreError> {
        let credentials =
            self.machine.inbound.integrations.credentials(&integration.org_id, integration.id).await?;
        let settings = serde_json::from_value::<Settings>(Value::Object(integration.settings.clone()));
        Ok(Keys {
            secrets: credentials.secrets.into_iter().map(Secret::new).collect(),
            public_keys: credentials.public_keys,
            // They were read when they were saved.
            settings: settings.unwrap_or_default(),
        })
    }

    async fn keep(
        &self,
        vendor: &'static dyn Vendor,
        integration: &Integration,
        call: &Call,
        vendor_id: String,
    ) -> Result<(Reply, Came), ReceiveError> {
        let now = self.machine.house.clock.now();
        let stored = StoredCall {
            id: CallId::new(now),
            org_id: integration.org_id.clone(),
            vendor: vendor.name().to_owned(),
            integration_id: integration.id,
            vendor_id,
            received_at: now,
            method: call.method.clone(),
            url: call.url.clone(),
            headers: kept(call.headers.all()),
            body_bytes: call.body.len(),
            status: CallStatus::Pending,
            events: Vec::new(),
            replays: 0,
        };
        let came = match self.machine.inbound.calls.keep(&stored, &call.body).await {
            Ok(Kept::New(_)) => Came::Kept,
            Ok(Kept::Again) => Came::Again,
            Err(error) => return Err(ReceiveError::Later(format!("failed to {error}"))),
        };
        Ok((vendor.reply(call), came))
    }
}

/// Whose address was called. The vendors of mail share one.
fn vendor(to: &Address, call: &Call) -> Result<&'static dyn Vendor, ReceiveError> {
    if to.vendor == "email" {
        let unknown = || {
            let refusal = Refusal::new(
                crate::vendors::verdict::Part::Format,
                "a call of SendGrid, Mailgun or Amazon SES",
                "none of their marks",
                "the call is from somebody else, or a proxy takes headers away",
            );
            ReceiveError::Refused(Refused { refusal, vendor: "email" })
        };
        return email::whose(call).ok_or_else(unknown);
    }
    let unknown = || {
        let names: Vec<_> = crate::vendors::ALL.iter().map(|vendor| vendor.name()).collect();
        ReceiveError::Nobody(format!("there is no vendor `{}`; known are {}", to.vendor, names.join(", ")))
    };
    named(&to.vendor).ok_or_else(unknown)
}
