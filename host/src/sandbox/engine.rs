//! The engine: how guests are compiled and where their instances come from.

use std::any::Any;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::bindings::Module;
use super::cache::ModuleCache;
use super::files;
use super::guest::Guest;
use super::host_calls;
use super::network::GuardedNetwork;
use super::permits::AllPermits;
use crate::words::limits::{BACKTRACE_FRAMES_MAX, DESCRIBED_AT_ONCE, TABLE_ELEMENTS_MAX};

/// Memory of a slot that stays mapped when its guest is gone: small guests start without a page fault.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// Slots that are given back to the system together. More would keep that many slots' memory, gigabytes perhaps, until
/// others end, and saves nothing where small guests keep theirs mapped.
const DECOMMIT_BATCH: usize = 1;
const FIBER_STACK_BYTES: usize = 512 << 10;
const WASM_STACK_BYTES: usize = 256 << 10;
/// Core instances of a component: its module, the shims that its toolchain adds, and room for more.
const CORE_INSTANCES_PER_GUEST: u32 = 16;
/// Each reserves 4 GiB of address space.
const MEMORIES_PER_GUEST: u32 = 1;
/// A toolchain makes two: the program's function pointers, and those of its shims.
const TABLES_PER_GUEST: u32 = 4;

/// What the engine is made from.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Instances that live at once. The pool has one more, for asking a module what it offers.
    pub instances: u32,
    /// Where compiled modules are kept; `None` for nowhere.
    pub cache: Option<ModuleCache>,
}

type Link = Box<dyn Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync>;
type Make = Box<dyn Fn() -> Box<dyn Any + Send> + Send + Sync>;

/// An embedder's own imports: functions that it adds to the linker, and the state that each guest gets for them.
pub struct ImportSet {
    /// Adds the functions.
    pub link: Link,
    /// Makes the state.
    pub make: Option<Make>,
}

/// The engine with everything that guests can import.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
    pub(super) imports: Vec<ImportSet>,
    pub(super) cache: Option<ModuleCache>,
    pub(super) look_ups: Arc<AllPermits>,
}

impl Sandbox {
    /// Makes the engine and reserves the pool's address space.
    ///
    /// # Errors
    /// The machine refuses the pool, or the embedder's imports collide with others.
    pub fn new(config: EngineConfig, imports: Vec<ImportSet>) -> wasmtime::Result<Arc<Self>> {
        let engine = Engine::new(&wasmtime_config(&config))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        linker.allow_shadowing(true);
        GuardedNetwork::add_to_linker(&mut linker)?;
        files::add_to_linker(&mut linker)?;
        linker.allow_shadowing(false);
        Module::add_to_linker::<Guest, wasmtime::component::HasSelf<Guest>>(&mut linker, |guest| guest)?;
        host_calls::objects::link_put(&mut linker)?;
        host_calls::calls::link(&mut linker)?;
        imports.iter().try_for_each(|set| (set.link)(&mut linker))?;
        Ok(Arc::new(Sandbox { engine, linker, imports, cache: config.cache, look_ups: Arc::default() }))
    }
}

impl Sandbox {
    /// Are there imports of the embedder's own?
    pub fn has_imports(&self) -> bool {
        !self.imports.is_empty()
    }
}

/// Beside those of the scheduler: those that are asked for their manifests, and one that an actor moves to.
const EXTRA_INSTANCES: u32 = DESCRIBED_AT_ONCE as u32 + 1;

fn wasmtime_config(config: &EngineConfig) -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .consume_fuel(true)
        .concurrency_support(false)
        .async_stack_size(FIBER_STACK_BYTES)
        .max_wasm_stack(WASM_STACK_BYTES)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            config.instances.saturating_add(EXTRA_INSTANCES),
        )));
    wasmtime
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    // Where the kernel can't tell the touched pages (before Linux 6.7), keeping memory would mean wiping all of it.
    let keep = PoolingAllocationConfig::is_pagemap_scan_available();
    let mut pool = PoolingAllocationConfig::new();
    // The pool has for each guest what one component may have: none can take what another needs.
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_GUEST))
        .total_memories(instances.saturating_mul(MEMORIES_PER_GUEST))
        .total_tables(instances.saturating_mul(TABLES_PER_GUEST))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES_PER_GUEST)
        .max_memories_per_component(MEMORIES_PER_GUEST)
        .max_tables_per_component(TABLES_PER_GUEST)
        .table_elements(TABLE_ELEMENTS_MAX as usize)
        .decommit_batch_size(DECOMMIT_BATCH)
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(if keep { MEMORY_KEEP_RESIDENT } else { 0 })
        .table_keep_resident(if keep { TABLE_KEEP_RESIDENT } else { 0 });
    pool
}
