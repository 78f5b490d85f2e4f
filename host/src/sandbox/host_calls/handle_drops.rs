//! Handles that a guest drops.

use wasmtime::component::Resource;

use super::super::guest::Guest;
use super::super::wire::{ActorRef, Host, ObjectRef, StreamRef};

impl Host for Guest {
    fn drop_object(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<()> {
        drop(self.table.take(object)?);
        Ok(())
    }

    fn drop_actor(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<()> {
        drop(self.table.take(actor)?);
        Ok(())
    }

    fn drop_stream(&mut self, stream: Resource<StreamRef>) -> wasmtime::Result<()> {
        drop(self.table.take(stream)?);
        Ok(())
    }
}
