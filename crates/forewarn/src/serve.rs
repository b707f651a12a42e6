//! Running a node: the peer door, the control socket, the door for the figures, the courier; all stop together.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use api::Api;
use courier::{Bell, Courier, Hook, HookInUse};
use exchange::refusal::Refusal;
use gate::limits::ServeLimits;
use gate::session::{SessionLimits, Sessions};
use peer::Peer;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::clock;
use crate::data_dir::{Config, DataDir};
use crate::init;
use crate::log::LogLevel;

mod figures_door;
mod metrics;
mod reload;
mod supervisor;

use figures_door::FiguresDoor;
use reload::Changeable;
pub(crate) use supervisor::Supervisor;

/// What a node runs under.
pub(crate) struct Under {
    /// The service manager, if there is one.
    pub(crate) supervisor: Supervisor,
    /// What decides which lines are logged.
    pub(crate) log: LogLevel,
}

/// Runs the node in this folder until SIGINT or SIGTERM; SIGHUP has the configuration read again. `ready` is told the
/// address once all doors are open.
pub(crate) fn serve(dir: &DataDir, under: Under, ready: impl FnOnce(&str, &Path)) -> Result<(), Refusal> {
    clock::since_start();
    let config = dir.config()?;
    dir.must_be_private()?;
    let _held = dir.lock()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Refusal::world("runtime", e.to_string()))?;
    runtime.block_on(run(dir, config, under, ready))
}

async fn run(
    dir: &DataDir,
    config: Config,
    under: Under,
    ready: impl FnOnce(&str, &Path),
) -> Result<(), Refusal> {
    let Under { supervisor, log } = under;
    let supervisor = Arc::new(supervisor);
    let keys = dir.keys()?;
    let bell = Bell::default();
    let ring = bell.clone();
    let house = init::house(dir, &config, &keys, Arc::new(move || ring.ring()))?;
    let hook = HookInUse::from(hook(&config)?);
    let clock = clock::of_the_system();
    if let Some(why) = exchange::went_back::tell(&house, clock.now())? {
        tracing::warn!(
            why,
            "this node recovers: nothing is signed in a log before it is settled what was signed"
        );
    }
    let identity = Arc::new(keys.tls);
    let tls = gate::tls::server_config(&identity).map_err(Refusal::ours)?;
    let listener = TcpListener::bind(&config.listen).await.map_err(|e| in_use(&config.listen, &e))?;
    let socket = open_socket(&dir.socket())?;
    // Before the node is called ready: whoever waits for that may stop it at once.
    let told_to_stop = told_to_stop()?;
    let mut told_to_reload = hear(SignalKind::hangup())?;
    let (stopping, stop) = watch::channel(false);
    let peers = peer::router(Peer { house: house.clone(), clock: clock.clone() });
    let control = api::router(Api {
        house: house.clone(),
        clock: clock.clone(),
        sessions: Arc::new(Sessions::new(SessionLimits::default())),
    });
    let mut changeable = Changeable {
        figures: FiguresDoor::closed(house.clone(), stop.clone()),
        dir: dir.clone(),
        house: house.clone(),
        hook: hook.clone(),
        log,
        config: config.clone(),
    };
    let figures = changeable.figures.prepare(config.metrics.as_deref()).await?;
    changeable.set_door(figures);
    let alive = tokio::spawn({
        let (supervisor, house, stop) = (Arc::clone(&supervisor), house.clone(), stop.clone());
        async move { supervisor.keep_telling(house, stop).await }
    });
    let courier = Courier { house, identity, clock, bell, hook };
    let mut doors = tokio::task::JoinSet::new();
    doors.spawn(gate::serve::serve_tls(listener, tls, peers, ServeLimits::default(), stopped(stop.clone())));
    doors.spawn(gate::serve::serve_unix(socket, control, ServeLimits::local_socket(), stopped(stop.clone())));
    let carrying = tokio::spawn(courier.run(stop));
    ready(&config.listen, &dir.socket());
    supervisor.ready("running");
    tracing::info!(
        node = config.name,
        listen = config.listen,
        version = env!("CARGO_PKG_VERSION"),
        "the node is running"
    );
    let mut told_to_stop = std::pin::pin!(told_to_stop);
    let ended = loop {
        tokio::select! {
            () = told_to_stop.as_mut() => break Ok(()),
            door = doors.join_next() => break Err(door_closed(door)),
            _ = told_to_reload.recv() => reload(&supervisor, &mut changeable).await,
        }
    };
    supervisor.stopping();
    tracing::info!("the node is stopping: what is in flight may end");
    // Nobody listens any more if both doors and the courier have gone already.
    let _ = stopping.send(true);
    while doors.join_next().await.is_some() {}
    let _ = carrying.await;
    changeable.figures.end().await;
    let _ = alive.await;
    let _ = std::fs::remove_file(dir.socket());
    tracing::info!("the node has stopped");
    ended
}

/// Reads the configuration again, and says in the log what came of it.
async fn reload(supervisor: &Supervisor, changeable: &mut Changeable) {
    supervisor.reloading();
    match changeable.reload().await {
        Ok(done) => {
            let changed =
                if done.changed.is_empty() { "nothing".to_owned() } else { done.changed.join(", ") };
            tracing::info!(changed, "the configuration was read again");
            if !done.waits.is_empty() {
                let settings = done.waits.join(", ");
                tracing::warn!(settings, "these settings differ and take a restart of the node");
            }
            supervisor.ready("running");
        }
        Err(refusal) => {
            tracing::error!(
                fact = %refusal,
                hint = refusal.hint.as_deref().unwrap_or_default(),
                "the configuration was read again and refused; the one before stays in force"
            );
            supervisor.ready("running; the new configuration was refused, see the log");
        }
    }
}

fn hear(kind: SignalKind) -> Result<Signal, Refusal> {
    signal(kind).map_err(|e| Refusal::world("signal", format!("signals cannot be heard: {e}")))
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender has gone, which is a stop as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Ends with the first SIGINT or SIGTERM from now on.
pub(crate) fn told_to_stop() -> Result<impl Future<Output = ()>, Refusal> {
    let (mut int, mut term) = (hear(SignalKind::interrupt())?, hear(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
    })
}

fn door_closed(door: Option<Result<io::Result<()>, tokio::task::JoinError>>) -> Refusal {
    match door {
        Some(Ok(Err(e))) => Refusal::world("door", format!("a door closed by itself: {e}")),
        Some(Err(e)) => Refusal::ours(e),
        _ => Refusal::ours("a door closed by itself"),
    }
}

fn in_use(listen: &str, error: &io::Error) -> Refusal {
    let refusal = Refusal::world("cannot_listen", format!("this node cannot listen on {listen}: {error}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            refusal.hint("another program has the port (`ss -ltnp` shows which); stop it or change \"listen\" in node.json")
        }
        _ => refusal.hint("look at \"listen\" in node.json"),
    }
}

/// Opens the control socket, for its owner alone. One that was left by a crash is taken away: the lock is ours.
fn open_socket(path: &Path) -> Result<UnixListener, Refusal> {
    if path.exists() {
        std::fs::remove_file(path).map_err(|e| in_use(&path.display().to_string(), &e))?;
    }
    let listener = UnixListener::bind(path).map_err(|e| {
        in_use(&path.display().to_string(), &e).hint(
            "the path of a socket has at most about 100 characters: is the data folder's path too long?",
        )
    })?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|e| in_use(&path.display().to_string(), &e))?;
    Ok(listener)
}

fn hook(config: &Config) -> Result<Option<Hook>, Refusal> {
    match (&config.notify_command, &config.notify_webhook) {
        (command, None) if command.is_empty() => Ok(None),
        (command, None) => Ok(Some(Hook::Command(command.clone()))),
        (command, Some(url)) if command.is_empty() => {
            Hook::webhook(url).map(Some).map_err(|why| Refusal::yours("bad_config", why))
        }
        _ => Err(Refusal::yours("bad_config", "node.json names both a notify_command and a notify_webhook")
            .hint("keep one of them")),
    }
}
