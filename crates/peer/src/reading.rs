//! One parcel of a log is read at a time, so that a partner takes the memory of one parcel and not of all its connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tlog::channel::Origin;
use tokio::sync::Notify;

/// The logs of which a parcel is being read. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Reading(Arc<Mutex<BTreeMap<Origin, Arc<Notify>>>>);

impl Reading {
    /// Begins to read a parcel of this log. One that is still being read gives way: as a rule its connection is dead, and
    /// the giver has begun again.
    pub(crate) fn begin(&self, origin: Origin) -> Place {
        let taken = Arc::new(Notify::new());
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(origin, Arc::clone(&taken));
        if let Some(before) = before {
            before.notify_one();
        }
        Place { reading: self.clone(), origin, taken }
    }
}

/// The place of the one parcel of a log that is being read; free again when it is dropped.
pub(crate) struct Place {
    reading: Reading,
    origin: Origin,
    taken: Arc<Notify>,
}

impl Place {
    /// Waits until another parcel of the log takes the place.
    pub(crate) async fn taken(&self) {
        self.taken.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut read = self.reading.0.lock().unwrap_or_else(PoisonError::into_inner);
        if read.get(&self.origin).is_some_and(|now| Arc::ptr_eq(now, &self.taken)) {
            read.remove(&self.origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(byte: u8) -> Origin {
        Origin::from_hex(&hex::encode([byte; 32])).unwrap()
    }

    #[tokio::test]
    async fn a_newer_parcel_of_a_log_takes_the_place_of_the_older_and_of_no_other_log() {
        let reading = Reading::default();
        let (first, other) = (reading.begin(origin(1)), reading.begin(origin(2)));
        let second = reading.begin(origin(1));
        first.taken().await;
        drop(first);
        assert_eq!(reading.0.lock().unwrap().len(), 2, "the newer one keeps its place");
        drop((second, other));
        assert!(reading.0.lock().unwrap().is_empty(), "logs that nobody reads are forgotten");
    }
}
