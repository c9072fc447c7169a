//! How requests leave this server for addresses that tenants chose: the address guard, the resolver that
//! enforces it inside the connector, and the HTTP transport. Decides nothing about deliveries; implements
//! the ports of `appengine-actors`.

mod classify;
mod clients;
pub mod guard;
pub mod http;
mod phases;
pub mod resolver;
pub mod smtp;
#[cfg(test)]
mod testing;
mod tls;
pub mod url_rules;
