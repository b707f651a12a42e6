//! Free text against what the recipient does not get: folded, whole words, any length.
//!
//! Every rung that would be given is compared with every value of every field that this recipient does not get, with the
//! protected terms of the sources, with parties that are not named to it, and with times finer than agreed. What it
//! finds blocks the rung. It finds words; it does not understand: a paraphrase passes, and so does an inflected form.

mod dates;
mod fold;
mod marked;
mod withheld;

use model::id::PersonName;
use model::ladder::{FieldPath, Rung, Value};
use model::vocab::TimeDepth;
use model::warning::ProtectedTerm;

use crate::judgement::{TextHit, Withheld};
use crate::keyed::keyed;
use fold::{Word, find, shown, squeezed, words};
pub(crate) use withheld::{Foothold, Known, Secrets, giver_depth};

/// A release officer's word that a hit may stand. Whether `by` holds the role is the act's to check; the judge refuses it
/// from the warning's own author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOverride {
    /// The field.
    pub path: FieldPath,
    /// The rung, counted from 0.
    pub rung: usize,
    /// The word as the hit named it.
    pub word: String,
    /// Who lets it stand; not the author of the warning.
    pub by: PersonName,
    /// Why.
    pub reason: String,
}

/// The keyed digest of a word or phrase of a sealed source: enough to recognise it in a text under the same key, in
/// whatever spelling, and not to read it.
pub fn protected_term(key: &[u8; 32], phrase: &str) -> ProtectedTerm {
    ProtectedTerm {
        words: u8::try_from(words(phrase).len()).unwrap_or(u8::MAX),
        digest: keyed(key, &[squeezed(phrase).as_bytes()]),
    }
}

/// The words of a rung that leave as they were written: the author's own, and those of its handling.
fn spoken(rung: &Rung) -> String {
    let mut parts: Vec<&str> = match &rung.value {
        Value::Text(text) => vec![text],
        Value::Target(target) => vec![&target.name],
        Value::Giver(giver) => vec![&giver.name],
        Value::Status(status) => vec![&status.asserted_by],
        _ => Vec::new(),
    };
    let handling = &rung.handling;
    parts.extend(
        handling.alt_labels.iter().chain(&handling.iep).chain(&handling.assurances).map(String::as_str),
    );
    parts.join("\n")
}

/// Names in structured values: given as they are, and compared with the protected terms only.
fn names(value: &Value) -> String {
    match value {
        Value::Place(_) | Value::Person(_) => value.plain(),
        _ => String::new(),
    }
}

impl Secrets<'_> {
    /// The words of a rung that say what the recipient does not get.
    pub(crate) fn hits(
        &self,
        path: FieldPath,
        at: usize,
        rung: &Rung,
        known: &Known,
        ceiling: TimeDepth,
    ) -> Vec<TextHit> {
        let hit = |word: String, of: Withheld| TextHit { rung: at, word, of, overridden_by: None };
        let names = words(&names(&rung.value));
        let mut all: Vec<TextHit> =
            self.protected(&names).map(|word| hit(word, Withheld::ProtectedTerm)).collect();
        let text = words(&spoken(rung));
        for phrase in self.phrases.iter().filter(|p| p.concerns(path, &rung.value)) {
            if let Some(run) = find(&text, &phrase.needle)
                && !known.excuses(phrase)
            {
                all.push(hit(shown(&text, run), phrase.of.clone()));
            }
        }
        all.extend(self.protected(&text).map(|word| hit(word, Withheld::ProtectedTerm)));
        for mention in dates::mentions(&text) {
            let word = || shown(&text, mention.run);
            if mention.grain > ceiling {
                all.push(hit(word(), Withheld::TimeCeiling));
            }
            let told = self.times.iter().find(|t| mention.grain > t.known && mention.tells(t.at, t.depth));
            all.extend(told.map(|t| hit(word(), Withheld::Field(t.path))));
        }
        let near = self.coordinates.iter().filter_map(|c| coordinate(&text, *c));
        all.extend(near.map(|word| hit(word, Withheld::Field(FieldPath::Where))));
        let mut seen = Vec::new();
        all.retain(|h| {
            let fresh = !seen.contains(&(squeezed(&h.word), h.of.clone()));
            seen.push((squeezed(&h.word), h.of.clone()));
            fresh
        });
        all
    }

    /// Runs of words that are protected terms.
    fn protected<'t>(&'t self, text: &'t [Word]) -> impl Iterator<Item = String> + 't {
        // A term may be spelt with more spaces than it was registered with, down to its single letters.
        let longest = self.protected.iter().map(|t| usize::from(t.words) + 2).max().unwrap_or(0);
        (0..text.len()).flat_map(move |first| {
            let mut run = String::new();
            let mut words = 0;
            let mut found = Vec::new();
            for (last, word) in text.iter().enumerate().skip(first).take(PROTECTED_RUN_WORDS_MAX) {
                words += usize::from(word.folded.chars().count() > 1);
                if words > longest || longest == 0 {
                    break;
                }
                run.push_str(&word.folded);
                let digest = keyed(self.terms_key, &[run.as_bytes()]);
                if self.protected.iter().any(|t| t.digest == digest) {
                    found.push(shown(text, (first, last)));
                }
            }
            found
        })
    }
}

/// The longest run of words, single letters among them, that is taken for one protected term.
const PROTECTED_RUN_WORDS_MAX: usize = 64;

/// A decimal number in the text that is this coordinate, to as many digits as it has; at least two.
fn coordinate(text: &[Word], micro: i32) -> Option<String> {
    let digits = |w: &Word| w.folded.bytes().all(|b| b.is_ascii_digit());
    text.windows(2).enumerate().find_map(|(n, pair)| {
        let [whole, rest] = pair else { return None };
        let fits = digits(whole) && digits(rest) && matches!(whole.gap.as_str(), "." | ",");
        let places = u32::try_from(rest.folded.len()).ok().filter(|p| fits && (2..=6).contains(p))?;
        let unit = 10u64.pow(6 - places);
        let scale = 10u64.pow(places);
        let said =
            whole.folded.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(rest.folded.parse().ok()?)?;
        let is = u64::from(micro.unsigned_abs());
        (said == is / unit || said == (is + unit / 2) / unit).then(|| shown(text, (n, n + 1)))
    })
}

/// Whether two words are one, however they are spelt.
pub(crate) fn same_word(one: &str, other: &str) -> bool {
    squeezed(one) == squeezed(other)
}
