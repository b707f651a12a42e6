//! Listens for callers and hands their requests to a router, within limits.
//!
//! [`serve_tls`] is for partners' nodes: it puts a [`PeerPin`] on each request. [`serve_unix`] is for the commands of
//! this machine: it puts a [`LocalPeer`] on each request. Both say *who* is calling and never *whether they may*: a
//! stranger's key comes as far as the router, which looks the pin up. A router that does not know a pin should answer
//! with `Connection: close`, so that strangers do not hold connections.
//! What happens on one connection is in `connection.rs`.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::connection::{Ending, attend, stopped};
use crate::limits::ServeLimits;
use crate::tls::{SpkiPin, spki_pin_of_certificate};

/// How long a listener waits after the system could not give it a connection (no descriptors, no memory).
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(200);

/// Extension on every request that came by [`serve_tls`]: the key that the caller has proved to hold.
///
/// A key, not a person and not a partner: it may be anybody's until it is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerPin(pub SpkiPin);

/// Extension on every request that came by [`serve_unix`]: whose process called, as the system tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPeer {
    /// The caller's effective user id when it connected (`SO_PEERCRED`).
    pub uid: u32,
}

/// Serves partners' nodes over TLS until `shutdown` is ready, then lets requests in flight end.
///
/// `config` comes from [`crate::tls::server_config`]. After `shutdown` nobody is accepted any more; requests in flight
/// get [`ServeLimits::drain_ms_max`], then what is left is closed, and this returns. Dropping the future closes
/// everything at once. Callers beyond a limit are closed without an answer. A failed handshake leaves one line in the
/// log, at debug, with the address alone.
///
/// # Errors
/// When the listener itself is unusable; a lack of descriptors or memory is logged and waited out.
pub async fn serve_tls(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    router: Router,
    limits: ServeLimits,
    shutdown: impl Future,
) -> io::Result<()> {
    let tls = TlsAcceptor::from(config);
    serve(Door::Peers { listener, tls }, router, limits, shutdown).await
}

/// Serves this machine's processes over a Unix socket until `shutdown` is ready, with the same limits and the same end
/// as [`serve_tls`].
///
/// Who may open the socket is decided by the permissions of its file and folder; those, and removing the file
/// afterwards, are the matter of whoever made the listener.
///
/// # Errors
/// As [`serve_tls`].
pub async fn serve_unix(
    listener: UnixListener,
    router: Router,
    limits: ServeLimits,
    shutdown: impl Future,
) -> io::Result<()> {
    serve(Door::Local { listener }, router, limits, shutdown).await
}

/// Serves whoever runs on this machine over plain TCP until `shutdown` is ready, with the same limits and the same end as
/// [`serve_tls`]. Callers from another machine are closed without an answer, wherever the listener listens.
///
/// Who calls is not known: any user and any program of this machine may be the caller.
///
/// # Errors
/// As [`serve_tls`].
pub async fn serve_loopback(
    listener: TcpListener,
    router: Router,
    limits: ServeLimits,
    shutdown: impl Future,
) -> io::Result<()> {
    serve(Door::Loopback { listener }, router, limits, shutdown).await
}

/// Where callers come in.
enum Door {
    Peers { listener: TcpListener, tls: TlsAcceptor },
    Loopback { listener: TcpListener },
    Local { listener: UnixListener },
}

/// Somebody who has just come in.
enum Arrived {
    Peer(TcpStream, SocketAddr),
    Local(UnixStream),
}

impl Door {
    async fn accept(&self) -> io::Result<Arrived> {
        match self {
            Self::Peers { listener, .. } => {
                let (stream, remote) = listener.accept().await?;
                Ok(Arrived::Peer(stream, remote))
            }
            Self::Loopback { listener } => {
                let (stream, remote) = listener.accept().await?;
                Ok(Arrived::Peer(stream, remote))
            }
            Self::Local { listener } => {
                let (stream, _) = listener.accept().await?;
                Ok(Arrived::Local(stream))
            }
        }
    }
}

/// What all connections of one listener share.
struct Hall {
    router: Router,
    limits: ServeLimits,
    stop: watch::Receiver<bool>,
    handshakes_by_network: Seats<IpAddr>,
    connections_by_network: Seats<IpAddr>,
    connections_by_pin: Seats<SpkiPin>,
    connections_by_uid: Seats<u32>,
}

async fn serve(door: Door, router: Router, limits: ServeLimits, shutdown: impl Future) -> io::Result<()> {
    let (stop, stop_receiver) = watch::channel(false);
    let hall = Arc::new(Hall {
        router,
        limits,
        stop: stop_receiver,
        handshakes_by_network: Seats::default(),
        connections_by_network: Seats::default(),
        connections_by_pin: Seats::default(),
        connections_by_uid: Seats::default(),
    });
    let mut connections = JoinSet::new();
    let accepted = accept_until(&door, &hall, &mut connections, shutdown).await;
    drop(door);
    stop.send_replace(true);
    let all_done = async {
        while let Some(ended) = connections.join_next().await {
            log_lost(ended);
        }
    };
    if timeout(hall.limits.drain(), all_done).await.is_err() {
        tracing::info!(
            connections = connections.len(),
            drain_ms = hall.limits.drain_ms_max,
            "requests in flight did not end in time and are cut off"
        );
        connections.shutdown().await;
    }
    accepted
}

/// Lets callers in until `shutdown` is ready or the listener is unusable.
async fn accept_until(
    door: &Door,
    hall: &Arc<Hall>,
    connections: &mut JoinSet<()>,
    shutdown: impl Future,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let mut is_failing = false;
    loop {
        tokio::select! {
            biased;
            _ = shutdown.as_mut() => return Ok(()),
            Some(ended) = connections.join_next() => log_lost(ended),
            arrived = door.accept() => match arrived {
                Ok(arrived) => {
                    is_failing = false;
                    if connections.len() < hall.limits.connections_max {
                        admit(arrived, door, hall, connections);
                    } else {
                        tracing::debug!(connections_max = hall.limits.connections_max, "refused: too many connections");
                    }
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    // Once, not five times a second, while it lasts.
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(%error, "no connection can be accepted for now");
                    }
                    if timeout(PAUSE_AFTER_FAILED_ACCEPT, shutdown.as_mut()).await.is_ok() {
                        return Ok(());
                    }
                }
            },
        }
    }
}

/// Starts serving somebody who came in, if their network has a seat left.
fn admit(arrived: Arrived, door: &Door, hall: &Arc<Hall>, connections: &mut JoinSet<()>) {
    match (arrived, door) {
        (Arrived::Peer(stream, remote), Door::Peers { tls, .. }) => {
            let network = network_of(remote.ip());
            let limits = &hall.limits;
            let (Some(seat), Some(handshake)) = (
                hall.connections_by_network.take(network, limits.connections_per_ip_max),
                hall.handshakes_by_network.take(network, limits.handshakes_per_ip_max),
            ) else {
                tracing::debug!(%remote, "refused: too many connections from there");
                return;
            };
            let (tls, hall) = (tls.clone(), Arc::clone(hall));
            connections.spawn(async move {
                let _seat = seat;
                if let Some((stream, pin)) = shake_hands(stream, remote, &tls, &hall, handshake).await {
                    attend_peer(stream, remote, pin, &hall).await;
                }
            });
        }
        (Arrived::Local(stream), _) => {
            let hall = Arc::clone(hall);
            connections.spawn(async move { attend_local(stream, &hall).await });
        }
        (Arrived::Peer(stream, remote), Door::Loopback { .. }) if remote.ip().is_loopback() => {
            let hall = Arc::clone(hall);
            connections.spawn(async move { attend_loopback(stream, remote, &hall).await });
        }
        (Arrived::Peer(_, remote), Door::Loopback { .. }) => {
            tracing::warn!(%remote, "refused: a caller from another machine on a door for this one");
        }
        // A TCP caller comes through no other door.
        (Arrived::Peer(..), Door::Local { .. }) => {}
    }
}

/// Gives the caller's proven pin, or nothing when the handshake failed, took too long, or the house is closing.
async fn shake_hands(
    stream: TcpStream,
    remote: SocketAddr,
    tls: &TlsAcceptor,
    hall: &Hall,
    _handshake: Seat<IpAddr>,
) -> Option<(TlsStream<TcpStream>, SpkiPin)> {
    // Answers are written whole; waiting to fill packets only delays them. A socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let mut stop = hall.stop.clone();
    let shaken = tokio::select! {
        biased;
        () = stopped(&mut stop) => return None,
        shaken = timeout(hall.limits.handshake(), tls.accept(stream)) => shaken,
    };
    let proven = shaken.ok().and_then(Result::ok).and_then(|stream| {
        let pin = proven_pin(&stream)?;
        Some((stream, pin))
    });
    if proven.is_none() {
        tracing::debug!(%remote, "TLS handshake failed");
    }
    proven
}

/// Gives the pin of the certificate whose key the handshake has verified.
fn proven_pin(stream: &TlsStream<TcpStream>) -> Option<SpkiPin> {
    let (_, session) = stream.get_ref();
    let certificate = session.peer_certificates()?.first()?;
    spki_pin_of_certificate(certificate).ok()
}

async fn attend_peer(stream: TlsStream<TcpStream>, remote: SocketAddr, pin: SpkiPin, hall: &Hall) {
    let limits = &hall.limits;
    let Some(_seat) = hall.connections_by_pin.take(pin, limits.connections_per_caller_max) else {
        tracing::debug!(%remote, "refused: too many connections with this key");
        return;
    };
    match attend(stream, PeerPin(pin), hall.router.clone(), limits, hall.stop.clone()).await {
        Ending::Closed => {}
        Ending::Broken(error) => tracing::debug!(%remote, %error, "connection broke"),
        Ending::Cut(too_slow) => tracing::debug!(%remote, ?too_slow, "connection cut"),
    }
}

async fn attend_loopback(stream: TcpStream, remote: SocketAddr, hall: &Hall) {
    match attend(stream, remote, hall.router.clone(), &hall.limits, hall.stop.clone()).await {
        Ending::Closed => {}
        Ending::Broken(error) => tracing::debug!(%remote, %error, "connection broke"),
        Ending::Cut(too_slow) => tracing::debug!(%remote, ?too_slow, "connection cut"),
    }
}

async fn attend_local(stream: UnixStream, hall: &Hall) {
    let uid = match stream.peer_cred() {
        Ok(credentials) => credentials.uid(),
        Err(error) => {
            tracing::warn!(%error, "refused: the system does not say who calls on the local socket");
            return;
        }
    };
    let limits = &hall.limits;
    let Some(_seat) = hall.connections_by_uid.take(uid, limits.connections_per_caller_max) else {
        tracing::debug!(uid, "refused: too many connections by this user");
        return;
    };
    match attend(stream, LocalPeer { uid }, hall.router.clone(), limits, hall.stop.clone()).await {
        Ending::Closed => {}
        Ending::Broken(error) => tracing::debug!(uid, %error, "connection broke"),
        Ending::Cut(too_slow) => tracing::debug!(uid, ?too_slow, "connection cut"),
    }
}

/// Says whether an error of `accept` means that the listener will never give a connection again.
///
/// All others pass: a caller who was gone before we looked, a network that is down (Linux hands those through
/// `accept`, see accept(2)), a lack of descriptors or memory.
fn is_fatal(error: &io::Error) -> bool {
    /// Bad file descriptor, on Linux and macOS.
    const EBADF: i32 = 9;
    error.kind() == io::ErrorKind::InvalidInput || error.raw_os_error() == Some(EBADF)
}

/// A connection's task ends by itself or by being cut; a panic is ours, and costs that one connection.
fn log_lost(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a request's handler panicked; its connection is closed");
    }
}

/// What counts as one network: an IPv4 address, or an IPv6 /64, which is what one household is given.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// How many places each key holds. Keys without a place are not remembered, so memory is bounded by the places.
#[derive(Debug)]
struct Seats<K: Ord>(Arc<Mutex<BTreeMap<K, u32>>>);

impl<K: Ord> Default for Seats<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(BTreeMap::new())))
    }
}

impl<K: Ord + Copy> Seats<K> {
    /// Takes a place for `key` unless it holds `max`; the place is free again when the seat is dropped.
    fn take(&self, key: K, max: u32) -> Option<Seat<K>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = taken.get(&key).copied().unwrap_or(0);
        if held >= max {
            return None;
        }
        taken.insert(key, held.saturating_add(1));
        drop(taken);
        Some(Seat { key, seats: Arc::clone(&self.0) })
    }
}

/// One place taken in [`Seats`].
#[derive(Debug)]
struct Seat<K: Ord + Copy> {
    key: K,
    seats: Arc<Mutex<BTreeMap<K, u32>>>,
}

impl<K: Ord + Copy> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.key) {
            Some(held) if *held > 1 => *held -= 1,
            _ => {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_dropped() {
        let seats = Seats::default();
        let first = seats.take("a", 1);
        assert!(first.is_some());
        assert!(seats.take("a", 1).is_none());
        assert!(seats.take("b", 1).is_some());
        drop(first);
        assert!(seats.take("a", 1).is_some());
        assert!(seats.0.lock().unwrap().is_empty(), "keys without a seat are forgotten");
    }

    #[test]
    fn one_network_is_an_ipv4_address_or_an_ipv6_64() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }
}
