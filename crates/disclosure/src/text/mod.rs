//! Free text against what the recipient does not get: folded, whole words, any length.
//!
//! Every rung that would be given is compared with every value of every field that this recipient does not get, with the
//! protected terms of the sources, with parties that are not named to it, and with times finer than agreed. What it
//! finds blocks the rung. It finds words; it does not understand: a paraphrase passes, and so does an inflected form.

mod dates;
mod fold;
mod marked;
mod withheld;
mod worded;

use model::id::PersonName;
use model::ladder::FieldPath;
use model::vocab::TimeDepth;
use model::warning::ProtectedTerm;

use crate::judgement::{TextHit, Withheld};
use crate::keyed::keyed;
use fold::{Word, find, shown, squeezed, words};
pub(crate) use withheld::{Foothold, Known, Secrets, giver_depth};
pub(crate) use worded::{Ladder, Texts};

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

impl Secrets<'_> {
    /// The words of a rung that say what the recipient does not get.
    pub(crate) fn hits(
        &self,
        ladder: &Ladder<'_>,
        at: usize,
        known: &Known<'_>,
        ceiling: TimeDepth,
    ) -> Vec<TextHit> {
        let Some(rung) = ladder.read.get(at) else { return Vec::new() };
        let hit = |word: String, of: Withheld| TextHit { rung: at, word, of, overridden_by: None };
        let protected = |words: &[String]| -> Vec<TextHit> {
            words.iter().map(|word| hit(word.clone(), Withheld::ProtectedTerm)).collect()
        };
        let mut all = protected(&rung.protected_in_names);
        for phrase in self.phrases.iter().filter(|p| p.concerns(ladder.path, rung)) {
            if let Some(run) = find(&rung.text, &phrase.needle)
                && !known.excuses(phrase)
            {
                all.push(hit(shown(&rung.text, run), phrase.of.clone()));
            }
        }
        all.extend(protected(&rung.protected_in_text));
        for mention in &rung.mentions {
            let word = || shown(&rung.text, mention.run);
            if mention.grain > ceiling {
                all.push(hit(word(), Withheld::TimeCeiling));
            }
            let told = self.times.iter().find(|t| mention.grain > t.known && mention.tells(t.at, t.depth));
            all.extend(told.map(|t| hit(word(), Withheld::Field(t.path))));
        }
        let near = self.coordinates.iter().filter_map(|c| coordinate(&rung.text, *c));
        all.extend(near.map(|word| hit(word, Withheld::Field(FieldPath::Where))));
        let mut seen = Vec::new();
        all.retain(|h| {
            let one = (squeezed(&h.word), h.of.clone());
            let fresh = !seen.contains(&one);
            seen.push(one);
            fresh
        });
        all
    }
}

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
