//! A blog lets its users upload plugins that render its texts. Nobody has read them. Each user has so many calls and so
//! much fuel, each call so much memory and time, and none of them anything else.

mod ledger;
mod service;
mod uploads;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use rustyray_host::CompilerProcess;
use service::{Outcome, Service};
use tokio::task::JoinSet;
use uploads::Upload;

/// What the plugins have to render.
const TEXTS: [&str; 3] = [
    "The ferry leaves at nine -- \"if the captain is awake\", says Anna.",
    "Storm the cow has been seen on the causeway again.",
    "No oil, no light: a night in March.",
];

/// Characters of a reason that are shown.
const REASON_CHARS: usize = 72;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Nobody has read the plugins: what compiling one takes has limits as well. First of all, since this program is the compiler, too.
    let compiler = CompilerProcess::this_program();
    match run(compiler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plugins: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(compiler: CompilerProcess) -> Result<(), Box<dyn Error>> {
    let uploads = uploads::find(std::env::args_os().skip(1).map(PathBuf::from))?;
    if uploads.is_empty() {
        return Err("usage: plugins FILE_OR_FOLDER...".into());
    }
    let mut users: BTreeMap<String, Vec<Upload>> = BTreeMap::new();
    for upload in uploads {
        users.entry(upload.user.clone()).or_default().push(upload);
    }
    // All users at once: nobody waits for another one's loop.
    let service = Service::start(compiler)?;
    let serving: JoinSet<_> = users.into_values().map(|uploads| service.clone().serve(uploads, &TEXTS)).collect();
    let mut outcomes = serving.join_all().await.concat();
    service.stop().await;

    outcomes.sort_by(|one, other| (&one.user, &one.plugin).cmp(&(&other.user, &other.plugin)));
    show(&outcomes);
    Ok(())
}

/// What each plugin used and why it was ended, and then what they made of the first text.
fn show(outcomes: &[Outcome]) {
    println!("{:<5} {:<8} {:>5} {:>12} {:>10}  ended because", "user", "plugin", "calls", "fuel", "memory");
    for Outcome { user, plugin, calls, used, ended, .. } in outcomes {
        let memory = format!("{} KiB", used.memory_bytes >> 10);
        let ended = ended.as_deref().map_or_else(|| "-".to_owned(), short);
        println!("{user:<5} {plugin:<8} {calls:>5} {:>12} {memory:>10}  {ended}", used.fuel);
        for name in &used.refused {
            println!("{:45}it was refused {name}", "");
        }
    }
    println!();
    for Outcome { user, plugin, texts, .. } in outcomes {
        if let Some(text) = texts.first() {
            println!("{user:<5} {plugin:<8} {text}");
        }
    }
}

/// What is there of a reason that fits beside the rest of a row.
fn short(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or_default();
    match line.char_indices().nth(REASON_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
