//! A gate between two engines: it passes connections on, counts what is in
//! them beyond the little that links need, and lets no more of that through
//! than it was told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What each direction of a connection may carry without being counted.
const FREE: u64 = 64 * 1024;

pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    passed: Arc<AtomicU64>,
    allowed: watch::Sender<u64>,
    cuts: watch::Sender<u64>,
}

impl Gate {
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Self {
            address: listener.local_addr().unwrap(),
            target: Arc::new(Mutex::new(target)),
            passed: Arc::default(),
            allowed: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
        };
        let (target, passed) = (Arc::clone(&gate.target), Arc::clone(&gate.passed));
        let (allowed, cuts) = (gate.allowed.subscribe(), gate.cuts.subscribe());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let to = *target.lock().unwrap();
                let (passed, allowed) = (Arc::clone(&passed), allowed.clone());
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(to).await else {
                        return;
                    };
                    let ((a, b), (c, d)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = pass(a, d, &passed, allowed.clone()) => {}
                        () = pass(c, b, &passed, allowed) => {}
                        // The gate's own end is as good as a cut.
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        gate
    }

    /// Connections from now on lead there.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
    }

    /// Lets so many more bytes through.
    pub(crate) fn allow(&self, bytes: u64) {
        self.allowed.send_modify(|allowed| *allowed += bytes);
    }

    /// Cuts all connections there are.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Bytes that were counted so far.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    passed: &AtomicU64,
    mut allowed: watch::Receiver<u64>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut free = FREE;
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let bytes = read as u64;
        if free >= bytes {
            free -= bytes;
        } else {
            let now = passed.fetch_add(bytes, Ordering::SeqCst) + bytes;
            if allowed.wait_for(|allowed| *allowed >= now).await.is_err() {
                return;
            }
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
