//! The tasks and actors of the module `shapes`, called as if they were here. They run where `module:shapes` is granted, as
//! by `--with shapes.wasm`.
//!
//! Written by `rustyray-host stubs`; do not edit. @generated

::rustyray::stub! {
    fn area(width: u32, its_height: u32) -> ::rustyray::ObjectRef<u32> = "shapes:area";
}

::rustyray::stub! {
    fn corner() -> ::rustyray::ObjectRef<CornerResult> = "shapes:corner";
}

::rustyray::stub! {
    fn turn_about(at: CornerResult, to: TurnAboutTo) -> ::rustyray::ObjectRef<CornerResult> = "shapes:turn-about";
}

#[derive(Clone, Debug, PartialEq, ::rustyray::serde::Serialize, ::rustyray::serde::Deserialize)]
#[serde(crate = "::rustyray::serde")]
#[allow(dead_code)]
pub struct CornerResult {
    pub x: i32,
    pub y: i32,
}

#[derive(Clone, Debug, PartialEq, ::rustyray::serde::Serialize, ::rustyray::serde::Deserialize)]
#[serde(crate = "::rustyray::serde")]
#[allow(dead_code)]
pub enum TurnAboutTo {
    Left,
    Right,
}
