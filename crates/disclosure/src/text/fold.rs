//! Folding: what two spellings of one word have in common, so that case, accents, spacing, script of digits and
//! transliteration hide nothing.
//!
//! A text becomes words; a phrase is found when some run of whole words, put together without spaces, is the phrase put
//! together likewise. So `L.A.R.K.`, `la rk` and `LARK` are one, and `lark` is not found in `larkspur`. Scripts that are
//! written without spaces count each character as a word.

use model::plain::is_unseen;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// One word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it stands.
    pub(crate) raw: String,
    /// Folded; never empty.
    pub(crate) folded: String,
    /// Whether it opens a sentence, where a capital letter says nothing.
    pub(crate) opens: bool,
    /// What stands between it and the next word.
    pub(crate) gap: String,
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut cutter = Cutter { words: Vec::new(), raw: String::new(), gap: String::new(), opens: true };
    for c in text.chars() {
        cutter.take(c);
    }
    cutter.close();
    if let Some(last) = cutter.words.last_mut() {
        last.gap = cutter.gap;
    }
    cutter.words
}

/// The text folded and put together without spaces.
pub(crate) fn squeezed(text: &str) -> String {
    words(text).into_iter().map(|w| w.folded).collect()
}

/// The pieces of a name: between spaces and punctuation, a run of characters without spaces being one piece.
pub(crate) fn pieces(name: &str) -> Vec<String> {
    let unseen = |c: char| is_unseen(c) && !c.is_whitespace();
    let parts = |c: char| !(c.is_alphanumeric() || is_combining_mark(c) || unseen(c));
    name.split(parts).map(squeezed).filter(|p| !p.is_empty()).collect()
}

/// Where a run of whole words makes up `needle` (already squeezed): the first and the last word of the run.
pub(crate) fn find(words: &[Word], needle: &str) -> Option<(usize, usize)> {
    if needle.is_empty() {
        return None;
    }
    (0..words.len()).find_map(|first| {
        let mut rest = needle;
        for (n, word) in words.iter().enumerate().skip(first) {
            rest = rest.strip_prefix(word.folded.as_str())?;
            if rest.is_empty() {
                return Some((first, n));
            }
        }
        None
    })
}

/// The words from `first` to `last` as they stand in the text.
pub(crate) fn shown(words: &[Word], (first, last): (usize, usize)) -> String {
    let run = words.iter().take(last + 1).skip(first);
    let with_gaps: String = run.flat_map(|w| [w.raw.as_str(), w.gap.as_str()]).collect();
    with_gaps.trim_end_matches(|c: char| !c.is_alphanumeric()).to_owned()
}

struct Cutter {
    words: Vec<Word>,
    raw: String,
    gap: String,
    opens: bool,
}

impl Cutter {
    fn take(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.raw.push(c);
            return;
        }
        if is_unseen(c) && !c.is_whitespace() {
            return;
        }
        if c.is_alphanumeric() || is_combining_mark(c) {
            if is_a_word_of_its_own(c) {
                self.close();
                self.raw.push(c);
                self.close();
            } else {
                self.raw.push(c);
            }
            return;
        }
        self.close();
        self.gap.push(c);
        if matches!(c, '!' | '?' | '…' | '。' | '\n' | '•') {
            self.opens = true;
        } else if c == '.' {
            // A name may follow the full stop of an abbreviation: there a capital tells.
            let whole = |w: &Word| {
                w.raw.chars().any(char::is_lowercase) && !ABBREVIATIONS.contains(&w.folded.as_str())
            };
            self.opens = self.gap.len() == 1 && self.words.last().is_some_and(whole);
        }
    }

    fn close(&mut self) {
        if self.raw.is_empty() {
            return;
        }
        let raw = std::mem::take(&mut self.raw);
        let folded = fold(&raw);
        if folded.is_empty() {
            return;
        }
        let gap = std::mem::take(&mut self.gap);
        if let Some(last) = self.words.last_mut() {
            last.gap = gap;
        }
        self.words.push(Word { raw, folded, opens: self.opens, gap: String::new() });
        self.opens = false;
    }
}

/// Words after which a full stop ends no sentence.
const ABBREVIATIONS: &[&str] = &[
    "approx", "apt", "ave", "bldg", "capt", "co", "col", "dept", "dr", "fr", "gen", "gov", "hr", "inc", "jr",
    "lt", "ltd", "maj", "mr", "mrs", "ms", "mt", "no", "nr", "prof", "rd", "rep", "sen", "sgt", "sr", "st",
    "str", "ul", "vs",
];

fn fold(raw: &str) -> String {
    if raw.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return raw.to_ascii_lowercase();
    }
    // Й would lose to its accent what makes it a letter of its own.
    let kept = raw.chars().map(|c| if matches!(c, 'й' | 'Й') { 'y' } else { c });
    let mut out = String::with_capacity(raw.len());
    for c in kept.nfkd().flat_map(char::to_lowercase).filter(|c| !is_combining_mark(*c)) {
        match (digit(c), latin(c)) {
            (Some(digit), _) => out.push(digit),
            (None, Some(latin)) => out.push_str(latin),
            (None, None) if c.is_alphanumeric() => out.push(c),
            (None, None) => {}
        }
    }
    out
}

/// Scripts without spaces between words, and Hangul, where endings are written onto the word.
fn is_a_word_of_its_own(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff | 0x3040..=0x30ff | 0x3400..=0x9fff | 0xac00..=0xd7a3
        | 0xf900..=0xfaff | 0x20000..=0x3ffff)
}

/// The zeros of the decimal digits of Unicode outside ASCII that are met in practice (general category Nd).
const ZEROS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1b50, 0x1bb0, 0x1c40, 0xa620, 0xa8d0, 0xa900,
    0xa9d0, 0xaa50, 0xabf0, 0x104a0, 0x1e950,
];

fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|v| *v < 10))?;
    char::from_digit(value, 10)
}

/// Letters of Latin, Cyrillic and Greek that decomposition does not turn into a-z, in their commonest spelling.
fn latin(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'ŋ' => "n",
        'ŧ' => "t",
        'æ' => "ae",
        'œ' => "oe",
        'þ' => "th",
        'ə' | 'ɘ' => "a",
        'а' | 'α' => "a",
        'б' => "b",
        'в' | 'β' => "v",
        'г' | 'ґ' | 'γ' => "g",
        'д' | 'δ' => "d",
        'е' | 'э' | 'є' | 'ε' => "e",
        'ж' => "zh",
        'з' | 'ζ' => "z",
        'и' | 'і' | 'η' | 'ι' => "i",
        'ј' => "j",
        'к' | 'κ' => "k",
        'л' | 'λ' => "l",
        'љ' => "lj",
        'м' | 'μ' => "m",
        'н' | 'ν' => "n",
        'њ' => "nj",
        'ξ' => "x",
        'о' | 'ο' | 'ω' => "o",
        'п' | 'π' => "p",
        'р' | 'ρ' => "r",
        'с' | 'σ' | 'ς' => "s",
        'т' | 'τ' => "t",
        'у' | 'υ' => "u",
        'ф' | 'φ' => "f",
        'х' => "kh",
        'χ' => "ch",
        'ψ' => "ps",
        'θ' => "th",
        'ц' => "ts",
        'ч' | 'ћ' => "ch",
        'џ' => "dz",
        'ђ' => "dj",
        'ш' => "sh",
        'щ' => "shch",
        'ъ' | 'ь' => "",
        'ы' => "y",
        'ю' => "yu",
        'я' => "ya",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_word_fold_alike() {
        for (one, other) in [
            ("LARK", "l.a.r.k."),
            ("LARK", "La\u{200b}r\u{ad}k"),
            ("Müller", "MULLER"),
            ("Łódź", "Lodz"),
            ("Straße", "strasse"),
            ("Сергей", "Sergey"),
            ("Αθήνα", "Athina"),
            ("unit ٧", "Unit-7"),
            ("ＡＢＣ１", "abc1"),
            ("\u{1d6e2}lpha", "Αlpha"),
            ("O'Brien", "OBrien"),
            ("evil[.]example", "evil.example"),
        ] {
            assert_eq!(squeezed(one), squeezed(other), "{one} and {other}");
        }
    }

    #[test]
    fn whole_words_are_found_and_parts_of_words_are_not() {
        let text = words("A hotel near larkspur square; the L.A.R.K. asset; 在东京广场集合");
        assert_eq!(find(&text, &squeezed("lark")).map(|r| shown(&text, r)), Some("L.A.R.K".to_owned()));
        assert_eq!(find(&text, &squeezed("hotel near")), Some((1, 2)));
        assert!(find(&text, &squeezed("spur")).is_none());
        assert!(find(&text, &squeezed("ote")).is_none());
        assert_eq!(find(&text, &squeezed("东京")).map(|r| shown(&text, r)), Some("东京".to_owned()));
    }

    #[test]
    fn a_sentence_opens_after_a_stop_and_not_after_an_abbreviation() {
        let opening: Vec<_> =
            words("They met. Later no. 7 called Mr. Smith\nThen").into_iter().map(|w| w.opens).collect();
        assert_eq!(opening, [true, false, true, false, false, false, false, false, true]);
    }

    #[test]
    fn plain_letters_and_digits_fold_as_all_others_do() {
        for c in (0u8..0x80).map(char::from).filter(char::is_ascii_alphanumeric) {
            // The second word takes the long way, through decomposition, and loses its accent there.
            assert_eq!(fold(&c.to_string()), fold(&format!("{c}\u{301}")));
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC{0,40}") {
            let once = squeezed(&text);
            prop_assert_eq!(squeezed(&once), once);
        }

        #[test]
        fn every_word_is_found_in_its_own_text(text in "\\PC{0,40}") {
            let all = words(&text);
            for word in &all {
                prop_assert!(find(&all, &word.folded).is_some());
            }
        }
    }
}
