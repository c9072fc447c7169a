//! Who somebody is and what they may do.

pub mod api_key;
pub mod input;
pub mod principal;
mod random;
pub mod refusal;
pub mod role;
pub mod scope;
pub mod sealing;
pub mod token;
