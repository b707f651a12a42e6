//! The one-time secret that opens an account: 128 random bits, shown once, kept as a digest only.

use std::fmt;

use base64ct::{Base64Unpadded, Encoding as _};
use jiff::Timestamp;
use model::id::{Digest, PersonName};
use rand_core::CryptoRng;
use store::InvitationRow;
use zeroize::Zeroizing;

/// Digits and letters that are not taken for one another (Crockford's base 32), in lower case.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 150 bits: the secret and 22 bits that tell a slip of the pen from a wrong secret.
const LETTERS_SHOWN: usize = 30;
const LETTERS_PER_GROUP: usize = 5;

/// A one-time secret. Cleared from memory when dropped; `Debug` does not show it.
pub struct OneTimeSecret(Zeroizing<[u8; 16]>);

impl OneTimeSecret {
    pub(super) fn draw(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut secret = Zeroizing::new([0; 16]);
        rng.fill_bytes(secret.as_mut_slice());
        Self(secret)
    }

    /// The secret as it is handed to its person, who types it once: six groups of five letters.
    pub fn text(&self) -> Zeroizing<String> {
        let mut bits = Zeroizing::new([0; 19]);
        for (place, byte) in bits.iter_mut().zip(self.0.iter().chain(&self.check())) {
            *place = *byte;
        }
        let mut text =
            Zeroizing::new(String::with_capacity(LETTERS_SHOWN + LETTERS_SHOWN / LETTERS_PER_GROUP));
        for n in 0..LETTERS_SHOWN {
            if n > 0 && n % LETTERS_PER_GROUP == 0 {
                text.push('-');
            }
            let value = (0..5).fold(0, |value, bit| (value << 1) | usize::from(bit_of(&*bits, 5 * n + bit)));
            text.push(LETTERS.get(value).copied().unwrap_or(b'0').into());
        }
        text
    }

    /// Reads what a person typed: upper or lower case, with or without hyphens and spaces. `None` if it is no secret of
    /// this form or was mistyped.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut bits = Zeroizing::new([0u8; 19]);
        let mut read = 0;
        for letter in typed.bytes().filter(|b| !matches!(b, b'-' | b' ')) {
            let letter = match letter.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            };
            let value = LETTERS.iter().position(|known| *known == letter)?;
            for bit in 0..5 {
                let place = bits.get_mut((5 * read + bit) / 8)?;
                *place |= u8::from((value >> (4 - bit)) & 1 == 1) << (7 - (5 * read + bit) % 8);
            }
            read += 1;
        }
        let (secret, check) = bits.split_first_chunk::<16>()?;
        let secret = Self(Zeroizing::new(*secret));
        let same = check == secret.check().as_slice();
        (read == LETTERS_SHOWN && same).then_some(secret)
    }

    /// What is kept of it for this person: of no use for another account.
    pub(super) fn digest(&self, name: &PersonName) -> [u8; 32] {
        let mut text = Zeroizing::new(format!("forewarn/one-time-secret/v1\n{name}\n"));
        let mut base64 = [0; 24];
        // 16 bytes are 22 letters of base64: they fit.
        text.push_str(Base64Unpadded::encode(self.0.as_slice(), &mut base64).unwrap_or_default());
        Digest::of(text.as_bytes()).0
    }

    pub(super) fn invitation(&self, name: &PersonName, until: Timestamp) -> InvitationRow {
        InvitationRow { digest: self.digest(name), until }
    }

    /// 22 bits of a digest, in three bytes whose last two bits are 0.
    fn check(&self) -> [u8; 3] {
        let [a, b, c, ..] = Digest::of(&[b"forewarn/slip/v1\n", self.0.as_slice()].concat()).0;
        [a, b, c & 0b1111_1100]
    }
}

impl fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeSecret(…)")
    }
}

fn bit_of(bytes: &[u8], at: usize) -> bool {
    bytes.get(at / 8).is_some_and(|byte| (byte >> (7 - at % 8)) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_secret_is_read_back_however_it_is_typed() {
        for seed in 0..200 {
            let secret = OneTimeSecret::draw(&mut StdRng::seed_from_u64(seed));
            let text = secret.text();
            assert_eq!(text.len(), 35, "{}", text.as_str());
            let sloppy = text.to_uppercase().replace('-', " ").replace('0', "O").replace('1', "l");
            for typed in [text.as_str(), &sloppy, &text.replace('-', "")] {
                assert_eq!(*OneTimeSecret::parse(typed).unwrap().0, *secret.0, "{typed}");
            }
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_not_taken_for_a_secret() {
        let text = OneTimeSecret::draw(&mut StdRng::seed_from_u64(7)).text();
        for at in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = match wrong[at] {
                b'-' => continue,
                b'x' => b'y',
                _ => b'x',
            };
            assert!(OneTimeSecret::parse(std::str::from_utf8(&wrong).unwrap()).is_none(), "letter {at}");
        }
        for typed in ["", "k7m2q", &format!("{}0", text.as_str()), "ünïcödé", &text[..34]] {
            assert!(OneTimeSecret::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn a_secret_does_not_show_when_printed() {
        let secret = OneTimeSecret::draw(&mut StdRng::seed_from_u64(7));
        assert_eq!(format!("{secret:?}"), "OneTimeSecret(…)");
    }
}
