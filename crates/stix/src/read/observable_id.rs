//! The deterministic id of a cyber observable (STIX 2.1 §2.9 and §3.4).

use uuid::{Uuid, uuid};

use super::canonical::write;
use super::tape::Value;
use crate::canonical::write_text;

/// The namespace of deterministic ids.
pub const NAMESPACE: Uuid = uuid!("00abedb4-aa42-466c-9c01-fed23315a9b7");

/// Of several hashes the first of these contributes.
const HASHES: [&str; 4] = ["MD5", "SHA-1", "SHA-256", "SHA-512"];

/// The properties that make the id of an observable of this type, in the order of their names; none for a process, and
/// `None` for what is no type of the standard.
pub fn contributing(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "artifact" => &["hashes", "payload_bin"],
        "autonomous-system" => &["number"],
        "directory" => &["path"],
        "domain-name" | "email-addr" | "ipv4-addr" | "ipv6-addr" | "mac-addr" | "url" => &["value"],
        "email-message" => &["body", "from_ref", "subject"],
        "file" => &["extensions", "hashes", "name", "parent_directory_ref"],
        "mutex" => &["name"],
        "network-traffic" => {
            &["dst_port", "dst_ref", "end", "extensions", "protocols", "src_port", "src_ref", "start"]
        }
        "process" => &[],
        "software" => &["cpe", "name", "swid", "vendor", "version"],
        "user-account" => &["account_login", "account_type", "user_id"],
        "windows-registry-key" => &["key", "values"],
        "x509-certificate" => &["hashes", "serial_number"],
        _ => return None,
    })
}

/// The UUID that an observable has if its id is deterministic: version 5 over the canonical form of its contributing
/// properties. `None` if its type is not of the standard, or none of these properties is there.
pub fn observable_id(kind: &str, object: Value<'_>) -> Option<Uuid> {
    let mut name = String::from("{");
    for property in contributing(kind)? {
        let Some(value) = object.member(property) else { continue };
        if name.len() > 1 {
            name.push(',');
        }
        write_text(property, &mut name);
        name.push(':');
        match (*property, preferred(value)) {
            ("hashes", Some((algorithm, hash))) => {
                name.push('{');
                write(algorithm, &mut name);
                name.push(':');
                write(hash, &mut name);
                name.push('}');
            }
            _ => write(value, &mut name),
        }
    }
    name.push('}');
    (name.len() > 2).then(|| Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// The one hash that contributes: by the standard's order, else the first by its name.
fn preferred<'a>(hashes: Value<'a>) -> Option<(Value<'a>, Value<'a>)> {
    let rank = |key: Value<'_>| HASHES.iter().position(|name| key.is_text(name)).unwrap_or(HASHES.len());
    hashes.members().min_by_key(|(key, _)| (rank(*key), key.raw()))
}
