//! Which passphrases are refused when one is chosen. Length is what counts; the rest catches what is long and no secret.

use std::collections::BTreeSet;

use model::id::{PartyName, PersonName};

use crate::refusal::Refusal;

const CHARS_MIN: usize = 12;
const BYTES_MAX: usize = 1_024;
const DIFFERENT_CHARS_MIN: usize = 5;
/// Letters that must be left when the names of person and node are taken out.
const OWN_CHARS_MIN: usize = 6;

/// Refuses a passphrase that is short, repeats itself, counts up, or is a name.
pub(super) fn check(passphrase: &str, person: &PersonName, node: &PartyName) -> Result<(), Refusal> {
    let chars: Vec<char> = passphrase.chars().collect();
    if chars.len() < CHARS_MIN {
        return Err(Refusal::yours(
            "passphrase_too_short",
            format!("the passphrase has {} characters", chars.len()),
        )
        .hint(format!(
            "choose one of at least {CHARS_MIN}: four or five words that you never wrote together"
        )));
    }
    if passphrase.len() > BYTES_MAX {
        return Err(Refusal::yours(
            "passphrase_too_long",
            format!("the passphrase has {} bytes", passphrase.len()),
        )
        .hint(format!("choose one of at most {BYTES_MAX}")));
    }
    let weak = |why: &str| {
        Err(Refusal::yours("passphrase_too_weak", format!("the passphrase {why}"))
            .hint("choose four or five words that you never wrote together"))
    };
    if chars.iter().collect::<BTreeSet<_>>().len() < DIFFERENT_CHARS_MIN {
        return weak("has too few different characters");
    }
    if repeats(&chars) {
        return weak("repeats itself");
    }
    if counts(&chars) {
        return weak("is a row of neighbouring characters");
    }
    if is_made_of_names(passphrase, person, node) {
        return weak("is made of the login name or the node's name");
    }
    Ok(())
}

/// Whether the whole is one piece again and again, the piece at most half of it.
fn repeats(chars: &[char]) -> bool {
    (1..=chars.len() / 2).any(|period| chars.iter().zip(chars.iter().skip(period)).all(|(a, b)| a == b))
}

/// Whether each character is as far from the one before as every other: 1234…, fedc….
fn counts(chars: &[char]) -> bool {
    let step = |(a, b): (&char, &char)| i64::from(u32::from(*b)) - i64::from(u32::from(*a));
    let mut steps = chars.iter().zip(chars.iter().skip(1)).map(step);
    let first = steps.next();
    steps.all(|s| Some(s) == first)
}

fn is_made_of_names(passphrase: &str, person: &PersonName, node: &PartyName) -> bool {
    let folded = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let whole = folded(passphrase);
    let label = node.as_str().split('.').next().unwrap_or_default();
    let mut rest = whole.clone();
    for name in [folded(node.as_str()), folded(person.as_str()), folded(label)] {
        if !name.is_empty() {
            rest = rest.replace(&name, " ");
        }
    }
    rest != whole && rest.chars().filter(|c| c.is_alphabetic()).count() < OWN_CHARS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(passphrase: &str) -> Option<&'static str> {
        let (person, node) = ("dana".parse().unwrap(), "service-a.example".parse().unwrap());
        check(passphrase, &person, &node).err().map(|refusal| refusal.code)
    }

    #[test]
    fn what_is_short_or_no_secret_is_refused() {
        let table = [
            ("elevenchars", "passphrase_too_short"),
            ("ünïcödéünïc", "passphrase_too_short"),
            ("aaaaaaaaaaaaaaaa", "passphrase_too_weak"),
            ("abababababababab", "passphrase_too_weak"),
            ("hunter2hunter2", "passphrase_too_weak"),
            ("secretsecretsec", "passphrase_too_weak"),
            ("0123456789:;<=>", "passphrase_too_weak"),
            ("zyxwvutsrqponml", "passphrase_too_weak"),
            ("Service-A.example", "passphrase_too_weak"),
            ("dana-service-a-2026", "passphrase_too_weak"),
        ];
        for (passphrase, expected) in table {
            assert_eq!(code(passphrase), Some(expected), "{passphrase}");
        }
        assert_eq!(code(&"long and not repeated ".repeat(60)), Some("passphrase_too_long"));
    }

    #[test]
    fn plain_words_and_drawn_characters_are_taken() {
        for passphrase in
            ["otter lantern gravel", "kJ7#pq!mZ2$w", "dana walks the grey otter", "Привет, тихая река"]
        {
            assert_eq!(code(passphrase), None, "{passphrase}");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_passphrase() {
        let (person, node) = ("dana".parse().unwrap(), "service-a.example".parse().unwrap());
        let refusal = check("hunter2hunter2", &person, &node).unwrap_err();
        assert!(!format!("{refusal:?}").contains("hunter2"));
    }
}
