//! What validation finds: a rule of the standard, the place that breaks it, and what to do.

use std::fmt;

/// A rule that an object can break. Its code and name stay what they are.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `E` for what the standard demands, `W` for what it advises, and a number.
    pub code: &'static str,
    /// The name, for people and for filters.
    pub name: &'static str,
    /// The section of STIX 2.1 that has the rule; a property's own section comes with the finding.
    pub section: &'static str,
    /// What to do.
    pub hint: &'static str,
}

impl Rule {
    /// Whether the standard demands it (MUST); what it only advises (SHOULD) is a warning.
    pub fn is_error(&self) -> bool {
        self.code.starts_with('E')
    }
}

/// One place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// Where, as a JSON path (RFC 9535) from the object: `$.external_references[0].url`.
    pub path: String,
    /// What was met there and what is wanted.
    pub detail: String,
    /// The section of STIX 2.1 that describes what stands there.
    pub section: &'static str,
    /// The byte of the object where it stands; for what is missing, where the thing begins that lacks it.
    pub at: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.rule.is_error() { "error" } else { "warning" };
        let Self { path, detail, section, rule, .. } = self;
        write!(f, "{weight} {} {path}: {detail} (STIX 2.1 §{section})", rule.name)
    }
}

macro_rules! rules {
    ($($constant:ident $code:literal $name:literal $section:literal $hint:literal)*) => {
        $(pub(crate) static $constant: Rule = Rule { code: $code, name: $name, section: $section, hint: $hint };)*
        /// Every rule, in the order of the codes.
        pub static RULES: &[&Rule] = &[$(&$constant),*];
    };
}

#[rustfmt::skip]
rules! {
    MISSING           "E101" "missing-property"      "3.2"    "add it; the standard requires it here"
    WRONG_KIND        "E102" "wrong-kind"            "2"      "write the kind of value that the property takes"
    OUT_OF_RANGE      "E103" "out-of-range"          "2.10"   "write a number within the range"
    MALFORMED         "E104" "malformed-value"       "2"      "write the value in the form that the property takes"
    MALFORMED_ID      "E105" "malformed-id"          "2.9"    "write type--UUID, the UUID with its hyphens"
    OTHER_TYPE        "E106" "id-of-other-type"      "2.9"    "make the type before the two hyphens that of the object"
    OTHER_TARGET      "E107" "ref-to-other-type"     "3.3"    "refer to an object of a type that may stand there"
    TIMESTAMP         "E108" "malformed-timestamp"   "2.16"   "write an instant in UTC like 2026-12-09T14:02:05.000Z"
    TIMESTAMP_DIGITS  "E109" "timestamp-digits"      "3.2"    "write at least three digits behind the second"
    ORDER             "E110" "wrong-order"           "3.6"    "correct the earlier or the later of the two"
    ENUMERATION       "E111" "not-in-enumeration"    "2.4"    "write one of the words that the enumeration has"
    EMPTY_LIST        "E112" "empty-list"            "2.12"   "leave the property out, or fill the list"
    EMPTY_DICTIONARY  "E113" "empty-dictionary"      "2.3"    "leave the property out, or fill the dictionary"
    NULL              "E114" "null-value"            "2"      "leave the property out"
    TYPE_NAME         "E115" "malformed-type-name"   "3.1"    "use 3 to 250 of a-z, 0-9 and single hyphens, a letter first"
    PROPERTY_NAME     "E116" "malformed-name"        "3.1"    "use 3 to 250 of a-z, 0-9 and underscore"
    DICTIONARY_KEY    "E117" "malformed-key"         "2.3"    "use 1 to 250 of a-z, A-Z, 0-9, hyphen and underscore"
    SPEC_VERSION      "E118" "spec-version"          "3.2"    "write \"2.1\", after making the object one of STIX 2.1"
    HASH              "E119" "malformed-hash"        "2.7"    "write the hash in the form of its algorithm"
    LANGUAGE          "E120" "malformed-language"    "3.2"    "write a language tag like `en` or `pt-BR` (RFC 5646)"
    NEEDS_ONE         "E121" "needs-one-of"          "3.2"    "add one of them"
    NEEDS_WITH        "E122" "needs-with"            "3.2"    "add what must stand with it, or leave it out"
    EXCLUDES          "E123" "excludes"              "3.2"    "leave one of the two out"
    SELECTOR          "E124" "malformed-selector"    "7.2.3"  "write properties with points between and [n] for items"
    SELECTS_NOTHING   "E125" "selects-nothing"       "7.2.3"  "select what is in the object"
    MARKS_NOTHING     "E126" "marking-or-language"   "7.2.3"  "give either a marking_ref or a lang"
    MARKS_ITSELF      "E127" "marking-of-itself"     "7.2"    "take the marking out of its own definition"
    FIXED_MARKING     "E128" "changed-tlp"           "7.2.1"  "use the TLP marking definition as it is published, with its own id"
    PATTERN           "E129" "malformed-pattern"     "9"      "mend the pattern, or name its language in pattern_type"
    UUID_4            "E130" "uuid-4-demanded"       "2.9"    "give the object a UUID of version 4"
    EXTENSION_TYPE    "E131" "extension-type"        "7.3"    "say with extension_type what the extension does"
    EXTERNAL_ID       "E132" "malformed-external-id" "2.5"    "write the identifier as its source does, like CVE-2026-1234"
    NO_OBJECT_HERE    "E133" "not-for-a-bundle"      "8"      "put the objects themselves into one bundle"
    RESERVED          "E134" "reserved-name"         "3.1"    "give it another name; the standard keeps this one for itself"
    CUSTOM_TYPE       "W201" "custom-type"           "11.2"   "define the type by an extension-definition"
    CUSTOM_PROPERTY   "W202" "custom-property"       "11.1"   "put it into an extension, or define it by an extension-definition"
    NOT_APPLICABLE    "W203" "not-applicable"        "3.2"    "leave the property out"
    VOCABULARY        "W204" "not-in-vocabulary"     "10"     "use a word of the vocabulary if one fits"
    WORD_FORM         "W205" "word-form"             "2.14"   "write the word in lower case with hyphens"
    RELATION          "W206" "relation-not-suggested" "5.1"   "use a relationship that the standard suggests, if one fits"
    DEPRECATED        "W207" "deprecated"            "4.14"   "use object_refs and objects of their own"
    UUID_SUGGESTED    "W208" "uuid-version"          "2.9"    "use a UUID of version 4"
    OBSERVABLE_ID     "W209" "observable-id"         "2.9"    "make the id of the contributing properties, or use version 4"
    VERSION_TWICE     "W210" "version-twice"         "3.6"    "give a changed object a later modified, and send it once"
    URL_HASH          "W211" "reference-without-hash" "2.5"   "add hashes of what the URL shows"
    HASH_NAME         "W212" "hash-algorithm"        "10.7"   "name a hash as the vocabulary does, like SHA-256"
    ADVISED           "W213" "advised-property"      "3.2"    "add it if it is known"
    COUNTRY           "W214" "country-code"          "4.10"   "use a code of ISO 3166-1 alpha-2"
    MEDIA_TYPE        "W215" "media-type"            "6"      "use a media type like text/plain"
    EXTENSION_KEY     "W216" "extension-key"         "3.2"    "use the id of an extension-definition as the key"
    UPPER_CASE_ID     "W217" "upper-case-id"         "2.9"    "write the UUID in lower case"
    PATTERN_ADVICE    "W218" "pattern-advice"        "9"      "look at what the pattern says of itself"
}

/// The rule of this code or name.
pub fn rule(wanted: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == wanted || rule.name == wanted).copied()
}
