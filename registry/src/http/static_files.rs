//! A folder of the operator's under `/static/`. Nothing outside it is ever
//! opened: a path is taken apart into names, each name is opened inside the
//! folder before it, and links are not followed. Hidden names are not served.

use super::error::ApiError;
use crate::limits;
use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{Method, header},
    web::Bytes,
};
use rustix::{
    fs::{CWD, Mode, OFlags, fstat, openat},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};
use twocan_proto::api::Format;

/// What to give for a folder.
const INDEX: &str = "index.html";

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// The names that a path consists of.
pub(super) fn names(path: &str) -> Option<Vec<String>> {
    // Without a trailing name the folder is meant.
    let mut names: Vec<_> = path.split('/').collect();
    if names.last() == Some(&"") {
        names.pop();
        names.push(INDEX);
    }
    if names.len() > limits::STATIC_DEPTH {
        return None;
    }
    names.into_iter().map(name).collect()
}

/// One name, decoded once (RFC 3986 section 2.1). Dots in front hide a name,
/// which takes care of `.` and `..` as well.
fn name(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).ok()?;
            *decoded.first()?
        } else {
            byte
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    let forbidden = name.is_empty()
        || name.starts_with('.')
        || name.contains(['/', '\\'])
        || name.chars().any(char::is_control);
    (!forbidden).then_some(name)
}

/// Opens the file that `names` lead to from `root`.
fn open(root: &Path, names: &[String]) -> rustix::io::Result<File> {
    const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::RDONLY);
    let folder = ALWAYS.union(OFlags::DIRECTORY);
    let mut at: OwnedFd = openat(CWD, root, folder, Mode::empty())?;
    let (last, folders) = names.split_last().ok_or(Errno::NOENT)?;
    for name in folders {
        at = openat(&at, name, folder | OFlags::NOFOLLOW, Mode::empty())?;
    }
    // Opening a pipe must not wait for who writes to it.
    let flags = ALWAYS | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(File::from(openat(&at, last, flags, Mode::empty())?))
}

/// A file that may be served, and what is known of it.
struct Found {
    file: File,
    length: u64,
    tag: String,
    kind: &'static str,
}

fn find(root: &Path, names: &[String]) -> io::Result<Found> {
    let file = open(root, names)?;
    let stat = fstat(&file)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let changed = meta.modified().ok();
    let changed = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let stamp = changed.unwrap_or(Duration::ZERO).as_nanos();
    let length = meta.len();
    Ok(Found {
        file,
        length,
        tag: format!("\"{:x}-{length:x}-{stamp:x}\"", stat.st_ino),
        kind: kind(names.last().map_or("", String::as_str)),
    })
}

/// The media type by the end of the name; what is unknown is not shown but saved.
fn kind(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    match end.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "txt" | "md" | "asc" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// `GET` and `HEAD` of a path below `/static/`, with `root` as configured.
pub(super) async fn serve(request: &HttpRequest, root: Option<PathBuf>) -> HttpResponse {
    let missing = || ApiError::NoRoute.response(Format::Json);
    // The path as it was sent: decoding is ours alone.
    let path = request.uri().path().strip_prefix("/static/");
    let (Some(root), Some(names)) = (root, path.and_then(names)) else {
        return missing();
    };
    let found = tokio::task::spawn_blocking(move || find(&root, &names)).await;
    let Ok(Ok(found)) = found else {
        return missing();
    };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, found.tag.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'self'"));
    let known = request.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == found.tag.as_bytes()) {
        return response
            .status(actix_web::http::StatusCode::NOT_MODIFIED)
            .finish();
    }
    response.content_type(found.kind);
    // The length of what a GET would bring, and none of it.
    if request.method() == Method::HEAD {
        let nothing = futures_util::stream::empty::<io::Result<Bytes>>();
        return response.body(SizedStream::new(found.length, nothing));
    }
    let content = chunks(found.file, found.length);
    response.body(SizedStream::new(found.length, content))
}

/// The content, read as fast as it is taken. A file that grows meanwhile is
/// served as long as it was; one that shrinks breaks the answer off.
fn chunks(file: File, length: u64) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    futures_util::stream::try_unfold((file, length), |(file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_chunk(file, left));
        let (bytes, file) = read.await.map_err(io::Error::other)??;
        let left = left.saturating_sub(bytes.len() as u64);
        Ok(Some((bytes, (file, left))))
    })
}

fn read_chunk(file: File, left: u64) -> io::Result<(Bytes, File)> {
    let mut bytes = Vec::with_capacity(CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
    let room = u64::try_from(CHUNK).unwrap_or(u64::MAX).min(left);
    let mut part = file.take(room);
    part.read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((bytes.into(), part.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(root: &Path, path: &str) -> Option<String> {
        let mut found = find(root, &names(path)?).ok()?;
        let mut text = String::new();
        found.file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, found.length);
        Some(text)
    }

    #[test]
    fn files_are_found_and_there_is_no_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("static");
        std::fs::create_dir_all(root.join("a b")).unwrap();
        std::fs::write(folder.path().join("secret"), "secret").unwrap();
        std::fs::write(root.join("index.html"), "home").unwrap();
        std::fs::write(root.join("a b/c.txt"), "text").unwrap();
        std::fs::write(root.join(".hidden"), "hidden").unwrap();
        std::os::unix::fs::symlink(folder.path(), root.join("out")).unwrap();
        std::os::unix::fs::symlink("../secret", root.join("link")).unwrap();
        rustix::fs::mknodat(
            CWD,
            root.join("pipe"),
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert_eq!(text(&root, "").as_deref(), Some("home"));
        assert_eq!(text(&root, "a%20b/c.txt").as_deref(), Some("text"));
        assert_eq!(text(&root, "a b/c%2Etxt").as_deref(), Some("text"));
        for path in [
            "../secret",
            "%2e%2e/secret",
            "..%2fsecret",
            "%2e%2e%2fsecret",
            "a b/../../secret",
            "..\\secret",
            "..%5csecret",
            "%252e%252e/secret",
            "/etc/passwd",
            "//etc/passwd",
            "%2fetc%2fpasswd",
            "out/secret",
            "link",
            "pipe",
            ".hidden",
            "a b",
            "a b/",
            "a b/c.txt/",
            "index.html%00.png",
            "%",
            "%2",
            "%zz",
            "%ff",
            ".",
            "./index.html",
        ] {
            assert_eq!(text(&root, path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn names_stay_names(path in "[a-z./%2-5ef\\\\]{0,40}") {
            for name in names(&path).into_iter().flatten() {
                prop_assert!(!name.contains('/') && !name.starts_with('.') && !name.is_empty());
            }
        }
    }
}
