//! A person's keys under their passphrase: argon2id (RFC 9106) makes a key of the passphrase, AES-256-GCM seals under it.
//! Whoever has the database must try passphrases one by one, each at the cost that stands in the sealed form.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use model::id::{PartyName, PersonName};
use rand_core::CryptoRng;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::PersonKey;
use crate::refusal::Refusal;

const FIRST_WORD: &str = "forewarn/person-key/v1";
const SALT_BYTES: usize = 16;
/// The most memory that opening a stored key may ask for: a damaged row must not take the node down.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 16;

/// What one try at a passphrase costs (argon2id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory, in KiB; at most 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes that can be worked on at once.
    pub lanes: u32,
}

impl Default for PassphraseCost {
    /// 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet).
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl fmt::Display for PassphraseCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "argon2id m={} t={} p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl FromStr for PassphraseCost {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.strip_prefix("argon2id ").ok_or(())?.split(' ');
        let mut number = |label, max| {
            let number = words.next()?.strip_prefix(label)?.parse::<u32>().ok()?;
            (number <= max).then_some(number)
        };
        let (memory, passes, lanes) =
            (number("m=", MEMORY_KIB_MAX), number("t=", PASSES_MAX), number("p=", LANES_MAX));
        match (memory, passes, lanes, words.next()) {
            (Some(memory_kib), Some(passes), Some(lanes), None) => Ok(Self { memory_kib, passes, lanes }),
            _ => Err(()),
        }
    }
}

/// Seals both private keys under the passphrase, with a fresh salt. Slow; never inside a transaction.
///
/// The form: `forewarn/person-key/v1 argon2id m=… t=… p=…` LF, salt (16 bytes), nonce (12), sealed seed and identity.
pub(crate) fn seal(
    key: &PersonKey,
    passphrase: &str,
    cost: PassphraseCost,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, Refusal> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_LEN]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut nonce);
    let header = format!("{FIRST_WORD} {cost}\n");
    let identity = key.secret.identity.to_string();
    // Room for all of it at once, so that no half of it stays behind where it grew.
    let mut secret = Zeroizing::new(Vec::with_capacity(32 + identity.expose_secret().len()));
    secret.extend_from_slice(key.secret.signing.seed().as_slice());
    secret.extend_from_slice(identity.expose_secret().as_bytes());
    let tag = cipher(passphrase, &salt, cost)?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to(&header, &key.verifier().to_string(), &key.recipient())),
            secret.as_mut_slice(),
        )
        .map_err(|_| Refusal::ours("AES-GCM refused to seal a person's keys"))?;
    Ok([header.as_bytes(), &salt, &nonce, &secret, tag.as_ref()].concat())
}

/// Opens sealed keys; `None` if the passphrase is not the one they were sealed under. Slow; never inside a transaction.
pub(crate) fn unseal(
    row: &store::PersonKeyRow,
    person: &PersonName,
    node: &PartyName,
    passphrase: &str,
) -> Result<Option<PersonKey>, Refusal> {
    let damaged = || Refusal::ours(format!("the stored keys of {person} have an impossible form"));
    let (header, cost, salt, nonce, sealed) = row.sealed.as_deref().and_then(split).ok_or_else(damaged)?;
    let mut secret = Zeroizing::new(sealed.to_vec());
    let opened = cipher(passphrase, salt, cost)?.open_in_place(
        Nonce::assume_unique_for_key(*nonce),
        Aad::from(bound_to(header, &row.verifier, &row.recipient)),
        secret.as_mut_slice(),
    );
    let Ok(opened) = opened else { return Ok(None) };
    let (seed, identity) = opened.split_first_chunk::<32>().ok_or_else(damaged)?;
    let identity = std::str::from_utf8(identity)
        .ok()
        .and_then(|text| Identity::from_str(text).ok())
        .ok_or_else(damaged)?;
    let key = PersonKey::of(person, node, &Zeroizing::new(*seed), identity)?;
    if key.verifier().to_string() != row.verifier || key.recipient() != row.recipient {
        return Err(damaged());
    }
    Ok(Some(key))
}

/// Does the work of [`unseal`] for a name that has no keys, so that the time taken does not tell which names there are.
pub(crate) fn try_in_vain(passphrase: &str, cost: PassphraseCost) -> Result<(), Refusal> {
    cipher(passphrase, &[0; SALT_BYTES], cost).map(drop)
}

type Parts<'a> = (&'a str, PassphraseCost, &'a [u8; SALT_BYTES], &'a [u8; NONCE_LEN], &'a [u8]);

fn split(form: &[u8]) -> Option<Parts<'_>> {
    let end = form.iter().position(|byte| *byte == b'\n')?;
    let (header, rest) = form.split_at_checked(end + 1)?;
    let header = std::str::from_utf8(header).ok()?;
    let cost = header.strip_prefix(FIRST_WORD)?.strip_prefix(' ')?.strip_suffix('\n')?.parse().ok()?;
    let (salt, rest) = rest.split_first_chunk()?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    Some((header, cost, salt, nonce, sealed))
}

/// What a sealed form is bound to: its own parameters and the public keys beside which it is stored.
fn bound_to(header: &str, verifier: &str, recipient: &str) -> Vec<u8> {
    format!("{header}{verifier}\n{recipient}\n").into_bytes()
}

fn cipher(passphrase: &str, salt: &[u8; SALT_BYTES], cost: PassphraseCost) -> Result<LessSafeKey, Refusal> {
    // One spelling of the same letters, whatever keyboard they come from (RFC 8265 §4.2).
    let mut spelled = Zeroizing::new(String::with_capacity(3 * passphrase.len()));
    spelled.extend(passphrase.nfc());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(AES_256_GCM.key_len()))
        .map_err(Refusal::ours)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(spelled.as_bytes(), salt, key.as_mut_slice())
        .map_err(Refusal::ours)?;
    let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(Refusal::ours)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use store::PersonKeyRow;

    use super::*;

    const CHEAP: PassphraseCost = PassphraseCost { memory_kib: 8, passes: 1, lanes: 1 };

    fn sealed(passphrase: &str) -> (PersonName, PartyName, PersonKeyRow) {
        let (person, node): (PersonName, PartyName) =
            ("dana".parse().unwrap(), "service-a.example".parse().unwrap());
        let mut rng = StdRng::seed_from_u64(1);
        let key = PersonKey::draw(&person, &node, &mut rng).unwrap();
        let sealed = seal(&key, passphrase, CHEAP, &mut rng).unwrap();
        let row = PersonKeyRow {
            verifier: key.verifier().to_string(),
            recipient: key.recipient(),
            sealed: Some(sealed),
            made_at: Timestamp::UNIX_EPOCH,
            retired_at: None,
        };
        (person, node, row)
    }

    #[test]
    fn only_the_passphrase_opens_the_keys() {
        let (person, node, row) = sealed("correct horse battery");
        let key = unseal(&row, &person, &node, "correct horse battery").unwrap().unwrap();
        assert_eq!(key.verifier().to_string(), row.verifier);
        assert_eq!(key.recipient(), row.recipient);
        assert!(unseal(&row, &person, &node, "correct horse batterz").unwrap().is_none());
    }

    #[test]
    fn the_same_letters_from_another_keyboard_open_the_keys() {
        let (person, node, row) = sealed("gr\u{fc}ne Wiese am Fluss");
        assert!(unseal(&row, &person, &node, "gru\u{308}ne Wiese am Fluss").unwrap().is_some());
    }

    #[test]
    fn sealed_keys_do_not_open_beside_other_public_keys_or_at_another_cost() {
        let (person, node, row) = sealed("correct horse battery");
        let beside_another = PersonKeyRow { recipient: "age1other".to_owned(), ..row.clone() };
        assert!(unseal(&beside_another, &person, &node, "correct horse battery").unwrap().is_none());

        let form = String::from_utf8_lossy(&row.sealed.clone().unwrap()).into_owned();
        assert!(form.starts_with("forewarn/person-key/v1 argon2id m=8 t=1 p=1\n"), "{form}");
        let mut cheaper = row.sealed.clone().unwrap();
        let at = form.find("t=1").unwrap() + 2;
        cheaper[at] = b'2';
        let cheaper = PersonKeyRow { sealed: Some(cheaper), ..row };
        assert!(unseal(&cheaper, &person, &node, "correct horse battery").unwrap().is_none());
    }

    #[test]
    fn a_damaged_row_cannot_ask_for_more_memory_than_there_is() {
        assert!("argon2id m=4000000000 t=1 p=1".parse::<PassphraseCost>().is_err());
        assert!("argon2id m=8 t=1 p=1 x=1".parse::<PassphraseCost>().is_err());
        assert_eq!("argon2id m=19456 t=2 p=1".parse(), Ok(PassphraseCost::default()));
    }
}
