//! A partner that lies over real sockets: it has keys, a card and a TLS key of its own, speaks TLS 1.3 on 127.0.0.1 both ways,
//! and says to each request whatever a test has scripted.
//!
//! What it sends is made by [`ByHand`]; what it receives it keeps and cosigns as an honest partner does ([`Desk`]), unless
//! the script says otherwise. HTTP is written by hand ([`wire`]), so that nothing keeps it from being wrong. It needs a
//! tokio runtime.

mod desk;
mod wire;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exchange::keys::NodeKeys;
use gate::tls::{SpkiPin, TlsIdentity, client_config, generate_certificate, server_config};
use jiff::Timestamp;
use model::id::PartyName;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustls::pki_types::ServerName;
use tlog::channel::{ChannelStatement, Origin, Use};
use tlog::key::VerifierKey;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

pub use desk::{Desk, TheirLog};
pub use wire::{Asked, Heard, Said};

use crate::by_hand::{ByHand, card_of, proposal_between};
use crate::house::{keys_of, party};

/// How long a node may take to answer it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test has it say to a request.
type Script = Box<dyn FnMut(&Asked, &mut Desk) -> Said + Send>;

/// The node that it lies to, as it stands on that node's card.
#[derive(Debug, Clone)]
pub struct Victim {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its TLS key.
    pub pin: SpkiPin,
    /// Its identity.
    pub identity: VerifierKey,
    /// The key of its receipts.
    pub cosigner: VerifierKey,
}

/// A lying partner.
pub struct Hostile {
    /// Its name.
    pub name: PartyName,
    /// Where it listens.
    pub address: SocketAddr,
    identity: Arc<TlsIdentity>,
    keys: NodeKeys,
    victim: Victim,
    now: Timestamp,
    from: IpAddr,
    stage: Arc<Stage>,
    _stop: watch::Sender<()>,
}

/// What its server and the test share.
struct Stage {
    desk: Mutex<Desk>,
    script: Mutex<Script>,
    asked: watch::Sender<Vec<Asked>>,
}

impl Hostile {
    /// A partner of this name that listens, honest until a script is given. `seed` makes its TLS key. Everything that it
    /// signs is dated `now`.
    pub async fn listening(name: &str, seed: u64, victim: Victim, now: Timestamp) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let identity = Arc::new(generate_certificate(name, now, &mut StdRng::seed_from_u64(seed)).unwrap());
        let name = party(name);
        let stage = Arc::new(Stage {
            desk: Mutex::new(Desk::of(keys_of(&name), now)),
            script: Mutex::new(Box::new(|_, _| Said::Honest)),
            asked: watch::channel(Vec::new()).0,
        });
        let (stop, stopped) = watch::channel(());
        tokio::spawn(serve(listener, Arc::clone(&identity), Arc::clone(&stage), stopped));
        let from = Ipv4Addr::LOCALHOST.into();
        Self { keys: keys_of(&name), name, address, identity, victim, now, from, stage, _stop: stop }
    }

    /// Its card: where it listens and with which key.
    pub fn card(&self) -> String {
        self.card_with(&self.keys, self.identity.pin().unwrap())
    }

    /// A card that names the same address and the TLS key `pin`, signed by an identity of the same name.
    pub fn card_with(&self, keys: &NodeKeys, pin: SpkiPin) -> String {
        card_of(&self.name, keys, &self.address.to_string(), pin.0)
    }

    /// The keys of its node.
    pub fn keys(&self) -> &NodeKeys {
        &self.keys
    }

    /// Its certificate and key.
    pub fn identity(&self) -> &TlsIdentity {
        &self.identity
    }

    /// From now on it answers requests in this way.
    pub fn lies(&self, script: impl FnMut(&Asked, &mut Desk) -> Said + Send + 'static) {
        *self.stage.script.lock().unwrap() = Box::new(script);
    }

    /// From now on it is honest.
    pub fn repents(&self) {
        self.lies(|_, _| Said::Honest);
    }

    /// What it holds of the node's logs.
    pub fn desk<T>(&self, look: impl FnOnce(&mut Desk) -> T) -> T {
        look(&mut self.stage.desk.lock().unwrap())
    }

    /// Everything that it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.stage.asked.borrow().clone()
    }

    /// Waits until it has been asked something.
    pub async fn until_asked(&self, what: &str, is: impl Fn(&Asked) -> bool) {
        let mut asked = self.stage.asked.subscribe();
        let found = asked.wait_for(|all| all.iter().any(&is));
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("it was never asked: {what}")).unwrap();
    }

    /// Calls from this address of the loopback from now on.
    pub fn calls_from(&mut self, from: Ipv4Addr) {
        self.from = from.into();
    }

    /// Opens its log to the node, over the wire, with entry 0 made and not sent.
    pub async fn opens(&self, use_: Use) -> ByHand {
        let proposal = proposal_between(&self.keys, (&self.victim.identity, &self.victim.cosigner), use_);
        let signed = proposal.sign_as_giver(&self.keys.identity).unwrap().to_string();
        let heard = self.ask("POST", "/peer/v1/channel", signed.as_bytes()).await;
        assert_eq!(heard.status, 200, "{}", heard.text());
        let statement = ChannelStatement::parse(&heard.body).unwrap();
        ByHand::holding(self.name.clone(), keys_of(&self.name), statement, self.now).opened()
    }

    /// Its log as it stands in `of`, once more, to be gone on with in another way.
    pub fn again(&self, of: &ByHand) -> ByHand {
        let statement = of.statement().clone();
        let mut again = ByHand::holding(self.name.clone(), keys_of(&self.name), statement, self.now);
        again.entries.clone_from(&of.entries);
        again
    }

    /// Sends a parcel to a log.
    pub async fn sends(&self, origin: &Origin, parcel: &[u8]) -> Heard {
        self.ask("POST", &format!("/peer/v1/log/{}/add-entries", origin.hex()), parcel).await
    }

    /// A request as it should be, and the answer.
    pub async fn ask(&self, method: &str, path: &str, body: &[u8]) -> Heard {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {}\r\n\r\n", body.len())
                .into_bytes();
        request.extend_from_slice(body);
        self.says(&request).await
    }

    /// Any bytes on a connection of their own, and the answer to them.
    pub async fn says(&self, bytes: &[u8]) -> Heard {
        let mut line = self.dials().await;
        // A node that has answered already need not take the rest.
        let _ = line.write_all(bytes).await;
        let _ = line.flush().await;
        soon(wire::answer(&mut line)).await
    }

    /// A connection with its own certificate to the node, on which a test writes what it likes.
    pub async fn dials(&self) -> client::TlsStream<TcpStream> {
        self.tries_to_dial(&self.identity).await.unwrap()
    }

    /// The same with another certificate.
    pub async fn tries_to_dial(
        &self,
        identity: &TlsIdentity,
    ) -> std::io::Result<client::TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        let stream = soon(socket.connect(self.victim.address)).await?;
        let config = client_config(identity, self.victim.pin).unwrap();
        let name = ServerName::try_from("node.invalid").unwrap();
        soon(TlsConnector::from(config).connect(name, stream)).await
    }

    /// Reads an answer that came on a connection, and whether the node then closed it.
    pub async fn hears(&self, line: &mut client::TlsStream<TcpStream>) -> Heard {
        soon(wire::answer(line)).await
    }
}

async fn soon<F: Future>(what: F) -> F::Output {
    timeout(PATIENCE, what).await.expect("it should have come by now")
}

async fn serve(
    listener: TcpListener,
    identity: Arc<TlsIdentity>,
    stage: Arc<Stage>,
    mut stopped: watch::Receiver<()>,
) {
    let acceptor = TlsAcceptor::from(server_config(&identity).unwrap());
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => accepted.unwrap().0,
        };
        let (acceptor, stage, mut stopped) = (acceptor.clone(), Arc::clone(&stage), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = stopped.changed() => {}
                () = attend(acceptor, stream, stage) => {}
            }
        });
    }
}

/// One connection, until either side has enough.
async fn attend(acceptor: TlsAcceptor, stream: TcpStream, stage: Arc<Stage>) {
    let Ok(mut line) = acceptor.accept(stream).await else { return };
    while let Some(asked) = wire::request(&mut line).await {
        stage.asked.send_modify(|all| all.push(asked.clone()));
        let said = {
            let (mut desk, mut script) = (stage.desk.lock().unwrap(), stage.script.lock().unwrap());
            match script(&asked, &mut desk) {
                Said::Honest => {
                    let (status, body) = desk.honest(&asked);
                    Said::Status(status, body)
                }
                other => other,
            }
        };
        if !tell(&mut line, said).await {
            return;
        }
    }
}

/// Says it; whether the connection goes on.
async fn tell(line: &mut server::TlsStream<TcpStream>, said: Said) -> bool {
    wire::tell(line, said).await.unwrap_or_default()
}
