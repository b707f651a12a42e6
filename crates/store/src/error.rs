//! What can go wrong in the store, by whose matter it is.

use rusqlite::ErrorCode;

/// An error of the store. An act that ends in one has left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full (world): make room; nothing was written.
    #[error("the disk with the data folder is full; nothing was written. Make room and try again")]
    DiskFull,
    /// The disk failed (world).
    #[error("reading or writing the database failed: {0}. Look at the disk before going on")]
    Io(String),
    /// The file is no database of ours, or it is damaged (world).
    #[error("the database {file} is damaged or not a database: {why}. Restore it from a backup")]
    Corrupt {
        /// Which file.
        file: String,
        /// What SQLite said.
        why: String,
    },
    /// The database was written by a later version of the program (yours).
    #[error("the database has form {found}, and this program knows forms up to {known}. Use a newer program")]
    TooNew {
        /// The form found.
        found: i64,
        /// The newest form this program knows.
        known: i64,
    },
    /// A database is gone whose neighbour is there (yours). An empty one in its place would hide the loss.
    #[error(
        "{file} is missing in the data folder, beside its {beside}. Restore {file} from a backup; nothing was changed"
    )]
    Missing {
        /// Which file is not there, or is empty.
        file: &'static str,
        /// Which file needs it.
        beside: &'static str,
    },
    /// The high-water mark is not where the operator put it (yours, or a disk that is not there).
    #[error(
        "the high-water mark is not at {place}, where node.json puts it. Is its disk mounted? If it is lost, take \"high_water\" out of node.json: the node then asks its partners what it had signed"
    )]
    MarkAway {
        /// Where it was put.
        place: String,
    },
    /// The high-water mark could not be written (world). What was done is kept, and nothing of it was signed.
    #[error(
        "the high-water mark could not be written: {0}. What was done is kept, and nothing of it was signed or sent. Look at the disk and try again"
    )]
    Unmarked(String),
    /// Another process kept a database locked for longer than we wait (yours). That no two nodes run on one folder is
    /// not seen to here but by the lock of the data folder; this is what is met where somebody goes past it.
    #[error("the database is in use by another process. Is this node running already?")]
    InUse,
    /// A rule of the schema refused it: a second root for a size, a second name (ours, or an attempted lie).
    #[error("the store refused what would contradict it: {0}")]
    Contradiction(String),
    /// A sealed text cannot be opened: its key is gone or the bytes were changed.
    #[error("a stored text cannot be opened: {0}")]
    Unsealable(String),
    /// A row has a form it cannot have (ours).
    #[error("a stored row has an impossible form: {0}")]
    BadRow(String),
    /// An act that shared the transaction met a full or failing disk, and SQLite undid all of them (world).
    #[error(
        "the disk is full or failing, and the database undid this act with its neighbours; nothing was written. Look at the disk and try again"
    )]
    Undone,
    /// The code of an act panicked (ours). The act is undone, and the store goes on.
    #[error("an act stopped in the middle by a fault of this program; nothing was written")]
    Panicked,
    /// The writer has stopped: the node is going down.
    #[error("the node is stopping; nothing was written")]
    Stopping,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { file: "in the data folder".to_owned(), why: text }
            }
            Some(ErrorCode::ConstraintViolation) => Self::Contradiction(text),
            Some(_) => Self::Io(text),
            None => Self::BadRow(text),
        }
    }
}

/// The error of a row that has an impossible form.
pub(crate) fn bad_row(error: impl std::fmt::Display) -> StoreError {
    StoreError::BadRow(error.to_string())
}
