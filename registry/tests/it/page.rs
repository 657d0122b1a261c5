//! The page for a new password in a real browser, as on a telephone and with
//! JavaScript switched off: headless Chromium, driven over the pipe of its
//! DevTools protocol. Where there is no Chromium, the test says so and does
//! nothing.

use crate::{
    common::{BOUND, start_with},
    recovery::{forgotten, link, register, with_mail},
    smtp::{MailServer, Manner},
};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// Width of a small telephone, in CSS pixels.
const WIDTH: u32 = 360;

fn chromium() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| {
        let mut command = std::process::Command::new(name);
        let quiet = command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        let is_required = std::env::var_os("TWOCAN_REQUIRE_BROWSER").is_some();
        assert!(!is_required, "no chromium here, and it is required");
        eprintln!("skipped: no chromium here");
    }
    found
}

/// A browser with one page; it ends with the handle.
struct Browser {
    _process: Child,
    commands: ChildStdin,
    events: BufReader<ChildStdout>,
    session: Value,
    last_id: u64,
    /// What the page complained about.
    complaints: Vec<String>,
}

impl Browser {
    async fn start(program: &str, folder: &std::path::Path) -> Self {
        // The pipe is file descriptors 3 and 4 of the browser.
        let mut process = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                program,
            ])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--ignore-certificate-errors",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut browser = Self {
            commands: process.stdin.take().unwrap(),
            events: BufReader::new(process.stdout.take().unwrap()),
            _process: process,
            session: Value::Null,
            last_id: 0,
            complaints: Vec::new(),
        };
        let target = browser
            .ask("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.ask("Target.attachToTarget", attach).await["sessionId"].clone();
        for domain in ["Page.enable", "Log.enable", "DOM.enable", "Runtime.enable"] {
            browser.ask(domain, json!({})).await;
        }
        let telephone =
            json!({"width": WIDTH, "height": 640, "deviceScaleFactor": 2, "mobile": true});
        browser
            .ask("Emulation.setDeviceMetricsOverride", telephone)
            .await;
        let off = json!({"value": true});
        browser
            .ask("Emulation.setScriptExecutionDisabled", off)
            .await;
        browser
    }

    /// The answer to one command.
    async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let mut command = json!({"id": self.last_id, "method": method, "params": parameters});
        if !self.session.is_null() {
            command["sessionId"] = self.session.clone();
        }
        let mut bytes = serde_json::to_vec(&command).unwrap();
        bytes.push(0);
        self.commands.write_all(&bytes).await.unwrap();
        let id = self.last_id;
        let answer = self.until(|event| event["id"] == id).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next message that is looked for; complaints on the way are kept.
    async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut bytes = Vec::new();
            let read = timeout(BOUND * 4, self.events.read_until(0, &mut bytes)).await;
            assert!(
                read.expect("the browser answers").unwrap() > 0,
                "the browser ended"
            );
            let event: Value = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap()).unwrap();
            if event["method"] == "Log.entryAdded" {
                let entry = &event["params"]["entry"];
                self.complaints.push(entry["text"].to_string());
            }
            if wanted(&event) {
                return event;
            }
        }
    }

    async fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url})).await;
        self.until(|event| event["method"] == "Page.loadEventFired")
            .await;
    }

    /// Everything that the page says.
    async fn html(&mut self) -> String {
        let root = self.ask("DOM.getDocument", json!({})).await;
        let node = json!({"nodeId": root["root"]["nodeId"]});
        let html = self.ask("DOM.getOuterHTML", node).await;
        html["outerHTML"].as_str().unwrap().to_owned()
    }

    /// Types into the field of that id, as a person does.
    async fn fill(&mut self, field: &str, text: &str) {
        let root = self.ask("DOM.getDocument", json!({})).await;
        let query = json!({"nodeId": root["root"]["nodeId"], "selector": format!("#{field}")});
        let node = self.ask("DOM.querySelector", query).await;
        self.ask("DOM.focus", json!({"nodeId": node["nodeId"]}))
            .await;
        self.ask("Input.insertText", json!({"text": text})).await;
    }

    /// Sends the form with the return key, and waits for the next page.
    async fn enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            let key = json!({"type": kind, "key": "Enter", "code": "Enter", "text": "\r",
                             "windowsVirtualKeyCode": 13});
            self.ask("Input.dispatchKeyEvent", key).await;
        }
        self.until(|event| event["method"] == "Page.loadEventFired")
            .await;
    }

    /// How wide the page is, in CSS pixels.
    async fn width(&mut self) -> f64 {
        let metrics = self.ask("Page.getLayoutMetrics", json!({})).await;
        metrics["cssContentSize"]["width"].as_f64().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_set_in_a_browser_without_scripts() {
    let Some(program) = chromium() else { return };
    let mut server = MailServer::start(Manner::Takes).await;
    let registry = start_with(|config| with_mail(config, &server)).await;
    register(&registry, "ada").await;
    forgotten(&registry, "ada").await;
    let link = link(&server.mail().await);

    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(program, folder.path()).await;
    browser.open(&link).await;
    let html = browser.html().await;
    assert!(
        html.contains("New password") && html.contains("<strong>ada</strong>"),
        "{html}"
    );
    assert!(
        browser.width().await <= f64::from(WIDTH),
        "wider than a telephone"
    );
    if let Some(file) = std::env::var_os("TWOCAN_PAGE_PNG") {
        let shot = browser.ask("Page.captureScreenshot", json!({})).await;
        let data = shot["data"].as_str().unwrap().as_bytes();
        std::fs::write(file, data_encoding::BASE64.decode(data).unwrap()).unwrap();
    }
    browser.fill("password", "a new one").await;
    browser.fill("again", "another").await;
    browser.enter().await;
    assert!(browser.html().await.contains("not the same"));
    browser.fill("password", "a new one").await;
    browser.fill("again", "a new one").await;
    browser.enter().await;
    assert!(browser.html().await.contains("The new password is set"));
    browser.open(&link).await;
    assert!(browser.html().await.contains("not good any more"));
    // The log also holds the status of pages that are not "200"; nothing else.
    let complaints = browser.complaints.iter();
    let others: Vec<_> = complaints
        .filter(|text| !text.contains("the server responded with a status of"))
        .collect();
    assert!(others.is_empty(), "{others:?}");

    let body = json!({"username": "ada", "password": "a new one"});
    let answer = registry.post("/sessions", body).await;
    assert_eq!(answer.status(), 201);
    registry.server.stop().await.unwrap();
}
