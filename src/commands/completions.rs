//! `rushhour completions`.

use clap::CommandFactory as _;

use crate::args::{Args, CompletionsArgs};
use crate::exit::Exit;
use crate::{Done, output};

pub(crate) fn run(args: &CompletionsArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "rushhour", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Passed)
}
