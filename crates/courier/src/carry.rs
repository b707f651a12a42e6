//! Carrying to one partner: the requests and answers of `exchange::round`, over the partner's pinned connection.
//!
//! Each use has a lane of its own, so that trouble with the one channel does not keep the other waiting. A lane calls
//! nobody while nothing waits, and lets nothing be appended unless the partner has just answered.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use exchange::carriage;
use exchange::deliver;
use exchange::house::House;
use exchange::partner;
use exchange::refusal::Refusal;
use exchange::round::{Ask, Reply, Round, Trouble};
use gate::dial::PeerClient;
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, client_config};
use jiff::Timestamp;
use model::id::PartyName;
use rand::rngs::StdRng;
use tlog::card::Card;
use tlog::channel::Use;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use tracing::Instrument;

use crate::watch::Courier;

/// The first pause after a failure, in milliseconds; doubled with each further one.
const PAUSE_MS_FIRST: u64 = 500;
/// The longest pause, in milliseconds, and what a `Retry-After` is cut to.
const PAUSE_MS_MAX: u64 = 60_000;
/// The pause after a parcel was refused for what it is, in milliseconds: sent again in full, it would be refused again.
const PAUSE_MS_REFUSED: u64 = 600_000;
/// How long to wait after so many failures in a row, the last of them this one.
fn pause(trouble: &Trouble, failures: u32) -> Duration {
    let doubled = PAUSE_MS_FIRST.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(PAUSE_MS_MAX);
    Duration::from_millis(match trouble {
        Trouble::Words(_) | Trouble::Program(_) => doubled,
        Trouble::Busy(_, seconds) => seconds.saturating_mul(1000).clamp(doubled.min(1000), PAUSE_MS_MAX),
        Trouble::Frozen(_) => PAUSE_MS_MAX,
        Trouble::Refused(_) => PAUSE_MS_REFUSED,
    })
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
    limits: DialLimits,
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
        let client = PeerClient::new(card.address.to_string(), Arc::clone(&config), limits.clone());
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

/// How a round ended, as the word under which it is counted.
fn ended(trouble: Option<&Trouble>, receipted: bool) -> &'static str {
    match trouble {
        None if receipted => "receipted",
        None => "nothing_waited",
        Some(Trouble::Words(_)) => "failed",
        Some(Trouble::Busy(..)) => "partner_busy",
        Some(Trouble::Frozen(_)) => "frozen",
        Some(Trouble::Refused(_)) => "refused",
        Some(Trouble::Program(_)) => "program",
    }
}

impl Lane<'_> {
    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut bell = self.courier.bell.listen();
        let (mut failures, mut asks_first) = (0u32, false);
        while !*stop.borrow() {
            // What rings from here on is looked at in the next round.
            bell.borrow_and_update();
            let span = tracing::info_span!("delivery", partner = %self.name, r#use = %self.use_);
            let (carried, receipted) = self.carry(asks_first).instrument(span).await;
            let trouble = carried.err();
            self.courier.house.tally.delivery(ended(trouble.as_ref(), receipted));
            if let Some(Trouble::Program(refusal)) = &trouble {
                tracing::error!(fact = %refusal.for_the_log(), "a delivery could not be prepared or settled");
            }
            self.tell(trouble.as_ref().map(Trouble::words), receipted).await;
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
            let _ = timeout(pause(&trouble, failures), stop.changed()).await;
        }
    }

    /// One round, and whether something was receipted in it.
    async fn carry(&self, asks_first: bool) -> (Result<(), Trouble>, bool) {
        match self.act(|house, name, _, _| Ok(carriage::of(house, name)?.dials())).await {
            Ok(true) => {}
            Ok(false) => return (Ok(()), false),
            Err(trouble) => return (Err(trouble), false),
        }
        let mut round = Round::new(self.name.clone(), self.use_, asks_first);
        let mut reply = None;
        loop {
            let (next, receipted);
            (round, next) = match self.step(round, reply).await {
                Ok(stepped) => stepped,
                Err(trouble) => return (Err(trouble), false),
            };
            receipted = round.receipted();
            let ask = match next {
                Ok(Some(ask)) => ask,
                Ok(None) => return (Ok(()), receipted),
                Err(trouble) => return (Err(trouble), receipted),
            };
            reply = match self.call(ask).await {
                Ok(reply) => Some(reply),
                Err(trouble) => {
                    round.broken_off(&self.courier.house);
                    return (Err(trouble), receipted);
                }
            };
        }
    }

    /// A step of a round, on a thread that may block.
    async fn step(
        &self,
        mut round: Round,
        reply: Option<Reply>,
    ) -> Result<(Round, Result<Option<Ask>, Trouble>), Trouble> {
        self.act(move |house, _, now, rng| {
            let next = round.next(house, reply, now, rng);
            Ok((round, next))
        })
        .await
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

    async fn call(&self, ask: Ask) -> Result<Reply, Trouble> {
        let path = ask.path();
        let (method, media, body) = match ask.brings() {
            Some((media, body)) => (Method::POST, Some(media), body.to_vec()),
            None => (Method::GET, None, Vec::new()),
        };
        let answer = self.client.request(method, &path, media, body).await;
        let answer = answer.map_err(|e| Trouble::Words(format!("{e}: {}. {}", e.detail(), e.hint())))?;
        Ok(Reply { status: answer.status, body: answer.body, retry_after_s: answer.retry_after_s })
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
            assert_eq!(pause(&trouble, failures), Duration::from_millis(ms), "{trouble:?} {failures}");
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
