//! What a finished task leaves.

use std::sync::{Arc, Mutex};

use rustyray_host::{ErrorKind, Receipt, TaskOptions};

use rustyray_tests::{builder, error, finish, host_with, value};

#[tokio::test]
async fn every_finished_task_leaves_one() {
    let receipts = Arc::new(Mutex::new(Vec::<Receipt>::new()));
    let kept = receipts.clone();
    let builder = builder().on_receipt(move |receipt| kept.lock().unwrap().push(receipt.clone()));
    let (host, module) = host_with(builder, "objects").await;
    let made = module.task("make_bytes").arg(1000usize).options(TaskOptions::new().name("maker")).submit().await;
    let length = module.task("count_bytes").arg_ref(&made).submit().await;
    assert_eq!(value::<usize>(&host, &length).await, 1000);
    let failed = module.task("count_bytes").arg(1.5f64).submit().await;
    error(&host, &failed).await;
    finish(host).await;

    let receipts = receipts.lock().unwrap();
    let of = |task: &str, error| receipts.iter().find(|r| &*r.task == task && r.error == error).unwrap().clone();
    let maker = of("maker", None);
    assert_eq!((&*maker.function, &*maker.module, maker.attempts), ("make_bytes", "objects", 1));
    assert_eq!(maker.bytes_out, 1000);
    assert!(maker.fuel_used > 0 && maker.memory_peak_bytes > 0, "{maker:?}");
    assert!(maker.queued_for().is_some() && maker.ran_for().is_some(), "{maker:?}");
    assert_eq!(of("count_bytes", None).bytes_in, 1000);
    assert_eq!(of("count_bytes", Some(ErrorKind::InvalidArgument)).attempts, 1);
    assert_eq!(made.receipt().as_ref(), Some(&maker), "the object has it too");

    let line = serde_json::to_string(&maker).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&line).unwrap(), maker);
}

#[tokio::test]
async fn host_calls_and_parents_are_told() {
    let receipts = Arc::new(Mutex::new(Vec::<Receipt>::new()));
    let kept = receipts.clone();
    let builder = builder().on_receipt(move |receipt| kept.lock().unwrap().push(receipt.clone()));
    let (host, module) = host_with(builder, "waiting").await;
    let chain = module.task("chain").arg(10u32).submit().await;
    assert_eq!(value::<u32>(&host, &chain).await, 10);
    finish(host).await;
    let receipts = receipts.lock().unwrap();
    let parent = receipts.iter().find(|receipt| &*receipt.task == "chain").unwrap();
    assert!(parent.host_calls >= 11, "ten submissions and a get: {}", parent.host_calls);
    let children = receipts.iter().filter(|receipt| receipt.parent == Some(parent.task_id)).count();
    assert_eq!(children, 10);
}
