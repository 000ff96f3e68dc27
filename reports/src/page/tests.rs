use super::*;
use crate::charts::hero_svg;
use crate::record::Record;
use crate::sample::{self, Kind};

/// Every kind of run that a page must survive.
fn runs() -> Vec<(&'static str, Record)> {
    vec![
        ("passed", sample::record(Kind::Passed)),
        ("failed", sample::record(Kind::Failed)),
        ("invalid", sample::record(Kind::Invalid)),
        ("interrupted", sample::record(Kind::Interrupted)),
        ("simulated", sample::simulated(Kind::Failed)),
        ("hostile", sample::hostile()),
        ("three seconds", sample::begun(4)),
        ("one window", sample::begun(1)),
        ("nothing but a header", sample::begun(0)),
    ]
}

/// A page and its picture, by the run's name.
fn drawn() -> Vec<(&'static str, String, String)> {
    let all = runs().into_iter().map(|(name, record)| {
        let analysis = Analysis::of(&record);
        (name, html(&analysis), hero_svg(&analysis))
    });
    all.collect()
}

/// What is wrong with a document's tags: every element that is opened is closed, in order.
fn unbalanced(document: &str) -> Option<String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = document;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if rest.starts_with("!DOCTYPE") {
            continue;
        }
        let tag = &rest[..rest.find('>')?];
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        if tag.starts_with('/') {
            match open.pop() {
                Some(last) if last == name => {}
                last => return Some(format!("</{name}> closes {last:?}")),
            }
        } else if name != "meta" && !tag.ends_with('/') {
            if name == "script" || name == "style" {
                rest = &rest[rest.find(&format!("</{name}"))?..];
                rest = &rest[rest.find('>')?..];
            } else {
                open.push(name);
            }
        }
    }
    open.pop().map(|name| format!("<{name}> is never closed"))
}

#[test]
fn every_run_has_a_whole_page_that_asks_for_nothing() {
    for (name, page, picture) in drawn() {
        assert_eq!(unbalanced(&page), None, "{name}");
        assert_eq!(unbalanced(&picture), None, "{name}");
        assert!(page.contains("Content-Security-Policy"), "{name}");
        assert!(page.len() < 400 << 10, "{name}: {} bytes", page.len());
        for text in [
            page.as_str(),
            &picture.replace("http://www.w3.org/2000/svg", ""),
        ] {
            for fetch in [
                "http:", "https:", " src=", "@import", "url(\"", "url(http", "<link", "<iframe",
                "NaN", "inf%",
            ] {
                assert!(!text.contains(fetch), "{name}: {fetch}");
            }
        }
    }
}

#[test]
fn no_name_leaves_its_place() {
    let analysis = Analysis::of(&sample::hostile());
    let page = html(&analysis);
    assert_eq!(
        page.matches("<script").count(),
        2,
        "the data and the cursor"
    );
    assert_eq!(page.matches("</script").count(), 2);
    for text in [page, hero_svg(&analysis)] {
        assert!(!text.contains("<script>alert"));
        let unfit =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.contains(unfit));
    }
}

#[test]
fn every_chart_says_itself_in_words() {
    for (name, page, _) in drawn() {
        assert!(!page.contains("role=\"img\" aria-label=\"\""), "{name}");
        let charts = page.matches("role=\"img\"").count();
        assert_eq!(
            page.matches("role=\"img\" aria-label=").count(),
            charts,
            "{name}"
        );
        assert!(charts >= 3, "{name}");
        assert_eq!(page.matches("<h1>").count(), 1, "{name}");
    }
}

#[test]
fn missing_data_is_a_hatched_band_with_its_name() {
    let page = |kind| html(&Analysis::of(&sample::record(kind)));
    let (passed, invalid) = (page(Kind::Passed), page(Kind::Invalid));
    assert!(!passed.contains("class=\"nd\"") && !passed.contains(">no data<"));
    assert!(invalid.contains("class=\"nd\"") && invalid.contains(">no data<"));
    assert!(page(Kind::Interrupted).contains(">not run<"));
}

#[test]
fn the_verdict_stands_first_and_its_gates_with_it() {
    let analysis = Analysis::of(&sample::record(Kind::Failed));
    let page = html(&analysis);
    let verdict = page.find("FAILED</div>").expect("the badge");
    let hero = page.find("id=\"hero\"").expect("the hero");
    assert!(verdict < hero);
    for gate in &analysis.gates {
        let text = html! { (words::set(&gate.gate)) }.into_string();
        let at = page.find(&text).expect("every gate has its row");
        assert!(at < hero, "{text}");
    }
}

#[test]
fn a_prediction_stands_beside_the_measurement() {
    let of = |kind| Analysis::of(&sample::record(kind));
    let (predicted, measured) = (of(Kind::Passed), of(Kind::Failed));
    let page = html_beside(&measured, &predicted.clone().into());
    assert_eq!(unbalanced(&page), None);
    let at = |id: &str| page.find(&format!("id=\"{id}\""));
    assert!(at("hero") < at("predicted") && at("predicted") < at("knee"));
    assert!(page.contains("stroke=\"#A9B1BA\""), "the dashed line");
    assert!(!html(&measured).contains("id=\"predicted\""));
    let empty = Analysis::of(&sample::begun(0));
    for (predicted, measured) in [(&empty, &measured), (&predicted, &empty)] {
        assert_eq!(
            unbalanced(&html_beside(measured, &predicted.clone().into())),
            None
        );
    }
    let hostile = Analysis::of(&sample::hostile());
    let page = html_beside(&hostile, &hostile.clone().into());
    assert!(!page.contains("<script>alert"));
}

#[test]
fn a_simulated_run_has_a_full_report_and_nothing_that_could_be_late() {
    let run = Analysis::of(&sample::simulated(Kind::Failed));
    let page = html(&run);
    for section in [
        "hero",
        "knee",
        "heat",
        "services",
        "decisions",
        "cost",
        "quality",
        "again",
    ] {
        assert!(page.contains(&format!("id=\"{section}\"")), "{section}");
    }
    assert!(!page.contains("id=\"honest\""));
    assert!(!page.contains("lateness"));
    assert!(page.contains("simulated at its limit") && !page.contains("measured"));
    assert!(page.contains("rushhour simulate flash-sale --seed 42 --speed 20"));
    assert_eq!(
        run.verdict,
        Analysis::of(&sample::record(Kind::Failed)).verdict
    );
    assert!(crate::markdown::summary(&run).contains("| simulated |"));
}

#[test]
fn a_speed_is_explained_beside_the_verdict() {
    let analysis = Analysis::of(&sample::record(Kind::Passed));
    let noise = analysis.noise.as_ref().and_then(|n| n.sentence.as_ref());
    let sentence = words::set(noise.expect("the sample runs at speed 20"));
    let page = html(&analysis);
    assert!(page.find(&sentence) < page.find("id=\"hero\""));
}

#[test]
fn the_hero_of_a_short_run() {
    let picture = hero_svg(&Analysis::of(&sample::begun(4)));
    // The style sheet is not what this is about.
    let style = picture.find("</style>").expect("it has a style");
    insta::assert_snapshot!(picture[style..].replace("><", ">\n<"));
}

#[test]
fn only_the_pages_own_script_may_run() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(SCRIPT.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(digest);
    assert_eq!(
        SCRIPT_HASH, hash,
        "the script changed: write this hash beside it"
    );
    assert!(policy().contains(&hash));
}

#[test]
fn the_script_is_short_and_writes_text_only() {
    assert!(SCRIPT.lines().count() < 100);
    for unsafe_sink in [
        "innerHTML",
        "insertAdjacent",
        "document.write",
        "eval",
        "http",
    ] {
        assert!(!SCRIPT.contains(unsafe_sink), "{unsafe_sink}");
    }
}

/// The sample's run, again and again until it has as many windows as a run may have, with twenty services.
fn longest() -> Analysis {
    let mut long = Analysis::of(&sample::record(Kind::Failed));
    let once = long.clone();
    let length = once.about.ran_s;
    for i in 1..36 {
        let by = f64::from(i) * length;
        let moved = |from: f64, to: f64| (from + by, to + by);
        for mut w in once.windows.clone() {
            (w.from_s, w.to_s) = moved(w.from_s, w.to_s);
            long.windows.push(w);
        }
        for mut s in once.percentiles.clone() {
            (s.from_s, s.to_s) = moved(s.from_s, s.to_s);
            long.percentiles.push(s);
        }
        for mut b in once.breaches.clone() {
            (b.from_s, b.to_s) = moved(b.from_s, b.to_s);
            long.breaches.push(b);
        }
        for (service, first) in long.services.iter_mut().zip(&once.services) {
            for mut w in first.windows.clone() {
                (w.from_s, w.to_s) = moved(w.from_s, w.to_s);
                service.windows.push(w);
            }
            for mut r in first.replicas.clone() {
                r.at_s += by;
                service.replicas.push(r);
            }
            service.p99_steps_ms.extend(first.p99_steps_ms.clone());
            service.knee.extend(first.knee.clone());
        }
        long.decisions.groups.extend(once.decisions.groups.clone());
    }
    (long.about.ran_s, long.about.duration_s) = (36.0 * length, 36.0 * length);
    let four = long.services.clone();
    for i in 1..5 {
        long.services.extend(four.iter().cloned().map(|mut s| {
            s.name = format!("{}-{i}", s.name);
            s
        }));
    }
    long
}

#[test]
fn the_longest_run_with_twenty_services_stays_below_two_mebibytes() {
    let page = html(&longest());
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
    assert_eq!(unbalanced(&page), None);
}
