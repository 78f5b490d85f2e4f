#[rustyray::remote]
fn name() -> Result<&'static str, String> {
    Ok("name")
}

fn main() {}
