//! The terms of a free text by which it could be recognised: its marked words, and the phrases they form.
//!
//! Marked is a word with a capital inside a sentence, one wholly in capitals, or one with a digit. Neighbours that are
//! marked form one phrase (`Group G`, `Platform T`); words that name only a sort of thing (`group`, `platform`) count
//! inside a phrase and never alone. Times are left to `dates`. In scripts without capitals only numbers are marked.

use super::dates::mentions;
use super::fold::Word;

/// The marked terms of a text, each squeezed, without doubles.
pub(crate) fn marked_terms(words: &[Word]) -> Vec<String> {
    let times = mentions(words);
    let capitals_tell = !mostly(words, |w| is_all_capitals(w) || w.raw.chars().count() < 3);
    let marked: Vec<bool> = (0..words.len())
        .map(|n| {
            let in_time = times.iter().any(|m| m.run.0 <= n && n <= m.run.1);
            words.get(n).is_some_and(|w| !in_time && is_marked(w, capitals_tell))
        })
        .collect();
    let mut terms = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut end = at;
        // A phrase does not run over the end of a sentence.
        while marked.get(end) == Some(&true) && (end == at || words.get(end).is_some_and(|w| !w.opens)) {
            end += 1;
        }
        if end > at {
            add_run(words, at, end, &mut terms);
        }
        at = end.max(at + 1);
    }
    terms.sort();
    terms.dedup();
    terms
}

/// The terms of the marked words from `first` up to, not with, `end`.
fn add_run(words: &[Word], first: usize, end: usize, terms: &mut Vec<String>) {
    let capital = |n: usize| words.get(n).is_some_and(|w| w.raw.starts_with(char::is_uppercase));
    let before = first.checked_sub(1);
    let lone_number =
        end == first + 1 && words.get(first).is_some_and(|w| is_number(&w.folded) && w.folded.len() < 4);
    let start = match before {
        // The opening word of a sentence belongs to the name that follows it; a short number to the word before it.
        Some(n) if lone_number || (capital(n) && capital(first) && words.get(n).is_some_and(|w| w.opens)) => {
            n
        }
        _ => first,
    };
    let run: Vec<&str> = words.iter().take(end).skip(start).map(|w| w.folded.as_str()).collect();
    if run.len() > 1 {
        terms.push(run.concat());
    }
    if lone_number {
        return;
    }
    terms.extend(run.iter().filter(|w| is_telling(w)).map(|w| (*w).to_owned()));
}

fn is_marked(word: &Word, capitals_tell: bool) -> bool {
    let has_digit = word.folded.bytes().any(|b| b.is_ascii_digit());
    let has_capital = word.raw.chars().any(char::is_uppercase);
    match is_all_capitals(word) {
        true => has_digit || capitals_tell,
        false => has_digit || (has_capital && !word.opens),
    }
}

fn is_all_capitals(word: &Word) -> bool {
    let letters = word.raw.chars().filter(|c| c.is_alphabetic());
    letters.clone().count() > 1 && letters.clone().all(char::is_uppercase)
}

fn is_number(folded: &str) -> bool {
    folded.bytes().all(|b| b.is_ascii_digit())
}

fn mostly(words: &[Word], of: impl Fn(&Word) -> bool) -> bool {
    words.len() > 3 && words.iter().filter(|w| of(w)).count() * 10 > words.len() * 8
}

/// Whether a folded word tells anything by itself: not one letter, not a short number, no mere sort of thing.
pub(crate) fn is_telling(folded: &str) -> bool {
    if is_number(folded) {
        return folded.len() >= 4;
    }
    folded.chars().count() > 1 && !SORTS.contains(&folded)
}

/// Words that name only a sort of thing, or nothing: alone they recognise nobody and no place.
#[rustfmt::skip]
const SORTS: &[&str] = &[
    "a", "agency", "al", "alias", "an", "analyst", "and", "area", "army", "at", "attack", "avenue", "bin",
    "block", "bureau", "by", "case", "cell", "center", "central", "centre", "chief", "city", "committee",
    "company", "council", "country", "county", "court", "da", "das", "day", "de", "del", "den",
    "department", "der", "desk", "di", "die", "director", "directorate", "district", "division", "do",
    "dos", "dr", "du", "duty", "east", "eastern", "el", "en", "entity", "et", "federal", "for", "force",
    "foreign", "from", "general", "government", "great", "group", "he", "head", "her", "his", "house",
    "ibn", "in", "institution", "intelligence", "international", "is", "it", "la", "le", "les", "liaison",
    "location", "main", "member", "members", "ministry", "mr", "mrs", "ms", "name", "nation", "national",
    "new", "no", "north", "northern", "number", "of", "office", "officer", "old", "on", "or",
    "organisation", "organization", "our", "paper", "part", "partner", "party", "person", "place", "plan",
    "platform", "police", "president", "province", "public", "region", "release", "republic", "road",
    "room", "saint", "san", "santa", "secret", "security", "service", "services", "she", "sir", "site",
    "source", "south", "southern", "square", "st", "state", "street", "subject", "suspect", "target",
    "team", "the", "their", "they", "threat", "to", "town", "un", "und", "union", "unit", "united", "van",
    "victim", "village", "von", "warning", "we", "west", "western", "with", "witness", "y", "zone",
];

#[cfg(test)]
mod tests {
    use super::super::fold::words;
    use super::*;

    #[test]
    fn marked_words_and_the_phrases_they_form_are_terms() {
        for (text, terms) in [
            ("Intercept of Platform T by unit 7; liaison asset LARK.", &["lark", "platformt", "unit7"][..]),
            (
                "Anna Kowalska carries it. Others wait in City P.",
                &["anna", "annakowalska", "cityp", "kowalska"],
            ),
            ("members of Group G", &["groupg"]),
            ("a meeting on 16 December 2026 at 14:02 with 3 men", &["with3"]),
            ("account 4711-88 of user lark99", &["471188", "4711", "lark99"]),
            ("BOMBINGS PLANNED IN THE CITY", &[]),
            ("no name, no number", &[]),
        ] {
            let mut expected: Vec<_> = terms.iter().map(|t| (*t).to_owned()).collect();
            expected.sort();
            assert_eq!(marked_terms(&words(text)), expected, "{text}");
        }
    }
}
