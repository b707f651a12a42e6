//! HTTP/1.1 by hand: what the lying partner reads, and what it writes, right or wrong.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::interval;

/// How long it waits between two bytes that it gives one at a time.
const DRIP: Duration = Duration::from_millis(5);
/// The longest head that it reads, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `GET` or `POST`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// A parcel is brought.
    pub fn is_parcel(&self) -> bool {
        self.path.ends_with("/add-entries")
    }

    /// Its newest head of a log is wanted.
    pub fn is_head(&self) -> bool {
        self.path.ends_with("/checkpoint")
    }

    /// Its copy of a log is wanted.
    pub fn is_copy(&self) -> bool {
        self.path.contains("/parcel?from=")
    }

    /// A proof is wanted that one size of its log begins with another; the two sizes.
    pub fn is_proof(&self) -> Option<(u64, u64)> {
        let (_, sizes) = self.path.split_once("/consistency?old=")?;
        let (old, new) = sizes.split_once("&new=")?;
        Some((old.parse().ok()?, new.parse().ok()?))
    }

    /// A channel statement is to be countersigned.
    pub fn is_statement(&self) -> bool {
        self.path == "/peer/v1/channel" && self.method == "POST"
    }
}

/// What is said to a request.
#[derive(Debug, Clone)]
pub enum Said {
    /// What an honest partner says.
    Honest,
    /// A whole answer.
    Status(u16, Vec<u8>),
    /// These bytes, and then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes one at a time, and then nothing.
    Drip(Vec<u8>),
    /// The first bytes once and the second for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// Nothing; the connection is closed.
    HangUp,
}

/// An answer that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The status; 0 if the connection was closed without an answer.
    pub status: u16,
    /// The head, in lower case.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the node closed the connection after it, or said that it will.
    pub closed: bool,
}

impl Heard {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads a request; `None` once the caller has gone.
pub(crate) async fn request(line: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let head = head(line).await?;
    let mut first = head.lines().next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let mut body = vec![0; length(&head)];
    line.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path, body })
}

/// Reads an answer, as much of it as comes.
pub(crate) async fn answer(line: &mut (impl AsyncRead + Unpin)) -> Heard {
    let Some(head) = head(line).await else {
        return Heard { status: 0, head: String::new(), body: Vec::new(), closed: true };
    };
    let head = head.to_lowercase();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length(&head)];
    let whole = line.read_exact(&mut body).await.is_ok();
    let closed = !whole || head.contains("connection: close");
    Heard { status, head, body, closed }
}

/// Says it; whether the connection goes on.
pub(crate) async fn tell(line: &mut (impl AsyncWrite + Unpin), said: Said) -> io::Result<bool> {
    match said {
        Said::Honest | Said::HangUp => Ok(false),
        Said::Status(status, body) => {
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
            line.write_all(head.as_bytes()).await?;
            line.write_all(&body).await?;
            line.flush().await?;
            Ok(true)
        }
        Said::Raw(bytes) => {
            line.write_all(&bytes).await?;
            line.shutdown().await?;
            Ok(false)
        }
        Said::Drip(bytes) => {
            let mut ticks = interval(DRIP);
            for byte in bytes {
                ticks.tick().await;
                line.write_all(&[byte]).await?;
                line.flush().await?;
            }
            std::future::pending().await
        }
        Said::Endless(first, then) => {
            line.write_all(&first).await?;
            loop {
                line.write_all(&then).await?;
            }
        }
    }
}

async fn head(line: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(line.read_u8().await.ok()?);
        if head.len() > HEAD_BYTES_MAX {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

fn length(head: &str) -> usize {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}
