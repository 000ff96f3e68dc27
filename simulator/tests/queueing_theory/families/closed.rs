//! A fixed crowd that waits for its answers: the machine repair model.

use super::super::case::{Case, Fault};
use super::super::draft::{Draft, run};
use super::super::effort::Effort;
use super::super::quantities::Setting;
use super::super::station::Questions;
use super::super::watch::Watch;
use super::super::work::Work;
use super::Seen;

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("discipline", &["fifo"])?;
    let users = model.count("users")?;
    let servers = model.count("servers")?;
    let think = Work::read(&model.part("think")?)?;
    let work = Work::read(&model.part("service")?)?;
    model.finish()?;
    let (requests, full) = effort.requests(case);
    // No more than all servers can do, and no more than all users ask for.
    let most = f64::from(servers) / work.mean;
    let rate = most.min(f64::from(users) / (think.mean + work.mean));
    let memory = 50.0 * (think.mean + f64::from(users) * work.mean);
    let spans = effort.spans(requests / rate, memory);
    let page = format!(", think: {}", think.single()?);
    let draft = Draft::crowd(spans.end() as f64 / 1e9, users).station(
        &format!("slots: {servers}, queue: unlimited"),
        &work,
        &page,
    );
    let watch = Watch::new(spans, [Questions::default()], 0);
    let mut watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    watch.finish(spans.end());
    let setting = Setting {
        servers: f64::from(servers),
        replicas: 1,
        sharing: false,
    };
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        // The response is what the shopper sees: the page.
        let found = match name.as_str() {
            "mean_response" => Some(
                watch
                    .pages
                    .estimate(|pages| pages.latency / pages.served as f64 / 1e9),
            ),
            _ => watch.stations[0].quantity(name, setting, &[]),
        };
        seen.note(name, found);
    }
    Ok(seen)
}
