//! Registers our addresses with the vendors' own interfaces, and keeps the secrets that they return: each vendor's file
//! says which calls to make and what the answers mean, and is pure; this one sends them and stores what came of it.
//!
//! What is registered already is found by its address and brought up to date, never doubled. Whatever fails is told in
//! the vendor's words and leaves the integration as it was. An errand that was begun goes on to its end although whoever
//! asked for it has gone: a secret that was made is a secret that is kept.
//!
//! | file | what |
//! |---|---|
//! | `plan` | What a vendor's file says: calls, and what answers mean |
//! | `site` | An integration, as its vendor's interface is to know it |
//! | `wire` | Sends the calls: bounded, and without secrets in what is told of them |
//! | `report` | What people are told |

mod mailgun;
mod meta;
pub(super) mod paypal;
mod plan;
mod report;
mod sendgrid;
pub mod site;
mod slack;
mod stripe;
#[cfg(test)]
mod testing;
mod twilio;
mod twitch;
mod wire;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use appengine_actors::ids::{IntegrationId, OrgId};
use appengine_actors::inbound::integration::{Credentials, Integration, MOST_SECRETS};
use appengine_actors::inbound::integrations::IntegrationError;
use appengine_actors::machine::Machine;
use tracing::info;

use self::plan::{Keep, Outcome, Registrar, text};
use self::site::{Site, webhook_url};
use self::wire::Wire;
use super::api::Api;
use crate::auth::random;

pub use self::report::{Check, Credited, Removal, Report, Standing};

/// Times that a change is written before it is given up: somebody else may write at the same moment.
const ATTEMPTS: usize = 3;

/// Vendors whose interfaces take our address.
const ALL: [&dyn Registrar; 8] = [
    &mailgun::Mailgun,
    &meta::Meta,
    &paypal::PayPal,
    &sendgrid::SendGrid,
    &slack::Slack,
    &stripe::Stripe,
    &twilio::Twilio,
    &twitch::Twitch,
];

/// Why an errand was not run.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The integration cannot be read or written.
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    /// Another errand for the integration is under way.
    #[error("begin: this integration is being registered or unregistered already; wait until that has ended")]
    Busy,
    /// The server ends.
    #[error("end: the server is shutting down")]
    Stopped,
}

/// Registers addresses with vendors.
pub struct Registrations {
    machine: Arc<Machine>,
    api: Api,
    /// Where vendors reach this server.
    public: String,
    busy: Mutex<BTreeSet<IntegrationId>>,
}

/// Whose errand it is.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The organisation.
    pub org: OrgId,
    /// The integration.
    pub id: IntegrationId,
    /// Who asked for it.
    pub by: String,
}

/// The right to run an errand for an integration, until it is dropped.
struct Turn(Arc<Registrations>, IntegrationId);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

impl Registrations {
    /// Registers addresses below `public` by the vendors' interfaces.
    #[must_use]
    pub const fn new(machine: Arc<Machine>, api: Api, public: String) -> Self {
        Self { machine, api, public, busy: Mutex::new(BTreeSet::new()) }
    }

    /// Registers an integration's address with its vendor. With `replace` also what leads to another address now.
    ///
    /// # Errors
    /// When the integration cannot be read or written, or has an errand under way. What the vendor does not do is told
    /// in the report.
    pub async fn register(self: Arc<Self>, errand: Errand, replace: bool) -> Result<Report, RegisterError> {
        let turn = self.turn(errand.id)?;
        let run = async move {
            let report = self.run(&errand, replace).await;
            drop(turn);
            report
        };
        tokio::spawn(run).await.map_err(|_| RegisterError::Stopped)?
    }

    async fn run(&self, errand: &Errand, replace: bool) -> Result<Report, RegisterError> {
        let (integration, mut site) = self.site(errand).await?;
        site.replace = replace;
        let vendor = integration.vendor.as_str();
        let failed = |site: &Site, check: &str, why: String| Ok(Report::failed(site, vendor, check, why));
        let Some(of) = registrar(vendor) else {
            return failed(&site, "interface", report::no_interface(vendor));
        };
        if !integration.active {
            let why = "begin: the integration is shut down; save it with `active: true` first";
            return failed(&site, "active", why.to_owned());
        }
        if let Err(why) = of.ready(&site) {
            return failed(&site, "credentials", format!("call {vendor}: {why}"));
        }
        let mut wire = self.wire(of);
        if let Err(why) = wire.sign_in(&mut site).await {
            return failed(&site, "credentials", why);
        }
        let found = match wire.found(&site).await {
            Ok(found) => found,
            Err(why) => return failed(&site, "credentials", why),
        };
        let before = match of.before(&site, &found) {
            Ok(before) => before,
            Err(why) => return failed(&site, "registration", why),
        };
        self.store(errand, &before, Keep::put).await?;
        let changed = match wire.change(&site, &found).await {
            Ok(done) => of.outcome(&site, &found, &done).map(|outcome| (outcome, done)),
            Err(why) => Err(why),
        };
        let (Outcome { id, keep }, done) = match changed {
            Ok(changed) => changed,
            Err(why) => {
                self.store(errand, &before, Keep::take).await?;
                return failed(&site, "registration", why);
            }
        };
        self.store(errand, &keep, Keep::put).await?;
        info!(org = %errand.org, vendor, "an integration was registered with its vendor");
        let mut checks = vec![Check::of_address(&site.address), Check::passed("credentials", None)];
        checks.extend(Check::of_parts(&done));
        checks.extend(match wire.found(&site).await {
            Ok(found) => Check::of_found(&found),
            Err(why) => vec![Check::failed("registered", format!("failed to {why}"))],
        });
        Ok(Report {
            registered: true,
            webhook_url: site.address,
            vendor_webhook_id: id,
            checks,
            ..Report::default()
        })
    }

    /// Takes an integration's address away from its vendor, where that can be done.
    pub async fn unregister(self: Arc<Self>, errand: Errand) -> Removal {
        let turn = match self.turn(errand.id) {
            Ok(turn) => turn,
            Err(why) => return Removal { unregistered: false, why: Some(format!("failed to {why}")) },
        };
        let run = async move {
            let removed = self.remove(&errand).await;
            drop(turn);
            removed
        };
        let removed = tokio::spawn(run).await.unwrap_or_else(|_| Err(RegisterError::Stopped.to_string()));
        match removed {
            Ok(0) => {
                Removal { unregistered: false, why: Some("the vendor does not have the address".to_owned()) }
            }
            Ok(_) => Removal { unregistered: true, why: None },
            Err(why) => Removal { unregistered: false, why: Some(format!("failed to {why}")) },
        }
    }

    async fn remove(&self, errand: &Errand) -> Result<usize, String> {
        let (integration, mut site) = self.site(errand).await.map_err(|error| error.to_string())?;
        let mut wire = self.ready(&integration, &mut site).await?;
        let found = wire.found(&site).await?;
        wire.remove(&site, &found).await
    }

    /// Asks the vendor what it has of an integration's address.
    ///
    /// # Errors
    /// When the integration cannot be read. What the vendor does not tell is told so.
    pub async fn standing(&self, errand: &Errand) -> Result<Standing, RegisterError> {
        let (integration, mut site) = self.site(errand).await?;
        let found = match self.ready(&integration, &mut site).await {
            Ok(mut wire) => wire.found(&site).await,
            Err(why) => Err(why),
        };
        Ok(match found {
            Ok(found) => Standing::of(&integration.vendor, &site, &found),
            Err(why) => Standing::unknown(&integration.vendor, &site, &why),
        })
    }

    /// Asks the vendor whether it takes an integration's credentials, by a call that changes nothing.
    ///
    /// # Errors
    /// When the integration cannot be read.
    pub async fn credited(&self, errand: &Errand) -> Result<Credited, RegisterError> {
        let (integration, mut site) = self.site(errand).await?;
        let vendor = integration.vendor.clone();
        let Some(of) = registrar(&vendor) else {
            let why = Some(format!("failed to {}", report::no_interface(&vendor)));
            return Ok(Credited { vendor, why, ..Credited::default() });
        };
        let account = match self.ready(&integration, &mut site).await {
            Ok(mut wire) => {
                let (ask, at) = of.account(&site);
                wire.ask(&site, ask).await.map(|answer| text(&answer, at))
            }
            Err(why) => Err(why),
        };
        let (ok, why) = (Some(account.is_ok()), account.as_ref().err().map(|why| format!("failed to {why}")));
        Ok(Credited { vendor, ok, why, account: account.ok().filter(|account| !account.is_empty()) })
    }

    /// What is ready to ask the vendor.
    async fn ready(&self, integration: &Integration, site: &mut Site) -> Result<Wire, String> {
        let vendor = &integration.vendor;
        let of = registrar(vendor).ok_or_else(|| report::no_interface(vendor))?;
        of.ready(site).map_err(|why| format!("call {vendor}: {why}"))?;
        let mut wire = self.wire(of);
        wire.sign_in(site).await?;
        Ok(wire)
    }

    fn wire(&self, of: &'static dyn Registrar) -> Wire {
        Wire::new(self.api.clone(), of, self.machine.house.clock.clone())
    }

    fn turn(self: &Arc<Self>, id: IntegrationId) -> Result<Turn, RegisterError> {
        let is_free = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        if is_free { Ok(Turn(self.clone(), id)) } else { Err(RegisterError::Busy) }
    }

    async fn site(&self, errand: &Errand) -> Result<(Integration, Site), IntegrationError> {
        let integration = self.machine.inbound.integrations.get(&errand.org, errand.id).await?;
        let credentials = self.machine.inbound.integrations.credentials(&errand.org, errand.id).await?;
        let site = Site {
            address: webhook_url(&self.public, &integration),
            credentials,
            settings: integration.settings.clone(),
            fresh: random::secret(),
            replace: false,
            token: String::new(),
        };
        Ok((integration, site))
    }

    /// Changes what is stored of an integration, as it is stored at that moment.
    async fn store(
        &self,
        errand: &Errand,
        keep: &Keep,
        change: fn(&Keep, &mut Integration, &mut Credentials),
    ) -> Result<(), IntegrationError> {
        if keep.is_empty() {
            return Ok(());
        }
        let mut attempt = 1;
        loop {
            let mut integration = self.machine.inbound.integrations.get(&errand.org, errand.id).await?;
            let mut credentials =
                self.machine.inbound.integrations.credentials(&errand.org, errand.id).await?;
            change(keep, &mut integration, &mut credentials);
            integration.by.clone_from(&errand.by);
            integration.updated_at = self.machine.house.clock.now();
            match self.machine.inbound.integrations.save(&integration, &credentials).await {
                Err(IntegrationError::Change(_)) if attempt < ATTEMPTS => attempt += 1,
                saved => return saved,
            }
        }
    }
}

/// The names of the credentials that a vendor's interface is called with; none where none takes our address.
#[must_use]
pub fn credentials(vendor: &str) -> &'static [&'static str] {
    registrar(vendor).map_or(&[], Registrar::credentials)
}

fn registrar(vendor: &str) -> Option<&'static dyn Registrar> {
    ALL.into_iter().find(|of| of.vendor() == vendor)
}

impl Keep {
    /// Puts it into an integration. What it replaces is tried for a while longer.
    fn put(&self, integration: &mut Integration, credentials: &mut Credentials) {
        if let Some(secret) = &self.secret {
            credentials.rotate(secret.clone());
        }
        if let Some(key) = &self.public_key {
            credentials.public_keys.retain(|kept| kept != key);
            credentials.public_keys.insert(0, key.clone());
            credentials.public_keys.truncate(MOST_SECRETS);
        }
        for (name, value) in &self.settings {
            integration.settings.insert((*name).to_owned(), value.as_str().into());
        }
    }

    /// Takes it out again, unless something else stands in its place by now.
    fn take(&self, integration: &mut Integration, credentials: &mut Credentials) {
        credentials.secrets.retain(|kept| Some(kept) != self.secret.as_ref());
        credentials.public_keys.retain(|kept| Some(kept) != self.public_key.as_ref());
        for (name, value) in &self.settings {
            if integration.settings.get(*name).is_some_and(|kept| kept == value.as_str()) {
                integration.settings.remove(*name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::named;

    #[test]
    fn each_registrar_is_of_a_vendor_and_says_what_it_needs() {
        for of in ALL {
            assert_eq!(named(of.vendor()).map(crate::vendors::Vendor::name), Some(of.vendor()));
            let why = of.ready(&testing::site(&[], &[])).unwrap_err();
            assert!(why.starts_with("the integration has no `"), "{}: {why}", of.vendor());
            for base in [Some(of.account(&testing::site(&[], &[])).0), of.token(&testing::site(&[], &[]))] {
                assert!(base.is_none_or(|ask| crate::connect::api::is_known(ask.base)), "{}", of.vendor());
            }
        }
    }
}
