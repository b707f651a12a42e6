//! What is to be said of one comparison and its values.

use std::net::IpAddr;

use super::super::error::{quoted, shown};
use super::super::tree::{Check, Literal, Number, Path, Relation, Step, Test, Text, Timestamp, Value};
use super::{Noted, Rule, regex};

pub(super) fn test(test: &Test<'_>, noted: &mut Noted) {
    path(&test.path, noted);
    let negated = test.negated;
    match &test.check {
        Check::Exists => {}
        Check::Relation(relation, compared) => {
            value(compared, noted);
            if matches!(relation, Relation::Equal | Relation::NotEqual) {
                hash(&test.path, compared, noted);
            }
        }
        Check::In(values) => {
            if values.is_empty() {
                let fact = if negated { "nothing is excluded by" } else { "nothing can be found in" };
                noted.note(test.span, Rule::ListEmpty, format!("{fact} an empty list"), "Give it a value");
            }
            for listed in values {
                value(listed, noted);
                hash(&test.path, listed, noted);
            }
        }
        Check::Like(text) => {
            if !text.raw().contains(['%', '_']) {
                let fact = "LIKE without % or _ asks for the whole text";
                let hint = "Write = if that is meant; % stands for any characters, _ for one";
                noted.note(text.span, Rule::LikeWithoutWildcard, fact, hint);
            }
        }
        Check::Matches(text) => regex::regex(*text, noted),
        Check::Subset(text) => network(*text, "ISSUBSET", noted),
        Check::Superset(text) => network(*text, "ISSUPERSET", noted),
    }
}

fn path(path: &Path<'_>, noted: &mut Noted) {
    let name = path.object_type;
    let lawful = (3..=250).contains(&name.len())
        && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !lawful {
        let fact = format!("no type of object can be called {}", shown(name));
        let hint = "A type has 3 to 250 of a-z, 0-9 and hyphens, such as ipv4-addr";
        noted.note(path.span, Rule::TypeName, fact, hint);
    }
    for step in &path.steps {
        if let Step::Index(index) = step
            && index.raw().starts_with('-')
        {
            let hint = "The first element is [0]; [*] means any";
            noted.note(index.span, Rule::IndexNegative, "there is no element before the first", hint);
        }
    }
}

fn value(value: &Value<'_>, noted: &mut Noted) {
    match value.literal {
        Literal::Timestamp(instant) => timestamp(instant, noted),
        Literal::Integer(number) if number.integer().is_none() => range(number, noted),
        Literal::Float(number) if number.float().is_infinite() => range(number, noted),
        _ => {}
    }
}

fn range(number: Number<'_>, noted: &mut Noted) {
    let fact = "this number is beyond what programs compare exactly";
    noted.note(number.span, Rule::NumberRange, fact, "Whole numbers go up to 9223372036854775807");
}

/// Whether its month has that day.
pub(super) fn timestamp(instant: Timestamp<'_>, noted: &mut Noted) {
    let day = instant.raw().get(..10).unwrap_or_default();
    if day.parse::<jiff::civil::Date>().is_err() {
        let hint = "Give a day of the calendar";
        noted.note(instant.span, Rule::NoSuchDay, format!("there is no day {}", shown(day)), hint);
    }
}

/// An address, or an address and the length of its prefix.
fn network(text: Text<'_>, operator: &str, noted: &mut Noted) {
    let value = text.value();
    let (address, prefix) = match value.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (&*value, None),
    };
    let fits = address.parse::<IpAddr>().is_ok_and(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |prefix: &str| prefix.bytes().all(|byte| byte.is_ascii_digit());
        prefix.is_none_or(|prefix| digits(prefix) && prefix.parse::<u8>().is_ok_and(|bits| bits <= most))
    });
    if !fits {
        let fact =
            format!("{operator} compares addresses, and {} is none, so this can never match", quoted(&value));
        let hint = "Give an IPv4 or IPv6 address or network, such as '192.0.2.0/24' or '2001:db8::/32'";
        noted.note(text.span, Rule::NotAnAddress, fact, hint);
    }
}

/// The digits of a hash in hexadecimal, by its algorithm (STIX 2.1 §10.7).
const HASHES: &[(&str, usize)] =
    &[("MD5", 32), ("SHA-1", 40), ("SHA-256", 64), ("SHA-512", 128), ("SHA3-256", 64), ("SHA3-512", 128)];

fn hash(path: &Path<'_>, compared: &Value<'_>, noted: &mut Noted) {
    let Literal::String(digest) = compared.literal else {
        return;
    };
    let mut keys = std::iter::once(path.property.raw()).chain(path.steps.iter().map(|step| match step {
        Step::Key(key) => key.raw(),
        Step::Index(_) | Step::Any(_) => "",
    }));
    let (last, before) = (keys.next_back(), keys.next_back());
    let named = HASHES.iter().find(|(name, _)| before == Some("hashes") && last == Some(name));
    let Some((name, digits)) = named else {
        return;
    };
    if digest.raw().len() != *digits || !digest.raw().bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let fact = format!("{} is no hash by {name}", shown(digest.raw()));
        noted.note(digest.span, Rule::HashLength, fact, format!("It has {digits} hexadecimal digits"));
    }
}
