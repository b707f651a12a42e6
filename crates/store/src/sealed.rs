//! Texts sealed under one key each: AES-256-GCM with a fresh key, so the nonce may be fixed. The key stands in `keys.db`;
//! deleting it erases the text, whatever copies of `node.db` there are.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::files::Connections;
use crate::high_water;
use crate::writer::{Act, View};

/// The name of a sealed text's key. Random; says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub(crate) [u8; 16]);

/// What a key is forgotten for: it decides how thoroughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgotten {
    /// A body of the outbox that stands in a log now, or was stopped.
    OutboxBody,
    /// An entry that was erased: nothing of its key may stay in the files of `keys.db`.
    Entry,
}

/// The randomness that sealing one text needs: drawn by the caller, used once.
pub struct SealingDraw {
    pub(crate) id: [u8; 16],
    pub(crate) key: Zeroizing<[u8; 32]>,
}

impl SealingDraw {
    /// Draws a key and its name.
    pub fn draw(rng: &mut impl rand_core::CryptoRng) -> Self {
        let (mut id, mut key) = ([0; 16], Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut id);
        rng.fill_bytes(key.as_mut_slice());
        Self { id, key }
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, StoreError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| StoreError::Unsealable("bad key".to_owned()))?;
    Ok(LessSafeKey::new(key))
}

/// Whether this key opens this sealed text. What it says is forgotten at once.
pub(crate) fn opens(id: &[u8; 16], key: &[u8; 32], sealed: Vec<u8>) -> bool {
    let mut sealed = Zeroizing::new(sealed);
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    cipher(key).is_ok_and(|cipher| cipher.open_in_place(nonce, Aad::from(*id), sealed.as_mut_slice()).is_ok())
}

impl Act<'_> {
    /// Seals a text and keeps its key. Both are durable when the act is; the key is committed first.
    pub(crate) fn seal(
        &mut self,
        mut text: Vec<u8>,
        draw: &SealingDraw,
    ) -> Result<(KeyId, Vec<u8>), StoreError> {
        cipher(draw.key.as_slice())?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key([0; NONCE_LEN]),
                Aad::from(draw.id),
                &mut text,
            )
            .map_err(|_| StoreError::Unsealable("sealing failed".to_owned()))?;
        let mut insert = self.c.keys.prepare_cached("INSERT INTO body_keys (id, key) VALUES (?1, ?2)")?;
        insert.execute(params![draw.id, draw.key.as_slice()])?;
        Ok((KeyId(draw.id), text))
    }

    /// Marks the key of a sealed text to be forgotten. The key itself is deleted after this act is durable, so that an act
    /// which fails has lost no key: that of an entry before the act is answered, that of a body of the outbox before the
    /// next act begins. No copy of the text can be opened from then on.
    pub(crate) fn forget(&mut self, id: &KeyId, what: Forgotten) -> Result<(), StoreError> {
        let sql = "INSERT INTO keys_to_forget (id, entry) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
        self.c.node.prepare_cached(sql)?.execute(params![id.0, what == Forgotten::Entry])?;
        Ok(())
    }
}

impl Connections {
    /// Whether a durable act marked the key of an erased entry. Yes where that cannot be told: it is looked at then.
    pub(crate) fn entries_are_marked(&self) -> bool {
        let sql = "SELECT EXISTS (SELECT 1 FROM keys_to_forget WHERE entry = 1)";
        let select = self.node.prepare_cached(sql);
        select.and_then(|mut select| select.query_row([], |row| row.get(0))).unwrap_or(true)
    }

    /// Deletes from `keys.db` every key that a durable act marked to be forgotten, and names them; `unmark` takes the
    /// marks away. Called outside any transaction, after every commit and at every start.
    ///
    /// A crash or a failure anywhere in here leaves the marks, and the next call deletes what is left.
    pub(crate) fn forget_marked_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        let mut select = self.node.prepare_cached("SELECT id, entry FROM keys_to_forget")?;
        let rows = select.query_map([], |row| Ok((KeyId(row.get(0)?), row.get(1)?)))?;
        let marked: Vec<(KeyId, bool)> = rows.collect::<Result<_, _>>()?;
        if marked.is_empty() {
            return Ok(Vec::new());
        }
        let of_entries = marked.iter().filter(|(_, entry)| *entry).map(|(id, _)| *id).collect::<Vec<_>>();
        if !of_entries.is_empty() {
            high_water::note_erased(&self.marks, &of_entries)?;
        }
        let deleting = Transaction::new_unchecked(&self.keys, TransactionBehavior::Immediate)?;
        for (id, _) in &marked {
            deleting.prepare_cached("DELETE FROM body_keys WHERE id = ?1")?.execute(params![id.0])?;
        }
        deleting.commit()?;
        if !of_entries.is_empty() {
            self.empty_the_log_of_keys()?;
        }
        Ok(marked.into_iter().map(|(id, _)| id).collect())
    }

    /// Moves the write-ahead log of `keys.db` into the file, where deleted rows are overwritten, and cuts it to nothing.
    pub(crate) fn empty_the_log_of_keys(&self) -> Result<(), StoreError> {
        let busy: bool = self.keys.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(StoreError::InUse) } else { Ok(()) }
    }

    /// Takes away the marks of keys that are forgotten, within the open transaction.
    pub(crate) fn unmark(&self, forgotten: &[KeyId]) -> Result<(), StoreError> {
        for id in forgotten {
            self.node.prepare_cached("DELETE FROM keys_to_forget WHERE id = ?1")?.execute(params![id.0])?;
        }
        Ok(())
    }
}

impl View<'_> {
    /// Opens a sealed text.
    pub(crate) fn unseal(&self, id: &KeyId, mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let mut select = self.c.keys.prepare_cached("SELECT key FROM body_keys WHERE id = ?1")?;
        let key: Option<Vec<u8>> = select.query_row(params![id.0], |row| row.get(0)).optional()?;
        let key = Zeroizing::new(
            key.ok_or_else(|| StoreError::Unsealable("its key is not in keys.db".to_owned()))?,
        );
        let length = cipher(&key)?
            .open_in_place(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(id.0), &mut sealed)
            .map_err(|_| StoreError::Unsealable("its bytes were changed".to_owned()))?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }
}

/// A key name read from a row.
pub(crate) fn key_id(bytes: &[u8]) -> Result<KeyId, StoreError> {
    bytes.try_into().map(KeyId).map_err(|_| StoreError::BadRow("a key name has 16 bytes".to_owned()))
}
