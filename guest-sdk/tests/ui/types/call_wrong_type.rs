#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote]
fn name() -> String {
    String::new()
}

fn main() {
    add.remote(1, "two");
    add.remote(1, name.remote());
    add.remote(1);
    let _: rustyray::ObjectRef<String> = add.remote(1, 2);
    add.options().fuel(1).remote(1, 2.5);
}
