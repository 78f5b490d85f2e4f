//! What a module takes to compile, seen before it is: how many things the compiler keeps something for, and how its functions are made.
//!
//! A local that is set in a loop, or goes through a branch, is another value after it, and the compiler keeps each: a function of a few
//! kilobytes with many locals, and loops inside one another or a table of branches, takes gigabytes and minutes. The product of the two
//! says so beforehand, in time of the module's length. (Measured: 1000 locals in 150 loops inside one another, in ten kilobytes, take 39
//! seconds; 3000 through a table of 10,000 branches two gigabytes. In what honest compilers give, the largest of all functions has a
//! hundredth of that.)

use wasmparser::{BinaryReaderError, CompositeInnerType, FunctionBody, Operator, Parser, Payload};

use crate::words::limits::{
    BRANCHED_LOCALS_MAX, LOOPED_LOCALS_MAX, MODULE_BRANCHED_LOCALS_MAX, MODULE_ITEMS_MAX, MODULE_LOOPED_LOCALS_MAX,
    SMALL_MODULE_BRANCHED_LOCALS, SMALL_MODULE_ITEMS, SMALL_MODULE_LOOPED_LOCALS,
};

/// The weight of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Functions, types and exports.
    pub items: usize,
    /// Of all functions: its locals times the loops that are inside one another.
    pub looped_locals: u64,
    /// Of all functions: its locals times its branches.
    pub branched_locals: u64,
}

impl Weight {
    /// Of so many functions that are made of others.
    pub fn of_functions(count: usize) -> Self {
        Weight { items: count, ..Weight::default() }
    }

    /// Of a core module. What is damaged is left for the compiler to find, and what comes after it.
    ///
    /// # Errors
    /// It has a function that takes too much.
    pub fn of_module(bytes: &[u8]) -> Result<Self, String> {
        let mut scale = Scale::default();
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(payload) = payload else { break };
            if scale.add(payload)?.is_none() {
                break;
            }
        }
        Ok(scale.weight)
    }

    /// Both.
    pub fn and(self, other: Weight) -> Weight {
        Weight {
            items: self.items.saturating_add(other.items),
            looped_locals: self.looped_locals.saturating_add(other.looped_locals),
            branched_locals: self.branched_locals.saturating_add(other.branched_locals),
        }
    }

    /// Does it take more than most?
    pub fn is_large(&self) -> bool {
        self.items > SMALL_MODULE_ITEMS
            || self.looped_locals > SMALL_MODULE_LOOPED_LOCALS
            || self.branched_locals > SMALL_MODULE_BRANCHED_LOCALS
    }

    /// Can all of it be compiled?
    ///
    /// # Errors
    /// What is too much.
    pub fn check(&self) -> Result<(), String> {
        no_more(
            "of all its functions, the locals times the loops that are inside one another",
            [self.looped_locals, MODULE_LOOPED_LOCALS_MAX],
        )?;
        no_more(
            "of all its functions, the locals times the branches",
            [self.branched_locals, MODULE_BRANCHED_LOCALS_MAX],
        )
    }
}

/// A module that is being weighed.
#[derive(Default)]
struct Scale {
    weight: Weight,
    /// The parameters of each type, if it is one of functions.
    types: Vec<u32>,
    /// The types of its functions, in their order.
    functions: Vec<u32>,
    /// Of these, how many were seen.
    seen: usize,
}

impl Scale {
    /// `None` where there is no use in going on: it is damaged, or has too much of something already.
    fn add(&mut self, payload: Payload<'_>) -> Result<Option<()>, String> {
        match payload {
            Payload::TypeSection(types) if self.counts(types.count()) => Ok(self.add_types(types)),
            Payload::FunctionSection(functions) if self.counts(functions.count()) => {
                self.functions = functions.into_iter().map_while(Result::ok).collect();
                Ok(Some(()))
            }
            Payload::ExportSection(exports) if self.counts(exports.count()) => Ok(Some(())),
            Payload::TypeSection(_) | Payload::FunctionSection(_) | Payload::ExportSection(_) => Ok(None),
            Payload::CodeSectionEntry(body) => self.add_function(&body),
            _ => Ok(Some(())),
        }
    }

    /// Counts so many, before any of them is read; false if they are too many to be.
    fn counts(&mut self, items: u32) -> bool {
        self.weight.items = self.weight.items.saturating_add(items as usize);
        self.weight.items <= MODULE_ITEMS_MAX
    }

    fn add_types(&mut self, types: wasmparser::TypeSectionReader<'_>) -> Option<()> {
        for group in types {
            self.types.extend(group.ok()?.types().map(|ty| match &ty.composite_type.inner {
                CompositeInnerType::Func(function) => function.params().len() as u32,
                _ => 0,
            }));
        }
        Some(())
    }

    fn add_function(&mut self, body: &FunctionBody<'_>) -> Result<Option<()>, String> {
        let ty = self.functions.get(self.seen).and_then(|ty| self.types.get(*ty as usize));
        self.seen += 1;
        let Some(parameters) = ty else { return Ok(None) };
        let Ok(Shape { locals, loops, branches }) = Shape::of(body, u64::from(*parameters)) else { return Ok(None) };
        let (looped, branched) = (locals.saturating_mul(loops), locals.saturating_mul(branches));
        let what =
            |by: &str| format!("the {locals} locals of function {} (of those in its code) times {by}", self.seen);
        no_more(what(&format!("its {loops} loops inside one another")), [looped, LOOPED_LOCALS_MAX])?;
        no_more(what(&format!("its {branches} branches")), [branched, BRANCHED_LOCALS_MAX])?;
        self.weight = self.weight.and(Weight { items: 0, looped_locals: looped, branched_locals: branched });
        Ok(Some(()))
    }
}

/// How a function is made.
struct Shape {
    /// Parameters included.
    locals: u64,
    /// Those that are inside one another.
    loops: u64,
    /// Each place that a table names is one.
    branches: u64,
}

impl Shape {
    fn of(body: &FunctionBody<'_>, parameters: u64) -> Result<Self, BinaryReaderError> {
        let mut shape = Shape { locals: parameters, loops: 0, branches: 0 };
        for group in body.get_locals_reader()? {
            shape.locals = shape.locals.saturating_add(u64::from(group?.0));
        }
        // Of each block that is open, whether it is a loop.
        let mut open = Vec::new();
        let mut loops = 0;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::Loop { .. } => {
                    open.push(true);
                    loops += 1;
                    shape.loops = shape.loops.max(loops);
                }
                Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => open.push(false),
                Operator::End if open.pop() == Some(true) => loops -= 1,
                Operator::Br { .. } | Operator::BrIf { .. } => shape.branches += 1,
                Operator::BrTable { targets } => shape.branches += u64::from(targets.len()) + 1,
                _ => {}
            }
        }
        Ok(shape)
    }
}

fn no_more(what: impl std::fmt::Display, [is, max]: [u64; 2]) -> Result<(), String> {
    match is > max {
        true => Err(format!("{what}, are {is}: at most {max}")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(text: &str) -> Result<Weight, String> {
        Weight::of_module(&wat::parse_str(text).unwrap())
    }

    fn function(locals: usize, body: &str) -> String {
        format!("(module (func (param i32) (local {}) {body}))", "i32 ".repeat(locals - 1))
    }

    #[test]
    fn all_that_the_compiler_keeps_is_counted() {
        let two = "(module (type (func)) (type (func (param i64 i64) (result i32))) (func (type 0)) (func (type 1) i32.const 1)
            (export \"a\" (func 0)) (import \"b\" \"c\" (func)))";
        // The import is counted by nobody: it is what others have.
        assert_eq!(weight(two.replace("(import \"b\" \"c\" (func))", "").as_str()).unwrap().items, 2 + 2 + 1);
        let code = "loop loop br 0 end end loop local.get 0 br_if 0 end local.get 0 br_table 0 0 0";
        let weight = weight(&function(10, code)).unwrap();
        assert_eq!((weight.looped_locals, weight.branched_locals), (10 * 2, 10 * (2 + 3)));
    }

    #[test]
    fn functions_of_a_few_kilobytes_that_take_gigabytes_are_refused() {
        let deep = |loops: usize, locals: usize| {
            weight(&function(locals, &format!("{}{}", "loop ".repeat(loops), "local.get 0 br_if 0 end ".repeat(loops))))
        };
        assert_eq!(deep(20, 1000).unwrap().looped_locals, LOOPED_LOCALS_MAX);
        let refused = deep(150, 1000).unwrap_err();
        assert!(
            refused.contains("the 1000 locals of function 1") && refused.contains("are 150000: at most"),
            "{refused}"
        );
        let table = |targets: usize, locals: usize| {
            weight(&function(locals, &format!("local.get 0 br_table {}", "0 ".repeat(targets))))
        };
        assert_eq!(table(1000, 2000).unwrap().branched_locals, BRANCHED_LOCALS_MAX);
        assert!(table(5000, 2000).unwrap_err().contains("its 5000 branches"));
    }

    #[test]
    fn many_functions_are_too_much_together() {
        let one = Weight { items: 3, looped_locals: LOOPED_LOCALS_MAX, branched_locals: BRANCHED_LOCALS_MAX };
        let all = (0..1000).fold(Weight::default(), |all, _| all.and(one));
        assert!(one.check().is_ok() && all.check().is_err() && all.is_large());
        let branched = Weight { looped_locals: 0, ..all };
        assert!(branched.check().unwrap_err().contains("the branches"));
    }

    #[test]
    fn what_is_damaged_or_too_much_is_read_no_further() {
        let whole = wat::parse_str(function(10, "loop br 0 end")).unwrap();
        for end in 0..whole.len() {
            let _ = Weight::of_module(&whole[..end]);
        }
        assert_eq!(Weight::of_module(&[0xff; 100]), Ok(Weight::default()));
        // A section that says that it has more than there are bytes.
        let types = [b"\0asm\x01\0\0\0".as_slice(), &[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(Weight::of_module(&types).unwrap().items > MODULE_ITEMS_MAX);
    }
}
