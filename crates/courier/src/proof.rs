//! Asking one partner for the proof that ends a freeze (docs/log-format.md §11): once for each time that an officer wants it.
//! What it answers is judged by `exchange::unfreeze`.

use std::sync::Arc;

use axum::http::Method;
use exchange::house::House;
use exchange::refusal::Refusal;
use exchange::unfreeze::{self, Question};
use gate::dial::PeerClient;
use gate::limits::DialLimits;
use gate::tls::{SpkiPin, client_config};
use model::id::PartyName;
use model::plain::plain_line;
use tlog::card::Card;
use tokio::sync::watch;

use crate::watch::Courier;

/// The most characters of a partner's answer that are quoted.
const QUOTED_CHARS_MAX: usize = 200;

/// Asks one partner whenever the bell rings and a question waits, until the node stops.
pub(crate) async fn of_partner(
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
    let mut bell = courier.bell.listen();
    while !*stop.borrow() {
        // What rings from here on is looked at in the next round.
        bell.borrow_and_update();
        if let Err(refusal) = round(&courier, &client, &name).await {
            tracing::error!(fact = %refusal.for_the_log(), "a proof could not be asked for or noted");
        }
        tokio::select! {
            rung = bell.changed() => if rung.is_err() { return },
            stopped = stop.changed() => if stopped.is_err() { return },
        }
    }
}

/// Puts every question that waits, and notes what was answered.
async fn round(courier: &Courier, client: &PeerClient, name: &PartyName) -> Result<(), Refusal> {
    let of = name.clone();
    let now = courier.clock.now();
    let questions = act(courier, move |house| unfreeze::questions(house, &of, now)).await?;
    for question in questions {
        let said = asked(client, &question).await;
        let now = courier.clock.now();
        act(courier, move |house| unfreeze::answered(house, &question, said, now)).await?;
    }
    Ok(())
}

/// The partner's answer to each path of a question, or why there is none, in words.
async fn asked(client: &PeerClient, question: &Question) -> Result<Vec<Vec<u8>>, String> {
    let mut said = Vec::new();
    for path in question.paths() {
        let answer = client.request(Method::GET, &path, None, Vec::new()).await;
        let answer = answer.map_err(|e| format!("the partner could not be asked: {e}: {}", e.detail()))?;
        match answer.status {
            200 => said.push(answer.body),
            404 => {
                let words = "the partner's node has no such proof (404): its log is shorter than what it signed, or it does \
                             not know this node";
                return Err(words.to_owned());
            }
            status => {
                let text: String =
                    String::from_utf8_lossy(&answer.body).trim().chars().take(QUOTED_CHARS_MAX).collect();
                return Err(format!("the partner answered {status}: “{}”", plain_line(&text)));
            }
        }
    }
    Ok(said)
}

/// Runs an act on a thread that may block.
async fn act<T: Send + 'static>(
    courier: &Courier,
    act: impl FnOnce(&House) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let house = courier.house.clone();
    match tokio::task::spawn_blocking(move || act(&house)).await {
        Ok(done) => done,
        Err(ended) => Err(Refusal::ours(ended)),
    }
}
