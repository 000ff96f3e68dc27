//! An explanation as Markdown.

use super::Explanation;
use super::text::{headline, left_out, parts, title};
use crate::words::markdown as escaped;

/// The explanation, ending in a line feed.
#[must_use]
pub fn markdown(explanation: &Explanation) -> String {
    let mut out = format!("# {}\n", escaped(&headline(explanation)));
    for decision in &explanation.decisions {
        out += &format!("\n## {}\n\n", escaped(&title(decision)));
        let mut without = false;
        for (label, said) in parts(decision) {
            without |= label == "without";
            let name = match (label, without) {
                ("", true) => "without",
                (label, _) => label,
            };
            out += &format!("- **{name}**: {}\n", escaped(&said));
        }
    }
    if explanation.decisions.is_empty() {
        out.push_str("\nThere is no such decision.\n");
    }
    for note in left_out(explanation).iter().chain(&explanation.notes) {
        out += &format!("\n{}\n", escaped(note));
    }
    out
}
