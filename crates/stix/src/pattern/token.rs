//! The words of a pattern: the lexer of the grammar of STIX 2.1 §9, one token at a time.

use std::borrow::Cow;

use super::error::{Fault, PatternError, quoted};
use super::place::{Place, Span};

/// A word of the pattern and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name of letters, digits and underscores.
    Name,
    /// A name with a hyphen in it.
    HyphenName,
    Keyword(Keyword),
    Boolean(bool),
    Integer,
    Float,
    Text,
    Hex,
    Binary,
    Timestamp,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Colon,
    Dot,
    Comma,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Star,
    /// A character that the grammar has no use for.
    Stray,
    /// The end of the text.
    End,
}

/// The words that are no names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    FollowedBy,
    Like,
    Matches,
    IsSuperset,
    IsSubset,
    Exists,
    /// Kept by the grammar, and used nowhere in it.
    Last,
    In,
    Start,
    Stop,
    Seconds,
    Within,
    Repeats,
    Times,
}

/// The kind of a word: keyword, boolean or name.
fn word_kind(word: &str) -> Kind {
    Kind::Keyword(match word {
        "AND" => Keyword::And,
        "OR" => Keyword::Or,
        "NOT" => Keyword::Not,
        "FOLLOWEDBY" => Keyword::FollowedBy,
        "LIKE" => Keyword::Like,
        "MATCHES" => Keyword::Matches,
        "ISSUPERSET" => Keyword::IsSuperset,
        "ISSUBSET" => Keyword::IsSubset,
        "EXISTS" => Keyword::Exists,
        "LAST" => Keyword::Last,
        "IN" => Keyword::In,
        "START" => Keyword::Start,
        "STOP" => Keyword::Stop,
        "SECONDS" => Keyword::Seconds,
        "WITHIN" => Keyword::Within,
        "REPEATS" => Keyword::Repeats,
        "TIMES" => Keyword::Times,
        "true" => return Kind::Boolean(true),
        "false" => return Kind::Boolean(false),
        _ if word.contains('-') => return Kind::HyphenName,
        _ => return Kind::Name,
    })
}

/// How the word is written as a keyword, where it is one but for its case.
pub(super) fn in_keyword_case(word: &str) -> Option<String> {
    let (upper, lower) = (word.to_ascii_uppercase(), word.to_ascii_lowercase());
    match (word_kind(&upper), word_kind(&lower)) {
        (Kind::Keyword(Keyword::Last), _) => None,
        (Kind::Keyword(_), _) => Some(upper),
        (_, Kind::Boolean(_)) => Some(lower),
        _ => None,
    }
}

/// Whether a key is read as a key without quotes.
pub(super) fn is_bare(key: &str) -> bool {
    key.bytes().next().is_some_and(begins_word)
        && key.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && word_kind(key) == Kind::Name
}

fn begins_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphabetic()
}

/// The white space of the grammar.
fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r' | ' ' | '\u{85}' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}'
            | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Reads tokens from a text that is shorter than 4 GiB.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0 }
    }

    /// What the span holds.
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The error at a byte of the text.
    #[cold]
    pub(super) fn error(
        &self,
        fault: Fault,
        offset: usize,
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<Cow<'static, str>>,
        hint: Option<Cow<'static, str>>,
    ) -> PatternError {
        let place = Place::START.forward(self.text, offset);
        PatternError { fault, place, expected: expected.into(), found: found.into(), hint }
    }

    /// The next token, past white space and comments.
    pub(super) fn next(&mut self) -> Result<Token, PatternError> {
        self.skip()?;
        let start = self.at;
        let Some(first) = self.byte(0) else {
            return Ok(self.token(Kind::End, start));
        };
        let kind = match first {
            b'\'' => self.text_literal()?,
            b'h' | b'b' | b't' if self.byte(1) == Some(b'\'') => self.typed_literal(first)?,
            _ if begins_word(first) => {
                self.run(|byte| byte == b'_' || byte == b'-' || byte.is_ascii_alphanumeric());
                word_kind(self.text.get(start..self.at).unwrap_or_default())
            }
            b'+' | b'-' | b'.' | b'0'..=b'9' => self.number(),
            _ => self.sign(first),
        };
        Ok(self.token(kind, start))
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        // The parser reads no text that is longer than 4 GiB.
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Token { kind, span: Span { start: narrow(start), end: narrow(self.at) } }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len());
        self.at += length;
        length
    }

    fn skip(&mut self) -> Result<(), PatternError> {
        loop {
            match self.byte(0) {
                Some(b' ' | b'\t'..=b'\r') => self.at += 1,
                Some(b'/') if self.byte(1) == Some(b'/') => {
                    self.run(|byte| byte != b'\n' && byte != b'\r');
                }
                Some(b'/') if self.byte(1) == Some(b'*') => {
                    let Some(length) = self.text.get(self.at + 2..).and_then(|rest| rest.find("*/")) else {
                        let hint = Some("A comment that begins with /* ends with */".into());
                        return Err(self.error(
                            Fault::CommentOpen,
                            self.at,
                            "the end of this comment",
                            END,
                            hint,
                        ));
                    };
                    self.at += length + 4;
                }
                Some(0x80..) => match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
                    Some(character) if is_space(character) => self.at += character.len_utf8(),
                    _ => return Ok(()),
                },
                _ => return Ok(()),
            }
        }
    }

    fn sign(&mut self, first: u8) -> Kind {
        let (kind, length) = match (first, self.byte(1)) {
            (b'=', Some(b'=')) => (Kind::Equal, 2),
            (b'=', _) => (Kind::Equal, 1),
            (b'!', Some(b'=')) | (b'<', Some(b'>')) => (Kind::NotEqual, 2),
            (b'<', Some(b'=')) => (Kind::LessOrEqual, 2),
            (b'<', _) => (Kind::Less, 1),
            (b'>', Some(b'=')) => (Kind::GreaterOrEqual, 2),
            (b'>', _) => (Kind::Greater, 1),
            (b':', _) => (Kind::Colon, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'(', _) => (Kind::OpenParenthesis, 1),
            (b')', _) => (Kind::CloseParenthesis, 1),
            (b'[', _) => (Kind::OpenBracket, 1),
            (b']', _) => (Kind::CloseBracket, 1),
            (b'*', _) => (Kind::Star, 1),
            _ => {
                let character = self.text.get(self.at..).and_then(|rest| rest.chars().next());
                (Kind::Stray, character.map_or(1, char::len_utf8))
            }
        };
        self.at += length;
        kind
    }

    /// `[+-]? ('0' | [1-9][0-9]*)`, or `[+-]? [0-9]* '.' [0-9]+` where that is longer; a sign or point by itself
    /// otherwise.
    fn number(&mut self) -> Kind {
        let signed = usize::from(matches!(self.byte(0), Some(b'+' | b'-')));
        let begun = self.at;
        self.at += signed;
        let leading_zero = self.byte(0) == Some(b'0');
        let digits = self.run(|byte| byte.is_ascii_digit());
        if self.byte(0) == Some(b'.') && self.byte(1).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
            self.run(|byte| byte.is_ascii_digit());
            return Kind::Float;
        }
        if digits > 0 {
            self.at = begun + signed + if leading_zero { 1 } else { digits };
            return Kind::Integer;
        }
        self.at = begun + 1;
        if signed == 0 { Kind::Dot } else { Kind::Stray }
    }

    fn text_literal(&mut self) -> Result<Kind, PatternError> {
        let begun = self.at;
        self.at += 1;
        loop {
            self.run(|byte| byte != b'\'' && byte != b'\\');
            match (self.byte(0), self.byte(1)) {
                (Some(b'\''), _) => {
                    self.at += 1;
                    return Ok(Kind::Text);
                }
                (Some(_), Some(b'\'' | b'\\')) => self.at += 2,
                (Some(_), Some(_)) => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let found = rest.chars().take(2).collect::<String>();
                    let hint = Some("To mean a backslash, write it twice: \\\\".into());
                    let expected = "\\\\ or \\' where a backslash stands in a text";
                    return Err(self.error(Fault::TextEscape, self.at, expected, quoted(&found), hint));
                }
                _ => {
                    let hint = Some("A quote inside a text is written \\'".into());
                    return Err(self.error(Fault::TextOpen, begun, "a ' that ends this text", END, hint));
                }
            }
        }
    }

    /// `h'…'`, `b'…'` and `t'…'`.
    fn typed_literal(&mut self, prefix: u8) -> Result<Kind, PatternError> {
        let rest = self.text.get(self.at + 2..).unwrap_or_default();
        let content = rest.split('\'').next().unwrap_or_default();
        let closed = content.len() < rest.len();
        let (kind, fits, fault, expected, hint) = match prefix {
            b'h' => (
                Kind::Hex,
                content.len().is_multiple_of(2) && content.bytes().all(|byte| byte.is_ascii_hexdigit()),
                Fault::Hex,
                "pairs of hexadecimal digits",
                "Each byte has two digits: h'0aff'",
            ),
            b'b' => (
                Kind::Binary,
                is_base64(content.as_bytes()),
                Fault::Binary,
                "Base64 with its padding",
                "Groups of four of A-Z, a-z, 0-9, + and /, the last one filled up with =: b'AP8='",
            ),
            _ => (
                Kind::Timestamp,
                is_timestamp(content.as_bytes()),
                Fault::Timestamp,
                "a timestamp in UTC",
                "It is written like t'2026-01-31T09:00:00Z', with a fraction of the second if you like",
            ),
        };
        if !(closed && fits) {
            let found = match (closed, content.is_empty()) {
                (false, _) => END.into(),
                (true, true) => "nothing".into(),
                (true, false) => quoted(content),
            };
            return Err(self.error(fault, self.at, expected, found, Some(hint.into())));
        }
        self.at += content.len() + 3;
        Ok(kind)
    }
}

/// What is found where nothing is left.
pub(super) const END: &str = "the end of the pattern";

/// One or more groups of four, the last with up to two fillers (RFC 4648 §4).
fn is_base64(content: &[u8]) -> bool {
    let filled = content.strip_suffix(b"==").or_else(|| content.strip_suffix(b"=")).unwrap_or(content);
    !content.is_empty()
        && content.len().is_multiple_of(4)
        && filled.iter().all(|byte| matches!(byte, b'+' | b'/') || byte.is_ascii_alphanumeric())
}

/// `2026-01-31T09:00:00.5Z`, each number within its range; whether the month has that day is another question.
fn is_timestamp(content: &[u8]) -> bool {
    let Some((seconds, rest)) = content.split_at_checked(19) else {
        return false;
    };
    let shaped = seconds.iter().zip(b"dddd-dd-ddTdd:dd:dd").all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        _ => byte == shape,
    });
    let number = |from: usize| {
        seconds.get(from..from + 2).and_then(|two| std::str::from_utf8(two).ok()?.parse::<u8>().ok())
    };
    let within =
        |from: usize, range: std::ops::RangeInclusive<u8>| number(from).is_some_and(|n| range.contains(&n));
    let fraction = match rest {
        [b'Z'] => true,
        [b'.', digits @ .., b'Z'] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    shaped
        && fraction
        && within(5, 1..=12)
        && within(8, 1..=31)
        && within(11, 0..=23)
        && within(14, 0..=59)
        && within(17, 0..=60)
}
