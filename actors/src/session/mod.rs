//! Sessions: what people take part in together, as it happens. Each session is an actor that orders what is said in
//! it and stores it before anybody hears it; [`hall`] knows who is here to hear it, and a [`seat`] is one of them.
//!
//! In reading order: [`person`] is who takes part and [`people`] those with an account, [`seat`] one client of theirs, [`hall`] all of these by what they
//! hear and [`presence`] by where they are; [`chat`] is the conversations of customers and staff, [`desk`] who answers in
//! which. What happens in conversations reaches the desks by the [`board`], and the [`opener`] opens them. [`stream`] is the answers of
//! language models.

pub mod board;
pub mod chat;
pub mod community;
pub mod desk;
pub mod hall;
pub mod line;
pub mod opener;
pub mod people;
pub mod person;
pub mod presence;
pub mod replay;
pub mod seat;
mod sessions;
pub mod stream;
pub mod visits;

pub use sessions::Sessions;
