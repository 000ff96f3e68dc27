//! Observations as they are written: replicas as what changed since the workload's observation before.

use std::collections::{BTreeMap, BTreeSet};

use scaler::{Observation, ReplicaObservation};
use serde::{Deserialize, Serialize};

use super::Event;

/// One observation as written.
#[derive(Deserialize, Serialize)]
struct Line {
    event: Tag,
    workload: String,
    /// The observation without its replicas.
    observation: Box<Observation>,
    /// Whether `replicas` are all of them, in order; otherwise they are new or changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<ReplicaObservation>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Observation,
}

/// The start of an observation's line.
pub(super) const OBSERVATION: &[u8] = br#"{"event":"observation","#;
/// The start of a window's line.
pub(super) const WINDOW: &[u8] = br#"{"event":"window","#;

/// Turns events into the JSON of their lines.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    last: BTreeMap<String, Vec<ReplicaObservation>>,
}

impl Encoder {
    /// The JSON of an event's line.
    pub(crate) fn encode(&mut self, event: &Event) -> Vec<u8> {
        match event {
            Event::Observation {
                workload,
                observation,
            } => to_json(&self.line(workload, observation)),
            other => to_json(other),
        }
    }

    fn line(&mut self, workload: &str, observation: &Observation) -> Line {
        let mut rest = observation.clone();
        rest.make_finite();
        let now = std::mem::take(&mut rest.replicas);
        let before = self.last.insert(workload.to_owned(), now.clone());
        let (replicas, gone, all) = match before {
            Some(before) => changes(&before, &now),
            None => (now, Vec::new(), true),
        };
        Line {
            event: Tag::Observation,
            workload: workload.to_owned(),
            observation: Box::new(rest),
            all,
            replicas,
            gone,
        }
    }
}

/// What turns `before` into `now`: changed replicas, gone ones, and whether the changed ones are simply all.
fn changes(
    before: &[ReplicaObservation],
    now: &[ReplicaObservation],
) -> (Vec<ReplicaObservation>, Vec<String>, bool) {
    let old: BTreeMap<&str, &ReplicaObservation> =
        before.iter().map(|r| (r.id.as_str(), r)).collect();
    let present: BTreeSet<&str> = now.iter().map(|r| r.id.as_str()).collect();
    let gone: Vec<String> = before
        .iter()
        .filter(|r| !present.contains(r.id.as_str()))
        .map(|r| r.id.clone())
        .collect();
    let changed: Vec<ReplicaObservation> = now
        .iter()
        .filter(|r| old.get(r.id.as_str()) != Some(r))
        .cloned()
        .collect();
    // A source may name its replicas in another order than before: then a change list would not lead back to it.
    if apply(before.to_vec(), &changed, &gone) == now {
        (changed, gone, false)
    } else {
        (now.to_vec(), Vec::new(), true)
    }
}

fn apply(
    mut replicas: Vec<ReplicaObservation>,
    changed: &[ReplicaObservation],
    gone: &[String],
) -> Vec<ReplicaObservation> {
    let gone: BTreeSet<&str> = gone.iter().map(String::as_str).collect();
    replicas.retain(|r| !gone.contains(r.id.as_str()));
    let mut places: BTreeMap<String, usize> = replicas
        .iter()
        .enumerate()
        .map(|(i, r)| (r.id.clone(), i))
        .collect();
    for replica in changed {
        match places.get(&replica.id) {
            Some(place) => replicas[*place] = replica.clone(),
            None => {
                places.insert(replica.id.clone(), replicas.len());
                replicas.push(replica.clone());
            }
        }
    }
    replicas
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("events have no maps with keys that are no texts")
}

/// Turns lines back into events.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    last: BTreeMap<String, Vec<ReplicaObservation>>,
}

impl Decoder {
    /// The event of a line's JSON.
    pub(super) fn decode(&mut self, json: &[u8]) -> Result<Event, serde_json::Error> {
        if !json.starts_with(OBSERVATION) {
            return serde_json::from_slice(json);
        }
        let line: Line = serde_json::from_slice(json)?;
        let mut observation = line.observation;
        let before = self.last.remove(&line.workload).unwrap_or_default();
        observation.replicas = if line.all {
            line.replicas
        } else {
            apply(before, &line.replicas, &line.gone)
        };
        self.last
            .insert(line.workload.clone(), observation.replicas.clone());
        Ok(Event::Observation {
            workload: line.workload,
            observation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::{NoData, Reading, Timestamp};
    use proptest::prelude::*;

    fn observation(ids: &[(u8, bool)]) -> Observation {
        let replica = |(id, deleting): &(u8, bool)| ReplicaObservation {
            id: format!("r-{id}"),
            deleting: *deleting,
            ..ReplicaObservation::default()
        };
        Observation {
            at: Timestamp::from_secs(1),
            replicas: ids.iter().map(replica).collect(),
            ..Observation::default()
        }
    }

    proptest! {
        #[test]
        fn any_sequence_comes_back(all in prop::collection::vec((0_u8..2, prop::collection::vec((0_u8..6, any::<bool>()), 0..6)), 1..12)) {
            let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
            for (workload, ids) in all {
                let event = Event::Observation { workload: format!("w{workload}"), observation: Box::new(observation(&ids)) };
                let json = encoder.encode(&event);
                prop_assert_eq!(decoder.decode(&json).unwrap(), event);
            }
        }
    }

    #[test]
    fn what_did_not_change_is_not_written_again() {
        let event = Event::Observation {
            workload: "catalogue".into(),
            observation: Box::new(observation(&[(1, false), (2, false), (3, false)])),
        };
        let mut encoder = Encoder::default();
        let (first, second) = (encoder.encode(&event), encoder.encode(&event));
        assert!(second.len() < first.len() / 2);
        assert!(!String::from_utf8(second).unwrap().contains("r-1"));
    }

    #[test]
    fn absurd_numbers_become_no_data_instead_of_an_unreadable_line() {
        let mut seen = observation(&[]);
        seen.traffic.queued = Reading::now(f64::NAN, seen.at);
        seen.traffic.in_flight = Reading::now(f64::INFINITY, seen.at);
        let json = Encoder::default().encode(&Event::Observation {
            workload: "w".into(),
            observation: Box::new(seen),
        });
        let Event::Observation { observation, .. } = Decoder::default().decode(&json).unwrap()
        else {
            panic!("an observation was written");
        };
        assert_eq!(
            observation.traffic.queued,
            Reading::NoData(NoData::Absurd("NaN".into()))
        );
        assert_eq!(
            observation.traffic.in_flight,
            Reading::NoData(NoData::Absurd("inf".into()))
        );
    }
}
