//! Calls another node, or the node of this machine: one request, one answer, within limits.
//!
//! [`PeerClient`] speaks HTTP/1.1 over TLS to one partner, whose key is pinned in its configuration. [`unix_request`]
//! speaks to the local control socket. Nothing here follows a redirect, reads a proxy setting, keeps a cookie or looks
//! at what a body says.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use rustls::{CertificateError, ClientConfig, OtherError};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::limits::DialLimits;
use crate::line::{Fault, Line, tls_error};
use crate::tls::{OtherKey, SpkiPin, any_node_name};

/// What the other side answered, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`, as sent; none when absent or not printable ASCII.
    pub content_type: Option<String>,
    /// `Retry-After` in seconds; none when absent or given as a date.
    pub retry_after_s: Option<u64>,
    /// The whole body, at most [`DialLimits::answer_bytes_max`].
    pub body: Vec<u8>,
}

/// Why a partner could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreached {
    /// The address is not `host:port`, or the name is not known.
    Name,
    /// Nobody listens there.
    Refused,
    /// No answer within [`DialLimits::connect_ms_max`].
    NoAnswer,
    /// The connection was made and closed again before the first byte of an answer: as a rule they have too many. If
    /// it was closed after the handshake, the request may have been carried out.
    HungUp,
    /// Another failure of the network.
    Network,
}

/// What took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The TLS handshake ([`DialLimits::handshake_ms_max`]).
    Handshake,
    /// Request and answer ([`DialLimits::exchange_ms_max`]).
    Exchange,
}

/// Why a partner gave no answer.
///
/// The `Display` of each is the fact; [`DialError::detail`] and [`DialError::hint`] are the other two parts.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// World: nobody was there to answer. Nothing was sent, unless `why` is [`Unreached::HungUp`]. Try later.
    #[error("the partner's node at {address} cannot be reached")]
    Unreachable {
        /// Whom we called.
        address: String,
        /// What failed.
        why: Unreached,
        /// What the system says.
        source: io::Error,
    },
    /// Theirs: another key than the pinned one. Nothing was said. Do not try on without a person.
    #[error("the node at {address} is not the partner: it shows another key")]
    WrongKey {
        /// Whom we called.
        address: String,
        /// The pin on the partner's card.
        expected: SpkiPin,
        /// The pin of the key shown; claimed, not proved.
        seen: SpkiPin,
    },
    /// Theirs: TLS failed for another reason, as when they refuse our certificate.
    #[error("no secure connection with the node at {address}")]
    Tls {
        /// Whom we called.
        address: String,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// Theirs: not HTTP/1.1, or the answer broke off. The request may have been carried out.
    #[error("the node at {address} gave no whole answer")]
    Protocol {
        /// Whom we called.
        address: String,
        /// What the HTTP library says.
        source: hyper::Error,
    },
    /// Theirs: the answer's body is over the limit. The request may have been carried out.
    #[error("the answer of the node at {address} is too large")]
    TooLarge {
        /// Whom we called.
        address: String,
        /// The limit.
        answer_bytes_max: u64,
    },
    /// World: it took too long. The request may have been carried out.
    #[error("the node at {address} did not answer in time")]
    TimedOut {
        /// Whom we called.
        address: String,
        /// At what.
        step: Step,
        /// The limit.
        ms_max: u64,
    },
    /// Ours: address, path or content type cannot stand in an HTTP request. Nothing was sent.
    #[error("the request to {address} cannot be written")]
    NotARequest {
        /// Whom we would have called.
        address: String,
        /// What the HTTP library says.
        source: axum::http::Error,
    },
}

impl DialError {
    /// Gives the values behind the fact, on one line.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Unreachable { why, source, .. } => match why {
                Unreached::Name => format!("the address cannot be looked up: {source}"),
                Unreached::Refused => "nobody listens there".to_owned(),
                Unreached::NoAnswer => "no answer to the attempt to connect".to_owned(),
                Unreached::HungUp => "the connection was closed before an answer began".to_owned(),
                Unreached::Network => source.to_string(),
            },
            Self::WrongKey { expected, seen, .. } => format!("pinned {expected}, shown {seen}"),
            Self::Tls { source, .. } => source.to_string(),
            Self::Protocol { source, .. } => with_causes(source),
            Self::TooLarge { answer_bytes_max, .. } => format!("it is larger than {answer_bytes_max} bytes"),
            Self::TimedOut { step, ms_max, .. } => match step {
                Step::Handshake => format!("the TLS handshake was not done after {ms_max} ms"),
                Step::Exchange => format!("request and answer were not done after {ms_max} ms"),
            },
            Self::NotARequest { source, .. } => source.to_string(),
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { why: Unreached::Name, .. } => "Check the address on the partner's card.",
            Self::Unreachable { .. } => {
                "It is tried again by itself; if it lasts, call the partner's duty desk."
            }
            Self::WrongKey { .. } => {
                "Call the partner's duty desk: a new key needs a new card, compared by voice. Until then, somebody \
                 else may be answering in their place."
            }
            Self::Tls { .. } => {
                "Ask the partner whether they have confirmed our card, and which TLS they allow."
            }
            Self::Protocol { .. } => {
                "Check that the address is a node's and that no proxy stands in between."
            }
            Self::TooLarge { .. } => {
                "Ask the partner what stands at this address; a node sends no such answer."
            }
            Self::TimedOut { .. } => {
                "It is tried again by itself; if it lasts, look at the line between the nodes."
            }
            Self::NotARequest { .. } => "Check the address on the partner's card.",
        }
    }
}

/// Calls one partner's node, and keeps the connection for the next request.
///
/// One request at a time; callers who share it wait for each other (that time is in no limit). Must be used inside a
/// tokio runtime. Dropping a request's future closes its connection.
#[derive(Debug)]
pub struct PeerClient {
    address: String,
    config: Arc<ClientConfig>,
    limits: DialLimits,
    kept: Mutex<Option<Line>>,
}

impl PeerClient {
    /// Makes a client for the node at `address` (`host:port`); calls nobody yet. `config` comes from
    /// [`crate::tls::client_config`] and holds the pin.
    #[must_use]
    pub fn new(address: String, config: Arc<ClientConfig>, limits: DialLimits) -> Self {
        Self { address, config, limits, kept: Mutex::new(None) }
    }

    /// Sends one request and gives the whole answer, whatever its status.
    ///
    /// `path` begins with `/` and may hold a query. When a *kept* connection turns out closed before the first byte of
    /// the answer, the request is sent once more over another one; so it may arrive twice, and must be one that can.
    /// After any error the connection is closed.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<PeerAnswer, DialError> {
        let request = self.write_request(method, path, content_type, body)?;
        let mut kept = self.kept.lock().await;
        let first = match kept.take() {
            Some(mut line) => match line.exchange(request.clone(), &self.limits).await {
                Err(Fault::Closed(_)) => None,
                done => Some((line, done)),
            },
            None => None,
        };
        let (line, done) = match first {
            Some(first) => first,
            None => {
                let mut line = self.dial().await?;
                let done = line.exchange(request, &self.limits).await;
                (line, done)
            }
        };
        let answer = done.map_err(|fault| self.say(fault))?;
        *kept = line.kept();
        Ok(answer)
    }

    fn write_request(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, DialError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.as_str());
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request
            .body(Full::from(body))
            .map_err(|source| DialError::NotARequest { address: self.address.clone(), source })
    }

    async fn dial(&self) -> Result<Line, DialError> {
        let unreachable = |why, source| DialError::Unreachable { address: self.address.clone(), why, source };
        let stream = match timeout(self.limits.connect(), connect(&self.address)).await {
            Ok(connected) => connected.map_err(|(why, source)| unreachable(why, source))?,
            Err(late) => return Err(unreachable(Unreached::NoAnswer, late.into())),
        };
        // Requests are written whole; waiting to fill packets only delays them. A socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let name = any_node_name().map_err(|error| unreachable(Unreached::Name, io::Error::other(error)))?;
        let shaken = timeout(
            self.limits.handshake(),
            TlsConnector::from(Arc::clone(&self.config)).connect(name, stream),
        );
        match shaken.await {
            Ok(Ok(stream)) => Line::open(stream, &self.limits).await.map_err(|fault| self.say(fault)),
            Ok(Err(error)) => Err(match tls_error(&error) {
                Some(tls) => self.say(Fault::Tls(tls)),
                None => unreachable(Unreached::HungUp, error),
            }),
            Err(_) => Err(DialError::TimedOut {
                address: self.address.clone(),
                step: Step::Handshake,
                ms_max: self.limits.handshake_ms_max,
            }),
        }
    }

    fn say(&self, fault: Fault) -> DialError {
        let address = self.address.clone();
        match fault {
            Fault::Tls(source) => match other_key(&source) {
                Some(OtherKey { expected, seen }) => DialError::WrongKey { address, expected, seen },
                None => DialError::Tls { address, source },
            },
            Fault::Closed(source) => {
                DialError::Unreachable { address, why: Unreached::HungUp, source: io::Error::other(source) }
            }
            Fault::Http(source) => DialError::Protocol { address, source },
            Fault::TooLarge => {
                DialError::TooLarge { address, answer_bytes_max: self.limits.answer_bytes_max }
            }
            Fault::TimedOut => {
                DialError::TimedOut { address, step: Step::Exchange, ms_max: self.limits.exchange_ms_max }
            }
        }
    }
}

/// Why the node of this machine gave no answer.
///
/// The `Display` of each is the fact; [`LocalError::detail`] and [`LocalError::hint`] are the other two parts.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Yours: there is no such socket, or nobody listens on it: the node is not running.
    #[error("the node is not running")]
    NobodyListens {
        /// The socket's path.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Yours: this user may not open the socket.
    #[error("this user may not speak to the node")]
    NotAllowed {
        /// The socket's path.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// World: the socket cannot be opened for another reason.
    #[error("the node's socket cannot be opened")]
    Socket {
        /// The socket's path.
        socket: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Ours: the node closed the connection before the answer, or broke it off. The request may have been carried out.
    #[error("the node gave no whole answer")]
    Protocol {
        /// The socket's path.
        socket: PathBuf,
        /// What the HTTP library says.
        source: hyper::Error,
    },
    /// Ours: the answer's body is over the limit. The request may have been carried out.
    #[error("the node's answer is too large")]
    TooLarge {
        /// The limit.
        answer_bytes_max: u64,
    },
    /// World: it took too long. The request may have been carried out.
    #[error("the node did not answer in time")]
    TimedOut {
        /// The limit.
        ms_max: u64,
    },
    /// Ours: path or header cannot stand in an HTTP request. Nothing was sent.
    #[error("the request to the node cannot be written")]
    NotARequest {
        /// What the HTTP library says.
        source: axum::http::Error,
    },
}

impl LocalError {
    /// Gives the values behind the fact, on one line.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::NobodyListens { socket, source }
            | Self::NotAllowed { socket, source }
            | Self::Socket { socket, source } => format!("{}: {source}", socket.display()),
            Self::Protocol { socket, source } => format!("{}: {}", socket.display(), with_causes(source)),
            Self::TooLarge { answer_bytes_max } => format!("it is larger than {answer_bytes_max} bytes"),
            Self::TimedOut { ms_max } => format!("nothing whole came within {ms_max} ms"),
            Self::NotARequest { source } => source.to_string(),
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NobodyListens { .. } => "Start the node, or name the folder of the one that runs.",
            Self::NotAllowed { .. } => {
                "Ask the operator to add this user to the group of the socket's folder."
            }
            Self::Socket { .. } => "Check the socket's path.",
            Self::Protocol { .. } | Self::TimedOut { .. } => {
                "Look at the node's log, then ask for the state again."
            }
            Self::TooLarge { .. } => "Ask for less at once.",
            Self::NotARequest { .. } => "This is a fault of the program: please report it.",
        }
    }
}

/// Sends one request to the node that listens on `socket` and gives the whole answer, whatever its status.
///
/// `path` begins with `/` and may hold a query; `headers` are sent as they are, with `Host` and `Connection` added.
/// The connection is closed afterwards. Must be used inside a tokio runtime.
pub async fn unix_request(
    socket: &Path,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Vec<u8>,
    limits: &DialLimits,
) -> Result<PeerAnswer, LocalError> {
    let uri = Uri::try_from(path).map_err(|error| LocalError::NotARequest { source: error.into() })?;
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));

    let connected = match timeout(limits.connect(), UnixStream::connect(socket)).await {
        Ok(connected) => connected,
        Err(late) => Err(late.into()),
    };
    let stream = connected.map_err(|source| not_connected(socket, source))?;
    let say = |fault| match fault {
        Fault::Closed(source) | Fault::Http(source) => {
            LocalError::Protocol { socket: socket.to_owned(), source }
        }
        Fault::Tls(source) => {
            LocalError::Socket { socket: socket.to_owned(), source: io::Error::other(source) }
        }
        Fault::TooLarge => LocalError::TooLarge { answer_bytes_max: limits.answer_bytes_max },
        Fault::TimedOut => LocalError::TimedOut { ms_max: limits.exchange_ms_max },
    };
    let mut line = Line::open(stream, limits).await.map_err(say)?;
    line.exchange(request, limits).await.map_err(say)
}

fn not_connected(socket: &Path, source: io::Error) -> LocalError {
    let socket = socket.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            LocalError::NobodyListens { socket, source }
        }
        io::ErrorKind::PermissionDenied => LocalError::NotAllowed { socket, source },
        _ => LocalError::Socket { socket, source },
    }
}

async fn connect(address: &str) -> Result<TcpStream, (Unreached, io::Error)> {
    let found = lookup_host(address).await.map_err(|error| (Unreached::Name, error))?;
    let addresses: Vec<SocketAddr> = found.collect();
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => Unreached::Refused,
            io::ErrorKind::TimedOut => Unreached::NoAnswer,
            _ => Unreached::Network,
        };
        (why, error)
    })
}

fn other_key(error: &rustls::Error) -> Option<OtherKey> {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            inner.downcast_ref::<OtherKey>().copied()
        }
        _ => None,
    }
}

/// Writes an error and what caused it on one line.
fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
