//! What a receiver says by file where a parcel does not fit: how much of the log it holds (the 409 of log-format §6), with
//! its newest receipt. Only the receipt in it is signed: the size can make a giver send again what it has sent before, and
//! nothing else.

use tlog::channel::Origin;
use tlog::checkpoint::SignedCheckpoint;
use tlog::note::NOTE_BYTES_MAX;

/// How such a file begins.
pub(super) const LABEL: &str = "forewarn/held/v1\n";

/// How much of a log its receiver holds.
#[derive(Debug, Clone)]
pub(super) struct HeldSize {
    /// The log.
    pub(super) origin: Origin,
    /// The entries held.
    pub(super) size: u64,
    /// The newest receipt, a cosigned checkpoint; of a smaller size while the receiver takes back what it has lost, none
    /// while it holds none.
    pub(super) receipt: Option<SignedCheckpoint>,
}

impl HeldSize {
    /// The text: the label, `origin <origin>`, `size <n>`, and with a receipt an empty line and it.
    pub(super) fn encode(&self) -> String {
        let mut text = format!("{LABEL}origin {}\nsize {}\n", self.origin, self.size);
        if let Some(receipt) = &self.receipt {
            text.push('\n');
            text.push_str(&receipt.to_string());
        }
        text
    }

    /// Reads the text; what this accepts, `encode` gives back byte for byte. Signatures are not verified.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let form =
            || "expected `forewarn/held/v1`, an origin, a size and the receipt of that size".to_owned();
        if bytes.len() > NOTE_BYTES_MAX + 256 {
            return Err(form());
        }
        let text = std::str::from_utf8(bytes).map_err(|_| form())?;
        let rest = text.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix("origin ")).ok_or_else(form)?;
        let (origin, rest) = rest.split_once("\nsize ").ok_or_else(form)?;
        let (size, rest) = rest.split_once('\n').ok_or_else(form)?;
        let origin = Origin::parse(origin).map_err(|e| e.to_string())?;
        let size: u64 = size.parse().map_err(|_| form())?;
        let receipt = match rest.strip_prefix('\n') {
            Some(note) => Some(SignedCheckpoint::parse(note.as_bytes()).map_err(|e| e.to_string())?),
            None if rest.is_empty() => None,
            None => return Err(form()),
        };
        let head = receipt.as_ref().map(|r| *r.checkpoint());
        let fits = head.is_none_or(|head| head.size <= size && head.origin == origin);
        let held = Self { origin, size, receipt };
        if fits && held.encode() == text { Ok(held) } else { Err(form()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nothing() -> String {
        format!("{LABEL}origin forewarn/log/{}\nsize 0\n", "ab".repeat(32))
    }

    #[test]
    fn a_size_has_one_spelling_and_stands_alone_or_with_a_receipt() {
        assert_eq!(HeldSize::parse(nothing().as_bytes()).unwrap().size, 0);
        assert_eq!(HeldSize::parse(nothing().replace("size 0", "size 3").as_bytes()).unwrap().size, 3);
        assert!(HeldSize::parse(nothing().replace("size 0", "size 00").as_bytes()).is_err());
        assert!(HeldSize::parse(format!("{}\n", nothing()).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_given_back_byte_for_byte(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(held) = HeldSize::parse(&bytes) {
                prop_assert_eq!(held.encode().into_bytes(), bytes);
            }
        }

        #[test]
        fn a_changed_byte_is_refused_or_says_something_else(at in 0_usize..100, to in any::<u8>()) {
            let mut bytes = nothing().into_bytes();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(held) = HeldSize::parse(&bytes) {
                prop_assert_eq!(held.encode().into_bytes(), bytes);
            }
        }
    }
}
