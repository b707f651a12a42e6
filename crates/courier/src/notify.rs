//! Notices to people: a content-free line to a command or a webhook, tried again until it is heard or given up.

use std::process::Stdio;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use exchange::alarm;
use exchange::refusal::Refusal;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::watch::Courier;

/// How long one try may take, in seconds.
const TRY_SECONDS_MAX: u64 = 10;
/// After how many tries a notice is given up, and `doctor` says so.
const TRIES_MAX: u32 = 10;
/// How many notices are told before the queue is looked at again, in case something more pressing has come.
const NOTICES_PER_LOOK_MAX: u32 = 8;
/// How long the queue is left alone at most, in seconds.
const PAUSE_SECONDS_MAX: u64 = 5;

/// Who hears the notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// A program; it gets the line on its standard input and as its last argument.
    Command(Vec<String>),
    /// A plain `http://host:port/path`, as a rule a relay on this machine; it gets the line as text.
    Webhook {
        /// `host:port`.
        address: String,
        /// The path.
        path: String,
    },
}

/// The hook that is in use, which the operator may change while the node runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct HookInUse(Arc<RwLock<Option<Hook>>>);

impl HookInUse {
    /// The hook, if there is one.
    pub fn now(&self) -> Option<Hook> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next notice on this hook hears them; without one they go to the node's log.
    pub fn set(&self, hook: Option<Hook>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = hook;
    }
}

impl From<Option<Hook>> for HookInUse {
    fn from(hook: Option<Hook>) -> Self {
        Self(Arc::new(RwLock::new(hook)))
    }
}

impl Hook {
    /// Reads a webhook's address. Only plain HTTP is spoken here: put a relay in front for anything that leaves the machine.
    pub fn webhook(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or("a webhook is a http:// address; use a command for anything else")?;
        let (address, path) = rest.split_once('/').map_or((rest, String::new()), |(a, p)| (a, p.to_owned()));
        if !address.contains(':') {
            return Err("a webhook names its port, e.g. http://127.0.0.1:8080/alarm".to_owned());
        }
        Ok(Self::Webhook { address: address.to_owned(), path: format!("/{path}") })
    }

    async fn tell(&self, line: &str) -> Result<(), String> {
        let told = async {
            match self {
                Self::Command(words) => run(words, line).await,
                Self::Webhook { address, path } => post(address, path, line).await,
            }
        };
        timeout(Duration::from_secs(TRY_SECONDS_MAX), told)
            .await
            .unwrap_or_else(|_| Err(format!("it took longer than {TRY_SECONDS_MAX} s")))
    }
}

async fn run(words: &[String], line: &str) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("the command is empty")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| e.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its input is no error: it has the line as its argument.
        let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
    }
    let status = child.wait().await.map_err(|e| e.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

async fn post(address: &str, path: &str, line: &str) -> Result<(), String> {
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let request = Request::post(path)
        .header(HOST, address)
        .header(CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::new(Bytes::from(line.to_owned())))
        .map_err(|e| e.to_string())?;
    let answered = async move { sender.send_request(request).await.map_err(|e| e.to_string()) };
    let (answer, _) = tokio::join!(answered, connection);
    let status = answer?.status();
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
}

/// Sends what is due until the node stops. Without a hook the lines go to the node's log.
pub(crate) async fn send_notices(courier: Arc<Courier>, mut stop: watch::Receiver<bool>) {
    let mut bell = courier.bell.listen();
    while !*stop.borrow() {
        match round(&courier).await {
            Ok(told) if told >= NOTICES_PER_LOOK_MAX => continue,
            Ok(_) => {}
            Err(refusal) => tracing::error!(fact = %refusal.for_the_log(), "the notices could not be sent"),
        }
        let pause = timeout(Duration::from_secs(PAUSE_SECONDS_MAX), bell.changed());
        tokio::select! {
            _ = pause => {}
            stopped = stop.changed() => if stopped.is_err() { return },
        }
    }
}

/// Tells what presses most, and gives how many were tried.
async fn round(courier: &Arc<Courier>) -> Result<u32, Refusal> {
    let now = courier.clock.now();
    let house = courier.house.clone();
    let due = blocking(move || alarm::due_now(&house, now, NOTICES_PER_LOOK_MAX)).await?;
    let mut tried = 0;
    for notice in due {
        tried += 1;
        let line = alarm::worded(&notice.line, now);
        let told = match courier.hook.now() {
            Some(hook) => hook.tell(&line).await,
            None => {
                tracing::warn!(notice = alarm::without_persons(&line), "a notice, and no hook to hear it");
                Ok(())
            }
        };
        let (house, attempts) = (courier.house.clone(), notice.attempts);
        if let Err(why) = &told {
            tracing::warn!(%why, attempts, "the notify hook failed");
        }
        let end = match told {
            Ok(()) => alarm::Told::Heard,
            Err(_) if attempts + 1 >= TRIES_MAX => alarm::Told::GivenUp,
            Err(_) => alarm::Told::AgainAt(again_at(now, attempts)),
        };
        blocking(move || alarm::told(&house, notice.id, end)).await?;
    }
    Ok(tried)
}

/// Two seconds after the first failure, then twice as long each time, at most five minutes.
fn again_at(now: Timestamp, attempts: u32) -> Timestamp {
    let seconds = (2i64 << attempts.min(10)).min(300);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now)
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(act)
        .await
        .unwrap_or_else(|_| Err(Refusal::world("stopping", "the node is stopping")))
}
