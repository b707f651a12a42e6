//! What the lying partner holds of the node's logs, and how an honest one would answer.

use std::collections::BTreeMap;

use exchange::keys::NodeKeys;
use jiff::Timestamp;
use tlog::channel::{ChannelStatement, Origin, SignedProposal};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::cosign;
use tlog::entry::Entry;
use tlog::hash::leaf_hash;
use tlog::parcel::{Item, Parcel};
use tlog::tree::CompactRange;

use super::wire::Asked;

/// A log of the node's, as it came.
pub struct TheirLog {
    /// The statement, countersigned.
    pub statement: ChannelStatement,
    /// Its items.
    pub items: Vec<Item>,
    /// The heads that came, each with its cosignature.
    pub heads: BTreeMap<u64, SignedCheckpoint>,
    range: CompactRange,
}

/// The desk of the lying partner.
pub struct Desk {
    /// Its keys.
    pub keys: NodeKeys,
    /// The node's logs.
    pub logs: BTreeMap<Origin, TheirLog>,
    now: Timestamp,
}

impl TheirLog {
    /// The newest head.
    pub fn newest(&self) -> Option<&SignedCheckpoint> {
        self.heads.values().next_back()
    }
}

impl Desk {
    pub(crate) fn of(keys: NodeKeys, now: Timestamp) -> Self {
        Self { keys, logs: BTreeMap::new(), now }
    }

    /// Its clock, in seconds.
    pub fn seconds(&self) -> u64 {
        u64::try_from(self.now.as_second()).unwrap()
    }

    /// The one log of the node's.
    pub fn log(&self) -> &TheirLog {
        self.logs.values().next().expect("the node has opened its log")
    }

    /// The kinds of the entries that were read out of the node's parcels.
    pub fn kinds(&self) -> Vec<String> {
        let items = self.logs.values().flat_map(|log| &log.items);
        let kind = |item: &Item| match item {
            Item::Entry { entry, .. } => Entry::parse(entry).unwrap().header.kind.as_str().to_owned(),
            Item::Erased(_) => "erased".to_owned(),
        };
        items.map(kind).collect()
    }

    /// A receipt for this checkpoint, dated these seconds, as its line.
    pub fn receipt(&self, checkpoint: &Checkpoint, seconds: u64) -> Vec<u8> {
        format!("{}\n", cosign(checkpoint, seconds, &self.keys.cosigner).unwrap().line()).into_bytes()
    }

    /// What an honest partner answers.
    pub fn honest(&mut self, asked: &Asked) -> (u16, Vec<u8>) {
        if asked.is_statement() {
            return self.countersigns(asked);
        }
        let origin = asked.path.split('/').nth(4).and_then(|hex| Origin::from_hex(hex).ok());
        let Some(origin) = origin.filter(|origin| self.logs.contains_key(origin)) else { return nothing() };
        if asked.is_head() {
            let newest = self.logs.get(&origin).and_then(TheirLog::newest);
            return newest.map_or_else(nothing, |head| (200, head.to_string().into_bytes()));
        }
        if asked.is_copy() {
            return self.copies(&origin, asked);
        }
        if asked.is_parcel() { self.takes(&origin, &asked.body) } else { nothing() }
    }

    /// Its copy of a log from the index asked for, which ends in its newest head.
    pub fn piece(&self, origin: &Origin, from: u64) -> Option<Parcel> {
        let log = self.logs.get(origin)?;
        let items = log.items.get(usize::try_from(from).ok()?..)?.to_vec();
        let checkpoint = log.newest()?.clone();
        (!items.is_empty()).then_some(Parcel { old: from, held: None, items, checkpoint })
    }

    fn copies(&self, origin: &Origin, asked: &Asked) -> (u16, Vec<u8>) {
        let from = asked.path.rsplit('=').next().and_then(|from| from.parse().ok());
        let piece = from.and_then(|from| self.piece(origin, from));
        piece.map_or_else(nothing, |piece| (200, piece.encode().unwrap()))
    }

    fn countersigns(&mut self, asked: &Asked) -> (u16, Vec<u8>) {
        let statement = SignedProposal::parse(&asked.body).unwrap().countersign(&self.keys.identity).unwrap();
        let bytes = statement.as_bytes().to_vec();
        let log =
            TheirLog { items: Vec::new(), heads: BTreeMap::new(), range: CompactRange::new(), statement };
        self.logs.entry(log.statement.origin()).or_insert(log);
        (200, bytes)
    }

    fn takes(&mut self, origin: &Origin, bytes: &[u8]) -> (u16, Vec<u8>) {
        let (seconds, parcel) = (self.seconds(), Parcel::parse(bytes).unwrap());
        let Some(log) = self.logs.get_mut(origin) else { return nothing() };
        let head = *parcel.checkpoint.checkpoint();
        if head.size > log.range.size() {
            if parcel.old != log.range.size() {
                return (409, format!("{}\n", log.range.size()).into_bytes());
            }
            for item in parcel.items {
                log.range.append(leaf_hash(&item.commitment()));
                log.items.push(item);
            }
        }
        log.heads.entry(head.size).or_insert_with(|| {
            let line = cosign(&head, seconds, &self.keys.cosigner).unwrap().line().clone();
            parcel.checkpoint.and_line(line).unwrap()
        });
        let line = log.heads.get(&head.size).and_then(|head| head.lines().last()).unwrap();
        (200, format!("{line}\n").into_bytes())
    }
}

fn nothing() -> (u16, Vec<u8>) {
    (404, b"not here; this node speaks forewarn peer protocol v1\n".to_vec())
}
