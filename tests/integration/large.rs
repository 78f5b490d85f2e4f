//! Objects that are larger than a guest's memory, and references inside of all sorts of values.

use rustyray_host::{Encoding, ErrorKind, Host, Module, ObjectRef, Payload, Reference};

use rustyray_tests::{builder, error, finish, host_with, settled, value};

/// A GiB, which goes through guests of 16 MiB.
const LARGE: u64 = 1 << 30;
const PIECE: u64 = 1 << 20;

/// What a task wrote, and what the other makes of it.
async fn through(host: &Host, module: &Module, bytes: u64, known: bool) -> (u64, u64) {
    let written = module.task("written").arg(bytes).arg(known).submit().await;
    let object = inner(host, &written).await;
    let list =
        Payload { encoding: Encoding::Json, data: "[0]".into(), references: vec![Reference::Object(object)].into() };
    let read = module.task("read").arg_payload(list).submit().await;
    value(host, &read).await
}

/// The reference that a value is.
async fn inner(host: &Host, object: &ObjectRef) -> ObjectRef {
    match &host.value(object, None).await.unwrap().payload().references[..] {
        [Reference::Object(inner)] => inner.clone(),
        other => panic!("one object was expected: {other:?}"),
    }
}

/// The sum of the numbers that the pieces begin with.
fn sum(bytes: u64) -> u64 {
    (0..bytes.div_ceil(PIECE)).map(|piece| piece * PIECE).sum()
}

#[tokio::test]
async fn a_gibibyte_goes_through_guests_of_sixteen_mebibytes() {
    let (host, module) = host_with(builder().object_store_bytes(LARGE + (1 << 20)), "large").await;
    assert_eq!(through(&host, &module, LARGE, true).await, (sum(LARGE), LARGE));
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.object_bytes) == (0, stats.manifest_bytes))
        .await;
    finish(host).await;
}

#[tokio::test]
async fn a_writer_takes_any_number_of_bytes_and_no_more_than_the_store_has() {
    let (host, module) = host_with(builder().object_store_bytes(64 << 20), "large").await;
    for bytes in [0, 1, 8, PIECE + 9, 20 * PIECE] {
        let expected = (if bytes < 8 { 0 } else { sum(bytes) }, bytes);
        assert_eq!(through(&host, &module, bytes, bytes % 2 == 0).await, expected, "{bytes} bytes");
    }
    let full = module.task("too_much").submit().await;
    assert_eq!(value::<String>(&host, &full).await, "object-store-full");
    let greedy = module.task("written").arg(u64::MAX).arg(true).submit().await;
    let refused = error(&host, &greedy).await;
    assert_eq!(refused.causes[0].kind, ErrorKind::ObjectStoreFull, "{refused:#}");
    drop((full, greedy));
    settled(&host, "nothing to be left", |stats| (stats.objects, stats.object_bytes) == (0, stats.manifest_bytes))
        .await;
    finish(host).await;
}

#[tokio::test]
async fn references_travel_in_maps_sets_enums_and_actors() {
    let (host, module) = host_with(builder(), "large").await;
    let nested = module.task("nested").submit().await;
    assert_eq!(value::<(u32, u32)>(&host, &nested).await, (31, 31));
    drop(nested);
    settled(&host, "nothing to be left", |stats| stats.objects == 0).await;
    finish(host).await;
}
