//! What goes around a policy: bounds, stabilisation, rate limits, and the guard against missing data.
//!
//! The first three are for policies of our own. The HPA and its like hold theirs inside, because exactness needs their
//! order; around them only [`Guarded`] belongs. Each rule that changes the number adds its [`Clip`](crate::Clip) to the reason.

mod bounded;
mod guarded;
mod rate_limited;
mod stabilized;

pub use bounded::Bounded;
pub use guarded::{Guarded, Trust};
pub use rate_limited::{ChangeRate, RateLimited};
pub use stabilized::Stabilized;

use std::sync::Arc;

use metrics::Replicas;

use crate::{Decision, Verdict};

/// The inner policy's rules and those of the decorator, each once.
fn with(mut rules: Vec<&'static str>, own: &[&'static str]) -> Vec<&'static str> {
    for rule in own {
        if !rules.contains(rule) {
            rules.push(rule);
        }
    }
    rules
}

/// Replaces the number of a decision, and says by what.
fn clip(decision: &mut Decision, by: &'static str, from: Replicas, to: Replicas) {
    if from != to {
        decision.verdict = Verdict::Scale(to);
        Arc::make_mut(&mut decision.reason).clip(by, from, to);
    }
}
