//! `token` and `user add`: identities from the command line.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context;
use appengine_actors::clock::{Clock, SystemClock};
use appengine_actors::ids::{Datatype, OrgId, RecordId};

use super::house::{OpenHouse, enter};
use super::say;
use crate::app::{App, Foundation, make_tokens};
use crate::auth::principal::Kind;
use crate::auth::role::Role;
use crate::auth::sealing::RootSecret;
use crate::auth::token::Identity;
use crate::cli::{Token, UserAdd};
use crate::config::Config;
use crate::store::folder::{Folder, FolderError, read_secret};

/// Prints a token, alone on its line: beside a running server, or before there is one.
///
/// # Errors
/// When the data folder's secret cannot be read.
pub fn token(config: &Config, asked: &Token) -> anyhow::Result<()> {
    let secret = match read_secret(&config.store.path) {
        Err(FolderError::NoSecret { .. }) => {
            let made = Folder::hold(&config.store.path).and_then(|folder| folder.secret());
            if made.is_ok() {
                let path = std::path::absolute(&config.store.path)?;
                super::note(&format!(
                    "made a secret in {}; the token is good for a server with this store.path",
                    path.display()
                ));
            }
            made
        }
        found => found,
    };
    let secret = secret.map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    let tokens = make_tokens(config, &RootSecret::new(secret.expose())?)?;
    let org: OrgId = asked.org.parse()?;
    let kind = if asked.customer { Kind::Customer } else { Kind::User };
    let roles = if asked.customer { vec![Role::Customer] } else { vec![asked.role] };
    let now = SystemClock::new().now();
    let email = asked.email.to_lowercase();
    let who = Identity {
        org,
        // Made up: the person is found by address, or comes to be with this id at the token's first use.
        id: RecordId::generate(&Datatype::new(kind.name())?, now),
        name: asked.name.clone().unwrap_or_else(|| email.clone()),
        email: Some(email),
        kind,
        roles,
        session: None,
    };
    let life = asked.expires.map_or(config.auth.access_token_life.get(), crate::config::HumanDuration::get);
    let token = tokens.sign(&who, life, now)?;
    say(&format!("{token}\n"))
}

/// Adds staff to a store that no server uses, and prints the password made up for them.
///
/// # Errors
/// When a server runs, or the address is taken.
pub fn add(config: Config, asked: &UserAdd) -> anyhow::Result<()> {
    let password = if asked.password_stdin {
        let mut text = String::new();
        std::io::stdin().take(1024).read_to_string(&mut text).context("failed to read the password")?;
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    } else {
        None
    };
    let org: OrgId = asked.org.parse()?;
    let (email, role) = (asked.email.clone(), asked.role);
    let OpenHouse { store, secret, folder } = enter(&config)?;
    let added = actix::System::new().block_on(async move {
        // The whole program on a port that nobody knows: a person is added as every change is made.
        let listener = TcpListener::bind("127.0.0.1:0").context("failed to find a port")?;
        let clock = Arc::new(SystemClock::new());
        let (app, futures) = App::start(Foundation {
            config,
            store,
            secret,
            clock,
            listener,
            first_link_life: None,
            transport: None,
        })
        .await?;
        // It takes part in its own end: one that is not run is waited for in vain.
        let server = actix::spawn(futures.server);
        let added = app.accounts.add_user(&org, &email, &[role], password.as_deref()).await;
        app.stop().await;
        let _ = server.await;
        anyhow::Ok(added.map_err(|error| anyhow::anyhow!("failed to {error}"))?)
    })?;
    drop(folder);
    let email = added.person.email().unwrap_or_default();
    let password = added.made_password.map(|password| format!("\npassword: {password}")).unwrap_or_default();
    say(&format!("added {email} to {}{password}\n", added.person.org))
}
