//! A courier without a socket: it does what `courier::carry` does, against the acts that `peer` calls, in any weather.

use exchange::channel::{self, OurChannel};
use exchange::deliver::{self, Answer, Next, Outgoing};
use exchange::partner;
use exchange::receive::{self, Receipt};
use exchange::refusal::{Refusal, Whose};
use model::id::PartyName;
use store::ChannelSide;
use tlog::channel::{Origin, Use};

use crate::house::TestHouse;
use crate::houses::TestHouses;
use crate::observe::Crossing;

/// How often in one round a partner may name another size than was expected.
const OTHER_SIZES_PER_ROUND_MAX: usize = 4;
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

/// What a courier asks of a partner's node.
#[derive(Clone)]
enum Ask {
    Statement(Vec<u8>),
    Head(Origin),
    Parcel(Origin, Vec<u8>),
}

impl Ask {
    fn path(&self) -> String {
        match self {
            Self::Statement(_) => "POST /peer/v1/channel".to_owned(),
            Self::Head(origin) => format!("GET /peer/v1/log/{}/checkpoint", origin.hex()),
            Self::Parcel(origin, _) => format!("POST /peer/v1/log/{}/add-entries", origin.hex()),
        }
    }

    fn body(&self) -> &[u8] {
        match self {
            Self::Statement(body) | Self::Parcel(_, body) => body,
            Self::Head(_) => &[],
        }
    }
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
            path: ask.path(),
            request: ask.body().to_vec(),
            status,
            answer: answer.clone(),
        });
        (status, answer)
    }
}

/// What the peer door of a node answers: status and body.
fn served(to: &TestHouse, pin: &[u8; 32], ask: &Ask) -> (u16, Vec<u8>) {
    let not_here = (404, b"not here\n".to_vec());
    let house = to.house();
    let Some(caller) = partner::caller_by_pin(&house, pin).unwrap() else { return not_here };
    match ask {
        Ask::Statement(text) => match channel::accept(&house, &caller, text, to.now()) {
            Ok(statement) => (200, statement.into_bytes()),
            Err(refusal) if refusal.whose == Whose::Theirs => {
                (403, format!("{}\n", refusal.fact).into_bytes())
            }
            Err(refusal) => panic!("{} could not serve a statement: {refusal}", to.name()),
        },
        Ask::Head(origin) => match receive::newest_head(&house, &caller, *origin).unwrap() {
            Some(note) => (200, note.into_bytes()),
            None => not_here,
        },
        Ask::Parcel(origin, bytes) => {
            let mut rng = to.draws().next_of("gate");
            match receive::parcel(&house, &caller, *origin, bytes, to.now(), &mut rng).unwrap() {
                Receipt::Held(line) => (200, format!("{line}\n").into_bytes()),
                Receipt::Unknown => not_here,
                Receipt::Frozen => (423, b"frozen\n".to_vec()),
                Receipt::Unreadable(why) => (400, format!("{why}\n").into_bytes()),
                Receipt::NotSigned(why) => (403, format!("{why}\n").into_bytes()),
                Receipt::HoldsSize(size) => (409, format!("{size}\n").into_bytes()),
                Receipt::BadEntry { index, why } => (422, format!("entry {index} {why}\n").into_bytes()),
                Receipt::BadRoot => (422, b"root\n".to_vec()),
                Receipt::Recovering => (503, b"busy\n".to_vec()),
            }
        }
    }
}

/// What ends a round of a courier.
enum Trouble {
    /// Tried again later.
    Words(String),
    /// The partner refused the parcel or froze the channel: next time it is asked before anything is sent.
    AskFirst(String),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Words(refusal.to_string())
    }
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
        let (asks_next, ended) = match self.carry(asks_first) {
            Ok(()) => (false, Ok(())),
            Err(Trouble::Words(words)) => (false, Err(Lost(words))),
            Err(Trouble::AskFirst(words)) => (true, Err(Lost(words))),
        };
        let mut ask_first = self.houses.ask_first.borrow_mut();
        if asks_next {
            ask_first.insert(lane)
        } else {
            ask_first.remove(&lane)
        };
        ended
    }

    fn carry(&mut self, asks_first: bool) -> Result<(), Trouble> {
        let house = self.from.house();
        if !deliver::anything_waiting(&house, self.to.name(), self.use_)? {
            return Ok(());
        }
        let Some(origin) = self.open_channel()? else { return Ok(()) };
        let asked = if asks_first { self.question() } else { Ok(()) };
        let done = asked.and_then(|()| self.deliver(origin));
        if done.is_err() {
            house.unconfirm(&origin);
        }
        done
    }

    fn open_channel(&mut self) -> Result<Option<Origin>, Trouble> {
        let (house, to, use_) = (self.from.house(), self.to.name().clone(), self.use_);
        // A nonce is drawn once for each channel, so the partner can count it.
        let mut rng = self.from.draws().numbered(&format!("nonce to {to} {use_}"), 0);
        match channel::ours(&house, &to, use_, &mut rng)? {
            OurChannel::Open(row) => Ok(Some(row.origin)),
            OurChannel::Propose(statement) => {
                let (status, answer) = self.ask(Ask::Statement(statement.into_bytes()))?;
                if status != 200 {
                    return Err(refused(status, &answer));
                }
                channel::opened(&house, &to, use_, &answer, self.from.now(), &mut rng)?;
                match channel::ours(&house, &to, use_, &mut rng)? {
                    OurChannel::Open(row) => Ok(Some(row.origin)),
                    OurChannel::Propose(_) => Ok(None),
                }
            }
        }
    }

    fn question(&mut self) -> Result<(), Trouble> {
        match deliver::question(&self.from.house(), self.to.name(), self.use_)? {
            Some(question) => self.send(question).map(drop),
            None => Ok(()),
        }
    }

    fn deliver(&mut self, origin: Origin) -> Result<(), Trouble> {
        let (house, to, use_) = (self.from.house(), self.to.name().clone(), self.use_);
        house.unconfirm(&origin);
        let (status, answer) = self.ask(Ask::Head(origin))?;
        let note = match status {
            200 => Some(answer),
            404 => None,
            _ => return Err(refused(status, &answer)),
        };
        let mut from = match deliver::head_answer(&house, &to, use_, note.as_deref(), self.from.now())? {
            Next::SendFrom(size) => Some(size),
            Next::Settled => None,
            Next::Wait(words) => return Err(Trouble::Words(words)),
        };
        let mut other_sizes = 0;
        loop {
            let mut rng = self.salts();
            let sent = deliver::next_parcel(&house, &to, use_, from, self.from.now(), &mut rng)?;
            let Some(parcel) = sent else { return Ok(()) };
            match self.send(parcel)? {
                Next::Settled => from = None,
                Next::SendFrom(size) if other_sizes < OTHER_SIZES_PER_ROUND_MAX => {
                    other_sizes += 1;
                    from = Some(size);
                }
                Next::SendFrom(size) => {
                    return Err(Trouble::Words(format!("asked for the log from {size} again and again")));
                }
                Next::Wait(words) => return Err(Trouble::Words(words)),
            }
        }
    }

    /// The generator of the salts: by the size of the log, which the partner can count, and which grows with each salt
    /// that is used.
    fn salts(&self) -> rand::rngs::StdRng {
        let (to, use_) = (self.to.name(), self.use_);
        let size = self.from.store().view(|view| {
            Ok::<_, Refusal>(view.channel_with(to, ChannelSide::Ours, use_)?.map_or(0, |c| c.size()))
        });
        self.from.draws().numbered(&format!("salts to {to} {use_}"), size.unwrap())
    }

    fn send(&mut self, mut parcel: Outgoing) -> Result<Next, Trouble> {
        let bytes = std::mem::take(&mut parcel.bytes);
        let (status, answer) = self.ask(Ask::Parcel(parcel.origin, bytes))?;
        let text = String::from_utf8_lossy(&answer).trim().to_owned();
        let said = match status {
            200 => Answer::Receipt(answer),
            409 => text.parse().map_or(Answer::Refused(409, text), Answer::HoldsSize),
            423 => Answer::Frozen,
            status => Answer::Refused(status, text),
        };
        match (deliver::settle(&self.from.house(), &parcel, said, self.from.now())?, status) {
            (Next::Wait(words), 423 | 400 | 403 | 413 | 422) => Err(Trouble::AskFirst(words)),
            (next, _) => Ok(next),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(u16, Vec<u8>), Trouble> {
        let cut = || Trouble::Words("the line was cut".to_owned());
        match (self.weather)(&ask.path()) {
            Weather::Fair => Ok(self.houses.arrive(self.from, self.to, &ask)),
            Weather::RequestLost => Err(cut()),
            Weather::AnswerLost => {
                self.houses.arrive(self.from, self.to, &ask);
                Err(cut())
            }
            Weather::Doubled => {
                self.houses.arrive(self.from, self.to, &ask);
                Ok(self.houses.arrive(self.from, self.to, &ask))
            }
            Weather::Late => {
                let (from, to) = (self.from.name().clone(), self.to.name().clone());
                self.houses.held.borrow_mut().push(Held { from, to, ask });
                Err(cut())
            }
        }
    }
}

fn refused(status: u16, answer: &[u8]) -> Trouble {
    Trouble::Words(format!("the partner answered {status}: {}", String::from_utf8_lossy(answer).trim()))
}
