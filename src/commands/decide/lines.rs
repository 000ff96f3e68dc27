//! Line by line: an observation in, a decision out.

use std::io::{self, BufRead, Read as _};

use metrics::{Reading, Timestamp};
use scaler::{Decision, Observation, PolicyState, Shown, ShownDecision, Verdict, WriteOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wiring::BoxedPolicy;

/// The longest line that is read, in bytes.
pub(super) const LONGEST: u64 = 16 << 20;

/// What is answered to a line.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    /// The decision.
    Decided(Box<ShownDecision>),
    /// The line is no observation: nothing was decided on it.
    Refused {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        error: String,
    },
}

/// One line.
pub(super) enum Line {
    /// Nothing in it.
    Blank,
    /// All of it.
    Whole(Vec<u8>),
    /// More than is read.
    TooLong,
}

/// The next line; nothing at the end.
pub(super) fn next(from: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    if from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.len() as u64 == LONGEST && !line.ends_with(b"\n") {
        skip_line(from)?;
        return Ok(Some(Line::TooLong));
    }
    Ok(Some(if line.trim_ascii().is_empty() {
        Line::Blank
    } else {
        Line::Whole(line)
    }))
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (length, over) = match end {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        from.consume(length);
        if over {
            return Ok(());
        }
    }
}

/// A policy in the middle of a conversation.
pub(super) struct Deciding {
    policy: BoxedPolicy,
    /// The last observation with its line, and what was decided on it.
    last: Option<(Observation, u64, Decision)>,
    /// What the policy remembered before that, if it is to be saved.
    before: Option<PolicyState>,
}

/// What a conversation goes on from: the policy before its last decision, and what that was on. What became of the
/// decision is only known with the next line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Saved {
    state: PolicyState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Shown>,
}

impl Deciding {
    pub(super) fn new(policy: BoxedPolicy, saves: bool) -> Self {
        Self {
            before: saves.then(|| policy.save()),
            policy,
            last: None,
        }
    }

    /// Goes on from where another left off.
    pub(super) fn restore(&mut self, saved: Saved) -> anyhow::Result<()> {
        let refused =
            |why| anyhow::anyhow!("{why}\n  = to begin anew, name another file with --state");
        self.policy.restore(&saved.state).map_err(refused)?;
        self.before = Some(saved.state);
        if let Some(last) = saved.last {
            self.decide(last.observation(), 0);
        }
        Ok(())
    }

    pub(super) fn saved(&self) -> Saved {
        let last = self.last.as_ref().map(|(seen, _, _)| Shown::of(seen));
        Saved {
            state: self.before.clone().unwrap_or_default(),
            last,
        }
    }

    /// Decides on a line.
    pub(super) fn take(&mut self, line: &[u8], number: u64) -> Result<Answer, String> {
        // Some editors begin a file with a mark of its encoding.
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) if number == 1 => rest,
            _ => line,
        };
        let mut shown: Shown = serde_json::from_slice(line).map_err(|e| in_line(&e, line))?;
        let told = shown.outcome.take();
        let mut seen = shown.observation();
        seen.make_finite();
        if let Some((last, at_line, _)) = &self.last
            && seen.at < last.at
        {
            return Err(goes_back(seen.at, last.at, *at_line));
        }
        if let Some((before, _, decision)) = &self.last {
            let outcome = told.unwrap_or_else(|| inferred(before, decision, &seen));
            self.policy.settle(&outcome);
        }
        if self.before.is_some() {
            self.before = Some(self.policy.save());
        }
        let decision = self.decide(seen.clone(), number);
        Ok(Answer::Decided(Box::new(ShownDecision::of(
            decision, &seen,
        ))))
    }

    fn decide(&mut self, seen: Observation, number: u64) -> Decision {
        let decision = self.policy.decide(&seen);
        self.last = Some((seen, number, decision.clone()));
        decision
    }
}

fn goes_back(at: Timestamp, before: Timestamp, line: u64) -> String {
    let whose = match line {
        0 => "the last one of the saved state".to_owned(),
        line => format!("line {line}"),
    };
    format!(
        "time goes back: {} is before {}, of {whose}",
        at.utc(),
        before.utc()
    )
}

/// What became of a decision, as far as the scale shown next tells.
fn inferred(before: &Observation, decision: &Decision, now: &Observation) -> WriteOutcome {
    match (decision.verdict, &before.scale) {
        (Verdict::Hold, _) => WriteOutcome::Unchanged,
        (Verdict::Scale(_), Reading::NoData(why)) => {
            WriteOutcome::Failed(format!("the scale could not be read: {why}"))
        }
        (Verdict::Scale(n), Reading::Value { value, .. }) if n == value.spec => {
            WriteOutcome::Unchanged
        }
        (Verdict::Scale(n), _) => match now.scale.value() {
            Some(scale) if scale.spec == n => WriteOutcome::Written,
            _ => WriteOutcome::DryRun,
        },
    }
}

/// What is wrong with a line: its column, without the number that the line has in itself.
fn in_line(error: &serde_json::Error, line: &[u8]) -> String {
    let text = error.to_string();
    let (what, column) = (
        text.split(" at line ").next().unwrap_or(&text),
        error.column(),
    );
    let from = column.saturating_sub(2).min(line.len());
    let near = &line[from..line.len().min(from + 10)];
    let near = String::from_utf8_lossy(near);
    let out = if near.contains("NaN") || near.contains("Infinity") {
        ": JSON has no such number, what is not known is `null`"
    } else {
        ""
    };
    format!("column {column}: {what}{out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deciding() -> Deciding {
        let workload = crate::policies::Workload::unknown();
        let workload = workload.unwrap_or_else(|f| panic!("{:#}", f.error));
        let spec = workload.policy("hpa:requests=10/s,min=2,max=12");
        let spec = spec.unwrap_or_else(|f| panic!("{:#}", f.error));
        Deciding::new(spec.build().unwrap(), true)
    }

    fn line(at: u64, replicas: u32, requests: u32) -> Vec<u8> {
        let each: Vec<String> = (0..replicas)
            .map(|i| format!("{{\"replica\":\"ready-{}\",\"value\":{requests}}}", i + 1))
            .collect();
        format!(
            "{{\"at\":{at},\"scale\":{replicas},\"replicas\":{{\"ready\":{replicas}}},\"metrics\":{{\"pods/requests\":[{}]}}}}\n",
            each.join(",")
        )
        .into_bytes()
    }

    fn answer(deciding: &mut Deciding, line: &[u8], number: u64) -> String {
        serde_json::to_string(&deciding.take(line, number).unwrap()).unwrap()
    }

    #[test]
    fn a_conversation_that_is_taken_up_again_goes_on_as_if_it_had_never_stopped() {
        let lines: Vec<_> = [
            (0, 4, 33),
            (15, 8, 30),
            (30, 12, 4),
            (45, 12, 4),
            (400, 12, 4),
            (415, 5, 9),
        ]
        .map(|(at, n, load)| line(at, n, load))
        .into();
        let mut whole = deciding();
        for (number, line) in lines.iter().enumerate() {
            let expected = answer(&mut whole, line, number as u64);
            let mut split = deciding();
            for line in &lines[..number] {
                split.take(line, 1).unwrap();
            }
            let saved = serde_json::to_string(&split.saved()).unwrap();
            let mut again = deciding();
            again
                .restore(serde_json::from_str(&saved).unwrap())
                .unwrap();
            assert_eq!(
                answer(&mut again, line, 1),
                expected,
                "from line {number} on"
            );
            assert_eq!(again.saved(), whole.saved());
        }
    }

    #[test]
    fn what_became_of_a_decision_is_told_or_seen() {
        let events = |told: &str| {
            let mut deciding = deciding();
            deciding.take(&line(0, 4, 20), 1).unwrap();
            let next = String::from_utf8(line(15, 8, 20)).unwrap();
            let next = next.replacen('{', &format!("{{{told}"), 1);
            deciding.take(next.as_bytes(), 2).unwrap();
            serde_json::to_string(&deciding.saved().state).unwrap()
        };
        assert!(
            events("").contains("SucceededRescale"),
            "the scale is what was decided"
        );
        assert!(events("\"outcome\":{\"failed\":\"forbidden\"},").contains("FailedUpdateScale"));
    }

    #[test]
    fn a_line_that_cannot_be_is_refused_and_the_next_one_decided() {
        let mut deciding = deciding();
        deciding.take(&line(30, 4, 10), 1).unwrap();
        for (bad, needle) in [
            (
                &b"{\"at\": 31, \"scale\": NaN}"[..],
                "column 21: expected value: JSON has no such number, what is not known is `null`",
            ),
            (
                b"{\"at\": 31, \"scale\": -Infinity}",
                "JSON has no such number",
            ),
            (b"{\"at\": 31, \"sclae\": 4}", "unknown field `sclae`"),
            (
                b"{\"at\": 29}",
                "time goes back: 1970-01-01 00:00:29 UTC is before 1970-01-01 00:00:30 UTC, of line 1",
            ),
            (b"\xff", "column"),
            (b"[]", "column"),
        ] {
            let error = deciding.take(bad, 2).unwrap_err();
            assert!(error.contains(needle), "{error}");
        }
        assert!(answer(&mut deciding, &line(30, 4, 10), 3).contains("\"replicas\":4"));
        // The mark of an encoding is passed over where a file begins, and only there.
        let marked = [b"\xef\xbb\xbf", line(30, 4, 10).as_slice()].concat();
        assert!(deciding.take(&marked, 1).is_ok());
        assert!(deciding.take(&marked, 2).is_err());
    }

    #[test]
    fn lines_are_bounded_and_none_is_lost() {
        let long = "x".repeat(LONGEST as usize + 5);
        let text = format!("a\n\n{long}\nb");
        let mut from = text.as_bytes();
        let mut seen = Vec::new();
        while let Some(line) = next(&mut from).unwrap() {
            seen.push(match line {
                Line::Blank => "blank".to_owned(),
                Line::Whole(text) => String::from_utf8_lossy(text.trim_ascii()).into_owned(),
                Line::TooLong => "too long".to_owned(),
            });
        }
        assert_eq!(seen, ["a", "blank", "too long", "b"]);
    }
}
