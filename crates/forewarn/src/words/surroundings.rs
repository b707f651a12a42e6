//! What the command was started in: its words, its environment, its terminal. Read once, and nowhere else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::say;

/// How many characters a line has where nothing says otherwise.
const WIDTH: usize = 100;
/// No line is made narrower than this.
const WIDTH_MIN: usize = 40;

/// What the command was started in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// The words of the command line, the program's name in front.
    pub(crate) args: Vec<OsString>,
    /// `FOREWARN_DATA`: the data folder.
    pub(crate) data: Option<PathBuf>,
    /// `FOREWARN_SESSION`: the file of the login.
    pub(crate) session: Option<PathBuf>,
    /// `FOREWARN_LOG`: what the node logs.
    pub(crate) log: Option<String>,
    /// `CREDENTIALS_DIRECTORY`: where the service manager puts keys.
    pub(crate) credentials: Option<PathBuf>,
    /// `NOTIFY_SOCKET`: where the service manager hears that the node is ready.
    pub(crate) notify: Option<OsString>,
    /// `WATCHDOG_USEC`: within how many microseconds the service manager wants to hear that the node lives.
    pub(crate) watchdog_usec: Option<u64>,
    /// `HOME`.
    pub(crate) home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: a folder of this user's alone that is gone after the last login.
    pub(crate) runtime: Option<PathBuf>,
    /// The folder that relative paths start from.
    pub(crate) folder: PathBuf,
    /// Whether standard output takes colours: it is a terminal, and `NO_COLOR` is not set.
    pub(crate) paint: bool,
    /// How many characters fit on a line.
    pub(crate) width: usize,
    /// The terminal that the command was typed on, with its session; `no-terminal` for a script.
    pub(crate) terminal: String,
}

impl Surroundings {
    /// Reads everything.
    #[allow(
        clippy::disallowed_methods,
        reason = "the roof reads the command line, the environment and the folder here, once, and hands them in"
    )]
    pub(crate) fn read() -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let number = |name: &str| var(name).and_then(|v| v.to_str().and_then(|v| v.parse::<usize>().ok()));
        let terminal = say::to_terminal();
        let on_screen = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = if terminal { number("COLUMNS").or(on_screen) } else { number("COLUMNS") };
        Self {
            args: std::env::args_os().collect(),
            data: var("FOREWARN_DATA").map(PathBuf::from),
            session: var("FOREWARN_SESSION").map(PathBuf::from),
            log: var("FOREWARN_LOG").map(|v| v.to_string_lossy().into_owned()),
            credentials: var("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            notify: var("NOTIFY_SOCKET"),
            watchdog_usec: var("WATCHDOG_USEC").and_then(|v| v.to_str().and_then(|v| v.parse().ok())),
            home: var("HOME").map(PathBuf::from),
            runtime: var("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute()),
            folder: std::env::current_dir().unwrap_or_default(),
            paint: terminal && var("NO_COLOR").is_none() && var("TERM").is_none_or(|term| term != "dumb"),
            width: width.unwrap_or(WIDTH).max(WIDTH_MIN),
            terminal: terminal_name(),
        }
    }

    /// The path from the root.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The data folder if none is named.
    pub(crate) fn default_data(&self) -> Option<PathBuf> {
        self.data.clone().or_else(|| Some(self.home.as_ref()?.join(".local/share/forewarn")))
    }
}

/// The terminal of this process: the first of its standard streams that is one, so that `… | forewarn …` counts as typed
/// here. The number of its session (the shell's) stands in the name: who opens the same terminal later is somebody else.
fn terminal_name() -> String {
    let terminal = [0, 2, 1].into_iter().find_map(|stream| {
        let path = std::fs::read_link(format!("/proc/self/fd/{stream}")).ok()?;
        let text = path.to_str()?;
        (text.starts_with("/dev/pts/") || text.starts_with("/dev/tty") || text == "/dev/console")
            .then(|| text.to_owned())
    });
    let Some(terminal) = terminal else { return "no-terminal".to_owned() };
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets: state, parent, process group, session.
    let session = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(3)).unwrap_or_default();
    format!("{terminal} {session}")
}
