//! The folder of a run's results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use metrics::Timestamp;

use crate::exit::Failure;

/// Makes the folder for a run of `name` that begins at `now`: `out`, or `runs/NAME-TIME`, which is never an older run's.
pub(crate) fn create(out: Option<&Path>, name: &str, now: Timestamp) -> Result<PathBuf, Failure> {
    if let Some(out) = out {
        let cannot = || format!("cannot make the folder {}", out.display());
        fs::create_dir_all(out)
            .with_context(cannot)
            .map_err(Failure::at_start)?;
        if out.join(reports::record::FILE).exists() {
            let text = format!(
                "{} holds a record already: a record is never overwritten",
                out.display()
            );
            return Err(Failure::usage(anyhow::anyhow!(
                "{text}; name another folder with --out"
            )));
        }
        return Ok(out.to_owned());
    }
    let runs = Path::new("runs");
    let cannot = || "cannot make the folder runs/ here; name another with --out FOLDER";
    fs::create_dir_all(runs)
        .with_context(cannot)
        .map_err(Failure::at_start)?;
    let stamp = civil(now);
    for number in 1..1000_u32 {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let folder = runs.join(format!("{name}-{stamp}{suffix}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Failure::at_start(anyhow::Error::new(e).context(cannot()))),
        }
    }
    Err(Failure::usage(anyhow::anyhow!(
        "runs/ holds a thousand runs of {name} of this second; tidy up"
    )))
}

/// An instant as `20261127T115000` in UTC. The days are turned into a date by the algorithm of H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(now: Timestamp) -> String {
    let seconds = now.as_secs();
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (
        doy - (153 * mp + 2) / 5 + 1,
        if mp < 10 { mp + 3 } else { mp - 9 },
    );
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}{month:02}{day:02}T{:02}{:02}{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_become_dates() {
        assert_eq!(civil(Timestamp::EPOCH), "19700101T000000");
        assert_eq!(civil(Timestamp::from_secs(951_782_399)), "20000228T235959");
        assert_eq!(
            civil(Timestamp::from_secs(1_795_733_400)),
            "20261126T225000"
        );
    }
}
