//! `#[rustyray::test]` beside `#[test]`, with what tests return and are marked with.

#[rustyray::remote]
fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::test]
#[should_panic(expected = "no")]
async fn awaits() -> rustyray::Result<()> {
    assert_eq!(add.remote(1, 2).await?, 3, "no");
    Ok(())
}

#[rustyray::test]
fn blocks() {
    assert_eq!(add.remote(1, 2).blocking_get().unwrap(), 3);
}

#[test]
fn plain() {
    rustyray::test(async { add.remote(1, 2).await.unwrap() });
}

fn main() {
    assert_eq!(rustyray::test(async { add.remote(1, 2).await.unwrap() }), 3);
}
