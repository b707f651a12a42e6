//! One round of carrying to a partner in the channel of one use, without a socket: what is to be asked next, given the
//! answer to what was asked before. Whoever drives it only carries requests and answers.
//!
//! The order of a round: the channel; the newest head of our log; what of our log has been lost here, then what of the
//! partner's log has been lost here, since its entries name ours; then parcels until nothing waits (docs/log-format.md §6,
//! §9).

use jiff::Timestamp;
use model::id::PartyName;
use model::plain::plain_line;
use rand_core::CryptoRng;
use store::ChannelSide;
use tlog::channel::{Origin, Use};
use tlog::parcel::PARCEL_MEDIA;

use crate::channel::{self, OurChannel};
use crate::deliver::{self, Answer, Next, Outgoing};
use crate::house::House;
use crate::receive::{self, Receipt};
use crate::recover;
use crate::refusal::{Refusal, Whose};
use crate::rotation;

/// How often in one round a partner may name another size than we sent from.
const OTHER_SIZES_MAX: u32 = 4;
/// The most characters of a partner's answer that are shown to people.
const SHOWN_CHARS_MAX: usize = 200;
/// What a node's 404 says about the protocol it speaks.
const SPEAKS: &str = "speaks forewarn peer protocol ";
/// The protocol that we speak.
const PROTOCOL: &str = "v1";

/// What is to be asked of a partner's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// To countersign a channel statement.
    Statement(String),
    /// Its newest checkpoint of a log.
    Head(Origin),
    /// Its copy of a log from an index on.
    Copy {
        /// The log.
        origin: Origin,
        /// The first index wanted.
        from: u64,
    },
    /// To take a parcel.
    Parcel {
        /// The log.
        origin: Origin,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Ask {
    /// The path of the request, with its query.
    pub fn path(&self) -> String {
        match self {
            Self::Statement(_) => "/peer/v1/channel".to_owned(),
            Self::Head(origin) => format!("/peer/v1/log/{}/checkpoint", origin.hex()),
            Self::Copy { origin, from } => format!("/peer/v1/log/{}/parcel?from={from}", origin.hex()),
            Self::Parcel { origin, .. } => format!("/peer/v1/log/{}/add-entries", origin.hex()),
        }
    }

    /// The media type and the bytes of a request that brings something (`POST`); `None` for one that only asks (`GET`).
    pub fn brings(&self) -> Option<(&'static str, &[u8])> {
        match self {
            Self::Statement(text) => Some(("text/plain", text.as_bytes())),
            Self::Parcel { bytes, .. } => Some((PARCEL_MEDIA, bytes)),
            Self::Head(_) | Self::Copy { .. } => None,
        }
    }
}

/// A partner's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub retry_after_s: Option<u64>,
}

impl Reply {
    fn text(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body).trim().chars().take(SHOWN_CHARS_MAX).collect();
        plain_line(&text)
    }
}

/// What stands in the way of a delivery.
#[derive(Debug)]
pub enum Trouble {
    /// Something to be told to people, in words; tried again later.
    Words(String),
    /// The partner is busy and says after how many seconds to come again.
    Busy(String, u64),
    /// The partner has frozen the channel: nothing but a question goes until it says otherwise.
    Frozen(String),
    /// The partner refused the parcel for what it is.
    Refused(String),
    /// The store or the program; to be logged.
    Program(Refusal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal.whose {
            // What a partner answers is no fault of this program, whatever it is.
            Whose::Theirs => {
                let hint = refusal.hint.as_deref().unwrap_or("Call its duty desk");
                Self::Words(format!("{refusal}. {hint}"))
            }
            _ => Self::Program(refusal),
        }
    }
}

impl Trouble {
    /// What people are told.
    pub fn words(&self) -> String {
        match self {
            Self::Words(words) | Self::Busy(words, _) | Self::Frozen(words) | Self::Refused(words) => {
                words.clone()
            }
            Self::Program(refusal) => refusal.to_string(),
        }
    }

    /// Whether a parcel is not to be sent in full before the partner has answered a question.
    pub fn asks_first(&self) -> bool {
        matches!(self, Self::Frozen(_) | Self::Refused(_))
    }
}

/// Where a round stands: what was asked last.
enum At {
    Begin,
    TheirLog(Origin, u64),
    Opening,
    /// The statement of an earlier log, since the partner did not take the newest: with what it answered to that.
    OpeningEarlier(Origin, Trouble),
    Question(Outgoing),
    OurHead(Origin),
    OurCopy(Origin),
    Sending(Outgoing),
    Over,
}

/// A round.
pub struct Round {
    to: PartyName,
    use_: Use,
    asks_first: bool,
    at: At,
    origin: Option<Origin>,
    other_sizes: u32,
    receipted: bool,
    introduced: bool,
    their_log_asked: bool,
    after_their_log: Option<Next>,
    left: Option<String>,
}

impl Round {
    /// A round to this partner. `asks_first`: the last round was refused, so a question goes before any parcel.
    pub fn new(to: PartyName, use_: Use, asks_first: bool) -> Self {
        Self {
            to,
            use_,
            asks_first,
            at: At::Begin,
            origin: None,
            other_sizes: 0,
            receipted: false,
            introduced: false,
            their_log_asked: false,
            after_their_log: None,
            left: None,
        }
    }

    /// Whether something that was sent has been receipted in this round.
    pub fn receipted(&self) -> bool {
        self.receipted
    }

    /// The line was cut, or the round is given up: nothing more is appended or signed before the partner answers again.
    pub fn broken_off(&self, house: &House) {
        if let Some(origin) = &self.origin {
            house.unconfirm(origin);
        }
    }

    /// Takes the answer to what was asked last (`None` at the beginning) and gives what is to be asked next; `None` when
    /// the round is over. Whatever goes wrong leaves the log unconfirmed.
    ///
    /// # Errors
    /// What people are to be told; the round is over then.
    pub fn next(
        &mut self,
        house: &House,
        reply: Option<Reply>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        let next = self.step(house, reply, now, rng);
        match next {
            Ok(Some(ask)) => Ok(Some(ask)),
            Ok(None) => match self.left.take() {
                Some(words) => Err(Trouble::Words(words)),
                None => Ok(None),
            },
            Err(trouble) => {
                self.broken_off(house);
                Err(trouble)
            }
        }
    }

    fn step(
        &mut self,
        house: &House,
        reply: Option<Reply>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        match (std::mem::replace(&mut self.at, At::Over), reply) {
            (At::Begin, None) => match self.open(house, now, rng)? {
                Some(ask) => Ok(Some(ask)),
                None => self.ask_their_log(house),
            },
            (At::TheirLog(origin, size), Some(reply)) => {
                self.their_log(house, (origin, size), &reply, now, rng)
            }
            (At::Opening, Some(reply)) => self.opened(house, &reply, now, rng),
            (At::OpeningEarlier(origin, left), Some(reply)) => {
                self.opened_earlier(house, (origin, left), &reply, now, rng)
            }
            (At::Question(sent), Some(reply)) => {
                let (origin, answered) = (sent.origin, self.settle(house, &sent, reply, now));
                answered.map(|_| self.ask_our_head(house, origin))
            }
            (At::OurHead(origin), Some(reply)) => self.our_head(house, origin, reply, now, rng),
            (At::OurCopy(origin), Some(reply)) => self.our_copy(house, origin, reply, now, rng),
            (At::Sending(sent), Some(reply)) => {
                let next = self.settle(house, &sent, reply, now)?;
                self.go_on(house, next, now, rng)
            }
            // An answer to nothing, or none to something that was asked: the driver's mistake, and nothing is sent.
            _ => Ok(None),
        }
    }

    /// Asks for what we have lost of the partner's log, if anything.
    fn ask_their_log(&mut self, house: &House) -> Result<Option<Ask>, Trouble> {
        self.their_log_asked = true;
        let behind = recover::their_log_behind(house, &self.to, self.use_)?;
        Ok(behind.map(|(origin, from)| {
            self.at = At::TheirLog(origin, from);
            Ask::Copy { origin, from }
        }))
    }

    /// A piece of the partner's own log, of which we have lost a part. What is amiss with it does not keep ours waiting.
    fn their_log(
        &mut self,
        house: &House,
        (origin, size): (Origin, u64),
        reply: &Reply,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        match reply.status {
            200 => {
                let from = recover::giver_of(house, &self.to)?;
                let receipt = receive::parcel(house, &from, origin, &reply.body, now, rng)?;
                match recover::their_log_behind(house, &self.to, self.use_)? {
                    Some((_, grown)) if grown > size => return self.ask_their_log(house),
                    None if matches!(receipt, Receipt::Held(_) | Receipt::Stored(_)) => {}
                    _ => {
                        let (status, why) = receipt.answer();
                        self.left = Some(format!(
                            "the partner's copy of its log could not be taken back ({status}: {}): call its duty desk",
                            why.trim()
                        ));
                    }
                }
            }
            204 | 404 => self.left = recover::their_log_ends(house, &self.to, self.use_, now)?,
            _ => self.left = Some(refused(reply).words()),
        }
        match self.after_their_log.take() {
            Some(next) => self.go_on(house, next, now, rng),
            None => Ok(None),
        }
    }

    fn open(
        &mut self,
        house: &House,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        if !deliver::anything_waiting(house, &self.to, self.use_)? {
            return Ok(None);
        }
        match channel::ours(house, &self.to, self.use_, now, rng)? {
            OurChannel::Open(row) => {
                self.origin = Some(row.origin);
                if self.asks_first
                    && let Some(question) = deliver::question(house, &self.to, self.use_)?
                {
                    return Ok(self.ask_parcel(question, At::Question));
                }
                Ok(self.ask_our_head(house, row.origin))
            }
            OurChannel::Propose(statement) => {
                self.at = At::Opening;
                Ok(Some(Ask::Statement(statement)))
            }
        }
    }

    fn opened(
        &mut self,
        house: &House,
        reply: &Reply,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        let declined =
            reply.status == 403 && rotation::declined(house, &self.to, self.use_, &reply.text(), now)?;
        if reply.status == 409 {
            channel::adopt(house, &self.to, self.use_, &reply.body, now)?;
        } else if reply.status != 200 && !declined {
            return self.introduce_earlier(house, reply);
        }
        // Where the partner refused new keys the old ones stay, and nothing waits for the new ones.
        if reply.status == 200 {
            channel::opened(house, &self.to, self.use_, &reply.body, now, rng)?;
        }
        match channel::ours(house, &self.to, self.use_, now, rng)? {
            OurChannel::Open(row) => {
                self.origin = Some(row.origin);
                Ok(self.ask_our_head(house, row.origin))
            }
            OurChannel::Propose(_) => Ok(None),
        }
    }

    /// The log is taken as unconfirmed until the partner has answered in this very round.
    fn ask_our_head(&mut self, house: &House, origin: Origin) -> Option<Ask> {
        house.unconfirm(&origin);
        self.at = At::OurHead(origin);
        Some(Ask::Head(origin))
    }

    /// Shows the partner the statement of the channel again, if both could still sign it.
    fn introduce(&mut self, house: &House, origin: Origin) -> Result<Option<Ask>, Trouble> {
        let row = house.store.view(|view| Ok::<_, Refusal>(view.channel(&origin)?))?;
        let Some(row) = row else { return Ok(None) };
        let Some(statement) = channel::again(house, &row)? else { return Ok(None) };
        self.at = At::Opening;
        Ok(Some(Ask::Statement(statement)))
    }

    /// A partner that did not take a successor may have lost the log that it goes on from: shows it that one, once in a
    /// round (docs/log-format.md §9).
    fn introduce_earlier(&mut self, house: &House, reply: &Reply) -> Result<Option<Ask>, Trouble> {
        let ours = house
            .store
            .view(|view| Ok::<_, Refusal>(view.channel_with(&self.to, ChannelSide::Ours, self.use_)?))?;
        let follows = ours.and_then(|channel| channel.follows).filter(|_| reply.status == 403);
        if self.introduced {
            return Err(refused(reply));
        }
        self.introduced = true;
        self.ask_earlier(house, follows, refused(reply))
    }

    fn ask_earlier(
        &mut self,
        house: &House,
        origin: Option<Origin>,
        left: Trouble,
    ) -> Result<Option<Ask>, Trouble> {
        let Some(origin) = origin else { return Err(left) };
        let row = house.store.view(|view| Ok::<_, Refusal>(view.channel(&origin)?))?;
        let Some(row) = row.filter(|row| row.cosigned > 0) else { return Err(left) };
        // What the keys of today could not sign is not shown: what the partner said of the newest stands.
        let Some(statement) = channel::again(house, &row)? else { return Err(left) };
        self.at = At::OpeningEarlier(origin, left);
        Ok(Some(Ask::Statement(statement)))
    }

    /// Where the partner knows the earlier log now, the newest is proposed again; where it does not, it may have lost the
    /// one before that as well.
    fn opened_earlier(
        &mut self,
        house: &House,
        (origin, left): (Origin, Trouble),
        reply: &Reply,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        if reply.status != 200 {
            let row = house.store.view(|view| Ok::<_, Refusal>(view.channel(&origin)?))?;
            return self.ask_earlier(house, row.and_then(|row| row.follows), left);
        }
        match channel::ours(house, &self.to, self.use_, now, rng)? {
            OurChannel::Propose(statement) => {
                self.at = At::Opening;
                Ok(Some(Ask::Statement(statement)))
            }
            OurChannel::Open(row) => self.introduce(house, row.origin),
        }
    }

    fn our_head(
        &mut self,
        house: &House,
        origin: Origin,
        reply: Reply,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        let note = match reply.status {
            200 => Some(reply.body),
            // It holds nothing of this log; or it has lost it whole, and does not know the channel any more.
            404 if !self.introduced && deliver::receipted(house, &origin)? > 0 => {
                self.introduced = true;
                match self.introduce(house, origin)? {
                    Some(ask) => return Ok(Some(ask)),
                    None => None,
                }
            }
            404 => None,
            _ => return Err(refused(&reply)),
        };
        match deliver::head_answer(house, &self.to, self.use_, note.as_deref(), now)? {
            Next::TakeBack(from) => {
                self.at = At::OurCopy(origin);
                Ok(Some(Ask::Copy { origin, from }))
            }
            next => self.go_on(house, next, now, rng),
        }
    }

    /// A piece of our own log, which the partner holds and we have lost.
    fn our_copy(
        &mut self,
        house: &House,
        origin: Origin,
        reply: Reply,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        if reply.status != 200 {
            return Err(refused(&reply));
        }
        match recover::take_back(house, &origin, &reply.body, now, rng)? {
            // Asked for again: what the partner holds may have grown, and recovery ends with a head.
            Ok(()) => Ok(self.ask_our_head(house, origin)),
            Err(words) => Err(Trouble::Words(words)),
        }
    }

    fn ask_parcel(&mut self, mut parcel: Outgoing, at: impl FnOnce(Outgoing) -> At) -> Option<Ask> {
        let (origin, bytes) = (parcel.origin, std::mem::take(&mut parcel.bytes));
        self.at = at(parcel);
        Some(Ask::Parcel { origin, bytes })
    }

    fn go_on(
        &mut self,
        house: &House,
        next: Next,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Ask>, Trouble> {
        if !self.their_log_asked
            && let Some(ask) = self.ask_their_log(house)?
        {
            self.after_their_log = Some(next);
            return Ok(Some(ask));
        }
        let from = match next {
            Next::Settled => None,
            Next::GoOn(size) => Some(size),
            Next::SendFrom(size) => {
                self.other_sizes += 1;
                if self.other_sizes > OTHER_SIZES_MAX {
                    let words = format!(
                        "the partner asks for the log from {size} again and again, and receipts nothing. It is asked again \
                         later; if that stays, call its duty desk and warn it by other ways"
                    );
                    return Err(Trouble::Words(words));
                }
                Some(size)
            }
            Next::TakeBack(_) => return Ok(None),
            Next::Wait(words) => return Err(Trouble::Words(words)),
        };
        let sent = deliver::next_parcel(house, &self.to, self.use_, from, now, rng)?;
        Ok(sent.and_then(|parcel| self.ask_parcel(parcel, At::Sending)))
    }

    fn settle(
        &mut self,
        house: &House,
        sent: &Outgoing,
        reply: Reply,
        now: Timestamp,
    ) -> Result<Next, Trouble> {
        let text = reply.text();
        let said = match reply.status {
            200 => Answer::Receipt(reply.body),
            202 => text.parse().map_or_else(|_| Answer::Refused(202, text), Answer::Stored),
            409 => text.parse().map_or_else(|_| Answer::Refused(409, text), Answer::HoldsSize),
            423 => Answer::Frozen,
            status => Answer::Refused(status, text),
        };
        let next = deliver::settle(house, sent, said, now)?;
        self.receipted |= next == Next::Settled;
        match (next, reply.status, reply.retry_after_s) {
            (Next::Wait(words), 423, _) => Err(Trouble::Frozen(words)),
            (Next::Wait(words), 400 | 403 | 413 | 422, _) => Err(Trouble::Refused(words)),
            (Next::Wait(words), _, Some(seconds)) => Err(Trouble::Busy(words, seconds)),
            (next, _, _) => Ok(next),
        }
    }
}

/// A refusal of anything but a parcel, in words.
fn refused(reply: &Reply) -> Trouble {
    let text = reply.text();
    let speaks = text.split_once(SPEAKS).map(|(_, rest)| rest.trim());
    let words = match (reply.status, speaks) {
        (404, Some(other)) if other != PROTOCOL => {
            format!(
                "the partner speaks peer protocol {other}, and this node {PROTOCOL}: one of the two must be updated"
            )
        }
        (404, Some(_)) => {
            "the partner does not know us: its officer has not confirmed our card yet".to_owned()
        }
        (404, None) => {
            "what listens at the partner's address is not a node that speaks our protocol".to_owned()
        }
        (status, _) => format!("the partner answered {status}: “{text}”"),
    };
    match reply.retry_after_s {
        Some(seconds) => Trouble::Busy(words, seconds),
        None => Trouble::Words(words),
    }
}
