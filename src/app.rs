//! Puts the program together: the only file that knows every part. A server in a test and the one that
//! an operator runs differ in what is passed in here, and in nothing else.

mod ai;
mod files;
mod mail;
mod settings;
mod transport;
mod vendors;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use actix_server::{Server, ServerHandle};
use actix_web::web;
use anyhow::Context;
use appengine_actors::bus::listeners::ListenersBuilder;
use appengine_actors::clock::{Clock, Stamp, Stamper, timeout};
use appengine_actors::event::Event;
use appengine_actors::feed::{Feed, LostHints};
use appengine_actors::house::House;
use appengine_actors::ids::RecordId;
use appengine_actors::keys;
use appengine_actors::log::EventLog;
use appengine_actors::machine::{Ended, Machine};
use appengine_actors::mail::KIND as SEND_MAIL;
use appengine_actors::ports::{Publisher, Vault};
use appengine_actors::queue::worker::Handlers;
use appengine_actors::session::board::Board;
use appengine_actors::session::hall::Hall;
use appengine_actors::session::presence::Presence;
use appengine_actors::session::stream::Running;
use appengine_actors::store::{Store, decode};
use appengine_actors::supervision::Registry;
use appengine_actors::trace::Traces;
use appengine_actors::webhook::counts::DeliveryCounts;
use appengine_actors::webhook::deliveries::Deliveries;
use appengine_actors::webhook::transport::Transport;
use futures_util::FutureExt;
use futures_util::future::Shared;

use self::settings::settings;
use crate::auth::accounts::owners::Owners;
use crate::auth::accounts::start::FirstOwner;
use crate::auth::accounts::{Accounts, Parts, Rules};
use crate::auth::gate::Gate;
use crate::auth::password::Passwords;
use crate::auth::principal::Kind;
use crate::auth::sealing::{RootSecret, SigningKey};
use crate::auth::seen::Seen;
use crate::auth::sockets::SocketGate;
use crate::auth::token::Tokens;
use crate::config::Config;
use crate::connect::register::Registrations;
use crate::connect::translator::Vendors;
use crate::event_types::EventTypes;
use crate::gateway::{Around, Gateway, GatewayLimits, Origins, ServeOptions, serve, shutdown};
use crate::http::ai::tools::ServerTools;
use crate::http::around::{Outermost, around};
use crate::http::key_limits::KeyLimits;
use crate::http::metrics::Metrics;
use crate::http::rate::RateLimits;
use crate::http::take::BodyLimits;
use crate::monitor::Monitor;
use crate::sync::driver::Driver;

/// People and keys that the gate remembers between requests.
const SEEN: usize = 100_000;
/// How long a request may wait for the machine before it is answered 503.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the actors have to stop when the grace is used up.
const STOPPING: Duration = Duration::from_millis(500);

/// What the program is put together from.
pub struct Foundation {
    /// The configuration.
    pub config: Config,
    /// Where everything durable is.
    pub store: Arc<dyn Store>,
    /// The data folder's secret.
    pub secret: Vec<u8>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where clients come in.
    pub listener: TcpListener,
    /// Make the configured organisation and its owner, with a link that lives so long, if the store holds
    /// no organisation at all: before anybody can come in.
    pub first_link_life: Option<Duration>,
    /// How requests leave; over the network if nothing is given.
    pub transport: Option<Arc<dyn Transport>>,
}

/// A running server.
pub struct App {
    /// Where clients come in.
    pub address: SocketAddr,
    /// The machine behind the edges.
    pub machine: Arc<Machine>,
    /// People and keys.
    pub accounts: Arc<Accounts>,
    /// Makes tokens.
    pub tokens: Arc<Tokens>,
    /// The owner that was made at this first start.
    pub first_owner: Option<FirstOwner>,
    gateway: Gateway,
    server: ServerHandle,
    clock: Arc<dyn Clock>,
    grace: Duration,
    arbiters: Vec<Arbiter>,
    ended: Shared<Ended>,
}

/// What a running server is waited for with: the edges and the machine.
pub struct Futures {
    /// Ends when the edges have stopped.
    pub server: Server,
    /// Ends when the machine has: with the reason if that was beyond its budget of restarts.
    pub machine: Ended,
}

impl App {
    /// Starts everything.
    ///
    /// # Errors
    /// When a part cannot be made; nothing is left running then.
    pub async fn start(foundation: Foundation) -> anyhow::Result<(Self, Futures)> {
        let Foundation { config, store, secret, clock, listener, first_link_life, transport } = foundation;
        let address = listener.local_addr().context("failed to read the listener's address")?;
        let root = RootSecret::new(&secret)?;
        let tokens = Arc::new(make_tokens(&config, &root)?);
        let vault: Arc<dyn Vault> = match config.store.encryption_key.expose() {
            "" => Arc::new(root.vault()?),
            own => Arc::new(RootSecret::new(own.as_bytes())?.vault()?),
        };
        let stamp: Stamp = match store.get(keys::latest_stamp()).await? {
            Some(found) => decode(&found.value)?,
            None => Stamp::default(),
        };
        let to_vendors = match transport.clone() {
            Some(transport) => transport,
            None => self::transport::to_vendors(&config)?,
        };
        let transport = match transport {
            Some(transport) => transport,
            None => self::transport::transport(&config)?,
        };
        let files = self::files::files(&config, &store, &clock);
        let links = Arc::new(self::files::links(&config, &root, address, &clock)?);
        let monitor = Arc::new(Monitor::new(clock.clone()));
        let counting = monitor.clone();
        let seen = Arc::new(Seen::new(SEEN));
        let forgetting = seen.clone();
        let listeners = ListenersBuilder::default().on_every(move |event: Arc<Event>| {
            counting.count(&event);
            forget_changed_people(&forgetting, &event);
            std::future::ready(Ok(()))
        });
        let api = vendors::api(&config, to_vendors);
        let (models, connected) = self::ai::models(&config, api.clone())?;
        let (driver, translator) = (Driver::new(api.clone()), Vendors::default());
        let tools = ServerTools::new(connected.clone());
        let house = House {
            store: store.clone(),
            clock: clock.clone(),
            stamper: Stamper::new(clock.clone(), stamp),
            registry: Registry::new(clock.clone()),
            feed: Feed::default(),
            hall: Hall::default(),
            board: Board::default(),
            presence: Presence::default(),
            hints: LostHints::default(),
            deliveries: DeliveryCounts::default(),
            transport,
            vault,
            links: links.clone(),
            keeper: Arc::new(Owners::new(store.clone())?),
            translator: Arc::new(translator.clone()),
            syncer: Arc::new(driver.clone()),
            model: Arc::new(models.clone()),
            tools: Arc::new(tools.clone()),
            answers: Running::default(),
            handlers: Handlers::default().with(SEND_MAIL, mail::mail(&config.mail, &clock)?),
            settings: settings(&config)?,
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = |configured: usize| if configured == 0 { cores } else { configured };
        let arbiters: Vec<Arbiter> = (0..count(config.actors.arbiters)).map(|_| Arbiter::new()).collect();
        let handles = arbiters.iter().map(Arbiter::handle).collect();
        let (machine, ended) = Machine::start(house, listeners.build(), handles)?;
        let machine = Arc::new(machine);
        vendors::read_listings(&driver, &machine, api.clone());
        vendors::confirm(&translator, &machine, api.clone());
        models.take_machine(&machine);
        tools.take_machine(&machine);
        // It runs from here on: the first owner is made by it.
        let ended = actix::spawn(ended);
        actix::spawn(machine.inbound.syncs.clone().keep());
        let ended = async move { ended.await.unwrap_or_else(|_| Err("its task ended".to_owned())) };
        let ended: Shared<Ended> = ended.boxed().shared();
        actix::spawn(monitor.clone().watch(machine.clone()));

        let accounts = Arc::new(Accounts::new(Parts {
            store: store.clone(),
            publisher: machine.publisher.clone(),
            clock: clock.clone(),
            tokens: tokens.clone(),
            passwords: Passwords::new(cores, 64),
            seen: seen.clone(),
            rules: Rules::from(&config.auth),
        })?);
        actix::spawn(accounts.clone().keep_uses());
        let first_owner = match first_link_life {
            Some(life) => {
                let org = config.auth.default_org.parse()?;
                let made = accounts.first_start(&org, &config.auth.owner_email, life).await;
                made.map_err(|error| anyhow::anyhow!("failed to {error}"))?
            }
            None => None,
        };
        vendors::declare(&config, &machine).await?;
        let gate =
            Arc::new(Gate::new(tokens.clone(), accounts.clone(), accounts.clone(), seen, clock.clone()));
        let origins = Arc::new(Origins::new(&config.server.cors_origins)?);
        let socket_gate = Arc::new(SocketGate(gate.clone()));
        let gateway = Gateway::new(
            gateway_limits(&config),
            origins.clone(),
            socket_gate,
            clock.clone(),
            machine.sessions.clone(),
        );
        let options = serve_options(&config, count(config.server.workers), origins.clone());
        let grace = config.server.shutdown_grace.get();

        let receiver = web::Data::new(vendors::receiver(&config, &machine, api.clone())?);
        let public_url = web::Data::new(vendors::public_url(&config, address));
        let connections = vendors::connections(&config, &machine, &root, api.clone(), &public_url)?;
        let connections = web::Data::new(connections);
        let registrations = web::Data::new(Registrations::new(machine.clone(), api, public_url.0.clone()));
        let body = BodyLimits { bytes: config.limits.body.as_usize(), depth: config.limits.json_depth };
        let shared = (
            web::Data::from(machine.clone()),
            web::Data::from(accounts.clone()),
            web::Data::from(gate),
            web::Data::from(monitor),
            web::Data::new(gateway.clone()),
            web::Data::new(Metrics::default()),
            web::Data::new(KeyLimits::new(clock.clone())),
            web::Data::new(config),
        );
        let publisher: web::Data<Arc<dyn Publisher>> = web::Data::new(machine.publisher.clone());
        let records = web::Data::new(machine.records.clone());
        let flows = web::Data::new(machine.flows.clone());
        let event_types = web::Data::new(EventTypes::new(store.clone()));
        let files = web::Data::new(files);
        let links = web::Data::from(links);
        let connected = web::Data::new(connected);
        let routes = move |app: &mut web::ServiceConfig| {
            let (machine, accounts, gate, monitor, gateway, metrics, keys, config) = shared.clone();
            app.app_data(machine).app_data(accounts).app_data(gate).app_data(monitor);
            app.app_data(gateway).app_data(metrics).app_data(keys).app_data(config);
            app.app_data(publisher.clone()).app_data(records.clone()).app_data(flows.clone());
            app.app_data(web::Data::new(EventLog::new(store.clone())));
            app.app_data(web::Data::new(Traces::new(store.clone())));
            app.app_data(web::Data::new(Deliveries::new(store.clone())));
            app.app_data(event_types.clone()).app_data(files.clone()).app_data(links.clone());
            app.app_data(receiver.clone()).app_data(public_url.clone());
            app.app_data(registrations.clone()).app_data(connections.clone());
            app.app_data(web::Data::new(body)).app_data(connected.clone());
            crate::http::configure(app);
        };
        let server = serve(listener, &gateway, &options, routes).context("failed to listen")?;
        let handle = server.handle();
        let app = Self {
            address,
            machine,
            accounts,
            tokens,
            first_owner,
            gateway,
            server: handle,
            clock,
            grace,
            arbiters,
            ended: ended.clone(),
        };
        Ok((app, Futures { server, machine: ended.boxed() }))
    }

    /// Brings everything to rest: the edges refuse, requests and jobs under way finish within the grace, which
    /// is one for all of them, then the actors stop. What did not finish is taken up at the next start.
    pub async fn stop(self) {
        let deadline = self.clock.elapsed().saturating_add(self.grace);
        // Side by side: a client that never finishes its request takes no time from a webhook under way.
        let edges = shutdown(&self.server, &self.gateway, self.grace / 3);
        let drained = timeout(self.clock.as_ref(), self.grace, self.machine.drain());
        let (left, drained) = futures_util::future::join(edges, drained).await;
        if left > 0 {
            tracing::info!(left, "connections were cut");
        }
        if drained.is_none() {
            tracing::warn!("jobs were still running at the deadline; the next start takes them up");
        }
        let left = deadline.saturating_sub(self.clock.elapsed()).max(STOPPING);
        if timeout(self.clock.as_ref(), left, self.accounts.write_uses()).await.is_none() {
            tracing::warn!("how API keys were used lately could not be written in time");
        }
        self.machine.stop();
        drop(self.machine);
        // The supervisors first: one that outlives its children would start them again.
        let left = deadline.saturating_sub(self.clock.elapsed()).max(STOPPING);
        let _ = timeout(self.clock.as_ref(), left, self.ended).await;
        for arbiter in self.arbiters {
            arbiter.stop();
            // Its thread holds the actors, and they the store, which flushes when the last of them is gone.
            if web::block(move || arbiter.join()).await.is_err() {
                tracing::warn!("an arbiter's thread could not be waited for");
            }
        }
    }
}

/// The gate must look anew at people whose records changed: they may be gone.
fn forget_changed_people(seen: &Seen, event: &Event) {
    if !matches!(event.kind.as_str(), "collection-update" | "collection-delete") {
        return;
    }
    let field = |name: &str| event.data["data"][name].as_str();
    let kinds = [Kind::User, Kind::Customer, Kind::Guest, Kind::App];
    let kind = kinds.into_iter().find(|kind| field("datatype") == Some(kind.name()));
    if let (Some(kind), Some(Ok(id))) = (kind, field("sk").map(RecordId::new)) {
        seen.forget(&event.org_id, kind, &id);
    }
}

/// What signs and reads tokens: by the configured secret, or by the data folder's.
///
/// # Errors
/// When the configured secret is too short.
pub fn make_tokens(config: &Config, root: &RootSecret) -> anyhow::Result<Tokens> {
    let key = match config.auth.signing_secret.expose() {
        "" => root.signing_key()?,
        own => SigningKey::configured(own)?,
    };
    Ok(Tokens::new(&key, &config.auth.issuer))
}

fn gateway_limits(config: &Config) -> GatewayLimits {
    let sockets = &config.sockets;
    GatewayLimits {
        max_payload: sockets.max_payload.as_usize(),
        ws_max_message: sockets.max_payload.as_usize(),
        ws_max_frame: sockets.max_payload.as_usize(),
        max_buffered_packets: sockets.buffered_packets,
        ping_interval: sockets.ping_interval.get(),
        ping_timeout: sockets.ping_timeout.get(),
        events_per_second: sockets.events_per_second,
        max_connections: sockets.max_connections,
        ..GatewayLimits::default()
    }
}

fn serve_options(config: &Config, workers: usize, origins: Arc<Origins>) -> ServeOptions {
    let (server, limits) = (&config.server, &config.limits);
    let rates = RateLimits::new(limits, server.trusted_proxies.clone());
    let outermost = Arc::new(Outermost { rates, origins });
    let outermost: Around = Arc::new(move |request, next| Box::pin(around(outermost.clone(), request, next)));
    ServeOptions {
        workers,
        max_http_connections: (limits.connections / workers).max(1),
        request_timeout: server.header_timeout.get(),
        keep_alive: server.keep_alive.get(),
        // What the gateway leaves of it; the server counts whole seconds, and none would cut everybody off.
        shutdown_timeout: (server.shutdown_grace.get() * 2 / 3).max(Duration::from_secs(1)),
        around: Some(outermost),
    }
}
