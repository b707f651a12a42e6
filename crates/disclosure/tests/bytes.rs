//! A rendering is the same bytes whenever it is made again: what an officer approved is a digest of them (I-11).

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::fmt::Write;

use disclosure::{Audience, Stamp, render};
use generate::many::{audiences, warnings};
use generate::*;
use model::ladder::{FieldPath, Place, Value};
use model::state::DomainState;
use model::vocab::*;
use model::warning::Warning;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_rendering_is_canonical_json(planted in warnings(), audience in audiences()) {
        let Some(rendering) = rendered(&planted.warning, &audience) else { return Ok(()) };
        // Its names are ASCII and its coordinates short, so that canonical is what this library writes of sorted maps.
        prop_assert_eq!(serde_json::to_string(&json_of(&rendering)).unwrap(), text_of(&rendering));
    }
}

/// Digests that officers have approved stay those of the bytes: a change here is a change of what was approved.
#[test]
fn what_was_approved_is_rendered_again_to_the_byte() {
    let mut digests = String::new();
    let mut note = |name: &str, warning: &Warning, audience: &Audience, stamp: &Stamp| {
        let judgement = judged(warning, audience);
        let rendering = render(warning, &judgement, audience, &SECRET, stamp).unwrap();
        writeln!(digests, "{name}: {} bytes, {}", rendering.bytes().len(), rendering.digest()).unwrap();
        writeln!(digests, "{name}, its content: {}", rendering.content_digest()).unwrap();
    };
    let (warning, wide) = (template(), audience(terms()));
    note("the template", &warning, &wide, &stamp());
    let update =
        Stamp { seed: [5; 32], rendered_at: at("2026-12-11T08:00:00.9Z"), first_rendered_at: Some(now()) };
    note("an update", &warning, &wide, &update);
    let mut narrow = terms();
    (narrow.persons, narrow.naming, narrow.time) = (PersonsRule::None, NamingDepth::None, TimeDepth::Month);
    note("a narrow agreement", &warning, &audience(narrow), &stamp());
    let mut drill = warning.clone();
    drill.status = Status::Exercise;
    let place = Place {
        grain: PlaceGrain::Address,
        name: "\"Square\" 1\n\u{1}é".to_owned(),
        within: vec![(PlaceGrain::Country, "Country B".to_owned())],
        microdegrees: Some((48_208_174, -100_000)),
    };
    let drill = with(drill, FieldPath::Where, vec![rung(Value::Place(place))]);
    note("a drill at an address", &drill, &wide, &stamp());
    let mut suspended = wide;
    suspended.domain.as_mut().unwrap().state = DomainState::Suspended;
    suspended.path = disclosure::Path::ImminentDanger;
    note("bare, to save a life", &warning, &suspended, &stamp());
    insta::assert_snapshot!(digests);
}
