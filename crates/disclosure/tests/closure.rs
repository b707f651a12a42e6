//! Every reference in a rendering resolves inside it (I-04), ids are fresh and unlinkable (I-05), and what is built is
//! what a receiver reads.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::{BTreeMap, BTreeSet};

use disclosure::{Stamp, render};
use generate::many::{audiences, warnings};
use generate::*;
use model::ladder::FieldPath;
use model::received;
use model::vocab::*;
use proptest::prelude::*;
use serde_json::Value as Json;

/// Every text in a JSON value that has the form of a STIX id, but for the keys of extensions.
fn ids(value: &Json, found: &mut BTreeSet<String>) {
    match value {
        Json::String(text) if text.parse::<stix::id::StixId>().is_ok() => {
            found.insert(text.clone());
        }
        Json::Array(all) => all.iter().for_each(|v| ids(v, found)),
        Json::Object(map) => map.values().for_each(|v| ids(v, found)),
        _ => {}
    }
}

fn object_ids(bundle: &Json) -> BTreeSet<String> {
    bundle["objects"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap().to_owned()).collect()
}

/// The objects that are the same everywhere, and so link nobody.
fn fixed(id: &str) -> bool {
    let labels = ["clear", "green", "amber", "amber+strict", "red"];
    let all = labels.iter().flat_map(|l| [stix::marking::tlp(l), stix::marking::pap(l)]).flatten();
    all.into_iter().any(|o| o.id().to_string() == id)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_reference_resolves_inside_and_the_receiver_reads_it(planted in warnings(), audience in audiences()) {
        let Some(rendering) = rendered(&planted.warning, &audience) else { return Ok(()) };
        let bundle = json_of(&rendering);
        let mut mentioned = BTreeSet::new();
        ids(&bundle["objects"], &mut mentioned);
        prop_assert_eq!(&mentioned, &object_ids(&bundle));
        prop_assert!(!text_of(&rendering).contains("granular_markings"));
        prop_assert!(!text_of(&rendering).contains("threat-actor") && !text_of(&rendering).contains("intrusion-set"));

        let read = received::read(rendering.bytes()).unwrap();
        let judgement = judged(&planted.warning, &audience);
        let spoken: Vec<_> = judgement.cells.iter().filter(|c| c.speaks()).collect();
        prop_assert_eq!(read.fields.len(), spoken.len());
        let handling = read.header.handling.handling().unwrap();
        prop_assert_eq!(&handling, &judgement.handling);
        prop_assert_eq!(read.header.status, planted.warning.status);
        prop_assert_eq!(read.specificity.len(), 5);
    }

    #[test]
    fn ids_are_kept_in_an_update_and_shared_with_nobody(planted in warnings(), audience in audiences()) {
        let Some(first) = rendered(&planted.warning, &audience) else { return Ok(()) };
        let judgement = judged(&planted.warning, &audience);
        let later = Stamp {
            seed: [77; 32],
            rendered_at: at("2026-12-11T08:00:00Z"),
            first_rendered_at: Some(now()),
        };
        let update = render(&planted.warning, &judgement, &audience, &SECRET, &later).unwrap();
        prop_assert_eq!(object_ids(&json_of(&first)), object_ids(&json_of(&update)));
        prop_assert_eq!(first.content_digest(), update.content_digest());
        prop_assert_ne!(&json_of(&first)["id"], &json_of(&update)["id"]);
        for object in json_of(&update)["objects"].as_array().unwrap() {
            if !fixed(object["id"].as_str().unwrap()) {
                prop_assert_eq!(&object["created"], "2026-12-10T12:00:00.000Z");
                let modified = object["modified"].as_str().unwrap_or("2026-12-11T08:00:00.000Z");
                prop_assert_eq!(modified, "2026-12-11T08:00:00.000Z");
            }
        }

        let mut to_c = audience.clone();
        to_c.party = party("service-c.example");
        if let Some(other) = rendered(&planted.warning, &to_c) {
            let shared: Vec<_> = object_ids(&json_of(&first)).intersection(&object_ids(&json_of(&other))).cloned().collect();
            prop_assert!(shared.iter().all(|id| fixed(id)), "{:?}", shared);
        }
        let (mut one, mut all) = (BTreeSet::new(), BTreeSet::new());
        ids(&json_of(&first)["objects"], &mut one);
        let elsewhere = render(&planted.warning, &judgement, &audience, &[99; 32], &stamp()).unwrap();
        ids(&json_of(&elsewhere)["objects"], &mut all);
        prop_assert!(one.intersection(&all).all(|id| fixed(id)), "another node's secret makes other ids");
    }

    #[test]
    fn an_id_says_nothing_of_a_value(planted in warnings(), audience in audiences()) {
        let Some(first) = rendered(&planted.warning, &audience) else { return Ok(()) };
        let mut other = planted.warning.clone();
        for (n, rung) in other.fields.iter_mut().flat_map(|f| &mut f.rungs).enumerate() {
            if let model::ladder::Value::Text(text) = &mut rung.value {
                *text = format!("something else altogether, {}", generate::many::canary(80_000 + n));
            }
        }
        if let Some(second) = rendered(&other, &audience) {
            let by_type = |r| objects(r).into_iter().map(|(k, v)| (k, v.len())).collect::<BTreeMap<_, _>>();
            if by_type(&first) == by_type(&second) {
                prop_assert_eq!(object_ids(&json_of(&first)), object_ids(&json_of(&second)));
            }
        }
    }
}

/// Numbers of subjects are given anew among those told of; the number of the others cannot be read off them.
#[test]
fn subjects_are_numbered_among_those_that_are_told_of() {
    let mut warning = template();
    let subject = warning.subjects[0].clone();
    let mut hidden = subject.clone();
    hidden.grounds = BTreeSet::from([Ground::Belief]);
    warning.subjects = vec![hidden, subject];
    let read = received::read(rendered(&warning, &audience(terms())).unwrap().bytes()).unwrap();
    let paths: Vec<_> =
        read.fields.iter().map(|f| f.path.as_str()).filter(|p| p.starts_with("subject")).collect();
    assert_eq!(paths, ["subject 1 identity"]);
    let judgement = judged(&warning, &audience(terms()));
    assert!(judgement.cell(FieldPath::SubjectIdentity(1)).unwrap().granted.is_none());
    assert!(judgement.cell(FieldPath::SubjectIdentity(2)).unwrap().granted.is_some());
}
