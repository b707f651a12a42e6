//! The envelope of a carried file: age v1 to one X25519 key. It hides what is inside and proves nothing about who wrote
//! it; that is what the signatures inside are for.

use age::DecryptError;
use age::x25519::Recipient;
use tlog::card::EncryptionKey;
use tlog::parcel::PARCEL_BYTES_MAX;

use crate::house::House;
use crate::refusal::Refusal;

/// The most bytes of a carried file: the largest parcel, and what age adds to it (16 bytes for each 64 KiB, and a head).
pub const SEALED_BYTES_MAX: usize = PARCEL_BYTES_MAX + (64 << 10);

/// Seals bytes to the key on a card.
pub(super) fn seal(to: &EncryptionKey, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let recipient: Recipient = to.as_str().parse().map_err(|why: &str| {
        Refusal::theirs("bad_card", "nothing can be sealed to the encryption key on the partner's card")
            .detail(why)
            .hint("call the partner's duty desk: it needs a card with a key of its own")
    })?;
    age::encrypt(&recipient, bytes).map_err(Refusal::ours)
}

/// Opens what was sealed to this node.
pub(super) fn open(house: &House, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
    if sealed.len() > SEALED_BYTES_MAX {
        return Err(Refusal::theirs("too_large", "the file is larger than any parcel")
            .detail(format!("it has {} bytes; {SEALED_BYTES_MAX} are the most", sealed.len()))
            .hint("nothing was taken; is it the right file?"));
    }
    let identity = house.keys.encryption.as_ref().ok_or_else(|| {
        Refusal::world("no_key", "this node runs without its encryption key, so no file can be opened")
            .hint("put keys/encryption.key back and start the node again")
    })?;
    age::decrypt(identity, sealed).map_err(|why| match why {
        DecryptError::NoMatchingKeys | DecryptError::ExcessiveWork { .. } => {
            Refusal::theirs("not_for_us", "the file is sealed to somebody else")
                .detail("this node's key does not open it")
                .hint("what this node packs, only its partner opens; else it was packed for another node")
        }
        why => Refusal::theirs(
            "bad_file",
            "the file is no sealed file, or it was cut short or changed on its way",
        )
        .detail(why.to_string())
        .hint("nothing was taken; copy it again from where it was written"),
    })
}
