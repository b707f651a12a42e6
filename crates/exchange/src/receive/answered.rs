//! What a giver is answered to its parcel.

/// The answer to a parcel; the door turns it into a status and a body (log-format §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// 200: stored and cosigned; the cosignature's line.
    Held(String),
    /// 202: stored up to this size while we take back what we have lost; not cosigned.
    Stored(u64),
    /// 404: no such log for this caller. The same whether it is unknown or another's.
    Unknown,
    /// 423: the channel is frozen.
    Frozen,
    /// 400: does not parse.
    Unreadable(String),
    /// 403: not signed by the key of the log, or a stray line.
    NotSigned(String),
    /// 409: another size is held.
    HoldsSize(u64),
    /// 422: an entry's frame is wrong.
    BadEntry {
        /// Its index.
        index: u64,
        /// Why.
        why: &'static str,
    },
    /// 422: the entries do not give the signed root; the channel is frozen now.
    BadRoot,
    /// 503: an entry names more of our log than we have, or it is not settled what we have cosigned; we must recover
    /// first.
    Recovering,
}

impl Receipt {
    /// The status and the body of the answer, in the words of docs/log-format.md §6.
    pub fn answer(&self) -> (u16, String) {
        match self {
            Self::Held(line) => (200, format!("{line}\n")),
            Self::Stored(size) => (202, format!("{size}\n")),
            Self::Unknown => (404, String::new()),
            Self::Frozen => (423, "frozen\n".to_owned()),
            Self::Unreadable(why) => (400, format!("{why}\n")),
            Self::NotSigned(why) => (403, format!("{why}\n")),
            Self::HoldsSize(size) => (409, format!("{size}\n")),
            Self::BadEntry { index, why } => (422, format!("entry {index} {why}\n")),
            Self::BadRoot => (422, "root\n".to_owned()),
            Self::Recovering => (503, "busy\n".to_owned()),
        }
    }
}
