//! Sessions: what people take part in together, as it happens. Each session is an actor that orders what is said in
//! it and stores it before anybody hears it; [`hall`] knows who is here to hear it, and a [`seat`] is one of them.
//!
//! In reading order: [`person`] is who takes part, [`seat`] one client of theirs, [`hall`] all of these, and
//! [`chat`] the conversations of customers and staff.

pub mod chat;
pub mod community;
pub mod hall;
pub mod line;
pub mod person;
pub mod replay;
pub mod seat;
