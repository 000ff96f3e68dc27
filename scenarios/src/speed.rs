//! A scenario that runs faster than it is written.

use std::time::Duration;

use metrics::Timestamp;
use serde_json::Value;

use crate::{
    CalendarEvent, Control, Fault, History, Journey, Policy, Scaling, Scenario, ScheduleEntry,
    Scrape, Service,
};

/// The shortest control period in wall time: what a live world can keep.
pub const SHORTEST_PERIOD: Duration = Duration::from_millis(200);

/// Why a scenario cannot run at a speed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpeedError {
    /// It is no speed.
    #[error("speed = {0}, must be a number above 0")]
    NoSpeed(f64),
    /// Decisions would come too fast.
    #[error(
        "speed = {speed} makes {what} of {period:?} shorter than {SHORTEST_PERIOD:?} of wall time: at most {highest}"
    )]
    TooFast {
        /// What was asked for.
        speed: f64,
        /// The control period, or whose own period it is.
        what: String,
        /// The period as written.
        period: Duration,
        /// The highest speed that works.
        highest: f64,
    },
}

impl Scenario {
    /// The same course of events, `speed` times faster.
    ///
    /// Divided by the speed is what the scenario says about the course of events: curves' time, duration, phases,
    /// faults, the control period and all that a policy counts in (windows, stabilisation, schedules, calendar), think
    /// times, start-up, warm-up, node provisioning, scrape interval, window and lag. Unchanged are rates, work, waits,
    /// network, patience, time limits, what is waited before another try, breaker, ejection, health, drain, SLO, and the instant of the start.
    ///
    /// # Errors
    /// If `speed` is not a number above 0, or makes the control period, or that of a policy, shorter than
    /// [`SHORTEST_PERIOD`].
    pub fn at_speed(mut self, speed: f64) -> Result<Self, SpeedError> {
        if !speed.is_finite() || speed <= 0.0 {
            return Err(SpeedError::NoSpeed(speed));
        }
        if speed == 1.0 {
            return Ok(self);
        }
        let (period, what) = self.shortest_period();
        let highest = period.as_secs_f64() / SHORTEST_PERIOD.as_secs_f64();
        if speed > highest {
            return Err(SpeedError::TooFast {
                speed,
                what,
                period,
                highest,
            });
        }
        let (faster, start) = (Faster(speed), self.starts);
        self.speed *= speed;
        self.duration = faster.time(self.duration);
        for term in &mut self.traffic.rate {
            term.curve = term.curve.compressed(speed);
        }
        self.journeys
            .iter_mut()
            .for_each(|journey| faster.journey(journey));
        self.services
            .values_mut()
            .for_each(|service| faster.service(service));
        if let Some(nodes) = &mut self.nodes {
            nodes.provisioning = nodes.provisioning.scaled(1.0 / speed);
        }
        faster.control(&mut self.control);
        self.scaling
            .values_mut()
            .for_each(|scaling| faster.scaling(scaling, start));
        self.calendar
            .iter_mut()
            .for_each(|event| faster.event(event));
        self.faults.iter_mut().for_each(|fault| faster.fault(fault));
        for phase in &mut self.phases {
            phase.from = faster.time(phase.from);
            phase.to = faster.time(phase.to);
        }
        Ok(self)
    }
}

impl Scenario {
    /// The shortest time between two decisions, and whose it is.
    fn shortest_period(&self) -> (Duration, String) {
        let own = self.scaling.iter().filter_map(|(name, scaling)| {
            let period = scaling.policy.own_period()?;
            let what = format!("the period of `{}` (scaling.{name})", scaling.policy.name());
            Some((period, what))
        });
        let control = (self.control.period, "the control period".to_owned());
        own.fold(
            control,
            |least, own| {
                if own.0 < least.0 { own } else { least }
            },
        )
    }
}

/// How many times faster.
struct Faster(f64);

impl Faster {
    fn time(&self, time: Duration) -> Duration {
        crate::time::seconds(time.as_secs_f64() / self.0)
    }

    /// What shoppers think is divided. What they wait before another try stays: back-off is not
    /// scenario time.
    fn journey(&self, journey: &mut Journey) {
        for page in &mut journey.pages {
            page.think = page.think.scaled(1.0 / self.0);
        }
    }

    fn service(&self, service: &mut Service) {
        service.start_up = service.start_up.scaled(1.0 / self.0);
        if let Some(warm_up) = &mut service.warm_up {
            warm_up.lasts = self.time(warm_up.lasts);
        }
    }

    fn control(&self, control: &mut Control) {
        control.period = self.time(control.period);
        let Scrape {
            interval,
            window,
            lag,
        } = control.scrape;
        control.scrape = Scrape {
            interval: self.time(interval),
            window: self.time(window),
            lag: self.time(lag),
        };
    }

    fn scaling(&self, scaling: &mut Scaling, start: Timestamp) {
        match &mut scaling.policy {
            Policy::Static | Policy::PerRequest => {}
            Policy::Reactive { hold, .. } => *hold = hold.map(|hold| self.time(hold)),
            Policy::Foresight { hold, history, .. } => {
                *hold = hold.map(|hold| self.time(hold));
                if let Some(History::Counted { counts, ended }) = history {
                    (*counts, *ended) = (counts.compressed(self.0), self.time(*ended));
                }
            }
            Policy::Upstream(spec) => **spec = spec.as_ref().clone().at_speed(self.0, start),
            Policy::Schedule(entries) => {
                for ScheduleEntry { at, .. } in entries {
                    *at = self.time(*at);
                }
            }
            Policy::Hpa {
                behavior,
                stabilization,
                cpu_initialization,
                initial_readiness_delay,
                ..
            } => {
                for time in [stabilization, cpu_initialization, initial_readiness_delay] {
                    *time = self.time(*time);
                }
                if let Some(behavior) = behavior {
                    self.behavior(behavior);
                }
            }
        }
    }

    /// The windows and periods of `spec.behavior`: seconds, then no longer whole.
    fn behavior(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field.as_f64() {
                        Some(seconds)
                            if matches!(
                                name.as_str(),
                                "stabilizationWindowSeconds" | "periodSeconds"
                            ) =>
                        {
                            *field = (seconds / self.0).into();
                        }
                        _ => self.behavior(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.behavior(item)),
            _ => {}
        }
    }

    fn event(&self, event: &mut CalendarEvent) {
        event.at = self.time(event.at);
        event.lasts = event.lasts.map(|lasts| self.time(lasts));
    }

    fn fault(&self, fault: &mut Fault) {
        fault.at = self.time(fault.at);
        fault.lasts = self.time(fault.lasts);
    }
}

#[cfg(test)]
mod tests;
