//! Times by the clock, as cron writes them.

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use metrics::{Replicas, Timestamp};
use scaler::KedaCron;

use super::super::format::CronFile;
use super::super::mistake::{Span, short};
use super::Meaning;
use super::scaling::MOST;

/// How far beyond the end of a run the next start or end is looked for, in minutes: a year.
const BEYOND: i64 = 366 * 24 * 60;
const MINUTE: i64 = 60;

/// The minutes that an expression of five fields names.
#[derive(Clone, Debug, PartialEq)]
struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month and of the week are both given: then either is enough.
    either: bool,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Cron {
    fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!("{} fields instead of five", fields.len()));
        };
        let starred = |field: &str| field.starts_with(['*', '?']);
        Ok(Self {
            minutes: set(minutes, (0, 59), &[])?,
            hours: set(hours, (0, 23), &[])?,
            days: set(days, (1, 31), &[])?,
            months: set(months, (1, 12), &MONTHS)?,
            weekdays: set(weekdays, (0, 6), &WEEKDAYS)?,
            either: !starred(days) && !starred(weekdays),
        })
    }

    fn is_at(&self, civil: jiff::civil::DateTime) -> bool {
        let has = |set: u64, value: i8| set >> value & 1 == 1;
        let weekday = civil.weekday().to_sunday_zero_offset();
        let day = has(self.days, civil.day());
        let weekday = has(self.weekdays, weekday);
        has(self.minutes, civil.minute())
            && has(self.hours, civil.hour())
            && has(self.months, civil.month())
            && if self.either {
                day || weekday
            } else {
                day && weekday
            }
    }
}

/// One field: `*`, `5`, `1-5`, `*/15`, `mon-fri`, and several of them between commas.
fn set(field: &str, (least, most): (u32, u32), names: &[&str]) -> Result<u64, String> {
    let mut set = 0_u64;
    for part in field.split(',') {
        let wrong = || format!("`{}` is not from {least} to {most}", short(part));
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().map_err(|_| wrong())?),
            None => (part, 1),
        };
        let number = |text: &str| {
            let named = names
                .iter()
                .position(|name| text.eq_ignore_ascii_case(name));
            let named = named.map(|place| place as u32 + least);
            named.or_else(|| text.parse().ok()).ok_or_else(wrong)
        };
        let (from, to) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/15` goes on to the end.
            None if part.contains('/') => (number(range)?, most),
            None => (number(range)?, number(range)?),
        };
        if from < least || to > most || from > to || step == 0 {
            return Err(wrong());
        }
        for value in (from..=to).step_by(step as usize) {
            set |= 1 << value;
        }
    }
    Ok(set)
}

impl Meaning<'_> {
    pub(super) fn cron_trigger(&mut self, file: &CronFile, at: Span) -> Option<KedaCron> {
        let replicas = file.replicas.value()?.0;
        let replicas = self.within(replicas, file.replicas.at(), "replicas", 1..=MOST);
        let zone = file.timezone.value().map(|text| text.0.clone());
        let mut cron = KedaCron {
            start: file.start.value()?.0.clone(),
            end: file.end.value()?.0.clone(),
            timezone: zone.unwrap_or_else(|| self.start.zone.clone()),
            replicas: Replicas(replicas),
            windows: Vec::new(),
        };
        match self.windows_of(&cron) {
            Ok(windows) => {
                cron.windows = windows;
                Some(cron)
            }
            Err((field, why)) => {
                let place = match field {
                    "start" => file.start.at(),
                    "end" => file.end.at(),
                    _ => file.timezone.at(),
                };
                let rule = "minute, hour, day of month, month, day of week, as in `0 8 * * 1-5`";
                self.found.add(place.unwrap_or(at), why, "", rule);
                None
            }
        }
    }

    /// When a cron trigger is on during the run: until the next end, wherever that comes before the next start, as KEDA
    /// has it. Or which of its parts makes no sense, and why.
    pub(super) fn windows_of(
        &self,
        cron: &KedaCron,
    ) -> Result<Vec<(Timestamp, Timestamp)>, (&'static str, String)> {
        let parse = |field, text: &str| {
            let what = |why| {
                (
                    field,
                    format!("`{}` is no time of cron: {why}", short(text)),
                )
            };
            Cron::parse(text).map_err(what)
        };
        let (start, end) = (parse("start", &cron.start)?, parse("end", &cron.end)?);
        let zone = jiff::tz::TimeZoneDatabase::bundled().get(cron.timezone.trim());
        let zone = zone.map_err(|_| {
            let what = format!("`{}` is no time zone", short(&cron.timezone));
            ("timezone", what)
        })?;
        let begin = self.start.at;
        let over = begin + self.duration;
        let mut windows: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut from = begin;
        let mut minute = begin.as_nanos().div_euclid(MINUTE * 1_000_000_000) + 1;
        let last = over.as_nanos().div_euclid(MINUTE * 1_000_000_000) + BEYOND;
        while minute <= last && from < over {
            let civil = civil(minute, &zone);
            let now = Timestamp::from_secs(minute * MINUTE);
            let ends = end.is_at(civil);
            if ends || start.is_at(civil) {
                match windows.last_mut() {
                    _ if !ends => {}
                    Some((_, to)) if *to == from => *to = now,
                    _ => windows.push((from, now)),
                }
                from = now;
            }
            minute += 1;
        }
        Ok(windows)
    }
}

fn civil(minute: i64, zone: &TimeZone) -> jiff::civil::DateTime {
    let instant = Instant::from_second(minute * MINUTE).unwrap_or(Instant::UNIX_EPOCH);
    zone.to_datetime(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_sets() {
        let all = |field: &str, range| set(field, range, &WEEKDAYS).unwrap();
        assert_eq!(all("*", (0, 6)), 0b111_1111);
        assert_eq!(all("mon-fri", (0, 6)), 0b11_1110);
        assert_eq!(all("*/15", (0, 59)), 1 | 1 << 15 | 1 << 30 | 1 << 45);
        assert_eq!(all("50/5", (0, 59)), 1 << 50 | 1 << 55);
        assert_eq!(all("1,3-4", (0, 6)), 0b1_1010);
        for wrong in ["", "60", "5-1", "*/0", "x", "1-", "7"] {
            assert!(set(wrong, (0, 6), &[]).is_err(), "{wrong}");
        }
        assert!(Cron::parse("0 8 * *").is_err());
    }

    #[test]
    fn days_of_the_month_and_of_the_week_are_either_or() {
        let at = |text: &str, day: i8| {
            let civil = jiff::civil::date(2026, 11, day).at(8, 0, 0, 0);
            Cron::parse(text).unwrap().is_at(civil)
        };
        // The 27th is a Friday.
        assert!(at("0 8 * * fri", 27) && !at("0 8 * * fri", 26));
        assert!(at("0 8 1 * fri", 27) && at("0 8 1 * fri", 1));
        assert!(!at("0 8 1 * *", 27));
    }
}
