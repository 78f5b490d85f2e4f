//! Objects whose files are damaged are made again by their tasks.

use std::fs;
use std::path::Path;

use rustyray_host::{Capabilities, DirAccess, ErrorKind, Host, HostBuilder, Module, ObjectRef, Payload, TaskCall};

use crate::spilling::{BLOCK, STORE, block, files, pressed};
use rustyray_tests::{error, finish, guest, host_with, value};

/// Submits it, and waits until its value has been there.
async fn made(host: &Host, task: TaskCall) -> ObjectRef {
    let object = task.submit().await;
    host.wait(std::slice::from_ref(&object), 1, None).await.unwrap();
    object
}

fn block_of(module: &Module, seed: u32) -> TaskCall {
    module.task("block").arg(seed).arg(BLOCK)
}

/// Has everything spilled that was there before, which is the coldest, and damages it: what is put needs all the room.
async fn lose_all(host: &Host, dir: &Path) {
    let filling: Vec<_> = (0..STORE as usize / BLOCK).map(|_| host.put(&vec![0u8; BLOCK - 512]).unwrap()).collect();
    let lost = files(dir);
    for file in &lost {
        fs::write(file, b"damaged").unwrap();
    }
    drop(filling);
}

fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

#[tokio::test]
async fn what_a_task_made_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let mut blocks = Vec::new();
    for seed in 0..16 {
        blocks.push(made(&host, block_of(&module, seed)).await);
    }
    let spilled = files(dir.path());
    fs::remove_file(&spilled[0]).unwrap();
    spilled[1..].iter().for_each(|file| fs::write(file, b"damaged").unwrap());
    // Of the embedder, and as the argument of a task.
    for (seed, object) in (0..16).zip(&blocks) {
        if seed % 2 == 0 {
            assert!(value::<Vec<u8>>(&host, object).await == block(seed), "block {seed}");
        } else {
            let again = made(&host, module.task("inverted").arg_ref(object)).await;
            assert!(value::<Vec<u8>>(&host, &again).await == inverted(&block(seed)), "block {seed}");
        }
    }
    let runs = host.stats().succeeded;
    assert_eq!(runs, 16 + 8 + spilled.len() as u64, "each lost one once");
    drop(blocks);
    finish(host).await;
}

#[tokio::test]
async fn what_it_was_made_from_is_made_again_first_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let first = made(&host, block_of(&module, 1)).await;
    let second = made(&host, module.task("inverted").arg_ref(&first)).await;
    let third = made(&host, module.task("combined").arg_ref(&first).arg_ref(&second)).await;
    let fourth = made(&host, module.task("combined").arg_ref(&third).arg_ref(&third)).await;
    drop((first, second, third));
    lose_all(&host, dir.path()).await;
    let runs = host.stats().succeeded;
    assert!(value::<Vec<u8>>(&host, &fourth).await == vec![254; BLOCK], "twice (n + !n)");
    assert_eq!(host.stats().succeeded - runs, 4);

    // And once more, after what it was made from is gone once more.
    lose_all(&host, dir.path()).await;
    assert!(value::<Vec<u8>>(&host, &fourth).await == vec![254; BLOCK]);
    assert_eq!(host.stats().succeeded - runs, 8);
    finish(host).await;
}

#[tokio::test]
async fn references_inside_the_arguments_count_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let first = made(&host, block_of(&module, 1)).await;
    let second = made(&host, module.task("inverted").arg_ref(&first)).await;
    let list = list_of(&[&first, &second]);
    let both = made(&host, module.task("combined_of").arg_payload(list)).await;
    drop((first, second));
    lose_all(&host, dir.path()).await;
    let runs = host.stats().succeeded;
    assert!(value::<Vec<u8>>(&host, &both).await == vec![255; BLOCK]);
    assert_eq!(host.stats().succeeded - runs, 3);
    finish(host).await;
}

/// A list of references, as the SDK reads it.
fn list_of(objects: &[&ObjectRef]) -> Payload {
    let indices: Vec<usize> = (0..objects.len()).collect();
    let mut payload = Payload::new(rustyray_host::Encoding::Json, serde_json::to_vec(&indices).unwrap());
    payload.references = objects.iter().map(|object| rustyray_host::Reference::Object((*object).clone())).collect();
    payload
}

/// Why an object is lost for good.
async fn reason(host: &Host, object: &ObjectRef) -> String {
    let error = error(host, object).await;
    assert_eq!(error.kind, ErrorKind::ObjectLost, "{error}");
    error.message.clone()
}

#[tokio::test]
async fn what_cannot_be_made_again_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()), "spill").await;
    let maker = module.actor("Maker").create();
    let put = host.put(&block(1)).unwrap();
    let by_actor = made_by(&host, &maker).await;
    let once = made(&host, module.task("block_once").arg(1u32).arg(BLOCK)).await;
    let large = made(&host, module.task("inverted").arg(block(1))).await;
    let of_put = made(&host, module.task("inverted").arg_ref(&put)).await;
    lose_all(&host, dir.path()).await;
    for (object, why) in [
        (&put, "no task made it as its result: it was put"),
        (&by_actor, "an actor made it"),
        (&once, "may run once only"),
        (&large, "arguments were too large"),
    ] {
        let reason = reason(&host, object).await;
        assert!(reason.contains("is damaged, and it cannot be made again: ") && reason.contains(why), "{reason}");
    }
    // What was put is there still, but lost; once nobody holds it, it is gone.
    let message = reason(&host, &of_put).await;
    assert!(message.contains("to make it again failed: an argument could not be had"), "{message}");
    drop(put);
    let put = host.put(&block(1)).unwrap();
    let of_put = made(&host, module.task("inverted").arg_ref(&put)).await;
    drop(put);
    lose_all(&host, dir.path()).await;
    let message = reason(&host, &of_put).await;
    assert!(message.contains("given an object that is gone as well (no task made it"), "{message}");
    finish(host).await;
}

async fn made_by(host: &Host, maker: &rustyray_host::ActorHandle) -> ObjectRef {
    let object = maker.call("made").arg(1u32).arg(BLOCK).try_submit();
    host.wait(std::slice::from_ref(&object), 1, None).await.unwrap();
    object
}

#[tokio::test]
async fn a_task_that_fails_the_second_time_is_the_reason() {
    let (dir, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(data.path().join("file"), "text").unwrap();
    let capabilities = Capabilities::none().dir(data.path(), "/data", DirAccess::ReadOnly).unwrap();
    let (host, module) = host_with(pressed(dir.path()).capabilities(capabilities), "spill").await;
    let made = made(&host, module.task("of_file").arg("/data/file").arg(BLOCK / 4)).await;
    lose_all(&host, dir.path()).await;
    fs::remove_file(data.path().join("file")).unwrap();
    let error = error(&host, &made).await;
    assert_eq!((error.kind, error.causes[0].kind), (ErrorKind::ObjectLost, ErrorKind::TaskFailed), "{error:#}");
    assert!(error.message.contains("is damaged, and to make it again failed"), "{error}");
    finish(host).await;
}

/// A host on which one task at a time computes.
fn narrow(builder: HostBuilder, instances: u32) -> HostBuilder {
    builder.cpus(1.0).instances(instances)
}

#[tokio::test]
async fn who_waits_for_it_lets_its_task_run() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(narrow(pressed(dir.path()), 2), "spill").await;
    let first = made(&host, block_of(&module, 1)).await;
    lose_all(&host, dir.path()).await;
    let second = made(&host, module.task("inverted").arg_ref(&first)).await;
    assert!(value::<Vec<u8>>(&host, &second).await == inverted(&block(1)));
    finish(host).await;
}

#[tokio::test]
async fn a_task_whose_argument_is_lost_makes_room_for_the_one_that_makes_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(narrow(pressed(dir.path()), 1), "spill").await;
    let first = made(&host, block_of(&module, 1)).await;
    lose_all(&host, dir.path()).await;
    let second = module.task("inverted").arg_ref(&first).submit().await;
    let expected: Vec<u8> = block(1).into_iter().map(|byte| !byte).collect();
    assert!(value::<Vec<u8>>(&host, &second).await == expected);
    assert_eq!(second.receipt().unwrap().attempts, 1, "it had not begun");
    finish(host).await;
}

#[tokio::test]
async fn it_is_made_again_where_the_queue_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let (host, module) = host_with(pressed(dir.path()).cpus(2.0).pending_tasks(1), "spill").await;
    let object = made(&host, block_of(&module, 1)).await;
    let waiting = host.load_file(guest("waiting")).await.unwrap();
    let spin = waiting.task("spin").submit().await;
    lose_all(&host, dir.path()).await;
    // What waits for an argument is pending.
    let pending = waiting.task("increment").arg_ref(&spin).submit().await;
    assert_eq!(error(&host, &waiting.task("increment").arg(1u32).try_submit()).await.kind, ErrorKind::QueueFull);
    assert!(value::<Vec<u8>>(&host, &object).await == block(1));
    host.cancel(&spin);
    error(&host, &pending).await;
    finish(host).await;
}
