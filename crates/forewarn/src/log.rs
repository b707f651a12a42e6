//! The node's log: lines on standard error, as text or JSON, with a level that can be changed while it runs. A line never
//! holds a body, a source, a person, a passphrase or a token.

use std::panic;

use clap::ValueEnum;
use exchange::refusal::Refusal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// What is logged if nothing says otherwise.
const DEFAULT: &str = "info";

/// The form of log lines.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON document a line.
    Json,
}

/// What decides which lines are written.
pub(crate) struct LogLevel {
    handle: reload::Handle<EnvFilter, Registry>,
    /// `FOREWARN_LOG`, which goes before the configuration.
    fixed: Option<String>,
}

impl LogLevel {
    /// Begins to log. `fixed` is `FOREWARN_LOG`, `configured` what node.json says.
    pub(crate) fn begin(
        format: LogFormat,
        paint: bool,
        fixed: Option<&str>,
        configured: Option<&str>,
    ) -> Result<Self, Refusal> {
        let filter = read(fixed, configured)?;
        let (filter, handle) = reload::Layer::new(filter);
        let registry = tracing_subscriber::registry().with(filter);
        let begun = match format {
            LogFormat::Text => {
                registry.with(fmt::layer().with_writer(std::io::stderr).with_ansi(paint)).try_init()
            }
            LogFormat::Json => registry
                .with(
                    fmt::layer()
                        .json()
                        .flatten_event(true)
                        .with_span_list(false)
                        .with_writer(std::io::stderr),
                )
                .try_init(),
        };
        begun.map_err(Refusal::ours)?;
        // What a panic says may quote what was being worked on: the log gets the place alone.
        panic::set_hook(Box::new(|panicked| {
            let place = panicked.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a part of the program broke off");
        }));
        Ok(Self { handle, fixed: fixed.map(str::to_owned) })
    }

    /// Whether `FOREWARN_LOG` decides, whatever the configuration says.
    pub(crate) fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// What the configuration makes of the level; to be checked before anything is changed.
    pub(crate) fn read(&self, configured: Option<&str>) -> Result<EnvFilter, Refusal> {
        read(self.fixed.as_deref(), configured)
    }

    /// From now on this decides.
    pub(crate) fn set(&self, filter: EnvFilter) -> Result<(), Refusal> {
        self.handle.reload(filter).map_err(Refusal::ours)
    }
}

fn read(fixed: Option<&str>, configured: Option<&str>) -> Result<EnvFilter, Refusal> {
    let (whose, words) = match (fixed, configured) {
        (Some(words), _) => ("FOREWARN_LOG", words),
        (None, Some(words)) => ("\"log\" in node.json", words),
        (None, None) => ("the default", DEFAULT),
    };
    EnvFilter::try_new(words).map_err(|e| {
        Refusal::yours("bad_config", format!("{whose} cannot be read"))
            .detail(e.to_string())
            .hint("name levels like `info` or `warn,courier=debug`")
    })
}
