//! The engine: how guests are compiled, where their instances come from, and what they can import.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::bindings::Module;
use super::files;
use super::guest::Guest;
use super::host_calls;
use super::import_set::ImportSet;
use super::network::GuardedNetwork;
use crate::types::limits::{BACKTRACE_FRAMES_MAX, DESCRIBED_AT_ONCE, MOVES_AT_ONCE, TABLE_ELEMENTS_MAX};

/// Memory of a slot that stays mapped when its guest is gone: small guests start without a page fault.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;
const TABLE_KEEP_RESIDENT: usize = 64 << 10;
/// Slots that are given back to the system together. More would keep that many slots' memory, gigabytes perhaps, until
/// others end, and saves nothing where small guests keep theirs mapped.
const DECOMMIT_BATCH: usize = 1;
/// Data that is an image whatever it is made of.
const DENSE_IMAGE_BYTES: u64 = 64 << 10;
const FIBER_STACK_BYTES: usize = 512 << 10;
const WASM_STACK_BYTES: usize = 256 << 10;
/// Core instances of a component: its module, the shims that its toolchain adds, and room for more.
const CORE_INSTANCES_PER_GUEST: u32 = 16;
/// Each reserves 4 GiB of address space.
const MEMORIES_PER_GUEST: u32 = 1;
/// A toolchain makes two: the program's function pointers, and those of its shims.
const TABLES_PER_GUEST: u32 = 4;

/// An engine, and what its guests can import.
pub struct Ground {
    pub engine: Engine,
    pub linker: Linker<Guest>,
}

impl Ground {
    /// Makes the engine and reserves the pool's address space.
    ///
    /// # Errors
    /// The machine refuses the pool, or the embedder's imports collide with others.
    pub fn new(instances: u32, imports: &[ImportSet]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&with_pool(compiler_config(false), instances))?;
        let mut linker = of_wasi(&engine)?;
        Module::add_to_linker::<Guest, HasSelf<Guest>>(&mut linker, |guest| guest)?;
        host_calls::objects::link_put(&mut linker)?;
        host_calls::calls::link(&mut linker)?;
        imports.iter().try_for_each(|set| (set.link)(&mut linker))?;
        Ok(Ground { engine, linker })
    }

    /// One for components with async functions. They are nobody's modules of tasks, and have nothing of those to import: what the
    /// host does for these counts on one call at a time.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn concurrent(instances: u32, imports: &[ImportSet]) -> wasmtime::Result<Self> {
        let engine = Engine::new(&with_pool(compiler_config(true), instances))?;
        let mut linker = of_wasi(&engine)?;
        imports.iter().try_for_each(|set| (set.link)(&mut linker))?;
        Ok(Ground { engine, linker })
    }
}

/// A linker with WASI, as guests have it.
fn of_wasi(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    GuardedNetwork::add_to_linker(&mut linker)?;
    files::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Beside those of the scheduler: those that are asked for their manifests, and those that actors move to.
const EXTRA_INSTANCES: u32 = (DESCRIBED_AT_ONCE + MOVES_AT_ONCE) as u32;

/// An engine whose code that of [`Ground`] takes, and which has no pool: for what compiles, and runs nothing.
///
/// # Errors
/// The machine is none that the compiler knows.
pub fn compiling(is_concurrent: bool) -> wasmtime::Result<Engine> {
    Engine::new(&compiler_config(is_concurrent))
}

/// What decides on the code.
fn compiler_config(is_concurrent: bool) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .memory_init_cow(true)
        // An image of a module's data is part of its code. Where that is sparse it would be megabytes for each of them that has two bytes.
        .memory_guaranteed_dense_image_size(DENSE_IMAGE_BYTES)
        .concurrency_support(is_concurrent)
        .wasm_component_model_async(is_concurrent)
        .wasm_component_model_async_stackful(is_concurrent);
    config
}

/// And what decides on running it.
fn with_pool(mut config: Config, instances: u32) -> Config {
    config
        .async_stack_size(FIBER_STACK_BYTES)
        .max_wasm_stack(WASM_STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES_MAX))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances.saturating_add(EXTRA_INSTANCES))));
    config
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
