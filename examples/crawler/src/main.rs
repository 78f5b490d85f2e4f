//! Starts two servers on this machine, grants a crawler the first of them, and lets it crawl. The second one is linked
//! to, and not granted.

mod server;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use rustyray_host::{Capabilities, DirAccess, Host, NetGrant, TaskOptions};
use server::{Pages, Server};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The command line.
struct Arguments {
    guest: PathBuf,
    /// Where the map is left.
    picture: PathBuf,
    /// Is the second server granted as well?
    both: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&arguments()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("crawler: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `crawler [--grant-both] [GUEST [PICTURE_DIR]]`
fn arguments() -> Arguments {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (flags, paths): (Vec<_>, Vec<_>) =
        std::env::args_os().skip(1).partition(|argument| *argument == "--grant-both");
    let mut paths = paths.into_iter().map(PathBuf::from);
    Arguments {
        guest: paths.next().unwrap_or_else(|| home.join("../../target/wasm32-wasip2/release/crawler-guest.wasm")),
        picture: paths.next().unwrap_or_else(|| home.join("picture")),
        both: !flags.is_empty(),
    }
}

async fn run(arguments: &Arguments) -> Outcome<ExitCode> {
    let elsewhere = Server::start(Pages::from([("/ferry.html".to_owned(), "<title>The ferry</title>".to_owned())]))?;
    let site = Server::start(site(&elsewhere)?)?;
    let mut capabilities = Capabilities::none()
        .dir(&arguments.picture, "/picture", DirAccess::ReadWrite)?
        .net(NetGrant::parse(&site.address().to_string())?);
    if arguments.both {
        capabilities = capabilities.net(NetGrant::parse(&elsewhere.address().to_string())?);
    }
    let (sender, receipts) = mpsc::channel();
    let host = Host::builder()
        .capabilities(capabilities)
        .on_receipt(move |receipt| drop(sender.send(receipt.refused.clone())))
        .build()?;

    let loading = |error| format!("{} cannot be loaded: {error}", arguments.guest.display());
    let crawler = host.load_file(&arguments.guest).await.map_err(loading)?;
    let start = format!("http://{}/", site.address());
    let main =
        crawler.main(vec!["crawler".to_owned(), start], true, TaskOptions::new().timeout(Duration::from_secs(60)));
    let code = host.get::<i32>(&main).await;
    host.shutdown(Duration::from_secs(5)).await;

    let mut refused: Vec<String> = receipts.try_iter().flatten().collect();
    refused.sort();
    println!("\nthe sandbox refused {}", refused.join(" and "));
    let mut paths = site.paths();
    paths.dedup();
    println!("the site was asked {} times, for {} pages", site.connections(), paths.len());
    println!("the other server was asked {} times", elsewhere.connections());
    Ok(ExitCode::from(u8::try_from(code?)?))
}

/// The site, with its links to the other server.
fn site(elsewhere: &Server) -> Outcome<Pages> {
    let mut pages = server::pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("site"))?;
    let address = format!("http://{}", elsewhere.address());
    pages.values_mut().for_each(|page| *page = page.replace("{elsewhere}", &address));
    Ok(pages)
}
