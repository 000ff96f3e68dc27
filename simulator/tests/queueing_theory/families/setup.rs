//! Servers that are off when there is nothing to do, and take a while to be on again.

use super::super::case::{Case, Fault};
use super::super::draft::{Draft, run};
use super::super::effort::{Effort, memory};
use super::super::quantities::Setting;
use super::super::station::{Questions, Spans};
use super::super::watch::Watch;
use super::super::work::Work;
use super::{Seen, rate};

const RULE: &str = "idle server off at once; every waiting job has one server in setup while any is off; a setup is cancelled when its job is taken by a freed server";

/// What the model says.
struct Setup {
    lambda: f64,
    servers: u32,
    work: Work,
}

impl Setup {
    /// Runs it with these lines about its replicas.
    fn watch(
        &self,
        replicas: &str,
        scaling: &[String],
        spans: Spans,
        seed: u64,
    ) -> Result<Watch, Fault> {
        let mut draft = Draft::poisson(spans.end() as f64 / 1e9, &rate(self.lambda)).station(
            &format!("{replicas}, slots: 1, queue: unlimited, waiting: gateway"),
            &self.work,
            "",
        );
        draft.scaling = scaling.to_vec();
        let questions = Questions {
            replicas: self.servers,
            ..Questions::default()
        };
        let watch = Watch::new(spans, [questions], 0);
        let mut watch = run(&draft.check(seed)?, watch, &mut |_| ())?;
        watch.finish(spans.end());
        Ok(watch)
    }
}

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("arrivals", &["poisson"])?;
    model.only("discipline", &["fifo"])?;
    model.only("rule", &[RULE])?;
    let start_up = Work::read(&model.part("setup")?)?;
    let setup = Setup {
        lambda: model.positive("lambda_")?,
        servers: model.count("servers")?,
        work: Work::read(&model.part("service")?)?,
    };
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let load = setup.lambda * setup.work.mean / f64::from(setup.servers);
    let memory = memory(setup.work.mean, load) + 30.0 * start_up.mean;
    let spans = effort.spans(requests / setup.lambda, memory);
    let replicas = format!("replicas: 0, start_up: {}", start_up.single()?);
    let scaling = format!(
        "station: {{policy: per_request, min: 0, max: {}}}",
        setup.servers
    );
    let watch = setup.watch(&replicas, &[scaling], spans, effort.seed)?;
    let setting = Setting {
        servers: f64::from(setup.servers),
        replicas: setup.servers,
        sharing: false,
    };
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        let found = if name == "sojourn_without_setup" {
            // The same servers, always on.
            let always = format!("replicas: {}", setup.servers);
            let without = setup.watch(&always, &[], spans, effort.seed)?;
            without.stations[0].quantity("mean_sojourn", setting, &[])
        } else {
            watch.stations[0].quantity(name, setting, &[])
        };
        seen.note(name, found);
    }
    Ok(seen)
}
