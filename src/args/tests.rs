use clap::{CommandFactory as _, Parser as _};

use super::*;

/// The commands that the helps of `command` and all below it show as examples.
fn examples(command: &clap::Command) -> Vec<String> {
    let text = command.get_after_help().map(ToString::to_string);
    let lines = text.iter().flat_map(|text| text.lines());
    let own = lines.filter(|line| line.starts_with("  rushhour "));
    let own = own.map(|line| line.trim().to_owned());
    let below = command.get_subcommands().flat_map(examples);
    own.chain(below).collect()
}

#[test]
fn examples_in_the_help_are_commands() {
    let all = examples(&Args::command());
    assert!(all.len() >= 22, "{all:?}");
    for line in all {
        let words = line.split(" > ").next().expect("a command");
        let words: Vec<&str> = words.split(' ').collect();
        let parsed = Args::try_parse_from(&words);
        let args = parsed.unwrap_or_else(|e| panic!("{line}: {e}"));
        let named = match args.command {
            Some(Command::Run(run) | Command::Rehearse(run)) => vec![run.scenario.scenario],
            Some(Command::Simulate(simulate)) => simulate.scenarios,
            Some(Command::Compare(compare)) => vec![compare.scenario],
            Some(Command::Plan(plan)) => vec![plan.scenario],
            Some(Command::Load(load)) => vec![load.scenario.scenario],
            Some(Command::Doctor(doctor)) => vec![doctor.scenario],
            Some(Command::Scenario(ScenarioCommand::Show { name })) => vec![name],
            _ => continue,
        };
        for scenario in named {
            let is_there = scenarios::library_scenario(&scenario).is_some();
            assert!(
                is_there || scenario == "my-sale.yaml",
                "{line}: the library has no {scenario}"
            );
        }
    }
}

fn parsed(words: &str) -> Result<Command, clap::Error> {
    let words = std::iter::once("rushhour").chain(words.split_whitespace());
    let args = Args::try_parse_from(words)?;
    Ok(args.command.unwrap_or_else(main_job))
}

#[test]
fn the_command_line_is_well_made() {
    Args::command().debug_assert();
}

#[test]
fn alone_it_rehearses_the_flash_sale_at_speed_20() {
    for words in ["", "rehearse", "rehearse flash-sale --speed 20"] {
        let Ok(Command::Rehearse(args)) = parsed(words) else {
            panic!("`{words}` is a rehearsal");
        };
        assert_eq!(args.scenario.scenario, "flash-sale");
        assert_eq!(args.scenario.speed, 20.0);
    }
    let Ok(Command::Run(args)) = parsed("run my.yaml") else {
        panic!("`run` runs");
    };
    assert_eq!(args.scenario.speed, 1.0, "`run` is as fast as the clock");
}

#[test]
fn what_a_simulation_is_asked_for() {
    let Ok(Command::Simulate(args)) = parsed("simulate") else {
        panic!("`simulate` simulates");
    };
    assert_eq!(args.scenarios, ["flash-sale"]);
    assert_eq!((args.speed, args.seeds, args.seed), (1.0, 1, None));
    let words = "simulate a.yaml b.yaml --policy static --policy hpa:cpu=60% --variant x:seed=1 \
                 --seeds 3 --seed 7 --jobs 2 --set slo.within=1s --out here";
    let Ok(Command::Simulate(args)) = parsed(words) else {
        panic!("`{words}` is good");
    };
    assert_eq!(args.scenarios, ["a.yaml", "b.yaml"]);
    assert_eq!(args.variants.policies, ["static", "hpa:cpu=60%"]);
    assert_eq!(args.variants.variants, ["x:seed=1"]);
    assert_eq!((args.seeds, args.seed), (3, Some(7)));
    assert_eq!(args.effort.jobs.map(std::num::NonZeroUsize::get), Some(2));
}

#[test]
fn what_cannot_be_is_refused() {
    for words in [
        "simulate --jobs 0",
        "simulate --seeds 0",
        "compare flash-sale --seeds 4",
        "plan flash-sale --seeds 4",
        "plan flash-sale --speed 20",
        "plan --reserve=-5",
        "compare a b",
        "rehearse a b",
        "run",
    ] {
        let error = parsed(words).err();
        assert_eq!(error.map(|e| e.exit_code()), Some(2), "{words}");
    }
}
