#[rustyray::main]
async fn start() {}

fn main() {}
