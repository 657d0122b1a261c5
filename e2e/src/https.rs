//! A plain HTTPS client, as small as a script's: one kept-alive connection,
//! JSON in and out, and the certificate checked by its fingerprint alone.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};
use twocan_pin::client_config;

use crate::process::Must;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest body that is read.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The word of an error answer.
    #[must_use]
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// A client of one server, on one connection as long as the server keeps it.
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    host: String,
    stream: Stream,
    token: Option<String>,
}

impl Client {
    /// Connects to `https://HOST:PORT#sha256-FINGERPRINT`.
    ///
    /// # Panics
    /// If the server is not there or shows another certificate.
    #[must_use]
    pub fn connect(url: &str) -> Self {
        let rest = url
            .strip_prefix("https://")
            .must("read a URL that begins with https://");
        let (host, pin) = rest
            .split_once("#sha256-")
            .must("find the fingerprint in a URL");
        let pin = pin.parse().must("read the fingerprint in a URL");
        let config = Arc::new(client_config(pin).must("set up TLS"));
        let stream = open(host, &config);
        Self {
            config,
            host: host.to_owned(),
            stream,
            token: None,
        }
    }

    /// Sends this session's token with every request from now on.
    pub fn authorize(&mut self, token: &str) {
        self.token = Some(token.to_owned());
    }

    /// Sends a request, with a JSON body unless it is null.
    ///
    /// # Panics
    /// If the connection breaks or the answer is not HTTP.
    #[track_caller]
    pub fn request(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n",
            self.host
        );
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.send(head.as_bytes());
        self.read_answer()
    }

    /// Makes a live channel of the connection (RFC 6455), past both hellos;
    /// gives what the server said in its own.
    ///
    /// # Panics
    /// If the server does not open one.
    pub fn open_live(&mut self) -> Value {
        let head = format!(
            "GET /live HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: twocan.live.v1.json\r\nAuthorization: Bearer {}\r\n\r\n",
            self.host,
            self.token.as_deref().unwrap_or_default()
        );
        self.send(head.as_bytes());
        let answer = self.read_answer();
        assert_eq!(answer.status, 101, "no live channel: {}", answer.json());
        self.say_live(&json!({"type": "hello", "version": 1, "client": "bench/0"}));
        self.hear_live("hello")
    }

    /// Waits until the registry says something of this type on the live channel.
    ///
    /// # Panics
    /// If it does not, or says something of 64 KiB and more.
    pub fn hear_live(&mut self, wanted: &str) -> Value {
        loop {
            let [_, length] = self.read_exactly(2)[..] else {
                unreachable!("two bytes were read");
            };
            let length = match length {
                126 => {
                    let long = self.read_exactly(2);
                    usize::from(long[0]) << 8 | usize::from(long[1])
                }
                short => usize::from(short),
            };
            // What is no JSON is a ping.
            let said = serde_json::from_slice(&self.read_exactly(length)).unwrap_or(Value::Null);
            if said["type"] == wanted {
                return said;
            }
        }
    }

    /// Says something on the live channel, in less than 126 bytes of JSON: one
    /// text frame, masked with zeros.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn say_live(&mut self, ask: &Value) {
        let text = ask.to_string();
        let length = u8::try_from(text.len()).must("say something short");
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.send(&frame);
    }

    fn send(&mut self, bytes: &[u8]) {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).must("send a request");
        stream.flush().must("send a request");
    }

    fn read_answer(&mut self) -> Answer {
        let status_line = self.read_line();
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|word| word.parse().ok());
        let status = status.must(&format!("read the status in '{status_line}'"));
        let mut headers = Vec::new();
        loop {
            let line = self.read_line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').must("read a header line");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        answer.body = self.read_body(&answer);
        if answer.header("connection") == Some("close") {
            self.stream = open(&self.host, &self.config);
        }
        answer
    }

    fn read_body(&mut self, head: &Answer) -> Vec<u8> {
        if head.header("transfer-encoding") == Some("chunked") {
            return self.read_chunks();
        }
        let length = head
            .header("content-length")
            .map_or(Ok(0), str::parse)
            .must("read a length");
        self.read_exactly(length)
    }

    fn read_chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.read_line();
            let length = usize::from_str_radix(line.trim(), 16).must("read the length of a chunk");
            body.extend(self.read_exactly(length));
            self.read_line();
            if length == 0 {
                return body;
            }
        }
    }

    fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        assert!(
            length <= BODY_LIMIT,
            "a body of {length} bytes is longer than any test asks for"
        );
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).must("read a body");
        body
    }

    fn read_line(&mut self) -> String {
        let mut line = String::new();
        self.stream
            .read_line(&mut line)
            .must("read a line of an answer");
        line.trim_end().to_owned()
    }
}

/// A new connection; TLS begins with the first request.
fn open(host: &str, config: &Arc<ClientConfig>) -> Stream {
    let tcp = TcpStream::connect(host).must("connect to a server");
    tcp.set_read_timeout(Some(PATIENCE))
        .must("limit the wait for an answer");
    tcp.set_nodelay(true).must("send small requests at once");
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, _)| name)
        .trim_matches(['[', ']']);
    let name = ServerName::try_from(name.to_owned()).must("read a server's name");
    let tls = ClientConnection::new(Arc::clone(config), name).must("begin TLS");
    BufReader::new(StreamOwned::new(tls, tcp))
}
