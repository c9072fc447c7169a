//! Records: the model.
pub mod model;
