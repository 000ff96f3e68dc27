use std::sync::Arc;

use metrics::{Quantity, Reading, Replicas};
use scaler::{
    HpaController, HpaTarget, MetricId, ReadyState, ReplicaObservation, Sample, Scale, SimpleHpa,
    Verdict,
};

use super::*;
use crate::record::Event;
use crate::sample::{self, Kind};
use crate::terminal::Style;

fn spec() -> PolicySpec {
    PolicySpec::Hpa(SimpleHpa {
        targets: vec![HpaTarget::Requests(10.0)],
        min: Replicas(2),
        max: Replicas(12),
        behavior: None,
        rate_period: std::time::Duration::from_secs(15),
        controller: HpaController::default(),
    })
}

/// `spec` replicas that are ready, each with so many requests a second.
fn seen(at: Timestamp, spec: u32, requests: i64) -> Observation {
    let id = MetricId::Pods {
        name: "requests".into(),
    };
    let replica = |i| {
        let mut replica = ReplicaObservation {
            id: format!("r-{i}"),
            ..ReplicaObservation::default()
        };
        replica.ready.state = ReadyState::True;
        replica
    };
    let sample = |i| Sample {
        replica: Some(format!("r-{i}")),
        value: Quantity::from_milli(requests * 1000),
    };
    let scale = Scale {
        spec: Replicas(spec),
        status: Replicas(spec),
        ..Scale::default()
    };
    Observation {
        at,
        scale: Reading::now(scale, at),
        replicas: (0..spec).map(replica).collect(),
        metrics: [(id, Reading::now((0..spec).map(sample).collect(), at))].into(),
        ..Observation::default()
    }
}

/// A run in which the HPA follows these requests a replica, every 15 s of the world's time.
fn events(requests: &[i64]) -> Vec<Event> {
    let mut header = sample::header(Kind::Passed);
    header.speed = 1.0;
    let of = PolicyHeader {
        spec: spec(),
        state: None,
    };
    header.policies = [("catalogue".to_owned(), of)].into();
    if let Some(service) = header.services.get_mut("catalogue") {
        (service.min, service.max) = (Replicas(2), Replicas(12));
        service.policy = "hpa".into();
    }
    let mut policy = spec().build().unwrap();
    let (mut at, mut n) = (header.start, 4);
    let mut events = vec![Event::Header(Box::new(header))];
    for requests in requests {
        let observation = seen(at, n, *requests);
        let decision = policy.decide(&observation);
        let outcome = match decision.verdict {
            Verdict::Scale(to) if to.get() != n => {
                n = to.get();
                WriteOutcome::Written
            }
            _ => WriteOutcome::Unchanged,
        };
        let status = policy.settle(&outcome);
        let workload = "catalogue".to_owned();
        events.push(Event::Observation {
            workload: workload.clone(),
            observation: Box::new(observation),
        });
        events.push(Event::Decision {
            workload: workload.clone(),
            at,
            decision,
        });
        events.push(Event::Written {
            workload,
            at,
            outcome,
            status,
        });
        at = at + std::time::Duration::from_secs(15);
    }
    events
}

const DAY: [i64; 8] = [10, 33, 30, 10, 11, 4, 4, 10];

#[test]
fn a_record_replays_byte_for_byte_and_a_changed_one_says_where_it_differs() {
    let mut all = events(&DAY);
    let record = Record::from_events(all.clone()).unwrap();
    let replayed = replay::replay(&record).unwrap();
    assert_eq!(replayed[0].decisions, DAY.len() as u64);
    assert_eq!(replayed[0].difference, None);
    assert!(replay_text(&replayed).starts_with("catalogue (hpa): all 8 decisions the same"));

    let tampered = all.iter_mut().filter_map(|event| match event {
        Event::Decision { decision, .. } => Some(decision),
        _ => None,
    });
    tampered.skip(2).for_each(|decision| {
        let said = format!("{}!", decision.reason.sentence());
        Arc::make_mut(&mut decision.reason).retell(said);
    });
    let record = Record::from_events(all).unwrap();
    let replayed = replay::replay(&record).unwrap();
    assert_eq!(replayed[0].decisions, 2);
    let difference = replayed[0].difference.as_ref().unwrap();
    assert_eq!(difference.of, "decision");
    assert!((difference.at_s - 30.0).abs() < 1e-9);
    assert!(difference.recorded.contains('!') && !difference.replayed.contains('!'));
    let explained = explain(&record, &Which::default());
    assert!(explained.decisions[1].without.is_empty());
    assert!(
        explained.notes[0].contains("does not follow from its policy"),
        "{:?}",
        explained.notes
    );
}

#[test]
fn a_decision_says_what_it_would_have_been_without_each_rule() {
    let record = Record::from_events(events(&DAY)).unwrap();
    let changes = explain(&record, &Which::default());
    let numbers: Vec<_> = changes.decisions.iter().map(|d| (d.from, d.to)).collect();
    assert_eq!(numbers, [(Some(4), Some(8)), (Some(8), Some(12))]);
    let first = &changes.decisions[0];
    let without: Vec<_> = first
        .without
        .iter()
        .map(|w| (w.rule.as_str(), w.replicas, w.instead.as_deref()))
        .collect();
    assert_eq!(without, [("rate", Some(12), Some("max"))]);
    insta::assert_snapshot!(text(&changes, 100, Style::Plain));
    insta::assert_snapshot!(markdown(&changes));
}

#[test]
fn an_instant_has_the_decision_in_force_and_a_span_all_of_them() {
    let record = Record::from_events(events(&DAY)).unwrap();
    let start = record.header.start;
    let second = |s: u64| start + std::time::Duration::from_secs(s);
    let ask = |when| {
        let which = Which {
            workload: Some("catalogue".into()),
            when,
            most: None,
        };
        explain(&record, &which)
    };
    let at = ask(When::At(second(89)));
    assert_eq!(at.decisions.len(), 1);
    // The window holds what the load has long left.
    let held = &at.decisions[0];
    assert_eq!((held.at_s, held.to), (75.0, Some(12)));
    let rules: Vec<_> = held
        .without
        .iter()
        .map(|w| (w.rule.as_str(), w.replicas))
        .collect();
    assert_eq!(
        rules,
        [
            ("stabilisation", Some(5)),
            ("max", Some(24)),
            ("all", Some(5))
        ]
    );
    assert_eq!(
        ask(When::Between(second(30), second(60))).decisions.len(),
        3
    );
    assert_eq!(
        ask(When::Between(second(300), second(600))).decisions.len(),
        0
    );
}

#[test]
fn of_too_many_the_first_are_told_and_how_to_see_the_others() {
    let record = Record::from_events(events(&DAY)).unwrap();
    let (start, last) = (record.header.start, record.last);
    let ask = |when, most| {
        let which = Which {
            workload: None,
            when,
            most: Some(most),
        };
        explain(&record, &which)
    };
    let all = ask(When::Between(start, last), 1000);
    assert!(all.left_out.is_none());
    let some = ask(When::Between(start, last), 3);
    assert_eq!(some.decisions[..], all.decisions[..3]);
    let left = some.left_out.as_ref().unwrap();
    assert_eq!(left.count as usize, all.decisions.len() - 3);
    assert_eq!(left.from_s, all.decisions[3].at_s);
    let said = "… and 5 more decisions from 0:45 on: `--from 0:45` goes on there, `--most 8` gives them all, `--service` \
        those of one service.";
    assert!(
        text(&some, 200, Style::Plain).contains(said),
        "{}",
        text(&some, 200, Style::Plain)
    );
    let changes = ask(When::Changes, 1).left_out.unwrap();
    assert_eq!(changes.count, 1);
    assert!(changes.how.starts_with("`--most 2`"), "{}", changes.how);
}

#[test]
fn a_rule_that_leaves_no_trace_is_found() {
    let record = Record::from_events(events(&[10, 11])).unwrap();
    let at = record.header.start + std::time::Duration::from_secs(15);
    let which = Which {
        workload: None,
        when: When::At(at),
        most: None,
    };
    let near = &explain(&record, &which).decisions[0];
    assert!(near.clips.is_empty() && !near.changes());
    let tolerance = &near.without[0];
    assert_eq!(
        (tolerance.rule.as_str(), tolerance.replicas),
        ("tolerance", Some(5))
    );
    assert_eq!(
        tolerance.says,
        "what is within 10 % of the target is near enough"
    );
}

#[test]
fn another_policy_answers_what_was_there_and_says_that_it_is_open_loop() {
    let record = Record::from_events(events(&DAY)).unwrap();
    let other = PolicySpec::Static {
        replicas: Replicas(6),
        period: std::time::Duration::from_secs(15),
    };
    let answers = replay::open_loop(&record, "catalogue", &other).unwrap();
    assert_eq!(answers.len(), DAY.len());
    assert_eq!(
        (answers[1].from, answers[1].decided, answers[1].would),
        (Some(4), Some(8), Some(6))
    );
    let all = [Answers {
        workload: "catalogue".into(),
        policy: "static".into(),
        answers,
    }];
    let said = open_loop_text(&all);
    assert!(said.contains("static would have decided otherwise in 8 of 8 decisions, up to 2 more and up to 6 fewer"), "{said}");
    assert!(said.contains("nothing of it was carried out"), "{said}");
    assert!(open_loop_markdown(&all).contains("| 0:15 | 8 | 6 |"));
}

#[test]
fn a_policy_that_was_not_shown_what_it_decides_on_is_not_asked() {
    let record = Record::from_events(events(&DAY)).unwrap();
    let other = PolicySpec::Hpa(SimpleHpa {
        targets: vec![HpaTarget::Busy(metrics::Ratio::ONE)],
        ..match spec() {
            PolicySpec::Hpa(hpa) => hpa,
            _ => unreachable!("it is an hpa"),
        }
    });
    let error = replay::open_loop(&record, "catalogue", &other).unwrap_err();
    assert!(
        error.to_string().contains("not shown: metric pods/busy"),
        "{error}"
    );
}

#[test]
fn hostile_names_do_nothing() {
    let mut all = events(&DAY);
    for event in &mut all {
        if let Event::Decision { decision, .. } = event {
            Arc::make_mut(&mut decision.reason).retell("\u{1b}[31m<b>`");
        }
    }
    let record = Record::from_events(all).unwrap();
    let explained = explain(&record, &Which::default());
    assert!(!text(&explained, 100, Style::Plain).contains('\u{1b}'));
    let page = markdown(&explained);
    assert!(!page.contains('\u{1b}') && !page.contains("<b>"), "{page}");
}
