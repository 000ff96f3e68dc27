//! The local world: the shop as processes on this machine, to be loaded, observed and scaled.

mod closely;
mod faults;
mod scrape;
mod source;
mod state;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Grid, Timestamp, Window};
use scaler::Live;
use scenarios::Scenario;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::ShopError;
use crate::protocol::{ChildConfig, Role, Shop, Snapshot};
use crate::registry::{Part, RegistryClient, follow};
use crate::supervisor::{Kept, Surroundings, keep};
use state::{Shared, WorldClock};

pub use source::{Source, Target};

/// How long the starting replicas may take until all are ready.
const READY: Duration = Duration::from_secs(60);
/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(20);

/// How the local world is to be.
#[derive(Clone, Debug)]
pub struct LocalPlan {
    /// The scenario, already at its speed.
    pub scenario: Arc<Scenario>,
    /// The instant of the scenario's time 0, in the world's own time.
    pub start: Timestamp,
    /// Where windows lie.
    pub grid: Grid,
    /// The run's number, which `traceparent` carries.
    pub run: u32,
    /// A folder of the run's own, for databases and the processes' log.
    pub folder: PathBuf,
    /// This program.
    pub executable: PathBuf,
    /// Where each service keeps its state: `sqlite:PATH` or `postgres://…`, by service.
    pub databases: BTreeMap<String, String>,
}

/// What happens in the local world.
#[derive(Clone, Debug)]
pub enum WorldEvent {
    /// A piece of a window: what the gateway counted, and how the workloads are.
    Window(Window),
    /// Something broke.
    Fault {
        /// When.
        at: Timestamp,
        /// How long it lasts; zero for what happens at once.
        lasts: Duration,
        /// The service it hit, if it hit one.
        service: Option<String>,
        /// What happened, for people.
        what: String,
    },
}

/// The processes that are always there.
#[derive(Debug)]
struct Keepers {
    registry: Kept,
    gateway: Kept,
}

/// The running shop. When it is dropped, all its processes end.
#[derive(Debug)]
pub struct LocalWorld {
    shared: Arc<Shared>,
    keepers: Arc<Keepers>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    grid: Grid,
    /// Services that are looked at every second.
    closely: Vec<String>,
}

impl LocalWorld {
    /// Starts registry, gateway and the starting replicas, and waits until these are ready. Events come through the
    /// receiver. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the scenario has no services, or something cannot be started.
    pub async fn start(
        plan: LocalPlan,
    ) -> Result<(Self, mpsc::UnboundedReceiver<WorldEvent>), ShopError> {
        check(&plan.scenario)?;
        let (events, receiver) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let log = plan.folder.join("shop.log");
        let shop = Shop::of(&plan.scenario);
        let (ended, ends) = mpsc::unbounded_channel();
        let keepers = keepers(&plan, &shop, &log, &stopped, &ended).await?;
        let surroundings = Surroundings {
            executable: plan.executable,
            log,
            registry: keepers.registry.address,
            gateway: keepers.gateway.address,
            run: plan.run,
            shop,
        };
        let clock = WorldClock {
            start: plan.start,
            begin: Instant::now() + READY,
        };
        let shared = Shared::new(
            plan.scenario,
            Arc::new(surroundings),
            plan.databases,
            events,
            clock,
        );
        let mut world = Self {
            shared: Arc::new(shared),
            keepers: Arc::new(keepers),
            stop,
            tasks: JoinSet::new(),
            grid: plan.grid,
            closely: Vec::new(),
        };
        world.begin_to_watch(ends);
        world.shared.start_first_replicas();
        world.wait_until_ready().await?;
        Ok((world, receiver))
    }

    fn begin_to_watch(&mut self, mut ends: mpsc::UnboundedReceiver<String>) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            while let Some(what) = ends.recv().await {
                shared.tell(None, what, Duration::ZERO);
            }
        });
        let (shared, keepers) = (Arc::clone(&self.shared), Arc::clone(&self.keepers));
        let address = self.keepers.registry.address;
        let (reborn, mut births) = watch::channel(0);
        self.tasks.spawn(async move {
            let learn = |news: Snapshot| {
                shared.learn(&news);
                reborn.send_if_modified(|epoch| std::mem::replace(epoch, news.epoch) != news.epoch);
            };
            follow(RegistryClient::new(address), Part::All, None, learn).await;
        });
        // A registry that was started again has forgotten which faults there are.
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            while births.changed().await.is_ok() {
                faults::publish_all(&shared, &keepers).await;
            }
        });
        self.tasks.spawn(scrape::replicas(Arc::clone(&self.shared)));
        // A replica whose start has to wait is looked after from time to time.
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                shared.reconcile();
            }
        });
    }

    async fn wait_until_ready(&self) -> Result<(), ShopError> {
        let end = Instant::now() + READY;
        while !self.shared.all_ready() {
            if Instant::now() > end {
                let log = self.shared.surroundings.log.display();
                let why = format!(
                    "the starting replicas are not ready after {READY:?}; {log} may say why"
                );
                return Err(ShopError::Child(why));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Sets the instant of the scenario's time 0, in the near future: from then on faults happen and windows are told.
    pub fn begin(&mut self, begin: Instant) {
        let start = self.shared.clock().start;
        self.shared.set_clock(WorldClock { start, begin });
        self.tasks.spawn(faults::carry_out_all(
            Arc::clone(&self.shared),
            Arc::clone(&self.keepers),
        ));
        let (shared, gateway, grid) = (
            Arc::clone(&self.shared),
            self.keepers.gateway.address,
            self.grid,
        );
        self.tasks.spawn(scrape::gateway(shared, gateway, grid));
        for service in std::mem::take(&mut self.closely) {
            self.tasks
                .spawn(closely::seconds(Arc::clone(&self.shared), service));
        }
    }

    /// Where shoppers go.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.keepers.gateway.address
    }

    /// Where the shop's settings are: `GET` and `PUT /config/gateway`.
    #[must_use]
    pub fn registry(&self) -> SocketAddr {
        self.keepers.registry.address
    }

    /// The world's own time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// A service as something that scales.
    ///
    /// # Panics
    /// If the scenario has no such service.
    #[must_use]
    pub fn plant(&self, service: &str) -> Live<Source, Target> {
        assert!(
            self.shared.scenario.services.contains_key(service),
            "no service {service}"
        );
        let (shared, service) = (Arc::clone(&self.shared), service.to_owned());
        Live::new(
            Source {
                shared: Arc::clone(&shared),
                service: service.clone(),
            },
            Target { shared, service },
        )
    }

    /// Looks at a service every second of the scenario from its time 0 on, for a policy that needs such readings. To be
    /// called before [`begin`](Self::begin).
    pub fn watch_closely(&mut self, service: &str) {
        self.closely.push(service.to_owned());
    }

    /// How many replicas of a service take requests.
    #[must_use]
    pub fn workloads(&self) -> BTreeMap<String, metrics::Workload> {
        self.shared.samples()
    }

    /// Ends everything: replicas finish what they have, at most `patience`; then all processes end.
    pub async fn stop(mut self, patience: Duration) {
        self.tasks.shutdown().await;
        self.shared.end();
        let end = Instant::now() + patience;
        while self.shared.living() > 0 && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        self.stop.send(true).ok();
    }
}

/// Starts registry and gateway, and keeps them.
async fn keepers(
    plan: &LocalPlan,
    shop: &Shop,
    log: &Path,
    stopped: &watch::Receiver<bool>,
    ended: &mpsc::UnboundedSender<String>,
) -> Result<Keepers, ShopError> {
    let child = |role, registry| ChildConfig {
        role,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        registry,
        gateway: None,
        run: plan.run,
        shop: shop.clone(),
        replica: None,
    };
    let tell = |what: &'static str| {
        let ended = ended.clone();
        move |how: String| {
            // Nobody listens any more only when the run is over.
            ended
                .send(format!("{what} ended: {how}; it is started again"))
                .ok();
        }
    };
    let keep = |config, told| {
        let (executable, log) = (plan.executable.clone(), log.to_owned());
        keep(executable, config, log, stopped.clone(), told)
    };
    let registry = keep(child(Role::Registry, None), tell("the registry")).await?;
    let config = child(Role::Gateway, Some(registry.address));
    let gateway = keep(config, tell("the gateway")).await?;
    Ok(Keepers { registry, gateway })
}

fn check(scenario: &Scenario) -> Result<(), ShopError> {
    if scenario.services.is_empty() {
        return Err(ShopError::Child(
            "the scenario describes no services, so there is nothing to start: use `rushhour load --target URL`"
                .into(),
        ));
    }
    Ok(())
}
