//! The bus: one batch for a change and all that follows from it, and nobody else's trouble is its own.

mod commits;
mod flows;
mod keeper;
mod listeners;
mod loops;
