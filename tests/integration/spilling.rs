//! Pressure: more data than the object store holds.

use std::fs;
use std::path::{Path, PathBuf};

use rustyray_host::limits::SPILL_BYTES_MIN;
use rustyray_host::{Encoding, ErrorKind, Host, HostBuilder, Module, ObjectRef, Payload, Reference};

use rustyray_tests::{builder, error, finish, guest, host_with, settled, value, within};

/// Bytes of a block, and of the store.
pub const BLOCK: usize = 256 << 10;
pub const STORE: u64 = 2 << 20;

/// Four times as many blocks as fit.
const BLOCKS: u32 = 32;

pub fn pressed(dir: &Path) -> HostBuilder {
    builder().object_store_bytes(STORE).spill(dir)
}

/// The block of this seed, as the guest makes it.
pub fn block(seed: u32) -> Vec<u8> {
    made(seed, BLOCK)
}

/// So many bytes of this seed, as the guest makes them.
pub fn made(seed: u32, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..bytes).map(next).collect()
}

fn sum(block: &[u8]) -> u64 {
    block.iter().map(|byte| u64::from(*byte)).sum()
}

async fn blocks(host: &Host, module: &Module) -> Vec<ObjectRef> {
    let mut blocks = Vec::new();
    for seed in 0..BLOCKS {
        let block = module.task("block").arg(seed).arg(BLOCK).submit().await;
        host.wait(std::slice::from_ref(&block), 1, None).await.unwrap();
        blocks.push(block);
    }
    blocks
}

/// The files of spilled objects.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    files.filter(|path| path.extension().is_some_and(|end| end == "object")).collect()
}

#[tokio::test]
async fn four_times_the_store_goes_through_tasks_and_comes_out_right() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let blocks = blocks(&host, &module).await;
    let stats = host.stats();
    assert!(stats.object_bytes <= STORE, "{stats:?}");
    assert!(stats.object_bytes + stats.spilled_bytes >= u64::from(BLOCKS) * BLOCK as u64, "{stats:?}");

    // Of a task that asks for them, of tasks that take them as arguments, and of the embedder.
    let sums: Vec<_> = blocks.iter().map(|block| module.task("sum").arg_ref(block).try_submit()).collect();
    for (seed, sum_of) in (0..BLOCKS).zip(&sums) {
        assert_eq!(value::<u64>(&host, sum_of).await, sum(&block(seed)), "block {seed}");
    }
    for (seed, object) in (0..BLOCKS).zip(&blocks) {
        assert!(value::<Vec<u8>>(&host, object).await == block(seed), "block {seed}");
    }
    assert!(host.stats().object_bytes <= STORE);

    drop((blocks, sums));
    settled(&host, "all to go", |stats| {
        (stats.objects, stats.object_bytes, stats.spilled_bytes) == (0, stats.manifest_bytes, 0)
    })
    .await;
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
    finish(host).await;
}

#[tokio::test]
async fn one_that_needs_little_from_disk_is_not_behind_all_that_another_module_has_read() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let neighbour = host.load_file_as("neighbour", guest("spill")).await.unwrap();
    let small = neighbour.task("block").arg(100u32).arg(64usize << 10).submit().await;
    host.wait(std::slice::from_ref(&small), 1, None).await.unwrap();
    // It has not been used for longest: it is on disk after this.
    let blocks = blocks(&host, &module).await;
    let many: Vec<_> = blocks.iter().map(|block| module.task("sum").arg_ref(block).try_submit()).collect();
    let done = || many.iter().filter(|sum| sum.is_ready()).count();
    // Some are read before it is asked for.
    let already = done();
    let one = neighbour.task("sum").arg_ref(&small).try_submit();
    assert_eq!(value::<u64>(&host, &one).await, sum(&made(100, 64 << 10)));
    let before = done() - already;
    assert!(before <= BLOCKS as usize / 2, "{before} of {BLOCKS} came before it, beside {already}");
    for (seed, sum_of) in (0..BLOCKS).zip(&many) {
        assert_eq!(value::<u64>(&host, sum_of).await, sum(&block(seed)), "block {seed}");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_guest_works_through_more_than_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let mut held = Vec::new();
    for seed in 0..BLOCKS {
        held.push(value_ref(&host, &module, seed).await);
    }
    let all: u64 = (0..BLOCKS).map(|seed| sum(&block(seed))).sum();
    assert!(host.stats().spilled_bytes > STORE);
    // The references are inside a value, so that nothing is read back before the guest asks.
    let list = host.put_payload(list_of(&host, &held).await).unwrap();
    let sums = module.task("sums").arg_ref(&list).submit().await;
    assert_eq!(value::<Vec<u64>>(&host, &sums).await, [all; 3]);
    finish(host).await;
}

/// A reference that a guest stored, as a payload that holds it.
async fn value_ref(host: &Host, module: &Module, seed: u32) -> ObjectRef {
    let stored = module.task("stored").arg(seed).arg(BLOCK).submit().await;
    host.value(&stored, None).await.unwrap();
    stored
}

/// A list of what the payloads refer to: bincode writes a list's length, then the index of each reference.
async fn list_of(host: &Host, held: &[ObjectRef]) -> Payload {
    let mut references = Vec::new();
    for object in held {
        references.extend(host.value(object, None).await.unwrap().payload().references.clone());
    }
    let mut payload = Payload::new(Encoding::Bincode, {
        let mut data = vec![references.len() as u8];
        data.extend(0..references.len() as u8);
        data
    });
    payload.references = references.into();
    payload
}

#[tokio::test]
async fn only_when_the_disk_is_full_as_well_it_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()).spill_bytes(STORE), "spill").await;
    let mut held = Vec::new();
    let refused = loop {
        let block = module.task("block").arg(0u32).arg(BLOCK).submit().await;
        match host.value(&block, None).await {
            Ok(_) => held.push(block),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind, ErrorKind::OutOfDisk, "{refused}");
    assert!(refused.message.contains("2097152 bytes on disk"), "{refused}");
    let both = 2 * STORE as usize / BLOCK;
    assert!((both - 3..=both).contains(&held.len()), "{} blocks in both", held.len());
    assert_eq!(host.put(&vec![0u8; BLOCK]).unwrap_err().kind, ErrorKind::OutOfDisk);
    let too_large = host.put(&vec![0u8; STORE as usize]).unwrap_err();
    assert_eq!(too_large.kind, ErrorKind::ObjectStoreFull, "it would not fit into an empty store");

    held.truncate(held.len() / 2);
    let block = module.task("block").arg(0u32).arg(BLOCK).submit().await;
    assert_eq!(value::<Vec<u8>>(&host, &block).await.len(), BLOCK, "there is room again");
    finish(host).await;
}

#[tokio::test]
async fn what_is_damaged_on_disk_and_was_put_is_lost_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let held: Vec<_> = (0..BLOCKS).map(|seed| host.put(&block(seed)).unwrap()).collect();
    let spilled = files(dir.path());
    fs::write(&spilled[0], b"not what it was").unwrap();
    fs::remove_file(&spilled[1]).unwrap();
    let mut lost = Vec::new();
    for (seed, object) in (0..BLOCKS).zip(&held) {
        match host.get::<Vec<u8>>(object).await {
            Ok(bytes) => assert!(bytes == block(seed), "block {seed}"),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::ObjectLost);
                let sum = module.task("sum").arg_ref(object).submit().await;
                let of_a_task = rustyray_tests::error(&host, &sum).await;
                assert_eq!(of_a_task.causes[0].kind, ErrorKind::ObjectLost, "{of_a_task}");
                lost.push(error.message.clone());
            }
        }
    }
    lost.sort();
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost.iter().any(|why| why.contains("is damaged")) && lost.iter().any(|why| why.contains("cannot be read")));
    finish(host).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_host_that_ends() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let blocks = blocks(&host, &module).await;
    assert!(!files(dir.path()).is_empty());
    finish(host).await;
    drop((blocks, module));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = pressed(&file).build().err().expect("a file is no folder");
    assert!(error.to_string().contains("objects cannot be spilled to the folder"), "{error}");
}

#[tokio::test]
async fn without_a_folder_a_full_store_refuses() {
    let (host, module) = host_with(builder().object_store_bytes(STORE), "spill").await;
    let held: Vec<_> = (0..BLOCKS).map(|seed| module.task("block").arg(seed).arg(BLOCK).try_submit()).collect();
    let mut refused = 0;
    for object in &held {
        if host.value(object, None).await.is_err_and(|error| error.kind == ErrorKind::ObjectStoreFull) {
            refused += 1;
        }
    }
    assert!(refused > BLOCKS / 2, "{refused}");
    let full = held.last().unwrap();
    assert_eq!(error(&host, full).await.kind, ErrorKind::ObjectStoreFull);
    finish(host).await;
}

/// More than the store holds, in all the ways in which an object can come to be.
async fn of_each_origin(host: &Host, module: &Module, bytes: usize) -> Vec<(u32, ObjectRef)> {
    let mut objects = Vec::new();
    for seed in 0..3 {
        objects.push((seed, host.put(&made(seed, bytes)).unwrap()));
        // Bytes of which nobody can tell whether somebody holds them.
        let lent: &'static [u8] = made(seed, bytes).leak();
        objects.push((seed, host.put_payload(Payload::new(Encoding::Raw, lent)).unwrap()));
        objects.push((seed, module.task("block").arg(seed).arg(bytes).submit().await));
        host.wait(&[objects.last().unwrap().1.clone()], 1, None).await.unwrap();
        for task in ["stored", "written"] {
            let stored = module.task(task).arg(seed).arg(bytes).submit().await;
            match &within(host.value(&stored, None), "a reference").await.unwrap().payload().references[..] {
                [Reference::Object(inner)] => objects.push((seed, inner.clone())),
                other => panic!("one object was expected: {other:?}"),
            }
        }
    }
    let mut stream = module.task("streamed").arg(vec![0u32, 1, 2]).arg(bytes).stream().await;
    for seed in 0..3 {
        objects.push((seed, within(stream.next(), "an item").await.unwrap()));
    }
    objects
}

#[tokio::test]
async fn objects_of_any_size_are_spilled_wherever_they_come_from() {
    let (host, module) = host_with(builder(), "spill").await;
    let manifest = module.kept_bytes();
    finish(host).await;
    for bytes in [SPILL_BYTES_MIN as usize, 64 << 10, (2 << 20) - 1, 2 << 20, 8 << 20] {
        let dir = tempfile::tempdir().unwrap();
        let store = manifest + 3 * bytes as u64 + (32 << 10);
        let (host, module) = host_with(builder().object_store_bytes(store).spill(dir.path()), "spill").await;
        let objects = of_each_origin(&host, &module, bytes).await;
        let stats = host.stats();
        let all = objects.len() as u64 * bytes as u64;
        assert!(stats.object_bytes <= store && stats.object_bytes + stats.spilled_bytes >= all, "{bytes}: {stats:?}");
        let expected: Vec<_> = (0..3).map(|seed| made(seed, bytes)).collect();
        for (seed, object) in &objects {
            assert!(value::<Vec<u8>>(&host, object).await == expected[*seed as usize], "{bytes} bytes of {seed}");
        }
        finish(host).await;
    }
}
