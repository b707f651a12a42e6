//! Carrying by file: packing, opening and settling, as the duty desk does it.

use exchange::carriage::{self, CarriedFile, Opened, Settled};
use exchange::refusal::Refusal;
use model::vocab::Carriage;

use crate::house::{TestHouse, party};
use crate::houses::TestHouses;

impl TestHouses {
    /// From now on two houses carry by file to each other.
    pub fn by_file(&self, one: &str, other: &str) {
        self.at(one).carries(other, Carriage::File);
        self.at(other).carries(one, Carriage::File);
    }

    /// Files go to and fro between two houses until neither packs anything. Returns how many parcels and statements went.
    pub fn carry_files(&self, one: &str, other: &str) -> usize {
        let mut carried = 0;
        loop {
            let before = carried;
            for (from, to) in [(one, other), (other, one)] {
                for file in self.at(from).pack(to).unwrap() {
                    let opened = self.at(to).open_file(&file).unwrap();
                    self.at(from).settle_file(&opened.answer).unwrap();
                    carried += 1;
                }
            }
            if carried == before {
                return carried;
            }
            assert!(carried < 1_000, "the houses never come to rest");
        }
    }
}

impl TestHouse {
    /// The liaison officer says how things are carried to a partner.
    pub fn carries(&self, to: &str, how: Carriage) {
        carriage::set(&self.house(), &self.caller("liaison1"), &party(to), how, self.now()).unwrap();
    }

    /// desk1 packs what waits for a partner.
    pub fn pack(&self, to: &str) -> Result<Vec<CarriedFile>, Refusal> {
        let (mut place, mut files) = (None, Vec::new());
        loop {
            let (house, caller, now) = (self.house(), self.caller("desk1"), self.now());
            let packed = carriage::pack(&house, &caller, &party(to), place, now, &mut self.rng())?;
            files.extend(packed.file);
            place = packed.next;
            if place.is_none() {
                return Ok(files);
            }
        }
    }

    /// desk1 opens a partner's file.
    pub fn open_file(&self, file: &CarriedFile) -> Result<Opened, Refusal> {
        self.open_bytes(&file.sealed)
    }

    /// desk1 opens whatever lies in a file.
    pub fn open_bytes(&self, sealed: &[u8]) -> Result<Opened, Refusal> {
        carriage::open(&self.house(), &self.caller("desk1"), sealed, self.now(), &mut self.rng())
    }

    /// desk1 takes a partner's answer back.
    pub fn settle_file(&self, file: &CarriedFile) -> Result<Settled, Refusal> {
        self.settle_bytes(&file.sealed)
    }

    /// desk1 takes back whatever lies in a file.
    pub fn settle_bytes(&self, sealed: &[u8]) -> Result<Settled, Refusal> {
        carriage::settle(&self.house(), &self.caller("desk1"), sealed, self.now(), &mut self.rng())
    }

    /// desk1 writes the newest receipts for a partner once more, with the entries from an index on.
    pub fn newest_receipts(&self, of: &str, from: Option<u64>) -> Result<Vec<CarriedFile>, Refusal> {
        carriage::newest(&self.house(), &self.caller("desk1"), &party(of), from, self.now())
    }
}
