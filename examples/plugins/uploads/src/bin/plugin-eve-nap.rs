//! Thinks about the text for an hour.

use rustyray::prelude::*;

#[rustyray::remote(timeout = "2h")]
async fn render(text: String) -> String {
    rustyray::sleep(Duration::from_secs(3600)).await;
    text
}

fn main() {}
