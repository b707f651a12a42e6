//! What is to be said of a regular expression. The standard asks for PCRE; here only what can be matched in a time
//! proportional to the text is understood, and nothing is compiled: to read it costs its length and no more.

use regex_syntax::ast::ErrorKind;
use regex_syntax::ast::parse::ParserBuilder;

use super::super::tree::Text;
use super::{Noted, Rule};

/// The longest regular expression that is looked into, in bytes.
const REGEX_BYTES_MAX: usize = 64 << 10;

/// How deep the parts of a regular expression may stand within one another.
const REGEX_NESTING_MAX: u32 = 64;

pub(super) fn regex(text: Text<'_>, noted: &mut Noted) {
    if text.raw().len() > REGEX_BYTES_MAX {
        let fact = format!("this regular expression has {} bytes and was not looked into", text.raw().len());
        noted.note(text.span, Rule::Regex, fact, format!("Keep it below {REGEX_BYTES_MAX} bytes"));
        return;
    }
    let mut parser = ParserBuilder::new().nest_limit(REGEX_NESTING_MAX).build();
    match parser.parse(&text.value()).map_err(|error| error.kind().clone()) {
        Ok(_) => {}
        Err(ErrorKind::UnsupportedLookAround | ErrorKind::UnsupportedBackreference) => {
            let fact = "the regular expression looks around or back, which can take any time to match";
            let hint =
                "Say it without (?=…), (?!…), (?<=…), (?<!…) and \\1, or many programs will not match it";
            noted.note(text.span, Rule::RegexLookAround, fact, hint);
        }
        Err(kind) => {
            let fact = format!("the regular expression is not understood here: {kind}");
            let hint = "Backslashes are written twice in a pattern: '\\\\.exe$' asks for a point";
            noted.note(text.span, Rule::Regex, fact, hint);
        }
    }
}
