//! The waker: wakes streams that go on and are not awake.

mod actor;

pub use actor::WakerActor;
