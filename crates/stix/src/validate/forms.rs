//! Forms of text: addresses, names, codes. What a form cannot tell without a registry that changes is left to people:
//! whether a media type, a protocol or a port is registered.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::table::{Form, is_among};
use super::vocabulary::{COUNTRIES, LANGUAGES};

const fn demanded(wanted: &'static str, holds: fn(&str) -> bool) -> Form {
    Form { wanted, holds, demanded: true, of_the_matter: false }
}

/// What an adversary's address, name or link looks like; a defanged one is broken on purpose.
const fn of_the_matter(wanted: &'static str, holds: fn(&str) -> bool) -> Form {
    Form { wanted, holds, demanded: true, of_the_matter: true }
}

const fn advised(wanted: &'static str, holds: fn(&str) -> bool) -> Form {
    Form { wanted, holds, demanded: false, of_the_matter: false }
}

pub(super) const ADDRESS_4: Form = of_the_matter("an IPv4 address, or a network like 192.0.2.0/24", |text| {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    address.parse::<Ipv4Addr>().is_ok() && is_number(bits, 32)
});
pub(super) const ADDRESS_6: Form =
    of_the_matter("an IPv6 address, or a network like 2001:db8::/32", |text| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "128"));
        address.parse::<Ipv6Addr>().is_ok() && is_number(bits, 128)
    });
pub(super) const ADDRESS_MAC: Form =
    of_the_matter("six pairs of lower-case hexadecimal digits with colons between", |text| {
        let pair =
            |pair: &str| pair.len() == 2 && pair.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        text.split(':').count() == 6 && text.split(':').all(pair)
    });
pub(super) const DOMAIN: Form = of_the_matter("a domain name (RFC 1034, RFC 5890)", is_domain);
pub(super) const EMAIL: Form =
    of_the_matter("an address like name@domain (RFC 5322), without a name before it", |text| {
        let Some((local, domain)) = text.rsplit_once('@') else { return false };
        let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
        let atoms = || {
            !local.is_empty() && local.split('.').all(|atom| !atom.is_empty() && !atom.contains(is_no_atom))
        };
        let literal = domain.starts_with('[') && domain.ends_with(']');
        (quoted || atoms()) && (literal || is_domain(domain))
    });
pub(super) const LINK: Form = of_the_matter("a URL (RFC 3986)", is_link);
pub(super) const HEX: Form = demanded("an even number of hexadecimal digits", |text| {
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
});
pub(super) const BINARY: Form = demanded("base64 with its padding (RFC 4648 §4)", |text| {
    let digits = text.trim_end_matches('=');
    let fits = text.len().is_multiple_of(4) && text.len() - digits.len() <= 2;
    fits && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
});
pub(super) const CPE: Form = demanded("a CPE 2.3 name as a formatted string", |text| {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else { return false };
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in rest.chars() {
        match c {
            ':' if !escaped => parts.push(String::new()),
            c if c.is_ascii_graphic() => parts.iter_mut().last().into_iter().for_each(|part| part.push(c)),
            _ => return false,
        }
        escaped = !escaped && c == '\\';
    }
    let part = parts.first().is_some_and(|part| is_among("a h o * -", part));
    part && parts.len() == 11 && parts.iter().all(|part| !part.is_empty())
});
pub(super) const REGISTRY_KEY: Form =
    demanded("the key with its hive written out, like HKEY_LOCAL_MACHINE", |text| {
        let hive = text.split('\\').next().unwrap_or_default();
        !["HKLM", "HKCC", "HKCR", "HKCU", "HKU"].iter().any(|short| hive.eq_ignore_ascii_case(short))
    });
pub(super) const CHARACTER_SET: Form = demanded("the name of a character set as IANA lists it", |text| {
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.:+()/".contains(&b);
    (2..=45).contains(&text.len()) && text.bytes().all(of_name)
});
pub(super) const RELATION_NAME: Form = demanded("a name of a-z, 0-9 and hyphen", |text| {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
});
pub(super) const PROPERTY_NAME: Form =
    demanded("the name of a property: 3 to 250 of a-z, 0-9 and underscore", is_property);
pub(super) const MEDIA: Form = advised("a media type like text/plain", |text| {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let kinds = "application audio font image message model multipart text video";
    text.split_once('/').is_some_and(|(kind, sub)| is_among(kinds, kind) && token(sub))
});
pub(super) const COUNTRY: Form = advised("a code of ISO 3166-1 alpha-2", |text| is_among(COUNTRIES, text));
pub(super) const SEMANTIC_VERSION: Form = advised("a version like 1.0.0", |text| {
    let numbers = text.split(['-', '+']).next().unwrap_or_default();
    numbers.split('.').count() == 3 && numbers.split('.').all(|n| is_number(n, u32::MAX))
});
pub(super) const PRODUCT: Form = advised("the name of the product in lower case, with hyphens", is_word);
pub(super) const PRIORITY: Form =
    advised("a priority class like HIGH_PRIORITY_CLASS", |text| text.ends_with("_CLASS"));

fn is_number(text: &str, most: u32) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain && text.parse::<u32>().is_ok_and(|number| number <= most)
}

/// A name of a property (STIX 2.1 §3.1).
pub(super) fn is_property(text: &str) -> bool {
    let of_name = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (3..=250).contains(&text.len()) && text.bytes().all(of_name)
}

/// A key of a dictionary (STIX 2.1 §2.3).
pub(super) fn is_key(text: &str) -> bool {
    let of_key = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    (1..=250).contains(&text.len()) && text.bytes().all(of_key)
}

/// A word as those of the vocabularies are written (STIX 2.1 §2.14).
pub(super) fn is_word(text: &str) -> bool {
    text.bytes().all(|b| !b.is_ascii_uppercase() && b != b' ' && b != b'_')
}

/// Service labels like `_dmarc` are labels, too (RFC 2782); so is a final point.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let good = |c: char| {
            c.is_ascii_alphanumeric() || c == '-' || c == '_' || (!c.is_ascii() && c.is_alphanumeric())
        };
        (1..=63).contains(&label.len())
            && label.chars().all(good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    (1..=253).contains(&name.len()) && name.split('.').all(label)
}

fn is_no_atom(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "()<>[]:;@\\,\"".contains(c)
}

/// A URL: a scheme and what stands behind it, percent signs as escapes, brackets only around an address.
fn is_link(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let of_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&b);
    let escaped = |part: &str| {
        part.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    let outside = without_address(rest);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(of_scheme)
        && !rest.is_empty()
        && outside.iter().all(|part| part.bytes().all(good))
        && rest.split('%').skip(1).all(escaped)
        && rest.matches('#').count() <= 1
}

/// What stands around the address in brackets that may be the host (RFC 3986 §3.2.2).
fn without_address(rest: &str) -> [&str; 2] {
    let Some(authority) = rest.strip_prefix("//") else { return [rest, ""] };
    let host = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let address = host.strip_prefix('[').and_then(|host| host.split_once(']'));
    match address {
        Some((address, port))
            if address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':')) =>
        {
            rest.split_once(&format!("[{address}]")).map_or([rest, ""], |(before, behind)| [before, behind])
        }
        _ => [rest, ""],
    }
}

/// A language tag (RFC 5646 §2.1): its form, and for a language of two letters that ISO 639-1 has it.
pub(super) fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let Some(first) = parts.next() else { return false };
    let known = match first.len() {
        1 => first.eq_ignore_ascii_case("x") || first.eq_ignore_ascii_case("i"),
        2 => is_among(LANGUAGES, &first.to_ascii_lowercase()),
        3..=8 => first.bytes().all(|b| b.is_ascii_alphabetic()),
        _ => false,
    };
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    known && parts.clone().all(subtag) && (first.len() > 1 || parts.next().is_some())
}

/// Whether a hash has the form of its algorithm; `None` for an algorithm that the vocabulary does not know.
pub(super) fn is_hash(algorithm: &str, hash: &str) -> Option<bool> {
    let digits = |count| hash.len() == count && hash.bytes().all(|b| b.is_ascii_hexdigit());
    Some(match algorithm {
        "MD5" => digits(32),
        "SHA-1" => digits(40),
        "SHA-256" | "SHA3-256" => digits(64),
        "SHA-512" | "SHA3-512" => digits(128),
        "SSDEEP" => {
            hash.split(':').count() >= 3 && hash.split(':').next().is_some_and(|n| is_number(n, u32::MAX))
        }
        "TLSH" => {
            let digits = hash.strip_prefix("T1").unwrap_or(hash);
            digits.len() == 70 && digits.bytes().all(|b| b.is_ascii_hexdigit())
        }
        _ => return None,
    })
}
