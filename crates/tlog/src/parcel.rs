//! Parcels: how entries travel, over the wire or as a file. "Append these entries, here is my checkpoint, you
//! had size n."

use std::fmt;

use crate::channel::Origin;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::commitment::{Commitment, SALT_BYTES, Salt, commit};
use crate::entry::ENTRY_BYTES_MAX;
use crate::grammar::{self, Lines, Malformed, NUMBER_LIMIT};
use crate::note::NOTE_BYTES_MAX;

/// Largest parcel, in bytes: 64 MiB.
pub const PARCEL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most items of a parcel. A longer catch-up is several parcels.
pub const PARCEL_ITEMS_MAX: u64 = 4096;

/// Media type of a parcel.
pub const PARCEL_MEDIA: &str = "application/vnd.forewarn.parcel";

const PARCEL_LABEL: &str = "forewarn/parcel/v1";
const HEADER_BYTES_MAX: usize = 128;
const ENTRY_MARK: u8 = 0x01;
const ERASED_MARK: u8 = 0x02;

/// Entries from index `old` on, and the checkpoint of the tree that they make.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Size of the log at the receiver, as the giver knows it; index of the first item. Below 2^48.
    pub old: u64,
    /// The receiver's own newest cosigned checkpoint, for a receiver that has lost entries; else nothing.
    pub held: Option<SignedCheckpoint>,
    /// The items in the order of their index, at most 4,096. None asks for the receipt again.
    pub items: Vec<Item>,
    /// Checkpoint of size `old` + number of items.
    pub checkpoint: SignedCheckpoint,
}

/// One place of the log in a parcel.
#[derive(Clone)]
pub enum Item {
    /// An entry that is opened to the receiver. Its frame has not been checked.
    Entry {
        /// The secret of its commitment.
        salt: Salt,
        /// The whole entry with header and padding, at most 1 MiB.
        entry: Vec<u8>,
    },
    /// The commitment of an entry that was erased after a recall.
    Erased(Commitment),
}

impl Item {
    /// Gives the commitment that stands in the tree for this item.
    pub fn commitment(&self) -> Commitment {
        match self {
            Item::Entry { salt, entry } => commit(salt, entry),
            Item::Erased(commitment) => *commitment,
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Entry { entry, .. } => write!(f, "Entry({} bytes)", entry.len()),
            Item::Erased(commitment) => write!(f, "Erased({commitment:?})"),
        }
    }
}

impl Parcel {
    /// Gives the bytes to send.
    ///
    /// # Errors
    /// [`ParcelError`] above 4,096 items, 1 MiB an entry or 64 MiB together, or if the checkpoint is not of
    /// the size `old` + items.
    pub fn encode(&self) -> Result<Vec<u8>, ParcelError> {
        let count = self.items.len() as u64;
        check_count(self.old, count)?;
        self.check_size(count)?;
        let held = self.held.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut bytes =
            format!("{PARCEL_LABEL}\nold {}\ncount {count}\nheld {}\n\n{held}", self.old, held.len())
                .into_bytes();
        for (at, item) in self.items.iter().enumerate() {
            encode_item(item, at, &mut bytes)?;
            check_bytes(bytes.len())?;
        }
        bytes.extend_from_slice(self.checkpoint.to_string().as_bytes());
        check_bytes(bytes.len())?;
        Ok(bytes)
    }

    /// Reads a parcel. Neither signatures nor entries nor the root are checked, only the form and that the
    /// checkpoint is of the size `old` + count.
    ///
    /// What this accepts, [`Parcel::encode`] gives back byte for byte. No memory is taken for items that are
    /// not there.
    ///
    /// # Errors
    /// [`ParcelError::TooLarge`] above 64 MiB, else what breaks the form.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParcelError> {
        check_bytes(bytes.len())?;
        let (header, rest) = split_header(bytes)?;
        let mut lines = Lines::new(header);
        lines.exact(PARCEL_LABEL)?;
        let old = lines.field("old", "`old <size>`", grammar::number)?;
        let count = lines.field("count", "`count <items>`", grammar::number)?;
        let held = lines.field("held", "`held <bytes>`", grammar::number)?;
        lines.end()?;
        check_count(old, count)?;
        let (held, mut rest) = split_held(rest, held)?;
        let mut items = Vec::new();
        for at in 0..count {
            let (item, after) = parse_item(rest, at)?;
            items.push(item);
            rest = after;
        }
        let parcel = Parcel { old, held, items, checkpoint: SignedCheckpoint::parse(rest)? };
        parcel.check_size(count)?;
        Ok(parcel)
    }

    fn check_size(&self, count: u64) -> Result<(), ParcelError> {
        let size = self.checkpoint.checkpoint().size;
        if self.old.checked_add(count) != Some(size) {
            return Err(ParcelError::Size { old: self.old, count, size });
        }
        Ok(())
    }
}

/// Gives the name of a parcel carried as a file: `<first 8 hex digits of the origin>-<old>-<new>.parcel`.
pub fn parcel_file_name(origin: &Origin, old: u64, new: u64) -> String {
    format!("{}-{old}-{new}.parcel", first_digits(origin))
}

/// Gives the name of a receipt carried as a file, the cosigned checkpoint: `<first 8 hex
/// digits>-<size>.receipt`.
pub fn receipt_file_name(origin: &Origin, size: u64) -> String {
    format!("{}-{size}.receipt", first_digits(origin))
}

/// Bytes or items that make no parcel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// More than 64 MiB.
    #[error("a parcel has at most {limit} bytes, found {bytes} or more")]
    TooLarge {
        /// Bytes found so far.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No empty line within the first 128 bytes, or not text before it.
    #[error("a parcel begins with four lines of text and an empty line, within {limit} bytes")]
    NoHeader {
        /// Bytes allowed for these lines.
        limit: usize,
    },
    /// A header line is not what the format has there.
    #[error("no parcel: {0}")]
    Malformed(#[from] Malformed),
    /// More than 4,096 items, or a first index of 2^48 or more.
    #[error("a parcel has at most {limit} items from an index below 2^48, found {count} from {old}")]
    Count {
        /// Index of the first item.
        old: u64,
        /// Items stated.
        count: u64,
        /// Items allowed.
        limit: u64,
    },
    /// The note `held` is larger than a note may be, or than what follows.
    #[error("the checkpoint held is stated as {bytes} bytes, which are not there or too many")]
    Held {
        /// Bytes stated.
        bytes: u64,
    },
    /// An item is cut short, or begins with neither 0x01 nor 0x02.
    #[error("item {at} of the parcel is cut short or of no known form")]
    Item {
        /// Place of the item in the parcel, from 0.
        at: u64,
    },
    /// An entry of more than 1 MiB.
    #[error("entry in item {at} of the parcel has at most {limit} bytes, found {bytes}")]
    Entry {
        /// Place of the item in the parcel, from 0.
        at: u64,
        /// Bytes stated.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The checkpoint, or that `held`, breaks the format.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not of the size that the items lead to.
    #[error("the checkpoint is of size {size}, but {count} items follow {old} entries")]
    Size {
        /// Index of the first item.
        old: u64,
        /// Items.
        count: u64,
        /// Size of the checkpoint.
        size: u64,
    },
}

fn first_digits(origin: &Origin) -> String {
    origin.hex().chars().take(8).collect()
}

fn check_bytes(bytes: usize) -> Result<(), ParcelError> {
    if bytes > PARCEL_BYTES_MAX {
        return Err(ParcelError::TooLarge { bytes, limit: PARCEL_BYTES_MAX });
    }
    Ok(())
}

fn check_count(old: u64, count: u64) -> Result<(), ParcelError> {
    if count > PARCEL_ITEMS_MAX || old >= NUMBER_LIMIT {
        return Err(ParcelError::Count { old, count, limit: PARCEL_ITEMS_MAX });
    }
    Ok(())
}

fn encode_item(item: &Item, at: usize, bytes: &mut Vec<u8>) -> Result<(), ParcelError> {
    match item {
        Item::Entry { salt, entry } => {
            let too_large =
                || ParcelError::Entry { at: at as u64, bytes: entry.len(), limit: ENTRY_BYTES_MAX };
            let length = u32::try_from(entry.len()).map_err(|_| too_large())?;
            if entry.len() > ENTRY_BYTES_MAX {
                return Err(too_large());
            }
            bytes.push(ENTRY_MARK);
            bytes.extend_from_slice(salt.as_bytes());
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Item::Erased(commitment) => {
            bytes.push(ERASED_MARK);
            bytes.extend_from_slice(commitment.as_bytes());
        }
    }
    Ok(())
}

/// Header lines, without the empty line, and what follows it.
fn split_header(bytes: &[u8]) -> Result<(&str, &[u8]), ParcelError> {
    let end = bytes.array_windows().take(HEADER_BYTES_MAX - 1).position(|pair| pair == b"\n\n");
    let split = end.and_then(|at| bytes.split_at_checked(at + 1));
    let text =
        split.and_then(|(header, rest)| Some((std::str::from_utf8(header).ok()?, rest.strip_prefix(b"\n")?)));
    text.ok_or(ParcelError::NoHeader { limit: HEADER_BYTES_MAX })
}

fn split_held(rest: &[u8], bytes: u64) -> Result<(Option<SignedCheckpoint>, &[u8]), ParcelError> {
    if bytes == 0 {
        return Ok((None, rest));
    }
    let (held, rest) = usize::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes <= NOTE_BYTES_MAX)
        .and_then(|bytes| rest.split_at_checked(bytes))
        .ok_or(ParcelError::Held { bytes })?;
    Ok((Some(SignedCheckpoint::parse(held)?), rest))
}

fn parse_item(rest: &[u8], at: u64) -> Result<(Item, &[u8]), ParcelError> {
    let cut = || ParcelError::Item { at };
    let (mark, rest) = rest.split_first().ok_or_else(cut)?;
    match *mark {
        ENTRY_MARK => {
            let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or_else(cut)?;
            let (length, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            let bytes = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut())?;
            if bytes > ENTRY_BYTES_MAX {
                return Err(ParcelError::Entry { at, bytes, limit: ENTRY_BYTES_MAX });
            }
            let (entry, rest) = rest.split_at_checked(bytes).ok_or_else(cut)?;
            let item = Item::Entry { salt: Salt::from_bytes(*salt), entry: entry.to_vec() };
            Ok((item, rest))
        }
        ERASED_MARK => {
            let (commitment, rest) = rest.split_first_chunk().ok_or_else(cut)?;
            Ok((Item::Erased(Commitment::from_bytes(*commitment)), rest))
        }
        _ => Err(cut()),
    }
}
