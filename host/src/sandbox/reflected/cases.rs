//! The names of an enum's or a variant's cases, to be found by name or by number in a time that does not depend on how many there are:
//! a type may have ten thousand, and a list of it millions of values.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::types::Type;

/// The cases of one type.
pub struct Cases {
    all: Vec<(Arc<str>, Option<Type>)>,
    numbers: HashMap<Arc<str>, usize>,
}

impl Cases {
    /// Of an enum or a variant. Any other type has none.
    ///
    /// # Errors
    /// What `each` has against the next name.
    pub(super) fn of(ty: &Type, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<Self, String> {
        let mut cases = Cases { all: Vec::new(), numbers: HashMap::new() };
        let mut add = |name: &str, ty| {
            each(name)?;
            let name: Arc<str> = name.into();
            cases.numbers.insert(name.clone(), cases.all.len());
            cases.all.push((name, ty));
            Ok::<_, String>(())
        };
        match ty {
            Type::Enum(names) => names.names().try_for_each(|name| add(name, None))?,
            Type::Variant(variant) => variant.cases().try_for_each(|case| add(case.name, case.ty))?,
            _ => {}
        }
        Ok(cases)
    }

    /// The case of this number: its name, and the type of what comes with it.
    pub fn at(&self, number: usize) -> Option<(&str, Option<&Type>)> {
        self.all.get(number).map(|(name, ty)| (&**name, ty.as_ref()))
    }

    /// The case of this name: its number, and the type of what comes with it.
    pub fn named(&self, name: &str) -> Option<(usize, Option<&Type>)> {
        let number = *self.numbers.get(name)?;
        self.at(number).map(|(_, ty)| (number, ty))
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|(name, _)| &**name)
    }
}

/// The tables of the types that were met.
#[derive(Default)]
pub(super) struct Tables(HashMap<usize, (Type, Arc<Cases>)>);

impl Tables {
    pub(super) fn get(&self, ty: &Type) -> Option<Arc<Cases>> {
        self.0.get(&place(ty)?).map(|(_, cases)| cases.clone())
    }

    pub(super) fn keep(&mut self, ty: &Type, cases: Cases) -> Arc<Cases> {
        let cases = Arc::new(cases);
        if let Some(place) = place(ty) {
            self.0.insert(place, (ty.clone(), cases.clone()));
        }
        cases
    }
}

/// Where the type's first name stands in memory, which is no other type's as long as the type is kept. The engine gives a type no
/// number, and compares two of them by all that is in them.
fn place(ty: &Type) -> Option<usize> {
    match ty {
        Type::Enum(names) => names.names().next().map(|name| name.as_ptr().addr()),
        Type::Variant(variant) => variant.cases().next().map(|case| case.name.as_ptr().addr()),
        _ => None,
    }
}
