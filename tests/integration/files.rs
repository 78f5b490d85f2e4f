//! Files of granted folders: what a guest writes at once, what is no file, and disks that do not answer.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyray_host::limits::{FILE_STREAM_BYTES, FILE_THREADS_MAX, FILE_WRITE_BYTES, MODULES_FILE_THREADS_MAX};
use rustyray_host::{Capabilities, DirAccess, ErrorKind, Host, Module, ObjectRef, TaskOptions};
use tempfile::TempDir;
use tokio::sync::watch;

use rustyray_tests::{builder, error, finish, guest, value, within};

/// A component that asks WASI itself.
async fn raw(host: &Host) -> Module {
    host.load_bytes("raw", wat::parse_str(include_str!("files.wat")).unwrap()).await.unwrap()
}

fn granting(folder: &Path) -> Host {
    let held = Capabilities::none().dir(folder, "/data", DirAccess::ReadWrite).unwrap();
    builder().capabilities(held).build().unwrap()
}

#[tokio::test]
async fn a_write_takes_a_part_and_leaves_the_rest_to_its_guest() {
    let folder = tempfile::tempdir().unwrap();
    let host = granting(folder.path());
    let module = raw(&host).await;
    let write = async |bytes: u32| {
        let task = module.task("write").arg(bytes).submit().await;
        let taken = value::<u64>(&host, &task).await;
        let file = std::fs::read(folder.path().join("file")).unwrap();
        assert!(file.len() as u64 == taken && file.iter().all(|byte| *byte == b'.'), "{} bytes", file.len());
        taken
    };
    assert_eq!(write(0).await, 0);
    assert_eq!(write(5).await, 5);
    assert_eq!(write(FILE_WRITE_BYTES as u32).await, FILE_WRITE_BYTES as u64);
    assert_eq!(write(4 << 20).await, FILE_WRITE_BYTES as u64);
    // The standard library goes on with the rest.
    let capabilities = host.load_file(guest("capabilities")).await.unwrap();
    let text = "more than goes at once ".repeat(FILE_WRITE_BYTES / 10);
    let path = "/data/file".to_owned();
    let wrote = capabilities.task("write").arg(path.clone()).arg(text.clone()).submit().await;
    assert_eq!(value::<u64>(&host, &wrote).await, text.len() as u64);
    let read = capabilities.task("read").arg(path).submit().await;
    assert!(value::<String>(&host, &read).await == text);
    finish(host).await;
}

#[tokio::test]
async fn a_stream_of_a_file_is_its_guests_memory_as_long_as_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "some").unwrap();
    let host = granting(folder.path());
    let module = raw(&host).await;
    // The component has 5 MiB from its start.
    let memory = (5 << 20) + 16 * FILE_STREAM_BYTES;
    let streams = |count: u32, kept: bool| {
        let options = TaskOptions::new().memory_bytes(memory + FILE_STREAM_BYTES / 2);
        module.task("streams").arg(count).arg(kept).options(options).submit()
    };
    assert_eq!(value::<u32>(&host, &streams(16, true).await).await, 0);
    assert_eq!(value::<u32>(&host, &streams(1000, false).await).await, 0, "one after the other");
    let error = error(&host, &streams(17, true).await).await;
    assert_eq!(error.kind, ErrorKind::OutOfMemory);
    assert!(error.message.contains("what the host keeps for it"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn pipes_sockets_and_devices_are_refused_and_nothing_waits_for_them() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(folder.path().join("socket")).unwrap();
    std::os::unix::fs::symlink("pipe", folder.path().join("link")).unwrap();
    let held = Capabilities::none()
        .dir(folder.path(), "/data", DirAccess::ReadWrite)
        .and_then(|held| held.dir("/dev", "/dev", DirAccess::ReadOnly))
        .unwrap();
    let host = builder().capabilities(held).build().unwrap();
    let module = host.load_file(guest("capabilities")).await.unwrap();
    let refused = async |task: ObjectRef, what: &str| {
        let error = within(error(&host, &task), what).await;
        assert!(error.message.contains("os error 58"), "{what}: {error}");
    };
    let write = |path: &str| module.task("write").arg(path.to_owned()).arg("text".to_owned()).submit();
    let read = |path: &str| module.task("read").arg(path.to_owned()).submit();
    // Nobody is at the other end of the pipe, and then somebody is.
    for _ in 0..2 {
        for path in ["/data/pipe", "/data/link", "/data/socket"] {
            refused(read(path).await, path).await;
            refused(write(path).await, path).await;
        }
        let other_end = std::fs::OpenOptions::new().read(true).write(true).open(folder.path().join("pipe"));
        std::mem::forget(other_end.unwrap());
    }
    for path in ["/dev/zero", "/dev/null"] {
        refused(read(path).await, path).await;
    }
    finish(host).await;
}

#[tokio::test]
async fn times_of_a_pipe_are_refused_and_those_of_a_file_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let host = granting(folder.path());
    let module = raw(&host).await;
    let touch = async || {
        let task = module.task("touch").submit().await;
        within(value::<u32>(&host, &task), "times are set").await
    };
    let path = folder.path().join("file");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    const UNSUPPORTED: u32 = 27;
    assert_eq!(touch().await, 1 + UNSUPPORTED);
    std::fs::remove_file(&path).unwrap();
    for make in [|path: &Path| std::fs::write(path, "text").unwrap(), |path: &Path| std::fs::create_dir(path).unwrap()]
    {
        make(&path);
        assert_eq!(touch().await, 0);
        let since = std::fs::metadata(&path).unwrap().modified().unwrap().duration_since(std::time::UNIX_EPOCH);
        assert_eq!(since.unwrap().as_secs(), 1_000_000);
        let _ = std::fs::remove_file(&path);
    }
    finish(host).await;
}

const INSIDE: &str = "RUSTYRAY_SILENT_DISK";
const TEST: &str = "files::one_module_s_files_leave_others_theirs";

/// A disk that does not answer is made by a file system of our own, in a namespace where we may mount it: so this runs once more in one.
#[test]
fn one_module_s_files_leave_others_theirs() {
    if let Some(silent) = std::env::var_os(INSIDE) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(modules_beside_a_silent_disk(Path::new(&silent)));
        // Threads that still wait would be waited for.
        return runtime.shutdown_background();
    }
    let folder = tempfile::tempdir().unwrap();
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(folder.path());
        command
    };
    let ours = "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 silent \"$1\"";
    if !unshared(ours).status().is_ok_and(|status| status.success()) {
        // Not as a line of a test that passes, which nobody sees.
        let _ = writeln!(std::io::stderr(), "SKIPPED {TEST}: no file system of one's own can be mounted here");
        return;
    }
    let mut inside = unshared(&format!("{ours} && exec \"$2\" --exact {TEST} --nocapture <&3 3<&-"));
    inside.arg(std::env::current_exe().unwrap()).env(INSIDE, folder.path());
    assert!(inside.status().unwrap().success());
}

async fn modules_beside_a_silent_disk(silent: &Path) {
    let disk = SilentDisk::serve();
    let mut asked = disk.asked.clone();
    let good = TempDir::new().unwrap();
    std::fs::write(good.path().join("file"), "text").unwrap();
    let held = Capabilities::none()
        .dir(silent, "/silent", DirAccess::ReadOnly)
        .and_then(|held| held.dir(good.path(), "/data", DirAccess::ReadOnly))
        .unwrap();
    let host = builder().capabilities(held).instances(512).build().unwrap();
    // Those of the last find nothing left but what is its own.
    let crowds = FILE_THREADS_MAX / MODULES_FILE_THREADS_MAX + 1;
    let read = async |module: &Module, crowd: usize| {
        let mut objects: Vec<ObjectRef> = Vec::new();
        for number in 0..2 * MODULES_FILE_THREADS_MAX {
            let path = format!("/silent/{crowd}-{number}");
            let idle = TaskOptions::new().num_cpus(0.0);
            objects.push(module.task("read").arg(path).options(idle).submit().await);
        }
        objects
    };
    let mut stuck = Vec::new();
    let mut modules = Vec::new();
    for crowd in 0..crowds {
        let module = host.load_file(guest("capabilities")).await.unwrap();
        stuck.push(read(&module, crowd).await);
        modules.push(module);
    }
    let all_ask = asked.wait_for(|names| names.len() == FILE_THREADS_MAX + crowds);
    within(all_ask, "as many are asked for as there may be").await.unwrap();
    // The threads of those that are ended are taken as before.
    for object in &stuck[0] {
        host.cancel_with(object, true, false);
        error(&host, object).await;
    }
    stuck.push(read(&modules[0], crowds).await);
    // Who waits behind them ends in time.
    let soon = TaskOptions::new().num_cpus(0.0).timeout(Duration::from_millis(20));
    let late = modules[0].task("read").arg("/silent/late".to_owned()).options(soon).submit().await;
    assert_eq!(within(error(&host, &late), "a deadline").await.kind, ErrorKind::TaskTimedOut);
    let other = host.load_file(guest("capabilities")).await.unwrap();
    let found = other.task("read").arg("/data/file".to_owned()).submit().await;
    let found = within(host.get::<String>(&found), "another module reads").await.unwrap();
    assert_eq!(found, "text");
    assert_eq!(asked.borrow().len(), FILE_THREADS_MAX + crowds);
    // So does the host, for a module that is loaded.
    within(host.load_file(guest("calc")), "a module is loaded").await.unwrap();
}

/// A file system that has a root, and says nothing of what is in it until it is dropped: the kernel lets go of nobody who waits for it, not
/// even at the end of the process.
///
/// A message of FUSE begins with its length and what it asks for (4 bytes each), its number and that of the file (8 each), and has 40 bytes
/// before what it says; an answer with its length, an error (4 bytes each) and the message's number.
struct SilentDisk {
    /// The names that it was asked for.
    asked: watch::Receiver<HashSet<Vec<u8>>>,
    kernel: Arc<File>,
    /// Numbers of the messages that wait; `None` when nothing is to wait any more.
    waiting: Arc<Mutex<Option<Vec<[u8; 8]>>>>,
}

impl SilentDisk {
    fn serve() -> Self {
        let kernel = Arc::new(File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap()));
        let (asking, asked) = watch::channel(HashSet::new());
        let waiting = Arc::new(Mutex::new(Some(Vec::new())));
        let disk = SilentDisk { asked, kernel: kernel.clone(), waiting: waiting.clone() };
        std::thread::spawn(move || {
            let mut message = vec![0; 1 << 20];
            // Until the process ends.
            while let Ok(bytes) = (&*kernel).read(&mut message) {
                let number = message[8..16].try_into().unwrap();
                let asks_for = u32::from_le_bytes(message[4..8].try_into().unwrap());
                if asks_for != LOOK_UP {
                    answer(&kernel, number, 0, &about_the_root(asks_for));
                } else if let Some(waiting) = &mut *waiting.lock().unwrap() {
                    waiting.push(number);
                    asking.send_modify(|names| {
                        names.insert(message[40..bytes].to_vec());
                    });
                } else {
                    answer(&kernel, number, NOT_THERE, &[]);
                }
            }
        });
        disk
    }
}

impl Drop for SilentDisk {
    fn drop(&mut self) {
        let waiting = self.waiting.lock().unwrap().take();
        waiting.into_iter().flatten().for_each(|number| answer(&self.kernel, number, NOT_THERE, &[]));
    }
}

const LOOK_UP: u32 = 1;
const NOT_THERE: i32 = -2;

fn about_the_root(asks_for: u32) -> Vec<u32> {
    const ATTRIBUTES: u32 = 3;
    const BEGIN: u32 = 26;
    const OPEN_FOLDER: u32 = 27;
    const ASKED_AT_ONCE: u32 = 1 << 18;
    match asks_for {
        // Version 7.31, and a write of a page at most.
        BEGIN => vec![7, 31, 0, ASKED_AT_ONCE, 0, 4096, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // A folder that all may read.
        ATTRIBUTES => [vec![0; 4 + 15], vec![0o040_755, 2, 0, 0, 0, 4096, 0]].concat(),
        OPEN_FOLDER => vec![0; 4],
        _ => vec![],
    }
}

fn answer(mut kernel: &File, number: [u8; 8], error: i32, body: &[u32]) {
    let mut answer = Vec::new();
    answer.extend((16 + 4 * body.len() as u32).to_le_bytes());
    answer.extend(error.to_le_bytes());
    answer.extend(number);
    answer.extend(body.iter().flat_map(|part| part.to_le_bytes()));
    // Some want no answer, and the kernel says so.
    let _ = kernel.write(&answer);
}
