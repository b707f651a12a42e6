//! What was previewed is what goes, byte for byte, or nothing (I-11); and the other bodies that leave, each with its check.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod generate;

use std::collections::BTreeSet;

use disclosure::{Audience, Keys, NotReleasable, Released, Stamp, TextOverride, entries, release_warning};
use generate::many::{audiences, warnings};
use generate::*;
use model::agreement::{DomainTerms, TEMPLATE};
use model::body::*;
use model::handling::RelTo;
use model::id::Digest;
use model::ladder::*;
use model::state::DomainState;
use model::vocab::*;
use model::warning::Warning;
use proptest::prelude::*;

const KEYS: Keys<'static> = Keys { terms: &TERMS_KEY, rendering: &SECRET };

fn release(
    warning: &Warning,
    audience: &Audience,
    approved: Digest,
    time: &str,
) -> Result<Released, NotReleasable> {
    release_warning(warning, audience, &us(), &KEYS, &[], &stamp(), &approved, at(time))
}

const LATER: &str = "2026-12-10T14:00:00Z";

#[test]
fn what_was_previewed_is_released_byte_for_byte_also_later() {
    let (warning, to_b) = (template(), audience(terms()));
    let preview = rendered(&warning, &to_b).unwrap();
    let released = release(&warning, &to_b, preview.digest(), LATER).unwrap();
    assert_eq!(released.bytes(), preview.bytes());
    assert_eq!((released.kind(), released.media()), ("warning.released", model::body::STIX));
    assert_eq!((released.recipient(), released.digest()), (&b(), preview.digest()));
    assert!(!format!("{released:?}").contains("bombings"), "a body belongs in no log");
    let update = Stamp { first_rendered_at: Some(at("2026-12-09T00:00:00Z")), ..stamp() };
    let judgement = judged(&warning, &to_b);
    let digest = disclosure::render(&warning, &judgement, &to_b, &SECRET, &update).unwrap().digest();
    let updated = release_warning(&warning, &to_b, &us(), &KEYS, &[], &update, &digest, now()).unwrap();
    assert_eq!(updated.kind(), "warning.updated");
}

/// One thing that changes between preview and release.
type Change = fn(&mut Warning, &mut Audience);

#[test]
fn what_has_changed_since_the_preview_is_not_released() {
    let changes: &[(&str, Change)] = &[
        ("an edited text", |w, _| rung_mut(w, FieldPath::How, 0).value = text("by other means")),
        ("a rung no longer for them", |w, _| {
            rung_mut(w, FieldPath::How, 0).handling.rel_to = RelTo::Only(BTreeSet::new())
        }),
        ("a rung's time is over", |w, _| {
            rung_mut(w, FieldPath::How, 0).handling.valid_until = Some(at("2026-12-10T13:00:00Z"))
        }),
        ("a stricter rung", |w, _| rung_mut(w, FieldPath::How, 0).handling.pap = Pap::Red),
        ("a new protected term", |w, _| {
            w.protected_terms.insert(disclosure::protected_term(&TERMS_KEY, "crowded places"));
        }),
        ("a person due for review", |w, _| {
            w.subjects[0].review_date = jiff::civil::Date::constant(2026, 12, 10)
        }),
        ("an assessment withdrawn", |_, a| a.risk_assessed = false),
        ("a lower ceiling", |_, a| a.domain.as_mut().unwrap().terms.time = TimeDepth::Day),
        ("another precedence", |_, a| a.precedence = Precedence::Flash),
        ("another agreement", |_, a| a.domain.as_mut().unwrap().agreement = Digest([8; 32])),
    ];
    for (name, change) in changes {
        let (mut warning, mut to_b) = (template(), audience(terms()));
        let approved = rendered(&warning, &to_b).unwrap().digest();
        change(&mut warning, &mut to_b);
        let refused = release(&warning, &to_b, approved, LATER).unwrap_err();
        assert!(matches!(refused, NotReleasable::Changed { .. }), "{name}: {refused}");
        assert!(refused.to_string().contains("preview it again"));
    }
    for state in [DomainState::Suspended, DomainState::Terminated] {
        let (warning, mut to_b) = (template(), audience(terms()));
        let approved = rendered(&warning, &to_b).unwrap().digest();
        to_b.domain.as_mut().unwrap().state = state;
        let refused = release(&warning, &to_b, approved, LATER).unwrap_err();
        assert!(matches!(refused, NotReleasable::Held { .. }), "{state}: {refused}");
    }
}

#[test]
fn what_has_changed_behind_the_recipients_back_is_still_released() {
    let (mut warning, to_b) = (template(), audience(DomainTerms { naming: NamingDepth::Country, ..terms() }));
    let approved = rendered(&warning, &to_b).unwrap().digest();
    rung_mut(&mut warning, FieldPath::Giver, 0).value =
        Value::Giver(GiverName { depth: NamingDepth::Unit, name: "unit 7".to_owned() });
    warning.case = Some("another case".to_owned());
    warning.precedence = Precedence::Flash;
    assert!(release(&warning, &to_b, approved, LATER).is_ok());
}

#[test]
fn a_word_let_stand_at_preview_must_be_let_stand_at_release() {
    let warning = with(template(), FieldPath::Title, vec![rung(text("LARK tells of bombings"))]);
    let letting = [TextOverride {
        path: FieldPath::Title,
        rung: 0,
        word: "LARK".to_owned(),
        by: "r.officer".parse().unwrap(),
        reason: "it is the name of the street".to_owned(),
    }];
    let to_b = audience(terms());
    let judgement = disclosure::judge(&warning, &to_b, &us(), &TERMS_KEY, &letting, now());
    let approved = disclosure::render(&warning, &judgement, &to_b, &SECRET, &stamp()).unwrap().digest();
    assert!(release_warning(&warning, &to_b, &us(), &KEYS, &letting, &stamp(), &approved, now()).is_ok());
    assert!(release_warning(&warning, &to_b, &us(), &KEYS, &[], &stamp(), &approved, now()).is_err());
}

#[test]
fn a_judgement_of_somebody_else_or_of_another_text_is_not_rendered() {
    let (warning, to_b) = (template(), audience(terms()));
    let judgement = judged(&warning, &to_b);
    let to_c = Audience { party: party("service-c.example"), ..to_b.clone() };
    assert!(disclosure::render(&warning, &judgement, &to_c, &SECRET, &stamp()).is_err());
    let mut shorter = warning.clone();
    shorter.fields.remove(0);
    assert!(disclosure::render(&shorter, &judgement, &to_b, &SECRET, &stamp()).is_err());
    let huge = with(warning, FieldPath::What, vec![rung(text(&"long".repeat(300_000)))]);
    let refused = disclosure::render(&huge, &judged(&huge, &to_b), &to_b, &SECRET, &stamp()).unwrap_err();
    assert!(refused.to_string().contains("Shorten"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn replaying_a_release_gives_its_bytes(planted in warnings(), audience in audiences()) {
        if let Some(preview) = rendered(&planted.warning, &audience) {
            let released = release(&planted.warning, &audience, preview.digest(), "2026-12-10T12:00:01Z").unwrap();
            prop_assert_eq!(released.bytes(), preview.bytes());
            let update = release(&planted.warning, &audience, Digest([0; 32]), "2026-12-10T12:00:01Z");
            prop_assert!(update.is_err());
        }
    }
}

/// The body as the other side reads it, and its kind.
fn sent<T: serde::de::DeserializeOwned>(released: Result<Released, NotReleasable>, kind: &str) -> T {
    let released = released.unwrap();
    assert_eq!((released.kind(), released.media(), released.recipient()), (kind, JSON, &b()));
    model::body::read(released.bytes()).unwrap()
}

#[test]
fn every_other_body_is_read_by_the_other_side_as_it_was_meant() {
    let agreement = Digest([9; 32]).to_string();
    let answer = AgreementAnswer { agreement: agreement.clone(), reason: None };
    assert_eq!(
        sent::<AgreementAnswer>(entries::agreement_accepted(&b(), &answer), "agreement.accepted"),
        answer
    );
    let no = AgreementAnswer { reason: Some("not yet".to_owned()), ..answer.clone() };
    assert_eq!(sent::<AgreementAnswer>(entries::agreement_refused(&b(), &no), "agreement.refused"), no);
    let read = ReadNote { role: "duty officer".to_owned(), held_at: now() };
    assert_eq!(sent::<ReadNote>(entries::release_read(&b(), &read), "release.read"), read);
    let disposed = DispositionNote {
        disposition: Disposition::Accepted,
        role: "duty officer".to_owned(),
        held_at: now(),
        text: Some("places are watched".to_owned()),
    };
    assert_eq!(
        sent::<DispositionNote>(entries::release_disposed(&b(), &disposed), "release.disposed"),
        disposed
    );
    let thanks = Thanks {
        text: "thank you".to_owned(),
        from_role: "head of service".to_owned(),
        relay_to: Some("head of service".to_owned()),
    };
    assert_eq!(sent::<Thanks>(entries::thanks_given(&b(), &thanks), "thanks.given"), thanks);
    let relayed = ThanksRelayed { received_by: "head of service".to_owned() };
    assert_eq!(sent::<ThanksRelayed>(entries::thanks_relayed(&b(), &relayed), "thanks.relayed"), relayed);
    let promise = Undertaking {
        domain: Domain::CounterTerrorism,
        text: "any threat to your territory or citizens".to_owned(),
        protected: vec![(ProtectedBy::Nationality, "Country A".to_owned())],
        harm: BTreeSet::from([HarmKind::Killing]),
        until: None,
    };
    assert_eq!(
        sent::<Undertaking>(entries::undertaking_declared(&b(), &promise), "undertaking.declared"),
        promise
    );
    let noted = UndertakingAccepted { role: "liaison".to_owned() };
    assert_eq!(
        sent::<UndertakingAccepted>(entries::undertaking_accepted(&b(), &noted), "undertaking.accepted"),
        noted
    );
    let over = StandingChange { release: 3, note: Some("the danger is past".to_owned()) };
    assert_eq!(sent::<StandingChange>(entries::warning_cancelled(&b(), &over), "warning.cancelled"), over);
    assert_eq!(sent::<StandingChange>(entries::warning_lapsed(&b(), &over), "warning.lapsed"), over);
    let recall = Recall {
        recalls: 3,
        reason: RecallReason::Undisclosed,
        kind: "warning.released".to_owned(),
        domain: Domain::CounterTerrorism,
        counts: true,
        release: None,
    };
    assert_eq!(sent::<Recall>(entries::warning_recalled(&b(), &recall), "warning.recalled"), recall);

    let confirmed = RecallConfirmed { role: "duty officer".to_owned() };
    let released = entries::recall_confirmed(&b(), &confirmed);
    assert_eq!(sent::<RecallConfirmed>(released, "recall.confirmed"), confirmed);
    let (role, text) = ("duty officer".to_owned(), Some("a court has ordered it kept".to_owned()));
    let contested = RecallContested { reason: ContestReason::LegalProceedings, role, text };
    let released = entries::recall_contested(&b(), &contested);
    assert_eq!(sent::<RecallContested>(released, "recall.contested"), contested);
}

#[test]
fn a_body_that_breaks_the_rule_of_its_kind_is_refused() {
    let refused = |released: Result<Released, NotReleasable>, word: &str| {
        let text = released.unwrap_err().to_string();
        assert!(text.contains(word) && text.contains("service-b.example"), "{text}");
    };
    let answer = AgreementAnswer { agreement: "the last one".to_owned(), reason: None };
    refused(entries::agreement_accepted(&b(), &answer), "64 hex digits");
    let reasoned =
        AgreementAnswer { agreement: Digest([9; 32]).to_string(), reason: Some("because".to_owned()) };
    refused(entries::agreement_accepted(&b(), &reasoned), "no reason");
    refused(entries::release_read(&b(), &ReadNote { role: " ".to_owned(), held_at: now() }), "role is empty");
    let more = DispositionNote {
        disposition: Disposition::NeedsMore,
        role: "desk".to_owned(),
        held_at: now(),
        text: None,
    };
    refused(entries::release_disposed(&b(), &more), "what more is needed");
    let thanks =
        Thanks { text: "x".repeat(TEXT_CHARS_MAX + 1), from_role: "head".to_owned(), relay_to: None };
    refused(entries::thanks_given(&b(), &thanks), "at most 20000");
    let recall = Recall {
        recalls: 3,
        reason: RecallReason::Error,
        kind: "outcome.reported".to_owned(),
        domain: Domain::Cyber,
        counts: false,
        release: None,
    };
    refused(entries::warning_recalled(&b(), &recall), "outcome.reported");
    refused(entries::recall_confirmed(&b(), &RecallConfirmed { role: " ".to_owned() }), "role");
}

#[test]
fn an_agreement_is_proposed_only_to_its_own_other_party() {
    let text = model::file::without_comments(TEMPLATE);
    let proposed = entries::agreement_proposed(&b(), &us(), text.as_bytes()).unwrap();
    assert_eq!(
        (proposed.kind(), proposed.bytes()),
        ("agreement.proposed", text.as_bytes()),
        "the text is what is hashed"
    );
    for (to, from) in [("service-c.example", "service-a.example"), ("service-b.example", "service-d.example")]
    {
        assert!(entries::agreement_proposed(&party(to), &party(from), text.as_bytes()).is_err());
    }
    assert!(entries::agreement_proposed(&b(), &us(), b"{}").is_err());
}

#[test]
fn a_stance_takes_only_the_steps_of_the_table() {
    use DomainState::{Active, Resuming, Suspended, Terminated};
    let change = |state, pilot: &[MatterKind]| DomainChange {
        agreement: Digest([9; 32]).to_string(),
        domain: Domain::Cyber,
        state,
        pilot_scope: pilot.iter().copied().collect(),
        note: None,
    };
    let pilot: &[MatterKind] = &[MatterKind::Indicator];
    for (from, into, pilot, may) in [
        (Active, Suspended, &[][..], true),
        (Suspended, Resuming, pilot, true),
        (Suspended, Resuming, &[], false),
        (Resuming, Active, &[], true),
        (Resuming, Active, pilot, false),
        (Active, Resuming, pilot, false),
        (Suspended, Active, &[], false),
        (Terminated, Active, &[], false),
        (Active, Active, &[], false),
    ] {
        let done = entries::domain_changed(&b(), &change(into, pilot), &standing(from, terms()));
        assert_eq!(done.is_ok(), may, "{from} to {into}: {done:?}");
    }
    let mut other = standing(Active, terms());
    other.agreement = Digest([1; 32]);
    assert!(entries::domain_changed(&b(), &change(Suspended, &[]), &other).is_err());
}

/// Absent is not zero, and the persons sum up (I-20, I-30).
#[test]
fn an_outcome_goes_only_when_it_stands_by_itself() {
    let outcome = |json: &str| model::body::read::<Outcome>(json.as_bytes()).unwrap();
    let zero = outcome(
        r#"{"event":"not_occurred","counts":[{"measure":"lives_lost","value":0,"counter":"service-a.example"}]}"#,
    );
    assert_eq!(sent::<Outcome>(entries::outcome_reported(&b(), &zero), "outcome.reported"), zero);
    let silent = outcome(r#"{"event":"not_occurred"}"#);
    let bytes = entries::outcome_reported(&b(), &silent).unwrap().bytes().to_vec();
    assert_eq!(String::from_utf8(bytes).unwrap(), r#"{"event":"not_occurred"}"#);
    let six = outcome(
        r#"{"event":"not_occurred","subjects":{"declared":7,"counter":"a","groups":[{"status":"remanded","number":6}]}}"#,
    );
    assert!(entries::outcome_reported(&b(), &six).unwrap_err().to_string().contains("sum to 6"));
    let homeless = outcome(r#"{"event":"occurred","unsolicited":true}"#);
    assert!(entries::outcome_reported(&b(), &homeless).is_err());
}
