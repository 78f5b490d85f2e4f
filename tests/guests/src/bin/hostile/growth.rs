//! Growth without end.

use std::hint::black_box;
use std::net::UdpSocket;

use rustyray::prelude::*;

/// One list that doubles.
#[rustyray::remote]
fn doubling() -> usize {
    let mut bytes = vec![1u8];
    loop {
        bytes.extend_from_within(..);
        black_box(&bytes);
    }
}

/// Many small things.
#[rustyray::remote]
fn crumbs() -> usize {
    let mut all = std::collections::BTreeMap::new();
    loop {
        all.insert(all.len(), black_box(Box::new(all.len())));
    }
}

/// All at once.
#[rustyray::remote]
fn gulp() -> usize {
    black_box(vec![1u8; 1 << 30]).len()
}

/// A list of boxes, as deep as it is long.
struct Chain(#[expect(dead_code, reason = "it is only dropped")] Option<Box<Chain>>);

/// Drops what is nested deeper than the stack.
#[rustyray::remote]
fn deep_drop() -> u32 {
    let chain = (0..1_000_000).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))));
    drop(black_box(chain));
    0
}

/// Writes what is nested deeper than the stack.
#[rustyray::remote]
fn deep_result() -> Nested {
    (0..1_000_000).fold(Nested(Vec::new()), |inner, _| Nested(vec![inner]))
}

#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Nested(Vec<Nested>);

/// A value that holds a reference to another of its kind.
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Nest(Option<ObjectRef<Nest>>);

/// Nests objects until the store is full, and crashes with them in hand.
#[rustyray::remote]
fn nested_objects() -> Result<u32> {
    let mut outer = rustyray::blocking_put(Nest(None))?;
    for depth in 0u32.. {
        match rustyray::blocking_put(Nest(Some(outer))) {
            Ok(deeper) => outer = deeper,
            Err(error) => panic!("{:?} at {depth}", error.kind()),
        }
    }
    Ok(0)
}

/// Holds objects that are errors.
#[rustyray::remote]
fn failed_objects(count: u32) -> Vec<ObjectRef<u32>> {
    (0..count).map(|_| answer.options().num_cpus(1_000_000.0).remote()).collect()
}

#[rustyray::remote]
fn answer() -> u32 {
    42
}

/// Asks for the same capability again and again.
#[rustyray::remote]
async fn grants(name: String, count: usize) -> Result<usize> {
    grants_held.options().grants(vec![name; count]).remote().await
}

#[rustyray::remote]
fn grants_held() -> usize {
    rustyray::context().grants.len()
}

/// Opens sockets until it may not.
#[rustyray::remote]
fn sockets() -> usize {
    let held: Vec<_> = (0..10_000).map_while(|_| UdpSocket::bind("0.0.0.0:0").ok()).collect();
    held.len()
}

/// Begins to read a folder many times, and then reads it to its end: the names, and how many of them are folders and links.
#[rustyray::remote]
fn listings(path: String, count: usize) -> Result<(usize, usize, usize)> {
    let begun: Vec<_> =
        (0..count).map(|_| std::fs::read_dir(&path).map(|mut entries| (entries.next(), entries))).collect();
    let mut types = Vec::new();
    for entry in std::fs::read_dir(&path)? {
        types.push(entry?.file_type()?);
    }
    rustyray::ensure!(begun.iter().all(|begun| begun.is_ok()), "some could not be read");
    let folders = types.iter().filter(|entry| entry.is_dir()).count();
    Ok((types.len(), folders, types.iter().filter(|entry| entry.is_symlink()).count()))
}

mod look_up {
    #[link(wasm_import_module = "wasi:sockets/instance-network@0.2.0")]
    unsafe extern "C" {
        #[link_name = "instance-network"]
        pub fn network() -> u32;
    }
    #[link(wasm_import_module = "wasi:sockets/ip-name-lookup@0.2.0")]
    unsafe extern "C" {
        #[link_name = "resolve-addresses"]
        pub fn begin(network: u32, name: *const u8, length: usize, result: *mut [u32; 2]);
        #[link_name = "[resource-drop]resolve-address-stream"]
        pub fn let_go(look_up: u32);
    }
}

/// Looks up so many names below this one, and waits for none of them. Gives how many it could begin.
#[rustyray::remote]
#[expect(unsafe_code, reason = "the standard library waits for what it looks up")]
fn look_ups(below: String, count: u32) -> u32 {
    let mut begun = 0;
    // SAFETY: As the canonical ABI has it: a result is a number that is 0 where it is fine, and then the handle.
    let network = unsafe { look_up::network() };
    for number in 0..count {
        let (name, mut result) = (format!("x{number}.{below}"), [1u32; 2]);
        unsafe {
            look_up::begin(network, name.as_ptr(), name.len(), &mut result);
            if result[0] as u8 == 0 {
                look_up::let_go(result[1]);
                begun += 1;
            }
        }
    }
    begun
}

/// Opens a file until it may not.
#[rustyray::remote]
fn files(path: String) -> usize {
    let held: Vec<_> = (0..10_000).map_while(|_| std::fs::File::open(&path).ok()).collect();
    held.len()
}

/// Opens a file so often, at most, and as many sockets, and says so; then holds them until it is ended.
#[rustyray::remote]
async fn holds_files(path: String, most: usize, number: u32) -> Result<()> {
    let opened: Vec<_> = (0..most).map_while(|_| std::fs::File::open(&path).ok()).collect();
    let bound: Vec<_> = (0..most).map_while(|_| UdpSocket::bind("0.0.0.0:0").ok()).collect();
    println!("{number} has opened what it could");
    rustyray::sleep(std::time::Duration::from_secs(3600)).await;
    drop((opened, bound));
    Ok(())
}

/// Seconds since 1970, and two words of chance.
#[rustyray::remote]
fn time_and_chance() -> Result<(u64, [u64; 2])> {
    use std::hash::{BuildHasher, RandomState};
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;

    Ok((since.as_secs(), [(); 2].map(|()| BuildHasher::hash_one(&RandomState::new(), 1))))
}

/// The names in a folder.
#[rustyray::remote]
fn names_in(path: String) -> Result<usize> {
    Ok(std::fs::read_dir(path)?.count())
}
