//! Opens the data folder for those commands that work on it alone.

use std::sync::Arc;

use anyhow::Context;
use appengine_actors::store::Store;

use crate::config::Config;
use crate::store::folder::Folder;
use crate::store::{Options, open};

/// The data folder, held so that no other process uses it, with its store and its secret.
pub struct OpenHouse {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What tokens and sealed secrets are derived from.
    pub secret: Vec<u8>,
    /// Held to the end.
    pub folder: Folder,
}

/// How the store is opened.
pub fn options(config: &Config) -> Options {
    Options {
        durability: config.store.durability,
        cache_bytes: config.store.cache.bytes(),
        queue: config.store.queue,
        ..Options::default()
    }
}

/// Makes the data folder if need be, holds it, and opens what is in it.
///
/// # Errors
/// When another process holds it, or it cannot be read.
pub fn enter(config: &Config) -> anyhow::Result<OpenHouse> {
    let folder = Folder::hold(&config.store.path).map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    let secret = folder.secret().map_err(|error| anyhow::anyhow!("failed to {error}"))?;
    let store = open(&folder.store(), &options(config)).map_err(|error| anyhow::anyhow!("failed to {error}"));
    let store = store.context("the store does not open")?;
    Ok(OpenHouse { store, secret: secret.expose().to_vec(), folder })
}
