//! A node as its operator runs it: figures, reload, the service manager, credentials, the doctor, the unit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a test may stop at the first surprise, and says what it could not look at"
)]

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

struct Folder {
    root: TempDir,
    data: PathBuf,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn forewarn(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forewarn"));
    command.arg("--data").arg(data).arg("--session").arg(data.with_extension("session"));
    for name in
        ["FOREWARN_SESSION", "FOREWARN_DATA", "FOREWARN_LOG", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY"]
    {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn made() -> Folder {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("node");
    let address = format!("127.0.0.1:{}", free_port());
    let done = forewarn(&data)
        .args(["--json", "init", "--name", "service-a.example", "--contact", "duty desk A, +00 100"])
        .args(["--address", &address])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", text(&done));
    fs::write(root.path().join("made.json"), &done.stdout).unwrap();
    Folder { root, data }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Folder {
    /// Sets a value of the configuration.
    fn set(&self, key: &str, value: Value) {
        let path = self.data.join("node.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[key] = value;
        fs::write(&path, config.to_string()).unwrap();
    }

    fn start(&self) -> Node {
        self.start_with(|_| {})
    }

    fn start_with(&self, more: impl FnOnce(&mut Command)) -> Node {
        let mut command = forewarn(&self.data);
        command
            .args(["--json", "serve", "--log-format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        more(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        assert!(line.contains("ready"), "the node said {line:?}: {}", rest(log));
        Node { child, log }
    }

    fn doctor(&self) -> (Option<i32>, Value) {
        let done = forewarn(&self.data).args(["--json", "doctor"]).output().unwrap();
        let found: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{}", text(&done)));
        // The disk of whoever runs this test may be as full as it likes.
        let all = found.as_array().unwrap_or_else(|| panic!("{found}")).iter();
        let found = all.filter(|f| !f["fact"].as_str().unwrap().contains("the disk")).cloned().collect();
        (done.status.code(), Value::Array(found))
    }

    /// Logs the first operator in.
    fn log_in(&self) {
        let made: Value =
            serde_json::from_slice(&fs::read(self.root.path().join("made.json")).unwrap()).unwrap();
        let private = |name: &str, text: &str| {
            let path = self.root.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            path
        };
        let secret = private("secret", made["secret"].as_str().unwrap());
        let passphrase = private("passphrase", "otter lantern gravel");
        let mut command = forewarn(&self.data);
        command
            .args(["activate", "operator", "--secret-file"])
            .arg(secret)
            .arg("--passphrase-file")
            .arg(passphrase);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{}", text(&done));
    }
}

fn rest(mut log: BufReader<ChildStderr>) -> String {
    let mut all = String::new();
    log.read_to_string(&mut all).unwrap();
    all
}

struct Node {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Node {
    fn signal(&self, name: &str) {
        let told = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// The next line of the log that says this.
    fn until(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "the log ended before {message:?}");
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Stops it and gives what was still to be read of its log.
    fn stop(mut self) -> String {
        self.signal("-TERM");
        let all = rest(self.log);
        assert!(self.child.wait().unwrap().success(), "{all}");
        all
    }
}

/// Asks over a connection that is left open.
fn ask(stream: &mut TcpStream, path: &str) -> (u16, String) {
    write!(stream, "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_default().parse().unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

fn get(address: &str, path: &str) -> (u16, String) {
    ask(&mut TcpStream::connect(address).unwrap(), path)
}

fn facts(found: &Value) -> Vec<&str> {
    found.as_array().unwrap().iter().map(|f| f["fact"].as_str().unwrap()).collect()
}

#[test]
fn the_figures_are_shown_where_the_operator_says_and_nowhere_else() {
    let folder = made();
    let address = format!("127.0.0.1:{}", free_port());
    let node = folder.start();
    assert!(TcpStream::connect(&address).is_err(), "nothing that was not asked for");
    node.stop();
    folder.set("metrics", json!(address));
    let node = folder.start();
    assert_eq!(get(&address, "/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(get(&address, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(get(&address, "/").0, 404);
    let (status, page) = get(&address, "/metrics");
    assert_eq!(status, 200);
    let documented =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operating.md")).unwrap();
    let mut families = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(documented.contains(&format!("`{name}`")), "docs/operating.md does not explain {name}");
        families += 1;
    }
    assert!(families > 20, "{page}");
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(page.contains("forewarn_database_bytes{file=\"node.db\"}"), "{page}");
    node.stop();
}

#[test]
fn figures_for_other_machines_are_refused_at_the_start() {
    let folder = made();
    folder.set("metrics", json!("0.0.0.0:9464"));
    let refused = forewarn(&folder.data).args(["--json", "serve"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(text(&refused).contains("which other machines can reach"), "{}", text(&refused));
}

#[test]
fn a_reload_changes_what_can_change_and_drops_no_connection() {
    let folder = made();
    let (first, second) = (format!("127.0.0.1:{}", free_port()), format!("127.0.0.1:{}", free_port()));
    folder.set("metrics", json!(first));
    let mut node = folder.start();
    let mut kept = UnixStream::connect(folder.data.join("control.sock")).unwrap();
    let mut ask_node = || {
        kept.write_all(b"POST /v1/status HTTP/1.1\r\nhost: forewarn\r\ncontent-length: 0\r\n\r\n").unwrap();
        let mut answer = [0; 4096];
        let length = kept.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    assert!(ask_node().starts_with("HTTP/1.1 401"));
    folder.set("metrics", json!(second));
    folder.set("log", json!("debug"));
    folder.set("duty_minutes", json!(15));
    folder.set("silence_minutes", json!(90));
    folder.set("silence_minutes_of", json!({ "service-c.example": 20160 }));
    folder.set("contact", json!("another desk, +00 200"));
    node.signal("-HUP");
    let line = node.until("the configuration was read again");
    assert_eq!(line["changed"], "log, metrics, duty_minutes, silence_minutes, silence_minutes_of");
    assert_eq!(node.until("these settings differ and take a restart of the node")["settings"], "contact");
    assert_eq!(get(&second, "/readyz").0, 200);
    assert!(ask_node().starts_with("HTTP/1.1 401"), "the connection was kept");
    node.stop();
}

#[test]
fn a_wrong_configuration_is_refused_on_reload_and_the_one_before_stays() {
    let folder = made();
    let address = format!("127.0.0.1:{}", free_port());
    folder.set("metrics", json!(address));
    let mut node = folder.start();
    let right = fs::read(folder.data.join("node.json")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (key, value) in [
        ("log", json!("what=is=this")),
        ("metrics", json!("192.0.2.1:9464")),
        ("metrics", json!(taken)),
        ("duty_minutes", json!(0)),
        ("silence_minutes", json!(0)),
        ("silence_minutes_of", json!({ "service-c.example": 525_601 })),
        ("silence_minutes_of", json!({ "No Name": 60 })),
        ("notify_webhook", json!("https://service-a.example/")),
        ("name", json!("service-b.example")),
        ("misspelt", json!(1)),
    ] {
        folder.set(key, value);
        node.signal("-HUP");
        let line = node.until("the configuration was read again and refused; the one before stays in force");
        assert!(!line["fact"].as_str().unwrap().is_empty());
        assert_eq!(get(&address, "/readyz").0, 200, "after a wrong {key}");
        fs::write(folder.data.join("node.json"), &right).unwrap();
    }
    node.stop();
}

#[test]
fn the_service_manager_is_told_that_the_node_is_ready_lives_reloads_and_stops() {
    let folder = made();
    let path = folder.root.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let until = |wanted: &str| {
        loop {
            let mut bytes = [0; 512];
            let length = socket.recv(&mut bytes).unwrap();
            let told = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if told.starts_with(wanted) {
                return told;
            }
            assert!(told.starts_with("WATCHDOG=1"), "{told:?} before {wanted:?}");
        }
    };
    let node = folder.start_with(|command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    });
    until("READY=1");
    until("WATCHDOG=1");
    node.signal("-HUP");
    assert!(until("RELOADING=1").contains("MONOTONIC_USEC="));
    until("READY=1");
    node.signal("-TERM");
    until("STOPPING=1");
    node.stop();
}

#[test]
fn a_credential_goes_before_the_key_in_the_folder_and_the_set_need_not_be_whole() {
    let folder = made();
    let credentials = folder.root.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    for name in ["identity.key", "tls.key"] {
        fs::rename(folder.data.join("keys").join(name), credentials.join(name)).unwrap();
    }
    let without = forewarn(&folder.data).args(["--json", "serve"]).output().unwrap();
    assert!(text(&without).contains("missing_key"), "{}", text(&without));
    let handed_in = |command: &mut Command| {
        command.env("CREDENTIALS_DIRECTORY", &credentials);
    };
    folder.start_with(handed_in).stop();
    fs::set_permissions(credentials.join("tls.key"), Permissions::from_mode(0o644)).unwrap();
    let open = forewarn(&folder.data)
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .args(["--json", "serve"])
        .output()
        .unwrap();
    assert!(text(&open).contains("bad_permission"), "{}", text(&open));
    fs::set_permissions(credentials.join("tls.key"), Permissions::from_mode(0o400)).unwrap();
    fs::write(credentials.join("log.key"), "not a key").unwrap();
    fs::set_permissions(credentials.join("log.key"), Permissions::from_mode(0o400)).unwrap();
    let wrong = forewarn(&folder.data)
        .env("CREDENTIALS_DIRECTORY", &credentials)
        .args(["--json", "serve"])
        .output()
        .unwrap();
    assert!(text(&wrong).contains("bad_key"), "the credential goes first: {}", text(&wrong));
}

#[test]
fn the_doctor_looks_at_a_node_that_does_not_run() {
    let folder = made();
    let (status, found) = folder.doctor();
    assert_eq!((status, facts(&found).len()), (Some(1), 1), "{found}");
    assert!(facts(&found)[0].starts_with("no node is running"));
    fs::set_permissions(folder.data.join("keys/log.key"), Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(folder.data.join("sources.db")).unwrap();
    let length = fs::metadata(folder.data.join("node.db")).unwrap().len();
    let file = OpenOptions::new().write(true).open(folder.data.join("node.db")).unwrap();
    file.write_all_at(&vec![0xff; usize::try_from(length / 2).unwrap()], length / 2).unwrap();
    let (status, found) = folder.doctor();
    assert_eq!(status, Some(1));
    for wanted in ["node.db is damaged", "sources.db is not there", "log.key can be read by others"] {
        assert!(facts(&found).iter().any(|f| f.ends_with(wanted)), "{wanted}: {found}");
    }
    assert_eq!(found[0]["severity"], "fault", "the worst first");
    assert!(found.as_array().unwrap().iter().all(|f| f["hint"].is_string()), "{found}");
    fs::remove_file(folder.data.join("keys.db")).unwrap();
    let (_, found) = folder.doctor();
    assert!(facts(&found).contains(&"keys.db is not there"), "{found}");
}

#[test]
fn the_doctor_asks_a_node_that_runs_and_looks_from_outside_as_well() {
    let folder = made();
    let node = folder.start();
    let (status, found) = folder.doctor();
    assert_eq!(status, Some(1));
    assert!(facts(&found)[0].contains("nobody is logged in here"), "{found}");
    folder.log_in();
    let (status, found) = folder.doctor();
    assert_eq!(status, Some(1));
    assert!(facts(&found).iter().any(|f| f.contains("roster is empty")), "{found}");
    fs::set_permissions(folder.data.join("control.sock"), Permissions::from_mode(0o666)).unwrap();
    let (_, found) = folder.doctor();
    assert!(facts(&found).contains(&"others may call the node on its control socket"), "{found}");
    node.stop();
}

#[test]
fn an_error_carries_the_id_under_which_the_log_has_it() {
    let folder = made();
    let mut node = folder.start();
    let refused = forewarn(&folder.data).args(["--json", "status"]).output().unwrap();
    let refused: Value = serde_json::from_slice(&refused.stdout).unwrap();
    let line = node.until("an act was refused");
    assert_eq!(line["span"]["request"], refused["error"]["request"]);
    assert_eq!((&line["code"], &line["span"]["act"]), (&json!("not_logged_in"), &json!("/v1/status")));
    node.stop();
}

#[test]
fn the_unit_is_one_that_systemd_reads_and_its_sandbox_is_tight() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let unit = fs::read_to_string(folder.join("forewarn.service")).unwrap();
    let set = |key: &str| unit.lines().any(|line| line == key);
    for line in [
        "Type=notify",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "MemoryDenyWriteExecute=yes",
        "CapabilityBoundingSet=",
        "StateDirectoryMode=0700",
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "LimitCORE=0",
    ] {
        assert!(set(line), "{line} is not in the unit");
    }
    let begun = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/forewarn ")).unwrap();
    let mut words: Vec<&str> = begun.split(' ').collect();
    words.push("--help");
    let understood = Command::new(env!("CARGO_BIN_EXE_forewarn")).args(&words).output().unwrap();
    assert!(understood.status.success(), "{}", text(&understood));
    let keys = fs::read_to_string(folder.join("credentials.conf")).unwrap();
    let made = made();
    for line in keys.lines().filter_map(|line| line.strip_prefix("LoadCredentialEncrypted=")) {
        let name = line.split(':').next().unwrap();
        assert!(made.data.join("keys").join(name).exists(), "a node has no key {name}");
    }
    verified_by_systemd(&made, &unit);
}

/// What `systemd-analyze` says of the unit, where it is installed; where it is not, its own lines above are all there is.
fn verified_by_systemd(made: &Folder, unit: &str) {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("systemd-analyze is not installed: the unit was not verified by systemd itself");
        return;
    }
    let path = made.root.path().join("forewarn.service");
    fs::write(&path, unit.replace("/usr/bin/forewarn", env!("CARGO_BIN_EXE_forewarn"))).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{}", text(&verified));
    let exposure = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(exposure.status.success(), "{}", text(&exposure));
}
