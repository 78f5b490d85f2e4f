//! Servers on this machine, for the crawler to find or not to find.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Whoever connects and says nothing is not waited for longer than that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Paths and what is there.
pub type Pages = BTreeMap<String, String>;

/// A server that gives out pages. Its thread ends with the process.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    paths: Mutex<Vec<String>>,
}

impl Server {
    /// Starts one on a port of its own.
    pub fn start(pages: Pages) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (address, seen) = (listener.local_addr()?, Arc::<Seen>::default());
        let watched = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                watched.connections.fetch_add(1, Ordering::SeqCst);
                // Who hangs up early is no concern of the others.
                let _ = answer(stream, &pages, &watched.paths);
            }
        });
        Ok(Server { address, seen })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many came, whatever they wanted.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// What was asked for, in the order of the alphabet.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = self.seen.paths.lock().map(|paths| paths.clone()).unwrap_or_default();
        paths.sort();
        paths
    }
}

/// The pages in a folder; `index.html` is what is at the folder's own path.
pub fn pages(folder: &Path) -> io::Result<Pages> {
    let mut pages = Pages::new();
    let mut folders = vec![(folder.to_owned(), "/".to_owned())];
    while let Some((folder, path)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), format!("{path}{name}/")));
            } else {
                let name = if name == "index.html" { "" } else { &name };
                pages.insert(format!("{path}{name}"), fs::read_to_string(entry.path())?);
            }
        }
    }
    Ok(pages)
}

fn answer(mut stream: TcpStream, pages: &Pages, paths: &Mutex<Vec<String>>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // The rest of the head is of no interest, but has to be taken.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    if let Ok(mut paths) = paths.lock() {
        paths.push(path.to_owned());
    }
    let (status, body) = pages.get(path).map_or(("404 Not Found", "not here"), |page| ("200 OK", page.as_str()));
    write!(stream, "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n", body.len())?;
    write!(stream, "connection: close\r\n\r\n{body}")
}
