//! One node of the play: its process, its people, and the program's own command line spoken to it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rand_core::Rng;
use serde_json::Value;

use super::check::{Failed, at, list, short, text};
use super::stop::Stop;
use crate::clock;

/// The longest that one call of the command line may take.
const CALL_MAX: Duration = Duration::from_secs(60);
/// The longest that a node may take to start.
const START_MAX: Duration = Duration::from_secs(30);
/// The longest that a node may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(5);
/// The longest that a delivery may take. After a line was cut for a while the next attempt may be some seconds away.
const DELIVERY_MAX_MS: i64 = 60_000;
/// Between two looks at whether something has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// What all nodes of the play share.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// This program.
    pub(crate) program: PathBuf,
    /// The folder of the play; each node has its data folder in it.
    pub(crate) folder: PathBuf,
    /// Whether somebody pressed Ctrl-C.
    pub(crate) stop: Stop,
}

impl Stage {
    /// Runs this program as somebody outside does, who has it and nothing else: in an empty folder, with an empty
    /// environment. The exit status, and what was printed.
    pub(crate) fn outside(&self, words: &[&str]) -> Result<(i32, String), Failed> {
        self.stop.check()?;
        let empty = tempfile::tempdir_in(&self.folder).map_err(|e| world("an empty folder", &e))?;
        let done = Command::new(&self.program)
            .args(words)
            .env_clear()
            .current_dir(empty.path())
            .stdin(Stdio::null())
            .process_group(0)
            .output()
            .map_err(|e| world(&format!("to run `{}`", line(words)), &e))?;
        let said = [done.stdout, done.stderr].concat();
        let status = done.status.code().ok_or_else(|| {
            Failed::new(format!("`{}` to end by itself", line(words)), done.status.to_string())
        })?;
        Ok((status, String::from_utf8_lossy(&said).into_owned()))
    }
}

/// A node of the play.
#[derive(Debug)]
pub(crate) struct Node {
    stage: Stage,
    label: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) address: String,
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    lines: Receiver<String>,
}

/// A refusal, as the command line gives it.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// The stable word.
    pub(crate) code: String,
    /// The values that it rests on.
    pub(crate) detail: String,
    /// Everything that a person reads.
    pub(crate) words: String,
}

/// Three addresses on the loopback that nobody uses.
pub(crate) fn free_addresses() -> Result<[String; 3], Failed> {
    // All three are held at once, so that they differ.
    let one = || {
        let held = TcpListener::bind(("127.0.0.1", 0)).map_err(|e| world("a free port on 127.0.0.1", &e))?;
        let address = held.local_addr().map_err(|e| world("a free port on 127.0.0.1", &e))?;
        Ok((held, address.to_string()))
    };
    let (a, b, c) = (one()?, one()?, one()?);
    Ok([a.1, b.1, c.1])
}

/// A failure of the world: the disk, the network, a process.
pub(crate) fn world(wanted: &str, error: &std::io::Error) -> Failed {
    Failed::new(wanted, error.to_string())
}

impl Node {
    /// A node that is to be made; nothing happens yet.
    pub(crate) fn new(stage: &Stage, label: &'static str, address: String) -> Self {
        let name = format!("service-{label}.example");
        Self { stage: stage.clone(), label, name, address, process: None }
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.stage.folder.join(self.label)
    }

    /// A file of one of its people, or of its own log: beside the data folder, never in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.stage.folder.join("people").join(format!("{}-{name}", self.label))
    }

    /// A file that is handed from one service to another.
    pub(crate) fn handed(&self, name: &str) -> PathBuf {
        self.stage.folder.join("files").join(name)
    }

    /// Starts the node and waits until both its doors are open.
    pub(crate) fn serve(&mut self) -> Result<(), Failed> {
        let log = self.file("node.log");
        // A node that is started again goes on in the same log.
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|e| world(&format!("to write {}", log.display()), &e))?;
        let mut child = Command::new(&self.stage.program)
            .args(["--data", &self.data().display().to_string(), "--json", "serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .process_group(0)
            .spawn()
            .map_err(|e| world("to start a node", &e))?;
        let lines = lines_of(child.stdout.take());
        let process = Process { child, lines };
        let first = process.lines.recv_timeout(START_MAX);
        self.process = Some(process);
        let ready = first.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok());
        if ready.as_ref().and_then(|r| r.get("ready")) != Some(&Value::Bool(true)) {
            let log = fs::read_to_string(self.file("node.log")).unwrap_or_default();
            return Err(Failed::new(format!("{} to start", self.name), short(&ready.unwrap_or(log.into()))));
        }
        Ok(())
    }

    /// Says the words on the command line, as this person. The answer; a refusal ends the demo.
    pub(crate) fn ask(&self, who: &str, words: &[&str]) -> Result<Value, Failed> {
        let (answer, _) = self.answer(who, words)?;
        Ok(answer)
    }

    /// As [`Self::ask`], with the exact text that was printed.
    pub(crate) fn answer(&self, who: &str, words: &[&str]) -> Result<(Value, String), Failed> {
        let (value, text) = self.call(who, words)?;
        match refusal(&value) {
            None => Ok((value, text)),
            Some(refused) => Err(Failed::new(format!("`{}` to be done", line(words)), refused.words)
                .hint(format!("as {who} on {}", self.name))),
        }
    }

    /// Says the words and expects to be refused.
    pub(crate) fn refused(&self, who: &str, words: &[&str]) -> Result<Refused, Failed> {
        let (value, _) = self.call(who, words)?;
        refusal(&value).ok_or_else(|| Failed::new(format!("`{}` to be refused", line(words)), short(&value)))
    }

    /// Asks again and again until the answer has what is looked for. `what` says it in words.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        who: &str,
        words: &[&str],
        look: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, Failed> {
        let begun = clock::now().as_millisecond();
        loop {
            let answer = self.ask(who, words)?;
            if let Some(found) = look(&answer) {
                return Ok(found);
            }
            if clock::now().as_millisecond() - begun > DELIVERY_MAX_MS {
                let found =
                    format!("after {} s `{}` says {}", DELIVERY_MAX_MS / 1000, line(words), short(&answer));
                let log = self.file("node.log");
                return Err(Failed::new(format!("{what}, at {}", self.name), found)
                    .hint(format!("the node's log is {}", log.display())));
            }
            self.stage.stop.wait(LOOK_AGAIN);
        }
    }

    /// Waits until the node has told people something; without a notify hook its notices stand in its log.
    pub(crate) fn until_noticed(&self, notice: &str) -> Result<(), Failed> {
        let (begun, log) = (clock::now().as_millisecond(), self.file("node.log"));
        loop {
            let said =
                fs::read_to_string(&log).map_err(|e| world(&format!("to read {}", log.display()), &e))?;
            if said.lines().any(|line| line.contains("notice") && line.contains(notice)) {
                return Ok(());
            }
            if clock::now().as_millisecond() - begun > DELIVERY_MAX_MS {
                return Err(Failed::new(format!("{} to tell people: {notice}", self.name), "it does not")
                    .hint(format!("the node's log is {}", log.display())));
            }
            self.stage.stop.check()?;
            self.stage.stop.wait(LOOK_AGAIN);
        }
    }

    fn call(&self, who: &str, words: &[&str]) -> Result<(Value, String), Failed> {
        self.stage.stop.check()?;
        let errors = self.file("calls.log");
        let log = File::create(&errors).map_err(|e| world(&format!("to write {}", errors.display()), &e))?;
        let mut child = Command::new(&self.stage.program)
            .args(["--data", &self.data().display().to_string(), "--json"])
            .args(words)
            .env("FOREWARN_SESSION", self.session(who))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(log))
            .process_group(0)
            .spawn()
            .map_err(|e| world(&format!("to run `{}`", line(words)), &e))?;
        let printed = whole_of(child.stdout.take()).recv_timeout(CALL_MAX);
        if printed.is_err() {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|e| world("the command to end", &e))?;
        let printed = printed.map_err(|_| {
            Failed::new(format!("`{}` to end within {} s", line(words), CALL_MAX.as_secs()), "it was killed")
        })?;
        serde_json::from_str(&printed).map(|value| (value, printed.clone())).map_err(|_| {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            Failed::new(
                format!("`{}` to print JSON", line(words)),
                format!("{status}: {}", short(&format!("{printed}{said}").trim().into())),
            )
        })
    }

    /// The session file of a person.
    pub(crate) fn session(&self, who: &str) -> PathBuf {
        self.file(&format!("{who}.session"))
    }

    /// The passphrase file of a person.
    pub(crate) fn passphrase(&self, who: &str) -> PathBuf {
        self.file(&format!("{who}.passphrase"))
    }

    /// Opens an account with its one-time secret and a passphrase drawn here, which logs the person in.
    pub(crate) fn activate(&self, who: &str, secret: &str) -> Result<(), Failed> {
        let mut random = [0; 10];
        clock::rng().fill_bytes(&mut random);
        let secret_file = self.file(&format!("{who}.secret"));
        private(&secret_file, secret)?;
        private(&self.passphrase(who), &hex::encode(random))?;
        let (secret_file, passphrase) = (shown(&secret_file), shown(&self.passphrase(who)));
        let words = ["activate", who, "--secret-file", &secret_file, "--passphrase-file", &passphrase];
        let opened = self.ask(who, &words)?;
        let _ = fs::remove_file(self.file(&format!("{who}.secret")));
        match text(&opened, "/name")? == who {
            true => Ok(()),
            false => Err(Failed::new(format!("{who} to be logged in"), short(&opened))),
        }
    }

    /// Ends the node as a power cut does: SIGKILL, in the middle of whatever it is doing.
    pub(crate) fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = process.child.kill();
        let _ = process.child.wait();
    }

    /// Starts a node again that ran before, and logs everybody in: a session ends with the node.
    pub(crate) fn serve_again(&mut self, people: &[&str]) -> Result<(), Failed> {
        self.serve()?;
        for who in people {
            let passphrase = shown(&self.passphrase(who));
            self.ask(who, &["login", who, "--passphrase-file", &passphrase])?;
        }
        Ok(())
    }

    /// Holds the node where it is, and lets it go on: it answers nobody meanwhile, and its process stays.
    pub(crate) fn held(&self, held: bool) -> Result<(), Failed> {
        let Some(process) = &self.process else {
            return Err(Failed::new(format!("{} to run", self.name), "it does not"));
        };
        let signal = if held { "-STOP" } else { "-CONT" };
        let told = Command::new("kill").args([signal, &process.child.id().to_string()]).status();
        match told.map_err(|e| world("to hold a node", &e))?.success() {
            true => Ok(()),
            false => Err(Failed::new(format!("{} to hear {signal}", self.name), "it does not")),
        }
    }

    /// Stops the node: asked first, killed if it does not.
    pub(crate) fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let pid = process.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).stderr(Stdio::null()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = process.child.kill();
        }
        // Its standard output closes when it ends.
        let ended = loop {
            if let Err(end) = process.lines.recv_timeout(STOP_MAX) {
                break end;
            }
        };
        if ended == RecvTimeoutError::Timeout {
            let _ = process.child.kill();
        }
        let _ = process.child.wait();
    }

    /// Every entry of every log that the node holds, opened, each as the node shows it.
    pub(crate) fn every_entry(&self, who: &str) -> Result<Vec<String>, Failed> {
        let partners = self.ask(who, &["partner", "list"])?;
        let mut entries = Vec::new();
        for partner in list(&partners, "")? {
            for channel in list(partner, "/channels")? {
                let origin = text(channel, "/origin")?;
                let log = origin.rsplit('/').next().unwrap_or_default();
                for index in 0..channel.get("size").and_then(Value::as_u64).unwrap_or_default() {
                    let entry = format!("{log}/{index}");
                    entries
                        .push(self.ask(who, &["show", &entry, "--why", "searched by the demo"])?.to_string());
                }
            }
        }
        Ok(entries)
    }

    /// Whether any file in the data folder, sealed or not, holds these bytes as they are.
    pub(crate) fn holds_bytes(&self, needle: &str) -> Result<bool, Failed> {
        let mut folders = vec![self.data()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).map_err(|e| world(&format!("to read {}", folder.display()), &e))?;
            for entry in entries.flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                if kind.as_ref().is_ok_and(|k| k.is_dir()) {
                    folders.push(path);
                } else if kind.is_ok_and(|k| k.is_file()) {
                    let bytes =
                        fs::read(&path).map_err(|e| world(&format!("to read {}", path.display()), &e))?;
                    if bytes.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle.as_bytes())) {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn private(path: &Path, content: &str) -> Result<(), Failed> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut f| f.write_all(content.as_bytes()))
        .map_err(|e| world(&format!("to write {}", path.display()), &e))
}

/// A path as a word of the command line.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn refusal(value: &Value) -> Option<Refused> {
    let error = at(value, "/error").ok()?;
    let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let words: Vec<_> =
        [part("fact"), part("detail"), part("hint")].into_iter().filter(|w| !w.is_empty()).collect();
    Some(Refused { code: part("code"), detail: part("detail"), words: words.join("; ") })
}

fn line(words: &[&str]) -> String {
    format!("forewarn {}", words.join(" "))
}

fn lines_of(out: Option<ChildStdout>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = out.into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok);
        // Nobody listens any more once the node was told to stop; the pipe is still emptied.
        lines.for_each(|line| drop(send.send(line)));
    });
    receive
}

fn whole_of(out: Option<ChildStdout>) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut out) = out {
            let _ = out.read_to_string(&mut text);
        }
        let _ = send.send(text);
    });
    receive
}
