//! The edges of appengine and its command line: everything that touches a network, a disk or a person.

pub mod ai;
pub mod app;
pub mod auth;
pub mod cli;
pub mod commands;
pub mod config;
pub mod connect;
pub mod demo;
pub mod event_types;
pub mod files;
pub mod gateway;
pub mod http;
pub mod monitor;
pub mod outbound;
pub mod problem;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod vendors;
