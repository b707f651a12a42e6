//! One whole rendering, for reading; and what the receiver's reader makes of it.

mod generate;

use generate::*;

#[test]
fn a_rendering_reads_as_it_was_judged() {
    let rendering = rendered(&template(), &audience(terms())).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json_of(&rendering)).unwrap());
}
