//! Who comes, and when.

use super::super::units::{Count, FileName, Multiple, Name, OneOf, Rate, Share, Text, Time};
use super::super::written::{Boxed, List, written};

written! {
    /// Who comes, and when.
    TrafficFile, "traffic" {
        /// What an arrival is: `journeys` (shoppers), `requests` (exactly the curve's request rate),
        /// `shoppers` (a fixed crowd, for comparison only). Default: `journeys`.
        unit: may OneOf<crate::Unit>,
        /// How arrivals are drawn around the rate: `poisson`, `even`, `recorded`. Default: `poisson`.
        arrivals: may OneOf<crate::ArrivalProcess>,
        /// Who is inside at the start: `stationary` (those who came before) or `empty`. Default: `stationary`.
        begin: may OneOf<crate::Begin>,
        /// The rate: the sum of these curves.
        rate: may List<RateFile>,
        /// For `requests` and `shoppers`: how many shoppers make up the standing crowd. Range: 1 to 10000000. Default: 1000.
        crowd: may Count,
    }

    /// One term of the rate: exactly one curve; perhaps scaled, shifted, or for one journey only.
    RateFile, "a rate" {
        /// Always the same.
        constant: may ConstantFile,
        /// From one rate to another, then on at that.
        ramp: may RampFile,
        /// From each instant on another rate.
        steps: may List<StepFile>,
        /// A day, and a week of days.
        diurnal: may DiurnalFile,
        /// A crowd that comes at once and stays away slowly.
        flash: may FlashFile,
        /// Again and again.
        pulse: may PulseFile,
        /// Up and down evenly.
        sine: may SineFile,
        /// A recorded trace.
        trace: may TraceFile,
        /// Several curves, added.
        sum: may List<Boxed<RateFile>>,
        /// Times this: `2x`.
        scale: may Multiple,
        /// Later by this.
        shift: may Time,
        /// Whose arrivals they are. Default: of all journeys, by their weights.
        journey: may Name,
    }

    /// Always the same.
    ConstantFile, "a constant" {
        /// That much: `12/s`.
        rate: need Rate,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// From one rate to another, then on at that.
    RampFile, "a ramp" {
        /// The rate before and at the beginning.
        from: need Rate,
        /// The rate at the end and after.
        to: need Rate,
        /// When it begins. Default: at the start.
        at: may Time,
        /// How long it takes. Default: to the end.
        over: may Time,
        /// Or until when.
        until: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// From an instant on another rate.
    StepFile, "a step of a rate" {
        /// When.
        at: need Time,
        /// How much from then on.
        rate: need Rate,
    }

    /// A day, and a week of days.
    DiurnalFile, "a diurnal" {
        /// The mean of a day. Either this with `amplitude`, or `peak` and `trough`.
        mean: may Rate,
        /// How far the peak is above the mean, as a share of it: `60%`.
        amplitude: may Share,
        /// The highest rate.
        peak: may Rate,
        /// The lowest rate.
        trough: may Rate,
        /// The time of day of the peak, in the zone of `starts`: `20:30`. Default: 20:00.
        peak_at: may Text,
        /// Seven factors, from Monday to Sunday: `[1, 1, 1, 1, 1.1, 1.3, 1.2]`.
        week: may List<Multiple>,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// A crowd that comes at once and stays away slowly.
    FlashFile, "a flash" {
        /// When it begins.
        at: need Time,
        /// How much it adds at its height.
        peak: need Rate,
        /// How long it rises. Default: 30s.
        rise: may Time,
        /// How long it stays. Default: 2m.
        hold: may Time,
        /// The time in which it falls to a twentieth, ever more slowly. Default: 4m.
        decay: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// Again and again.
    PulseFile, "a pulse" {
        /// From one to the next.
        every: need Time,
        /// How long each lasts.
        width: need Time,
        /// How much it adds.
        height: need Rate,
        /// When the first begins. Default: at the start.
        at: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// Up and down evenly.
    SineFile, "a sine" {
        /// The mean, around which it goes.
        mean: need Rate,
        /// How far it goes above and below, as a share of the mean: `80%`.
        amplitude: need Share,
        /// From one rise to the next.
        period: need Time,
        /// When it first rises through the mean. Default: at the start.
        at: may Time,
        /// Whose arrivals they are.
        journey: may Name,
    }

    /// A recorded trace: CSV with the columns `timestamp_s` and `requests`, plain or gzip.
    TraceFile, "a trace" {
        /// The file, in the scenario's folder.
        file: need FileName,
        /// Where to begin in it. Default: at its start.
        from: may Time,
        /// How much of it. Default: as long as the scenario lasts.
        r#for: may Time,
        /// Or up to where.
        to: may Time,
        /// Scaled so that this is its mean.
        mean: may Rate,
        /// Or times this.
        scale: may Multiple,
        /// Whose arrivals they are.
        journey: may Name,
    }
}
