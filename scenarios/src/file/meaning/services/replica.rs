//! How a replica works: its slots, how work shares its processor, and how it begins.

use std::time::Duration;

use metrics::{Quantity, Ratio};

use super::super::super::format::{ServiceFile, Spread, WarmUpFile};
use super::super::super::units::OneOf;
use super::super::super::words::DisciplineName;
use super::super::super::written::Field;
use super::super::{Meaning, refuse};
use crate::{Contention, Discipline, Distribution, Waiting, WarmUp};

/// The most slots or cores of a replica.
const MOST: u32 = 10_000;

impl Meaning<'_> {
    pub(super) fn discipline(&mut self, file: &ServiceFile) -> Discipline {
        let name = file.discipline.value().map(|word| word.0);
        if name != Some(DisciplineName::Sharing) {
            let others = [
                ("cores", file.cores.at()),
                ("contention", file.contention.at()),
            ];
            refuse(self.found, "the discipline `fifo`", others);
            return Discipline::Fifo;
        }
        let why = "a request in a slot always works at full speed there";
        self.beyond_local(file.discipline.at(), "`discipline: sharing`", why);
        let cores = file.cores.value().map_or(1.0, |cores| cores.0);
        let fine = cores > 0.0 && cores <= f64::from(MOST);
        if let Some(at) = file.cores.at().filter(|_| !fine) {
            let what = format!("a replica with {cores} cores");
            self.found.add(at, what, "", "above 0 and at most 10000");
        }
        let contention = file.contention.or(Default::default());
        let mut share = |field: &Field<super::super::super::units::Number>, name: &str| {
            let value = field.value().map_or(0.0, |number| number.0);
            if let Some(at) = field.at().filter(|_| value > 1.0) {
                self.found
                    .add(at, format!("{name} = {value}"), "", "from 0 to 1");
            }
            value
        };
        Discipline::Sharing {
            cores,
            contention: Contention {
                alpha: share(&contention.alpha, "alpha"),
                beta: share(&contention.beta, "beta"),
            },
        }
    }

    pub(super) fn slots(&mut self, file: &ServiceFile, discipline: Discipline) -> Option<u32> {
        let default = (discipline == Discipline::Fifo).then_some(2);
        let slots = self.at_most(&file.slots, default, "slots", 1..=MOST);
        if slots.is_none() {
            let why = "a replica has a number of slots there, and `busy` counts them";
            self.beyond_local(file.slots.at(), "unlimited slots", why);
        }
        slots
    }

    pub(super) fn waiting(&mut self, field: &Field<OneOf<Waiting>>) -> Waiting {
        let waiting = field.value().map_or(Waiting::Replica, |word| word.0);
        if waiting == Waiting::Gateway {
            let why = "requests there wait in the replica that was chosen for them";
            self.beyond_local(field.at(), "`waiting: gateway`", why);
        }
        waiting
    }

    pub(super) fn patience(&mut self, field: &Field<Spread>) -> Option<Distribution> {
        field.value()?;
        let why = "whoever waits for a slot there waits until the time limit";
        self.beyond_local(field.at(), "`patience`", why);
        Some(self.spread(field, "patience", Distribution::Constant(Duration::ZERO)))
    }

    pub(super) fn warm_up(&mut self, field: &Field<WarmUpFile>) -> Option<WarmUp> {
        let file = field.value()?;
        let why = "a replica there works at full speed as soon as it is ready";
        self.left_out(field.at(), "`warm_up`", why);
        let lasts = file.r#for.value()?.0;
        self.above_zero(lasts, file.r#for.at(), "a warm-up");
        let from = file.from.value()?.0;
        if let Some(at) = file.from.at().filter(|_| from <= 0.0) {
            let rule = "above 0%: at 0% a replica would never be done with its first request";
            self.found
                .add(at, "a warm-up from no speed at all", "", rule);
        }
        Some(WarmUp {
            lasts,
            from: Ratio::new(from).unwrap_or(Ratio::ONE),
        })
    }
}

/// What a replica asks for if that is not said: a core for each slot, or those that its work shares.
pub(super) fn default_cpu(slots: Option<u32>, discipline: Discipline) -> Quantity {
    match (discipline, slots) {
        (Discipline::Sharing { cores, .. }, _) => {
            Quantity::from_milli(((cores * 1000.0).round() as i64).max(1))
        }
        (Discipline::Fifo, Some(slots)) => Quantity::from_milli(i64::from(slots) * 1000),
        (Discipline::Fifo, None) => Quantity::from_milli(1000),
    }
}
