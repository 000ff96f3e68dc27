//! What an HPA's rules say, from its `behavior` or from what upstream has without one.

use std::time::Duration;

use scaler::{HpaController, PolicySpec};
use serde_json::Value;

use crate::words::{percent, seconds};

/// The rules of an HPA, KEDA's included.
pub(super) struct Behavior<'a> {
    written: Option<Value>,
    controller: &'a HpaController,
    /// Seconds of the scenario in one of the controller's, and in one of what is written.
    speeds: (f64, f64),
}

impl<'a> Behavior<'a> {
    /// Those of a policy in a world that goes `speed` times faster; nothing if it is no HPA.
    pub(super) fn of(spec: &'a PolicySpec, speed: f64) -> Option<Self> {
        let (written, controller, of_written) = match spec {
            PolicySpec::Hpa(hpa) => (hpa.behavior.clone(), &hpa.controller, speed),
            PolicySpec::Keda(keda) => (keda.behavior.clone(), &keda.controller, speed),
            // A manifest's seconds stay as they are written.
            PolicySpec::HpaManifest {
                spec, controller, ..
            } => {
                let written = spec.behavior.as_ref();
                let written = written.and_then(|b| serde_json::to_value(b).ok());
                (written, controller, 1.0)
            }
            _ => return None,
        };
        Some(Self {
            written,
            controller,
            speeds: (speed, of_written),
        })
    }

    pub(super) fn tolerance(&self) -> String {
        let near = percent(self.controller.tolerance);
        format!("what is within {near} of the target is near enough")
    }

    /// Which recommendations hold how long.
    pub(super) fn stabilisation(&self) -> String {
        let window = |direction: &str| {
            let written = self.rules(direction)?["stabilizationWindowSeconds"].as_f64()?;
            Some(Duration::from_secs_f64(written.max(0.0)).mul_f64(self.speeds.1))
        };
        let other = self.controller.downscale_stabilization;
        let down = window("scaleDown").unwrap_or_else(|| other.mul_f64(self.speeds.0));
        let up = window("scaleUp").unwrap_or_default();
        let span = |span: Duration| seconds(span.as_secs_f64());
        match (down.is_zero(), up.is_zero()) {
            (_, true) => format!(
                "the highest recommendation of the last {} holds",
                span(down)
            ),
            (true, false) => format!("the lowest recommendation of the last {} holds", span(up)),
            _ => format!(
                "down, the highest recommendation of the last {} holds; up, the lowest of the last {}",
                span(down),
                span(up)
            ),
        }
    }

    /// How much may go at once.
    pub(super) fn rate(&self) -> String {
        if self.written.is_none() {
            return "up at most to twice as many, or to 4, at once".to_owned();
        }
        let up = self.steps("scaleUp");
        let up = up.unwrap_or_else(|| "at most by 100 % or 4 replicas in 15 s".to_owned());
        match self.steps("scaleDown") {
            Some(down) => format!("up {up}, down {down}"),
            None => format!("up {up}"),
        }
    }

    /// `at most by 10 % or 2 replicas in 60 s`; nothing if no steps are written.
    fn steps(&self, direction: &str) -> Option<String> {
        let rules = self.rules(direction)?;
        let choice = rules["selectPolicy"].as_str().unwrap_or("Max");
        if choice == "Disabled" {
            return Some("not at all".to_owned());
        }
        let steps: Vec<String> = rules["policies"]
            .as_array()?
            .iter()
            .map(|s| self.step(s))
            .collect();
        let between = if choice == "Min" { " and " } else { " or " };
        (!steps.is_empty()).then(|| format!("at most by {}", steps.join(between)))
    }

    fn step(&self, step: &Value) -> String {
        let value = step["value"].as_u64().unwrap_or(0);
        let much = match step["type"].as_str() {
            Some("Percent") => format!("{value} %"),
            _ => crate::words::plural(value, "replica"),
        };
        let period = step["periodSeconds"].as_f64().unwrap_or(15.0);
        format!("{much} in {}", seconds(period * self.speeds.1))
    }

    fn rules(&self, direction: &str) -> Option<&Value> {
        self.written.as_ref()?.get(direction)
    }
}

#[cfg(test)]
mod tests {
    use metrics::Replicas;
    use scaler::{HpaTarget, SimpleHpa};
    use serde_json::json;

    use super::*;

    fn hpa(behavior: Option<Value>) -> PolicySpec {
        let base = json!({"targets": [], "min": 1, "max": 9, "behavior": behavior});
        let mut hpa: SimpleHpa = serde_json::from_value(base).unwrap();
        hpa.targets = vec![HpaTarget::Requests(5.0)];
        hpa.max = Replicas(20);
        PolicySpec::Hpa(hpa)
    }

    fn told(behavior: Option<Value>, speed: f64) -> [String; 2] {
        let spec = hpa(behavior);
        let rules = Behavior::of(&spec, speed).unwrap();
        [rules.stabilisation(), rules.rate()]
    }

    #[test]
    fn what_is_written_is_said_with_its_figures() {
        assert_eq!(
            told(None, 1.0),
            [
                "the highest recommendation of the last 5 min holds",
                "up at most to twice as many, or to 4, at once"
            ]
        );
        let down = json!({"scaleDown": {"stabilizationWindowSeconds": 60, "policies": [
            {"type": "Percent", "value": 10, "periodSeconds": 60}, {"type": "Pods", "value": 1, "periodSeconds": 60}
        ]}});
        assert_eq!(
            told(Some(down), 1.0),
            [
                "the highest recommendation of the last 1 min holds",
                "up at most by 100 % or 4 replicas in 15 s, down at most by 10 % in 1 min or 1 replica in 1 min"
            ]
        );
    }

    #[test]
    fn both_directions_may_wait_and_a_compressed_world_counts_in_the_scenario_s_time() {
        let both = json!({
            "scaleUp": {"stabilizationWindowSeconds": 1.5, "selectPolicy": "Disabled"},
            "scaleDown": {"stabilizationWindowSeconds": 3.0, "selectPolicy": "Min", "policies": [
                {"type": "Percent", "value": 50, "periodSeconds": 1.5}, {"type": "Pods", "value": 3, "periodSeconds": 1.5}
            ]}
        });
        assert_eq!(
            told(Some(both), 20.0),
            [
                "down, the highest recommendation of the last 1 min holds; up, the lowest of the last 30 s",
                "up not at all, down at most by 50 % in 30 s and 3 replicas in 30 s"
            ]
        );
    }

    #[test]
    fn what_is_no_hpa_has_no_behavior() {
        let spec = PolicySpec::Kpa(scaler::KpaSpec::default());
        assert!(Behavior::of(&spec, 1.0).is_none());
    }
}
