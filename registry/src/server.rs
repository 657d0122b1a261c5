//! Start and stop: takes the data folder, the certificate and the sockets, and
//! brings the threads up and down in order.

mod sockets;

use crate::{
    admin,
    attempts::Attempts,
    codes::Codes,
    config::Config,
    directory::Directory,
    heartbeats::Heartbeats,
    http, limits, live,
    mail::Mailer,
    notices::{self, Notice, Notices},
    outbox::{Deliveries, Gateway, Outbox},
    passwords::Passwords,
    secrets::SecretError,
    service::{Courier, Service},
    settings::Live,
    store::{OpenError, Store},
    tls::{ServerIdentity, Shown, TlsError},
};
use actix_web::{App, HttpServer, dev::ServerHandle, web::Data};
use std::{
    fs::{self, File, TryLockError},
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::Path,
    sync::Arc,
};
use tokio::task::JoinHandle;
use twocan_proto::registry_url::RegistryUrl;

/// Why a registry did not start; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process works on the folder.
    #[error(
        "{0}: another twocan-registry is using this data folder; stop it or choose another with --data"
    )]
    InUse(String),
    /// The folder cannot be made or written.
    #[error("{folder}: {error}; choose another data folder with --data")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        error: io::Error,
    },
    /// The database cannot be used.
    #[error("{0}")]
    Database(#[from] OpenError),
    /// There is no certificate.
    #[error("{0}")]
    Tls(#[from] TlsError),
    /// A secret that the configuration names cannot be had.
    #[error("{0}")]
    Secret(#[from] SecretError),
    /// There is no registry in the folder.
    #[error("{0}: there is no registry here; say where it is with --data or --config")]
    Nothing(String),
    /// A socket cannot be taken.
    #[error("cannot listen on {kind} {address}: {error}; choose another with --{flag}")]
    Listen {
        /// TCP or UDP.
        kind: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
        /// The flag that chooses another address.
        flag: &'static str,
    },
    /// The system did not give what is needed.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// A running registry. Dropping it does not stop it; [`Server::stop`] does.
#[derive(Debug)]
pub struct Server {
    url: RegistryUrl,
    address: SocketAddr,
    udp_address: SocketAddr,
    http: ServerHandle,
    served: JoinHandle<io::Result<()>>,
    background: Vec<JoinHandle<()>>,
    courier: Courier,
    heartbeats: Heartbeats,
    service: Data<Service>,
    shown: Arc<Shown>,
    /// Held as long as the folder is in use.
    lock: File,
}

impl Server {
    /// Starts a registry on a running tokio runtime; it answers when this returns.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let lock = take_folder(&config.data)?;
        let identity = identity(&config)?;
        let fingerprint = identity.fingerprint();
        let shown = Shown::new(identity)?;
        let tls = shown.server_config()?;
        let (tcp, udp) = sockets::bind(&config)?;
        let (address, udp_address) = (tcp.local_addr()?, udp.local_addr()?);
        let (workers, drain) = (config.workers, config.operation.drain);
        let operators = admin::socket::listen(&config.data)?;
        let at = SocketAddr::new(Config::local_ip(address), address.port());
        let url = RegistryUrl::new(&at.into(), Some(fingerprint));
        let reached = Reached {
            udp_port: udp_address.port(),
            base_url: config
                .outside
                .public_url
                .clone()
                .unwrap_or_else(|| url.base()),
        };
        let (service, deliveries) = open_service(config, reached).await?;
        let service = Data::new(service);
        let app = Arc::clone(&service);
        let gate = http::Gate::new(&service);
        let opened = Arc::clone(&service.directory);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::from(Arc::clone(&app)))
                .wrap(gate.clone())
                .configure(http::configure)
        })
        .on_connect(move |_, data| {
            data.insert(Connected::new(&opened));
        })
        .workers(workers)
        // An answer is small and final: it must not wait for an acknowledgement.
        .tcp_nodelay(true)
        .backlog(limits::LISTEN_QUEUE)
        .max_connections(limits::CONNECTIONS_PER_WORKER)
        .max_connection_rate(limits::HANDSHAKES_PER_WORKER)
        .client_request_timeout(limits::HEAD_WAIT)
        .client_disconnect_timeout(limits::DISCONNECT_WAIT)
        .tls_handshake_timeout(limits::HANDSHAKE_WAIT)
        .keep_alive(limits::KEEP_ALIVE)
        .shutdown_timeout(drain.as_secs())
        .disable_signals()
        .listen_rustls_0_23(tcp, tls)?
        .run();
        let http = server.handle();
        let heartbeats = Heartbeats::start(udp, Arc::clone(&service.directory))?;
        let commands = admin::socket::serve(operators, service.clone());
        let courier = Courier::start(Arc::clone(&service), deliveries);
        let background = vec![
            tokio::spawn(sweep(service.clone())),
            tokio::spawn(commands),
            tokio::spawn(notices::log(service.notices.subscribe())),
            tokio::spawn(live::run(service.clone())),
            tokio::spawn(retire_guests(service.clone())),
        ];
        let served = tokio::spawn(server);
        Ok(Self {
            url,
            address,
            udp_address,
            http,
            served,
            background,
            courier,
            heartbeats,
            service,
            shown,
            lock,
        })
    }

    /// The URL for clients, with the certificate pinned. On an unspecified
    /// address it names the local host.
    #[must_use]
    pub fn url(&self) -> &RegistryUrl {
        &self.url
    }

    /// The same for clients on other machines, where it is not that: when it
    /// listens on all addresses and this machine has one towards others.
    #[must_use]
    pub fn url_elsewhere(&self) -> Option<RegistryUrl> {
        if !self.address.ip().is_unspecified() {
            return None;
        }
        let ip = outward_ip(self.address)?;
        let at = SocketAddr::new(ip, self.address.port());
        Some(RegistryUrl::new(&at.into(), self.url.pin()))
    }

    /// Where HTTPS is answered.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where heartbeats are taken.
    #[must_use]
    pub fn udp_address(&self) -> SocketAddr {
        self.udp_address
    }

    /// Puts another configuration in force, with its certificate and secrets, as
    /// far as that goes while running; gives the keys that wait for a restart.
    ///
    /// # Errors
    /// What is wrong with it; everything is then as it was.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, StartError> {
        let identity = identity(&config)?;
        // The one that fails more often comes first, so that both or none count.
        let before = self.shown.current();
        self.shown.exchange(identity)?;
        self.service.config.reload(config).map_err(|error| {
            self.shown.put_back(before);
            error.into()
        })
    }

    /// Tells everybody, takes no more requests, finishes those begun within
    /// `drain_seconds`, sends what waits to be sent, saves and closes.
    ///
    /// # Errors
    /// When a part had failed before.
    pub async fn stop(self) -> io::Result<()> {
        let (accounts, sessions) = self.service.directory.counts();
        let drain = self.service.config.get().operation.drain;
        let notice = Notice::Stopping { back_after: drain };
        self.service.notices.send(notice);
        tracing::info!(accounts, sessions, "stopping");
        let drained = tokio::time::timeout(drain + limits::STOP_EXTRA, self.http.stop(true));
        if drained.await.is_err() {
            tracing::warn!("requests are still being answered; they are cut off");
            self.http.stop(false).await;
        }
        let served = tokio::time::timeout(limits::STOP_EXTRA, self.served).await;
        let served = served.unwrap_or_else(|_| Ok(Err(io::ErrorKind::TimedOut.into())));
        for task in self.background {
            task.abort();
        }
        self.heartbeats.stop();
        self.courier.stop(&self.service).await;
        close(&self.service).await?;
        drop(fs::remove_file(
            self.service.config.get().data.join(admin::socket::NAME),
        ));
        self.lock.unlock()?;
        served.map_err(io::Error::other)?
    }
}

/// A registry that is not running, opened by the command line.
#[derive(Debug)]
pub(crate) struct Offline {
    pub(crate) service: Data<Service>,
    lock: File,
}

impl Offline {
    /// Opens what is in the data folder; `make` makes it if there is nothing.
    ///
    /// # Errors
    /// [`StartError`], which says what to do.
    pub(crate) async fn open(config: Config, make: bool) -> Result<Self, StartError> {
        if !make && !config.database().is_file() {
            return Err(StartError::Nothing(config.data.display().to_string()));
        }
        let lock = take_folder(&config.data)?;
        let reached = Reached {
            udp_port: 0,
            base_url: config.outside.public_url.clone().unwrap_or_default(),
        };
        // Mails wait for a registry that runs: nothing here sends any.
        let (service, _) = open_service(config, reached).await?;
        let service = Data::new(service);
        Ok(Self { service, lock })
    }

    /// Writes everything out.
    ///
    /// # Errors
    /// When the system failed.
    pub(crate) async fn close(self) -> io::Result<()> {
        close(&self.service).await?;
        self.lock.unlock()
    }
}

async fn close(service: &Data<Service>) -> io::Result<()> {
    service.sweep().await;
    let service = service.clone();
    tokio::task::spawn_blocking(move || service.store.close())
        .await
        .map_err(io::Error::other)
}

/// A connection, counted as long as it lives.
struct Connected(Arc<Directory>);

impl Connected {
    fn new(directory: &Arc<Directory>) -> Self {
        directory.metrics.connected();
        Self(Arc::clone(directory))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.metrics.disconnected();
    }
}

/// The certificate that `config` names, or the self-made one.
fn identity(config: &Config) -> Result<ServerIdentity, TlsError> {
    match &config.cert_files {
        Some((cert, key)) => ServerIdentity::read(cert, key),
        None => ServerIdentity::read_or_make(&config.certs_dir, config.listen.ip()),
    }
}

/// Takes the data folder for this process alone, until the file is closed.
pub(crate) fn take_folder(folder: &Path) -> Result<File, StartError> {
    let name = || folder.display().to_string();
    let failed = |error| StartError::Folder {
        folder: name(),
        error,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(name())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Where a started registry is found.
struct Reached {
    udp_port: u16,
    base_url: String,
}

async fn open_service(
    config: Config,
    reached: Reached,
) -> Result<(Service, Deliveries), StartError> {
    let opened = tokio::task::spawn_blocking(move || {
        let directory = Arc::new(Directory::new(config.heartbeat_ms, crate::now()));
        let (store, attempts) = Store::open(&config.database(), Arc::clone(&directory))?;
        let passwords = Passwords::start(config.password_threads, config.bcrypt_cost)?;
        let (accounts, sessions) = directory.counts();
        let threads = passwords.threads();
        tracing::info!(accounts, sessions, threads, "directory loaded");
        let attempts = Attempts::new(attempts, config.registrations_per_hour);
        let Reached { udp_port, base_url } = reached;
        let outside = &config.outside;
        let mailer = outside.mail.as_ref();
        let mailer = mailer
            .map(|mail| Mailer::new(mail, &base_url))
            .transpose()?;
        let gateway = outside.gateway.as_ref().map(Gateway::new).transpose()?;
        let (outbox, deliveries) = Outbox::new();
        let service = Service {
            config: Live::new(config)?,
            notices: Arc::new(Notices::default()),
            live: live::Hub::new(Arc::clone(&directory)),
            directory,
            store,
            passwords,
            attempts,
            codes: Codes::default(),
            outbox,
            mailer,
            gateway,
            udp_port,
            base_url,
        };
        Ok((service, deliveries))
    });
    opened.await.map_err(io::Error::other)?
}

async fn retire_guests(service: Data<Service>) {
    let mut ticks = tokio::time::interval(service.guest_round());
    loop {
        ticks.tick().await;
        service.retire_guests().await;
    }
}

async fn sweep(service: Data<Service>) {
    let mut ticks = tokio::time::interval(limits::SWEEP_EVERY);
    loop {
        ticks.tick().await;
        service.sweep().await;
    }
}

/// The address with which this machine reaches others, of a kind that a socket
/// bound to `bound` takes. The system chooses it when a socket for packets is
/// told where they would go; none is sent (the addresses are those of RFC 5737
/// and RFC 3849, which nobody has).
fn outward_ip(bound: SocketAddr) -> Option<IpAddr> {
    let four: [SocketAddr; 2] = [([0; 4], 0).into(), ([192, 0, 2, 1], 9).into()];
    let nobody = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];
    let six: [SocketAddr; 2] = [([0_u16; 8], 0).into(), (nobody, 9).into()];
    let chosen = |[from, to]: [SocketAddr; 2]| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        socket.local_addr().ok().map(|own| own.ip())
    };
    let either = [Some(four), bound.is_ipv6().then_some(six)];
    let mut own = either.into_iter().flatten().filter_map(chosen);
    own.find(|ip| !ip.is_loopback())
}
