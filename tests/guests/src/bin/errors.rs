//! Tasks that fail, each in its way.

use rustyray::prelude::*;

/// Panics.
#[rustyray::remote]
fn panics(text: String) -> u32 {
    outer_frame(&text)
}

#[inline(never)]
fn outer_frame(text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    panic!("the guest says {text}")
}

/// Fails with an error of the standard library.
#[rustyray::remote]
fn parse(text: String) -> Result<u32> {
    Ok(text.parse()?)
}

/// Fails with an error type of its own.
#[rustyray::remote]
fn own_error() -> std::result::Result<u32, String> {
    Err("an error of another type".to_owned())
}

/// Passes the failure of another task on.
#[rustyray::remote]
async fn passes_on(text: String) -> Result<u32> {
    let number = parse.remote(text).await?;
    Ok(number + 1)
}

/// Takes a number.
#[rustyray::remote]
fn double(n: u32) -> u32 {
    n * 2
}

/// What another task's failure looks like to a guest.
#[rustyray::remote]
async fn looks_at_it(text: String) -> (String, String, u32) {
    match panics.options().name("victim").remote(text).await {
        Ok(_) => ("none".to_owned(), String::new(), 0),
        Err(error) => (format!("{:?}", error.kind()), format!("{error}"), error.backtrace().len() as u32),
    }
}

/// Leaves without a value.
#[rustyray::remote]
fn exits(code: i32) -> u32 {
    std::process::exit(code)
}

/// What the context says.
#[rustyray::remote]
fn about() -> (String, String, String, u32, bool) {
    let here = rustyray::context();
    (here.name, here.module, here.function, here.attempt, here.actor.is_none())
}

/// Logs at each level.
#[rustyray::remote]
fn logs() {
    warn!("careful");
    info!("by the way");
    eprintln!("to standard error");
    print!("without an end");
}

fn main() {}
