struct Secret;

#[rustyray::remote]
fn keep(secret: Secret) -> u32 {
    drop(secret);
    1
}

#[rustyray::remote]
fn reveal() -> Secret {
    Secret
}

fn main() {}
