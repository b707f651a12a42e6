//! Fetching from one partner that cannot call this node: what it has proposed is countersigned, its parcels are asked for
//! until none waits, and each receipt is brought back (docs/log-format.md §6, Pull).

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use exchange::carriage;
use exchange::declined::{self, Answered};
use exchange::house::House;
use exchange::pull::{self, Holding};
use exchange::receive::{self, Receipt};
use exchange::refusal::Refusal;
use gate::dial::{PeerAnswer, PeerClient};
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, client_config};
use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use model::plain::plain_line;
use model::vocab::Carriage;
use rand::rngs::StdRng;
use tlog::card::Card;
use tlog::channel::Use;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::watch::Courier;

/// The first pause after a failure, in milliseconds; doubled with each further one.
const PAUSE_MS_FIRST: u64 = 1_000;
/// The longest pause after failures, in milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;

/// What stands in the way of fetching, in words for people.
struct Trouble(String);

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

/// Fetches from one partner until the node stops, while its carriage is to fetch: at each ring of the bell, and whenever the
/// time set by the operator has passed.
pub(crate) async fn from_partner(
    courier: Arc<Courier>,
    limits: DialLimits,
    name: PartyName,
    card: Card,
    mut stop: watch::Receiver<bool>,
) {
    let config = match client_config(&courier.identity, SpkiPin(card.tls)) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "no connection to a partner can be made");
            return;
        }
    };
    let client = PeerClient::new(card.address.to_string(), config, limits);
    let fetcher = Fetcher { courier: &courier, client, name: &name };
    let mut bell = courier.bell.listen();
    let every = Duration::from_secs(u64::from(courier.house.settings.fetch_seconds.max(1)));
    let (mut failures, mut noted) = (0u32, None);
    while !*stop.borrow() {
        // What rings from here on is looked at in the next round.
        bell.borrow_and_update();
        let mut fetches = false;
        let trouble = fetcher.round(&mut fetches).await.err();
        fetcher.tell(trouble.map(|t| t.0), &mut noted).await;
        failures = if noted.is_some() { failures.saturating_add(1) } else { 0 };
        if failures > 0 {
            let pause =
                PAUSE_MS_FIRST.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(PAUSE_MS_MAX);
            // The pause is over, or the node stops: both lead back to the top.
            let _ = timeout(Duration::from_millis(pause), stop.changed()).await;
            continue;
        }
        let rung = async {
            tokio::select! {
                rung = bell.changed() => rung.is_ok(),
                stopped = stop.changed() => stopped.is_ok(),
            }
        };
        let goes_on = if fetches { timeout(every, rung).await.unwrap_or(true) } else { rung.await };
        if !goes_on {
            return;
        }
    }
}

/// The fetching from one partner.
struct Fetcher<'a> {
    courier: &'a Courier,
    client: PeerClient,
    name: &'a PartyName,
}

impl Fetcher<'_> {
    /// One round over both channels, if this partner is fetched from.
    async fn round(&self, fetches: &mut bool) -> Result<(), Trouble> {
        *fetches =
            self.act(|house, from, _, _| Ok(carriage::of(house, &from.name)? == Carriage::Fetch)).await?;
        if !*fetches {
            return Ok(());
        }
        let actual = self.channel(Use::Actual).await;
        // Trouble in the one channel does not keep the other waiting.
        let exercise = self.channel(Use::Exercise).await;
        actual.and(exercise)
    }

    /// Notes what people should know, if it is not what they know already.
    async fn tell(&self, words: Option<String>, noted: &mut Option<String>) {
        if words == *noted {
            return;
        }
        let said = words.clone();
        let note = move |house: &House, from: &Partner, _, _: &mut StdRng| {
            pull::note_fetching(house, &from.name, said.as_deref())
        };
        match self.act(note).await {
            Ok(()) => *noted = words,
            Err(trouble) => {
                tracing::error!(why = %trouble.0, "what stands in the way of fetching could not be noted");
            }
        }
    }

    async fn channel(&self, use_: Use) -> Result<(), Trouble> {
        // What cannot be countersigned yet keeps nothing back of the log that is held.
        let left = self.countersign(use_).await?;
        self.parcels(use_).await?;
        left.map_or(Ok(()), Err)
    }

    /// Takes what there is in the log that is held.
    async fn parcels(&self, use_: Use) -> Result<(), Trouble> {
        let Some(mut held) = self.holding(use_).await? else { return Ok(()) };
        self.show_or_remind(&held).await?;
        loop {
            let path = format!("/peer/v1/log/{}/parcel?from={}", held.origin.hex(), held.size);
            let answer = self.call(Method::GET, &path, None, Vec::new()).await?;
            match answer.status {
                204 => return Ok(()),
                200 => {}
                _ => return Err(refused(&answer)),
            }
            let (origin, before) = (held.origin, held.size);
            let taken = self
                .act(move |house, from, now, rng| {
                    receive::parcel(house, from, origin, &answer.body, now, rng)
                })
                .await?;
            if !matches!(taken, Receipt::Held(_) | Receipt::Stored(_)) {
                let (status, why) = taken.answer();
                return Err(Trouble(format!(
                    "a parcel that was fetched could not be taken ({status}: {}): see `forewarn doctor`, and call the \
                     partner's duty desk",
                    plain_line(why.trim())
                )));
            }
            let Some(now_held) = self.holding(use_).await? else { return Ok(()) };
            self.show(&now_held).await?;
            if now_held.size <= before {
                let words = "the partner gives the same parcel again and again; it is asked again later. Call its duty desk";
                return Err(Trouble(words.to_owned()));
            }
            held = now_held;
        }
    }

    /// Countersigns the channel that the partner has proposed, if it has, or once more the one that this node has lost.
    /// Gives what keeps this node from it.
    async fn countersign(&self, use_: Use) -> Result<Option<Trouble>, Trouble> {
        let held = self.act(move |house, from, _, _| pull::names_as_held(house, &from.name, use_)).await?;
        let path = format!("/peer/v1/channel?use={use_}&held={held}");
        let proposed = self.call(Method::GET, &path, None, Vec::new()).await?;
        match proposed.status {
            204 => return Ok(None),
            200 => {}
            _ => return Err(refused(&proposed)),
        }
        let answered = self
            .act(move |house, from, now, _| declined::sign_or_decline(house, from, &proposed.body, now))
            .await;
        let (path, body) = match answered {
            Err(trouble) => return Ok(Some(trouble)),
            // The giver has lost the channel that there is already, or it is the one that it waits for.
            Ok(Answered::Signed(statement) | Answered::Known(statement)) => {
                ("/peer/v1/channel/opened", statement)
            }
            // The log goes on with the old keys; the giver's people are told why.
            Ok(Answered::Declined { text, .. }) => ("/peer/v1/channel/declined", text),
        };
        let answer = self.call(Method::POST, path, Some("text/plain"), body.into_bytes()).await?;
        if answer.status == 200 { Ok(None) } else { Err(refused(&answer)) }
    }

    async fn holding(&self, use_: Use) -> Result<Option<Holding>, Trouble> {
        self.act(move |house, from, _, _| pull::holding(house, &from.name, use_)).await
    }

    /// Brings the newest receipt to the giver, who signs nothing before.
    async fn show(&self, held: &Holding) -> Result<(), Trouble> {
        match self.shown(held).await? {
            Some(answer) => Err(refused(&answer)),
            None => Ok(()),
        }
    }

    /// The same; a giver that does not know the log any more is shown the statement that it signed.
    async fn show_or_remind(&self, held: &Holding) -> Result<(), Trouble> {
        match self.shown(held).await? {
            None => Ok(()),
            Some(answer) if answer.status == 404 => {
                let (path, statement) = ("/peer/v1/channel/opened", held.statement.clone().into_bytes());
                let known = self.call(Method::POST, path, Some("text/plain"), statement).await?;
                if known.status == 200 { self.show(held).await } else { Err(refused(&answer)) }
            }
            Some(answer) => Err(refused(&answer)),
        }
    }

    /// What the giver answered to the newest receipt, if it did not take it.
    async fn shown(&self, held: &Holding) -> Result<Option<PeerAnswer>, Trouble> {
        let Some(receipt) = held.receipt.clone() else { return Ok(None) };
        let path = format!("/peer/v1/log/{}/receipt", held.origin.hex());
        let answer = self.call(Method::POST, &path, Some("text/plain"), receipt.into_bytes()).await?;
        Ok((answer.status != 200).then_some(answer))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        media: Option<&str>,
        body: Vec<u8>,
    ) -> Result<PeerAnswer, Trouble> {
        let answer = self.client.request(method, path, media, body).await;
        answer.map_err(|e| Trouble(format!("{e}: {}. {}", e.detail(), e.hint())))
    }

    /// Runs an act on a thread that may block.
    async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&House, &Partner, Timestamp, &mut StdRng) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Trouble> {
        let (house, from) = (self.courier.house.clone(), Partner { name: self.name.clone() });
        let (now, mut rng) = (self.courier.clock.now(), self.courier.clock.rng());
        match tokio::task::spawn_blocking(move || act(&house, &from, now, &mut rng)).await {
            Ok(done) => done.map_err(Trouble::from),
            Err(ended) if ended.is_panic() => {
                tracing::error!(%ended, "an act of the courier ended in a panic");
                Err(Trouble("an act of this node failed: see its log".to_owned()))
            }
            Err(_) => Err(Trouble("the node is stopping".to_owned())),
        }
    }
}

/// Why nothing could be fetched, in words.
fn refused(answer: &PeerAnswer) -> Trouble {
    let text: String = String::from_utf8_lossy(&answer.body).trim().chars().take(200).collect();
    let text = plain_line(&text);
    Trouble(match answer.status {
        404 => "the partner gives us nothing to fetch: its officer has not confirmed our card yet, or it runs an older \
                program"
            .to_owned(),
        503 => "the partner is busy; it is asked again".to_owned(),
        status => format!("the partner answered {status} when asked for its parcels: “{text}”. Call its duty desk"),
    })
}
