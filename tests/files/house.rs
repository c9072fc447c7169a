//! A server with a data folder of its own, forms, and what lies on the disk.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::exchange::{Answer, Request};
use crate::support::in_process::{Server, Who};

/// The organisation of most of what happens here.
pub const ACME: &str = "acme";
/// The beginning of a picture.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and more";

/// A part of a form.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: String,
    pub file: Option<String>,
    pub media: Option<String>,
    pub bytes: Vec<u8>,
}

/// A file in a part.
pub fn file(name: &str, called: &str, bytes: impl Into<Vec<u8>>) -> Part {
    Part { name: name.to_owned(), file: Some(called.to_owned()), media: None, bytes: bytes.into() }
}

/// A text in a part.
pub fn text(name: &str, text: &str) -> Part {
    Part { name: name.to_owned(), file: None, media: None, bytes: text.as_bytes().to_vec() }
}

/// What separates parts here.
pub const BOUNDARY: &str = "a-boundary-that-no-file-has";

/// The body that these parts make.
pub fn form(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{}\"", part.name);
        if let Some(called) = &part.file {
            head += &format!("; filename=\"{}\"", called.replace('\\', "\\\\").replace('"', "\\\""));
        }
        if let Some(media) = &part.media {
            head += &format!("\r\ncontent-type: {media}");
        }
        body.extend_from_slice(format!("{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// The same as the body of a request.
pub fn sending(request: Request, parts: &[Part]) -> Request {
    let media = format!("multipart/form-data; boundary={BOUNDARY}");
    request.header("content-type", &media).body(form(parts))
}

/// A server and its data folder.
pub struct House {
    pub server: Server,
    folder: TempDir,
}

impl House {
    pub fn open() -> Self {
        Self::with(&[])
    }

    /// With settings of its own, named without `APPENGINE__`.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let named: Vec<(String, &str)> =
            settings.iter().map(|(name, value)| (format!("APPENGINE__{name}"), *value)).collect();
        let mut all: Vec<(&str, &str)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        all.push(("APPENGINE__STORE__PATH", &path));
        Self { server: Server::with(&all), folder }
    }

    /// A form by somebody.
    pub fn send(&self, who: &Who, target: &str, parts: &[Part]) -> Answer {
        sending(self.server.call_as(&self.server.token(who), "POST", target), parts).send()
    }

    /// Uploads one file to the chat of a customer, by them.
    pub fn upload(&self, who: &Who, called: &str, bytes: &[u8]) -> Value {
        let target = format!("/chat/upload/customer::{}/{}", who.email, who.email);
        self.send(who, &target, &[file("files", called, bytes)]).expect(201)[0].clone()
    }

    /// Reads by a link, as somebody whom nobody knows.
    pub fn read(&self, url: &str) -> Answer {
        self.server.call("GET", &self.target(url)).send()
    }

    /// What follows the server's address in a link.
    pub fn target(&self, url: &str) -> String {
        let base = format!("http://{}", self.server.address);
        url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} does not lead to {base}")).to_owned()
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that lies in the folder of files.
    pub fn on_disk(&self) -> Vec<String> {
        on_disk(self.data())
    }
}

/// Everything that lies in the folder of files of a data folder, as paths within it.
pub fn on_disk(data: &Path) -> Vec<String> {
    let root = data.join("files");
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            // It may be gone by now, which is what some wait for.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                _ => found.push(entry.path().strip_prefix(&root).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}
