//! What a program meets is what the SDK's own host for tests says that it meets: `guest-sdk/tests/sim` tells the
//! same of the same program.

use rustyray_tests::{builder, finish, host_with, value};

#[tokio::test]
async fn the_same_story_is_told_as_by_the_sdk() {
    let (host, module) = host_with(builder(), "both_hosts").await;
    let story = module.task("story").submit().await;
    let told = value::<Vec<String>>(&host, &story).await.join("\n");
    assert_eq!(told.trim(), include_str!("../guests/src/bin/both_hosts.txt").trim(), "{told}");
    drop(story);
    finish(host).await;
}
