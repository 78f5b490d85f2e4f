//! Tasks that give several results.

use rustyray_host::limits::{STREAM_ITEMS_AHEAD, STREAM_ITEMS_WANTED_MAX};
use rustyray_host::{ErrorKind, Host, Module, ObjectStream, TaskError};

use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

async fn streams() -> (Host, Module) {
    host_with(builder(), "streams").await
}

/// All items, and the error that ended them.
async fn all<T: serde::de::DeserializeOwned + 'static>(mut stream: ObjectStream) -> (Vec<T>, Option<TaskError>) {
    let mut items = Vec::new();
    let taking = async {
        while let Some(item) = stream.next_value().await {
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    assert!(stream.next().await.is_none(), "the error is the last item");
                    return Some(TaskError::clone(&error));
                }
            }
        }
        None
    };
    let error = within(taking, "the end of a stream").await;
    (items, error)
}

#[tokio::test]
async fn items_come_in_order_and_then_an_end() {
    let (host, module) = streams().await;
    let (items, failed) = all::<u64>(module.task("numbers").arg(1000u64).stream().await).await;
    assert_eq!((items, failed), ((0..1000).collect(), None));
    assert_eq!(all::<u64>(module.task("numbers").arg(0u64).stream().await).await, (vec![], None));
    assert_eq!(all::<u32>(module.task("ticking").arg(3u32).stream().await).await, (vec![0, 1, 2], None));
    settled(&host, "nothing to be left", |stats| {
        (stats.objects, stats.object_bytes, stats.running) == (0, stats.manifest_bytes, 0)
    })
    .await;
    finish(host).await;
}

#[tokio::test]
async fn a_task_waits_for_who_takes_its_items_and_ends_when_nobody_does() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().on_log(lines.sink()), "streams").await;
    let mut stream = module.task("endless").stream().await;
    lines.until(&STREAM_ITEMS_AHEAD.to_string()).await;
    // Another task has its turn, and so would this one have.
    let (items, _) = all::<u64>(module.task("numbers").arg(100u64).stream().await).await;
    host.flush().await;
    assert_eq!((items.len(), lines.texts().len()), (100, STREAM_ITEMS_AHEAD));
    for expected in 1..=100u64 {
        assert_eq!(stream.next_value::<u64>().await.unwrap().unwrap(), expected);
    }
    lines.until("101").await;
    drop(stream);
    // By itself at its next item, or cancelled before.
    settled(&host, "the task to end", |stats| (stats.running, stats.objects) == (0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn an_error_is_the_last_item() {
    let (host, module) = streams().await;
    let (items, failed) = all::<u32>(module.task("failing").arg(40u32).stream().await).await;
    let failed = failed.unwrap();
    assert_eq!((items.len(), failed.kind, failed.message.as_str()), (40, ErrorKind::TaskFailed, "no 40"));
    let (items, failed) = all::<u32>(module.task("refused").stream().await).await;
    assert_eq!((items, failed.unwrap().message.as_str()), (vec![], "not at all"));
    finish(host).await;
}

#[tokio::test]
async fn another_attempt_goes_on_where_the_first_one_crashed() {
    let (host, module) = streams().await;
    for at in [0u32, 1, 9, 29] {
        let stream = module.task("flaky").arg(at).arg(30u32).stream().await;
        assert_eq!(all::<u32>(stream).await, ((0..30).collect(), None), "crashed at {at}");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_stream_that_is_cancelled_ends_with_that() {
    let (host, module) = streams().await;
    let mut stream = module.task("endless").stream().await;
    let first = stream.next().await.unwrap();
    assert_eq!(value::<u64>(&host, &first).await, 1);
    host.shutdown(std::time::Duration::ZERO).await;
    let ended = loop {
        match stream.next_value::<u64>().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error.kind,
            None => panic!("it ended as if it were complete"),
        }
    };
    assert_eq!(ended, ErrorKind::HostShutDown);
}

#[tokio::test]
async fn guests_take_items_in_every_way() {
    let (host, module) = streams().await;
    let sums = module.task("sums").arg(500u64).submit().await;
    assert_eq!(value::<(u64, u64, usize)>(&host, &sums).await, (124_750, 124_750, 300));
    let merged = module.task("merged").submit().await;
    assert_eq!(value::<Vec<u32>>(&host, &merged).await, [0, 0, 1, 1, 2, 2, 1]);
    let in_place = module.task("in_place").submit().await;
    assert_eq!(value::<u64>(&host, &in_place).await, 6);
    drop((sums, merged, in_place));
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.running) == (0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn a_tuple_can_be_an_object_for_each_part() {
    let (host, module) = streams().await;
    let division = module.task("division").arg(7u32).arg(2u32).submit().await;
    assert_eq!(value::<String>(&host, &division).await, "3, rest 1");
    let by_zero = module.task("division").arg(7u32).arg(0u32).submit().await;
    assert_eq!(value::<String>(&host, &by_zero).await, "divided: by zero; divided: by zero");
    // The embedder takes the parts one after the other.
    let mut parts = module.task("divided").arg(7u32).arg(2u32).stream().await;
    assert_eq!(parts.next_value::<u32>().await.unwrap().unwrap(), 3);
    assert_eq!(parts.next_value::<String>().await.unwrap().unwrap(), "rest 1");
    assert!(parts.next().await.is_none());
    finish(host).await;
}

#[tokio::test]
async fn an_actor_gives_items_until_nobody_listens_and_lives_on() {
    let (host, module) = streams().await;
    let fed = module.task("fed").submit().await;
    let (taken, given) = value::<(Vec<u64>, u64)>(&host, &fed).await;
    assert_eq!(taken, [1, 2, 3]);
    assert!(given >= 3, "{given}");

    let feed = module.actor("Feed").create();
    let mut stream = feed.call("items").stream().await;
    assert_eq!(stream.next_value::<u64>().await.unwrap().unwrap(), 1);
    drop(stream);
    let given = feed.call("given").submit().await;
    assert!(value::<u64>(&host, &given).await >= 1);
    assert_eq!(feed.generation(), 1, "it was not ended for it");
    drop(feed);
    finish(host).await;
}

#[tokio::test]
async fn items_can_be_asked_for_ahead_up_to_a_bound() {
    let (host, module) = streams().await;
    let given = module.task("ahead").arg(STREAM_ITEMS_WANTED_MAX as u32).submit().await;
    assert_eq!(value::<usize>(&host, &given).await, STREAM_ITEMS_WANTED_MAX);
    let greedy = module.task("ahead").arg(STREAM_ITEMS_WANTED_MAX as u32 + 1).submit().await;
    let refused = error(&host, &greedy).await;
    assert_eq!(refused.kind, ErrorKind::TaskFailed);
    assert!(refused.message.contains("were asked for ahead"), "{refused}");
    drop((given, greedy));
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.running) == (0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn one_result_and_several_are_not_mixed_up() {
    let (host, module) = streams().await;
    let one = module.task("numbers").arg(3u64).submit().await;
    let refused = error(&host, &one).await;
    assert_eq!(refused.kind, ErrorKind::InvalidArgument);
    assert!(refused.message.contains("ask for its stream"), "{refused}");
    let (items, failed) = all::<usize>(module.task("len").arg(vec![0u8]).stream().await).await;
    let failed = failed.unwrap();
    assert_eq!((items, failed.kind), (vec![], ErrorKind::InvalidArgument));
    assert!(failed.message.contains("one result"), "{failed}");
    let (_, failed) = all::<usize>(module.task("nothing").stream().await).await;
    assert_eq!(failed.unwrap().kind, ErrorKind::TaskNotFound);
    finish(host).await;
}
