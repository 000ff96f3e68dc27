//! What is seen of a station, by the names that the cases use.

use super::estimate::Estimate;
use super::station::Station;
use super::tally::{DEPTH, Quantity, Tally};

/// What names are relative to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// Slots of all replicas together; cores, if they are shared.
    pub(crate) servers: f64,
    pub(crate) replicas: u32,
    pub(crate) sharing: bool,
}

/// The limit of `p_wait_le_D` and `p_wait_le_2D`, as a multiple of the service time.
pub(crate) fn wait_limit(name: &str) -> Option<f64> {
    let multiple = name.strip_prefix("p_wait_le_")?.strip_suffix('D')?;
    if multiple.is_empty() {
        return Some(1.0);
    }
    multiple.parse().ok()
}

impl Station {
    /// The quantity called `name`, if it is one of a station. `limits` are the names that ask for a share of waits, in
    /// the order in which the station was asked for them.
    pub(crate) fn quantity(
        &self,
        name: &str,
        setting: Setting,
        limits: &[&String],
    ) -> Option<Estimate> {
        let within = limits.iter().position(|limit| *limit == name);
        let quantity = within
            .map(share_within)
            .or_else(|| of_time(name, setting))
            .or_else(|| of_requests(name))
            .or_else(|| of_a_number(name, setting))?;
        Some(self.estimate(quantity))
    }
}

fn share_within(place: usize) -> Quantity {
    Box::new(move |tally| tally.within[place] as f64 / tally.begun as f64)
}

/// Means over time.
fn of_time(name: &str, setting: Setting) -> Option<Quantity> {
    let Setting {
        servers, sharing, ..
    } = setting;
    Some(match name {
        "utilization" | "utilisation" if sharing => {
            Box::new(move |t| t.cores_busy / t.time / servers)
        }
        "utilization" | "utilisation" => Box::new(move |t| t.busy / t.time / servers),
        "mean_in_system" | "mean_in_orbit_and_system" => Box::new(|t| t.in_system / t.time),
        "mean_queue" => Box::new(|t| (t.in_system - t.busy) / t.time),
        "mean_busy" => Box::new(|t| t.busy / t.time),
        "mean_in_setup" => Box::new(|t| t.starting / t.time),
        "p_all_on" => Box::new(|t| t.all_ready / t.time),
        "p_empty" => Box::new(|t| 1.0 - t.at_least(1)),
        "p_all_busy" => Box::new(move |t| t.at_least(servers as usize)),
        // Each has something to do: the shortest queue is not empty.
        "p_both_busy" if setting.replicas == 2 => {
            Box::new(|t| (t.deep[0] / t.time) - t.at_least(1))
        }
        "var_in_system" => Box::new(Tally::number_variance),
        "throughput" => Box::new(|t| t.served as f64 / t.time * 1e9),
        _ => return None,
    })
}

/// Means over requests.
fn of_requests(name: &str) -> Option<Quantity> {
    Some(match name {
        "mean_wait" | "mean_wait_accepted" => Box::new(|t| t.wait / t.begun as f64 / 1e9),
        "mean_wait_all" => {
            Box::new(|t| (t.wait + t.vain_wait) / (t.begun + t.given_up) as f64 / 1e9)
        }
        "mean_sojourn" | "mean_sojourn_accepted" | "mean_sojourn_served" => {
            Box::new(|t| t.sojourn / t.served as f64 / 1e9)
        }
        "p_wait" => Box::new(|t| (t.waited + t.given_up) as f64 / (t.begun + t.given_up) as f64),
        "p_block" => Box::new(|t| t.turned_away as f64 / t.arrived as f64),
        "p_abandon" => Box::new(|t| t.given_up as f64 / t.arrived as f64),
        _ => return None,
    })
}

/// Quantiles and tails, whose names carry a number.
fn of_a_number(name: &str, setting: Setting) -> Option<Quantity> {
    if let Some(q) = name.strip_prefix("wait_p").and_then(quantile) {
        return Some(Box::new(move |t| t.waits.quantile(q)));
    }
    if let Some(q) = name.strip_prefix("sojourn_p").and_then(quantile) {
        return Some(Box::new(move |t| t.sojourns.quantile(q)));
    }
    if let Some(q) = name.strip_prefix("n_p").and_then(quantile) {
        return Some(Box::new(move |t| t.number_quantile(q)));
    }
    if let Some(n) = name.strip_prefix("p_n_ge_") {
        let least: usize = n.parse().ok()?;
        return Some(Box::new(move |t| t.at_least(least)));
    }
    if let Some(n) = name.strip_prefix("p_n_eq_") {
        let number: usize = n.parse().ok()?;
        return Some(Box::new(move |t| {
            t.at_least(number) - t.at_least(number + 1)
        }));
    }
    let least: usize = name.strip_prefix("frac_replicas_ge_")?.parse().ok()?;
    let replicas = f64::from(setting.replicas);
    (1..=DEPTH)
        .contains(&least)
        .then(|| -> Quantity { Box::new(move |t| t.deep[least - 1] / t.time / replicas) })
}

/// `50`, `99`, `999`: the digits after the point.
pub(crate) fn quantile(digits: &str) -> Option<f64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("0.{digits}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_numbers() {
        assert_eq!(quantile("999"), Some(0.999));
        assert_eq!(quantile("5"), Some(0.5));
        assert_eq!(quantile("x"), None);
        assert_eq!(wait_limit("p_wait_le_D"), Some(1.0));
        assert_eq!(wait_limit("p_wait_le_2D"), Some(2.0));
        assert_eq!(wait_limit("p_wait"), None);
    }
}
