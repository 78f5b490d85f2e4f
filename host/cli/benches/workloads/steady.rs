//! Tasks, actors and objects on a host that is warm.

use std::time::{Duration, Instant};

use rustyray_host::{ActorHandle, Host, Module, ObjectRef};

use crate::rounds::{Rows, seconds_each};

/// Tasks or calls in flight, links of a chain, references to wait for.
const MANY: u32 = 1000;

/// Calls that one actor makes of another in a run, so that the call that starts them does not show.
const CALLS: u32 = 200;

const SMALL: usize = 64;
const LARGE: usize = 64 << 20;

/// All of it.
pub async fn measure(rows: &mut Rows) {
    let (host, module) = crate::start(crate::builder()).await;
    tasks(rows, &host, &module).await;
    calls(rows, &host, &module).await;
    actors(rows, &host, &module).await;
    objects(rows, &host, &module).await;
    host.shutdown(Duration::from_secs(5)).await;
}

async fn tasks(rows: &mut Rows, host: &Host, module: &Module) {
    let add = || module.task("add").arg(1i64).arg(2i64);
    let one = timed(1, async || value(host, &add().submit().await).await).await;
    rows.higher("task-one", 1.0 / one, "tasks/s");
    let many = timed(MANY, async || all(host, (0..MANY).map(|_| add().try_submit()).collect()).await).await;
    rows.higher("tasks-in-flight", 1.0 / many, "tasks/s");
    let chain = async || {
        let mut link = add().submit().await;
        for _ in 1..MANY {
            link = module.task("add").arg_ref(&link).arg(1i64).submit().await;
        }
        assert_eq!(value(host, &link).await, i64::from(MANY) + 2);
    };
    rows.higher("chain", 1.0 / timed(MANY, chain).await, "links/s");
}

async fn calls(rows: &mut Rows, host: &Host, module: &Module) {
    let counter = module.actor("Counter").create();
    let call = |actor: &ActorHandle| actor.call("add").arg(1i64);
    let one = timed(1, async || value(host, &call(&counter).submit().await).await).await;
    rows.higher("actor-call-one", 1.0 / one, "calls/s");
    let many = async || all(host, (0..MANY).map(|_| call(&counter).try_submit()).collect()).await;
    rows.higher("actor-calls-in-flight", 1.0 / timed(MANY, many).await, "calls/s");
}

async fn actors(rows: &mut Rows, host: &Host, module: &Module) {
    let caller = module.actor("Caller").create();
    let among = async || value(host, &caller.call("call").arg(CALLS).submit().await).await;
    rows.higher("actor-to-actor", 1.0 / timed(CALLS, among).await, "calls/s");
    let create = async || {
        let actor = module.actor("Counter").create();
        value(host, &actor.call("add").arg(1i64).submit().await).await
    };
    rows.lower("actor-create", timed(1, create).await, "s");
}

async fn objects(rows: &mut Rows, host: &Host, module: &Module) {
    let guest = async |task: &str, size: usize, times: u32| {
        seconds_each(times, async || {
            let nanoseconds: u64 = host.get(&module.task(task).arg(size).arg(times).submit().await).await.unwrap();
            Duration::from_nanos(nanoseconds)
        })
        .await
    };
    rows.lower("put-get-64b", guest("put_get", SMALL, MANY).await * 1e6, "µs");
    rows.higher("put-get-64mib", LARGE as f64 / guest("put_get", LARGE, 8).await / 1e9, "GB/s");
    rows.lower("get-64mib-numpy", guest("get_again", LARGE, 8).await * 1e6, "µs");
    rows.note("by design: Ray maps shared memory, here it is copied into the sandbox");
    let wait = seconds_each(MANY, async || {
        let wait = module.task("wait_each").arg(i64::from(MANY)).submit().await;
        Duration::from_nanos(host.get(&wait).await.unwrap())
    });
    rows.lower("wait-1000", wait.await * 1e6, "µs");
}

/// The same for a run that does not say how long it took.
async fn timed<T>(units: u32, run: impl AsyncFn() -> T) -> f64 {
    seconds_each(units, async || {
        let start = Instant::now();
        run().await;
        start.elapsed()
    })
    .await
}

async fn value(host: &Host, object: &ObjectRef) -> i64 {
    host.get(object).await.unwrap()
}

async fn all(host: &Host, objects: Vec<ObjectRef>) {
    for object in &objects {
        value(host, object).await;
    }
}
