//! When a scenario starts, and in which zone.

use jiff::civil;
use jiff::tz::TimeZone;
use metrics::Timestamp;

use super::super::mistake::{Found, short};
use super::super::units::Text;
use super::super::written::Field;

/// The start.
pub(crate) struct Start {
    pub(crate) at: Timestamp,
    pub(crate) zone: String,
    /// Seconds since midnight, in the zone.
    pub(crate) second_of_day: u32,
    /// Days since Monday.
    pub(crate) weekday: u8,
}

const RULE: &str =
    "a start is a civil time with its zone: 2026-11-27T11:50[Europe/Paris], 2026-01-05T00:00Z";

/// Reads `starts`; a Monday's midnight UTC if it is not there.
pub(crate) fn start(field: &Field<Text>, found: &mut Found) -> Start {
    let default = Start {
        at: Timestamp::from_secs(1_767_571_200),
        zone: "UTC".to_owned(),
        second_of_day: 0,
        weekday: 0,
    };
    let Some(at) = &field.0 else {
        return default;
    };
    match read(&at.value.0) {
        Ok(start) => start,
        Err(label) => {
            found.add(
                at.at,
                format!("`{}` is not a start", short(&at.value.0)),
                label,
                RULE,
            );
            default
        }
    }
}

fn read(text: &str) -> Result<Start, String> {
    let (time, zone) = match text.split_once('[') {
        Some((time, zone)) => (time, zone.strip_suffix(']').ok_or("the `]` is missing")?),
        None => (
            text.strip_suffix(['Z', 'z'])
                .ok_or("the zone is missing: `[Europe/Paris]` or `Z`")?,
            "UTC",
        ),
    };
    let civil: civil::DateTime = time
        .trim()
        .parse()
        .map_err(|_| "a time is written 2026-11-27T11:50")?;
    // The bundled database only: the machine's may know other rules.
    let zone = jiff::tz::TimeZoneDatabase::bundled()
        .get(zone.trim())
        .map_err(|_| format!("`{}` is no time zone", short(zone)))?;
    let instant = zone.to_ambiguous_zoned(civil).unambiguous().map_err(|_| {
        "the clocks are changed at that time: it is there twice or not at all".to_owned()
    })?;
    let nanos = i64::try_from(instant.timestamp().as_nanosecond())
        .map_err(|_| "a year from 1678 to 2261")?;
    Ok(Start {
        at: Timestamp::from_nanos(nanos),
        zone: name(&zone),
        second_of_day: u32::try_from(
            i64::from(civil.hour()) * 3600
                + i64::from(civil.minute()) * 60
                + i64::from(civil.second()),
        )
        .unwrap_or(0),
        weekday: u8::try_from(civil.weekday().to_monday_zero_offset()).unwrap_or(0),
    })
}

fn name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

/// A time of day, `20:30` or `20:30:15`, in seconds since midnight.
pub(crate) fn time_of_day(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str, below: u32| {
        let fine = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fine.then(|| text.parse::<u32>().ok())
            .flatten()
            .filter(|n| *n < below)
    };
    match parts.as_slice() {
        [h, m] => Some(number(h, 24)? * 3600 + number(m, 60)? * 60),
        [h, m, s] => Some(number(h, 24)? * 3600 + number(m, 60)? * 60 + number(s, 60)?),
        _ => None,
    }
}
