//! An instant of a run, as people write it.

use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use metrics::Timestamp;
use reports::record::Header;

use crate::exit::Failure;

const RULE: &str = "an instant is a time since the start (`10m30s`, or `10:30` and `1:02:30` as reports write it), or a civil time \
    (`12:00:30`, `2026-11-27T12:00:30`)";

/// Reads `10m30s`, `10:30`, `12:00:05`, `2026-11-27T12:00:05`, as an instant of the world's time.
///
/// A clock that lies inside the run, which is `length` seconds long, is time since its start, as reports write it;
/// otherwise it is the time of day.
pub(super) fn read(text: &str, header: &Header, length: f64) -> Result<Timestamp, Failure> {
    let speed = if header.speed > 0.0 {
        header.speed
    } else {
        1.0
    };
    let since = span(text)
        .or_else(|| clock(text).filter(|seconds| *seconds <= length))
        .or_else(|| civil_time(text, header));
    let Some(seconds) = since else {
        return Err(Failure::usage(anyhow::anyhow!(
            "`{text}` is no instant\n  = {RULE}"
        )));
    };
    if !(-0.5..=length + 86_400.0).contains(&seconds) {
        return Err(Failure::usage(anyhow::anyhow!(
            "`{text}` is not in this run, which is {} long\n  = {RULE}",
            reports::words::seconds(length)
        )));
    }
    let nanos = (seconds / speed * 1e9).round();
    Ok(Timestamp::from_nanos(
        header.start.as_nanos().saturating_add(nanos as i64),
    ))
}

/// `1h2m30.5s` in seconds.
fn span(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let factor = match unit.trim() {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" | "min" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    (!text.trim().is_empty()).then_some(seconds)
}

/// `10:30` and `1:02:30` in seconds.
fn clock(text: &str) -> Option<f64> {
    let parts: Vec<f64> = text
        .split(':')
        .map(|part| part.trim().parse::<f64>().ok().filter(|n| *n >= 0.0))
        .collect::<Option<_>>()?;
    match parts.as_slice() {
        [m, s] if *s < 60.0 => Some(m * 60.0 + s),
        [h, m, s] if *m < 60.0 && *s < 60.0 => Some(h * 3600.0 + m * 60.0 + s),
        _ => None,
    }
}

/// A civil time in the run's zone, in seconds since its start. A time of day is the first one after the start.
fn civil_time(text: &str, header: &Header) -> Option<f64> {
    let zone = header.scenario.get("zone").and_then(|zone| zone.as_str());
    let bundled = TimeZoneDatabase::bundled();
    let zone = zone
        .and_then(|name| bundled.get(name).ok())
        .unwrap_or(TimeZone::UTC);
    let start = jiff::Timestamp::from_nanosecond(i128::from(header.start.as_nanos())).ok()?;
    let since =
        |instant: jiff::Timestamp| (instant.as_nanosecond() - start.as_nanosecond()) as f64 / 1e9;
    if let Ok(instant) = text.trim().parse::<jiff::Timestamp>() {
        return Some(since(instant));
    }
    if let Ok(time) = text.trim().parse::<civil::DateTime>() {
        return Some(since(time.to_zoned(zone).ok()?.timestamp()));
    }
    if !text.contains(':') {
        return None;
    }
    let time = text
        .trim()
        .trim_start_matches('T')
        .parse::<civil::Time>()
        .ok()?;
    let day = start.to_zoned(zone.clone()).date();
    let on = |day: civil::Date| {
        Some(since(
            day.to_datetime(time)
                .to_zoned(zone.clone())
                .ok()?
                .timestamp(),
        ))
    };
    let today = on(day)?;
    if today >= 0.0 {
        Some(today)
    } else {
        on(day.tomorrow().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{scenario_file, wiring};

    fn seconds(text: &str) -> Result<f64, String> {
        let scenario = scenario_file::read("flash-sale", &[]);
        let scenario = scenario
            .unwrap_or_else(|f| panic!("{:#}", f.error))
            .scenario;
        let scenario = scenario.at_speed(20.0).unwrap();
        let world = reports::record::World::Local;
        let header = wiring::header(&scenario, world, String::new(), scenario.starts);
        let at = read(text, &header, 1200.0).map_err(|f| f.error.to_string())?;
        Ok(at.since(header.start).as_secs_f64() * 20.0)
    }

    #[test]
    fn instants_as_people_write_them() {
        for (text, meant) in [
            ("10m30s", 630.0),
            ("0s", 0.0),
            ("90s", 90.0),
            ("1.5m", 90.0),
            ("10:30", 630.0),
            ("0:10:30", 630.0),
            // The run begins at 11:52 in Paris and is 20 minutes long.
            ("12:00:05", 485.0),
            ("T12:00:05", 485.0),
            ("2026-11-27T12:00:05", 485.0),
            ("2026-11-27T11:00:05Z", 485.0),
        ] {
            let read = seconds(text).unwrap();
            assert!((read - meant).abs() < 1e-6, "{text}: {read}");
        }
        for text in [
            "",
            "noon",
            "10",
            "12:70",
            "10x",
            "99d",
            "2020-01-01T00:00:00",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
