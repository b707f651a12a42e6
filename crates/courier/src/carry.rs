//! Carrying to one partner: open the channel, ask for the newest head, then parcels until nothing waits.
//!
//! Each use has a lane of its own, so that trouble with the one channel does not keep the other waiting. A lane calls
//! nobody while nothing waits, and lets nothing be appended unless the partner has just answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use exchange::channel::{self, OurChannel};
use exchange::deliver::{self, Answer, Next, Outgoing};
use exchange::house::House;
use exchange::partner;
use exchange::refusal::Refusal;
use gate::dial::{PeerAnswer, PeerClient};
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, client_config};
use jiff::Timestamp;
use model::id::PartyName;
use rand::rngs::StdRng;
use tlog::card::Card;
use tlog::channel::{Origin, Use};
use tlog::parcel::PARCEL_MEDIA;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::watch::Courier;

/// The first pause after a failure, in milliseconds; doubled with each further one.
const PAUSE_MS_FIRST: u64 = 500;
/// The longest pause, in milliseconds, and what a `Retry-After` is cut to.
const PAUSE_MS_MAX: u64 = 60_000;
/// The pause after a parcel was refused for what it is, in milliseconds: sent again in full, it would be refused again.
const PAUSE_MS_REFUSED: u64 = 600_000;
/// How often in one round a partner may name another size than we sent from.
const OTHER_SIZES_PER_ROUND_MAX: u32 = 4;
/// What our partner's 404 says about the protocol it speaks.
const SPEAKS: &str = "speaks forewarn peer protocol ";
/// The protocol that we speak.
const PROTOCOL: &str = "v1";

/// What stands in the way of a delivery.
#[derive(Debug)]
enum Trouble {
    /// Something to be told to people, in words; tried again later.
    Words(String),
    /// The partner is busy and says after how many seconds to come again.
    Busy(String, u64),
    /// The partner has frozen the channel: nothing but a question goes until it says otherwise.
    Frozen(String),
    /// The partner refused the parcel for what it is.
    Refused(String),
    /// The store or the program; logged.
    Program(Refusal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Program(refusal)
    }
}

impl Trouble {
    /// How long to wait after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        let doubled =
            PAUSE_MS_FIRST.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(PAUSE_MS_MAX);
        Duration::from_millis(match self {
            Self::Words(_) | Self::Program(_) => doubled,
            Self::Busy(_, seconds) => seconds.saturating_mul(1000).clamp(doubled.min(1000), PAUSE_MS_MAX),
            Self::Frozen(_) => PAUSE_MS_MAX,
            Self::Refused(_) => PAUSE_MS_REFUSED,
        })
    }

    /// Whether a parcel is not to be sent in full before the partner has answered a question.
    fn asks_first(&self) -> bool {
        matches!(self, Self::Frozen(_) | Self::Refused(_))
    }

    fn words(&self) -> String {
        match self {
            Self::Words(words) | Self::Busy(words, _) | Self::Frozen(words) | Self::Refused(words) => {
                words.clone()
            }
            Self::Program(refusal) => refusal.to_string(),
        }
    }
}

/// What people were told of this partner, over both lanes.
struct Told {
    actual: Option<String>,
    exercise: Option<String>,
    noted: Option<String>,
}

impl Told {
    /// Takes a lane's words; gives what is to be noted, if anything. A receipt has taken away whatever was noted; so what
    /// still holds is noted again, and nothing need be taken away.
    fn next(&mut self, use_: Use, words: Option<String>, receipted: bool) -> Option<Option<String>> {
        match use_ {
            Use::Actual => self.actual = words,
            Use::Exercise => self.exercise = words,
        }
        let now = self.actual.clone().or_else(|| self.exercise.clone());
        let note = now != self.noted || (receipted && now.is_some());
        let already_gone = receipted && now.is_none();
        self.noted.clone_from(&now);
        (note && !already_gone).then_some(now)
    }
}

/// Carries everything to one partner until the node stops.
pub(crate) async fn to_partner(
    courier: Arc<Courier>,
    name: PartyName,
    card: Card,
    stop: watch::Receiver<bool>,
) {
    let config = match client_config(&courier.identity, SpkiPin(card.tls)) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "no connection to a partner can be made");
            return;
        }
    };
    let (house, of) = (courier.house.clone(), name.clone());
    let noted = tokio::task::spawn_blocking(move || deliver::trouble(&house, &of)).await;
    let noted = noted.ok().and_then(Result::ok).flatten();
    // What was noted before holds until a round has shown otherwise.
    let told = Mutex::new(Told { actual: noted.clone(), exercise: None, noted });
    let lane = |use_| {
        let client = PeerClient::new(card.address.to_string(), Arc::clone(&config), DialLimits::default());
        Lane { courier: &courier, client, name: &name, use_, told: &told }
    };
    let (actual, exercise) = (lane(Use::Actual), lane(Use::Exercise));
    tokio::join!(actual.run(stop.clone()), exercise.run(stop));
}

/// The carrying in the channel of one use.
struct Lane<'a> {
    courier: &'a Courier,
    client: PeerClient,
    name: &'a PartyName,
    use_: Use,
    told: &'a Mutex<Told>,
}

/// What a round has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Carried {
    receipted: bool,
}

impl Lane<'_> {
    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut bell = self.courier.bell.listen();
        let (mut failures, mut asks_first) = (0u32, false);
        while !*stop.borrow() {
            // What rings from here on is looked at in the next round.
            bell.borrow_and_update();
            let mut carried = Carried { receipted: false };
            let trouble = self.carry(asks_first, &mut carried).await.err();
            if let Some(Trouble::Program(refusal)) = &trouble {
                tracing::error!(fact = %refusal, "a delivery could not be prepared or settled");
            }
            self.tell(trouble.as_ref().map(Trouble::words), carried.receipted).await;
            failures = if trouble.is_some() { failures.saturating_add(1) } else { 0 };
            asks_first = trouble.as_ref().is_some_and(Trouble::asks_first);
            let Some(trouble) = trouble else {
                tokio::select! {
                    rung = bell.changed() => if rung.is_err() { return },
                    stopped = stop.changed() => if stopped.is_err() { return },
                }
                continue;
            };
            // The pause is over, or the node stops: both lead back to the top.
            let _ = timeout(trouble.pause(failures), stop.changed()).await;
        }
    }

    /// One round. Whatever goes wrong in it leaves the log unconfirmed: nothing more is appended before the partner answers.
    async fn carry(&self, asks_first: bool, carried: &mut Carried) -> Result<(), Trouble> {
        let use_ = self.use_;
        if !self.act(move |house, name, _, _| deliver::anything_waiting(house, name, use_)).await? {
            return Ok(());
        }
        let Some(origin) = self.open_channel().await? else { return Ok(()) };
        let done = match if asks_first { self.ask(carried).await } else { Ok(()) } {
            Ok(()) => self.deliver(origin, carried).await,
            refused => refused,
        };
        if done.is_err() {
            self.courier.house.unconfirm(&origin);
        }
        done
    }

    /// Notes what people should know, if it is not what they know already.
    async fn tell(&self, words: Option<String>, receipted: bool) {
        let mut told = self.told.lock().await;
        let Some(words) = told.next(self.use_, words, receipted) else { return };
        let note = move |house: &House, name: &PartyName, now, _: &mut StdRng| {
            partner::note_trouble(house, name, words.as_deref(), now)
        };
        if let Err(trouble) = self.act(note).await {
            tracing::error!(why = %trouble.words(), "what stands in the way of a delivery could not be noted");
        }
    }

    /// Runs an act on a thread that may block.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&House, &PartyName, Timestamp, &mut StdRng) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (house, name) = (self.courier.house.clone(), self.name.clone());
        let (now, mut rng) = (self.courier.clock.now(), self.courier.clock.rng());
        match tokio::task::spawn_blocking(move || act(&house, &name, now, &mut rng)).await {
            Ok(done) => done.map_err(Trouble::from),
            Err(ended) if ended.is_panic() => {
                tracing::error!(%ended, "an act of the courier ended in a panic");
                Err(Trouble::Words("an act of this node failed: see its log".to_owned()))
            }
            Err(_) => Err(Trouble::Words("the node is stopping".to_owned())),
        }
    }

    /// The open channel, which is proposed to the partner if there is none.
    async fn open_channel(&self) -> Result<Option<Origin>, Trouble> {
        let use_ = self.use_;
        let ours = self.act(move |house, name, _, rng| channel::ours(house, name, use_, rng)).await?;
        let statement = match ours {
            OurChannel::Open(row) => return Ok(Some(row.origin)),
            OurChannel::Propose(statement) => statement,
        };
        let answer =
            self.call(Method::POST, "/peer/v1/channel", Some("text/plain"), statement.into_bytes()).await?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        self.act(move |house, name, now, rng| channel::opened(house, name, use_, &answer.body, now, rng))
            .await?;
        let ours = self.act(move |house, name, _, rng| channel::ours(house, name, use_, rng)).await?;
        Ok(match ours {
            OurChannel::Open(row) => Some(row.origin),
            OurChannel::Propose(_) => None,
        })
    }

    /// Asks with a parcel without entries whether the partner takes any.
    async fn ask(&self, carried: &mut Carried) -> Result<(), Trouble> {
        let use_ = self.use_;
        match self.act(move |house, name, _, _| deliver::question(house, name, use_)).await? {
            Some(question) => self.send(question, carried).await.map(drop),
            None => Ok(()),
        }
    }

    /// Asks for the newest head, then sends parcels until nothing waits. The log is taken as unconfirmed until the partner
    /// has answered in this very round.
    async fn deliver(&self, origin: Origin, carried: &mut Carried) -> Result<(), Trouble> {
        let use_ = self.use_;
        self.courier.house.unconfirm(&origin);
        let path = format!("/peer/v1/log/{}/checkpoint", origin.hex());
        let answer = self.call(Method::GET, &path, None, Vec::new()).await?;
        let note = match answer.status {
            200 => Some(answer.body),
            404 => None,
            _ => return Err(self.refused(&answer)),
        };
        let shown = self
            .act(move |house, name, now, _| deliver::head_answer(house, name, use_, note.as_deref(), now))
            .await?;
        let mut from = match shown {
            Next::SendFrom(size) => Some(size),
            Next::Settled => None,
            Next::Wait(words) => return Err(Trouble::Words(words)),
        };
        let mut other_sizes = 0;
        loop {
            let sent = self
                .act(move |house, name, now, rng| deliver::next_parcel(house, name, use_, from, now, rng))
                .await?;
            let Some(parcel) = sent else { return Ok(()) };
            match self.send(parcel, carried).await? {
                Next::Settled => from = None,
                Next::SendFrom(size) if other_sizes < OTHER_SIZES_PER_ROUND_MAX => {
                    other_sizes += 1;
                    from = Some(size);
                }
                Next::SendFrom(size) => {
                    return Err(Trouble::Words(format!(
                        "the partner asks for the log from {size} again and again"
                    )));
                }
                Next::Wait(words) => return Err(Trouble::Words(words)),
            }
        }
    }

    async fn send(&self, mut parcel: Outgoing, carried: &mut Carried) -> Result<Next, Trouble> {
        let path = format!("/peer/v1/log/{}/add-entries", parcel.origin.hex());
        let bytes = std::mem::take(&mut parcel.bytes);
        let answer = self.call(Method::POST, &path, Some(PARCEL_MEDIA), bytes).await?;
        let text = || String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect::<String>();
        let said = match answer.status {
            200 => Answer::Receipt(answer.body.clone()),
            409 => match text().parse() {
                Ok(size) => Answer::HoldsSize(size),
                Err(_) => Answer::Refused(409, text()),
            },
            423 => Answer::Frozen,
            status => Answer::Refused(status, text()),
        };
        let next = self.act(move |house, _, now, _| deliver::settle(house, &parcel, said, now)).await?;
        carried.receipted |= next == Next::Settled;
        match (next, answer.status, answer.retry_after_s) {
            (Next::Wait(words), 423, _) => Err(Trouble::Frozen(words)),
            (Next::Wait(words), 400 | 403 | 413 | 422, _) => Err(Trouble::Refused(words)),
            (Next::Wait(words), _, Some(seconds)) => Err(Trouble::Busy(words, seconds)),
            (next, _, _) => Ok(next),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        media: Option<&str>,
        body: Vec<u8>,
    ) -> Result<PeerAnswer, Trouble> {
        let answer = self.client.request(method, path, media, body).await;
        answer.map_err(|e| Trouble::Words(format!("{e}: {}. {}", e.detail(), e.hint())))
    }

    fn refused(&self, answer: &PeerAnswer) -> Trouble {
        let text: String = String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect();
        let speaks = text.split_once(SPEAKS).map(|(_, rest)| rest.trim());
        let words = match (answer.status, speaks) {
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
            (status, _) => format!("the partner answered {status}: {text}"),
        };
        match answer.retry_after_s {
            Some(seconds) => Trouble::Busy(words, seconds),
            None => Trouble::Words(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_is_told_by_the_partner_or_is_long_where_trying_again_is_in_vain() {
        let words = || "words".to_owned();
        for (trouble, failures, ms) in [
            (Trouble::Words(words()), 1, 500),
            (Trouble::Words(words()), 2, 1_000),
            (Trouble::Words(words()), 40, PAUSE_MS_MAX),
            (Trouble::Busy(words(), 5), 1, 5_000),
            (Trouble::Busy(words(), 0), 1, 500),
            (Trouble::Busy(words(), 0), 9, 1_000),
            (Trouble::Busy(words(), u64::MAX), 1, PAUSE_MS_MAX),
            (Trouble::Frozen(words()), 1, PAUSE_MS_MAX),
            (Trouble::Refused(words()), 1, PAUSE_MS_REFUSED),
        ] {
            assert_eq!(trouble.pause(failures), Duration::from_millis(ms), "{trouble:?} {failures}");
        }
    }

    #[test]
    fn what_stands_in_the_way_of_one_channel_is_noted_until_it_is_gone() {
        let words = |text: &str| Some(text.to_owned());
        let mut told = Told { actual: words("down"), exercise: None, noted: words("down") };
        assert_eq!(
            told.next(Use::Exercise, None, false),
            None,
            "it holds until the actual channel was tried"
        );
        assert_eq!(told.next(Use::Actual, words("down"), false), None, "it is noted already");
        assert_eq!(told.next(Use::Exercise, words("frozen"), false), None, "the actual channel speaks first");
        assert_eq!(told.next(Use::Actual, None, true), Some(words("frozen")));
        assert_eq!(told.next(Use::Actual, None, true), Some(words("frozen")), "a receipt has taken it away");
        assert_eq!(told.next(Use::Exercise, None, true), None, "and so it has this one");
        assert_eq!(told.next(Use::Actual, words("down"), false), Some(words("down")));
        assert_eq!(told.next(Use::Actual, None, false), Some(None));
    }
}
