//! A program that does what its arguments say, for the command line's tests.

use std::io::{Read, Write};

use rustyray::prelude::*;

/// Sleeps, and says so.
#[rustyray::remote]
async fn nap(milliseconds: u64) -> u64 {
    println!("nap of {milliseconds}");
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Sleeps in silence.
#[rustyray::remote]
async fn rest(milliseconds: u64) -> u64 {
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    milliseconds
}

/// Computes until something ends it.
#[rustyray::remote]
fn spin() -> u64 {
    let mut n = 0u64;
    loop {
        n = std::hint::black_box(n.wrapping_add(1));
    }
}

/// Greets.
#[rustyray::remote]
fn greet(name: String) -> String {
    format!("hello {name}")
}

/// Prints so many lines.
#[rustyray::remote]
fn prints(lines: u32) -> u32 {
    (0..lines).for_each(|line| println!("line {line} of a task that has a lot to say"));
    lines
}

/// Adds.
#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

/// Fails with an error.
#[rustyray::remote]
fn refuse() -> Result<()> {
    Err(Error::msg("not today"))
}

/// Declares limits of its own, and computes beyond them.
#[rustyray::remote(fuel = 1_000_000, memory = "8MiB", timeout = "1h")]
fn modest() {
    loop {
        std::hint::black_box(());
    }
}

/// An actor to look at.
#[rustyray::actor(max_restarts = 3)]
struct Tally {
    value: i32,
}

#[rustyray::actor_methods]
impl Tally {
    fn starting_at(value: i32) -> Self {
        Tally { value }
    }

    fn value(&self) -> i32 {
        self.value
    }
}

/// The bytes from 0 up.
#[rustyray::remote]
fn first_bytes(count: u8) -> Vec<u8> {
    (0..count).collect()
}

/// Text that would drive a terminal.
#[rustyray::remote]
fn rude() -> String {
    "\u{1b}[2J\u{9b}2J\u{202e}".to_owned()
}

/// Needs a capability.
#[rustyray::remote(grants = ["env:TOKEN"])]
fn token() -> String {
    std::env::var("TOKEN").unwrap_or_default()
}

/// Submits what needs one.
#[rustyray::remote]
async fn asks_for_token() -> Result<String> {
    token.remote().await
}

/// Needs a machine that has one.
#[rustyray::remote(resources = "gpu=1")]
fn on_gpu() -> bool {
    true
}

/// The number that it is given.
#[rustyray::remote]
fn echoed_number(number: f64) -> f64 {
    number
}

/// What it is given.
#[rustyray::remote]
fn echoed(text: String) -> String {
    text
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[1..] {
        ["echo", ..] => println!("{words:?}"),
        ["say", out, err] => {
            print!("{out}");
            eprint!("{err}");
        }
        ["exit", code] => std::process::exit(code.parse()?),
        ["fail"] => return Err(Error::msg("main fails")),
        ["panic"] => panic!("main panics"),
        ["spin"] => drop(spin.remote().await),
        ["loop"] => loop {
            std::hint::black_box(());
        },
        ["hog"] => drop(std::hint::black_box(vec![1u8; 1 << 30])),
        ["stdin"] => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            print!("{text}");
        }
        ["spill", count] => {
            let mut kept = Vec::new();
            for _ in 0..count.parse::<u32>()? {
                kept.push(rustyray::put(vec![7u8; 1 << 20]).await?);
            }
            println!("spilled");
            rustyray::sleep(Duration::from_secs(3600)).await;
        }
        ["stdin-once"] => println!("{}", std::io::BufRead::fill_buf(&mut std::io::stdin().lock())?.len()),
        ["wait"] => {
            println!("begins");
            std::io::stdin().read_to_string(&mut String::new())?;
            println!("ends");
        }
        ["environment"] => std::env::vars().for_each(|(name, value)| println!("{name}={value}")),
        ["read", path] => print!("{}", std::fs::read_to_string(path)?),
        ["open", path, count] => {
            let open = || std::fs::File::open(path).map_err(|error| Error::msg(error.to_string()));
            let opened = (0..count.parse::<u32>()?).map(|_| open()).collect::<Result<Vec<_>>>()?;
            println!("{}", opened.len());
        }
        ["fill", path, mebibytes] => {
            let mut file = std::fs::File::create(path)?;
            for _ in 0..mebibytes.parse::<u32>()? {
                file.write_all(&[7; 1 << 20])?;
            }
        }
        ["write", path, text] => std::fs::write(path, text)?,
        ["connect", address] => drop(std::net::TcpStream::connect(address)?),
        ["listen", address] => drop(std::net::TcpListener::bind(address)?),
        ["hold-back"] => drop(asks_for_token.options().grants(Vec::<String>::new()).remote().await?),
        ["adds"] => loop {
            add.remote(1, 2).await?;
        },
        ["nap", count, milliseconds] => naps(count.parse()?, milliseconds.parse()?).await?,
        ["flood", lines] => flood(lines.parse()?),
        ["chat", seconds] => chat(seconds.parse()?).await,
        _ => return Err(Error::msg("no such thing to do")),
    }
    Ok(())
}

async fn naps(count: u64, milliseconds: u64) -> Result<()> {
    println!("begins");
    let results: Vec<_> = (0..count).map(|_| nap.remote(milliseconds)).collect();
    for result in results {
        result.await?;
    }
    println!("ends");
    Ok(())
}

/// More than a pipe holds.
fn flood(lines: usize) {
    let mut out = std::io::stdout().lock();
    for line in 0..lines {
        if writeln!(out, "line {line}").is_err() {
            std::process::exit(1);
        }
    }
}

/// Tasks in the background, and words that come in pieces.
async fn chat(seconds: u64) {
    let _rests: Vec<_> = (0..200).map(|n| rest.remote(n * seconds * 5)).collect();
    for second in 0..seconds {
        print!("second {second}, ");
        let _ = std::io::stdout().flush();
        rustyray::sleep(Duration::from_millis(500)).await;
        println!("and a half");
        rustyray::sleep(Duration::from_millis(500)).await;
    }
}
