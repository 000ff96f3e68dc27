//! One service, watched from without: who is there, for how long.

use std::f64::consts::TAU;

use simulator::Left;

use super::estimate::Estimate;
use super::tally::{DEPTH, Tally};

/// A run's spans: one to warm up, then batches of the same length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub(crate) warm: u64,
    pub(crate) batch: u64,
    pub(crate) batches: usize,
}

impl Spans {
    pub(crate) fn end(&self) -> u64 {
        self.warm
            .saturating_add(self.batch.saturating_mul(self.batches as u64))
    }

    /// Which span `at` lies in: 0 is the warm-up, the last what comes after all batches.
    pub(crate) fn of(&self, at: u64) -> usize {
        if at < self.warm {
            return 0;
        }
        ((at - self.warm) / self.batch) as usize + 1
    }
}

/// What is asked of a station beyond the usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    /// How many cores share the work.
    pub(crate) cores: f64,
    /// How many replicas are all of them.
    pub(crate) replicas: u32,
    /// How many wait at most so long, in nanoseconds.
    pub(crate) within: Vec<u64>,
    /// The period of a wave that is looked for in the number in the system; 0 if none is.
    pub(crate) period: u64,
    /// Instants at which the number in the system is noted, in order.
    pub(crate) instants: Vec<u64>,
}

/// A service under watch.
pub(crate) struct Station {
    spans: Spans,
    questions: Questions,
    tallies: Vec<Tally>,
    current: usize,
    /// Where the current span ends.
    turn: u64,
    last: u64,
    in_system: u32,
    busy: u32,
    ready: u32,
    starting: u32,
    /// Requests by replica, and how many replicas hold at least so many.
    held: Vec<u32>,
    deep: [u32; DEPTH],
    wave: (f64, f64),
    /// The number in the system at the instants asked for, so far.
    pub(crate) noted: Vec<u32>,
    /// The most that ever waited, and since when nobody has.
    pub(crate) most_waiting: u32,
    /// How long the first waited who came at or after `clear_after`, when the backlog is largest.
    pub(crate) wait_at_peak: Option<u64>,
    pub(crate) first_clear: Option<u64>,
    /// From when on `first_clear` is looked for.
    pub(crate) clear_after: u64,
}

impl Station {
    pub(crate) fn new(spans: Spans, questions: Questions) -> Self {
        let tally = Tally::new(questions.within.len());
        Self {
            spans,
            tallies: vec![tally; spans.batches + 2],
            current: 0,
            turn: spans.warm,
            last: 0,
            in_system: 0,
            busy: 0,
            ready: questions.replicas,
            starting: 0,
            held: Vec::new(),
            deep: [0; DEPTH],
            wave: (0.0, 1.0),
            noted: Vec::new(),
            most_waiting: 0,
            wait_at_peak: None,
            first_clear: None,
            clear_after: u64::MAX,
            questions,
        }
    }

    pub(crate) fn arrives(&mut self, at: u64, replica: u32) {
        self.advance(at);
        self.tallies[self.current].arrived += 1;
        self.in_system += 1;
        self.most_waiting = self.most_waiting.max(self.in_system - self.busy);
        self.shift(replica, true);
    }

    pub(crate) fn begins(&mut self, at: u64, waited: u64) {
        self.advance(at);
        self.busy += 1;
        let tally = &mut self.tallies[self.current];
        tally.begun += 1;
        tally.waited += u64::from(waited > 0);
        tally.wait += waited as f64;
        tally.waits.add(waited);
        for (count, limit) in tally.within.iter_mut().zip(&self.questions.within) {
            *count += u64::from(waited <= *limit);
        }
        if at - waited >= self.clear_after && self.wait_at_peak.is_none() {
            self.wait_at_peak = Some(waited);
        }
        if at >= self.clear_after && self.in_system == self.busy && self.first_clear.is_none() {
            self.first_clear = Some(at);
        }
    }

    /// One leaves, who was in a slot or not.
    pub(crate) fn leaves(&mut self, at: u64, replica: u32, sojourn: u64, how: Left) {
        self.advance(at);
        self.in_system -= 1;
        self.shift(replica, false);
        let tally = &mut self.tallies[self.current];
        match how {
            Left::Served | Left::Failed => {
                self.busy -= 1;
                tally.served += 1;
                tally.sojourn += sojourn as f64;
                tally.sojourns.add(sojourn);
            }
            Left::Shed => tally.turned_away += 1,
            Left::Abandoned => {
                tally.given_up += 1;
                tally.vain_wait += sojourn as f64;
            }
            Left::TimedOut | Left::Killed => {}
        }
    }

    pub(crate) fn replicas(&mut self, at: u64, ready: u32, starting: u32) {
        self.advance(at);
        (self.ready, self.starting) = (ready, starting);
    }

    /// Lets time pass until `at`.
    pub(crate) fn advance(&mut self, at: u64) {
        while let Some(next) = self.questions.instants.get(self.noted.len()) {
            if *next > at {
                break;
            }
            self.noted.push(self.in_system);
        }
        while at >= self.turn {
            self.pass(self.turn);
            self.current = self.spans.of(self.turn);
            self.turn = if self.current > self.spans.batches {
                u64::MAX
            } else {
                self.turn + self.spans.batch
            };
        }
        self.pass(at);
    }

    #[inline]
    fn pass(&mut self, at: u64) {
        if at == self.last {
            return;
        }
        let time = (at - self.last) as f64;
        let tally = &mut self.tallies[self.current];
        let number = f64::from(self.in_system);
        tally.time += time;
        tally.in_system += number * time;
        tally.busy += f64::from(self.busy) * time;
        tally.cores_busy += number.min(self.questions.cores) * time;
        tally.starting += f64::from(self.starting) * time;
        if self.ready >= self.questions.replicas {
            tally.all_ready += time;
        }
        tally.spend(self.in_system, time);
        for (sum, count) in tally.deep.iter_mut().zip(&self.deep) {
            if *count == 0 {
                break;
            }
            *sum += f64::from(*count) * time;
        }
        if self.questions.period > 0 {
            let omega = TAU / self.questions.period as f64;
            let angle = (at % self.questions.period) as f64 * omega;
            let (sin, cos) = (libm::sin(angle), libm::cos(angle));
            // The integrals of cos and sin over the time passed.
            tally.wave.0 += number * (sin - self.wave.0) / omega;
            tally.wave.1 -= number * (cos - self.wave.1) / omega;
            self.wave = (sin, cos);
        }
        self.last = at;
    }

    fn shift(&mut self, replica: u32, comes: bool) {
        let place = replica as usize;
        if comes && replica != u32::MAX && place >= self.held.len() {
            self.held.resize(place + 1, 0);
        }
        // Whoever came to the gateway's queue was never counted at a replica.
        let Some(held) = self.held.get_mut(place).filter(|held| comes || **held > 0) else {
            return;
        };
        let level = if comes { *held } else { *held - 1 };
        *held = if comes { level + 1 } else { level };
        if let Some(count) = self.deep.get_mut(level as usize) {
            *count = if comes { *count + 1 } else { *count - 1 };
        }
    }

    /// What `of` says of all batches together, and of each.
    pub(crate) fn estimate(&self, of: impl Fn(&Tally) -> f64) -> Estimate {
        let batches = &self.tallies[1..=self.spans.batches];
        let mut all = batches[0].clone();
        for batch in &batches[1..] {
            all.merge(batch);
        }
        let values: Vec<f64> = batches.iter().map(&of).collect();
        Estimate::of_batches(of(&all), &values)
    }
}
