//! Tasks that make, pass and hold objects.

use rustyray::prelude::*;

/// Bytes.
#[rustyray::remote]
fn make_bytes(count: usize) -> Vec<u8> {
    vec![7; count]
}

/// How many bytes it was given.
#[rustyray::remote]
fn count_bytes(bytes: Vec<u8>) -> usize {
    bytes.len()
}

/// Stores as many objects of this size, and holds them; gives how many fitted.
#[rustyray::remote]
fn fill(count: usize, size: usize) -> (usize, Option<String>) {
    let mut held = Vec::new();
    for _ in 0..count {
        match rustyray::blocking_put(vec![1u8; size]) {
            Ok(object) => held.push(object),
            Err(error) => return (held.len(), Some(format!("{:?}: {error}", error.kind()))),
        }
    }
    (held.len(), None)
}

/// A list of references to objects that it stored.
#[rustyray::remote]
fn stored(count: u32) -> Result<Vec<ObjectRef<u32>>> {
    (0..count).map(rustyray::blocking_put).collect()
}

/// The sum of what the references lead to.
#[rustyray::remote]
async fn add_up(parts: Vec<ObjectRef<u32>>) -> Result<u32> {
    Ok(rustyray::get_all(&parts).await?.into_iter().sum())
}

/// A list inside a list inside a value.
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Tree {
    value: u32,
    children: Vec<ObjectRef<Tree>>,
}

/// A tree of objects, each of which refers to others.
#[rustyray::remote]
fn tree(depth: u32) -> Result<Tree> {
    let children = match depth {
        0 => Vec::new(),
        _ => vec![tree.remote(depth - 1), tree.remote(depth - 1)],
    };
    Ok(Tree { value: 1, children })
}

/// The sum over a tree.
#[rustyray::remote]
fn weigh(root: Tree) -> Result<u32> {
    let mut weight = root.value;
    for child in &root.children {
        weight += weigh.remote(child).blocking_get()?;
    }
    Ok(weight)
}

/// Parts of bytes that may not be there yet: those of a range, and how many there are in all.
#[rustyray::remote]
async fn part_of(bytes: Vec<ObjectRef<Vec<u8>>>, from: u64, to: u64) -> Result<(Vec<u8>, u64)> {
    Ok((bytes[0].read(from..to).await?, bytes[0].size().await?))
}

/// The same, for a plain function.
#[rustyray::remote]
fn part_of_blocking(bytes: Vec<ObjectRef<Vec<u8>>>, from: u64, to: u64) -> Result<(Vec<u8>, u64)> {
    Ok((bytes[0].blocking_read(from..to)?, bytes[0].blocking_size()?))
}

/// A list of one reference: to so many bytes that it stored, each its own place.
#[rustyray::remote]
fn stored_bytes(count: usize) -> Result<Vec<ObjectRef<Vec<u8>>>> {
    let bytes = (0..count).map(|place| place as u8).collect();
    Ok(vec![rustyray::blocking_put(bytes)?])
}

/// A list of one reference: to bytes that a task will make.
#[rustyray::remote]
fn promised_bytes(count: usize) -> Vec<ObjectRef<Vec<u8>>> {
    vec![make_bytes.remote(count)]
}

/// Traps with handles in hand.
#[rustyray::remote]
fn crash_with(count: u32) -> Result<u32> {
    let held = (0..count).map(rustyray::blocking_put).collect::<Result<Vec<_>>>()?;
    assert!(held.is_empty(), "{} handles in hand", held.len());
    Ok(0)
}

fn main() {}
