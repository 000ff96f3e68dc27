//! The local world: four services, registry, gateway and the supervisor of their processes.
