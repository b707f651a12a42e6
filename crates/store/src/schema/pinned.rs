//! The steps that have shipped, by their digests. Databases in the field were made with exactly these.

use model::id::Digest;

use super::{KEYS, MARKS, NODE, SOURCES};

/// The steps of a database, each of some texts.
type Steps = &'static [&'static [&'static str]];

/// SHA-256 of the texts of each step that has shipped, one after the other. A new form adds a line here when its archive
/// is put into `tests/fixtures`; no line ever changes.
const SHIPPED: [(&str, Steps, &[&str]); 4] = [
    (
        "node.db",
        NODE,
        &[
            "324118018df47a6082557f85a487d656d7381d1a8353cffbb39301e148f85da8",
            "4d44030aeca386dca71f2d54d29b4c8522ff269ac56adfedbc7f23158e0cffa4",
        ],
    ),
    ("keys.db", KEYS, &["d19cc5094c7d01f15e54d8156df3f9edd37f55ebb619202fdd421b63eae2e9f4"]),
    ("sources.db", SOURCES, &["9b0fe0d218a2f9019254b5f75ed86ed1f6463a15ff98a0b2afbd558c02a50aed"]),
    ("high-water.db", MARKS, &["43a64e66a7ba672b589c3a94e78f9c525d671c0f0254cb5e5d4d83311efecbba"]),
];

#[test]
fn a_step_that_has_shipped_never_changes() {
    for (database, steps, shipped) in SHIPPED {
        assert!(
            steps.len() >= shipped.len(),
            "{database}: a form that is in the field is not known any more"
        );
        for (form, (step, digest)) in (1..).zip(steps.iter().zip(shipped)) {
            let found = Digest::of(step.concat().as_bytes()).to_string();
            assert_eq!(
                found, *digest,
                "{database}: form {form} is in the field; what is new goes into a new step"
            );
        }
    }
}

#[test]
fn no_more_than_one_step_is_in_the_making() {
    for (database, steps, shipped) in SHIPPED {
        assert!(
            steps.len() <= shipped.len() + 1,
            "{database}: pin the form before, and keep an archive of it"
        );
    }
}
