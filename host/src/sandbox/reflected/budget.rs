//! What may be made of somebody's bytes, and what it costs the task that has it made: memory, forty bytes for a value, however few it
//! came from, and time, of which no guest's code burns any fuel. Memory is charged before it is taken.

use std::sync::Arc;

use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::cases::{Cases, Tables};
use crate::types::error::TaskError;
use crate::types::limits::{
    JSON_TREE_BYTES_MAX, WIT_ALLOCATION_BYTES, WIT_TEXT_BYTES, WIT_VALUE_FUEL, WIT_VALUES_A_LOOK, WIT_VALUES_MAX,
};

/// The task for which values are made, as who pays for them.
pub trait Payer: Send {
    /// Burns so much of its fuel, and looks whether it is to stop.
    ///
    /// # Errors
    /// It is to stop.
    fn burn(&mut self, fuel: u64) -> Result<(), TaskError>;

    /// Keeps so many bytes more, which are the memory of its guest.
    ///
    /// # Errors
    /// That has not so much left.
    fn keep(&mut self, bytes: u64) -> Result<(), TaskError>;

    /// And so many less.
    fn let_go(&mut self, bytes: u64);
}

/// What was made for a guest, and the bytes of it that are on the guest's account until whoever has it lets go of it.
pub struct Kept<T> {
    pub made: T,
    pub bytes: u64,
}

/// What is left of [`WIT_VALUES_MAX`] and of [`JSON_TREE_BYTES_MAX`], for all arguments of one task.
#[derive(Clone, Copy)]
pub struct Left {
    values: usize,
    tree_bytes: usize,
}

impl Default for Left {
    fn default() -> Self {
        Left { values: WIT_VALUES_MAX, tree_bytes: JSON_TREE_BYTES_MAX }
    }
}

/// Values that are translated for one task, and are paid for.
pub struct Budget<'a> {
    left: Left,
    /// Values that nobody has paid for yet.
    unpaid: usize,
    /// Bytes of what was made so far.
    kept: u64,
    payer: &'a mut dyn Payer,
    /// Why the task is to stop. What is translated for it fails with some words from here on, and they are nobody's.
    ended: Option<TaskError>,
    tables: Tables,
}

impl<'a> Budget<'a> {
    /// For a task, of which this is left.
    pub fn new(left: Left, payer: &'a mut dyn Payer) -> Self {
        Budget { left, unpaid: 0, kept: 0, payer, ended: None, tables: Tables::default() }
    }

    /// Pays for the rest, and gives what was made, and what is left.
    ///
    /// # Errors
    /// Why the task is to stop, or why nothing was made.
    pub fn done<T>(mut self, made: Result<T, TaskError>) -> Result<(Kept<T>, Left), TaskError> {
        let _ = self.pay();
        let made = match self.ended.take() {
            Some(ended) => Err(ended),
            None => made,
        };
        match made {
            Ok(made) => Ok((Kept { made, bytes: self.kept }, self.left)),
            Err(error) => {
                self.payer.let_go(self.kept);
                Err(error)
            }
        }
    }

    /// Keeps so many bytes more, before they are there.
    ///
    /// # Errors
    /// The guest has not so much memory left.
    pub fn keep(&mut self, bytes: usize) -> Result<(), String> {
        let kept = match &self.ended {
            Some(ended) => Err(ended.clone()),
            None => self.payer.keep(bytes as u64),
        };
        match kept {
            Ok(()) => {
                self.kept += bytes as u64;
                Ok(())
            }
            Err(error) => Err(self.ended.insert(error).message.clone()),
        }
    }

    pub fn let_go(&mut self, bytes: usize) {
        self.kept = self.kept.saturating_sub(bytes as u64);
        self.payer.let_go(bytes as u64);
    }

    /// Room for a text of so many bytes that stays.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub fn own_text(&mut self, bytes: usize) -> Result<(), String> {
        self.keep(bytes.saturating_add(WIT_ALLOCATION_BYTES))?;
        self.text(bytes)
    }

    /// A list with room for so many items, and no more. There are not more of them than values that may be made.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep), and there are too many.
    pub fn list<T>(&mut self, items: usize) -> Result<Vec<T>, String> {
        if items > self.left.values {
            return Err(too_many());
        }
        if items > 0 {
            self.keep(items.saturating_mul(size_of::<T>()).saturating_add(WIT_ALLOCATION_BYTES))?;
        }
        Ok(Vec::with_capacity(items))
    }

    /// A value that is inside another one.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub fn boxed(&mut self) -> Result<(), String> {
        self.keep(size_of::<Val>() + WIT_ALLOCATION_BYTES)
    }

    /// Room for so many bytes more behind what is written.
    ///
    /// # Errors
    /// As for [`keep`](Self::keep).
    pub fn room(&mut self, written: &mut Vec<u8>, more: usize) -> Result<(), String> {
        let (needed, has) = (written.len().saturating_add(more), written.capacity());
        if needed <= has {
            return Ok(());
        }
        let grown = needed.max(has.saturating_mul(2)).max(WIT_ALLOCATION_BYTES);
        self.keep(grown - has)?;
        written.reserve_exact(grown - written.len());
        Ok(())
    }

    /// Bytes that trees of JSON may take yet.
    pub fn tree_bytes_left(&self) -> usize {
        self.left.tree_bytes
    }

    /// Takes so many values.
    ///
    /// # Errors
    /// There are not as many left, or the task is to stop.
    pub fn take(&mut self, values: usize) -> Result<(), String> {
        let left = self.left.values.checked_sub(values);
        self.left.values = left.ok_or_else(too_many)?;
        self.step(values)
    }

    /// Takes a name, which each value has for itself and in no byte of what it came from.
    ///
    /// # Errors
    /// As for [`take`](Self::take).
    pub fn name(&mut self, name: &str) -> Result<(), String> {
        self.take(name.len() / WIT_TEXT_BYTES)?;
        self.keep(name.len().saturating_add(WIT_ALLOCATION_BYTES))
    }

    /// Takes so many bytes of a tree of JSON, for one value or name.
    ///
    /// # Errors
    /// There are not as many left, or the task is to stop.
    pub fn tree(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left.tree_bytes.checked_sub(bytes);
        self.left.tree_bytes = left.ok_or_else(|| {
            format!("it takes more than {JSON_TREE_BYTES_MAX} bytes of memory to read this JSON: pass it in parts")
        })?;
        self.keep(bytes)?;
        self.step(1)
    }

    /// Burns the fuel of a text.
    ///
    /// # Errors
    /// The task is to stop.
    pub fn text(&mut self, bytes: usize) -> Result<(), String> {
        self.step(bytes / WIT_TEXT_BYTES)
    }

    /// Burns the fuel of so many values, which are no more than the limits have let through.
    ///
    /// # Errors
    /// The task is to stop.
    pub fn step(&mut self, values: usize) -> Result<(), String> {
        self.unpaid = self.unpaid.saturating_add(values);
        if self.unpaid >= WIT_VALUES_A_LOOK { self.pay() } else { Ok(()) }
    }

    fn pay(&mut self) -> Result<(), String> {
        if self.ended.is_none() {
            let fuel = (std::mem::take(&mut self.unpaid) as u64).saturating_mul(WIT_VALUE_FUEL);
            self.ended = self.payer.burn(fuel).err();
        }
        self.ended.as_ref().map_or(Ok(()), |ended| Err(ended.message.clone()))
    }

    /// The cases of an enum or a variant, in a table that is made when the type is first met.
    ///
    /// # Errors
    /// The task is to stop.
    pub fn cases(&mut self, ty: &Type) -> Result<Arc<Cases>, String> {
        if let Some(known) = self.tables.get(ty) {
            return Ok(known);
        }
        let cases = Cases::of(ty, |name| self.step(1 + name.len() / WIT_TEXT_BYTES))?;
        Ok(self.tables.keep(ty, cases))
    }
}

fn too_many() -> String {
    format!("more than {WIT_VALUES_MAX} values: pass it in parts")
}
