//! What is looked at in the end: each log verified whole, nothing left behind, no planted word in the wrong hands.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64Unpadded, Encoding as _};
use exchange::refusal::Refusal;
use model::facts::{self, Facts};
use model::id::{EntryRef, PartyName};
use model::relation::{Logged, Relation, Side};
use store::{ChannelRow, ChannelSide, ChannelState, View};
use tlog::channel::{ChannelStatement, Use};
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::commit;
use tlog::entry::Entry;
use tlog::hash::{Hash, empty_root, leaf_hash};
use tlog::proof::TlogProof;
use tlog::receipt::{ReceiptParts, Standing, Trusted, export, verify_export};
use tlog::tree::{CompactRange, inclusion_proof};

use crate::house::{TestHouse, party};
use crate::observe::Crossing;

/// Fails on what [`faults`] finds.
pub fn assert_sound(house: &TestHouse) {
    let found = faults(house);
    assert!(found.is_empty(), "{}:\n{}", house.name(), found.join("\n"));
}

/// Verifies every log of a house whole, and the audit trail; says what is wrong.
///
/// Of each log: every entry opens to its commitment and stands in its place, times and `seen` never fall, `seen` is
/// true, facts are those of the body, the leaves give every stored root, every receipt verifies and can be exported; the
/// relation folded from scratch, in two orders, is the one that is kept.
pub fn faults(house: &TestHouse) -> Vec<String> {
    let us = house.house();
    let mut found = Vec::new();
    let logs = us.store.view(|view| {
        for channel in view.channels()? {
            let place = format!("log {} {} {:?}", channel.partner, channel.use_, channel.side);
            let mut log = Log { house, view, channel: &channel, found: Vec::new(), parsed: BTreeMap::new() };
            log.check()?;
            found.extend(log.found.into_iter().map(|what| format!("{place}: {what}")));
        }
        for partner in view.partners()? {
            let kept = us.relations.of(view, &partner.name)?;
            for first in [Side::Ours, Side::Theirs] {
                if *kept != folded(view, &partner.name, first, &[Use::Actual, Use::Exercise])? {
                    found.push(format!(
                        "the relation with {} kept is not the one folded from scratch",
                        partner.name
                    ));
                }
            }
        }
        Ok::<_, Refusal>(())
    });
    logs.unwrap();
    let trail = exchange::audit::check(&us).unwrap();
    found.extend(trail.faults.iter().map(|f| format!("the audit trail, line {}: {}", f.seq, f.what)));
    found
}

/// The relation with a partner, folded from the stored logs from scratch; one whole log after the other.
pub fn relation_from_scratch(house: &TestHouse, partner: &str) -> Relation {
    let uses = [Use::Actual, Use::Exercise];
    house.store().view(|view| folded(view, &party(partner), Side::Ours, &uses)).unwrap()
}

fn folded(view: &View<'_>, partner: &PartyName, first: Side, uses: &[Use]) -> Result<Relation, Refusal> {
    let mut relation = Relation::default();
    let mut places = BTreeMap::new();
    let opened = |c: &ChannelRow| c.partner == *partner && c.state != ChannelState::Proposed;
    for channel in view.channels()?.into_iter().filter(opened) {
        let before = channel.follows.and_then(|old| places.get(&old).copied()).map_or(0, |n: u32| n + 1);
        places.insert(channel.origin, before);
        let side = if channel.side == ChannelSide::Ours { Side::Ours } else { Side::Theirs };
        relation.name_log(channel.origin, side, before);
    }
    for side in [first, first.other()] {
        let of = if side == Side::Ours { ChannelSide::Ours } else { ChannelSide::Theirs };
        for use_ in uses {
            // A log that was succeeded counts as far as its successor says.
            let of_these = |c: &ChannelRow| c.partner == *partner && c.side == of && c.use_ == *use_;
            for channel in view.channels()?.into_iter().filter(of_these) {
                for entry in view.entries(&channel, 0, channel.until.unwrap_or(channel.size()))? {
                    if *use_ == Use::Exercise && !is_played(&entry.facts) {
                        continue;
                    }
                    let at = EntryRef { origin: channel.origin, index: entry.index };
                    let (written, thread, answers, facts) =
                        (entry.written, entry.thread, entry.answers, entry.facts);
                    relation.take(Logged { at, side, written, thread, answers, facts });
                }
            }
        }
    }
    Ok(relation)
}

/// Whether an exercise plays it: warnings and their answers. What is agreed, promised or thanked for in one means nothing.
fn is_played(facts: &Facts) -> bool {
    use Facts::{
        Cancelled, Disposed, Erased, Lapsed, Outcome, Read, RecallConfirmed, RecallContested, Recalled,
        Release,
    };
    matches!(
        facts,
        Release(_)
            | Cancelled(_)
            | Lapsed(_)
            | Recalled(_)
            | RecallConfirmed
            | RecallContested { .. }
            | Erased
            | Read { .. }
            | Disposed { .. }
            | Outcome { .. }
    )
}

struct Log<'a> {
    house: &'a TestHouse,
    view: &'a View<'a>,
    channel: &'a ChannelRow,
    found: Vec<String>,
    /// Its statements by their texts: each is verified once.
    parsed: BTreeMap<String, ChannelStatement>,
}

impl Log<'_> {
    fn wrong(&mut self, what: impl Into<String>) {
        self.found.push(what.into());
    }

    fn check(&mut self) -> Result<(), Refusal> {
        // A log that was succeeded before it was opened has a half-signed statement and no entry.
        if self.channel.state == ChannelState::Proposed || self.channel.size() == 0 {
            return Ok(());
        }
        let statement = ChannelStatement::parse(self.channel.statement.as_bytes()).unwrap();
        let roots = self.entries(&statement)?;
        let size = u64::try_from(roots.len() - 1).unwrap();
        if size != self.channel.size() || roots.last() != Some(&self.channel.range.root()) {
            self.wrong("the entries do not give the right edge of the tree");
        }
        let mut receipted = 0;
        for at in 0..=size {
            let Some(head) = self.view.head(self.channel, at)? else { continue };
            if head.root != roots[usize::try_from(at).unwrap()] {
                self.wrong(format!("the head of size {at} has another root than the entries give"));
            }
            if let (Some(note), Some(line)) = (&head.note, &head.line) {
                receipted = at;
                let in_force = self.statement_at(at)?;
                self.receipt(&in_force, note, line);
            }
        }
        if receipted != self.channel.cosigned {
            self.wrong(format!(
                "{} is kept as receipted, the last receipt is of {receipted}",
                self.channel.cosigned
            ));
        }
        if receipted > 0 {
            // The first, the last, and whatever stands on either side of a change of keys.
            let changes = self.view.statements(self.channel)?.into_iter().map(|row| row.from);
            let around = changes.flat_map(|from| [from.saturating_sub(2), from.saturating_sub(1), from]);
            let around: BTreeSet<u64> = around.chain([receipted - 1]).filter(|i| *i < receipted).collect();
            for index in around {
                self.exported(index)?;
            }
        }
        Ok(())
    }

    /// Checks every entry and gives the root at each size.
    fn entries(&mut self, statement: &ChannelStatement) -> Result<Vec<Hash>, Refusal> {
        let (mut range, mut roots) = (CompactRange::new(), vec![empty_root()]);
        let (mut written, mut seen, mut seen_in) = (None, 0, None);
        let statements = self.view.statements(self.channel)?;
        for row in self.view.entries(self.channel, 0, u64::MAX >> 1)? {
            let index = row.index;
            if index != range.size() {
                self.wrong(format!("entry {} is missing", range.size()));
            }
            let commitment = self.view.commitment(self.channel, index)?.unwrap();
            range.append(leaf_hash(&commitment));
            roots.push(range.root());
            let Some(opened) = self.view.open_entry(self.channel, index)? else { continue };
            if commit(&opened.salt, &opened.bytes) != commitment {
                self.wrong(format!("entry {index} does not open to its commitment"));
            }
            let Ok(Entry { header, body }) = Entry::parse(&opened.bytes) else {
                self.wrong(format!("entry {index} has no frame"));
                continue;
            };
            if (header.origin, header.index, header.kind.as_str()) != (self.channel.origin, index, &row.kind)
            {
                self.wrong(format!("entry {index} says that it stands elsewhere"));
            }
            if facts::of_entry(&row.kind, self.channel.use_, &body) != row.facts {
                self.wrong(format!("the facts of entry {index} are not those of its body"));
            }
            if index == 0 && body != statement.as_bytes() {
                self.wrong("entry 0 is not the statement");
            }
            let change = statements.iter().find(|s| s.from == index + 1);
            if change.is_some_and(|s| s.text.as_bytes() != body || row.kind != "key.changed") {
                self.wrong(format!("entry {index} does not carry the new keys"));
            }
            let of_one_log = header.seen.map(|s| s.origin) == seen_in;
            if written.is_some_and(|w| header.written < w)
                || (of_one_log && header.seen.map_or(0, |s| s.size) < seen)
            {
                self.wrong(format!("a time or a seen head falls at entry {index}"));
            }
            (written, seen) = (Some(header.written), header.seen.map_or(seen, |s| s.size));
            seen_in = header.seen.map(|s| s.origin);
            if let Some(head) = header.seen
                && !self.has_been(&head.origin.hex(), head.size, &head.root)?
            {
                self.wrong(format!("entry {index} has seen a head that never was"));
            }
        }
        Ok(roots)
    }

    fn has_been(&self, origin: &str, size: u64, root: &Hash) -> Result<bool, Refusal> {
        let mut channels = self.view.channels()?.into_iter();
        let Some(opposite) = channels.find(|c| c.origin.hex() == origin && c.partner == self.channel.partner)
        else {
            return Ok(false);
        };
        Ok(size <= opposite.size() && self.view.root_at(&opposite, size)? == *root)
    }

    fn receipt(&mut self, statement: &ChannelStatement, note: &str, line: &str) {
        let said = statement.proposal();
        let signed = SignedCheckpoint::parse(note.as_bytes()).unwrap();
        if signed.check_lines(&[&said.log, &said.cosigner]).is_err() || signed.verify_log(&said.log).is_err()
        {
            self.wrong("a head is not signed by the key of its log");
        }
        match signed.cosignature_of(&said.cosigner) {
            Ok(cosignature) if cosignature.line().to_string() == line => {}
            _ => self.wrong("a receipt does not verify"),
        }
    }

    /// The statement in force at a size.
    fn statement_at(&mut self, size: u64) -> Result<ChannelStatement, Refusal> {
        let row = self.view.statement_at(self.channel, size)?.unwrap();
        let parse = |text: &str| ChannelStatement::parse(text.as_bytes()).unwrap();
        Ok(self.parsed.entry(row.text.clone()).or_insert_with(|| parse(&row.text)).clone())
    }

    /// Exports the receipt of an entry and verifies it as a third person would.
    fn exported(&mut self, index: u64) -> Result<(), Refusal> {
        let Some(opened) = self.view.open_entry(self.channel, index)? else { return Ok(()) };
        let head = self.view.receipt_of(self.channel, index)?.unwrap();
        let statement = self.statement_at(head.size)?;
        let path = inclusion_proof(index, head.size, |level, at| self.view.subtree(self.channel, level, at));
        let checkpoint = SignedCheckpoint::parse(head.note.unwrap().as_bytes()).unwrap();
        let proof = TlogProof { salt: opened.salt, index, path: path.unwrap(), checkpoint };
        let parts = ReceiptParts { statement: statement.clone(), entry: opened.bytes, proof, seen: None };
        let said = statement.proposal();
        let trusted = Trusted { giver: said.giver.fingerprint(), receiver: said.receiver.fingerprint() };
        let ours = self.house.house().keys.identity.verifier().fingerprint();
        if !self.channel.is_succeeded() && ![trusted.giver, trusted.receiver].contains(&ours) {
            self.wrong("the channel is not of this house");
        }
        let verified = export(&parts).and_then(|files| verify_export(&files, Some(trusted)));
        if !verified.is_ok_and(|v| v.standing == Standing::Verified) {
            self.wrong(format!("the receipt of entry {index} cannot be exported"));
        }
        Ok(())
    }
}

/// What waits in the outbox, and what was appended and has no receipt.
pub(crate) fn undelivered(house: &TestHouse) -> Vec<String> {
    let mut found = Vec::new();
    let looked = house.store().view(|view| {
        for partner in view.partners()? {
            let waiting = view.waiting_count(&partner.name)?;
            if waiting > 0 {
                found.push(format!("{waiting} bodies wait for {}", partner.name));
            }
        }
        let ours = |c: &ChannelRow| c.side == ChannelSide::Ours && !c.is_succeeded();
        for channel in view.channels()?.into_iter().filter(ours) {
            if channel.cosigned != channel.size() {
                let open = channel.size() - channel.cosigned;
                found.push(format!(
                    "{open} entries to {} ({}) have no receipt",
                    channel.partner, channel.use_
                ));
            }
        }
        Ok::<_, Refusal>(())
    });
    looked.unwrap();
    found
}

/// Planted words in an entry of a house, or in a request to one, that may not hold them.
pub(crate) fn in_wrong_hands(
    houses: &[TestHouse],
    crossings: &[Crossing],
    planted: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (word, holders) in planted {
        let spellings = spellings(word);
        let told = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            spellings.iter().any(|s| text.contains(&s.to_lowercase()))
        };
        for crossing in crossings.iter().filter(|c| !holders.contains(c.to.as_str())) {
            if told(&crossing.request) || told(crossing.path.as_bytes()) {
                found.push(format!("{word} went from {} to {}", crossing.from, crossing.to));
            }
        }
        for crossing in crossings.iter().filter(|c| !holders.contains(c.from.as_str())) {
            if told(&crossing.answer) {
                found.push(format!("{word} was answered by {} to {}", crossing.to, crossing.from));
            }
        }
        for house in houses.iter().filter(|h| !holders.contains(h.name().as_str())) {
            for (place, bytes) in entries(house) {
                if told(&bytes) {
                    found.push(format!("{} holds {word} in {place}", house.name()));
                }
            }
        }
    }
    found
}

/// The word as it is, in hex, and in base64 from each of the three places where it can begin: those letters of it that
/// depend on the word alone.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned(), hex::encode(word)];
    for before in 0..3 {
        let text = Base64Unpadded::encode_string(format!("{}{word}", " ".repeat(before)).as_bytes());
        let (first, last) = ((8 * before).div_ceil(6), 8 * (before + word.len()) / 6);
        all.extend(text.get(first..last).filter(|own| own.len() >= 6).map(str::to_owned));
    }
    all
}

fn entries(house: &TestHouse) -> Vec<(String, Vec<u8>)> {
    let read = house.store().view(|view| {
        let mut all = Vec::new();
        for channel in view.channels()? {
            for index in 0..channel.size() {
                if let Some(opened) = view.open_entry(&channel, index)? {
                    all.push((format!("entry {index} with {}", channel.partner), opened.bytes));
                }
            }
        }
        Ok::<_, Refusal>(all)
    });
    read.unwrap()
}
