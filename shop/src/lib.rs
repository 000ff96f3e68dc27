//! The local world: four services, registry, gateway and the supervisor of their processes.
//!
//! Each process is one of `rushhour serve <role>`; what they say to each other is in [`protocol`].

pub mod audit;
mod clock;
pub mod database;
mod error;
mod gateway;
mod http;
pub mod process;
pub mod protocol;
pub mod registry;
mod service;
mod supervisor;
#[cfg(test)]
mod testing;
mod world;

pub use audit::AuditFindings;
pub use clock::Clock;
pub use database::{DatabaseError, Databases};
pub use error::ShopError;
pub use http::ExchangeError;
pub use world::{LocalPlan, LocalWorld, Source, Target, WorldEvent};

use protocol::Role;

/// Serves one process of the shop: reads its configuration from standard input, listens, says where, and serves until
/// standard input closes.
///
/// # Errors
/// If there is no good configuration, or the address is not to be had.
pub fn serve(role: Role) -> Result<(), ShopError> {
    let config = process::read_config()?;
    if config.role != role {
        let given = config.role;
        return Err(ShopError::Config(format!("it is for {given}, not {role}")));
    }
    process::end_with_parent()?;
    process::raise_file_limit();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ShopError::io("starting the runtime"))?
        .block_on(async {
            let listener = process::listen(config.listen).await?;
            process::announce(&listener)?;
            match role {
                Role::Registry => registry::run(config, listener).await,
                Role::Gateway => gateway::run(config, listener).await,
                Role::Auth | Role::Catalogue | Role::Order | Role::Payment | Role::Service => {
                    service::run(config, listener).await?;
                }
            }
            Ok(())
        })
}
