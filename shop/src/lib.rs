//! The local world: four services, registry, gateway and the supervisor of their processes.
//!
//! Each process is one of `rushhour serve <role>`; what they say to each other is in [`protocol`].

mod clock;
mod error;
pub mod process;
pub mod protocol;

pub use clock::Clock;
pub use error::ShopError;
