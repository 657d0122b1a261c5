//! The least that a conversation or a file could cost: a TLS 1.3 stream on
//! loopback with nothing around it, blocking, in two threads.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use twocan_pin::client_config;
use twocan_proto::registry_url::Fingerprint;

use crate::process::Must;

/// Bytes of a message, about as many as a short line with its envelope.
const MESSAGE: usize = 200;
/// Bytes of a file moved at once.
const CHUNK: usize = 64 * 1024;

type Sender = StreamOwned<ClientConnection, TcpStream>;
type Taker = StreamOwned<ServerConnection, TcpStream>;

/// A connected pair of streams.
fn pair() -> (Sender, Taker) {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).must("make a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
        certified.signing_key.serialize_der(),
    ));
    let certificate = certified.cert.der().clone();
    let server =
        ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .must("speak TLS 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .must("use the certificate");
    let client = client_config(Fingerprint::of(&certificate)).must("pin the certificate");
    let listener = TcpListener::bind("127.0.0.1:0").must("listen");
    let address = listener.local_addr().must("read a port");
    let taker = std::thread::spawn(move || {
        let (tcp, _) = listener.accept().must("accept");
        tcp.set_nodelay(true).must("send at once");
        let session = ServerConnection::new(Arc::new(server)).must("begin TLS");
        let mut stream = StreamOwned::new(session, tcp);
        let mut first = [0];
        stream.read_exact(&mut first).must("read the first byte");
        stream
    });
    let tcp = TcpStream::connect(address).must("connect");
    tcp.set_nodelay(true).must("send at once");
    let name = "localhost".try_into().must("name the server");
    let session = ClientConnection::new(Arc::new(client), name).must("begin TLS");
    let mut sender = StreamOwned::new(session, tcp);
    sender.write_all(&[0]).must("write the first byte");
    (sender, taker.join().ok().must("take the connection"))
}

/// Messages a second, one write each, until the last has arrived.
///
/// # Panics
/// If loopback does not work.
#[must_use]
pub fn messages_per_second(count: usize) -> f64 {
    let (mut sender, mut taker) = pair();
    let taken = std::thread::spawn(move || {
        let mut message = [0; MESSAGE];
        for _ in 0..count {
            taker.read_exact(&mut message).must("read a message");
        }
    });
    let start = Instant::now();
    for _ in 0..count {
        sender.write_all(&[0x5a; MESSAGE]).must("write a message");
    }
    taken.join().ok().must("take all messages");
    count as f64 / start.elapsed().as_secs_f64()
}

/// Times from the write of a message to its arrival in microseconds, one at a
/// time, `pause` apart.
///
/// # Panics
/// If loopback does not work.
#[must_use]
pub fn one_way_us(count: usize, pause: Duration) -> Vec<f64> {
    let (mut sender, taker) = pair();
    let (arrivals, taken) = arrivals(taker, count);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        std::thread::sleep(pause);
        let start = Instant::now();
        sender.write_all(&[b'\n'; 1]).must("write a message");
        let arrived = arrivals.recv().must("see a message arrive");
        times.push(arrived.duration_since(start).as_secs_f64() * 1e6);
    }
    taken.join().ok().must("take all messages");
    times
}

fn arrivals(taker: Taker, count: usize) -> (Receiver<Instant>, JoinHandle<()>) {
    let (arrived, arrivals) = sync_channel(1);
    let taken = std::thread::spawn(move || {
        let mut lines = BufReader::new(taker);
        for _ in 0..count {
            let mut line = String::new();
            lines.read_line(&mut line).must("read a message");
            // The measuring side is still there: it waits for each.
            arrived.send(Instant::now()).must("tell of a message");
        }
    });
    (arrivals, taken)
}

/// Megabytes a second from one file into another.
///
/// # Panics
/// If a file cannot be read or written.
#[must_use]
pub fn file_megabytes_per_second(from: &Path, to: &Path) -> f64 {
    let (mut sender, mut taker) = pair();
    let mut input = File::open(from).must("open the file to send");
    let size = input.metadata().must("read its size").len();
    let mut output = File::create(to).must("make the file to write");
    let start = Instant::now();
    let taken = std::thread::spawn(move || {
        let (mut buffer, mut left) = (vec![0; CHUNK], size);
        while left > 0 {
            let read = taker.read(&mut buffer).must("read from the stream");
            output.write_all(&buffer[..read]).must("write the file");
            left -= read as u64;
        }
        output.sync_all().must("sync the file");
    });
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = input.read(&mut buffer).must("read the file");
        if read == 0 {
            break;
        }
        sender
            .write_all(&buffer[..read])
            .must("write to the stream");
    }
    taken.join().ok().must("take the file");
    size as f64 / 1e6 / start.elapsed().as_secs_f64()
}
