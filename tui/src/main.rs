//! A plain start of the interface.

use clap::Parser;
use twocan_peer::Engine;
use twocan_peer::api::Config;

#[derive(Parser)]
struct Cli {
    #[arg(long)]
    data: std::path::PathBuf,
    #[arg(long)]
    listen: Option<std::net::SocketAddr>,
    #[arg(long)]
    registry: Option<twocan_proto::registry_url::RegistryUrl>,
    #[arg(long, default_value = "default")]
    audio_in: String,
    #[arg(long, default_value = "default")]
    audio_out: String,
    #[arg(long)]
    ascii: bool,
    #[arg(long)]
    no_color: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let config = Config {
        data: cli.data,
        listen: cli.listen,
        name: None,
        registries: cli.registry.iter().cloned().collect(),
        audio_in: cli.audio_in.parse().map_err(|e| anyhow::anyhow!("{e}"))?,
        audio_out: cli.audio_out.parse().map_err(|e| anyhow::anyhow!("{e}"))?,
        auto_accept: false,
        auto_answer: false,
        echo: false,
    };
    let (engine, events) = Engine::start(config).await.map_err(|e| anyhow::anyhow!("{e}"))?;
    let options = twocan::terminal::Options {
        ascii: cli.ascii,
        no_color: cli.no_color,
        registry: cli.registry,
    };
    twocan::terminal::run(engine, events, options).await
}
