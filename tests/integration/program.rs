//! The program of the README: everything at once.

use rustyray_host::TaskOptions;

use rustyray_tests::{Lines, builder, finish, host_with};

#[tokio::test]
async fn the_program_prints_its_last_line() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "program").await;
    let main = module.main(vec!["program".to_owned()], false, TaskOptions::new());
    let code = host.get::<i32>(&main).await.unwrap();
    host.flush().await;
    assert_eq!(code, 0, "{:?}", lines.texts());
    assert_eq!(lines.texts(), ["main: 8 7 1048576 3 5 56 [1, 2, 3] 42 1 11"]);
    finish(host).await;
}
