//! Carrying to one partner: open the channel, ask for the newest head once, then parcels until nothing waits.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use exchange::channel::{self, OurChannel};
use exchange::deliver::{self, Answer, Next, Outgoing};
use exchange::partner;
use exchange::refusal::Refusal;
use gate::dial::{PeerAnswer, PeerClient};
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, client_config};
use model::id::PartyName;
use tlog::card::Card;
use tlog::channel::{Origin, Use};
use tlog::parcel::PARCEL_MEDIA;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::watch::Courier;

/// The first pause after a failure, in milliseconds; doubled with each further one.
const PAUSE_MS_FIRST: u64 = 500;
/// The longest pause, in milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;
/// What our partner's 404 says about the protocol it speaks.
const SPEAKS: &str = "speaks forewarn peer protocol ";
/// The protocol that we speak.
const PROTOCOL: &str = "v1";

/// What stands in the way of a delivery.
enum Trouble {
    /// Something to be told to people, in words; tried again later.
    Words(String),
    /// The store or the program; logged.
    Refused(Refusal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Carries everything to one partner until the node stops.
pub(crate) async fn to_partner(
    courier: Arc<Courier>,
    name: PartyName,
    card: Card,
    mut stop: watch::Receiver<bool>,
) {
    let client = match client_config(&courier.identity, SpkiPin(card.tls)) {
        Ok(config) => PeerClient::new(card.address.to_string(), config, DialLimits::default()),
        Err(error) => {
            tracing::error!(%error, "no connection to a partner can be made");
            return;
        }
    };
    let mut bell = courier.bell.listen();
    let mut failures = 0u32;
    let mut troubled = None;
    while !*stop.borrow() {
        let round = Round { courier: &courier, client: &client, name: &name };
        let words = match round.carry().await {
            Ok(()) => None,
            Err(Trouble::Words(words)) => Some(words),
            Err(Trouble::Refused(refusal)) => {
                tracing::error!(fact = %refusal, "a delivery could not be prepared or settled");
                Some(refusal.to_string())
            }
        };
        failures = if words.is_some() { failures.saturating_add(1) } else { 0 };
        if words != troubled {
            let _ = round.note(words.clone()).await;
            troubled.clone_from(&words);
        }
        if failures == 0 {
            tokio::select! {
                rung = bell.changed() => if rung.is_err() { return },
                stopped = stop.changed() => if stopped.is_err() { return },
            }
        } else {
            let pause = PAUSE_MS_FIRST.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(PAUSE_MS_MAX);
            // The pause is over, or the node stops: both lead back to the top.
            let _ = timeout(Duration::from_millis(pause), stop.changed()).await;
        }
    }
}

struct Round<'a> {
    courier: &'a Courier,
    client: &'a PeerClient,
    name: &'a PartyName,
}

impl Round<'_> {
    async fn carry(&self) -> Result<(), Trouble> {
        for use_ in [Use::Actual, Use::Exercise] {
            if let Some(origin) = self.open_channel(use_).await? {
                self.deliver(use_, origin).await?;
            }
        }
        Ok(())
    }

    /// Runs an act on a thread that may block.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&exchange::house::House, &PartyName, jiff::Timestamp, &mut rand::rngs::StdRng) -> Result<T, Refusal>
        + Send
        + 'static,
    ) -> Result<T, Trouble> {
        let (house, name) = (self.courier.house.clone(), self.name.clone());
        let (now, mut rng) = (self.courier.clock.now(), self.courier.clock.rng());
        match tokio::task::spawn_blocking(move || act(&house, &name, now, &mut rng)).await {
            Ok(done) => done.map_err(Trouble::from),
            Err(_) => Err(Trouble::Words("the node is stopping".to_owned())),
        }
    }

    async fn note(&self, words: Option<String>) -> Result<(), Trouble> {
        self.act(move |house, name, now, _| partner::note_trouble(house, name, words.as_deref(), now)).await
    }

    /// The open channel of this use, if there is something to carry in it.
    async fn open_channel(&self, use_: Use) -> Result<Option<Origin>, Trouble> {
        let ours = self
            .act(move |house, name, _, rng| {
                if deliver::anything(house, name, use_)? {
                    channel::ours(house, name, use_, rng).map(Some)
                } else {
                    Ok(None)
                }
            })
            .await?;
        match ours {
            None => Ok(None),
            Some(OurChannel::Open(row)) => Ok(Some(row.origin)),
            Some(OurChannel::Propose(statement)) => {
                let answer = self.call(Method::POST, "/peer/v1/channel", Some("text/plain"), statement.into_bytes());
                let answer = answer.await?;
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
        }
    }

    async fn deliver(&self, use_: Use, origin: Origin) -> Result<(), Trouble> {
        let mut from = None;
        if !self.courier.house.is_confirmed(&origin) {
            let path = format!("/peer/v1/log/{}/checkpoint", origin.hex());
            let answer = self.call(Method::GET, &path, None, Vec::new()).await?;
            let note = match answer.status {
                200 => Some(answer.body),
                404 => None,
                _ => return Err(self.refused(&answer)),
            };
            let next = self
                .act(move |house, name, now, _| deliver::head_answer(house, name, use_, note.as_deref(), now))
                .await?;
            match next {
                Next::SendFrom(size) => from = Some(size),
                Next::Settled => {}
                Next::Wait(words) => return Err(Trouble::Words(words)),
            }
        }
        loop {
            let sent = self
                .act(move |house, name, now, rng| deliver::next_parcel(house, name, use_, from, now, rng))
                .await?;
            let Some(parcel) = sent else { return Ok(()) };
            match self.send(parcel).await? {
                Next::Settled => from = None,
                Next::SendFrom(size) if from != Some(size) => from = Some(size),
                Next::SendFrom(size) => {
                    return Err(Trouble::Words(format!("the partner asks for the log from {size} again and again")));
                }
                Next::Wait(words) => return Err(Trouble::Words(words)),
            }
        }
    }

    async fn send(&self, mut parcel: Outgoing) -> Result<Next, Trouble> {
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
        self.act(move |house, _, now, _| deliver::settle(house, &parcel, said, now)).await
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
        Trouble::Words(match (answer.status, speaks) {
            (404, Some(other)) if other != PROTOCOL => {
                format!("the partner speaks peer protocol {other}, and this node {PROTOCOL}: one of the two must be updated")
            }
            (404, Some(_)) => "the partner does not know us: its officer has not confirmed our card yet".to_owned(),
            (404, None) => "what listens at the partner's address is not a node that speaks our protocol".to_owned(),
            (status, _) => format!("the partner answered {status}: {text}"),
        })
    }
}
