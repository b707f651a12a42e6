//! No value of a field that a recipient does not get stands in any byte it gets (docs/rules.md I-01).

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use base64ct::{Base64, Encoding};
use generate::many::{Planted, audiences, talkative_warnings, warnings};
use generate::*;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// The bytes as a thorough reader would squeeze them: lower case, compatibility forms and look-alikes undone, every
/// separator gone. Stricter than the judge's own comparison, and made independently of it.
fn squeezed(text: &str) -> String {
    let latin = |c: char| match c {
        'к' => 'k',
        'з' => 'z',
        c => c,
    };
    text.nfkd().flat_map(char::to_lowercase).map(latin).filter(char::is_ascii_alphanumeric).collect()
}

/// Whether the word can be read off the text, plainly or in a common encoding.
fn stands_in(word: &str, text: &str, squeezed_text: &str) -> Option<&'static str> {
    let hex: String = word.bytes().map(|b| format!("{b:02x}")).collect();
    let lower = text.to_lowercase();
    if squeezed_text.contains(&word.to_lowercase()) {
        return Some("plainly");
    }
    if lower.contains(&hex) {
        return Some("in hex");
    }
    // At each of the three alignments the middle of the encoded word is the same whatever stands around it.
    for pad in 0..3 {
        let encoded = Base64::encode_string(format!("{}{word}", &"xx"[..pad]).as_bytes());
        let middle = &encoded[pad + 1..encoded.len() - 4];
        if text.contains(middle) {
            return Some("in base64");
        }
    }
    None
}

fn nothing_withheld_is_told(
    planted: &Planted,
    audience: &disclosure::Audience,
    mentions: bool,
) -> Result<(), TestCaseError> {
    let judgement = judged(&planted.warning, audience);
    let Some(rendering) = rendered(&planted.warning, audience) else { return Ok(()) };
    let text = text_of(&rendering);
    let squeezed_text = squeezed(&text);
    for (word, (path, rung)) in &planted.homes {
        // A rung below the granted one says less than what is told, and its words may be told in a text.
        let told = |granted: usize| granted == *rung || (mentions && granted < *rung);
        if !judgement.cell(*path).is_some_and(|c| c.granted.is_some_and(told)) {
            let found = stands_in(word, &text, &squeezed_text);
            prop_assert_eq!(found, None, "{} of {} rung {} is told", word, path, rung);
        }
    }
    for word in &planted.never {
        prop_assert_eq!(stands_in(word, &text, &squeezed_text), None, "{} is told", word);
    }
    for party in ["service-c.example", "service-d.example", "g.grader", "STRANGE"] {
        prop_assert!(!text.contains(party), "{} is named", party);
    }
    let internal = planted.warning.id.to_string();
    prop_assert!(!text.contains(internal.trim_start_matches("w-")), "the internal id left");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_withheld_stands_in_the_bytes(planted in warnings(), audience in audiences()) {
        nothing_withheld_is_told(&planted, &audience, false)?;
    }

    #[test]
    fn a_text_that_mentions_what_is_withheld_does_not_go(planted in talkative_warnings(), audience in audiences()) {
        nothing_withheld_is_told(&planted, &audience, true)?;
    }
}

/// The generators reach what they are for: something goes, something is withheld, texts are blocked, the floor is used.
#[test]
fn the_generators_reach_every_kind_of_judgement() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut goes, mut partly, mut blocked, mut floor) = (0, 0, 0, 0);
    for _ in 0..400 {
        let planted = talkative_warnings().new_tree(&mut runner).unwrap().current();
        let audience = audiences().new_tree(&mut runner).unwrap().current();
        let judgement = judged(&planted.warning, &audience);
        goes += usize::from(judgement.may_go());
        partly += usize::from(
            judgement.may_go() && judgement.cells.iter().any(|c| c.granted.is_some_and(|g| g > 0)),
        );
        blocked += usize::from(judgement.may_go() && judgement.cells.iter().any(|c| !c.hits.is_empty()));
        floor += usize::from(judgement.basis == disclosure::Basis::LifeFloor);
    }
    assert!(goes > 80 && partly > 40 && blocked > 20 && floor > 5, "{goes} {partly} {blocked} {floor}");
}
