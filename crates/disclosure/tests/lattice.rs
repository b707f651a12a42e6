//! Handling is a lattice, and what goes out is at least as strict as every rung used (I-06).

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use generate::many::{audiences, handling, warnings};
use generate::*;
use model::handling::{Handling, RelTo};
use proptest::prelude::*;

proptest! {
    #[test]
    fn join_is_associative_commutative_and_idempotent(a in handling(), b in handling(), c in handling()) {
        prop_assert_eq!(a.join(&b), b.join(&a));
        prop_assert_eq!(a.join(&b).join(&c), a.join(&b.join(&c)));
        prop_assert_eq!(a.join(&a), a.clone());
        prop_assert_eq!(a.join(&Handling::open()), a.clone());
        prop_assert!(a.join(&b).is_at_least(&a) && a.join(&b).is_at_least(&b));
    }

    #[test]
    fn what_goes_out_is_at_least_as_strict_as_every_rung_used(planted in warnings(), audience in audiences()) {
        let judgement = judged(&planted.warning, &audience);
        prop_assume!(judgement.may_go());
        let out = &judgement.handling;
        let ladders = planted.warning.ladders();
        for (cell, field) in judgement.cells.iter().zip(&ladders) {
            let Some(at) = cell.granted else { continue };
            // Parties are told from the recipient's side: it is the only one named, and asks us whoever owns a rung.
            let mut rung = field.rungs[at].handling.clone();
            if rung.rel_to != RelTo::Any {
                rung.rel_to = RelTo::Only(BTreeSet::from([audience.party.clone()]));
            }
            if !rung.orcon.is_empty() {
                prop_assert!(out.onward >= model::vocab::Onward::Ask);
            }
            rung.orcon.clear();
            prop_assert!(out.is_at_least(&rung), "{}: {:?} is looser than {:?}", field.path, out, rung);
        }
        let named: BTreeSet<_> = match &out.rel_to {
            RelTo::Any => BTreeSet::new(),
            RelTo::Only(parties) => parties.clone(),
        };
        prop_assert!(named.is_subset(&BTreeSet::from([audience.party.clone()])));
        prop_assert!(out.orcon.is_subset(&BTreeSet::from([audience.party.clone(), us()])));
        prop_assert!(out.unknown_markings.is_empty());
        let floor = judgement.cells.iter().any(|c| c.by_floor || c.bare.is_some());
        if floor {
            prop_assert!(out.is_at_least(&Handling::strictest_default()));
            prop_assert_eq!(&out.rel_to, &RelTo::Only(BTreeSet::from([audience.party.clone()])));
        }
        // The purpose stated is one that the recipient may use it for.
        if let model::handling::Purposes::Only(purposes) = &out.purposes {
            prop_assert!(purposes.contains(&judgement.purpose));
        }
    }
}
