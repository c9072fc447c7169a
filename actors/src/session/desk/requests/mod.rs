//! What people ask of a desk.

mod actor;
