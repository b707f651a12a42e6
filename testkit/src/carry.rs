//! A courier without a socket: it does what `courier::carry` does, against the acts that `peer` calls, in any weather.

use exchange::receive::{self, Receipt};
use exchange::refusal::{Refusal, Whose};
use exchange::round::{Ask, Reply, Round, Trouble};
use exchange::{channel, partner, recover};
use model::id::PartyName;
use store::ChannelSide;
use tlog::channel::Use;

use crate::house::TestHouse;
use crate::houses::TestHouses;
use crate::observe::Crossing;

/// How often `settle_all` goes round before it gives up.
const ROUNDS_MAX: usize = 50;

/// What becomes of one request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// It arrives, and so does its answer.
    Fair,
    /// It never arrives.
    RequestLost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It arrives twice; the second answer comes back.
    Doubled,
    /// It arrives only when [`TestHouses::late_arrives`] is said, after whatever was sent since; nobody waits for its
    /// answer any more.
    Late,
}

/// Fair weather for everything but parcels.
pub fn for_parcels(weather: Weather) -> impl FnMut(&str) -> Weather {
    move |path| if path.ends_with("add-entries") { weather } else { Weather::Fair }
}

/// Why a round of a courier ended early, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost(pub String);

/// A request that is still on its way.
pub(crate) struct Held {
    from: PartyName,
    to: PartyName,
    ask: Ask,
}

impl TestHouses {
    /// Carries all that one house has for another, in fair weather. An error is what a courier would note as trouble.
    pub fn carry(&self, from: &str, to: &str) -> Result<(), Lost> {
        self.carry_in(from, to, &mut |_| Weather::Fair)
    }

    /// Carries in this weather, asked for before each request with its method and path.
    pub fn carry_in(
        &self,
        from: &str,
        to: &str,
        weather: &mut dyn FnMut(&str) -> Weather,
    ) -> Result<(), Lost> {
        let ended = [Use::Actual, Use::Exercise].map(|use_| {
            let mut lane = Lane { houses: self, from: self.at(from), to: self.at(to), use_, weather };
            lane.round()
        });
        // Both lanes have run, whatever became of the other.
        let ended = ended.into_iter().collect::<Result<(), Lost>>();
        self.note(from, to, ended.as_ref().err());
        ended
    }

    /// What was late arrives now, in the order in which it was sent.
    pub fn late_arrives(&self) {
        let held: Vec<Held> = self.held.borrow_mut().drain(..).collect();
        for Held { from, to, ask } in held {
            self.arrive(self.at(from.as_str()), self.at(to.as_str()), &ask);
        }
    }

    /// Carries between all houses until nothing is on its way any more.
    pub fn settle_all(&self) {
        for _ in 0..ROUNDS_MAX {
            let before = self.crossings.borrow().len();
            for from in self.all() {
                for to in self.all().iter().filter(|to| to.name() != from.name()) {
                    let carried = self.carry(from.name().as_str(), to.name().as_str());
                    assert_eq!(carried, Ok(()), "from {} to {}", from.name(), to.name());
                }
            }
            if self.crossings.borrow().len() == before {
                return;
            }
        }
        panic!("the houses never come to rest");
    }

    /// As the courier: what stands in the way is noted when it changes.
    fn note(&self, from: &str, to: &str, lost: Option<&Lost>) {
        let mut troubled = self.troubled.borrow_mut();
        let pair = (from.to_owned(), to.to_owned());
        let words = lost.map(|l| l.0.clone());
        if troubled.get(&pair) == words.as_ref() {
            return;
        }
        let house = self.at(from);
        partner::note_trouble(&house.house(), self.at(to).name(), words.as_deref(), house.now()).unwrap();
        match words {
            Some(words) => troubled.insert(pair, words),
            None => troubled.remove(&pair),
        };
    }

    /// A request arrives and is answered.
    fn arrive(&self, from: &TestHouse, to: &TestHouse, ask: &Ask) -> (u16, Vec<u8>) {
        let (status, answer) = served(to, &from.pin(), ask);
        self.crossings.borrow_mut().push(Crossing {
            from: from.name().clone(),
            to: to.name().clone(),
            at: self.clock().now(),
            path: line(ask),
            request: ask.brings().map_or_else(Vec::new, |(_, body)| body.to_vec()),
            status,
            answer: answer.clone(),
        });
        (status, answer)
    }
}

/// A request's method and path.
fn line(ask: &Ask) -> String {
    let method = if ask.brings().is_some() { "POST" } else { "GET" };
    format!("{method} {}", ask.path())
}

/// What the peer door of a node answers: status and body. Whatever failed at the node is answered as busy.
fn served(to: &TestHouse, pin: &[u8; 32], ask: &Ask) -> (u16, Vec<u8>) {
    try_served(to, pin, ask).unwrap_or_else(|refusal| match refusal.whose {
        Whose::World => (503, b"busy\n".to_vec()),
        _ => panic!("{} could not serve {}: {refusal}", to.name(), ask.path()),
    })
}

fn try_served(to: &TestHouse, pin: &[u8; 32], ask: &Ask) -> Result<(u16, Vec<u8>), Refusal> {
    let not_here = (404, b"not here; this node speaks forewarn peer protocol v1\n".to_vec());
    let house = to.house();
    let Some(caller) = partner::caller_by_pin(&house, pin)? else { return Ok(not_here) };
    Ok(match ask {
        Ask::Statement(text) => match channel::accept(&house, &caller, text.as_bytes(), to.now()) {
            Err(Refusal { code: channel::OTHER_CHANNEL, detail: Some(statement), .. }) => {
                (409, statement.into_bytes())
            }
            Err(refusal) if refusal.whose == Whose::Theirs => {
                (403, format!("{}\n", refusal.fact).into_bytes())
            }
            statement => (200, statement?.into_bytes()),
        },
        Ask::Head(origin) => match receive::newest_head(&house, &caller, *origin)? {
            Some(note) => (200, note.into_bytes()),
            None => not_here,
        },
        Ask::Copy { origin, from } => match recover::copy(&house, &caller, *origin, *from)? {
            Some(bytes) => (200, bytes),
            None => not_here,
        },
        Ask::Parcel { origin, bytes } => {
            let mut rng = to.draws().next_of("gate");
            match receive::parcel(&house, &caller, *origin, bytes, to.now(), &mut rng)? {
                Receipt::Unknown => not_here,
                receipt => {
                    let (status, body) = receipt.answer();
                    (status, body.into_bytes())
                }
            }
        }
    })
}

/// One round of one courier in one of its lanes.
struct Lane<'a> {
    houses: &'a TestHouses,
    from: &'a TestHouse,
    to: &'a TestHouse,
    use_: Use,
    weather: &'a mut dyn FnMut(&str) -> Weather,
}

impl Lane<'_> {
    fn round(&mut self) -> Result<(), Lost> {
        let lane = (self.from.name().to_string(), self.to.name().to_string(), self.use_);
        let asks_first = self.houses.ask_first.borrow().contains(&lane);
        let ended = self.carry(asks_first);
        let mut ask_first = self.houses.ask_first.borrow_mut();
        if ended.as_ref().is_err_and(Trouble::asks_first) {
            ask_first.insert(lane)
        } else {
            ask_first.remove(&lane)
        };
        ended.map_err(|trouble| Lost(trouble.words()))
    }

    fn carry(&mut self, asks_first: bool) -> Result<(), Trouble> {
        let house = self.from.house();
        let mut round = Round::new(self.to.name().clone(), self.use_, asks_first);
        let (mut opening, mut reply) = (true, None);
        loop {
            let mut rng = if opening { self.nonce() } else { self.salts() };
            let Some(ask) = round.next(&house, reply, self.from.now(), &mut rng)? else { return Ok(()) };
            opening = matches!(ask, Ask::Statement(_));
            reply = match self.ask(ask) {
                Some((status, body)) => Some(Reply { status, body, retry_after_s: None }),
                None => {
                    round.broken_off(&house);
                    return Err(Trouble::Words("the line was cut".to_owned()));
                }
            };
        }
    }

    /// The generator of the nonce, drawn once for each channel, so that the partner can count it; also for entry 0.
    fn nonce(&self) -> rand::rngs::StdRng {
        self.from.draws().numbered(&format!("nonce to {} {}", self.to.name(), self.use_), self.place())
    }

    /// How many logs to this partner there have been, and how long the newest is: the partner can count both, and no draw
    /// comes twice.
    fn place(&self) -> u64 {
        let channels = self.from.store().view(|view| view.channels()).unwrap();
        let ours = |c: &&store::ChannelRow| {
            c.partner == *self.to.name() && c.side == ChannelSide::Ours && c.use_ == self.use_
        };
        let logs: Vec<_> = channels.iter().filter(ours).collect();
        let before = u64::try_from(logs.len()).unwrap();
        // A generator does not go back with the data.
        (self.from.life() << 48) + (before << 32) + logs.last().map_or(0, |c| c.size())
    }

    /// The generator of the salts: by the size of the log, which the partner can count, and which grows with each salt
    /// that is used.
    fn salts(&self) -> rand::rngs::StdRng {
        let (to, use_) = (self.to.name(), self.use_);
        // What a failing disk took away may have left its keys behind: no name of a key is drawn twice.
        let again = if self.from.has_failed() { " again" } else { "" };
        let again = format!("{again}{}", self.taking_back());
        self.from.draws().numbered(&format!("salts to {to} {use_}{again}"), self.place())
    }

    /// How far the partner's log is taken back, while it is: its entries are sealed anew, and our own log does not grow.
    fn taking_back(&self) -> String {
        let channels = self.from.store().view(|view| view.channels()).unwrap();
        let theirs = |c: &&store::ChannelRow| {
            c.partner == *self.to.name() && c.side == ChannelSide::Theirs && c.use_ == self.use_
        };
        let logs: Vec<_> = channels.iter().filter(theirs).collect();
        let newest = logs.last().filter(|log| log.recovering);
        newest.map_or_else(String::new, |log| format!(" taking back {} {}", logs.len(), log.size()))
    }

    /// The answer; `None` if the line was cut.
    fn ask(&mut self, ask: Ask) -> Option<(u16, Vec<u8>)> {
        match (self.weather)(&line(&ask)) {
            Weather::Fair => Some(self.houses.arrive(self.from, self.to, &ask)),
            Weather::RequestLost => None,
            Weather::AnswerLost => {
                self.houses.arrive(self.from, self.to, &ask);
                None
            }
            Weather::Doubled => {
                self.houses.arrive(self.from, self.to, &ask);
                Some(self.houses.arrive(self.from, self.to, &ask))
            }
            Weather::Late => {
                let (from, to) = (self.from.name().clone(), self.to.name().clone());
                self.houses.held.borrow_mut().push(Held { from, to, ask });
                None
            }
        }
    }
}
