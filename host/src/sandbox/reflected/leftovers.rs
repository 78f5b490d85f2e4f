//! Exports that tools leave in a component, and that nobody means to call.
//!
//! Componentizers run a component once, up to a function of their own, and keep its memory as it is then. That function stays in the
//! component, where a second call would undo what it did.

use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentInstance, ComponentItem};

/// What Wizer calls, and by it componentize-js and all that is made with StarlingMonkey: `wizer-initialize: func()`.
const WIZER: &str = "wizer-initialize";
/// What StarlingMonkey calls beside it. Only there is it no name of the user's.
const STARLING: &str = "init";
/// The world `componentize-py:init/init` exports this interface, with one function that takes the application's name first.
const PYTHON: (&str, &str, &str) = ("exports", "init", "app-name");
/// All that is in a package of this name.
const PYTHON_PACKAGE: &str = "componentize-py:";

/// Is it a function at the top that tools left?
pub fn is_function(name: &str, ty: &Component, engine: &Engine) -> bool {
    name == WIZER || (name == STARLING && ty.get_export(engine, WIZER).is_some())
}

/// Is it an interface that tools left? Those of WASI are how the component is run, and not what it offers.
pub fn is_interface(name: &str, interface: &ComponentInstance, engine: &Engine) -> bool {
    name.starts_with("wasi:") || name.starts_with(PYTHON_PACKAGE) || is_of_python(name, interface, engine)
}

fn is_of_python(name: &str, interface: &ComponentInstance, engine: &Engine) -> bool {
    let (exports, init, first) = PYTHON;
    let is_init = |item| match item {
        ComponentItem::ComponentFunc(function) => function.params().next().is_some_and(|(name, _)| name == first),
        _ => false,
    };
    name == exports && interface.get_export(engine, init).is_some_and(|found| is_init(found.ty))
}
