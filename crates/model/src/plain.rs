//! The one function through which text from outside reaches a terminal or a page.

/// The text with every control, bidirectional and zero-width character made visible as `\u{…}`; line breaks stay.
///
/// Covers C0 and C1 controls, U+061C, U+115F–1160, U+17B4–17B5, U+180B–180F, U+200B–200F, U+2028–202E, U+2060–206F,
/// U+3164, U+FE00–FE0F, U+FEFF, U+FFA0, U+FFF0–FFFB and the tags and selectors of plane 14 (Unicode TR #36, #39).
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_unseen(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// As `plain`, with line breaks and tabs made visible too: for a value that stands inside one line.
pub fn plain_line(text: &str) -> String {
    plain(text).replace('\n', "\\n")
}

/// Whether a character cannot be seen or moves others about.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_or_moves_text_is_made_visible() {
        assert_eq!(plain("red\u{1b}[31m \u{202e}cba\u{200b}."), "red\\u{1b}[31m \\u{202e}cba\\u{200b}.");
        assert_eq!(plain("two\nlines — naïve Привет"), "two\nlines — naïve Привет");
        assert_eq!(plain_line("a\nb\r\t"), "a\\nb\\u{d}\\u{9}");
    }
}
