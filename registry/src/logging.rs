//! What is written to standard error: as text or as JSON, filtered as the
//! operator asked. Neither addresses nor names are written at the default
//! level, secrets at none.

use crate::config::LogFormat;
use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

/// Changes the filter while the program runs.
#[derive(Debug)]
pub(crate) struct Log(reload::Handle<EnvFilter, Registry>);

impl Log {
    /// Starts writing. A second call in one process changes nothing.
    pub(crate) fn start(format: LogFormat, asked: &str) -> Self {
        let (filter, handle) = reload::Layer::new(filter(asked));
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(false);
        let registry = tracing_subscriber::registry().with(filter);
        let started = match format {
            LogFormat::Text => registry.with(lines).try_init(),
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        };
        if started.is_err() {
            tracing::debug!("the log had been started before");
        }
        Self(handle)
    }

    /// Filters as asked from now on.
    pub(crate) fn set(&self, asked: &str) {
        if let Err(error) = self.0.reload(filter(asked)) {
            tracing::warn!(%error, "the log's filter stays as it was");
        }
    }
}

/// What the operator asked for, without the start and stop messages of the HTTP
/// server's threads, and, unless details are wanted, without a line for each
/// request that is none, which any stranger can send. Directives for
/// `actix_server` and `actix_http` bring them back.
fn filter(asked: &str) -> EnvFilter {
    let strangers = match asked {
        "debug" | "trace" => "",
        _ => "actix_http=off,",
    };
    EnvFilter::new(format!("actix_server=warn,{strangers}{asked}"))
}
