//! One task for each confirmed partner, one for the clocks, one for the notices; all end with the shutdown.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use exchange::house::House;
use exchange::{clocks, partner};
use gate::clock::Clock;
use gate::limits::DialLimits;
use gate::tls::TlsIdentity;
use model::id::PartyName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::carry;
use crate::fetch;
use crate::notify::{self, HookInUse};
use crate::proof;

/// How long the clocks are left alone at most, in seconds; a deadline that is nearer is waited for.
const TICK_SECONDS_MAX: i64 = 5;
/// How long a task that ended in a panic rests before it begins again, in milliseconds.
const RESTART_MS: u64 = 1_000;
/// How long a graceful stop waits for a delivery under way, in seconds.
const STOP_SECONDS_MAX: u64 = 5;

/// Rung when something waits in the outbox. Every listener hears every ring that came since it last looked.
#[derive(Clone)]
pub struct Bell {
    rings: Arc<watch::Sender<u64>>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { rings: Arc::new(watch::channel(0).0) }
    }
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.rings.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// A listener that has heard everything until now.
    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.rings.subscribe()
    }
}

/// The courier of a node.
pub struct Courier {
    /// The acts' house.
    pub house: House,
    /// Our certificate and key, shown to partners.
    pub identity: Arc<TlsIdentity>,
    /// Time and randomness.
    pub clock: Clock,
    /// Rung by the acts.
    pub bell: Bell,
    /// Who hears the notices; without one they go to the node's log.
    pub hook: HookInUse,
}

impl Courier {
    /// Carries until `stop` says true, then lets a delivery under way end.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        self.run_within(DialLimits::default(), stop).await;
    }

    /// The same within other limits on the calls to partners.
    pub async fn run_within(self, limits: DialLimits, mut stop: watch::Receiver<bool>) {
        let courier = Arc::new(self);
        let mut tasks = JoinSet::new();
        let (one, until) = (Arc::clone(&courier), stop.clone());
        let clocks = move || watch_clocks(Arc::clone(&one), until.clone());
        tasks.spawn(kept_going("the clocks", clocks, stop.clone()));
        let (one, until) = (Arc::clone(&courier), stop.clone());
        let notices = move || notify::send_notices(Arc::clone(&one), until.clone());
        tasks.spawn(kept_going("the notices", notices, stop.clone()));
        let mut bell = courier.bell.listen();
        // Each partner has a stop of its own: with a new card its carrying ends and begins anew.
        let mut carrying: BTreeMap<PartyName, (tlog::card::Card, watch::Sender<bool>)> = BTreeMap::new();
        while !*stop.borrow() {
            let reachable = courier.reachable().await;
            carrying.retain(|name, (card, stops)| {
                let stays = reachable.iter().any(|(n, c)| n == name && c == card);
                if !stays {
                    stops.send_replace(true);
                }
                stays
            });
            for (name, card) in reachable {
                if !carrying.contains_key(&name) {
                    let (stops, stop) = watch::channel(false);
                    carrying.insert(name.clone(), (card.clone(), stops));
                    let (one, within, of) = (Arc::clone(&courier), limits.clone(), name.clone());
                    let (its, until) = (card.clone(), stop.clone());
                    let fetching = move || {
                        let (one, within) = (Arc::clone(&one), within.clone());
                        fetch::from_partner(one, within, of.clone(), its.clone(), until.clone())
                    };
                    tasks.spawn(kept_going("fetching from a partner", fetching, stop.clone()));
                    let (one, within, of) = (Arc::clone(&courier), limits.clone(), name.clone());
                    let (its, until) = (card.clone(), stop.clone());
                    let proving = move || {
                        let (one, within) = (Arc::clone(&one), within.clone());
                        proof::of_partner(one, within, of.clone(), its.clone(), until.clone())
                    };
                    tasks.spawn(kept_going("asking a partner for proofs", proving, stop.clone()));
                    let (one, limits, until) = (Arc::clone(&courier), limits.clone(), stop.clone());
                    let lanes = move || {
                        let (one, limits) = (Arc::clone(&one), limits.clone());
                        carry::to_partner(one, limits, name.clone(), card.clone(), until.clone())
                    };
                    tasks.spawn(kept_going("a partner", lanes, stop));
                }
            }
            tokio::select! {
                rung = bell.changed() => if rung.is_err() { break },
                stopped = stop.changed() => if stopped.is_err() { break },
            }
        }
        for (_, stops) in carrying.values() {
            stops.send_replace(true);
        }
        let drained = timeout(Duration::from_secs(STOP_SECONDS_MAX), async {
            while tasks.join_next().await.is_some() {}
        });
        if drained.await.is_err() {
            tasks.abort_all();
        }
    }

    async fn reachable(&self) -> Vec<(PartyName, tlog::card::Card)> {
        let house = self.house.clone();
        match tokio::task::spawn_blocking(move || partner::reachable(&house)).await {
            Ok(Ok(cards)) => cards,
            Ok(Err(refusal)) => {
                tracing::error!(fact = %refusal.for_the_log(), "the partners could not be listed");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }
}

/// Runs a task until it ends by itself, and begins it again after a panic: a mistake in one place must not end the alarms,
/// the clocks or the deliveries for as long as the node runs.
async fn kept_going<F: Future<Output = ()> + Send + 'static>(
    what: &'static str,
    begin: impl Fn() -> F,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        // In a set of its own, which ends it when this one is ended.
        let mut task = JoinSet::new();
        task.spawn(begin());
        match task.join_next().await {
            Some(Err(ended)) if ended.is_panic() => {
                tracing::error!(what, %ended, "a task of the courier ended in a panic; it begins again");
            }
            _ => return,
        }
        // The pause is over, or the node stops: both lead back to the top.
        let _ = timeout(Duration::from_millis(RESTART_MS), stop.changed()).await;
    }
}

async fn watch_clocks(courier: Arc<Courier>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let (house, now) = (courier.house.clone(), courier.clock.now());
        let ticked = tokio::task::spawn_blocking(move || clocks::tick(&house, now)).await;
        let mut pause = TICK_SECONDS_MAX;
        match ticked {
            Ok(Ok(ticked)) => {
                if ticked.fired > 0 {
                    courier.bell.ring();
                }
                if let Some(next) = ticked.next {
                    pause = pause.min(next.as_second() - now.as_second() + 1).max(1);
                }
            }
            Ok(Err(refusal)) => {
                tracing::error!(fact = %refusal.for_the_log(), "the clocks could not be looked at")
            }
            Err(ended) if ended.is_panic() => {
                tracing::error!(%ended, "the look at the clocks ended in a panic");
            }
            Err(_) => return,
        }
        let pause = Duration::from_secs(u64::try_from(pause).unwrap_or(1));
        // Either the pause is over or the node stops; both lead back to the top.
        let _ = timeout(pause, stop.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_task_that_ends_in_a_panic_begins_again() {
        static BEGUN: AtomicU32 = AtomicU32::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let task =
                || async { assert!(BEGUN.fetch_add(1, Ordering::SeqCst) > 0, "the first time goes wrong") };
            let (_stop, stopped) = watch::channel(false);
            timeout(Duration::from_secs(20), kept_going("a test", task, stopped)).await.unwrap();
        });
        assert_eq!(BEGUN.load(Ordering::SeqCst), 2);
    }
}
