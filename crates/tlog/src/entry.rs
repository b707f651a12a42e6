//! Entries: what one party writes to the other. Header, empty line, body, and zeros up to a bucket, so that
//! the length on the wire tells a bucket only.
//!
//! [`Entry::parse`] is the part of the receiver's frame check that needs nothing but the bytes: grammar,
//! smallest bucket, zero padding, limits. Whether origin, index, times, `seen` and `answers` fit the log is
//! for whoever holds the log. The body is not looked at.

use std::fmt;

use jiff::Timestamp;
use rand_core::CryptoRng;

use crate::channel::{Origin, head_or_none};
use crate::checkpoint::Checkpoint;
use crate::grammar::{self, Lines, Malformed, NUMBER_LIMIT};
use crate::hash::Hash;

/// Largest entry, in bytes with header and padding: 1 MiB. Larger matter travels elsewhere.
pub const ENTRY_BYTES_MAX: usize = 1024 * 1024;

/// Smallest entry, in bytes with header and padding.
pub const ENTRY_BYTES_MIN: usize = 1024;

/// Longest header with its empty line, in bytes.
pub const HEADER_BYTES_MAX: usize = 2048;

/// Longest kind, in bytes.
pub const KIND_BYTES_MAX: usize = 40;

/// Longest media type, in bytes.
pub const MEDIA_BYTES_MAX: usize = 100;

const ENTRY_LABEL: &str = "forewarn/entry/v1";

/// One entry of a log: header and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What stands above the body.
    pub header: EntryHeader,
    /// The released bytes.
    pub body: Vec<u8>,
}

impl Entry {
    /// Gives the exact bytes that the commitment is over: header, empty line, body, zeros up to the smallest
    /// bucket.
    ///
    /// # Errors
    /// [`EntryError`] for a field that has no form, a `length` that is not that of the body, or an entry
    /// above 1 MiB.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        if usize::try_from(self.header.length) != Ok(self.body.len()) {
            return Err(EntryError::Length { stated: self.header.length, found: self.body.len() });
        }
        let mut bytes = self.header.text()?.into_bytes();
        bytes.extend_from_slice(&self.body);
        let bucket = bucket_len(bytes.len())
            .ok_or(EntryError::TooLarge { bytes: bytes.len(), limit: ENTRY_BYTES_MAX })?;
        bytes.resize(bucket, 0);
        Ok(bytes)
    }

    /// Reads an entry and checks its frame: grammar, limits, the bucket is the smallest that holds header and
    /// body, all padding is zero.
    ///
    /// What this accepts, [`Entry::encode`] gives back byte for byte.
    ///
    /// # Errors
    /// [`EntryError`] with what is wrong with the frame.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge { bytes: bytes.len(), limit: ENTRY_BYTES_MAX });
        }
        let (text, rest) = split_header(bytes)?;
        let header = EntryHeader::parse_text(text)?;
        let (body, padding) = usize::try_from(header.length)
            .ok()
            .and_then(|length| rest.split_at_checked(length))
            .ok_or(EntryError::Length { stated: header.length, found: rest.len() })?;
        let content = bytes.len() - padding.len();
        if bucket_len(content) != Some(bytes.len()) {
            return Err(EntryError::Bucket { content, found: bytes.len() });
        }
        if let Some(at) = padding.iter().position(|byte| *byte != 0) {
            return Err(EntryError::Padding { at: content + at });
        }
        Ok(Entry { header, body: body.to_vec() })
    }
}

/// Gives the length of the smallest bucket, in bytes, that holds `content` bytes of header and body: 1,024 ·
/// 2^k for k = 0 to 10. Nothing above 1 MiB.
pub fn bucket_len(content: usize) -> Option<usize> {
    let bucket = content.max(ENTRY_BYTES_MIN).checked_next_power_of_two()?;
    (bucket <= ENTRY_BYTES_MAX).then_some(bucket)
}

/// What stands above the body of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryHeader {
    /// The log that holds the entry.
    pub origin: Origin,
    /// Place in the log, from 0, below 2^48.
    pub index: u64,
    /// When it was written by the giver's clock, whole seconds. Never lower than in the entry before.
    pub written: Timestamp,
    /// Largest checkpoint of the opposite log that the writer had cosigned; nothing if none.
    pub seen: Option<Seen>,
    /// What the entry is.
    pub kind: EntryKind,
    /// The thread it belongs to.
    pub thread: Thread,
    /// The entry it answers, in this log (earlier) or in the opposite one.
    pub answers: Option<Answers>,
    /// Media type of the body: 1 to 100 printable ASCII characters.
    pub media: String,
    /// Bytes of the body.
    pub length: u64,
}

impl EntryHeader {
    /// Header lines with the empty line.
    fn text(&self) -> Result<String, EntryError> {
        self.check()?;
        let written =
            grammar::to_timestamp(self.written).ok_or(EntryError::Written { written: self.written })?;
        let seen = match &self.seen {
            Some(seen) => format!("{} {} {}", seen.origin, seen.size, seen.root),
            None => "-".into(),
        };
        let answers = match &self.answers {
            Some(answers) => format!("{} {}", answers.origin, answers.index),
            None => "-".into(),
        };
        let text = format!(
            "{ENTRY_LABEL}\norigin {}\nindex {}\nwritten {written}\nseen {seen}\nkind {}\nthread {}\nanswers {answers}\nmedia {}\nlength {}\n\n",
            self.origin, self.index, self.kind, self.thread, self.media, self.length,
        );
        Ok(text)
    }

    fn parse_text(text: &str) -> Result<Self, EntryError> {
        let mut lines = Lines::new(text);
        lines.exact(ENTRY_LABEL)?;
        let origin = lines
            .field("origin", "`origin forewarn/log/<64 hex digits>`", |text| Origin::parse(text).ok())?;
        let index = lines.field("index", "`index <number>`", grammar::number)?;
        let written = lines.field("written", "`written <YYYY-MM-DDThh:mm:ssZ>`", grammar::timestamp)?;
        let seen = lines.field("seen", "`seen -` or `seen <origin> <size> <root>`", head_or_none)?;
        let kind =
            lines.field("kind", "`kind <words of a-z between dots>`", |text| EntryKind::parse(text).ok())?;
        let thread = lines.field("thread", "`thread <32 hex digits>`", |text| Thread::from_hex(text).ok())?;
        let answers = lines.field("answers", "`answers -` or `answers <origin> <index>`", answers)?;
        let media = lines.field("media", "`media <1 to 100 characters>`", |text| {
            is_media(text).then(|| text.to_owned())
        })?;
        let length = lines.field("length", "`length <bytes of the body>`", grammar::number)?;
        lines.end()?;
        let header = EntryHeader {
            origin,
            index,
            written,
            seen: seen.map(Seen::from),
            kind,
            thread,
            answers,
            media,
            length,
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), EntryError> {
        let numbers =
            [Some(self.index), self.seen.map(|seen| seen.size), self.answers.map(|answers| answers.index)];
        if let Some(number) = numbers.into_iter().flatten().find(|number| *number >= NUMBER_LIMIT) {
            return Err(EntryError::Number { number });
        }
        if !is_media(&self.media) {
            return Err(EntryError::Media { found: grammar::quoted(&self.media) });
        }
        if self.seen.is_some_and(|seen| seen.origin == self.origin) {
            return Err(EntryError::SeenOwn);
        }
        let later = |answers: &Answers| answers.origin == self.origin && answers.index >= self.index;
        match self.answers.filter(later) {
            Some(answers) => Err(EntryError::AnswersLater { index: self.index, answered: answers.index }),
            None => Ok(()),
        }
    }
}

/// A head of the opposite log, which the writer had cosigned when it wrote: the entry was written after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The opposite log.
    pub origin: Origin,
    /// Its size, below 2^48.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

impl From<Checkpoint> for Seen {
    fn from(head: Checkpoint) -> Self {
        Seen { origin: head.origin, size: head.size, root: head.root }
    }
}

/// The place of an entry that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answers {
    /// The log that holds it.
    pub origin: Origin,
    /// Its index there, below 2^48.
    pub index: u64,
}

/// What an entry is, for instance `warning.released`: words of a to z between single dots, at most 40 bytes.
///
/// The vocabulary is open: an unknown kind is carried whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKind(String);

impl EntryKind {
    /// Kind of entry 0 of every log, whose body is the channel statement.
    pub const CHANNEL_OPENED: &str = "channel.opened";
    /// Kind of the last entry under old keys, whose body is the statement with the keys that hold from here
    /// on.
    pub const KEY_CHANGED: &str = "key.changed";
    /// Kind of the last entry of a log that a successor follows.
    pub const CHANNEL_SUCCEEDED: &str = "channel.succeeded";
    /// Kind of an entry without content that hides the rate.
    pub const COVER: &str = "cover";

    /// Reads a kind.
    ///
    /// # Errors
    /// [`EntryError::Kind`] for any text outside the grammar.
    pub fn parse(text: &str) -> Result<Self, EntryError> {
        let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        if text.len() > KIND_BYTES_MAX || !text.split('.').all(word) {
            return Err(EntryError::Kind { found: grammar::quoted(text) });
        }
        Ok(EntryKind(text.to_owned()))
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The thread of an entry: random for each thread and channel pair, never derived from a warning's id. Shown
/// as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thread([u8; 16]);

impl Thread {
    /// The thread of matters of the channel itself: zeros.
    pub const CHANNEL: Thread = Thread([0; 16]);

    /// Draws a thread from the generator handed in.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Thread(bytes)
    }

    /// Takes 16 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Thread(bytes)
    }

    /// Gives the 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 lower-case hex digits.
    ///
    /// # Errors
    /// [`EntryError::Thread`] for any other text.
    pub fn from_hex(text: &str) -> Result<Self, EntryError> {
        grammar::hex_array(text)
            .map(Thread)
            .ok_or_else(|| EntryError::Thread { found: grammar::quoted(text) })
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thread({self})")
    }
}

/// Bytes or fields that make no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// More than 1 MiB.
    #[error("an entry has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No empty line within the first 2,048 bytes.
    #[error("an entry has a header of at most {limit} bytes that ends in an empty line")]
    NoHeader {
        /// Bytes allowed for the header with its empty line.
        limit: usize,
    },
    /// The header has a byte that is not printable ASCII.
    #[error("the header of an entry is printable ASCII; byte {at} is not")]
    NotAscii {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// A header line is not what the format has there.
    #[error("no entry: {0}")]
    Malformed(#[from] Malformed),
    /// The length stated is not that of the body, or more than what follows the header.
    #[error("the length of the body is stated as {stated} bytes, there are {found}")]
    Length {
        /// Bytes stated in the header.
        stated: u64,
        /// Bytes found.
        found: usize,
    },
    /// The length of the entry is not the smallest bucket that holds header and body.
    #[error("{found} bytes are not the smallest bucket for {content} bytes of header and body")]
    Bucket {
        /// Bytes of header and body.
        content: usize,
        /// Bytes found.
        found: usize,
    },
    /// A byte of the padding is not zero.
    #[error("the padding of an entry is zero; byte {at} is not")]
    Padding {
        /// Place of the first wrong byte in the entry, from 0.
        at: usize,
    },
    /// An index or size of 2^48 or more.
    #[error("an index or size is below 2^48, found {number}")]
    Number {
        /// The number found.
        number: u64,
    },
    /// The time has a fraction of a second, or a year outside 0000 to 9999.
    #[error("an entry is written at whole seconds of a year of four digits, found {written}")]
    Written {
        /// The time found.
        written: Timestamp,
    },
    /// Not 1 to 100 printable ASCII characters.
    #[error("a media type is 1 to 100 printable ASCII characters, found {found}")]
    Media {
        /// The text found, escaped and cut.
        found: String,
    },
    /// Not words of a to z between single dots, or more than 40 bytes.
    #[error("a kind is words of a to z between dots, at most 40 bytes, found {found}")]
    Kind {
        /// The text found, escaped and cut.
        found: String,
    },
    /// Not 32 lower-case hex digits.
    #[error("a thread is 32 lower-case hex digits, found {found}")]
    Thread {
        /// The text found, escaped and cut.
        found: String,
    },
    /// The head seen is one of the entry's own log.
    #[error("an entry names a head of the opposite log as seen, not of its own")]
    SeenOwn,
    /// The entry answered is not earlier in the same log.
    #[error("entry {index} cannot answer entry {answered} of its own log")]
    AnswersLater {
        /// Index of the entry.
        index: u64,
        /// Index of the entry that it says it answers.
        answered: u64,
    },
}

/// Header lines, without the empty line, and what follows it.
fn split_header(bytes: &[u8]) -> Result<(&str, &[u8]), EntryError> {
    let no_header = EntryError::NoHeader { limit: HEADER_BYTES_MAX };
    let end = bytes.array_windows().take(HEADER_BYTES_MAX - 1).position(|pair| pair == b"\n\n");
    let Some((header, rest)) = end.and_then(|at| bytes.split_at_checked(at + 2)) else {
        return Err(no_header);
    };
    let text = header.strip_suffix(b"\n").unwrap_or(header);
    let plain = |byte: &u8| matches!(byte, b'\n' | 0x20..=0x7e);
    if let Some(at) = text.iter().position(|byte| !plain(byte)) {
        return Err(EntryError::NotAscii { at });
    }
    let text = std::str::from_utf8(text).map_err(|error| EntryError::NotAscii { at: error.valid_up_to() })?;
    Ok((text, rest))
}

/// `-`, or origin and index between one space.
fn answers(text: &str) -> Option<Option<Answers>> {
    if text == "-" {
        return Some(None);
    }
    let (origin, index) = text.split_once(' ')?;
    Some(Some(Answers { origin: Origin::parse(origin).ok()?, index: grammar::number(index)? }))
}

fn is_media(text: &str) -> bool {
    (1..=MEDIA_BYTES_MAX).contains(&text.len()) && grammar::is_printable_ascii(text)
}
