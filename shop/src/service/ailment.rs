//! What is wrong with a replica: its deploy and the faults that were injected.

use crate::protocol::{Deploy, Faults, InjectedKind};

/// All that is wrong with one replica at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ailment {
    /// How many times longer work takes.
    pub(super) work: f64,
    /// How many times longer waits take.
    pub(super) wait: f64,
    /// The share of answers that are 500, 0 to 1.
    pub(super) fail: f64,
    /// Whether nothing is answered.
    pub(super) hang: bool,
    /// Whether the lease is not renewed.
    pub(super) lose_lease: bool,
}

impl Ailment {
    /// What `faults` and its `deploy` do to the replica `id`: factors multiply, shares add.
    pub(super) fn of(id: &str, deploy: Deploy, faults: &Faults) -> Self {
        let mut ailment = Self {
            work: sane(deploy.factor),
            wait: 1.0,
            fail: deploy.share.get(),
            hang: false,
            lose_lease: false,
        };
        let mine = faults.faults.iter().filter(|fault| {
            fault
                .replicas
                .as_ref()
                .is_none_or(|ids| ids.iter().any(|hit| hit == id))
        });
        for fault in mine {
            match fault.kind {
                InjectedKind::Slow(factor) => ailment.work *= sane(factor),
                InjectedKind::SlowWait(factor) => ailment.wait *= sane(factor),
                InjectedKind::Fail(share) => ailment.fail += share.max(0.0),
                InjectedKind::Hang => ailment.hang = true,
                InjectedKind::LoseLease => ailment.lose_lease = true,
            }
        }
        ailment.fail = ailment.fail.min(1.0);
        ailment
    }
}

/// A factor that time can be multiplied by. The registry has checked it, but it is another process.
fn sane(factor: f64) -> f64 {
    if factor.is_finite() && factor > 0.0 {
        factor
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::InjectedFault;

    #[test]
    fn factors_multiply_shares_add_and_others_faults_are_not_ours() {
        let fault = |replicas: Option<&[&str]>, kind| InjectedFault {
            replicas: replicas.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()),
            kind,
        };
        let faults = Faults {
            faults: vec![
                fault(None, InjectedKind::Slow(3.0)),
                fault(Some(&["order-1"]), InjectedKind::Slow(2.0)),
                fault(Some(&["order-2"]), InjectedKind::Hang),
                fault(None, InjectedKind::Fail(0.7)),
                fault(Some(&["order-1"]), InjectedKind::Fail(0.7)),
                fault(None, InjectedKind::SlowWait(f64::NAN)),
            ],
        };
        let ailment = Ailment::of("order-1", Deploy::default(), &faults);
        assert_eq!(
            ailment,
            Ailment {
                work: 6.0,
                wait: 1.0,
                fail: 1.0,
                hang: false,
                lose_lease: false
            }
        );
        assert!(Ailment::of("order-2", Deploy::default(), &faults).hang);
    }
}
