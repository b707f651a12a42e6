//! A partner without a node: it has keys and a card, and signs and sends whatever a test wants.

use std::collections::BTreeMap;

use exchange::channel::{self, OurChannel};
use exchange::deliver::{self, Answer};
use exchange::keys::NodeKeys;
use exchange::partner;
use exchange::receive::{self, Receipt};
use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use tlog::card::{Address, Card, Contact, EncryptionKey};
use tlog::channel::{ChannelProposal, ChannelStatement, Origin, SignedProposal, Use, origin_of};
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::commitment::{Salt, commit};
use tlog::cosignature::cosign;
use tlog::entry::{Answers, Entry, EntryHeader, EntryKind, Seen, Thread};
use tlog::hash::leaf_hash;
use tlog::key::VerifierKey;
use tlog::parcel::{Item, Parcel};
use tlog::tree::{CompactRange, Subtree, consistency_proof};

use crate::draws::Draws;
use crate::house::{TestHouse, encryption_of, keys_of, party, pin_of};

/// A partner driven by hand, with its log to one house.
pub struct ByHand {
    name: PartyName,
    keys: NodeKeys,
    use_: Use,
    draws: Draws,
    statement: ChannelStatement,
    /// Its entries as they stand, each with its salt. A test may change them.
    pub entries: Vec<(Salt, Vec<u8>)>,
    theirs: Option<(ChannelStatement, CompactRange)>,
    written: Timestamp,
}

/// An entry to be made: what a test says of it, the rest is as it should be.
#[derive(Debug, Clone)]
pub struct EntryOf {
    /// The kind.
    pub kind: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// The media type.
    pub media: &'static str,
    /// The thread.
    pub thread: [u8; 16],
    /// What it answers.
    pub answers: Option<Answers>,
}

impl EntryOf {
    /// An entry of this kind with this body.
    pub fn kind(kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { kind, body: body.into(), media: "application/json", thread: [7; 16], answers: None }
    }

    /// The same, answering an entry.
    #[must_use]
    pub fn answering(mut self, origin: Origin, index: u64) -> Self {
        self.answers = Some(Answers { origin, index });
        self
    }
}

impl ByHand {
    /// A confirmed partner of this house, whose channel was countersigned and holds nothing yet.
    pub fn with(house: &TestHouse, name: &str, use_: Use) -> Self {
        let (name, keys) = (party(name), keys_of(&party(name)));
        if house.store().view(|view| view.partner(&name)).unwrap().is_none() {
            partner::add(&house.house(), &house.caller("operator1"), &card(&name, &keys), house.now())
                .unwrap();
            let words = partner::fingerprint_words(keys.identity.verifier()).unwrap();
            partner::confirm(&house.house(), &house.caller("liaison1"), &name, &words, house.now()).unwrap();
        }
        let proposal = proposal(&keys, house, use_);
        let signed = proposal.sign_as_giver(&keys.identity).unwrap();
        let caller = Partner { name: name.clone() };
        let answer =
            channel::accept(&house.house(), &caller, signed.to_string().as_bytes(), house.now()).unwrap();
        Self::holding(name, keys, ChannelStatement::parse(answer.as_bytes()).unwrap(), house.now())
    }

    /// A partner that has this statement of its log, countersigned, and writes at this time.
    pub(crate) fn holding(
        name: PartyName,
        keys: NodeKeys,
        statement: ChannelStatement,
        now: Timestamp,
    ) -> Self {
        Self {
            use_: statement.proposal().use_,
            statement,
            draws: Draws::of(1, name.as_str()),
            entries: Vec::new(),
            theirs: None,
            written: now,
            name,
            keys,
        }
    }

    /// As the house's gate knows it.
    pub fn as_partner(&self) -> Partner {
        Partner { name: self.name.clone() }
    }

    /// The statement of its log.
    pub fn statement(&self) -> &ChannelStatement {
        &self.statement
    }

    /// The origin of its log.
    pub fn origin(&self) -> Origin {
        self.statement.origin()
    }

    /// Its log with entry 0 in it, as every log begins.
    #[must_use]
    pub fn opened(mut self) -> Self {
        let body = self.statement.as_bytes().to_vec();
        let opening =
            EntryOf { media: "text/plain", thread: [0; 16], ..EntryOf::kind("channel.opened", body) };
        self.push(opening);
        self
    }

    /// The header that the next entry should have.
    pub fn header(&self, of: &EntryOf) -> EntryHeader {
        EntryHeader {
            origin: self.origin(),
            index: u64::try_from(self.entries.len()).unwrap(),
            written: Timestamp::from_second(self.written.as_second()).unwrap(),
            seen: self.seen(),
            kind: EntryKind::parse(of.kind).unwrap(),
            thread: Thread::from_bytes(of.thread),
            answers: of.answers,
            media: of.media.to_owned(),
            length: u64::try_from(of.body.len()).unwrap(),
        }
    }

    /// The head of the house's log that it cosigned last.
    pub fn seen(&self) -> Option<Seen> {
        let (statement, range) = self.theirs.as_ref()?;
        Some(Seen { origin: statement.origin(), size: range.size(), root: range.root() })
    }

    /// Appends an entry as it should be.
    pub fn push(&mut self, of: EntryOf) {
        let header = self.header(&of);
        self.push_entry(&Entry { header, body: of.body });
    }

    /// Appends an entry with any header.
    pub fn push_entry(&mut self, entry: &Entry) {
        self.push_bytes(entry.encode().unwrap());
    }

    /// Appends any bytes as an entry.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        let salt = Salt::draw(&mut self.draws.next_of("salt"));
        self.entries.push((salt, bytes));
    }

    /// The tree of its first entries.
    pub fn range(&self, size: u64) -> CompactRange {
        let mut range = CompactRange::new();
        for (salt, entry) in self.entries.iter().take(usize::try_from(size).unwrap()) {
            range.append(leaf_hash(&commit(salt, entry)));
        }
        range
    }

    /// The proof that its first `new` entries begin with its first `old`, as an honest node gives it (docs/log-format.md §6).
    pub fn proves(&self, old: u64, new: u64) -> String {
        let (mut range, mut subtrees) = (CompactRange::new(), BTreeMap::new());
        for (salt, entry) in self.entries.iter().take(usize::try_from(new).unwrap()) {
            for Subtree { level, index, hash } in range.append(leaf_hash(&commit(salt, entry))) {
                subtrees.insert((level, index), hash);
            }
        }
        let fetch = |level, index| subtrees.get(&(level, index)).copied().ok_or("no such subtree");
        let nodes = consistency_proof(old, new, fetch).unwrap();
        nodes.iter().map(|node| format!("{node}\n")).collect()
    }

    /// The checkpoint of its first entries, signed by the key of its log.
    pub fn head(&self, size: u64) -> SignedCheckpoint {
        self.signed(&Checkpoint { origin: self.origin(), size, root: self.range(size).root() })
    }

    /// Any checkpoint, signed by the key of its log.
    pub fn signed(&self, checkpoint: &Checkpoint) -> SignedCheckpoint {
        checkpoint.sign(&self.keys.log_key(&self.origin()).unwrap()).unwrap()
    }

    /// The key of its log.
    pub fn log_key(&self) -> VerifierKey {
        self.statement.proposal().log.clone()
    }

    /// What its channel statement to a house would say, for a test to change and sign.
    pub fn would_propose(house: &TestHouse, name: &str, use_: Use) -> (ChannelProposal, NodeKeys) {
        let keys = keys_of(&party(name));
        (proposal(&keys, house, use_), keys)
    }

    /// A parcel with the entries from `old` on, and the checkpoint of all.
    pub fn parcel(&self, old: u64) -> Vec<u8> {
        let size = u64::try_from(self.entries.len()).unwrap();
        self.parcel_with(old, self.head(size))
    }

    /// A parcel with the entries from `old` on that lead to the size of this checkpoint.
    pub fn parcel_with(&self, old: u64, checkpoint: SignedCheckpoint) -> Vec<u8> {
        let size = checkpoint.checkpoint().size;
        let (from, to) = (usize::try_from(old).unwrap(), usize::try_from(size).unwrap());
        let items = self.entries[from..to].iter();
        let items =
            items.map(|(salt, entry)| Item::Entry { salt: salt.clone(), entry: entry.clone() }).collect();
        Parcel { old, held: None, items, checkpoint }.encode().unwrap()
    }

    /// Sends a parcel of its log to the house.
    pub fn send(&self, house: &TestHouse, parcel: &[u8]) -> Receipt {
        self.send_as(house, &self.as_partner(), self.origin(), parcel)
    }

    /// Sends a parcel as somebody, to any log.
    pub fn send_as(&self, house: &TestHouse, caller: &Partner, origin: Origin, parcel: &[u8]) -> Receipt {
        let mut rng = house.draws().next_of("gate");
        receive::parcel(&house.house(), caller, origin, parcel, house.now(), &mut rng).unwrap()
    }

    /// Sends everything that it has from `old` on, and expects the receipt.
    pub fn delivers(&self, house: &TestHouse, old: u64) -> String {
        match self.send(house, &self.parcel(old)) {
            Receipt::Held(line) => line,
            other => panic!("{other:?}"),
        }
    }

    /// Takes everything that the house has for it, and cosigns it, as an honest partner does.
    pub fn takes(&mut self, house: &TestHouse) -> Vec<Entry> {
        let us = house.house();
        let mut rng = house.draws().next_of("courier by hand");
        let opened = channel::ours(&us, &self.name, self.use_, house.now(), &mut rng).unwrap();
        if let OurChannel::Propose(text) = opened {
            let half = SignedProposal::parse(text.as_bytes()).unwrap();
            let statement = half.countersign(&self.keys.identity).unwrap();
            let answer = statement.as_bytes();
            channel::opened(&us, &self.name, self.use_, answer, house.now(), &mut rng).unwrap();
            deliver::head_answer(&us, &self.name, self.use_, None, house.now()).unwrap();
            self.theirs = Some((statement, CompactRange::new()));
        }
        let mut taken = Vec::new();
        while let Some(sent) =
            deliver::next_parcel(&us, &self.name, self.use_, None, house.now(), &mut rng).unwrap()
        {
            let parcel = Parcel::parse(&sent.bytes).unwrap();
            let (_, range) = self.theirs.as_mut().unwrap();
            for item in &parcel.items {
                range.append(leaf_hash(&item.commitment()));
                if let Item::Entry { entry, .. } = item {
                    taken.push(Entry::parse(entry).unwrap());
                }
            }
            let time = u64::try_from(house.now().as_second()).unwrap();
            let line = cosign(parcel.checkpoint.checkpoint(), time, &self.keys.cosigner).unwrap();
            let answer = Answer::Receipt(line.to_string().into_bytes());
            deliver::settle(&us, &sent, answer, house.now()).unwrap();
        }
        taken
    }
}

fn proposal(keys: &NodeKeys, house: &TestHouse, use_: Use) -> ChannelProposal {
    let us = house.house().keys;
    proposal_between(keys, (us.identity.verifier(), us.cosigner.verifier()), use_)
}

/// What a channel statement to the node with these identity and cosigner keys would say.
pub(crate) fn proposal_between(
    keys: &NodeKeys,
    (receiver, cosigner): (&VerifierKey, &VerifierKey),
    use_: Use,
) -> ChannelProposal {
    let (giver, receiver) = (keys.identity.verifier().clone(), receiver.clone());
    let nonce = [if use_ == Use::Actual { 3 } else { 4 }; 32];
    let origin = origin_of(use_, &giver, &receiver, &nonce);
    ChannelProposal {
        use_,
        giver,
        receiver,
        nonce,
        after: None,
        from: 0,
        log: keys.log_key(&origin).unwrap().verifier().clone(),
        cosigner: cosigner.clone(),
        neutral: 0,
        witnesses: Vec::new(),
    }
}

fn card(name: &PartyName, keys: &NodeKeys) -> String {
    card_of(name, keys, &format!("{name}:7443"), pin_of(name))
}

/// The card of a partner at this address with this TLS key.
pub(crate) fn card_of(name: &PartyName, keys: &NodeKeys, address: &str, tls: [u8; 32]) -> String {
    let card = Card {
        identity: keys.identity.verifier().clone(),
        cosigner: keys.cosigner.verifier().clone(),
        address: Address::parse(address).unwrap(),
        tls,
        encryption: EncryptionKey::parse(&encryption_of(name)).unwrap(),
        contact: Contact::parse("duty desk, +00 000").unwrap(),
        issued: crate::clock::at(0),
    };
    card.sign(&keys.identity).unwrap()
}
