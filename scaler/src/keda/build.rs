//! From what a `ScaledObject` says to the policy.

use serde::Deserialize;

use super::{Keda, KedaAnnotations, KedaSpec};
use crate::{Behavior, Hpa, PolicyError};

impl KedaSpec {
    /// The policy.
    ///
    /// # Errors
    /// If `behavior` cannot be read, or KEDA or Kubernetes would refuse the whole.
    pub fn build(&self) -> Result<Keda, PolicyError> {
        let mut mistakes = self.validate();
        let behavior = self.hpa_behavior()?;
        let hpa = self.hpa().defaulted();
        if mistakes.is_empty() {
            mistakes = hpa.validate();
        }
        if !mistakes.is_empty() {
            return Err(PolicyError::Invalid(mistakes));
        }
        let hpa = Hpa::compressed(&hpa, behavior.as_ref(), self.controller.clone());
        let formula = self.formula().and_then(Result::ok);
        Ok(Keda::assemble(self.clone(), formula, hpa))
    }

    /// `behavior` with what the annotations switch off, every field filled in.
    fn hpa_behavior(&self) -> Result<Option<Behavior<f64>>, PolicyError> {
        let mut behavior = match &self.behavior {
            None => None,
            Some(json) => Some(
                Behavior::<f64>::deserialize(json)
                    .map_err(|error| PolicyError::Behavior(error.to_string()))?,
            ),
        };
        let KedaAnnotations {
            paused_scale_in,
            paused_scale_out,
            ..
        } = self.annotations;
        if paused_scale_in {
            let rules = behavior.get_or_insert_default();
            let down = rules.scale_down.get_or_insert_default();
            down.select_policy = Some("Disabled".into());
        }
        if paused_scale_out {
            let rules = behavior.get_or_insert_default();
            let up = rules.scale_up.get_or_insert_default();
            up.select_policy = Some("Disabled".into());
        }
        Ok(behavior.map(|written| written.defaulted(self.rate_period.as_secs_f64())))
    }
}
