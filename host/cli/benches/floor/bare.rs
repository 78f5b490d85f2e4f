//! The floor: what a program would do that used wasmtime alone, with the engine's settings of the host.
//!
//! It runs the same guest and calls it with the same values, under the same metering. What it leaves out is the host:
//! no scheduler, no objects, no limits but fuel, no WASI.

use rustyray_host::limits::{FUEL_SLICE, INSTANCES_MAX, TABLE_ELEMENTS_MAX};
use rustyray_host::wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, Linker, TypedFunc};
use rustyray_host::wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use self::wit::exports::rustyray::core::guest::Failure;
use self::wit::rustyray::core::types::{Encoding, Payload};
use crate::ours::guest;

#[allow(missing_docs, dead_code)]
mod wit {
    /// Unknown imports are defined with this type behind their resources.
    pub type Nothing = ();

    rustyray_host::wasmtime::component::bindgen!({
        wasmtime_crate: rustyray_host::wasmtime,
        path: "../../wit",
        world: "module",
        with: {
            "rustyray:core/types.object-ref": Nothing,
            "rustyray:core/types.actor-ref": Nothing,
        },
    });
}

const GUEST_INTERFACE: &str = "rustyray:core/guest@0.1.0";

/// A component without SDK: what is left of an instance and a call when nothing but two numbers cross. Its memory is as
/// large as a small Rust program's.
const MINIMAL: &str = r#"
    (component
        (core module $module
            (memory 17)
            (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
        (core instance $instance (instantiate $module))
        (func (export "add") (param "a" s32) (param "b" s32) (result s32)
            (canon lift (core func $instance "add"))))
"#;

type Outcome = (Result<Payload, Failure>,);
type Call = TypedFunc<(&'static str, &'static [Payload], Encoding), Outcome>;
type Construct = TypedFunc<(&'static str, &'static str, &'static [Payload]), (Result<(), Failure>,)>;

/// The guest, ready to be instantiated.
pub struct Bare {
    pre: InstancePre<()>,
    run_task: ComponentExportIndex,
    construct: ComponentExportIndex,
    call: ComponentExportIndex,
    arguments: [Payload; 2],
}

impl Bare {
    /// With as many instances as the host has by default.
    pub fn standard() -> Self {
        Bare::with(INSTANCES_MAX)
    }

    pub fn with(instances: u32) -> Self {
        let engine = engine(instances);
        let component = Component::from_file(&engine, guest()).unwrap();
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let (_, interface) = component.get_export(None, GUEST_INTERFACE).unwrap();
        let export = |name: &str| component.get_export_index(Some(&interface), name).unwrap();
        Bare {
            pre: linker.instantiate_pre(&component).unwrap(),
            run_task: export("run-task"),
            construct: export("construct"),
            call: export("call"),
            arguments: [bincode_of(1), bincode_of(2)],
        }
    }

    /// The smallest task: a fresh instance, one call, and the instance is gone.
    pub async fn add(&self) -> Payload {
        let (mut store, instance) = start(&self.pre).await;
        let run = instance.get_typed_func::<(&str, &[Payload], Encoding), Outcome>(&mut store, self.run_task).unwrap();
        let (sum,) = run.call_async(&mut store, ("add", &self.arguments, Encoding::Bincode)).await.unwrap();
        sum.unwrap()
    }

    /// An instance that lives and is a counter.
    pub async fn counter(&self) -> Counter {
        let (mut store, instance) = start(&self.pre).await;
        let construct: Construct = instance.get_typed_func(&mut store, self.construct).unwrap();
        construct.call_async(&mut store, ("Counter", "new", &[])).await.unwrap().0.unwrap();
        let call = instance.get_typed_func(&mut store, self.call).unwrap();
        Counter { store, call }
    }
}

/// A warm instance.
pub struct Counter {
    store: Store<()>,
    call: Call,
}

impl Counter {
    pub async fn increment(&mut self) -> Payload {
        self.store.set_fuel(u64::MAX).unwrap();
        let arguments = ("increment", &[][..], Encoding::Bincode);
        self.call.call_async(&mut self.store, arguments).await.unwrap().0.unwrap()
    }
}

/// The component without SDK.
pub struct Minimal {
    pre: InstancePre<()>,
    add: ComponentExportIndex,
}

impl Minimal {
    pub fn new() -> Self {
        let engine = engine(INSTANCES_MAX);
        let component = Component::new(&engine, wat::parse_str(MINIMAL).unwrap()).unwrap();
        let add = component.get_export_index(None, "add").unwrap();
        Minimal { pre: Linker::new(&engine).instantiate_pre(&component).unwrap(), add }
    }

    pub async fn add(&self) -> i32 {
        let (mut store, instance) = start(&self.pre).await;
        let add = instance.get_typed_func::<(i32, i32), (i32,)>(&mut store, self.add).unwrap();
        add.call_async(&mut store, (1, 2)).await.unwrap().0
    }
}

/// A fresh instance, metered and preemptible like a task.
async fn start(pre: &InstancePre<()>) -> (Store<()>, Instance) {
    let mut store = Store::new(pre.engine(), ());
    store.set_fuel(u64::MAX).unwrap();
    store.fuel_async_yield_interval(Some(FUEL_SLICE)).unwrap();
    let instance = pre.instantiate_async(&mut store).await.unwrap();
    (store, instance)
}

fn bincode_of(number: i32) -> Payload {
    let data = rustyray_codec::encode(&number).unwrap();
    Payload { encoding: Encoding::Bincode, data, references: Vec::new() }
}

fn engine(instances: u32) -> Engine {
    Engine::new(&config(instances)).unwrap()
}

/// The host's settings, said again: the floor must not move when the host does something foolish.
pub fn config(instances: u32) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .concurrency_support(false)
        .async_stack_size(512 << 10)
        .max_wasm_stack(256 << 10)
        .memory_init_cow(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    config
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let keep = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(4 * instances)
        .total_memories(instances)
        .total_tables(2 * instances)
        .total_stacks(instances)
        .table_elements(TABLE_ELEMENTS_MAX as usize)
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(if keep { 2 << 20 } else { 0 })
        .table_keep_resident(if keep { 64 << 10 } else { 0 });
    pool
}
