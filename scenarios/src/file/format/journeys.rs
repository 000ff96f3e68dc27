//! What shoppers do.

use super::super::units::{AtMost, Count, Flag, Name, Number, Share, Text};
use super::super::written::{Form, Json, Named, written};
use super::Spread;

written! {
    /// What a kind of shopper does: a walk from page to page.
    JourneyFile, "a journey" {
        /// Its share among the journeys, relative to the others'. Default: 1.
        weight: may Number,
        /// The page it starts on, or pages with their chances.
        start: need Form<Name, Named<Share>>,
        /// How much session lengths differ: `{cv: 1.5}`. Default: as the chances alone make them.
        length: may LengthFile,
        /// What each shopper begins with, by name: a text, or `{count: 500, skew: 1.1}`.
        variables: may Named<Form<Text, NumberFile>>,
        /// Its pages, by name.
        pages: need Named<PageFile>,
    }

    /// How much session lengths differ.
    LengthFile, "a length" {
        /// The coefficient of variation of the factor that each shopper draws. Range: 0 to 10.
        cv: need Number,
    }

    /// A whole number from 1 to `count`.
    NumberFile, "a variable" {
        /// How many there are. Range: 1 to 10000000.
        count: need Count,
        /// How much the first are preferred: the k-th has weight 1 ÷ k^skew. Range: 0 to 10. Default: 0, all alike.
        skew: may Number,
    }

    /// One page of a journey. Exactly one of `get`, `post`, `put`, `delete`.
    PageFile, "a page" {
        /// Its path; `{name}` stands for a variable.
        get: may Text,
        /// Its path, if it changes something.
        post: may Text,
        /// Its path, if it replaces something.
        put: may Text,
        /// Its path, if it removes something.
        delete: may Text,
        /// Its JSON body: a mapping, or a text; `{name}` stands for a variable.
        body: may Form<Text, Json>,
        /// Headers beyond the usual ones; `{name}` stands for a variable.
        headers: may Named<Text>,
        /// What a shopper thinks after the answer, before the next page.
        think: may Spread,
        /// Where the shopper goes next, each page with its chance; what is missing to 1 leaves.
        next: may Named<Share>,
        /// What is taken from its answer, by variable: a JSON pointer (`*`: any element), or `{header: Name}`.
        extract: may Named<Form<Text, ExtractFile>>,
        /// What the shopper does when it fails. Default: leaves.
        on_failure: may OnFailureFile,
    }

    /// Where a value stands in an answer. Exactly one.
    ExtractFile, "an extract" {
        /// In the JSON body, at this pointer; a `*` stands for any element.
        json: may Text,
        /// In this header.
        header: may Name,
    }

    /// What a shopper does when a page fails.
    OnFailureFile, "on_failure" {
        /// How many times the page is asked for again: a number, or `unlimited`. Range: 0 to 100, or `unlimited`.
        /// Default: 0.
        retry: may AtMost,
        /// How long the shopper waits before each. Default: 2s.
        after: may Spread,
        /// The chance that the shopper has the patience for it, each time anew. Default: 100%.
        chance: may Share,
        /// Whether the shopper goes on after the last try, as if all were well. Default: false.
        go_on: may Flag,
    }
}
