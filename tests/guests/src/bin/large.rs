//! Objects that are larger than a guest's memory, and references inside of all sorts of values.

#![allow(clippy::mutable_key_type, reason = "what a reference is to never changes")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Write;

use rustyray::ObjectWriter;
use rustyray::prelude::*;

const PIECE: usize = 1 << 20;

/// Writes so many bytes, a piece at a time.
#[rustyray::remote(memory = "16MiB")]
fn written(bytes: u64, known: bool) -> Result<ObjectRef<Vec<u8>>> {
    let mut writer = if known { ObjectWriter::with_capacity(bytes)? } else { ObjectWriter::new()? };
    let mut piece = vec![0u8; PIECE];
    let mut left = bytes;
    while left > 0 {
        let length = left.min(PIECE as u64) as usize;
        piece[..8].copy_from_slice(&(bytes - left).to_le_bytes());
        writer.write_all(&piece[..length])?;
        left -= length as u64;
    }
    writer.finish()
}

/// Reads it, a piece at a time: the sum of the numbers at the begin of each, and the length.
#[rustyray::remote(memory = "16MiB")]
async fn read(object: Vec<ObjectRef<Vec<u8>>>) -> Result<(u64, u64)> {
    let length = object[0].size().await?;
    let (mut at, mut total) = (0, 0);
    while at < length {
        let piece = object[0].read(at..at + PIECE as u64).await?;
        if let Some(begin) = piece.first_chunk() {
            total += u64::from_le_bytes(*begin);
        }
        at += piece.len() as u64;
    }
    Ok((total, length))
}

/// A writer that is dropped, and one that finds no room.
#[rustyray::remote]
fn too_much() -> Result<String> {
    let mut dropped = ObjectWriter::with_capacity(PIECE as u64)?;
    dropped.append(&vec![1; PIECE])?;
    drop(dropped);
    let mut writer = ObjectWriter::new()?;
    let piece = vec![1; PIECE];
    loop {
        if let Err(error) = writer.append(&piece) {
            return Ok(error.kind().to_string());
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
enum Choice {
    None,
    One(ObjectRef<u32>),
    Named { first: ObjectRef<u32>, rest: Vec<Option<ObjectRef<u32>>> },
}

#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Everything {
    by_name: HashMap<String, ObjectRef<u32>>,
    sorted: BTreeMap<u8, (ObjectRef<u32>, bool)>,
    set: HashSet<ObjectRef<u32>>,
    choices: Vec<Choice>,
}

#[rustyray::remote]
fn number(n: u32) -> u32 {
    n
}

#[rustyray::remote]
async fn sum(everything: Everything) -> Result<u32> {
    let Everything { by_name, sorted, set, choices } = everything;
    let mut all: Vec<ObjectRef<u32>> = by_name.into_values().collect();
    all.extend(sorted.into_values().map(|(reference, _)| reference));
    all.extend(set);
    for choice in choices {
        match choice {
            Choice::None => {}
            Choice::One(reference) => all.push(reference),
            Choice::Named { first, rest } => {
                all.push(first);
                all.extend(rest.into_iter().flatten());
            }
        }
    }
    Ok(rustyray::get_all(&all).await?.into_iter().sum())
}

/// Keeps what it is given.
#[rustyray::actor]
struct Shelf {
    kept: Option<Everything>,
}

#[rustyray::actor_methods]
impl Shelf {
    fn new() -> Self {
        Shelf { kept: None }
    }

    fn keep(&mut self, everything: Everything) {
        self.kept = Some(everything);
    }

    fn give(&mut self) -> Option<Everything> {
        self.kept.take()
    }
}

/// References in maps, sets and enums, by a task and by way of an actor's state.
#[rustyray::remote]
async fn nested() -> Result<(u32, u32)> {
    let three = number.remote(3);
    let everything = || Everything {
        by_name: [("one".to_owned(), number.remote(1)), ("two".to_owned(), number.remote(2))].into(),
        sorted: [(1, (three.clone(), true))].into(),
        // The same twice is one member.
        set: [three.clone(), three.clone(), number.remote(4)].into(),
        choices: vec![
            Choice::None,
            Choice::One(number.remote(5)),
            Choice::Named { first: number.remote(6), rest: vec![None, Some(number.remote(7))] },
        ],
    };
    let direct = sum.remote(everything()).await?;
    let shelf = Shelf::remote();
    shelf.keep(everything()).await?;
    let given = shelf.give().await?.ok_or_else(|| Error::msg("nothing was kept"))?;
    Ok((direct, sum.remote(given).await?))
}

fn main() {}
