//! `rushhour serve`: one process of the local shop.

use crate::Done;
use crate::args::ServeArgs;
use crate::exit::{Exit, Failure};

pub(crate) fn run(args: &ServeArgs) -> Done {
    shop::serve(args.role).map_err(|e| Failure::new(Exit::Internal, e))?;
    Ok(Exit::Passed)
}
