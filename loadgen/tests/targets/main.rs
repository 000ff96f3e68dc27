//! The generator against targets on this machine, good and bad.
#![expect(unreachable_pub, reason = "helpers of one test program")]
#![expect(clippy::unwrap_used, reason = "tests and their helpers")]

mod bad;
mod good;
mod server;
mod stop;

use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::{Collected, Emission, Load, LoadError, Outcome, Plan, Stop};
use metrics::Window;
use scenarios::{NoFiles, Scenario};

/// All that a run told.
pub struct Told {
    /// In the end.
    pub outcome: Outcome,
    /// Piece by piece.
    pub windows: Vec<Window>,
    /// Values of variables.
    pub collected: Vec<Collected>,
}

/// The scenario in `text`, which needs no version, name and about.
pub fn scenario(text: &str) -> Arc<Scenario> {
    let text = format!("version: 1\nname: test\nabout: A test.\n{text}");
    let scenario = Scenario::read("test.yaml", text.as_bytes(), &NoFiles, &[]);
    Arc::new(scenario.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// Pages at a constant rate of even arrivals: `GET /` and nothing else.
pub fn steady(rate: u32, duration: Duration) -> Arc<Scenario> {
    let steady = scenario(&format!(
        "duration: 1h
traffic:
  unit: journeys
  arrivals: even
  begin: empty
  rate: [constant: {{rate: {rate}/s}}]
journeys:
  visitor: {{weight: 1, start: home, pages: {{home: {{get: /}}}}}}
slo: {{within: 300ms, share: 99%}}
"
    ));
    lasting(duration, &steady)
}

/// The same for so long: files say at least a second.
pub fn lasting(duration: Duration, scenario: &Scenario) -> Arc<Scenario> {
    Arc::new(Scenario {
        duration,
        ..scenario.clone()
    })
}

/// The usual plan against a port of this machine.
pub fn plan(scenario: Arc<Scenario>, port: u16) -> Plan {
    let target = format!("http://127.0.0.1:{port}").parse().unwrap();
    Plan::new(scenario, target)
}

/// Runs a plan to its end, and holds it to the law of counting.
pub async fn run(plan: Plan) -> Told {
    run_with(plan, &Stop::new()).await.unwrap()
}

/// The same with a way to stop it.
pub async fn run_with(plan: Plan, stop: &Stop) -> Result<Told, LoadError> {
    let load = Load::prepare(plan).await?;
    let (mut windows, mut collected) = (vec![], vec![]);
    let begin = Instant::now() + Duration::from_millis(50);
    let told = |emission| match emission {
        Emission::Window(window) => windows.push(window),
        Emission::Collected(value) => collected.push(value),
    };
    let outcome = load.run(begin, stop, told).await?;
    let counts = outcome.counts;
    assert_eq!(
        counts.offered,
        counts.ended(),
        "the law of counting: {counts:?}"
    );
    let mut sum = metrics::Counts::default();
    for window in &windows {
        sum.add(&window.all_pages().counts);
    }
    assert_eq!(sum, counts, "the windows add up to the outcome");
    Ok(Told {
        outcome,
        windows,
        collected,
    })
}
