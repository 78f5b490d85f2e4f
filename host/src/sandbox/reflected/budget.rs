//! What may be made of somebody's bytes, and what it costs the task that has it made: a value takes some thirty bytes, however few it
//! came from, and time, of which no guest's code burns any fuel.

use std::sync::Arc;

use wasmtime::component::types::Type;

use super::cases::{Cases, Tables};
use crate::types::error::TaskError;
use crate::types::limits::{JSON_TREE_BYTES_MAX, WIT_TEXT_BYTES, WIT_VALUE_FUEL, WIT_VALUES_A_LOOK, WIT_VALUES_MAX};

/// Burns so much fuel of the task, and looks whether it is to stop.
pub type Pay<'a> = &'a mut (dyn FnMut(u64) -> Result<(), TaskError> + Send);

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
    pay: Pay<'a>,
    /// Why the task is to stop. What is translated for it fails with some words from here on, and they are nobody's.
    ended: Option<TaskError>,
    tables: Tables,
}

impl<'a> Budget<'a> {
    /// For a task, of which this is left.
    pub fn new(left: Left, pay: Pay<'a>) -> Self {
        Budget { left, unpaid: 0, pay, ended: None, tables: Tables::default() }
    }

    /// Pays for the rest, and gives what was made, and what is left.
    ///
    /// # Errors
    /// Why the task is to stop, or why nothing was made.
    pub fn done<T>(mut self, made: Result<T, TaskError>) -> Result<(T, Left), TaskError> {
        let _ = self.pay();
        match self.ended {
            Some(ended) => Err(ended),
            None => made.map(|made| (made, self.left)),
        }
    }

    /// Takes so many values.
    ///
    /// # Errors
    /// There are not as many left, or the task is to stop.
    pub fn take(&mut self, values: usize) -> Result<(), String> {
        let left = self.left.values.checked_sub(values);
        self.left.values = left.ok_or_else(|| format!("more than {WIT_VALUES_MAX} values: pass it in parts"))?;
        self.step(values)
    }

    /// Takes a name, which each value has for itself and in no byte of what it came from.
    ///
    /// # Errors
    /// As for [`take`](Self::take).
    pub fn name(&mut self, name: &str) -> Result<(), String> {
        self.take(name.len() / WIT_TEXT_BYTES)
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
            self.ended = (self.pay)(fuel).err();
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
