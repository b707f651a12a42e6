//! The text that a person signs: what was decided, about what, over which bytes, by whom, when.

use std::str::FromStr;

use jiff::Timestamp;
use model::id::{Digest, PartyName, PersonName};
use tlog::key::{SigningKey, VerifierKey};
use tlog::note::{Note, sign_line};

use super::key_name;
use crate::refusal::Refusal;

const FIRST_LINE: &str = "forewarn/decision/v1";
const KIND_CHARS_MAX: usize = 40;
const ABOUT_CHARS_MAX: usize = 200;

/// What a person decided. Signed as a note whose text is the lines `forewarn/decision/v1`, `kind`, `about`, `digest`,
/// `by` and `at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was decided: words joined by dots, at most 40 characters, as `release.approve`.
    pub kind: String,
    /// What it is about: an id, at most 200 printable characters without a space.
    pub about: String,
    /// The bytes that were before the person's eyes.
    pub digest: Digest,
    /// The node at which the person acted.
    pub node: PartyName,
    /// The person.
    pub by: PersonName,
    /// When; signed to the second.
    pub at: Timestamp,
}

impl Decision {
    /// A decision, ready to be signed by its person's key.
    pub fn new(
        kind: &str,
        about: &str,
        digest: Digest,
        node: &PartyName,
        by: &PersonName,
        at: Timestamp,
    ) -> Self {
        let (kind, about) = (kind.to_owned(), about.to_owned());
        Self { kind, about, digest, node: node.clone(), by: by.clone(), at }
    }

    /// The text that is signed.
    fn text(&self) -> Result<String, Refusal> {
        let Self { kind, about, digest, node, by, at } = self;
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if kind.len() > KIND_CHARS_MAX || !kind.split('.').all(is_word) {
            return Err(Refusal::ours(format!("{kind:?} is no kind of decision")));
        }
        if about.is_empty() || about.len() > ABOUT_CHARS_MAX || !about.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Refusal::ours(format!("a decision cannot be about {about:?}")));
        }
        let at = Timestamp::from_second(at.as_second()).map_err(Refusal::ours)?;
        let by = key_name(by, node);
        Ok(format!("{FIRST_LINE}\nkind {kind}\nabout {about}\ndigest {digest}\nby {by}\nat {at}\n"))
    }
}

pub(super) fn sign(decision: &Decision, key: &SigningKey) -> Result<String, Refusal> {
    if key_name(&decision.by, &decision.node) != key.name() {
        return Err(Refusal::ours(format!("{} cannot sign for {}", key.name(), decision.by)));
    }
    let text = decision.text()?;
    let line = sign_line(key, &text).map_err(Refusal::ours)?;
    Ok(Note::new(text, vec![line]).map_err(Refusal::ours)?.to_string())
}

/// Reads a signed decision and checks that it is by this key, that it names the key's person, and that nothing else
/// stands in the note. The time is to the second.
///
/// Whose key it is, and whether it was in use at that time, is for the caller to know.
pub fn verify_decision(note: &str, key: &VerifierKey) -> Result<Decision, Refusal> {
    let refuse = |why: String| {
        Refusal::yours("decision_not_genuine", format!("this is no decision signed by {}", key.name()))
            .detail(why)
    };
    let note = Note::parse(note.as_bytes()).map_err(|e| refuse(e.to_string()))?;
    note.verify(key).map_err(|e| refuse(e.to_string()))?;
    if note.signatures().len() != 1 {
        return Err(refuse("it has more than one signature line".to_owned()));
    }
    let decision =
        parse(note.text()).ok_or_else(|| refuse("its lines are not those of a decision".to_owned()))?;
    if key_name(&decision.by, &decision.node) != key.name() {
        return Err(refuse("it names another person than its key".to_owned()));
    }
    // One spelling for each decision: what does not come back byte for byte was not written by `sign`.
    if decision.text().ok().as_deref() != Some(note.text()) {
        return Err(refuse("its lines are not spelled as they are signed".to_owned()));
    }
    Ok(decision)
}

fn parse(text: &str) -> Option<Decision> {
    let mut lines = text.lines();
    if lines.next() != Some(FIRST_LINE) {
        return None;
    }
    let kind = field::<String>(lines.next(), "kind ")?;
    let about = field::<String>(lines.next(), "about ")?;
    let digest = field(lines.next(), "digest ")?;
    let by: String = field(lines.next(), "by ")?;
    let (by, node) = by.split_once('@')?;
    let at = field(lines.next(), "at ")?;
    Some(Decision { kind, about, digest, node: node.parse().ok()?, by: by.parse().ok()?, at })
}

fn field<T: FromStr>(line: Option<&str>, label: &str) -> Option<T> {
    line?.strip_prefix(label)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::person_key::PersonKey;

    fn key(seed: u64) -> PersonKey {
        PersonKey::draw(&dana(), &node(), &mut StdRng::seed_from_u64(seed)).unwrap()
    }

    fn dana() -> PersonName {
        "dana".parse().unwrap()
    }

    fn node() -> PartyName {
        "service-a.example".parse().unwrap()
    }

    fn decision(kind: &str, about: &str) -> Decision {
        let at = "2026-12-10T14:02:05Z".parse().unwrap();
        Decision::new(kind, about, Digest::of(b"bytes"), &node(), &dana(), at)
    }

    #[test]
    fn a_signed_decision_says_what_was_decided_and_nothing_else_verifies() {
        let (key_of_dana, decision) = (key(1), decision("release.approve", "p-1"));
        let note = key_of_dana.sign_decision(&decision).unwrap();
        assert!(note.starts_with("forewarn/decision/v1\nkind release.approve\nabout p-1\ndigest "), "{note}");
        assert!(note.contains("\nby dana@service-a.example\nat 2026-12-10T14:02:05Z\n\n"), "{note}");
        assert_eq!(verify_decision(&note, key_of_dana.verifier()).unwrap(), decision);

        assert!(verify_decision(&note, key(2).verifier()).is_err(), "another key of the same person");
        for (from, to) in [("p-1", "p-2"), ("approve", "refuse"), ("dana@", "omar@"), ("14:02", "14:03")] {
            assert!(
                verify_decision(&note.replacen(from, to, 1), key_of_dana.verifier()).is_err(),
                "{from} → {to}"
            );
        }
    }

    #[test]
    fn nobody_signs_for_another_person() {
        let of_another = Decision { by: "omar".parse().unwrap(), ..decision("release.approve", "p-1") };
        assert!(key(1).sign_decision(&of_another).is_err());
    }

    #[test]
    fn a_decision_has_no_room_for_a_second_line() {
        for (kind, about) in
            [("a\nb", "x"), ("", "x"), ("a..b", "x"), ("a", "x\ny"), ("a", ""), ("a", "two words")]
        {
            assert!(key(1).sign_decision(&decision(kind, about)).is_err(), "{kind:?} {about:?}");
        }
    }
}
