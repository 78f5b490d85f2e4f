//! What a module takes to compile, seen before it is: how many things the compiler keeps something for, and how its functions are made.
//!
//! This is a guess, and no bound on what the compiler takes: it keeps out what was seen to take gigabytes, and not what nobody has seen yet.
//!
//! A local that is set in a loop, or goes through a branch, is another value after it, and the compiler keeps each: a function of a few
//! kilobytes with many locals, and loops inside one another or a table of branches, takes gigabytes and minutes. The product of the two
//! says so beforehand, in time of the module's length. (Measured: 1000 locals in 150 loops inside one another, in ten kilobytes, take 39
//! seconds; 3000 through a table of 10,000 branches two gigabytes. In what honest compilers give, the largest of all functions has a
//! hundredth of that.)

use wasmparser::{BinaryReaderError, BlockType, CompositeInnerType, FunctionBody, Operator, Parser, Payload};

use super::module_error::ModuleError;
use crate::types::limits::{
    BLOCK_VALUE_WEIGHT, BRANCHED_LOCALS_MAX, LOOPED_LOCALS_MAX, MODULE_BRANCHED_LOCALS_MAX, MODULE_ITEMS_MAX,
    MODULE_LOOPED_LOCALS_MAX, NESTED_LOOPS_MAX, SMALL_MODULE_BRANCHED_LOCALS, SMALL_MODULE_ITEMS,
    SMALL_MODULE_LOOPED_LOCALS, TYPE_VALUES_MAX,
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

    /// Of a core module.
    ///
    /// # Errors
    /// It has a function that takes too much, or it is damaged: what nobody can read has no weight.
    pub fn of_module(bytes: &[u8]) -> Result<Self, ModuleError> {
        let mut scale = Scale::default();
        for payload in Parser::new(0).parse_all(bytes) {
            if !scale.add(payload.map_err(damaged)?)? {
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
    pub fn check(&self) -> Result<(), ModuleError> {
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
    /// Of each type of functions, its parameters and its results.
    types: Vec<[u32; 2]>,
    /// The types of its functions, in their order.
    functions: Vec<u32>,
    /// Of these, how many were seen.
    seen: usize,
}

impl Scale {
    /// False where there is no use in going on: there is too much of something already.
    fn add(&mut self, payload: Payload<'_>) -> Result<bool, ModuleError> {
        match payload {
            Payload::TypeSection(types) if self.counts(types.count()) => self.add_types(types)?,
            Payload::FunctionSection(functions) if self.counts(functions.count()) => {
                self.functions = functions.into_iter().collect::<Result<_, _>>().map_err(damaged)?;
            }
            Payload::ExportSection(exports) if self.counts(exports.count()) => {}
            Payload::TypeSection(_) | Payload::FunctionSection(_) | Payload::ExportSection(_) => return Ok(false),
            Payload::CodeSectionEntry(body) => self.add_function(&body)?,
            _ => {}
        }
        Ok(true)
    }

    /// Counts so many, before any of them is read; false if they are too many to be.
    fn counts(&mut self, items: u32) -> bool {
        self.weight.items = self.weight.items.saturating_add(items as usize);
        self.weight.items <= MODULE_ITEMS_MAX
    }

    fn add_types(&mut self, types: wasmparser::TypeSectionReader<'_>) -> Result<(), ModuleError> {
        for group in types {
            for ty in group.map_err(damaged)?.types() {
                let values = match &ty.composite_type.inner {
                    CompositeInnerType::Func(function) => [function.params().len(), function.results().len()],
                    _ => [0, 0],
                };
                let all = values.iter().sum::<usize>();
                no_more(
                    "the parameters and results of one of its types of functions",
                    [all as u64, TYPE_VALUES_MAX as u64],
                )?;
                self.types.push(values.map(|count| count as u32));
            }
        }
        Ok(())
    }

    fn add_function(&mut self, body: &FunctionBody<'_>) -> Result<(), ModuleError> {
        let ty = self.functions.get(self.seen).and_then(|ty| self.types.get(*ty as usize));
        self.seen += 1;
        let Some([parameters, _]) = ty.copied() else {
            return Err(ModuleError::Invalid(format!("function {} has no type", self.seen)));
        };
        let shape = Shape::of(body, u64::from(parameters), &self.types).map_err(damaged)?;
        let Shape { locals, loops, branches, values } = shape;
        let looped = locals.saturating_mul(loops);
        let branched = locals.saturating_mul(branches).saturating_add(values.saturating_mul(BLOCK_VALUE_WEIGHT));
        let of = format!("of function {} (of those in its code)", self.seen);
        no_more(format!("the loops and ifs inside one another {of}"), [loops, NESTED_LOOPS_MAX])?;
        no_more(
            format!("the {locals} locals {of} times its {loops} loops and ifs inside one another"),
            [looped, LOOPED_LOCALS_MAX],
        )?;
        no_more(
            format!(
                "the {locals} locals {of} times its {branches} branches, with the values of its blocks and its copies of memory"
            ),
            [branched, BRANCHED_LOCALS_MAX],
        )?;
        self.weight = self.weight.and(Weight { items: 0, looped_locals: looped, branched_locals: branched });
        Ok(())
    }
}

/// How a function is made.
struct Shape {
    /// Parameters included.
    locals: u64,
    /// And `if`s, those that are inside one another.
    loops: u64,
    /// Each place that a table names is one, and so is each `if`.
    branches: u64,
    /// That go into blocks and out of them, beside the first of each; and copies of memory, which take as much.
    values: u64,
}

impl Shape {
    fn of(body: &FunctionBody<'_>, parameters: u64, types: &[[u32; 2]]) -> Result<Self, BinaryReaderError> {
        let mut shape = Shape { locals: parameters, loops: 0, branches: 0, values: 0 };
        for group in body.get_locals_reader()? {
            shape.locals = shape.locals.saturating_add(u64::from(group?.0));
        }
        // Of each block that is open, whether it is a loop or an `if`.
        let mut open = Vec::new();
        let mut loops = 0;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::Loop { blockty } | Operator::If { blockty } => {
                    open.push(true);
                    loops += 1;
                    shape.loops = shape.loops.max(loops);
                    shape.branches += 1;
                    shape.values += values(blockty, types);
                }
                Operator::Block { blockty } => {
                    open.push(false);
                    shape.values += values(blockty, types);
                }
                Operator::TryTable { .. } | Operator::Try { .. } => open.push(false),
                Operator::End if open.pop() == Some(true) => loops -= 1,
                Operator::Br { .. } | Operator::BrIf { .. } | Operator::Return => shape.branches += 1,
                Operator::MemoryCopy { .. }
                | Operator::MemoryFill { .. }
                | Operator::MemoryInit { .. }
                | Operator::TableCopy { .. }
                | Operator::TableFill { .. }
                | Operator::TableInit { .. } => shape.values += 1,
                Operator::BrTable { targets } => {
                    let named = u64::from(targets.len());
                    // And the one for all other numbers.
                    shape.branches += named + 1;
                }
                _ => {}
            }
        }
        Ok(shape)
    }
}

/// The values that go into a block of this type, and out of it, beside the first.
fn values(ty: BlockType, types: &[[u32; 2]]) -> u64 {
    match ty {
        BlockType::Empty | BlockType::Type(_) => 0,
        BlockType::FuncType(ty) => {
            let all = types.get(ty as usize).map_or(0, |values| u64::from(values[0]) + u64::from(values[1]));
            all.saturating_sub(1)
        }
    }
}

fn damaged(error: BinaryReaderError) -> ModuleError {
    ModuleError::Invalid(error.to_string())
}

fn no_more(what: impl std::fmt::Display, [is, max]: [u64; 2]) -> Result<(), ModuleError> {
    match is > max {
        true => Err(ModuleError::TooComplex(format!("{what}, are {is}: at most {max}"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(text: &str) -> Result<Weight, String> {
        Weight::of_module(&wat::parse_str(text).unwrap()).map_err(|error| error.to_string())
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
        assert_eq!((weight.looped_locals, weight.branched_locals), (10 * 2, 10 * (3 + 2 + 3)));
    }

    #[test]
    fn functions_of_a_few_kilobytes_that_take_gigabytes_are_refused() {
        let deep = |loops: usize, locals: usize| {
            weight(&function(locals, &format!("{}{}", "loop ".repeat(loops), "local.get 0 br_if 0 end ".repeat(loops))))
        };
        assert_eq!(deep(20, 1000).unwrap().looped_locals, LOOPED_LOCALS_MAX);
        let refused = deep(150, 1000).unwrap_err();
        assert!(
            refused.contains("the 1000 locals of function 1") && refused.contains("150 loops and ifs")
                || refused.contains("inside one another"),
            "{refused}"
        );
        let table = |targets: usize, locals: usize| {
            weight(&function(locals, &format!("local.get 0 br_table {}", "0 ".repeat(targets))))
        };
        assert_eq!(table(1000, 1000).unwrap().branched_locals, BRANCHED_LOCALS_MAX);
        assert!(table(5000, 2000).unwrap_err().contains("its 5000 branches"));
        let values = |count: usize| {
            let list = "i32 ".repeat(count);
            let consts = "i32.const 0 ".repeat(count);
            let drops = "drop ".repeat(count);
            weight(&format!("(module (func {consts} (block (param {list}) (result {list})) {drops}))"))
        };
        assert_eq!(values(50).unwrap().branched_locals, 99 * BLOCK_VALUE_WEIGHT);
        assert!(values(51).unwrap_err().contains("parameters and results"));
        let copies = |count: u64| {
            let copy = "local.get 0 local.get 0 local.get 0 memory.copy ".repeat(count as usize);
            weight(&format!("(module (memory 1) (func (param i32) {copy}))"))
        };
        let most = BRANCHED_LOCALS_MAX / BLOCK_VALUE_WEIGHT;
        assert!(copies(most).is_ok() && copies(most + 1).is_err());
        let ifs = |count: usize| {
            weight(&function(2, &format!("{}{}", "local.get 0 if ".repeat(count), "end ".repeat(count))))
        };
        assert!(ifs(NESTED_LOOPS_MAX as usize).is_ok() && ifs(NESTED_LOOPS_MAX as usize + 1).is_err());
    }

    #[test]
    fn blocks_of_every_sort_end_where_they_end() {
        for code in ["try_table end", "try_table br 0 end", "block end", "block try_table end end"] {
            let inside = format!("{code} loop {code} end {code} loop loop {code} end end");
            assert_eq!(weight(&function(10, &inside)).unwrap().looped_locals, 20, "{code}");
        }
    }

    #[test]
    fn many_functions_are_too_much_together() {
        let one = Weight { items: 3, looped_locals: LOOPED_LOCALS_MAX, branched_locals: BRANCHED_LOCALS_MAX };
        let all = (0..1000).fold(Weight::default(), |all, _| all.and(one));
        assert!(one.check().is_ok() && all.check().is_err() && all.is_large());
        let branched = Weight { looped_locals: 0, ..all };
        assert!(branched.check().unwrap_err().to_string().contains("the branches"));
    }

    #[test]
    fn what_is_damaged_is_refused_and_not_passed_over() {
        let whole = wat::parse_str(function(10, "loop br 0 end")).unwrap();
        assert!(Weight::of_module(&whole).is_ok());
        for end in 9..whole.len() {
            let _ = Weight::of_module(&whole[..end]);
        }
        // An operator that is none, in a function before others.
        let mut damaged = whole.clone();
        let place = damaged.len() - 2;
        damaged[place] = 0xff;
        assert!(matches!(Weight::of_module(&damaged), Err(ModuleError::Invalid(_))));
        // A section that says that it has more than there are bytes.
        let types = [b"\0asm\x01\0\0\0".as_slice(), &[1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(Weight::of_module(&types).unwrap().items > MODULE_ITEMS_MAX);
    }
}
