//! Synthetic days, made from what days are made of: a day's rise and fall, noise that wanders, crowds, faults.

use super::load::{BEFORE, Crowd, DAY, Load};
use super::luck::Luck;

/// A class of days.
#[derive(Clone, Copy)]
pub struct Family {
    pub name: &'static str,
    pub about: &'static str,
    pub make: fn(&mut Luck) -> Load,
}

pub const FAMILIES: [Family; 8] = [
    Family {
        name: "diurnal",
        about: "Days like each other.",
        make: diurnal,
    },
    Family {
        name: "campaign",
        about: "An afternoon with a campaign that nobody announced.",
        make: campaign,
    },
    Family {
        name: "announced-sale",
        about: "A sale of three to six times the load, at a known hour.",
        make: announced,
    },
    Family {
        name: "recurring-sale",
        about: "A sale at the same hour of each day, that nobody announced.",
        make: recurring,
    },
    Family {
        name: "noisy",
        about: "A load that wanders by a fifth.",
        make: noisy,
    },
    Family {
        name: "on-off",
        about: "A load that comes and goes at random.",
        make: on_off,
    },
    Family {
        name: "shift",
        about: "A holiday: the day is shifted, something spreads, an outage and its return.",
        make: shift,
    },
    Family {
        name: "bad-deploy",
        about: "A version that takes 22 % less per replica.",
        make: bad_deploy,
    },
];

const HOUR: f64 = 3600.0;
const LAST: f64 = (BEFORE * DAY * 60) as f64;
const MINUTES: usize = (BEFORE + 1) * DAY;

/// A day's rise and fall, with its height at `peak`, in hours; the mean is 1.
fn course(hour: f64, peak: f64) -> f64 {
    let angle = std::f64::consts::TAU * (hour - peak) / 24.0;
    1.0 + 0.55 * libm::cos(angle) + 0.1 * libm::cos(2.0 * angle)
}

/// Noise of this size that forgets half of itself in `half` minutes, as a factor for each minute.
fn wander(luck: &mut Luck, size: f64, half: f64) -> Vec<f64> {
    let keep = libm::exp2(-1.0 / half);
    let fresh = libm::sqrt(1.0 - keep * keep);
    let mut now = luck.normal();
    (0..MINUTES)
        .map(|_| {
            now = now * keep + fresh * luck.normal();
            libm::exp(size * now - size * size / 2.0)
        })
        .collect()
}

/// Days that differ a little in height, with noise.
fn days(luck: &mut Luck, size: f64, half: f64) -> Load {
    let peak = luck.between(17.0, 22.0);
    let heights: Vec<f64> = (0..=BEFORE).map(|_| luck.between(0.9, 1.1)).collect();
    let noise = wander(luck, size, half);
    let rate = |minute: usize| {
        let hour = (minute % DAY) as f64 / 60.0;
        heights[minute / DAY] * course(hour, peak) * noise[minute]
    };
    Load {
        base: (0..MINUTES).map(rate).collect(),
        around: peak * HOUR,
        ..Load::default()
    }
}

fn diurnal(luck: &mut Luck) -> Load {
    days(luck, 0.04, 20.0)
}

fn noisy(luck: &mut Luck) -> Load {
    days(luck, 0.2, 8.0)
}

fn campaign(luck: &mut Luck) -> Load {
    let mut load = diurnal(luck);
    let at = luck.between(10.0, 18.0) * HOUR;
    let earlier = luck.between(0.0, BEFORE as f64 - 1.0).floor() * DAY as f64 * 60.0;
    for begin in [earlier, LAST] {
        load.crowds.push(Crowd {
            at: begin + at,
            rise: 15.0 * 60.0,
            hold: 2.0 * HOUR,
            decay: 2.0 * HOUR,
            height: luck.between(0.6, 1.2),
            announced: None,
        });
    }
    load.around = at + 0.5 * HOUR;
    load
}

fn announced(luck: &mut Luck) -> Load {
    let mut load = diurnal(luck);
    let (at, times) = (luck.between(10.0, 20.0) * HOUR, luck.between(3.0, 6.0));
    let usual = load.base[BEFORE * DAY + (at / 60.0) as usize];
    load.crowds.push(Crowd {
        at: LAST + at,
        rise: 60.0,
        hold: 10.0 * 60.0,
        decay: 40.0 * 60.0,
        // What comes is not quite what was announced.
        height: usual * (times * luck.between(0.9, 1.1) - 1.0),
        announced: Some(times),
    });
    load.around = at;
    load
}

fn recurring(luck: &mut Luck) -> Load {
    let mut load = diurnal(luck);
    let at = luck.between(9.0, 20.0) * HOUR;
    for day in 0..=BEFORE {
        let begin = (day * DAY * 60) as f64;
        let usual = load.base[day * DAY + (at / 60.0) as usize];
        load.crowds.push(Crowd {
            at: begin + at + luck.between(-20.0, 20.0),
            rise: 45.0,
            hold: 8.0 * 60.0,
            decay: 20.0 * 60.0,
            height: usual * luck.between(1.2, 2.2),
            announced: None,
        });
    }
    load.around = at;
    load
}

fn on_off(luck: &mut Luck) -> Load {
    let mut base = Vec::with_capacity(MINUTES);
    let mut on = false;
    while base.len() < MINUTES {
        let mean = if on { 25.0 } else { 50.0 };
        let length = luck.exponential(mean).clamp(2.0, 240.0) as usize;
        let rate = if on { luck.between(1.6, 2.6) } else { 0.5 };
        base.extend(std::iter::repeat_n(rate, length));
        on = !on;
    }
    base.truncate(MINUTES);
    Load {
        base,
        around: 12.0 * HOUR,
        ..Load::default()
    }
}

fn shift(luck: &mut Luck) -> Load {
    let mut load = days(luck, 0.04, 20.0);
    let later = luck.between(-4.0, 4.0);
    let (spreads, outage) = (luck.between(8.0, 11.0), luck.between(14.0, 18.0));
    let noise = wander(luck, 0.04, 20.0);
    for (minute, noise) in noise.iter().enumerate().take(DAY) {
        let hour = minute as f64 / 60.0;
        let mut rate = course(hour, 19.0 + later) * noise;
        // It spreads within ten minutes and is over in two hours.
        let since = hour - spreads;
        if (0.0..2.0).contains(&since) {
            rate *= 1.0 + 0.8 * (since * 6.0).min(1.0);
        }
        // Twelve minutes of hardly anybody, then all at once, and some more.
        let since = hour - outage;
        if (0.0..0.2).contains(&since) {
            rate *= 0.1;
        } else if (0.2..1.2).contains(&since) {
            rate *= 1.0 + 0.6 * libm::exp(-(since - 0.2) / 0.25);
        }
        load.base[BEFORE * DAY + minute] = rate;
    }
    load.around = outage * HOUR;
    load
}

fn bad_deploy(luck: &mut Luck) -> Load {
    let mut load = diurnal(luck);
    let at = luck.between(9.0, 19.0) * HOUR;
    load.fault = Some(format!(
        "{{at: {}s, bad_deploy: shop, factor: 1.28x, share: 0%}}",
        (LAST + at).round()
    ));
    load.around = at;
    load
}
