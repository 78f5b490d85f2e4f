//! Nothing is reached that was not granted.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, UNIX_EPOCH};

use rustyray_host::{Capabilities, DirAccess, ErrorKind, Host, Module, NetGrant, TaskOptions};
use tempfile::TempDir;

use rustyray_tests::{builder, error, finish, host_with, value};

type Try<T> = Result<T, String>;

async fn host_holding(capabilities: Capabilities) -> (Host, Module) {
    host_with(builder().capabilities(capabilities), "capabilities").await
}

async fn read(host: &Host, module: &Module, path: &str) -> Option<String> {
    let task = module.task("read").arg(path.to_owned()).submit().await;
    host.get::<String>(&task).await.ok()
}

/// A folder with a file, and another beside it that nobody grants.
fn folders() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["granted", "secret"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
        std::fs::write(dir.path().join(folder).join("file"), folder).unwrap();
    }
    std::os::unix::fs::symlink("../secret/file", dir.path().join("granted/link")).unwrap();
    dir
}

#[tokio::test]
async fn by_default_there_is_nothing() {
    let (host, module) = host_holding(Capabilities::none()).await;
    for path in ["/etc/passwd", "/", ".", "file", "/proc/self/environ"] {
        assert_eq!(read(&host, &module, path).await, None, "{path}");
    }
    let environment = module.task("environment").submit().await;
    assert!(value::<Vec<(String, String)>>(&host, &environment).await.is_empty());
    let stdin = module.task("stdin").submit().await;
    assert_eq!(value::<String>(&host, &stdin).await, "");
    let held = module.task("held").submit().await;
    assert!(value::<Vec<String>>(&host, &held).await.is_empty());
    finish(host).await;
}

#[tokio::test]
async fn a_granted_folder_and_nothing_beside_it() {
    let dir = folders();
    let granted = Capabilities::none().dir(dir.path().join("granted"), "/data", DirAccess::ReadOnly).unwrap();
    let (host, module) = host_holding(granted).await;
    assert_eq!(read(&host, &module, "/data/file").await.as_deref(), Some("granted"));
    for path in ["/data/../secret/file", "/data/link", "/data/../../etc/passwd", "/secret/file"] {
        assert_eq!(read(&host, &module, path).await, None, "{path}");
    }
    let write = module.task("write").arg("/data/new".to_owned()).arg("text".to_owned()).submit().await;
    assert_eq!(error(&host, &write).await.kind, ErrorKind::TaskFailed);
    assert!(!dir.path().join("granted/new").exists());
    finish(host).await;
}

#[tokio::test]
async fn writing_where_it_is_granted() {
    let dir = folders();
    let granted = Capabilities::none().dir(dir.path().join("granted"), "/data", DirAccess::ReadWrite).unwrap();
    let (host, module) = host_holding(granted).await;
    let write = module.task("write").arg("/data/new".to_owned()).arg("text".to_owned()).submit().await;
    assert_eq!(value::<u64>(&host, &write).await, 4);
    assert_eq!(std::fs::read_to_string(dir.path().join("granted/new")).unwrap(), "text");
    finish(host).await;
}

#[tokio::test]
async fn the_folder_that_was_granted_stays_the_one() {
    let dir = folders();
    let granted = Capabilities::none().dir(dir.path().join("granted"), "/data", DirAccess::ReadOnly).unwrap();
    let (host, module) = host_holding(granted).await;
    std::fs::rename(dir.path().join("granted"), dir.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("secret", dir.path().join("granted")).unwrap();
    assert_eq!(read(&host, &module, "/data/file").await.as_deref(), Some("granted"));
    finish(host).await;
}

#[tokio::test]
async fn a_task_may_get_fewer_and_never_more() {
    let dir = folders();
    let held = Capabilities::none()
        .dir(dir.path().join("granted"), "/data", DirAccess::ReadOnly)
        .unwrap()
        .env("LANG", "C")
        .clock();
    let (host, module) = host_holding(held).await;
    let pass_on = |names: &[&str]| {
        module.task("pass_on").arg(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).try_submit()
    };
    let fewer = pass_on(&["env:LANG"]);
    assert_eq!(value::<Vec<String>>(&host, &fewer).await, ["env:LANG"]);
    for name in ["dir:/data", "env:HOME", "net:*", "stdin", "random"] {
        let more = pass_on(&[name]);
        let error = error(&host, &more).await;
        assert_eq!(error.causes[0].kind, ErrorKind::CapabilityDenied, "{error:#}");
        assert!(error.causes[0].message.contains(name) && error.causes[0].message.contains("env:LANG"), "{error:#}");
        assert_eq!(more.receipt().unwrap().refused, [name]);
    }
    let none = module.task("environment").options(TaskOptions::new().grants(["clock"])).submit().await;
    assert!(value::<Vec<(String, String)>>(&host, &none).await.is_empty());
    let all = module.task("environment").submit().await;
    assert_eq!(value::<Vec<(String, String)>>(&host, &all).await, [("LANG".to_owned(), "C".to_owned())]);
    finish(host).await;
}

/// A server on loopback that answers each connection with what it received.
fn echo() -> (std::net::SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        stream.write_all(text.to_uppercase().as_bytes()).unwrap();
    });
    (address, serving)
}

#[tokio::test]
async fn only_granted_hosts_are_reached() {
    let (address, serving) = echo();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let grant = NetGrant::parse(&address.to_string()).unwrap();
    let (host, module) = host_holding(Capabilities::none().net(grant)).await;
    let connect = async |address: String| {
        let task = module.task("connect").arg(address).arg("hello".to_owned()).submit().await;
        (host.get::<String>(&task).await, task.receipt().unwrap().refused)
    };
    let (answer, refused) = connect(address.to_string()).await;
    assert_eq!((answer.unwrap().as_str(), refused), ("HELLO", Vec::<String>::new()));
    serving.join().unwrap();

    let elsewhere = other.local_addr().unwrap().to_string();
    let (answer, refused) = connect(elsewhere.clone()).await;
    assert!(answer.is_err());
    assert_eq!(refused, [format!("net:{elsewhere}")]);
    let (answer, refused) = connect("example.org:80".to_owned()).await;
    assert!(answer.is_err());
    assert_eq!(refused, ["net:example.org"], "a name is not even looked up");

    let listen = module.task("listen").arg("127.0.0.1:0".to_owned()).submit().await;
    assert_eq!(error(&host, &listen).await.kind, ErrorKind::TaskFailed);
    assert_eq!(listen.receipt().unwrap().refused, ["listen:127.0.0.1:0"]);
    finish(host).await;
}

#[tokio::test]
async fn neither_a_name_nor_a_wildcard_reaches_this_machine() {
    let reaches = async |grant: String, asked: String, server: Option<std::thread::JoinHandle<()>>| {
        let (host, module) = host_holding(Capabilities::none().net(NetGrant::parse(&grant).unwrap())).await;
        let task = module.task("connect").arg(asked).arg("hello".to_owned()).submit().await;
        let answer = host.get::<String>(&task).await;
        let refused = task.receipt().unwrap().refused;
        assert_eq!(answer.is_ok(), server.is_some(), "{grant}: {answer:?}");
        server.into_iter().for_each(|serving| serving.join().unwrap());
        finish(host).await;
        refused
    };
    let (address, serving) = echo();
    // The second is a name that a look-up takes for an address.
    for asked in [address.to_string(), format!("127.1:{}", address.port())] {
        for grant in ["*".to_owned(), "example.org".to_owned()] {
            let refused = reaches(grant.clone(), asked.clone(), None).await;
            let expected = if grant == "*" { format!("net:{address}") } else { refused[0].clone() };
            assert_eq!(refused, [expected]);
        }
    }
    assert!(reaches("localhost".to_owned(), address.to_string(), Some(serving)).await.is_empty());
    for grant in ["127.0.0.0/8", "0.0.0.0/0", "127.0.0.1:1-65535"] {
        let (address, serving) = echo();
        let asked = format!("127.1:{}", address.port());
        assert!(reaches(grant.to_owned(), asked, Some(serving)).await.is_empty());
    }
    let (address, _serving) = echo();
    let below = format!("127.0.0.1:1-{}", address.port() - 1);
    assert_eq!(reaches(below, address.to_string(), None).await, [format!("net:{address}")]);
    // Nobody connected: whoever waits is let go.
    drop(std::net::TcpStream::connect(address).unwrap());
}

/// What somebody else sends to a guest's socket is thrown away, and what its host sends is not.
#[tokio::test]
async fn datagrams_come_from_granted_hosts_alone() {
    let (peer, stranger) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let address = peer.local_addr().unwrap().to_string();
    let (host, module) = host_holding(Capabilities::none().net(NetGrant::parse(&address).unwrap())).await;
    let asks = module.task("ask").arg(address).arg("who is there?".to_owned()).submit().await;
    let mut text = [0; 64];
    let (length, guest) = peer.recv_from(&mut text).unwrap();
    assert_eq!(&text[..length], b"who is there?");
    let guest = std::net::SocketAddr::new([127, 0, 0, 1].into(), guest.port());
    stranger.send_to(b"a stranger", guest).unwrap();
    peer.send_to(b"a friend", guest).unwrap();
    assert_eq!(value::<String>(&host, &asks).await, "a friend");
    assert!(asks.receipt().unwrap().refused.is_empty(), "it did nothing wrong");
    let asks = module.task("ask").arg(stranger.local_addr().unwrap().to_string()).arg("you?".to_owned()).submit().await;
    assert!(host.get::<String>(&asks).await.is_err());
    assert_eq!(asks.receipt().unwrap().refused, [format!("net:{}", stranger.local_addr().unwrap())]);
    finish(host).await;
}

#[tokio::test]
async fn a_granted_name_is_looked_up() {
    let (address, serving) = echo();
    let grant = NetGrant::parse(&format!("localhost:{}", address.port())).unwrap();
    let (host, module) = host_holding(Capabilities::none().net(grant)).await;
    let task =
        module.task("connect").arg(format!("localhost:{}", address.port())).arg("by name".to_owned()).submit().await;
    assert_eq!(value::<String>(&host, &task).await, "BY NAME");
    serving.join().unwrap();
    finish(host).await;
}

#[tokio::test]
async fn clock_and_chance_are_fixed_unless_they_are_granted() {
    let fixed = Capabilities::none().fixed_time(UNIX_EPOCH + Duration::from_secs(1_000_000)).random_seed(7);
    let (host, module) = host_holding(fixed).await;
    let clock = module.task("clock").submit().await;
    assert_eq!(value::<(u64, bool)>(&host, &clock).await, (1_000_000, false));
    let random = [module.task("random").submit().await, module.task("random").submit().await];
    assert_eq!(value::<u64>(&host, &random[0]).await, value::<u64>(&host, &random[1]).await);
    finish(host).await;

    let (host, module) = host_holding(Capabilities::none().clock().random()).await;
    let clock = module.task("clock").submit().await;
    let (now, moved) = value::<(u64, bool)>(&host, &clock).await;
    assert!(now > 1_700_000_000 && moved, "{now} {moved}");
    let random = [module.task("random").submit().await, module.task("random").submit().await];
    assert_ne!(value::<u64>(&host, &random[0]).await, value::<u64>(&host, &random[1]).await);
    finish(host).await;
}

#[tokio::test]
async fn who_waits_for_a_clock_that_stands_still_is_told() {
    let (host, module) = host_holding(Capabilities::none()).await;
    let ended = async |looks: u64, options: TaskOptions| {
        let task = module.task("wait_for_time").options(options).arg(looks).submit().await;
        error(&host, &task).await
    };
    let told = "which stands still: 'clock' is not granted";
    let out_of_fuel = ended(0, TaskOptions::new().fuel(100_000_000)).await;
    assert!(out_of_fuel.kind == ErrorKind::OutOfFuel && out_of_fuel.message.ends_with(told), "{out_of_fuel}");
    let late = ended(0, TaskOptions::new().timeout(Duration::from_millis(200))).await;
    assert!(late.kind == ErrorKind::TaskTimedOut && late.message.ends_with(told), "{late}");
    // Who looked a few times to measure something did not wait for it.
    let other = ended(20, TaskOptions::new().fuel(100_000_000)).await;
    assert!(other.kind == ErrorKind::OutOfFuel && !other.message.contains("clock"), "{other}");
    finish(host).await;

    let (host, module) = host_holding(Capabilities::none().clock()).await;
    let granted = module.task("wait_for_time").arg(0u64).submit().await;
    value::<()>(&host, &granted).await;
    finish(host).await;
}

#[tokio::test]
async fn environment_is_what_was_granted() {
    let (host, module) = host_holding(Capabilities::none().env("A", "1").env("B", "2")).await;
    let environment = module.task("environment").submit().await;
    let expected: Try<_> = Ok(vec![("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]);
    assert_eq!(Ok(value::<Vec<(String, String)>>(&host, &environment).await), expected);
    finish(host).await;
}
