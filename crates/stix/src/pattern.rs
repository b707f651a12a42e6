//! STIX patterns: read into a tree, printed in one canonical form, and looked at for what can never match
//! (STIX 2.1 §9).
//!
//! [`Pattern::parse`] holds a text to the grammar, and says where and why when it does not fit. [`Pattern::findings`]
//! says what the grammar allows and a reader should know all the same. Nothing is matched here.
//!
//! Read first `tree` (what a pattern is made of), then `parser`; `finding` has the rules beyond the grammar.

pub mod error;
pub mod finding;
mod parser;
pub mod place;
mod print;
#[cfg(test)]
mod shapes;
mod token;
pub mod tree;

use self::error::PatternError;
use self::finding::Finding;
use self::tree::{Observation, Tests};

/// The longest pattern that is read, in bytes.
pub const PATTERN_BYTES_MAX: usize = 8 << 20;

/// The most comparisons in one pattern.
pub const COMPARISONS_MAX: u32 = 1 << 17;

/// The most values in all the lists of `IN` of one pattern.
pub const LISTED_VALUES_MAX: u32 = 1 << 17;

/// The most qualifiers in one pattern.
pub const QUALIFIERS_MAX: u32 = 1 << 17;

/// The most parentheses that may stand within one another.
pub const NESTING_MAX: u32 = 64;

/// The most steps in one object path after its first property.
pub const PATH_STEPS_MAX: usize = 64;

/// A pattern that fits the grammar; it borrows its words from the text that it was read from.
///
/// Two patterns are equal when they say the same in the same order, however they are spaced, commented and bracketed.
#[derive(Debug, Clone)]
pub struct Pattern<'a> {
    text: &'a str,
    root: Observation<'a>,
}

impl<'a> Pattern<'a> {
    /// Reads a pattern.
    ///
    /// The grammar is that of STIX 2.1 §9: keywords are in capitals, `true` and `false` small; `==` and `<>` are taken
    /// for `=` and `!=`. It costs time and memory in proportion to the text and never more stack than
    /// [`NESTING_MAX`] parentheses need.
    ///
    /// # Errors
    /// [`PatternError`] at the first place where the text does not fit, or where a limit of this module is passed.
    pub fn parse(text: &'a str) -> Result<Self, PatternError> {
        parser::parse(text).map(|root| Pattern { text, root })
    }

    /// What the pattern says.
    pub fn root(&self) -> &Observation<'a> {
        &self.root
    }

    /// The text that was read.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Every comparison with its object path, in the order of the text.
    pub fn tests(&self) -> Tests<'_, 'a> {
        Tests::of(&self.root)
    }

    /// What the grammar allows and the standard forbids (errors), and what can never match or not as it looks
    /// (warnings), in the order of the text; at most [`finding::FINDINGS_MAX`].
    pub fn findings(&self) -> Vec<Finding> {
        finding::findings(self)
    }
}

impl PartialEq for Pattern<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}
