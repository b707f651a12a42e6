//! What the service manager is told: ready, reloading, stopping, alive (sd_notify(3)). Without one nothing is told.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use exchange::house::House;
use tokio::sync::watch;
use tokio::time::timeout;

/// The service manager, if one started the node and listens.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// Within what time it wants to hear that the node lives.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The service manager that listens at `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub(crate) fn at(notify: Option<&OsStr>, watchdog_usec: Option<u64>) -> Self {
        let socket = notify.and_then(|name| {
            let address = match name.as_bytes().split_first() {
                Some((b'@', abstract_name)) => SocketAddr::from_abstract_name(abstract_name),
                _ => SocketAddr::from_pathname(name),
            };
            Some((UnixDatagram::unbound().ok()?, address.ok()?))
        });
        Self { socket, watchdog: watchdog_usec.filter(|usec| *usec > 0).map(Duration::from_micros) }
    }

    /// The node is ready: its doors are open, or a reload is over.
    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The node reads its configuration again.
    pub(crate) fn reloading(&self) {
        let at = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let usec = at.tv_sec.saturating_mul(1_000_000).saturating_add(at.tv_nsec / 1_000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={usec}"));
    }

    /// The node is stopping.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping: what is in flight may end");
    }

    /// Says again and again that the node lives, as long as its store answers; ends with the node.
    pub(crate) async fn keep_telling(&self, house: House, mut stop: watch::Receiver<bool>) {
        let Some(within) = self.watchdog else { return };
        let pause = within / 3;
        while !*stop.borrow() {
            let house = house.clone();
            let look = tokio::task::spawn_blocking(move || exchange::view::figures::is_alive(&house));
            match timeout(pause, look).await {
                Ok(Ok(Ok(()))) => self.tell("WATCHDOG=1"),
                Ok(Ok(Err(refusal))) => {
                    tracing::error!(fact = %refusal.for_the_log(), "the store does not answer; the watchdog is not told");
                }
                _ => tracing::error!("the store does not answer in time; the watchdog is not told"),
            }
            // The pause is over, or the node stops: both lead back to the top.
            let _ = timeout(pause, stop.changed()).await;
        }
    }

    fn tell(&self, state: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), address) {
            tracing::warn!(%error, "the service manager could not be told how the node is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_service_manager_is_told_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("forewarn-test-{}", path.display());
        let abstract_address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        for (socket, at) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&abstract_address).unwrap(), format!("@{name}").into()),
        ] {
            let supervisor = Supervisor::at(Some(&at), None);
            supervisor.ready("running");
            assert_eq!(heard(&socket), "READY=1\nSTATUS=running");
            supervisor.reloading();
            assert!(heard(&socket).starts_with("RELOADING=1\nMONOTONIC_USEC="));
            supervisor.stopping();
            assert!(heard(&socket).starts_with("STOPPING=1"));
        }
    }

    #[test]
    fn without_a_service_manager_nothing_is_told() {
        Supervisor::at(None, Some(5)).ready("running");
        Supervisor::default().stopping();
    }
}
