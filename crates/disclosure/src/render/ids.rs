//! Ids in a rendering: a keyed function of the recipient and of what the object stands for, never of what it says.

use model::id::{PartyName, WarningId};
use stix::error::StixError;
use stix::id::StixId;

use crate::keyed::{Keyed, keyed};

/// Makes the ids of one warning for one recipient.
pub(super) struct Ids<'a> {
    secret: Keyed,
    recipient: &'a PartyName,
    warning: [u8; 16],
}

impl<'a> Ids<'a> {
    pub(super) fn new(secret: &[u8; 32], recipient: &'a PartyName, warning: &WarningId) -> Self {
        Self { secret: Keyed::new(secret), recipient, warning: *warning.as_bytes() }
    }

    /// The id of the thing that `key` names inside the warning, as an object of type `kind`.
    pub(super) fn of(&self, kind: &'static str, key: &str) -> Result<StixId, StixError> {
        let recipient = self.recipient.as_str().as_bytes();
        made(kind, &self.secret.of(&[recipient, kind.as_bytes(), &self.warning, key.as_bytes()]))
    }

    pub(super) fn recipient(&self) -> &str {
        self.recipient.as_str()
    }

    /// The id of the bundle, which is of this rendering only.
    pub(super) fn bundle(&self, seed: &[u8; 32]) -> Result<StixId, StixError> {
        let inner = self.secret.of(&[b"bundle", self.recipient.as_str().as_bytes(), &self.warning]);
        made("bundle", &keyed(seed, &[&inner]))
    }
}

fn made(kind: &'static str, digest: &[u8; 32]) -> Result<StixId, StixError> {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    StixId::make(kind, bytes)
}
