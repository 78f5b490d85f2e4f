//! What a program meets is the same here as on a host: `tests/integration` tells the same of the same program.

#[path = "../../../tests/guests/src/bin/both_hosts.rs"]
mod program;

#[rustyray::test]
async fn the_same_story_is_told_as_on_the_host() {
    let told = program::story.remote().await.unwrap().join("\n");
    let expected = include_str!("../../../tests/guests/src/bin/both_hosts.txt");
    assert_eq!(told.trim(), expected.trim(), "{told}");
}
