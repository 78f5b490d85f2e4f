//! Ways out of the sandbox: paths, links, races, the network, and what surrounds the process.

use std::collections::BTreeSet;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;

use rustyray_host::clock::ManualClock;
use rustyray_host::{Capabilities, DirAccess, HostBuilder, Module, ObjectRef};

use crate::arena::{Arena, attack, attack_on};

/// A folder to grant, and a secret beside it.
fn folders() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for folder in ["granted", "granted/inner", "secret"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
        let text = if folder == "secret" { "secret" } else { "granted" };
        std::fs::write(home.path().join(folder).join("file"), text).unwrap();
    }
    home
}

/// Grants the one folder, for reading and writing.
fn granting(home: &Path) -> impl Fn(HostBuilder, &ManualClock) -> HostBuilder {
    move |builder, _| {
        let dir = Capabilities::none().dir(home.join("granted"), "/data", DirAccess::ReadWrite).unwrap();
        builder.capabilities(dir)
    }
}

async fn submit(module: &Module, task: &str, words: &[&str]) -> ObjectRef {
    let call = words.iter().fold(module.task(&format!("escapes::{task}")), |call, word| call.arg((*word).to_owned()));
    call.submit().await
}

/// What a path holds, if it can be read.
async fn read(arena: &Arena, module: &Module, path: &str) -> Option<String> {
    arena.get::<String>(&submit(module, "read", &[path]).await).await.ok()
}

/// The secret is as it was.
fn untouched(home: &Path) {
    let names: Vec<_> = std::fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let secret: Vec<_> = std::fs::read_dir(home.join("secret")).unwrap().collect();
    assert_eq!(secret.len(), 1, "{secret:?}");
    assert_eq!(std::fs::read_to_string(home.join("secret/file")).unwrap(), "secret");
}

#[test]
fn paths_that_climb_out() {
    let home = folders();
    attack_on(granting(home.path()), async |arena| {
        let module = arena.load("hostile").await;
        assert_eq!(read(arena, &module, "/data/inner/../file").await.as_deref(), Some("granted"));
        let out = home.path().join("secret/file");
        let deep = "/data/".to_owned() + &"inner/../".repeat(100) + "../secret/file";
        let (long, nul) = ("/data/".to_owned() + &"x".repeat(100_000), "/data/file\0/../../secret/file");
        let paths = [
            "/data/../secret/file",
            "/data/./.././secret/file",
            "/data//..//secret//file",
            "/data/inner/../../secret/file",
            "/data/file/../../secret/file",
            "/data/nothing/../../secret/file",
            "../secret/file",
            "/data/..",
            "/data/../../../../../../../../etc/passwd",
            "/data\\..\\secret\\file",
            "/data/%2e%2e/secret/file",
            "/proc/self/cwd",
            "/dev/stdin",
            "/data/\u{2025}/secret/file",
            out.to_str().unwrap(),
            &deep,
            &long,
            nul,
        ];
        arena
            .neighbour
            .works_beside(async || {
                for path in paths {
                    assert_eq!(read(arena, &module, path).await, None, "{path}");
                    assert!(arena.value(&submit(&module, "write", &[path]).await, None).await.is_err(), "{path}");
                }
            })
            .await;
        untouched(home.path());
    });
}

#[test]
fn links_that_lead_out() {
    let home = folders();
    attack_on(granting(home.path()), async |arena| {
        let module = arena.load("hostile").await;
        let secret = home.path().join("secret");
        let targets =
            ["../secret/file", "../secret", "inner/../../secret/file", "/etc/passwd", "loop", secret.to_str().unwrap()];
        for target in targets {
            let made = arena.value(&submit(&module, "soft_link", &[target, "/data/loop"]).await, None).await.is_ok();
            // The whole of the host's paths is nothing that a link can name.
            assert_eq!(made, !target.starts_with('/'), "{target}");
            for path in ["/data/loop", "/data/loop/file"].into_iter().filter(|_| made) {
                assert_eq!(read(arena, &module, path).await, None, "{path} to {target}");
                let write = submit(&module, "write", &[path]).await;
                assert!(arena.value(&write, None).await.is_err(), "{path} to {target}");
            }
            let _ = std::fs::remove_file(home.path().join("granted/loop"));
        }
        // One that was there before, and leads out, is not followed either.
        std::os::unix::fs::symlink("../secret", home.path().join("granted/made")).unwrap();
        assert_eq!(read(arena, &module, "/data/made/file").await, None);
        for (task, from, to) in [
            ("hard_link", "/data/../secret/file", "/data/mine"),
            ("hard_link", "/data/made/file", "/data/mine"),
            ("hard_link", "/data/file", "/data/../secret/mine"),
            ("rename", "/data/../secret/file", "/data/mine"),
            ("rename", "/data/file", "/data/../secret/mine"),
            ("rename", "/data/inner", "/data/../mine"),
            ("rename", "/data", "/data2"),
        ] {
            assert!(arena.value(&submit(&module, task, &[from, to]).await, None).await.is_err(), "{task} {from} {to}");
        }
        arena.neighbour.works_on().await;
        untouched(home.path());
    });
}

/// Was it done?
async fn done(arena: &Arena, module: &Module, task: &str, words: &[&str]) -> bool {
    arena.value(&submit(module, task, words).await, None).await.is_ok()
}

#[test]
fn a_folder_for_reading_beside_one_for_writing() {
    let home = folders();
    let frozen = home.path().join("secret");
    std::fs::create_dir(frozen.join("empty")).unwrap();
    let before = frozen.join("file").metadata().unwrap().modified().unwrap();
    let both = |builder: HostBuilder, _: &ManualClock| {
        let held = Capabilities::none().dir(home.path().join("granted"), "/data", DirAccess::ReadWrite).unwrap();
        builder.capabilities(held.dir(&frozen, "/frozen", DirAccess::ReadOnly).unwrap())
    };
    attack_on(both, async |arena| {
        let module = arena.load("hostile").await;
        assert_eq!(read(arena, &module, "/frozen/file").await.as_deref(), Some("secret"));
        // Neither out of the one into the other, nor the other way, nor within.
        for (task, from, to) in [
            ("rename", "/data/file", "/frozen/new"),
            ("rename", "/data/file", "/frozen/file"),
            ("rename", "/frozen/file", "/data/new"),
            ("rename", "/frozen/empty", "/data/new"),
            ("rename", "/frozen/file", "/frozen/new"),
            ("hard_link", "/frozen/file", "/data/new"),
            ("hard_link", "/data/file", "/frozen/new"),
            ("hard_link", "/frozen/file", "/frozen/new"),
            ("soft_link", "file", "/frozen/new"),
        ] {
            assert!(!done(arena, &module, task, &[from, to]).await, "{task} {from} {to}");
        }
        for (how, path) in [
            ("truncate", "/frozen/file"),
            ("append", "/frozen/file"),
            ("cut", "/frozen/file"),
            ("date", "/frozen/file"),
            ("make", "/frozen/new"),
            ("remove", "/frozen/file"),
            ("make folder", "/frozen/new"),
            ("remove folder", "/frozen/empty"),
        ] {
            assert!(!done(arena, &module, "change", &[how, path]).await, "{how} {path}");
        }
        // The same where it is granted.
        for how in ["append", "truncate", "cut", "date", "remove", "make"] {
            assert!(done(arena, &module, "change", &[how, "/data/file"]).await, "{how}");
        }
        // A link in the one does not lead into the other.
        assert!(done(arena, &module, "soft_link", &["../secret/file", "/data/link"]).await);
        assert!(!done(arena, &module, "write", &["/data/link"]).await);
    });
    let names: BTreeSet<_> = std::fs::read_dir(&frozen).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["empty", "file"].map(Into::into).into());
    assert_eq!(std::fs::read_to_string(frozen.join("file")).unwrap(), "secret");
    assert_eq!(frozen.join("file").metadata().unwrap().modified().unwrap(), before);
}

#[test]
fn slashes_at_the_end() {
    let home = folders();
    attack_on(granting(home.path()), async |arena| {
        let module = arena.load("hostile").await;
        // A file is no folder, whatever says so.
        for path in ["/data/file/", "/data/file/.", "/data/file//", "/data/file/../file"] {
            assert_eq!(read(arena, &module, path).await, None, "{path}");
            assert!(!done(arena, &module, "write", &[path]).await, "{path}");
        }
        for path in ["/data/new/", "/data/new/.", "/data/inner/"] {
            assert!(!done(arena, &module, "write", &[path]).await, "{path}");
            assert!(!done(arena, &module, "change", &["make", path]).await, "{path}");
        }
        assert!(done(arena, &module, "change", &["make folder", "/data/new/"]).await);
        assert!(done(arena, &module, "rename", &["/data/new/", "/data/newer/"]).await);
        assert!(!done(arena, &module, "rename", &["/data/file/", "/data/newer/"]).await);
        for path in ["/data/newer/file/", "/data/file/", "/data/newer/../", "/data/../secret/", "/data/"] {
            assert!(!done(arena, &module, "change", &["remove folder", path]).await, "{path}");
        }
        assert!(done(arena, &module, "change", &["remove folder", "/data/newer//"]).await);
        assert!(done(arena, &module, "soft_link", &["inner", "/data/link"]).await);
        assert!(!done(arena, &module, "change", &["remove folder", "/data/link/"]).await, "a link is no folder");
        std::fs::remove_file(home.path().join("granted/link")).unwrap();
        // Links whose targets end in one lead to folders alone, and not out.
        for (target, within, found) in [
            ("inner/", "/data/link/file", Some("granted")),
            ("file/", "/data/link", None),
            ("./inner/.//", "/data/link/file", Some("granted")),
            ("../secret/", "/data/link/file", None),
            ("inner/../../secret/", "/data/link/file", None),
            ("link/", "/data/link/", None),
        ] {
            assert!(done(arena, &module, "soft_link", &[target, "/data/link"]).await, "{target}");
            assert_eq!(read(arena, &module, within).await.as_deref(), found, "{target}");
            let written = done(arena, &module, "write", &[within]).await;
            assert_eq!(written, found.is_some(), "{target}");
            std::fs::write(home.path().join("granted/inner/file"), "granted").unwrap();
            std::fs::remove_file(home.path().join("granted/link")).unwrap();
        }
        let names: BTreeSet<_> = std::fs::read_dir(home.path().join("granted"))
            .unwrap()
            .flatten()
            .collect::<Vec<_>>()
            .iter()
            .map(std::fs::DirEntry::file_name)
            .collect();
        assert_eq!(names, ["file", "inner"].map(Into::into).into());
        untouched(home.path());
    });
}

#[test]
fn a_race_between_a_folder_and_a_link() {
    let home = folders();
    std::os::unix::fs::symlink("../secret", home.path().join("granted/link")).unwrap();
    attack_on(granting(home.path()), async |arena| {
        let module = arena.load("hostile").await;
        let mut seen = BTreeSet::new();
        arena
            .neighbour
            .works_beside(async || {
                let swap = module.task("escapes::swap").arg("/data/inner".to_owned()).arg("/data/link".to_owned());
                let swaps = swap.arg(600u32).submit().await;
                let read = module.task("escapes::read_often").arg("/data/inner/file".to_owned()).arg(600u32);
                seen.extend(arena.get::<BTreeSet<String>>(&read.submit().await).await.unwrap());
                arena.value(&swaps, None).await.unwrap();
            })
            .await;
        assert_eq!(seen, BTreeSet::from(["granted".to_owned()]));
        untouched(home.path());
    });
}

#[test]
fn the_network_without_a_grant() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        tcp.set_nonblocking(true).unwrap();
        udp.set_nonblocking(true).unwrap();
        let (tcp_at, udp_at) = (tcp.local_addr().unwrap().to_string(), udp.local_addr().unwrap().to_string());
        let attempts = [
            ("connect", tcp_at.as_str()),
            ("connect", "[::1]:80"),
            ("connect", "[::ffff:127.0.0.1]:80"),
            ("connect", "localhost:80"),
            ("send", udp_at.as_str()),
            ("send", "255.255.255.255:9"),
            ("send", "224.0.0.1:9"),
            ("look_up", "localhost"),
            ("look_up", "a.secret.in.a.name.example"),
        ];
        arena
            .neighbour
            .works_beside(async || {
                for (task, target) in attempts {
                    let tried = submit(&module, task, &[target]).await;
                    assert!(arena.value(&tried, None).await.is_err(), "{task} {target}");
                }
                for address in ["127.0.0.1:0", "0.0.0.0:12345", "[::]:0"] {
                    let listening = submit(&module, "listen", &[address]).await;
                    assert!(!arena.get::<(bool, bool)>(&listening).await.unwrap().0, "{address}");
                }
            })
            .await;
        assert!(tcp.accept().is_err() && udp.recv(&mut [0; 8]).is_err(), "something came out");
    });
}

#[test]
fn what_surrounds_the_process() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let mut all = BTreeSet::new();
        arena
            .neighbour
            .works_beside(async || {
                let found = submit(&module, "surroundings", &[]).await;
                all.insert(arena.get::<Vec<String>>(&found).await.unwrap());
            })
            .await;
        // The time and the time that passed, both 0, a number from a seed, and where it is: always the same.
        let found = all.pop_first().unwrap();
        assert!(all.is_empty(), "{found:?} and {all:?}");
        assert_eq!((found.len(), &found[..2]), (4, &["0".to_owned(), "0".to_owned()][..]), "{found:?}");
        assert_eq!(found[3], "/");
    });
}
